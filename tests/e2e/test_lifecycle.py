"""The stack itself: up, down, side by side, after crashes, as root and as another user, and what
it says when it cannot.
"""

import concurrent.futures
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

import httpx
import psutil
import pytest

from native_stack import BIN_DIR, ROOT, STANDSTILL_SECONDS, NativeStack, eventually, new_home
from scaleout.native import places, processes


@pytest.fixture
def fresh(request):
    made = NativeStack(**getattr(request, "param", {}))
    yield made
    made.remove()


def processes_that_mention(directory):
    """Found in another way than the stack's own: any process that was started with the directory or
    works in it, whatever it is called.
    """
    found = {}
    for process in psutil.process_iter():
        try:
            words = " ".join([*process.cmdline(), process.cwd()])
        except psutil.Error:
            continue
        if str(directory) in words and process.pid != os.getpid():
            found[process.pid] = words
    return found


def nothing_is_left_of(stack):
    assert processes_that_mention(stack.run_dir) == {}
    assert processes.leftovers(stack.run_dir, places.Places(stack.run_dir)) == []
    assert all(processes.is_port_free(port) for port in range(stack.port, stack.port + 11))


# Up and down


def test_a_stack_comes_up_counts_in_turns_and_leaves_nothing(fresh):
    said = fresh.up(GATEWAYS="3")
    assert "3 gateways" in said
    counts = [
        (a["count"], a["instanceId"])
        for a in (httpx.get(f"{fresh.url}/api/count").json() for _ in range(9))
    ]
    assert [count for count, _ in counts] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert len({instance for _, instance in counts}) == 3

    report = fresh.status()
    assert report["state"] == "up" and all(part["healthy"] for part in report["parts"])
    memory = {part["name"]: part["memoryBytes"] / 2**20 for part in report["parts"]}
    if not os.environ.get("SANITIZED"):
        assert all(memory[f"api-gateway-{k}"] < 40 for k in (1, 2, 3)), memory
        assert sum(memory.values()) < 400, memory

    began = time.monotonic()
    assert "Up already" in fresh.up()
    assert "2 gateways" in fresh.up(GATEWAYS="2")
    assert time.monotonic() - began < 10 + STANDSTILL_SECONDS
    assert {httpx.get(f"{fresh.url}/api/count").headers["x-instance-id"] for _ in range(6)} == {
        "api-gateway-1",
        "api-gateway-2",
    }

    fresh.down()
    nothing_is_left_of(fresh)
    assert "down" in fresh.try_sh("status").stderr
    assert fresh.try_sh("status").returncode == 3
    fresh.down()

    began = time.monotonic()
    fresh.up()
    assert time.monotonic() - began < 10 + STANDSTILL_SECONDS, "the second start"
    assert httpx.get(f"{fresh.url}/api/users/1").status_code == 200, "the data is still there"


def test_a_test_takes_no_setting_of_its_caller(monkeypatch, tmp_path):
    for name in ("AUTH_MODE", "LOGIN_RATE_PER_ADDRESS", "RATE_LIMIT", "TRUSTED_PROXIES", "STACK"):
        monkeypatch.setenv(name, "of-another-stack")
    assert "of-another-stack" not in NativeStack(tmp_path).variables.values()


def test_two_stacks_run_side_by_side(stack, fresh):
    fresh.up(GATEWAYS="1")
    mine = httpx.post(
        f"{fresh.url}/api/users", json={"email": "only-here@example.com", "name": "Here"}
    )
    assert mine.status_code == 201
    assert (
        stack.query("users", "SELECT count(*) FROM users WHERE email = 'only-here@example.com'")
        == "0"
    )
    fresh.down()
    nothing_is_left_of(fresh)
    assert httpx.get(f"{stack.url}/api/users/1").status_code == 200


def test_commands_that_come_together_wait_for_each_other(fresh):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        ups = [pool.submit(fresh.try_sh, "up", GATEWAYS="1") for _ in range(3)]
        assert [up.result().returncode for up in ups] == [0, 0, 0]
        scales = [pool.submit(fresh.try_sh, "scale", count) for count in (3, 2, 4)]
        assert [scale.result().returncode for scale in scales] == [0, 0, 0]
    report = fresh.status()
    gateways = [part for part in report["parts"] if part["name"].startswith("api-gateway")]
    assert report["state"] == "up" and len(gateways) in (2, 3, 4)
    seen = {httpx.get(f"{fresh.url}/api/count").headers["x-instance-id"] for _ in range(16)}
    assert seen == {part["name"] for part in gateways}


def test_a_taken_port_is_named_with_its_owner(fresh):
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", fresh.gateway_port(2)))
        squatter.listen()
        result = fresh.try_sh("up", GATEWAYS="3")
    assert result.returncode == 1
    assert (
        f"port {fresh.gateway_port(2)} for api-gateway-2 is held by process {os.getpid()}"
        in result.stderr
    )
    nothing_is_left_of(fresh)


def test_a_part_that_fails_is_named_and_shows_its_last_lines(fresh):
    result = fresh.try_sh("up", GATEWAYS="2", GATEWAY_LOOPS="many")
    assert result.returncode == 1
    assert re.search(r"api-gateway-[12] does not start", result.stderr)
    assert "GATEWAY_LOOPS" in result.stderr, "its last log lines"
    nothing_is_left_of(fresh)


@pytest.mark.parametrize(
    "wrong",
    [
        {"GATEWAYS": "0"},
        {"GATEWAYS": "11"},
        {"GATEWAYS": "x"},
        {"HTTP_PORT": "99999"},
        {"LB_STRATEGY": "random"},
        {"BIN_DIR": "/nowhere"},
    ],
)
def test_a_wrong_setting_is_named_before_anything_starts(fresh, wrong):
    result = fresh.try_sh("up", **wrong)
    assert result.returncode == 1
    assert list(wrong.values())[0] in result.stderr
    assert not (fresh.run_dir / "supervisord.conf").exists()


def test_a_stack_of_an_older_version_keeps_its_ports(fresh):
    """Its gateways listen on no sockets, and nginx must not be sent there by a newer script."""
    fresh.up(GATEWAYS="1")
    path = fresh.run_dir / "stack.json"
    settings = json.loads(path.read_text())
    del settings["gateway_sockets"]
    path.write_text(json.dumps(settings))
    fresh.sh("scale", 2)
    config = (fresh.run_dir / "nginx/nginx.conf").read_text()
    assert f"server 127.0.0.1:{fresh.gateway_port(2)} " in config and "server unix:" not in config
    assert httpx.get(f"{fresh.url}/api/users/1").status_code == 200


def test_a_stack_with_data_takes_a_service_that_is_newer(fresh):
    fresh.up(GATEWAYS="1")
    fresh.query("postgres", "DROP DATABASE payments WITH (FORCE)")
    fresh.query("postgres", "DROP ROLE payment_service")
    fresh.down()
    made = fresh.run_dir / "databases-made"
    made.write_text(made.read_text().replace("payment-service\n", ""))
    fresh.up(GATEWAYS="1")
    assert httpx.get(f"{fresh.url}/api/payments?user_id=1").status_code == 200

    path = fresh.run_dir / "stack.json"
    settings = json.loads(path.read_text())
    del settings["slots"]["payment-service"]
    path.write_text(json.dumps(settings))
    assert all(part["healthy"] for part in fresh.status()["parts"])


def test_a_crashed_stack_is_swept_up(fresh):
    fresh.up(GATEWAYS="2")
    supervisord = int((fresh.run_dir / "supervisord.pid").read_text())
    before = fresh.pids()
    os.kill(supervisord, signal.SIGKILL)
    os.kill(before["api-gateway-1"], signal.SIGKILL)
    os.kill(before["postgres"], signal.SIGKILL)
    assert "ending" in fresh.up(GATEWAYS="2")
    assert httpx.get(f"{fresh.url}/api/users/1").status_code == 200
    os.kill(int((fresh.run_dir / "supervisord.pid").read_text()), signal.SIGKILL)
    fresh.down()
    nothing_is_left_of(fresh)


def test_a_power_cut_leaves_locks_that_do_not_matter(fresh):
    """Everything is killed, and the processes that the lock files name are other programs now."""
    fresh.up(GATEWAYS="1")
    for pid in processes.leftovers(fresh.run_dir, places.Places(fresh.run_dir)):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not processes.leftovers(fresh.run_dir, places.Places(fresh.run_dir)))
    lock = places.Places(fresh.run_dir).postgres_data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    (fresh.run_dir / "supervisord.pid").write_text(f"{os.getpid()}\n")
    fresh.up(GATEWAYS="1")
    assert httpx.get(f"{fresh.url}/api/users/1").status_code == 200
    fresh.down()
    nothing_is_left_of(fresh)


def test_parts_can_be_stopped_started_killed_and_restarted(stack):
    pids = stack.pids()
    stack.sh("kill", "redis-state", "KILL")
    stack.sh("kill", "api-gateway", "3")
    eventually(lambda: stack.status()["state"] == "up")
    assert stack.pids()["redis-state"] != pids["redis-state"]
    assert stack.pids()["api-gateway-3"] != pids["api-gateway-3"]

    stack.sh("stop", "api-gateway", "2")
    assert {httpx.get(f"{stack.url}/api/count").headers["x-instance-id"] for _ in range(6)} == {
        "api-gateway-1",
        "api-gateway-3",
    }
    stack.sh("start", "api-gateway", "2")
    assert (
        len({httpx.get(f"{stack.url}/api/count").headers["x-instance-id"] for _ in range(6)}) == 3
    )

    pid = stack.pids()["order-service"]
    stack.sh("restart", "order-service")
    assert stack.pids()["order-service"] != pid
    assert httpx.get(f"{stack.url}/api/orders?user_id=1").status_code == 200

    for wrong in (
        ("stop", "mongodb"),
        ("kill", "api-gateway", "99"),
        ("kill", "redis-cache", "SIGNONSENSE"),
        ("stop", "api-gateway"),
        ("scale", "11"),
    ):
        result = stack.try_sh(*wrong)
        assert result.returncode == 1 and result.stderr.startswith("stack: "), wrong


# Run directories and users


def test_odd_and_long_run_directories_work():
    home = new_home()
    home.chmod(0o755)
    stack = NativeStack(run_dir=home / ("a directory with blanks, 100% " + "long " * 20) / "run")
    try:
        stack.up(GATEWAYS="1")
        assert httpx.get(f"{stack.url}/api/users/1").status_code == 200
        away = stack.run_dir.joinpath("scratch").resolve()
        assert len(str(away)) < 60
        stack.sh("scale", "2")
        stack.down()
        nothing_is_left_of(stack)
    finally:
        stack.remove()
        shutil.rmtree(home)
    assert not away.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to lend PostgreSQL another user")
def test_root_can_keep_its_run_directory_to_itself():
    home = new_home()
    assert home.stat().st_mode & 0o077 == 0
    stack = NativeStack(run_dir=home / "run")
    try:
        stack.up(GATEWAYS="1")
        assert httpx.get(f"{stack.url}/api/users/1").status_code == 200
        away = stack.run_dir.joinpath("postgres").resolve()
        assert str(away).startswith("/var/tmp/")
        owner = pwd.getpwuid(psutil.Process(stack.pids()["postgres"]).uids().real).pw_name
        assert owner in ("postgres", "nobody")
        stack.down()
        nothing_is_left_of(stack)
    finally:
        stack.remove()
        shutil.rmtree(home)
    assert not away.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="this is the normal user already")
def test_a_normal_user_can_run_it():
    user = pwd.getpwnam("nobody")
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    for path in (ROOT / "scripts/stack.sh", BIN_DIR / "api-gateway"):
        if (
            subprocess.run(
                ["/usr/bin/test", "-r", path], cwd="/", check=False, **as_user
            ).returncode
            != 0
        ):
            pytest.skip(f"a normal user may not read {path}")
    home = new_home()
    os.chown(home, user.pw_uid, user.pw_gid)
    stack = NativeStack(run_dir=home / "run")

    def sh(*verb):
        result = subprocess.run(
            [str(ROOT / "scripts/stack.sh"), *verb],
            env={**stack.variables, "GATEWAYS": "2", "HOME": str(home)},
            cwd="/",
            text=True,
            capture_output=True,
            check=False,
            timeout=120,
            **as_user,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    try:
        sh("up")
        assert httpx.get(f"{stack.url}/api/users/1").status_code == 200
        sh("scale", "1")
        sh("down")
        nothing_is_left_of(stack)
        sh("reset")
        assert not stack.run_dir.exists()
    finally:
        processes.end(processes.leftovers(stack.run_dir, places.Places(stack.run_dir)))
        shutil.rmtree(home)


def test_secrets_are_their_owners_alone(stack):
    assert stack.run_dir.joinpath("secrets").stat().st_mode & 0o077 == 0
    for secret in stack.run_dir.joinpath("secrets").iterdir():
        assert secret.stat().st_mode & 0o077 == 0
        value = secret.read_text().strip()
        for log in stack.run_dir.glob("log/*.log"):
            assert value not in log.read_text(errors="replace")


def test_a_service_cannot_read_anothers_database(stack):
    password = stack.run_dir.joinpath("secrets/order-service.password").read_text().strip()
    result = subprocess.run(
        [
            "psql",
            "-X",
            "-h",
            str(stack.run_dir / "scratch/postgres"),
            "-U",
            "order_service",
            "-d",
            "users",
            "-c",
            "SELECT 1",
        ],
        env={"PATH": os.environ["PATH"], "PGPASSWORD": password},
        text=True,
        capture_output=True,
        check=False,
    )
    assert result.returncode != 0 and "permission denied" in result.stderr


def test_the_logs_of_all_parts_can_be_seen(stack):
    said = stack.sh("logs", "--lines", "3")
    for part in ("api-gateway-1", "nginx", "postgres", "user-service-"):
        assert part in said
    assert stack.try_sh("logs", "nonsense").returncode == 1
