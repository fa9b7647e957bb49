-- Reservations: the right to charge for an order, once (services/order/reservation_repository.h).
ALTER TABLE orders DROP CONSTRAINT orders_state_check;
ALTER TABLE orders ADD CONSTRAINT orders_state_check
  CHECK (state IN ('PENDING', 'RESERVED', 'PAYMENT_FAILED', 'PAID', 'FULFILLED', 'REFUNDING', 'CANCELLED'));

CREATE TABLE payment_reservations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  order_id bigint NOT NULL REFERENCES orders,
  -- Whose key asked for it, and for what: until it has ended, and a day longer.
  principal text,
  idempotency_key text CHECK (char_length(idempotency_key) BETWEEN 1 AND 200),
  fingerprint text,
  -- What became of the charge; none while that is not decided.
  outcome text CHECK (outcome IN ('CAPTURED', 'FAILED')),
  -- When it was made, or the payment service was asked about it last.
  settle_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  UNIQUE (principal, idempotency_key),
  CHECK ((outcome IS NULL) = (ended_at IS NULL)),
  CHECK (outcome IS NOT NULL OR (principal IS NOT NULL AND idempotency_key IS NOT NULL AND fingerprint IS NOT NULL))
);

-- Of an order one at a time, and one in all that was captured: an order that was paid is never paid again, also not when it was
-- refunded.
CREATE UNIQUE INDEX payment_reservations_live_key ON payment_reservations (order_id) WHERE outcome IS NULL;
CREATE UNIQUE INDEX payment_reservations_captured_key ON payment_reservations (order_id) WHERE outcome = 'CAPTURED';
CREATE INDEX payment_reservations_settle_at_idx ON payment_reservations (settle_at) WHERE outcome IS NULL;
CREATE INDEX payment_reservations_ended_at_idx ON payment_reservations (ended_at) WHERE idempotency_key IS NOT NULL;

-- Keys of creations are in idempotency_keys now. The columns stay until no replica of the version before writes them.
COMMENT ON COLUMN orders.creation_key IS 'unused, see idempotency_keys';
