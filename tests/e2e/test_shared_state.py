"""What the gateways share over redis-state: one counter, and the list of themselves."""

import collections
import concurrent.futures
import os
import signal
import threading
import time

import httpx
import pytest

from native_stack import STANDSTILL_SECONDS, LoneGateway, eventually
from problems import check_problem
from scaleout.topology import GUARDS
from test_redis import connected, password_of

_CLIENTS = 64
_INCREMENTS = 3000
# The expiry of an entry, and the age of a document that is made once a second.
_GONE_SECONDS = 6
_INSTANCE = {
    "instanceId",
    "processId",
    "addresses",
    "startedAt",
    "draining",
    "loops",
    "lagMs",
    "utilization",
    "requestsPerSecond",
    "requestsInFlight",
    "breakers",
    "residentBytes",
}


def count(client, refused=None):
    """The next count. Where a gateway stood still for so long that Redis seems not to answer, the
    refusal is noted, and the client asks again, as it is said to; a number may be left out then.
    """
    deadline = time.monotonic() + 2 * STANDSTILL_SECONDS
    while (answer := client.get("/api/count/shared")).status_code != 200:
        problem = check_problem(answer, 503, "UNAVAILABLE")
        assert problem["type"] == "/problems/shared-counter-unavailable", problem
        assert int(answer.headers["retry-after"]) >= 1
        assert time.monotonic() < deadline, answer.text
        if refused is not None:
            refused.append(problem)
        time.sleep(0.05)
    return answer.json()


def listed(url):
    answer = httpx.get(f"{url}/api/instances")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def names(url):
    said = listed(url)
    assert said["complete"], said
    return [each["instanceId"] for each in said["instances"]]


def gateways(number):
    return [f"api-gateway-{k}" for k in range(1, number + 1)]


def processes_of(said):
    return {each["processId"] for each in said["instances"]}


@pytest.fixture
def beside(stack):
    """Makes gateways that share the stack's redis-state, and are not behind nginx."""
    made = []

    def make(name, **variables):
        state = (stack.run_dir / "scratch").resolve() / "redis-state.sock"
        gateway = LoneGateway(
            GATEWAY_INSTANCE_ID=name,
            REDIS_STATE_ADDRESS=f"unix:{state}",
            REDIS_STATE_PASSWORD=password_of(stack, "redis-state"),
            **variables,
        )
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        gateway.stop()


# The shared counter


def test_three_thousand_increments_over_three_gateways_give_every_number_once(stack, client):
    before = count(client)
    share = [_INCREMENTS // _CLIENTS + (k < _INCREMENTS % _CLIENTS) for k in range(_CLIENTS)]

    refused = []

    def increments(number):
        with httpx.Client(base_url=stack.url, timeout=30) as own:
            return [count(own, refused) for _ in range(number)]

    with concurrent.futures.ThreadPoolExecutor(_CLIENTS) as pool:
        found = [each for part in pool.map(increments, share) for each in part]
    first = before["count"] + 1
    numbers = sorted(each["count"] for each in found)
    assert len(set(numbers)) == len(numbers) == _INCREMENTS
    # What was refused may have been counted all the same.
    assert first <= numbers[0] and numbers[-1] < first + _INCREMENTS + len(refused)
    assert len(refused) < _INCREMENTS / 10
    assert {each["since"] for each in found} == {before["since"]}
    by_gateway = collections.Counter(each["instanceId"] for each in found)
    assert set(by_gateway) == set(gateways(3)) and min(by_gateway.values()) > _INCREMENTS / 6


def test_the_shared_count_is_not_for_caches(client):
    answer = client.get("/api/count/shared")
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


@pytest.mark.parametrize("how", ["frozen", "stopped"])
def test_the_shared_counter_is_503_without_redis_state_and_comes_back(stack, driver, client, how):
    before = count(client)
    driver.freeze("redis-state") if how == "frozen" else stack.sh("stop", "redis-state")
    try:
        for _ in range(6):
            began = time.monotonic()
            answer = client.get("/api/count/shared")
            problem = check_problem(answer, 503, "UNAVAILABLE")
            assert problem["type"] == "/problems/shared-counter-unavailable"
            assert int(answer.headers["retry-after"]) >= 1
            # 50 ms where the machine is not busy.
            assert time.monotonic() - began < STANDSTILL_SECONDS
        assert client.get("/api/count").status_code == 200
        for k in (1, 2, 3):
            said = listed(stack.gateway_url(k))
            if not said["complete"]:
                assert [each["instanceId"] for each in said["instances"]] == [f"api-gateway-{k}"]
        eventually(lambda: not listed(stack.gateway_url(1))["complete"])
    finally:
        driver.thaw("redis-state") if how == "frozen" else stack.sh("start", "redis-state")
    after = eventually(lambda: count(client))
    # Numbers may be left out: a command that was sent to a frozen server is carried out later.
    assert after["count"] > before["count"] and after["since"] == before["since"]
    eventually(lambda: names(stack.url) == gateways(3))


def test_the_shared_counter_goes_on_after_a_kill_of_redis_state(stack, client):
    """What is on the disk stays: a crash may lose what was written in the two seconds before, so
    numbers of that time can come again, and older ones never.
    """
    before = count(client)
    with connected(stack, "redis-state") as answers:
        # A rewritten log is on the disk when the rewrite is done.
        answers.ask("BGREWRITEAOF")
        eventually(lambda: "aof_rewrite_in_progress:0" in answers.ask("INFO", "persistence"))
    pid = stack.pids()["redis-state"]
    stack.sh("kill", "redis-state")
    eventually(lambda: stack.pids().get("redis-state") not in (pid, None))
    after = eventually(lambda: count(client))
    assert after["count"] > before["count"]
    assert after["since"] == before["since"]


def test_a_counter_that_was_flushed_says_that_it_began_anew(stack, client):
    before = count(client)
    stack.sh("flush", "redis-state")
    refused = []
    with httpx.Client(base_url=stack.url, timeout=30) as own:
        after = count(own, refused)
    assert 1 <= after["count"] <= 1 + len(refused) and after["since"] > before["since"]


# The list of instances


def test_every_gateway_lists_all_of_them(stack):
    for url in (stack.url, *(stack.gateway_url(k) for k in (1, 2, 3))):
        eventually(lambda url=url: names(url) == gateways(3))
    pids = stack.pids()
    for each in listed(stack.url)["instances"]:
        assert set(each) == _INSTANCE
        assert each["processId"] == pids[each["instanceId"]]
        assert set(each["breakers"]) == set(GUARDS)
        k = int(each["instanceId"][-1])
        assert each["addresses"][0] == f"127.0.0.1:{stack.gateway_port(k)}"


def test_the_list_is_whole_again_within_a_second_after_a_flush(stack):
    eventually(lambda: names(stack.url) == gateways(3))
    stack.sh("flush", "redis-state")
    # And the document is made once a second.
    eventually(lambda: names(stack.url) == gateways(3), seconds=3)


def test_a_killed_gateway_is_gone_within_six_seconds(stack, beside):
    gateway = beside("killed")
    eventually(lambda: "killed" in names(stack.url))
    os.kill(gateway.process.pid, signal.SIGKILL)
    began = time.monotonic()
    eventually(lambda: "killed" not in names(stack.url), seconds=_GONE_SECONDS + 1, every=0.02)
    # The one that says so last may have made its document just before.
    eventually(
        lambda: all("killed" not in names(stack.gateway_url(k)) for k in (1, 2, 3)),
        seconds=_GONE_SECONDS + 1,
        every=0.02,
    )
    assert time.monotonic() - began < _GONE_SECONDS + STANDSTILL_SECONDS


def test_the_process_of_a_gateway_that_was_killed_and_restarted_is_replaced(stack):
    old = stack.pids()["api-gateway-2"]
    os.kill(old, signal.SIGKILL)
    eventually(
        lambda: old not in processes_of(listed(stack.gateway_url(1))), seconds=_GONE_SECONDS + 1
    )
    eventually(lambda: stack.status()["state"] == "up", seconds=20)
    eventually(lambda: names(stack.gateway_url(1)) == gateways(3))


def test_scaling_is_seen_at_each_step(stack):
    eventually(lambda: names(stack.url) == gateways(3))
    try:
        for number in (3, 5, 2):
            stack.sh("scale", number)
            eventually(lambda number=number: names(stack.url) == gateways(number), seconds=3)
    finally:
        stack.sh("scale", 3)
    eventually(lambda: names(stack.url) == gateways(3), seconds=3)


def test_a_gateway_that_drains_says_so_and_is_gone_at_its_end(stack, beside):
    gateway = beside("leaving", GATEWAY_DRAIN_GRACE="200ms")

    def entry():
        return next(
            (each for each in listed(stack.url)["instances"] if each["instanceId"] == "leaving"), {}
        )

    eventually(lambda: entry().get("draining") is False)
    burn = threading.Thread(
        target=httpx.get,
        args=(f"{gateway.url}/api/cpu-bound?ms=5000&mode=offload",),
        kwargs={"timeout": 30},
    )
    burn.start()
    eventually(lambda: entry().get("requestsInFlight") == 1)
    gateway.process.terminate()
    eventually(lambda: entry().get("draining") is True, seconds=4)
    burn.join()
    gateway.process.wait(timeout=20)
    assert gateway.process.returncode == 0
    # Not the expiry: the document's age alone.
    eventually(lambda: not entry(), seconds=2)


def test_a_blocked_gateway_stays_listed_with_its_lag(stack, beside):
    gateway = beside("blocked")
    eventually(lambda: "blocked" in names(stack.url))
    burn = threading.Thread(
        target=httpx.get,
        args=(f"{gateway.url}/api/cpu-bound?ms=7000",),
        kwargs={"timeout": 30},
    )
    burn.start()

    def lag():
        found = [each for each in listed(stack.url)["instances"] if each["instanceId"] == "blocked"]
        assert found, "it is not listed"
        return found[0]["lagMs"]["current"]

    # Longer than an entry lives.
    eventually(lambda: lag() > 5500, seconds=12)
    burn.join()
    eventually(lambda: lag() < 1000)


def test_each_worker_of_a_cluster_is_listed(stack, beside):
    beside("cluster", GATEWAY_WORKERS="2")
    eventually(lambda: {"cluster-w1", "cluster-w2"} <= set(names(stack.url)))
    assert "cluster" not in names(stack.url)
    workers = [each["worker"] for each in listed(stack.url)["instances"] if "worker" in each]
    assert workers == [1, 2]


def test_garbage_in_redis_does_not_break_the_list(stack):
    eventually(lambda: names(stack.url) == gateways(3))
    with connected(stack, "redis-state") as answers:
        now = answers.ask("TIME")[0] + "000"
        garbage = {"bad": "{", "other": '{"instanceId":"x"}', "long": "x" * 5000}
        for name, value in garbage.items():
            assert answers.ask("SET", f"instances:entry:{name}", value, "EX", "60") == "+OK"
            answers.ask("ZADD", "instances:index", now, name)
        answers.ask("ZADD", "instances:index", now, "nothing")
        try:
            began = time.monotonic()
            while time.monotonic() - began < 2.5:
                said = listed(stack.url)
                # Beside them may be those of the test before.
                seen = {each["instanceId"] for each in said["instances"]}
                assert not said["complete"] or seen >= set(gateways(3))
                assert not seen & {*garbage, "x", "nothing"}
                time.sleep(0.1)
        finally:
            for name in (*garbage, "nothing"):
                answers.ask("DEL", f"instances:entry:{name}")
                answers.ask("ZREM", "instances:index", name)


def test_without_redis_state_a_gateway_lists_itself():
    gateway = LoneGateway()
    try:
        said = listed(gateway.url)
        assert [each["instanceId"] for each in said["instances"]] == ["lone-gateway"]
        assert said["complete"] is False
        problem = check_problem(httpx.get(f"{gateway.url}/api/count/shared"), 503, "UNAVAILABLE")
        assert "REDIS_STATE_ADDRESS" in problem["detail"]
    finally:
        gateway.stop()


# What people see


def test_status_shows_the_instances(stack):
    eventually(lambda: names(stack.url) == gateways(3))

    def lines_of(name):
        printed = stack.sh("status")
        assert "breakers" in printed
        return [line for line in printed.splitlines() if line.split()[:1] == [name]]

    for name in gateways(3):
        eventually(lambda name=name: len(lines_of(name)) == 2)
