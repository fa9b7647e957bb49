"""Random reads and writes of users through three gateways at once, on real services: no read that
begins after a write was answered gives what was there before it, although the lab holds fills back
for up to 50 ms, and other readers keep the cache busy. The same while gateways are killed: a
write's gateway that dies before it could invalidate leaves an old value, at most until its time to
live, and the test prints how often that was seen.
"""

import http.client
import json
import random
import threading
import time

import pytest

from native_stack import STANDSTILL_SECONDS, NativeStack, eventually
from scaleout.load.definite import INDEFINITE
from scaleout.load.wrk import Wrk

KEYS = range(101, 107)
CLIENTS = 12
STEPS = 10_000
TTL_S = 1.0
JITTER = 1.1


@pytest.fixture(scope="module")
def stack():
    made = NativeStack(
        GATEWAYS="3",
        LAB_CACHE_FILL_DELAY="50ms",
        CACHE_TTL_USER=f"{int(TTL_S * 1000)}ms",
        GATEWAY_ACCESS_LOG="off",
    )
    try:
        made.up()
        yield made
    finally:
        made.remove()


class Clients:
    """Clients that each own at most one user, whose name they change to rising numbers."""

    def __init__(self, stack):
        self.stack = stack
        # What a read must give, since when, and when its write began.
        self.known = {key: (0, 0.0, 0.0) for key in KEYS}
        self.results = {}
        # (result, seconds since the write was known, whether the machine stood still)
        self.too_old = []
        self.unanswered = 0
        self.refused = 0
        self.errors = []

    def run(self, steps):
        threads = [
            threading.Thread(target=self._client, args=(i, steps // CLIENTS))
            for i in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _client(self, number, steps):
        try:
            self._take_steps(random.Random(number), number, steps)
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(repr(error))

    def _take_steps(self, rng, number, steps):
        connections = {}
        own = KEYS[number] if number < len(KEYS) else None
        for version in range(1, steps + 1):
            gateway = rng.choice((1, 2, 3))
            if own is not None and rng.random() < 0.15:
                self._write(connections, gateway, own, version)
            else:
                self._read(connections, gateway, rng.choice(KEYS))

    def _ask(self, connections, gateway, method, key, body=None):
        """None if the gateway is gone."""
        connection = connections.get(gateway) or http.client.HTTPConnection(
            "127.0.0.1", self.stack.gateway_port(gateway), timeout=10
        )
        try:
            headers = {"Content-Type": "application/json"} if body else {}
            connection.request(method, f"/api/users/{key}", body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            connections[gateway] = connection
            return answer, content
        except (OSError, http.client.HTTPException):
            connection.close()
            connections.pop(gateway, None)
            return None

    def _write(self, connections, gateway, key, version):
        began = time.monotonic()
        said = self._ask(connections, gateway, "PATCH", key, json.dumps({"name": f"v{version}"}))
        if said and said[0].status == 200:
            self.known[key] = (version, time.monotonic(), began)
            return
        # No client has an answer; what the database has by now is what counts.
        if said and self._may_be_refused(said[0], began):
            self.refused += 1
        else:
            self.unanswered += 1
        name = self.stack.query("users", f"SELECT name FROM users WHERE id = {key}")
        known = int(name[1:]) if name.startswith("v") else 0
        self.known[key] = (known, time.monotonic(), began)

    def _may_be_refused(self, answer, began):
        """Deadlines pass while the machine stands still."""
        if answer.status not in INDEFINITE:
            return False
        time.sleep(0.1)  # until the standstill has been noticed, too
        return self.stack.still.touched(began, time.monotonic())

    def _read(self, connections, gateway, key):
        least, since, written = self.known[key]
        began = time.monotonic()
        said = self._ask(connections, gateway, "GET", key)
        if said is None:
            time.sleep(0.02)
            return
        answer, content = said
        if answer.status != 200 and self._may_be_refused(answer, began):
            self.refused += 1
            return
        assert answer.status == 200, (answer.status, content)
        result = answer.headers["X-Cache"]
        self.results[result] = self.results.get(result, 0) + 1
        name = json.loads(content)["name"]
        version = int(name[1:]) if name.startswith("v") else 0
        if version < least:
            # The write's gateway may have found Redis away, and not have invalidated.
            stood_still = self.stack.still.touched(written, time.monotonic())
            self.too_old.append((result, began - since, stood_still))


def run_beside_load(stack, clients, while_running=lambda: None):
    with Wrk(stack.url, "/api/users/1/overview", seconds=300, connections=8) as load:
        threads = clients.run(STEPS)
        while any(thread.is_alive() for thread in threads):
            while_running()
            time.sleep(0.1)
        load.end()
    assert not clients.errors
    print(clients.results, f"{clients.unanswered} writes without an answer")
    print(f"{clients.refused} refused while the machine stood still")
    assert clients.refused < STEPS / 10


def test_no_read_is_older_than_an_answered_write(stack):
    clients = Clients(stack)
    run_beside_load(stack, clients)
    assert [each for each in clients.too_old if not each[2]] == []
    assert all(age < TTL_S * JITTER + STANDSTILL_SECONDS for _, age, _ in clients.too_old)
    assert clients.unanswered == 0
    assert clients.results["HIT"] > 1000 and clients.results["MISS"] > 100


def test_killed_gateways_leave_old_values_for_a_time_to_live_at_most(stack):
    clients = Clients(stack)
    rng = random.Random(5)
    kills = []

    def kill_one():
        if not kills or time.monotonic() - kills[-1] > 1.0:
            kills.append(time.monotonic())
            stack.try_sh("kill", "api-gateway", rng.choice((1, 2, 3)), "KILL")

    run_beside_load(stack, clients, kill_one)
    hidden = [
        age - (STANDSTILL_SECONDS if stood_still else 0)
        for result, age, stood_still in clients.too_old
        if result != "STALE"
    ]
    print(
        f"{len(kills)} kills; {len(clients.too_old)} old values seen, "
        f"at most {max(hidden, default=0):.2f} s"
    )
    assert len(kills) >= 3
    assert all(age < TTL_S * JITTER for age in hidden)
    eventually(lambda: stack.status()["state"] == "up", seconds=20)
