"""The private PostgreSQL: a cluster made once, and a database with a role for each service."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from scaleout.errors import StackError
from scaleout.native import processes, template
from scaleout.native.places import as_account, postgres_account
from scaleout.topology import DATABASES, ROOT

SUPERUSER = "postgres"
_CONFIGURATION = ROOT / "deploy/native/postgresql.conf.template"


def bin_dir():
    """The newest PostgreSQL server's programs; Debian keeps them out of PATH."""
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not versions:
        raise StackError(
            "there is no PostgreSQL server under /usr/lib/postgresql; `make deps` installs it"
        )
    return max(versions, key=lambda path: int(path.parent.name))


_USABLE_CONNECTIONS = (
    "SELECT current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int"
)


def connections_line():
    """How many connections the server gives, as its configuration says it."""
    return re.search(r"^max_connections = \d+$", _CONFIGURATION.read_text(), re.MULTILINE)[0]


class Postgres:
    def __init__(self, places):
        self._places = places
        self._account = postgres_account()
        self._bin = bin_dir()

    @property
    def socket_dir(self):
        return self._places.scratch / "postgres"

    def prepare(self):
        """Makes the cluster if there is none yet, and its configuration always; True if the cluster
        is new.
        """
        for name in (SUPERUSER, *DATABASES):
            self._places.make_secret(name)
        data = self._places.postgres_data
        fresh = not (data / "PG_VERSION").exists()
        if fresh:
            self._initdb(data)
        else:
            self._check_version(data)
            self._drop_stale_lock(data)
        self._install(
            template.render(_CONFIGURATION, {}),
            data / "postgresql.conf",
        )
        self._install((ROOT / "deploy/native/pg_hba.conf").read_text(), data / "pg_hba.conf")
        return fresh

    def _run(self, arguments, **options):
        return subprocess.run(
            [str(argument) for argument in arguments],
            text=True,
            capture_output=True,
            check=False,
            cwd="/",
            **options,
        )

    def _initdb(self, data):
        # A cluster whose making was interrupted is no cluster; initdb wants its directory empty.
        for leftover in data.iterdir():
            self._run(["/bin/rm", "-rf", leftover])
        with tempfile.NamedTemporaryFile("w", dir=self.socket_dir) as password:
            password.write(self._places.secret(f"{SUPERUSER}.password").read_text())
            password.flush()
            if self._account:
                os.chown(password.name, self._account.pw_uid, self._account.pw_gid)
            result = self._run(
                [
                    self._bin / "initdb",
                    "-D",
                    data,
                    "-U",
                    SUPERUSER,
                    "-E",
                    "UTF8",
                    "--locale=C.UTF-8",
                    "--no-instructions",
                    "--auth=scram-sha-256",
                    f"--pwfile={password.name}",
                ],
                **as_account(self._account),
            )
        if result.returncode != 0:
            raise StackError(
                "PostgreSQL's initdb failed", (result.stdout + result.stderr).splitlines()[-20:]
            )

    def _check_version(self, data):
        made_by = (data / "PG_VERSION").read_text().strip()
        if made_by != self._bin.parent.name:
            raise StackError(
                f"PostgreSQL {made_by} made the database, installed is {self._bin.parent.name}; "
                "`make reset` makes a new one (and forgets the data)"
            )

    def _drop_stale_lock(self, data):
        """After a power cut the lock may name a process that is another program now, and PostgreSQL
        would not start.
        """
        lock = data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return
        if not (
            processes.is_alive(pid) and os.path.basename(processes.program_of(pid)) == "postgres"
        ):
            lock.unlink()

    def _install(self, text, path):
        path.write_text(text)
        if self._account:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def is_ready(self):
        return self._run([self._bin / "pg_isready", "-q", "-h", self.socket_dir]).returncode == 0

    def query(self, sql, database="postgres"):
        """Runs statements as the superuser; their output, a row a line, columns separated by |."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "PGPASSWORD": self._places.secret(f"{SUPERUSER}.password").read_text().strip(),
        }
        result = self._run(
            [
                self._bin / "psql",
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                self.socket_dir,
                "-U",
                SUPERUSER,
                "-d",
                database,
            ],
            input=sql,
            env=environment,
        )
        if result.returncode != 0:
            raise StackError("PostgreSQL refused a statement", result.stderr.splitlines()[-5:])
        return result.stdout

    def create_databases(self):
        """A role and a database each, closed to everyone else; what exists stays, so it can be run
        again.
        """
        existing_roles = self.query("SELECT rolname FROM pg_roles").split()
        # An equal share of the server, so that no service can take the connections of another.
        limit = int(self.query(_USABLE_CONNECTIONS)) // len(DATABASES)
        existing_databases = self.query("SELECT datname FROM pg_database").split()
        for service, (database, role) in DATABASES.items():
            password = self._places.secret(f"{service}.password").read_text().strip()
            verb = "ALTER" if role in existing_roles else "CREATE"
            self.query(f"{verb} ROLE {role} LOGIN CONNECTION LIMIT {limit} PASSWORD '{password}'")
            if database not in existing_databases:
                self.query(f"CREATE DATABASE {database} OWNER {role}")
            self.query(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
