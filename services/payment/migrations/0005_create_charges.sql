-- Charges for reservations (services/payment/charge_repository.h), and refunds (refund_repository.h).
ALTER TABLE payments ADD COLUMN reservation_id uuid UNIQUE;
-- One live payment for each order. Payments from before there were reservations may be more than one.
CREATE UNIQUE INDEX payments_live_order_key ON payments (order_id)
  WHERE reservation_id IS NOT NULL AND state IN ('AUTHORIZED', 'CAPTURED');

-- One row for each reservation that this service knows: until when a call works on its charge, and what the caller is answered. It is
-- committed with the AUTHORIZED payment, before the provider is asked, so that a crash leaves a trace.
CREATE TABLE charges (
  reservation_id uuid PRIMARY KEY,
  -- Of what is charged. None: the order service has ended the reservation before there was a payment, and there will be none.
  fingerprint text,
  lease_until timestamptz,
  -- From when on the sweeper asks the provider, if it is not decided.
  settle_at timestamptz,
  decided_at timestamptz,
  -- CreatePaymentResponse as JSON, for a day.
  answer text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((fingerprint IS NULL) = (lease_until IS NULL) AND (fingerprint IS NULL) = (settle_at IS NULL))
);
CREATE INDEX charges_settle_at_idx ON charges (settle_at) WHERE decided_at IS NULL AND fingerprint IS NOT NULL;
CREATE INDEX charges_decided_at_idx ON charges (decided_at) WHERE answer IS NOT NULL;

-- What is to be given back. The id is the reference under which the provider gives it back once.
CREATE TABLE refunds (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  payment_id bigint NOT NULL UNIQUE REFERENCES payments,
  state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'DONE', 'REFUSED')),
  refusal text,
  -- When the provider is asked, and asked again.
  next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  CHECK ((state = 'PENDING') = (ended_at IS NULL)),
  CHECK ((state = 'REFUSED') = (refusal IS NOT NULL))
);
CREATE INDEX refunds_next_at_idx ON refunds (next_at) WHERE state = 'PENDING';
CREATE INDEX refunds_refused_idx ON refunds (id) WHERE state = 'REFUSED';

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
