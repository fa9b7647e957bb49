"""Parts that die: what clients see meanwhile, and what is in the databases afterwards."""

import concurrent.futures
import contextlib
import io
import socket
import time

import httpx
import pytest

from native_stack import STANDSTILL_SECONDS, eventually, patient_client
from problems import check_problem
from scaleout.load.buyer import Buyers
from scaleout.load.client import PAST_THE_CACHE
from scaleout.load.open_loop import OpenLoop, Request, Stream
from scaleout.money import checker
from scaleout.narrator import Narrator


def past_the_cache(client, path):
    """The answer of the service, or of the gateway that cannot reach it."""
    return client.get(path, headers=PAST_THE_CACHE)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_postgresql_goes_and_comes_back_under_load(stack, how):
    before = stack.pids()
    reads = Stream("user", 150, lambda: Request("GET", "/api/users/1", PAST_THE_CACHE))
    with OpenLoop(stack.url, [reads]) as load:
        time.sleep(0.5)
        gone_at = time.monotonic()
        if how == "stop":
            stack.sh("stop", "postgres")
            eventually(lambda: load.outcomes[-1].status == 503)
            time.sleep(1)
            back_at = time.monotonic()
            stack.sh("start", "postgres")
        else:
            stack.sh("kill", "postgres", "KILL")
            back_at = gone_at
        eventually(lambda: [each.status for each in load.outcomes[-20:]] == [200] * 20, seconds=15)
        recovered_in = time.monotonic() - back_at
    failed = [outcome for outcome in load.outcomes if outcome.status != 200]
    if how == "stop":
        assert failed
    for outcome in failed:
        if stack.still.excuses(outcome):
            continue
        answer = httpx.Response(outcome.status, headers=outcome.headers, content=outcome.body)
        check_problem(answer, 503, "UNAVAILABLE")
    assert all(
        outcome.status == 200 or stack.still.excuses(outcome)
        for outcome in load.outcomes
        if outcome.ended < gone_at
    )
    assert recovered_in < 12 + STANDSTILL_SECONDS
    after = stack.pids()
    assert {name: pid for name, pid in after.items() if name != "postgres"} == {
        name: pid for name, pid in before.items() if name != "postgres"
    }, "nothing else was restarted"


def test_one_service_down_leaves_the_others_alone(stack):
    with stack.client() as client:
        stack.sh("stop", "payment-service")
        try:
            check_problem(past_the_cache(client, "/api/payments/1"), 503, "UNAVAILABLE")
            assert past_the_cache(client, "/api/users/1").status_code == 200
            assert past_the_cache(client, "/api/orders?user_id=1").status_code == 200
            overview = past_the_cache(client, "/api/users/1/overview")
            assert overview.status_code == 200
            assert overview.headers["x-aggregate-complete"] == "false"
            assert overview.headers["cache-control"] == "no-store"
            assert overview.json()["payments"] is None
            assert overview.json()["_meta"]["parts"]["payments"]["status"] in (
                "error",
                "timeout",
                "circuit_open",
            )
            # The answer may be a second old.
            eventually(
                lambda: client.get("/api/health").json()["backends"]["payment"]["status"]
                != "SERVING"
            )
            # A shared dependency that is down does not take the gateways out of service.
            assert httpx.get(f"{stack.gateway_url(1)}/readyz").status_code == 200
        finally:
            stack.sh("start", "payment-service")
        eventually(
            lambda: past_the_cache(client, "/api/payments?user_id=1").status_code == 200, seconds=15
        )
        eventually(
            lambda: past_the_cache(client, "/api/users/1/overview").headers["x-aggregate-complete"]
            == "true",
            seconds=15,
        )

        stack.sh("stop", "user-service")
        try:
            check_problem(past_the_cache(client, "/api/users/1/overview"), 503, "UNAVAILABLE")
        finally:
            stack.sh("start", "user-service")
        eventually(
            lambda: past_the_cache(client, "/api/users/1/overview").status_code == 200, seconds=15
        )


@pytest.mark.parametrize(
    "victim",
    [
        ("api-gateway", "2"),
        ("order-service",),
        ("payment-service",),
        ("user-service",),
        ("postgres",),
        ("redis-cache",),
        ("redis-state",),
        ("nginx",),
    ],
    ids=lambda victim: victim[0],
)
def test_what_was_acknowledged_survives_a_kill_once(stack, driver, victim):
    with Buyers(stack.url, 4) as buyers:
        eventually(lambda: len(buyers.record.payments) > 2)
        stack.sh("kill", *victim, "KILL")
        time.sleep(1.5)
    eventually(lambda: stack.status()["state"] == "up", seconds=20)
    assert len(buyers.record.payments) > 5
    narrator = Narrator("the checker", out=io.StringIO())
    checker.check(narrator, driver, buyers.record)
    assert not narrator.failed()


def test_a_frozen_part_answers_nothing_until_it_is_thawed(driver, client):
    wait = {**PAST_THE_CACHE, "X-Request-Timeout-Ms": "300"}
    driver.freeze("postgres")
    try:
        answer = client.get("/api/users/1", headers=wait)
        # The service may have noticed already.
        check_problem(answer, 503 if answer.status_code == 503 else 504)
    finally:
        driver.thaw("postgres")
    eventually(lambda: past_the_cache(client, "/api/users/1").status_code == 200, seconds=15)


def test_clients_that_leave_a_frozen_service_take_no_place_of_others(stack, driver):
    url = httpx.URL(stack.gateway_url(1))
    until = time.monotonic() + 4

    def ask_and_leave():
        while time.monotonic() < until:
            with socket.create_connection((url.host, url.port)) as connection:
                connection.sendall(
                    b"GET /api/users/1 HTTP/1.1\r\nHost: h\r\nCache-Control: no-cache\r\n\r\n"
                )
                connection.settimeout(0.3)
                with contextlib.suppress(TimeoutError):
                    connection.recv(1)

    driver.freeze("user-service")
    try:
        with patient_client(
            stack.still, base_url=url
        ) as other, concurrent.futures.ThreadPoolExecutor(100) as pool:
            impatient = [pool.submit(ask_and_leave) for _ in range(100)]
            statuses = []
            while time.monotonic() < until:
                statuses.append(past_the_cache(other, "/api/products").status_code)
                time.sleep(0.05)
            for client in impatient:
                client.result()
        assert statuses == [200] * len(statuses)
    finally:
        driver.thaw("user-service")
    with stack.client() as client:
        eventually(lambda: past_the_cache(client, "/api/users/1").status_code == 200, seconds=15)


def test_a_client_that_has_50_ms_gets_its_504_and_the_statement_ends(stack):
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE usename = 'user_service' AND wait_event_type = 'Lock'"
    )
    with stack.client() as client, stack.locked("users", "users"):
        began = time.monotonic()
        answer = client.get(
            "/api/users/1", headers={**PAST_THE_CACHE, "X-Request-Timeout-Ms": "50"}
        )
        took = time.monotonic() - began
        check_problem(answer, 504, "DEADLINE_EXCEEDED")
        assert took < STANDSTILL_SECONDS, f"50 ms were asked for, not {1000 * took:.0f}"

        # One that is long enough to be seen waiting. The lock is held all the while, so a statement
        # that were not cancelled would wait on.
        def is_seen_waiting():
            seen = False
            with concurrent.futures.ThreadPoolExecutor() as pool:
                longer = pool.submit(
                    client.get,
                    "/api/users/2",
                    headers={**PAST_THE_CACHE, "X-Request-Timeout-Ms": "1500"},
                )
                while not longer.done() and not seen:
                    seen = stack.query("users", waiting) == "1"
                check_problem(longer.result(), 504, "DEADLINE_EXCEEDED")
            return seen

        assert any(is_seen_waiting() for _ in range(4))
        eventually(lambda: stack.query("users", waiting) == "0", seconds=1)


def test_a_client_that_hangs_up_costs_nothing(stack):
    with stack.client() as client:
        left = 0
        for _ in range(20):
            # On a busy machine an answer may come before this client's timeout.
            try:
                answer = client.get("/api/cpu-bound?ms=300&mode=offload", timeout=0.01)
                assert answer.status_code in (200, 503)
            except httpx.TimeoutException:
                left += 1
        assert left
        eventually(lambda: client.get("/api/users/1").status_code == 200)
