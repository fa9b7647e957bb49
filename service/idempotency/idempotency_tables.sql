-- What calls with an idempotency key were answered (service/idempotency). The same in every service's database that has it.

-- One row for each key, from the transaction of what the call has created, for a day.
CREATE TABLE idempotency_keys (
  -- Whose key it is: keys of different principals never meet.
  principal text NOT NULL,
  -- The RPC.
  route text NOT NULL,
  key text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 200),
  -- Of what was asked for.
  fingerprint text NOT NULL,
  -- The answer as JSON; none after what was created has been deleted.
  answer text,
  -- The id of what was created.
  created_id bigint,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys(created_at);
CREATE INDEX idempotency_keys_created_id_idx ON idempotency_keys(route, created_id);
