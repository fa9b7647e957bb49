-- Of what a payment's key names beside what the order service sees: with another payload the key is refused.
ALTER TABLE payment_reservations ADD COLUMN payload_checksum bigint;
