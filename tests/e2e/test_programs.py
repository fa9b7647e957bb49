"""The programs by themselves: what they print of themselves, and what they refuse."""

import json
import signal
import subprocess

import httpx
import pytest

from native_stack import BIN_DIR, SANITIZER_ENVIRONMENT, LoneGateway
from scaleout.topology import BACKENDS, SERVICES

_PROGRAMS = ["api-gateway", *SERVICES]


@pytest.mark.parametrize("program", _PROGRAMS)
def test_a_program_explains_itself(program):
    for flag in ("--help", "--version"):
        result = subprocess.run(
            [BIN_DIR / program, flag],
            text=True,
            capture_output=True,
            env=SANITIZER_ENVIRONMENT,
            timeout=10,
            check=False,
        )
        assert result.returncode == 0 and result.stdout.strip()


@pytest.mark.parametrize(
    "program, variables, named",
    [
        (
            "api-gateway",
            {
                "GATEWAY_LOOPS": "many",
                "GATEWAY_LISTN": "127.0.0.1:1",
                "GATEWAY_LISTEN": "here",
                "LAB_ENDPOINTS": "perhaps",
            },
            [
                "GATEWAY_LOOPS",
                "GATEWAY_LISTN",
                "GATEWAY_LISTEN=here",
                "LAB_ENDPOINTS",
                "GATEWAY_USER_TARGET",
            ],
        ),
        (
            "user-service",
            {"DB_POOL_MAX": "0", "SERVICE_LOG_LEVEL": "loud", "SERVICE_DRAIN_GRACE": "2 weeks"},
            ["DB_POOL_MAX", "SERVICE_LOG_LEVEL", "SERVICE_DRAIN_GRACE", "DB_CONNINFO"],
        ),
        (
            "payment-service",
            {"DB_POOL_WAIT": "soon", "SERVICE_LISTE": "x", "SERVICE_MAX_THREADS": "-1"},
            ["DB_POOL_WAIT", "SERVICE_LISTE", "SERVICE_LISTEN", "SERVICE_MAX_THREADS"],
        ),
    ],
)
def test_every_mistake_of_a_configuration_is_named(program, variables, named):
    result = subprocess.run(
        [BIN_DIR / program],
        text=True,
        capture_output=True,
        env={**SANITIZER_ENVIRONMENT, **variables},
        timeout=10,
        check=False,
    )
    assert result.returncode == 1
    for name in named:
        assert name in result.stderr, result.stderr


@pytest.mark.parametrize("limit, size", [("2KiB", 2 * 1024), ("2MiB", 2 * 1024 * 1024)])
def test_a_gateway_takes_bodies_up_to_the_size_that_is_set(limit, size):
    gateway = LoneGateway(GATEWAY_MAX_BODY_BYTES=limit, GATEWAY_CONNECT_WAIT="0s")
    user = json.dumps({"email": "new@example.com", "name": "New"})
    try:
        with httpx.Client(base_url=gateway.url) as client:

            def post(body):
                headers = {"Content-Type": "application/json"}
                return client.post("/api/users", content=body, headers=headers).status_code

            # A body that is taken fails for another reason: this gateway has no services.
            assert post(user.rjust(size)) == 503
            assert post(user.rjust(size + 1)) == 413
    finally:
        gateway.stop()


def start_without_backends(tmp_path, *wrapper, **variables):
    """A gateway that waits a minute for its backends, and its log as a pipe."""
    nothing = f"unix:{tmp_path}/nothing"
    targets = {f"GATEWAY_{name}_TARGET": nothing for name in map(str.upper, BACKENDS)}
    return subprocess.Popen(
        [*wrapper, BIN_DIR / "api-gateway"],
        text=True,
        stdout=subprocess.PIPE,
        env={
            "GATEWAY_LISTEN": "127.0.0.1:0",
            "GATEWAY_CONNECT_WAIT": "1m",
            "AUTH_MODE": "optional",
            **targets,
            **SANITIZER_ENVIRONMENT,
            **variables,
        },
    )


def line_with(message, gateway):
    """The first of its log that says so, which a test's timeout bounds."""
    lines = map(json.loads, gateway.stdout)
    return next((line for line in lines if line["msg"] == message), None)


def test_a_gateway_that_waits_for_its_backends_listens_to_a_stop_signal(tmp_path):
    gateway = start_without_backends(tmp_path)
    try:
        assert line_with("connecting to the backends", gateway)
        gateway.send_signal(signal.SIGTERM)
        output, _ = gateway.communicate(timeout=10)
        assert "stopped before it served" in output and "serving" not in output
        assert gateway.returncode == 0
    finally:
        gateway.kill()
        gateway.wait()


def test_a_gateway_without_descriptors_for_a_client_says_so_and_ends(tmp_path):
    gateway = start_without_backends(tmp_path, "/usr/bin/prlimit", "--nofile=256:256")
    output, _ = gateway.communicate(timeout=10)
    assert gateway.returncode == 1
    assert "too few descriptors" in output and '"descriptors":256' in output


def test_a_gateway_says_that_it_takes_fewer_connections_than_configured(tmp_path):
    gateway = start_without_backends(
        tmp_path, "/usr/bin/prlimit", "--nofile=300:300", GATEWAY_MAX_CONNECTIONS="1000"
    )
    try:
        line = line_with("GATEWAY_MAX_CONNECTIONS is more than the descriptors allow", gateway)
        assert (line["configured"], line["maxConnections"]) == (1000, 44)
    finally:
        gateway.kill()
        gateway.wait()
