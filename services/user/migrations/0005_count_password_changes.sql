-- How often the password was changed. A hash that is made anew for the same password is no change: logins that were verified against
-- the old one go on.
ALTER TABLE credentials ADD COLUMN changes bigint NOT NULL DEFAULT 0;
