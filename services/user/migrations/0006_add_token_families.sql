-- SHA-256 of what the refresh tokens of a session have in common: a token that was used before has it, one that was never made has
-- not. None for a session that began before this migration, until its next refresh.
ALTER TABLE sessions ADD COLUMN family_hash bytea CHECK (octet_length(family_hash) = 32);
