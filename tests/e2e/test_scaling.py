"""Scaling and blocking: live changes under load that fail no request, and what a blocked loop does
to its neighbours.
"""

import concurrent.futures
import contextlib
import os
import re
import signal
import threading
import time

import httpx
import psutil
import pytest

from native_stack import STANDSTILL_SECONDS, LoneGateway, eventually
from problems import check_problem
from scaleout.load import wrk
from scaleout.load.wrk import Wrk


@contextlib.contextmanager
def load(stack, path="/api/users/1"):
    """wrk beside a block: closed loop, keep-alive, no retries. Not one request may fail, but for
    those whose deadline passed while the machine stood still.
    """
    began = time.monotonic()
    with Wrk(stack.url, path, seconds=300, connections=16) as running:
        time.sleep(1)
        yield
        report = running.end()
        stood_still = stack.still.touched(began, time.monotonic())
    assert report.errors == 0 or (stood_still and report.errors < 0.1 * report.requests), report
    # Programs with sanitizers are slow; after a storm they answer a handful in a second.
    assert report.requests > (0 if os.environ.get("SANITIZED") else 100), report


def test_scaling_up_and_down_under_load_fails_no_request(stack):
    with load(stack):
        for count in (5, 2, 3):
            stack.sh("scale", count)
            # Turns are shared with the load, so it may take more requests to see all.
            with stack.client() as client:
                seen = {
                    client.get("/api/count").headers["x-instance-id"] for _ in range(20 * count)
                }
            assert seen == {f"api-gateway-{k}" for k in range(1, count + 1)}


def test_a_rolling_restart_of_the_gateways_under_load_fails_no_request(stack):
    before = stack.pids()
    with load(stack):
        for k in (1, 2, 3):
            stack.sh("restart", "api-gateway", k)
    after = stack.pids()
    assert all(before[f"api-gateway-{k}"] != after[f"api-gateway-{k}"] for k in (1, 2, 3))


def test_two_gateways_killed_at_once_are_not_missed(stack):
    before = stack.pids()
    with load(stack):
        for k in (1, 2):
            os.kill(before[f"api-gateway-{k}"], signal.SIGKILL)
        # Both are back, and get their share again, while the load goes on.
        eventually(lambda: stack.status()["state"] == "up", seconds=20)
        with stack.client() as client:
            eventually(
                lambda: len({client.get("/api/count").headers["x-instance-id"] for _ in range(12)})
                == 3,
                seconds=20,
            )


def burn_then_ask(client, mode):
    """How long /api/users takes while a loop burns for two seconds, in seconds."""
    burn = threading.Thread(target=client.get, args=(f"/api/cpu-bound?ms=2000&mode={mode}",))
    burn.start()
    time.sleep(0.2)
    began = time.monotonic()
    assert client.get("/api/users?page_size=3").status_code == 200
    took = time.monotonic() - began
    burn.join()
    return took


def test_a_blocked_loop_delays_its_own_requests_only(stack):
    def is_seen(client, mode, what):
        """At one of some tries: the machine may stand still at the others."""
        return any(what(burn_then_ask(client, mode)) for _ in range(4))

    with stack.client() as client:
        assert is_seen(client, "block", lambda took: took < 0.25)
        stack.sh("scale", 1)
        try:
            assert is_seen(client, "block", lambda took: took > 1.2)
            assert is_seen(client, "offload", lambda took: took < 0.25)
        finally:
            stack.sh("scale", 3)


def test_the_lag_of_a_blocked_loop_can_be_read_while_it_lasts():
    """From another process, over the gateway's other loop."""
    gateway = LoneGateway(GATEWAY_LOOPS="2")
    try:

        def lags():
            page = httpx.get(f"{gateway.url}/metrics", timeout=5).text
            return [
                float(value)
                for value in re.findall(
                    r"^gateway_event_loop_current_lag_seconds\{[^}]*\} (\S+)", page, re.MULTILINE
                )
            ]

        assert len(lags()) == 2
        burn = threading.Thread(
            target=httpx.get, args=(f"{gateway.url}/api/cpu-bound?ms=4000",), kwargs={"timeout": 30}
        )
        burn.start()
        # A new connection may land on the blocked loop and wait; then it sees nothing, and the next
        # one tries.
        seen = []
        began = time.monotonic()
        while time.monotonic() - began < 3.7:
            try:
                page = httpx.get(f"{gateway.url}/metrics", timeout=0.5).text
            except httpx.TimeoutException:
                continue
            seen.append(
                max(
                    float(v)
                    for v in re.findall(
                        r"^gateway_event_loop_current_lag_seconds\{[^}]*\} (\S+)",
                        page,
                        re.MULTILINE,
                    )
                )
            )
            time.sleep(0.1)
        burn.join()
        assert max(seen) > 0.8, seen
        # While it lasts at WARN or, where the processors are short and other warnings came just
        # before, in the line about its end. Not the access log's line.
        eventually(
            lambda: re.search(r'"msg":"event loop .*"route":"/api/cpu-bound"', gateway.output()),
            seconds=15,
        )
        eventually(lambda: max(lags()) < 0.5)
        assert re.search(
            r'gateway_event_loop_stalls_total\{[^}]*route="/api/cpu-bound"[^}]*\} [1-9]',
            httpx.get(f"{gateway.url}/metrics").text,
        )
    finally:
        gateway.stop()


def test_sixty_killed_clients_leak_nothing(stack):
    path = "/api/users/1/overview"

    def descriptors(pid):
        return psutil.Process(pid).num_fds()

    pids = [stack.pids()[f"api-gateway-{k}"] for k in (1, 2, 3)]
    wrk.run(stack.url, path, seconds=1, connections=64)
    before = [descriptors(pid) for pid in pids]
    for k in range(60):
        with Wrk(stack.gateway_url(k % 3 + 1), path, seconds=10, connections=32):
            time.sleep(0.12)  # and is killed in the middle of its requests
    eventually(
        lambda: all(descriptors(pid) <= old + 4 for pid, old in zip(pids, before)), seconds=15
    )
    assert [stack.pids()[f"api-gateway-{k}"] for k in (1, 2, 3)] == pids, "a gateway died"
    with load(stack, path):
        time.sleep(0.2)
    with stack.client() as client:
        # Of a second ago, when the load may not have ended.
        eventually(
            lambda: all(
                httpx.get(f"{stack.gateway_url(k)}/api/metrics").json()["requests"]["inFlight"] <= 1
                for k in (1, 2, 3)
            )
        )
        assert client.get(path).status_code == 200


def ask_nine_times_at_once(url, path):
    """Nine clients' answers, with the time that each took in seconds."""

    def ask(_):
        began = time.monotonic()
        answer = httpx.get(url + path, timeout=60)
        return answer, time.monotonic() - began

    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        return list(pool.map(ask, range(9)))


def test_burns_that_block_the_loop_never_add_up_to_the_watchdogs_limit():
    """Together they hold the only loop for three times as long as it may go without progress."""
    gateway = LoneGateway(LOOP_ABORT_AFTER="3s")
    try:
        answers = ask_nine_times_at_once(gateway.url, "/api/cpu-bound?ms=1000")
        assert [answer.status_code for answer, _ in answers] == [200] * 9
        assert gateway.is_alive
    finally:
        gateway.stop()


def test_nine_of_the_longest_burns_at_once_end_no_gateway(stack):
    """Each gateway's loop has time for one within the request's fifteen seconds. The others are
    refused, at once or when the loop is free to read them, and not by nginx's timeout.
    """
    before = stack.pids()
    answers = ask_nine_times_at_once(stack.url, "/api/cpu-bound?ms=10000")
    assert stack.pids() == before
    statuses = [answer.status_code for answer, _ in answers]
    assert set(statuses) == {200, 503} and statuses.count(200) >= 3, statuses
    assert max(took for _, took in answers) < 15.5 + STANDSTILL_SECONDS
    for answer, _ in answers:
        if answer.status_code == 503:
            problem = check_problem(answer, 503, "UNAVAILABLE")
            assert problem["type"] == "/problems/overloaded"
            assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("mode", ["block", "offload"])
def test_work_ends_at_the_clients_deadline(mode):
    gateway = LoneGateway()
    try:
        began = time.monotonic()
        answer = httpx.get(
            f"{gateway.url}/api/cpu-bound?ms=10000&mode={mode}",
            headers={"X-Request-Timeout-Ms": "200"},
        )
        assert time.monotonic() - began < STANDSTILL_SECONDS
        problem = check_problem(answer, 504, "DEADLINE_EXCEEDED")
        assert problem["type"] == "/problems/deadline-exceeded"
        # Nothing of it goes on.
        answer = httpx.get(f"{gateway.url}/api/cpu-bound?ms=1&mode={mode}")
        assert answer.json()["durationMs"] < 1000 * STANDSTILL_SECONDS
    finally:
        gateway.stop()
