-- A payment for each of the order service's 5,000 demo orders that was charged or refused; the same every time, only into an empty
-- table. Who ordered and the total follow from the order's number alone, as in services/order/demo_data.sql, which a test holds
-- against this file.
WITH demo_orders AS (
  SELECT n AS order_id,
         sum((1 + (n + l) % 3) * (499 + ((1 + (n * 13 + l * 7) % 40) * 2719) % 195 * 100)) AS total_minor
  FROM generate_series(1, 5000) AS n
  CROSS JOIN LATERAL generate_series(0, n % 3) AS l
  WHERE n % 20 > 1
  GROUP BY n
)
INSERT INTO payments (order_id, user_id, state, amount_minor, currency, provider_reference, failure_reason,
                      created_at, updated_at)
SELECT order_id,
       1 + (order_id * 37) % 1000,
       CASE WHEN order_id % 20 = 2 THEN 'FAILED' ELSE 'CAPTURED' END,
       total_minor,
       'EUR',
       CASE WHEN order_id % 20 = 2 THEN NULL ELSE format('sim_demo_%s', order_id) END,
       CASE WHEN order_id % 20 = 2 THEN 'card_declined' END,
       timestamptz '2026-02-01 00:01:00+00' + order_id * interval '10 minutes',
       timestamptz '2026-02-01 00:01:00+00' + order_id * interval '10 minutes'
FROM demo_orders
WHERE NOT EXISTS (SELECT FROM payments)
ORDER BY order_id;

ANALYZE payments;
