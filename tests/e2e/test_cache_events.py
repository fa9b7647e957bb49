"""What no gateway invalidates, the owners' events do: reads give the new within a second, although
values are fresh for ten minutes and nothing else would end them.
"""

import concurrent.futures
import json
import os
import signal
import time
import uuid

import httpx
import pytest

from native_stack import STANDSTILL_SECONDS, NativeStack, eventually, patient_client
from scaleout.driver.native import NativeDriver

_GATEWAYS = (1, 2)
_LONG = "600s"


@pytest.fixture(scope="module", name="stack")
def make_stack():
    made = NativeStack(
        GATEWAYS=str(len(_GATEWAYS)),
        CACHE_STALE="0ms",
        # A write waits for a lock that a test holds.
        DB_STATEMENT_TIMEOUT="10s",
        GATEWAY_ATTEMPT_TIMEOUT="12s",
        **{f"CACHE_TTL_{name}": _LONG for name in ("USER", "PRODUCT", "ORDER", "PAYMENT", "LIST")},
    )
    try:
        made.up()
        yield made
    finally:
        made.remove()


@pytest.fixture(name="gateways")
def make_gateways(stack):
    clients = [patient_client(stack.still, base_url=stack.gateway_url(k)) for k in _GATEWAYS]
    # Events of the test before may still replace tokens.
    eventually(lambda: all(is_settled(each) for each in clients))
    yield clients
    for client in clients:
        client.close()


def events_of(gateway):
    return gateway.get("/api/metrics").json()["events"]


def is_settled(gateway):
    events = events_of(gateway)
    return len(events["streams"]) == 4 and not any(
        each["lag"] + each["pending"] for each in events["streams"].values()
    )


def warm(gateways, path):
    """What each gateway answers from the cache."""
    for gateway in gateways:
        eventually(lambda: gateway.get(path).headers["x-cache"] == "HIT")
    return gateways[0].get(path).json()


def seconds_until(what, limit=1.0):
    """How long it took, which must be less than `limit`, where the machine does not stand still."""
    began = time.monotonic()
    eventually(what, seconds=limit, every=0.005)
    return time.monotonic() - began


def new_user(gateway):
    answer = gateway.post(
        "/api/users", json={"email": f"{uuid.uuid4().hex}@example.com", "name": "Old"}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def rename_past_the_gateways(stack, user, name, with_event=True):
    """As the user service commits it, on behalf of a gateway that is gone."""
    event = (
        "INSERT INTO outbox (kind, aggregate_id, type, payload)"
        f""" VALUES ('user', {user}, 'user.changed', '{{"userId":"{user}"}}');"""
    )
    stack.query(
        "users",
        f"BEGIN; UPDATE users SET name = '{name}' WHERE id = {user};"
        f" {event if with_event else ''} COMMIT",
    )


def test_a_product_changed_by_sql_is_seen_alone_and_in_lists(stack, gateways):
    path, listed = "/api/products/3", "/api/products?page_size=5"
    took = []
    for number in range(5):
        name = f"Changed {number}"
        warm(gateways, path)
        warm(gateways, listed)
        stack.query("orders", f"UPDATE products SET name = '{name}' WHERE id = 3")
        for gateway in gateways:
            took.append(seconds_until(lambda: gateway.get(path).json()["name"] == name))
            seconds_until(
                lambda: name in [each["name"] for each in gateway.get(listed).json()["items"]]
            )
    print("seconds after psql had ended:", [round(each, 3) for each in took])


def test_without_an_event_the_old_stays_and_with_it_it_goes(stack, gateways):
    user = new_user(gateways[0])
    path = f"/api/users/{user}"
    eventually(lambda: all(is_settled(each) for each in gateways))
    warm(gateways, path)
    rename_past_the_gateways(stack, user, "Silent", with_event=False)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        answer = gateways[1].get(path)
        if answer.headers["x-cache"] != "HIT":
            # The machine stood still for so long that Redis seemed to be away.
            break
        assert answer.json()["name"] == "Old"
    rename_past_the_gateways(stack, user, "New")
    for gateway in gateways:
        seconds_until(lambda: gateway.get(path).json()["name"] == "New")


def test_a_gateway_that_dies_between_commit_and_invalidation_is_made_up_for(stack, gateways):
    one, two = gateways
    user = new_user(two)
    path = f"/api/users/{user}"
    eventually(lambda: all(is_settled(each) for each in gateways))
    warm([two], path)
    pid = stack.pids()["api-gateway-1"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with stack.locked("users", "users"):
            writing = pool.submit(
                lambda: httpx.patch(
                    f"{stack.gateway_url(1)}{path}", json={"name": "New"}, timeout=30
                )
            )
            waits = (
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE users%'"
            )
            eventually(lambda: stack.query("users", waits) != "0")
            os.kill(pid, signal.SIGSTOP)
        committed = f"SELECT name FROM users WHERE id = {user}"
        eventually(lambda: stack.query("users", committed) == "New")
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(httpx.HTTPError):
            writing.result(timeout=30)
    # The dead gateway may have been given the event: another one claims it after half a second.
    seconds_until(lambda: two.get(path).json()["name"] == "New", limit=3.0)
    print(f"{time.monotonic() - began:.3f} s after the kill")
    eventually(lambda: one.get("/readyz").status_code == 200)


def test_a_paid_order_is_seen_although_its_order_was_cached(gateways):
    one, two = gateways
    user = new_user(one)
    order = one.post(
        "/api/orders", json={"userId": user, "items": [{"productId": 1, "quantity": 1}]}
    ).json()
    path = f"/api/orders/{order['id']}"
    eventually(lambda: all(is_settled(each) for each in gateways))
    assert warm(gateways, path)["status"] == "PENDING"
    paid = one.post(
        "/api/payments",
        json={"orderId": order["id"], "paymentMethodToken": "tok_success"},
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )
    assert paid.status_code == 201, paid.text
    took = seconds_until(lambda: two.get(path).json()["status"] == "PAID")
    print(f"PAID after {took:.3f} s")
    seconds_until(
        lambda: one.get(f"/api/orders?user_id={user}").json()["items"][0] == two.get(path).json()
    )


@pytest.mark.parametrize("server", ["redis-cache", "redis-state"])
def test_an_event_waits_for_a_frozen_server_and_then_acts(stack, gateways, server):
    user = new_user(gateways[0])
    path = f"/api/users/{user}"
    eventually(lambda: all(is_settled(each) for each in gateways))
    warm(gateways, path)
    driver = NativeDriver(stack.run_dir)
    driver.freeze(server)
    try:
        rename_past_the_gateways(stack, user, "New")
        time.sleep(1.0)  # several attempts
    finally:
        driver.thaw(server)
    for gateway in gateways:
        seconds_until(lambda: gateway.get(path).json()["name"] == "New", limit=5.0)
    eventually(lambda: all(is_settled(each) for each in gateways))


def test_frozen_servers_delay_neither_start_nor_end_of_a_gateway(stack, gateways):
    driver = NativeDriver(stack.run_dir)
    for server in ("redis-cache", "redis-state"):
        driver.freeze(server)
    try:
        time.sleep(0.5)  # the thread of events waits for a server
        pid = stack.pids()["api-gateway-2"]
        began = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: stack.pids().get("api-gateway-2") not in (None, 0, pid))
        eventually(lambda: gateways[1].get("/readyz").status_code == 200)
        # 0.2 s of grace, at most 1 s each for the entry of the instance and for the thread.
        print(f"again after {time.monotonic() - began:.3f} s")
        assert time.monotonic() - began < 5 + STANDSTILL_SECONDS
    finally:
        for server in ("redis-cache", "redis-state"):
            driver.thaw(server)
    eventually(lambda: is_settled(gateways[1]))


def test_events_are_counted(stack, gateways):
    def count(name):
        return sum(events_of(gateway)["consumed"][name] for gateway in gateways)

    time.sleep(1.1)  # /api/metrics is made once a second
    before = count("invalidated")
    for number in range(20):
        stack.query("orders", f"UPDATE products SET name = 'Again {number}' WHERE id = 4")
    eventually(lambda: count("invalidated") >= before + 20)
    assert count("malformed") == 0
    eventually(lambda: any(events_of(each)["lagMs"]["p50"] > 0 for each in gateways))
    lags = [json.dumps(events_of(each)["lagMs"]) for each in gateways]
    print("from the event to its effect:", *lags)
    page = gateways[0].get("/metrics").text
    assert "events_total{" in page and "inbox_lag_seconds_bucket" in page
