#!/bin/sh
# A database and a role for each service, closed to everyone else. PostgreSQL's image runs it once, while the data directory
# is made; it may also source it, so nothing of the caller's shell is changed.
make_database() {
  database=$1 role=$2 part=$3
  psql -X -q -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres \
    -v database="$database" -v role="$role" -v password="$(cat "/run/secrets/$part/password")" <<'END_OF_SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"role";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
END_OF_SQL
}

make_database users user_service user-service &&
  make_database orders order_service order-service &&
  make_database payments payment_service payment-service
