-- 1,000 users, the same every time, with the ids that migration 0002 reserves for them, so that the sequence stays as it is. Loaded
-- once: if one of them exists, nothing is changed. A client that has taken one of the addresses keeps it.
WITH word AS (
  SELECT ARRAY['Ada', 'Alan', 'Barbara', 'Claude', 'Donald', 'Edsger', 'Frances', 'Grace', 'Hedy', 'Ivan',
               'John', 'Katherine', 'Leslie', 'Margaret', 'Niklaus', 'Ole', 'Radia', 'Shafi', 'Tony', 'Vint'] AS given,
         ARRAY['Almeida', 'Berger', 'Costa', 'Dupont', 'Eriksen', 'Fischer', 'Garcia', 'Hansen', 'Ivanova', 'Jansen',
               'Kowalski', 'Lindqvist', 'Moreau', 'Novak', 'Okafor', 'Petrov', 'Quist', 'Rossi', 'Silva', 'Tanaka'] AS family
)
INSERT INTO users (id, email, name, created_at, updated_at)
SELECT n,
       format('user%s@example.com', n),
       word.given[1 + n % 20] || ' ' || word.family[1 + (n / 20) % 20],
       timestamptz '2026-01-01 00:00:00+00' + n * interval '1 hour',
       timestamptz '2026-01-01 00:00:00+00' + n * interval '1 hour'
FROM word, generate_series(1, 1000) AS n
WHERE NOT EXISTS (SELECT FROM users WHERE id <= 1000)
ON CONFLICT DO NOTHING;
ANALYZE users;
