"""Scenes 11 and 12: what the door believes, when it stays shut, and a stack that wants tokens."""

import json
import os
import subprocess
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import engine
from scaleout.docker import inspect
from scaleout.identity.accounts import CUSTOMER, Accounts
from scaleout.load.client import Client
from scaleout.topology import ROOT
from token_scenes import check_rotation

# Of one address in a minute (LOGIN_RATE_PER_ADDRESS).
_LOGINS_OF_AN_ADDRESS = 20
_FLOOD = 200
_FLOOD_SECONDS = 60
_UNLIMITED = {
    f"LOGIN_RATE_PER_{what}": "0" for what in ("ACCOUNT_AND_ADDRESS", "ADDRESS", "ACCOUNT")
}


def check_door(project):
    project.n.scene(
        "11. The door",
        "A client's own word on its address counts for nothing; and where other machines reach the "
        "door, AUTH_MODE has to be said.",
    )
    client = Client(project.url, anonymous=True)
    statuses = [
        client.post(
            "/api/auth/login",
            {"email": f"{uuid.uuid4().hex}@example.com", "password": "x" * 24},
            {"X-Forwarded-For": f"203.0.113.{k}"},
        ).status
        for k in range(1, _LOGINS_OF_AN_ADDRESS + 11)
    ]
    project.n.check(
        "logins of one client that names another address each time are limited",
        429 in statuses and set(statuses) == {401, 429},
        statuses,
    )
    for bind, mode, opens in (
        ("0.0.0.0", "", False),
        ("0.0.0.0", "required", True),
        ("0.0.0.0", "optional", True),
        ("127.0.0.1", "", True),
    ):
        said = f"HTTP_BIND={bind} AUTH_MODE={mode}"
        status, printed = _test_nginx({"HTTP_BIND": bind, "AUTH_MODE": mode})
        what = "opens" if opens else "is refused, and that says why"
        project.n.check(
            f"{said} {what}", (status == 0) == opens and ("refused" in printed) != opens, printed
        )
    for variables, bound in (
        ({}, ("127.0.0.1", "127.0.0.1")),
        ({"HTTP_BIND": "0.0.0.0"}, ("0.0.0.0", "0.0.0.0")),
        ({"HTTPS_BIND": "0.0.0.0"}, ("127.0.0.1", "0.0.0.0")),
        ({"HTTP_BIND": "0.0.0.0", "HTTPS_BIND": "127.0.0.1"}, ("0.0.0.0", "127.0.0.1")),
    ):
        said = " ".join(f"{name}={value}" for name, value in variables.items()) or "neither"
        binds = _binds_with_tls(variables)
        project.n.check(
            f"with HTTPS and {said} the two ports are bound so, and the check knows: {bound}",
            binds == {"ports": bound, "checked": bound},
            binds,
        )
    for variables, believed in (
        ({}, "172.16.0.0/12,192.168.0.0/16"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8"}, "10.0.0.0/8"),
    ):
        gateway = _services_with_tls(variables)["api-gateway"]
        found = gateway["environment"]["TRUSTED_PROXIES"]
        project.n.check(f"gateways believe {believed}", found == believed, found)


def _services_with_tls(variables):
    compose = ["docker", "compose", "-f", "compose.yaml", "-f", "deploy/compose/tls.yaml"]
    printed = subprocess.run(
        [*compose, "config", "--format", "json"],
        cwd=ROOT,
        env={**os.environ, **variables},
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    return json.loads(printed)["services"]


def _binds_with_tls(variables):
    """Where HTTP's and HTTPS' ports are bound, and which words on that check-door.sh gets."""
    nginx = _services_with_tls(variables)["nginx"]
    ports = {port["target"]: port["host_ip"] for port in nginx["ports"]}
    return {
        "ports": (ports[8080], ports[8443]),
        "checked": tuple(nginx["environment"][name] for name in ("HTTP_BIND", "HTTPS_BIND")),
    }


def _test_nginx(variables):
    """nginx' start as far as the check of its configuration."""
    command = ["docker", "compose", "run", "--rm", "--no-deps", "nginx"]
    result = subprocess.run(
        [*command, "nginx", "-c", "/tmp/nginx.conf", "-t"],
        cwd=ROOT,
        env={**os.environ, **variables},
        text=True,
        capture_output=True,
        check=False,
    )
    return result.returncode, (result.stdout + result.stderr).strip()


def check_tokens(project):
    project.n.scene(
        "12. AUTH_MODE=required",
        f"{_FLOOD} logins at once, whose limits of rate are off; then new keys, while users ask.",
    )
    _adjust(project, {"AUTH_MODE": "required", **_UNLIMITED})
    try:
        status = project.client.get("/api/users/1").status
        project.n.check("a private route wants a token", status == 401, status)
        accounts = Accounts(project.driver)
        _flood(project, accounts)
        project.n.command("scripts/stack.sh rotate-keys; scripts/stack.sh rotate-keys --drop-old")
        check_rotation(project.n, accounts, project.url, project.driver.rotate_keys)
    finally:
        _adjust(project, dict.fromkeys(("AUTH_MODE", *_UNLIMITED), ""))


def _adjust(project, variables):
    """The gateways, as the environment has it now; empty is the default."""
    os.environ.update(variables)
    project.compose(
        "up", "--detach", "--wait", "--no-deps", "--scale", "api-gateway=3", "api-gateway"
    )


def _flood(project, accounts):
    container = project.ids("user-service")[0]
    before = inspect(container)[0]
    limit = before["HostConfig"]["Memory"] / 2**20
    account = accounts.get(CUSTOMER)
    body = {"email": account.email, "password": account.password}
    most, over = [], threading.Event()

    def watch():
        while not over.is_set():
            most.extend(engine.memory_of([container]).values())

    watching = threading.Thread(target=watch)
    watching.start()
    client = Client(project.url, _FLOOD_SECONDS, anonymous=True)
    with ThreadPoolExecutor(_FLOOD) as pool:
        logins = [pool.submit(client.post, "/api/auth/login", body) for _ in range(_FLOOD)]
    over.set()
    watching.join()
    statuses = [login.result().status for login in logins]
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    project.n.figure("loginFloodMb", max(most))
    project.n.check(
        "every login is answered: with tokens, or that too many wait",
        200 in counts and set(counts) <= {200, 429, 503},
        counts,
    )
    after = inspect(container)[0]
    project.n.check(
        f"the user service's container stays under its {limit:.0f} MB, and lives",
        max(most) < limit and after["State"]["StartedAt"] == before["State"]["StartedAt"],
        f"{max(most):.0f} MB at most",
    )
