"""Scaling and blocking: live changes under load that nobody notices, and what a blocked loop does
to its neighbours.
"""

import re
import subprocess
import threading
import time

import httpx
import pytest

from native_stack import LoneGateway, eventually


class Load:
    """wrk in the background: closed loop, keep-alive, no retries; what went wrong is in its
    summary.
    """

    def __init__(self, url, seconds, connections=16, threads=1):
        self.process = subprocess.Popen(
            ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", url],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def result(self):
        """How many requests, and how many of them failed in any way."""
        output = self.process.communicate(timeout=120)[0]
        requests = int(re.search(r"(\d+) requests in", output).group(1))
        failures = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", output)))
        failures += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", output)))
        return requests, failures, output


def test_scaling_up_and_down_under_load_fails_no_request(stack):
    load = Load(f"{stack.url}/api/users/1", seconds=14)
    time.sleep(1)
    for count in (5, 2, 3):
        stack.sh("scale", count)
        with stack.client() as client:
            seen = {client.get("/api/count").headers["x-instance-id"] for _ in range(3 * count)}
        assert seen == {f"api-gateway-{k}" for k in range(1, count + 1)}
    requests, failures, output = load.result()
    assert requests > 1000
    assert failures == 0, output


def test_a_rolling_restart_of_the_gateways_under_load_fails_no_request(stack):
    before = stack.pids()
    load = Load(f"{stack.url}/api/users/1", seconds=24)
    time.sleep(1)
    for k in (1, 2, 3):
        stack.sh("restart", "api-gateway", k)
    assert load.process.poll() is None, "the load ended before the restarts did"
    requests, failures, output = load.result()
    assert failures == 0, output
    after = stack.pids()
    assert all(before[f"api-gateway-{k}"] != after[f"api-gateway-{k}"] for k in (1, 2, 3))


def test_two_gateways_killed_at_once_are_not_missed(stack):
    load = Load(f"{stack.url}/api/users/1", seconds=8)
    time.sleep(1)
    before = stack.pids()
    for k in (1, 2):
        subprocess.run(["kill", "-KILL", str(before[f"api-gateway-{k}"])], check=True)
    requests, failures, output = load.result()
    assert failures == 0, output
    eventually(lambda: stack.status()["state"] == "up")
    with stack.client() as client:
        eventually(
            lambda: len({client.get("/api/count").headers["x-instance-id"] for _ in range(6)}) == 3
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
    with stack.client() as client:
        with_three = min(burn_then_ask(client, "block") for _ in range(2))
        stack.sh("scale", 1)
        try:
            with_one = burn_then_ask(client, "block")
            offloaded = min(burn_then_ask(client, "offload") for _ in range(2))
        finally:
            stack.sh("scale", 3)
    assert with_three < 0.25
    assert with_one > 1.2
    assert offloaded < 0.25


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
            target=httpx.get, args=(f"{gateway.url}/api/cpu-bound?ms=2500",), kwargs={"timeout": 30}
        )
        burn.start()
        # A new connection may land on the blocked loop and wait; then it sees nothing, and the next
        # one tries.
        seen = []
        began = time.monotonic()
        while time.monotonic() - began < 2.2:
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
        assert "/api/cpu-bound" in gateway.output(), "the log names the route"
        eventually(lambda: max(lags()) < 0.05)
        assert re.search(
            r'gateway_event_loop_stalls_total\{[^}]*route="/api/cpu-bound"[^}]*\} [1-9]',
            httpx.get(f"{gateway.url}/metrics").text,
        )
    finally:
        gateway.stop()


@pytest.mark.parametrize("path", ["/api/users/%d/overview" % 1])
def test_sixty_killed_clients_leak_nothing(stack, path):
    def descriptors(pid):
        return len(
            subprocess.run(
                ["ls", f"/proc/{pid}/fd"], capture_output=True, text=True, check=True
            ).stdout.split()
        )

    pids = [stack.pids()[f"api-gateway-{k}"] for k in (1, 2, 3)]
    Load(f"{stack.url}{path}", seconds=1, connections=64).result()
    before = [descriptors(pid) for pid in pids]
    for k in range(60):
        client = subprocess.Popen(
            ["wrk", "-t1", "-c32", "-d10s", f"{stack.gateway_url(k % 3 + 1)}{path}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.12)
        client.kill()
        client.wait()
    eventually(
        lambda: all(descriptors(pid) <= old + 4 for pid, old in zip(pids, before)), seconds=15
    )
    assert [stack.pids()[f"api-gateway-{k}"] for k in (1, 2, 3)] == pids, "nobody died"
    requests, failures, output = Load(f"{stack.url}{path}", seconds=2).result()
    assert failures == 0, output
    with stack.client() as client:
        metrics = [httpx.get(f"{stack.gateway_url(k)}/api/metrics").json() for k in (1, 2, 3)]
        assert all(m["requests"]["inFlight"] <= 1 for m in metrics), "an answer was lost"
        assert client.get(path).status_code == 200
