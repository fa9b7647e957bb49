"""What each service's role may take of the server, natively and by the script of the containers."""

import subprocess

from native_stack import ROOT
from scaleout.topology import DATABASES

_SCRIPT = ROOT / "deploy/compose/postgres/make-databases.sh"
_USABLE = (
    "SELECT current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int"
)


def connection_limits(stack, roles):
    """The limit of each role; a role without one has -1."""
    names = ", ".join(f"'{role}'" for role in roles)
    rows = stack.query(
        "postgres", f"SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname IN ({names})"
    )
    return {role: int(limit) for role, limit in (row.split("|") for row in rows.splitlines())}


def test_a_native_role_may_have_an_equal_share_of_the_connections(stack):
    share = int(stack.query("postgres", _USABLE)) // len(DATABASES)
    roles = [role for _, role in DATABASES.values()]
    assert connection_limits(stack, roles) == dict.fromkeys(roles, share)


def test_the_script_of_the_containers_gives_roles_the_same_share(stack, tmp_path):
    services = [f"probe{n}" for n in range(len(DATABASES))]
    for service in services:
        secret = tmp_path / f"{service}-service"
        secret.mkdir()
        (secret / "password").write_text("unused")
    roles = [f"{service}_service" for service in services]
    try:
        subprocess.run(
            ["/bin/sh", str(_SCRIPT)],
            env={
                "PATH": "/usr/bin:/bin",
                "SECRETS_DIR": str(tmp_path),
                "CONFIG_FILE": str(ROOT / "deploy/native/postgresql.conf.template"),
                "PGHOST": str(stack.run_dir / "scratch/postgres"),
                "PGPASSWORD": (stack.run_dir / "secrets/postgres.password").read_text().strip(),
            },
            check=True,
        )
        native = connection_limits(stack, [role for _, role in DATABASES.values()])
        assert connection_limits(stack, roles) == dict(zip(roles, native.values()))
    finally:
        for service, role in zip(services, roles):
            stack.query("postgres", f'DROP DATABASE IF EXISTS "{service}s"')
            stack.query("postgres", f'DROP ROLE IF EXISTS "{role}"')
