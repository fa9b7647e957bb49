-- 1,000 users with ids 1 to 1000, the same every time; only into an empty table. The sequence is moved only with them: another
-- replica may be making users meanwhile, and the id of a deleted one must not come back.
WITH word AS (
  SELECT ARRAY['Ada', 'Alan', 'Barbara', 'Claude', 'Donald', 'Edsger', 'Frances', 'Grace', 'Hedy', 'Ivan',
               'John', 'Katherine', 'Leslie', 'Margaret', 'Niklaus', 'Ole', 'Radia', 'Shafi', 'Tony', 'Vint'] AS given,
         ARRAY['Almeida', 'Berger', 'Costa', 'Dupont', 'Eriksen', 'Fischer', 'Garcia', 'Hansen', 'Ivanova', 'Jansen',
               'Kowalski', 'Lindqvist', 'Moreau', 'Novak', 'Okafor', 'Petrov', 'Quist', 'Rossi', 'Silva', 'Tanaka'] AS family
), seeded AS (
INSERT INTO users (id, email, name, created_at, updated_at)
SELECT n,
       format('user%s@example.com', n),
       word.given[1 + n % 20] || ' ' || word.family[1 + (n / 20) % 20],
       timestamptz '2026-01-01 00:00:00+00' + n * interval '1 hour',
       timestamptz '2026-01-01 00:00:00+00' + n * interval '1 hour'
FROM word, generate_series(1, 1000) AS n
WHERE NOT EXISTS (SELECT FROM users)
RETURNING id
)
SELECT setval(pg_get_serial_sequence('users', 'id'), max(id)) FROM seeded HAVING count(*) > 0;
ANALYZE users;
