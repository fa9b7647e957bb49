#!/bin/sh
# A database and a role for each service whose password is here, closed to everyone else: x-service has the database xs and
# the role x_service. PostgreSQL's image runs it once, while the data directory is made; it may also source it, so nothing of
# the caller's shell is changed.
make_database() {
  database=$1 role=$2
  # An equal share of the server, so that no service can take the connections of another.
  psql -X -q -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres \
    -v database="$database" -v role="$role" -v password="$(cat "$3")" -v roles="$4" <<'END_OF_SQL'
SELECT (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int) / :roles AS limit
\gset
CREATE ROLE :"role" LOGIN CONNECTION LIMIT :limit PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"role";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
END_OF_SQL
}

# In a shell of its own, for the caller's variables.
make_databases() (
  set -- "${SECRETS_DIR:-/run/secrets}"/*-service
  for secret in "$@"; do
    if [ ! -s "$secret/password" ]; then
      echo "make-databases: no password in $secret" >&2
      exit 1
    fi
    part=${secret##*/} service=${part%-service}
    make_database "${service}s" "${service}_service" "$secret/password" $# || exit
  done
)

make_databases
