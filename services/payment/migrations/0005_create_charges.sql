-- Charges for reservations (services/payment/charge_repository.h), and refunds (refund_repository.h).
ALTER TABLE payments ADD COLUMN reservation_id uuid UNIQUE;
-- One live payment for each order. Payments from before there were reservations may be more than one.
CREATE UNIQUE INDEX payments_live_order_key ON payments (order_id)
  WHERE reservation_id IS NOT NULL AND state IN ('AUTHORIZED', 'CAPTURED');

-- One row for each reservation that this service knows: who works on its charge, until when, and what the caller was answered. It is
-- committed with the AUTHORIZED payment, before the provider is asked, so that a crash leaves a trace.
CREATE TABLE charges (
  reservation_id uuid PRIMARY KEY,
  -- Of the payment method. None: the order service has ended the reservation before a payment was made, and none will be.
  fingerprint text,
  -- Who works on it; a call or sweeper that lost the lease finds another token here and must not write.
  lease_token uuid,
  lease_until timestamptz,
  -- How often the sweeper has asked the provider, and when it asks next.
  tries integer NOT NULL DEFAULT 0,
  settle_at timestamptz,
  decided_at timestamptz,
  -- What the call was answered, as JSON, for a day.
  answer text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((fingerprint IS NULL) = (lease_token IS NULL) AND (lease_token IS NULL) = (lease_until IS NULL))
);
CREATE INDEX charges_settle_at_idx ON charges (settle_at) WHERE decided_at IS NULL AND fingerprint IS NOT NULL;
CREATE INDEX charges_decided_at_idx ON charges (decided_at) WHERE answer IS NOT NULL;

-- What is to be given back. The id is the reference under which the provider gives it back once.
CREATE TABLE refunds (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  payment_id bigint NOT NULL UNIQUE REFERENCES payments,
  state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'DONE', 'REFUSED')),
  refusal text,
  tries integer NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  lease_token uuid,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  CHECK ((state = 'PENDING') = (ended_at IS NULL)),
  CHECK ((state = 'REFUSED') = (refusal IS NOT NULL))
);
CREATE INDEX refunds_next_at_idx ON refunds (next_at) WHERE state = 'PENDING';

-- The simulated provider's books: a charge that settles later, one that was voided before it was made, and refunds.
ALTER TABLE simulated_provider_charges ADD COLUMN settles_at timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE TABLE simulated_provider_refunds (
  reference text PRIMARY KEY,
  provider_reference text NOT NULL UNIQUE,
  amount_minor bigint NOT NULL,
  currency text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
-- Payments that were captured without the provider (demo data of older releases) can be given back too.
INSERT INTO simulated_provider_charges (reference, provider_reference, approved, amount_minor, currency, created_at)
SELECT provider_reference, provider_reference, true, amount_minor, currency, created_at FROM payments
WHERE provider_reference IS NOT NULL
ON CONFLICT DO NOTHING;
