-- 40 products, and 5,000 orders of users 1 to 1000 (five each) with one to three lines; the same every time, with the ids that
-- migration 0003 reserves for them, so that the sequences stay as they are. Loaded once: if one of the products or orders exists,
-- none is added. Order n's user, state, lines and total follow from n alone, whatever else is in the tables: the payment service's
-- demo data relies on that, and a test compares the two files' results.
WITH name AS (
  SELECT ARRAY['Desk lamp', 'Notebook', 'Fountain pen', 'Backpack', 'Water bottle', 'Headphones', 'Keyboard', 'Mouse',
               'Monitor arm', 'USB hub', 'Coffee mug', 'Tea pot', 'French press', 'Chef knife', 'Cutting board',
               'Cast iron pan', 'Rain jacket', 'Wool socks', 'Running shoes', 'Sunglasses', 'Wall clock', 'Alarm clock',
               'Bookshelf', 'Armchair', 'Floor rug', 'Plant pot', 'Watering can', 'Garden shears', 'Bicycle bell',
               'Bicycle lock', 'Tent', 'Sleeping bag', 'Camping stove', 'Torch', 'Compass', 'Chess set', 'Playing cards',
               'Puzzle', 'Yoga mat', 'Jump rope'] AS names
)
INSERT INTO products (id, name, price_minor, currency, created_at)
SELECT n, name.names[n], 499 + (n * 2719) % 195 * 100, 'EUR', timestamptz '2026-01-01 00:00:00+00' + n * interval '1 minute'
FROM name, generate_series(1, 40) AS n
WHERE NOT EXISTS (SELECT FROM products WHERE id <= 40);

CREATE TEMPORARY TABLE demo_lines ON COMMIT DROP AS
SELECT n AS order_id, l + 1 AS line, p.id AS product_id, p.name AS product_name, 1 + (n + l) % 3 AS quantity,
       499 + (p.id * 2719) % 195 * 100 AS unit_price_minor
FROM generate_series(1, 5000) AS n
CROSS JOIN LATERAL generate_series(0, n % 3) AS l
JOIN products AS p ON p.id = 1 + (n * 13 + l * 7) % 40
WHERE NOT EXISTS (SELECT FROM orders WHERE id <= 5000);

INSERT INTO orders (id, user_id, state, total_minor, currency, created_at, updated_at)
SELECT order_id,
       1 + (order_id * 37) % 1000,
       CASE WHEN order_id % 20 = 0 THEN 'PENDING'
            WHEN order_id % 20 = 1 THEN 'CANCELLED'
            WHEN order_id % 20 = 2 THEN 'PAYMENT_FAILED'
            WHEN order_id % 20 < 10 THEN 'FULFILLED'
            ELSE 'PAID' END,
       sum(quantity * unit_price_minor),
       'EUR',
       timestamptz '2026-02-01 00:00:00+00' + order_id * interval '10 minutes',
       timestamptz '2026-02-01 00:00:00+00' + order_id * interval '10 minutes'
FROM demo_lines
GROUP BY order_id;

INSERT INTO order_items (order_id, line, product_id, product_name, quantity, unit_price_minor)
SELECT order_id, line, product_id, product_name, quantity, unit_price_minor FROM demo_lines;

-- What the orders that were charged or refused were reserved with; its id follows from the order's, as in the payment service's file.
INSERT INTO payment_reservations (id, order_id, outcome, settle_at, created_at, ended_at)
SELECT format('00000000-0000-4000-8000-%s', lpad(to_hex(id), 12, '0'))::uuid,
       id,
       CASE state WHEN 'PAYMENT_FAILED' THEN 'FAILED' ELSE 'CAPTURED' END,
       created_at,
       created_at,
       created_at + interval '1 minute'
FROM orders
WHERE id IN (SELECT order_id FROM demo_lines) AND state IN ('PAYMENT_FAILED', 'PAID', 'FULFILLED');

ANALYZE products, orders, order_items, payment_reservations;
