-- Products 1 to 40 and orders 1 to 5000 belong to the demo data (demo_data.sql), which can then be loaded beside what clients have
-- created. The sequences only move forward, because another replica may be creating rows at the same time.
SELECT setval(pg_get_serial_sequence('products', 'id'), 40) FROM products_id_seq WHERE last_value < 40;
SELECT setval(pg_get_serial_sequence('orders', 'id'), 5000) FROM orders_id_seq WHERE last_value < 5000;
