-- What a user may do, how a user logs in, and what is logged in.
ALTER TABLE users ADD COLUMN role text NOT NULL DEFAULT 'customer' CHECK (role IN ('customer', 'admin'));
CREATE INDEX users_admins_idx ON users (id) WHERE role = 'admin';

CREATE TABLE credentials (
  user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  -- As libsodium writes it, with its parameters and its salt: "$argon2id$v=19$m=...".
  password_hash text NOT NULL CHECK (octet_length(password_hash) BETWEEN 1 AND 128),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- One row for each login, until a day after its end. It does not refer to its user, whom it outlives: the end of a deleted user's
-- sessions has to be known to the gateways.
CREATE TABLE sessions (
  id uuid PRIMARY KEY,
  user_id bigint NOT NULL,
  -- SHA-256 of the newest refresh token, and of the one before it, which may be used once more for 10 s after rotated_at.
  refresh_hash bytea NOT NULL CHECK (octet_length(refresh_hash) = 32),
  previous_refresh_hash bytea CHECK (octet_length(previous_refresh_hash) = 32),
  rotated_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  -- Whether redis-state has acknowledged the end (revoked_at).
  published boolean NOT NULL DEFAULT false,
  CHECK ((previous_refresh_hash IS NULL) = (rotated_at IS NULL)),
  CHECK (revoked_at IS NOT NULL OR NOT published)
);

-- A user's sessions, oldest first: those that have not been ended, and those whose end is not published.
CREATE INDEX sessions_user_idx ON sessions (user_id, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_user_unpublished_idx ON sessions (user_id) WHERE revoked_at IS NOT NULL AND NOT published;
CREATE INDEX sessions_unpublished_idx ON sessions (revoked_at, id) WHERE revoked_at IS NOT NULL AND NOT published;
CREATE INDEX sessions_revoked_idx ON sessions (revoked_at, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_expired_idx ON sessions (expires_at) WHERE revoked_at IS NULL;
