#!/bin/sh
# A database and a role for each service whose password is here, closed to everyone else: x-service has the database xs and
# the role x_service. PostgreSQL's image runs it once, while the data directory is made; it may also source it, so nothing of
# the caller's shell is changed.

# A number as the server will have it: the one that runs this may have been started without its file.
setting() {
  sed -n "s/^$1 = //p" "${CONFIG_FILE:-/etc/postgresql/postgresql.conf}"
}

# The database, the role, the file with its password, and how many connections the role may have.
make_database() {
  database=$1 role=$2
  psql -X -q -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres \
    -v database="$database" -v role="$role" -v password="$(cat "$3")" -v limit="$4" <<'END_OF_SQL'
CREATE ROLE :"role" LOGIN CONNECTION LIMIT :limit PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"role";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
END_OF_SQL
}

# In a shell of its own, for the caller's variables.
make_databases() (
  set -- "${SECRETS_DIR:-/run/secrets}"/*-service
  # An equal share of the server, so that no service can take the connections of another.
  limit=$((($(setting max_connections) - $(setting superuser_reserved_connections)) / $#)) || exit
  for secret in "$@"; do
    if [ ! -s "$secret/password" ]; then
      echo "make-databases: no password in $secret" >&2
      exit 1
    fi
    part=${secret##*/} service=${part%-service}
    make_database "${service}s" "${service}_service" "$secret/password" "$limit" || exit
  done
)

make_databases
