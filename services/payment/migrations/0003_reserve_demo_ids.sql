-- Ids 1 to 5000 belong to the demo data (demo_data.sql), which can then be loaded beside the payments that clients have made. The
-- sequence only moves forward, because another replica may be creating payments at the same time.
SELECT setval(pg_get_serial_sequence('payments', 'id'), 5000) FROM payments_id_seq WHERE last_value < 5000;
