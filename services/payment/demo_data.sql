-- A payment for each of the order service's 5,000 demo orders that was charged or refused, with the order's id; the same every time.
-- The databases are separate, so the ids 1 to 5000 of orders and payments are reserved for the demo data (migrations 0003), and the
-- order's user and total follow from its id alone, as in services/order/demo_data.sql. A test compares the two files' results.
-- Loaded once: if one of the payments exists, none is added.
WITH demo_orders AS (
  SELECT n AS order_id,
         sum((1 + (n + l) % 3) * (499 + ((1 + (n * 13 + l * 7) % 40) * 2719) % 195 * 100)) AS total_minor
  FROM generate_series(1, 5000) AS n
  CROSS JOIN LATERAL generate_series(0, n % 3) AS l
  WHERE n % 20 > 1
  GROUP BY n
)
INSERT INTO payments (id, reservation_id, order_id, user_id, state, amount_minor, currency, provider_reference, failure_reason,
                      created_at, updated_at)
SELECT order_id,
       -- As in services/order/demo_data.sql.
       format('00000000-0000-4000-8000-%s', lpad(to_hex(order_id), 12, '0'))::uuid,
       order_id,
       1 + (order_id * 37) % 1000,
       CASE WHEN order_id % 20 = 2 THEN 'FAILED' ELSE 'CAPTURED' END,
       total_minor,
       'EUR',
       CASE WHEN order_id % 20 = 2 THEN NULL ELSE format('sim_demo_%s', order_id) END,
       CASE WHEN order_id % 20 = 2 THEN 'card_declined' END,
       timestamptz '2026-02-01 00:01:00+00' + order_id * interval '10 minutes',
       timestamptz '2026-02-01 00:01:00+00' + order_id * interval '10 minutes'
FROM demo_orders
WHERE NOT EXISTS (SELECT FROM payments WHERE id <= 5000);

-- What the simulated provider has of them in its books, so that they can be given back.
INSERT INTO simulated_provider_charges (reference, provider_reference, approved, decline_reason, amount_minor, currency, created_at,
                                        settles_at)
SELECT reservation_id, format('sim_demo_%s', id), state = 'CAPTURED', coalesce(failure_reason, ''), amount_minor, currency, created_at,
       created_at
FROM payments
WHERE id <= 5000 AND reservation_id IS NOT NULL
ON CONFLICT DO NOTHING;

ANALYZE payments;
