"""The two Redis servers of a stack: who may ask them, what each keeps, and what flush, freeze and
kill do to them.
"""

import json
import re
import socket
from pathlib import Path

import httpx
import pytest

from native_stack import BIN_DIR, NativeStack, eventually
from scaleout.errors import StackError
from scaleout.native import places, processes, settings
from scaleout.native.supervisor import Supervisor
from scaleout.topology import SERVICES

SERVERS = ("redis-cache", "redis-state")


class Answers:
    """One connection to a server."""

    def __init__(self, stack, server):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(5)
        self._socket.connect(str((stack.run_dir / "scratch").resolve() / f"{server}.sock"))
        self._stream = self._socket.makefile("rwb")

    def ask(self, *words):
        """The answer in RESP2: text (None where there is none) or a list of such."""
        encoded = [f"${len(word)}\r\n{word}\r\n" for word in words]
        self._stream.write("".join([f"*{len(words)}\r\n", *encoded]).encode())
        self._stream.flush()
        return self._read()

    def _read(self):
        line = self._stream.readline().decode().strip()
        if line[:1] == "*":
            return [self._read() for _ in range(int(line[1:]))]
        if line[:1] == "$":
            length = int(line[1:])
            return None if length < 0 else self._stream.read(length + 2)[:-2].decode()
        return line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()
        self._socket.close()


def password_of(stack, server):
    return (stack.run_dir / "secrets" / f"{server}.password").read_text().strip()


def connected(stack, server):
    answers = Answers(stack, server)
    assert answers.ask("AUTH", password_of(stack, server)) == "+OK"
    return answers


def part(stack, name):
    return next(part for part in stack.status()["parts"] if part["name"] == name)


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_answers_only_who_has_its_password(stack, server):
    other = next(name for name in SERVERS if name != server)
    with Answers(stack, server) as answers:
        assert answers.ask("PING").startswith("-NOAUTH")
        assert answers.ask("AUTH", password_of(stack, other)).startswith("-WRONGPASS")
        assert answers.ask("PING").startswith("-NOAUTH")
        assert answers.ask("AUTH", password_of(stack, server)) == "+OK"
        assert answers.ask("PING") == "+PONG"


@pytest.mark.parametrize("server", SERVERS)
def test_a_password_is_readable_by_its_owner_alone(stack, server):
    for path in (
        stack.run_dir / "secrets" / f"{server}.password",
        stack.run_dir / server / "redis.conf",
    ):
        assert path.stat().st_mode & 0o777 == 0o600, path
    secret = password_of(stack, server)
    assert len(secret) == 48
    for name, pid in stack.pids().items():
        shown = processes.command_of(pid) + json.dumps(processes.environment_of(pid))
        assert secret not in shown, name
    for path in ("stack.json", "supervisord.conf"):
        assert secret not in (stack.run_dir / path).read_text()


@pytest.mark.parametrize(
    "server, own",
    [
        (
            "redis-cache",
            {
                "maxmemory": str(64 * 2**20),
                "maxmemory-policy": "allkeys-lru",
                "appendonly": "no",
            },
        ),
        (
            "redis-state",
            {
                "maxmemory": str(288 * 2**20),
                "maxmemory-policy": "noeviction",
                "appendonly": "yes",
                "appendfsync": "everysec",
            },
        ),
    ],
)
def test_a_server_is_bounded_and_has_no_port(stack, server, own):
    wanted = {**own, "port": "0", "save": ""}
    with connected(stack, server) as answers:
        found = {name: answers.ask("CONFIG", "GET", name)[1] for name in wanted}
    assert found == wanted


def test_redis_state_holds_full_streams_whose_groups_never_acknowledge(stack):
    """Four streams of 100,000 entries, reckoned from a short one."""
    count, key = 2000, "e2e:events"
    payload = '{"paymentId":"1000000","userId":"1000","amount":{"currency":"EUR","units":"1234"}}'
    fields = ("id", "0" * 36, "type", "payment.captured", "key", "1000000", "seq", "5000000")
    fields += ("after", "4999999", "at", "1763810000000000", "data", payload)
    with connected(stack, "redis-state") as answers:

        def used():
            return int(re.search(r"used_memory:(\d+)", answers.ask("INFO", "memory"))[1])

        def limit(name):
            return int(answers.ask("CONFIG", "GET", name)[1])

        before = used()
        try:
            for group in ("one", "two"):
                answers.ask("XGROUP", "CREATE", key, group, "0", "MKSTREAM")
            for number in range(count):
                answers.ask("XADD", key, f"{1_000_000 + number}-0", *fields)
            for group in ("one", "two"):
                read = ("XREADGROUP", "GROUP", group, "consumer", "COUNT", "100")
                while answers.ask(*read, "STREAMS", key, ">"):
                    pass
            assert answers.ask("XPENDING", key, "two")[0] == f":{count}"
            full = (used() - before) / count * 4 * 100_000
            assert full > 100 * 2**20
            assert full + limit("maxmemory-clients") < limit("maxmemory")
        finally:
            answers.ask("DEL", key)


def test_after_a_kill_redis_cache_is_empty_and_redis_state_is_not(stack):
    for server in SERVERS:
        with connected(stack, server) as answers:
            assert answers.ask("SET", "e2e:kept", "yes") == "+OK"
    with connected(stack, "redis-state") as answers:
        # A rewritten log is on the disk when the rewrite is done, with all that was set before.
        answers.ask("BGREWRITEAOF")
        eventually(lambda: "aof_rewrite_in_progress:0" in answers.ask("INFO", "persistence"))
    for server in SERVERS:
        before = stack.pids()[server]
        stack.sh("kill", server)
        eventually(lambda: part(stack, server)["healthy"] and part(stack, server)["pid"] != before)
    with connected(stack, "redis-cache") as answers:
        assert answers.ask("GET", "e2e:kept") is None
    with connected(stack, "redis-state") as answers:
        assert answers.ask("GET", "e2e:kept") == "yes"
        assert answers.ask("DEL", "e2e:kept") == ":1"


def test_flush_empties_one_server_and_leaves_the_other(stack):
    for server in SERVERS:
        with connected(stack, server) as answers:
            assert answers.ask("SET", "e2e:flushed", "no") == "+OK"
    stack.sh("flush", "redis-cache")
    with connected(stack, "redis-cache") as answers:
        assert answers.ask("GET", "e2e:flushed") is None
    with connected(stack, "redis-state") as answers:
        assert answers.ask("GET", "e2e:flushed") == "no"
    stack.sh("flush", "redis-state")
    with connected(stack, "redis-state") as answers:
        assert answers.ask("GET", "e2e:flushed") is None


@pytest.mark.parametrize("server", SERVERS)
def test_a_frozen_server_is_not_healthy_and_requests_go_on(stack, driver, client, server):
    driver.freeze(server)
    try:
        assert not part(stack, server)["healthy"]
        assert stack.status()["state"] == "degraded"
        assert client.get("/api/products").status_code == 200
        refused = stack.try_sh("flush", server)
        assert refused.returncode == 1
        assert f"{server} does not answer" in refused.stderr
    finally:
        driver.thaw(server)
    eventually(lambda: part(stack, server)["healthy"])


@pytest.mark.parametrize("server", SERVERS)
def test_a_stopped_server_fails_no_request_and_can_be_started(stack, client, server):
    stack.sh("stop", server)
    try:
        assert client.get("/api/products").status_code == 200
        assert client.get("/api/users/1").status_code == 200
        assert httpx.get(f"{stack.gateway_url(1)}/readyz").status_code == 200
        assert "does not answer" in stack.try_sh("flush", server).stderr
    finally:
        stack.sh("start", server)
    assert part(stack, server)["healthy"]


def test_only_a_redis_server_can_be_flushed(stack, driver):
    assert stack.try_sh("flush", "postgres").returncode == 2
    with pytest.raises(StackError, match="postgres holds no keys"):
        driver.flush("postgres")


def test_gateways_are_given_both_servers(stack):
    given = processes.environment_of(stack.pids()["api-gateway-1"])
    scratch = (stack.run_dir / "scratch").resolve()
    for server in SERVERS:
        prefix = server.replace("-", "_").upper()
        assert given[f"{prefix}_ADDRESS"] == f"unix:{scratch}/{server}.sock"
        assert Path(given[f"{prefix}_PASSWORD_FILE"]).read_text().strip() == password_of(
            stack, server
        )


def test_services_are_given_redis_state_alone(stack):
    scratch = (stack.run_dir / "scratch").resolve()
    for service in SERVICES:
        given = processes.environment_of(stack.pids()[service])
        assert given["REDIS_STATE_ADDRESS"] == f"unix:{scratch}/redis-state.sock"
        secret = Path(given["REDIS_STATE_PASSWORD_FILE"]).read_text().strip()
        assert secret == password_of(stack, "redis-state")
        assert not [name for name in given if name.startswith("REDIS_CACHE")]


def test_with_events_off_services_are_given_no_server(tmp_path):
    def services_of(**variables):
        given = settings.from_environment(tmp_path, {"BIN_DIR": str(BIN_DIR), **variables})
        return Supervisor(given, places.Places(tmp_path))._services()

    assert "REDIS_STATE_ADDRESS" in services_of(EVENTS_MAX_UNACKNOWLEDGED="2000")
    assert 'EVENTS_MAX_UNACKNOWLEDGED="2000"' in services_of(EVENTS_MAX_UNACKNOWLEDGED="2000")
    assert "REDIS" not in services_of(EVENTS="off")
    # In either of its places.
    assert services_of(EVENTS="payment-service").count("REDIS_STATE_ADDRESS") == 2
    with pytest.raises(StackError, match="EVENTS=maybe: on, off or a service is wanted"):
        services_of(EVENTS="maybe")


def test_the_callers_settings_for_redis_never_replace_the_stacks_own(tmp_path):
    caller = {
        "REDIS_CACHE_ADDRESS": "192.0.2.1:6379",
        "REDIS_CACHE_ADDRESS_FILE": "/elsewhere",
        "REDIS_CACHE_PASSWORD": "of-another-server",
        "REDIS_STATE_PASSWORD_FILE": "/elsewhere",
        "REDIS_TIMEOUT": "30ms",
        "CACHE_TTL_USER": "5s",
        "CACHE": "off",
    }
    found = settings.from_environment(tmp_path, caller)
    assert found.variables == {"REDIS_TIMEOUT": "30ms", "CACHE_TTL_USER": "5s", "CACHE": "off"}


def test_a_stack_of_an_older_version_comes_up_and_can_be_handled_meanwhile():
    """An older version had one server, called redis, and its supervisord knows no other."""
    older = NativeStack(GATEWAYS="1")
    try:
        directory = older.run_dir / "redis"
        directory.mkdir(parents=True)
        (directory / "redis.conf").write_text("port 0\n")
        older.up()
        assert not directory.exists()

        settled = settings.load(older.run_dir)
        supervisor = Supervisor(settled, places.Places(older.run_dir))
        for server in SERVERS:
            supervisor.stop(server)
            supervisor._rpc().removeProcessGroup(server)
        report = older.status()
        assert report["state"] == "up"
        assert not {part["name"] for part in report["parts"]} & set(SERVERS)
        assert "Up already" in older.up()
        older.sh("scale", "2")
        older.down()
        older.up()
        assert all(part(older, server)["healthy"] for server in SERVERS)
    finally:
        older.remove()
