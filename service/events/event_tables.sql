-- Events of this service on their way to others, and what it has done with the others' events (service/events). The same in every
-- service's database.

-- One row for each event, from the transaction of the change until every group of consumers has acknowledged it. The order of the
-- ids is that of the commits among the events of one aggregate, whose row the transaction has locked.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY (MAXVALUE 9007199254740991),
  event_id uuid NOT NULL DEFAULT gen_random_uuid(),
  kind text NOT NULL,
  aggregate_id bigint NOT NULL,
  type text NOT NULL CHECK (split_part(type, '.', 1) = kind AND octet_length(type) <= 64),
  payload text NOT NULL CHECK (octet_length(payload) <= 4096),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Of its entry in the stream's present incarnation; none: not published there.
  number bigint,
  PRIMARY KEY (kind, aggregate_id, id)
);
CREATE INDEX outbox_unpublished_idx ON outbox (id) WHERE number IS NULL;
CREATE INDEX outbox_published_idx ON outbox (kind, number) WHERE number IS NOT NULL;
-- Rows live for a second: without this, scans would wade through dead ones.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
                        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000);

-- Numbers of entries, for all streams of this database.
CREATE SEQUENCE outbox_numbers MAXVALUE 9007199254740991;

CREATE TABLE outbox_streams (
  kind text PRIMARY KEY,
  incarnation text NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT now()
);

-- The last event of each aggregate that was handled. Written in the transaction of the effect.
CREATE TABLE inbox (
  consumer text NOT NULL,
  kind text NOT NULL,
  aggregate_id bigint NOT NULL,
  sequence bigint NOT NULL,
  PRIMARY KEY (consumer, kind, aggregate_id)
);

-- Events that failed and will be tried again.
CREATE TABLE inbox_failures (
  consumer text NOT NULL,
  event_id uuid NOT NULL,
  attempts integer NOT NULL,
  retry_at timestamptz NOT NULL,
  error text NOT NULL,
  PRIMARY KEY (consumer, event_id)
);

-- Entries that were given up, as they were read.
CREATE TABLE dead_letters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer text NOT NULL,
  stream text NOT NULL,
  entry_id text NOT NULL,
  fields json NOT NULL,
  type text NOT NULL,
  attempts integer NOT NULL,
  error text NOT NULL,
  died_at timestamptz NOT NULL DEFAULT now(),
  -- Set by an operator: the consumer tries it once more.
  redrive_at timestamptz,
  UNIQUE (consumer, stream, entry_id)
);
CREATE INDEX dead_letters_redrive_idx ON dead_letters (consumer, redrive_at) WHERE redrive_at IS NOT NULL;
