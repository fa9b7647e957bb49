-- Ids 1 to 1000 belong to the demo data (demo_data.sql), which can then be loaded beside the users that clients have created. The
-- sequence only moves forward, because another replica may be creating users at the same time.
SELECT setval(pg_get_serial_sequence('users', 'id'), 1000) FROM users_id_seq WHERE last_value < 1000;
