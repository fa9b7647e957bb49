-- The simulated provider's own books. A real provider remembers its charges when this service crashes, and so must a simulated
-- one. Nothing but the simulated provider reads or writes this table, except for who checks that no charge is doubled.
CREATE TABLE simulated_provider_charges (
  reference text PRIMARY KEY,
  provider_reference text NOT NULL UNIQUE,
  approved boolean NOT NULL,
  decline_reason text NOT NULL DEFAULT '',
  amount_minor bigint NOT NULL,
  currency text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
