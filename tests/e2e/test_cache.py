"""Cached reads over three gateways: what answers say of the cache, and that a write through one
gateway is seen through the others at once.
"""

import re
import uuid

import httpx
import pytest

from native_stack import NativeStack, eventually, patient_client
from problems import check_problem
from scaleout.load.client import PAST_THE_CACHE

_GATEWAYS = (1, 2, 3)


@pytest.fixture(name="gateways")
def make_gateways(stack):
    """A client of each gateway, not through nginx."""
    clients = [patient_client(stack.still, base_url=stack.gateway_url(k)) for k in _GATEWAYS]
    yield clients
    for client in clients:
        client.close()


def new_user(client):
    answer = client.post(
        "/api/users", json={"email": f"{uuid.uuid4().hex}@example.com", "name": "Ada Example"}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def new_order(client, user_id):
    answer = client.post(
        "/api/orders", json={"userId": user_id, "items": [{"productId": 1, "quantity": 1}]}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def pay(client, order):
    answer = client.post(
        "/api/payments",
        json={"orderId": order["id"], "paymentMethodToken": "tok_success"},
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def ids_in_list(client, path):
    """From a list that is cached."""
    answer = client.get(path)
    assert answer.status_code == 200 and answer.headers["x-cache"] in ("HIT", "MISS")
    return [item["id"] for item in answer.json()["items"]]


def warm(gateways, path):
    """Until each gateway answers it from the cache: a value is stored beside its answer."""
    for gateway in gateways:
        eventually(lambda: gateway.get(path).headers["x-cache"] == "HIT")


def test_a_cold_a_warm_and_a_revalidated_read_say_what_the_cache_did(stack, gateways):
    one, two, _ = gateways
    path = f"/api/users/{new_user(one)['id']}"
    # Its event replaces tokens once more; then it is deleted.
    eventually(lambda: stack.query("users", "SELECT count(*) FROM outbox") == "0")

    cold = one.get(path)
    assert (cold.headers["x-cache"], cold.headers["cache-status"]) == ("MISS", "scaleout; fwd=miss")
    assert "age" not in cold.headers

    warm([two], path)
    hit = two.get(path)
    assert hit.headers["x-cache"] == "HIT"
    assert re.fullmatch(r"scaleout; hit; ttl=\d+", hit.headers["cache-status"])
    assert 0 <= int(hit.headers["age"]) < 30
    assert hit.content == cold.content

    revalidated = two.get(path, headers=PAST_THE_CACHE)
    assert revalidated.headers["x-cache"] == "MISS"
    assert revalidated.headers["cache-status"] == "scaleout; fwd=request"
    assert "age" not in revalidated.headers
    assert revalidated.content == cold.content

    for answer in (cold, hit, revalidated):
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.headers["etag"] == cold.headers["etag"]


def test_a_client_that_has_the_answer_gets_304_from_any_gateway_until_it_changes(gateways):
    one, two, three = gateways
    path = f"/api/users/{new_user(one)['id']}"
    tag = one.get(path).headers["etag"]
    for gateway in gateways:
        answer = gateway.get(path, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert answer.headers["cache-control"] == "private, no-cache"
    assert two.patch(path, json={"name": "Changed"}).status_code == 200
    changed = three.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["etag"] != tag


def test_a_write_through_one_gateway_is_seen_through_the_others_at_once(gateways):
    path = f"/api/users/{new_user(gateways[0])['id']}"
    for number in range(30):
        warm(gateways, path)
        writer = gateways[number % 3]
        name = f"Name {number}"
        assert writer.patch(path, json={"name": name}).status_code == 200
        assert [gateway.get(path).json()["name"] for gateway in gateways] == [name] * 3
    assert gateways[1].delete(path).status_code == 204
    for gateway in gateways:
        check_problem(gateway.get(path), 404, "NOT_FOUND")


def test_a_creation_is_seen_in_the_lists_of_its_user_at_once(gateways):
    one, two, three = gateways
    user = new_user(one)["id"]
    orders, payments = f"/api/orders?user_id={user}", f"/api/payments?user_id={user}"
    warm(gateways, orders)
    warm(gateways, payments)
    order = new_order(two, user)
    assert [ids_in_list(each, orders) for each in gateways] == [[order["id"]]] * 3
    payment = pay(three, order)
    assert [ids_in_list(each, payments) for each in gateways] == [[payment["id"]]] * 3
    parts = one.get(f"/api/users/{user}/overview").json()
    assert [item["id"] for item in parts["payments"]["items"]] == [payment["id"]]


def test_an_order_that_is_paid_for_is_seen_as_such_alone_and_in_its_list_at_once(gateways):
    one, two, _ = gateways
    order = new_order(one, new_user(one)["id"])
    path, listed = f"/api/orders/{order['id']}", f"/api/orders?user_id={order['userId']}"
    warm(gateways, path)
    warm(gateways, listed)
    pay(two, order)
    for gateway in gateways:
        assert gateway.get(path).json()["status"] in ("RESERVED", "PAID")
        assert gateway.get(listed).json()["items"][0]["status"] in ("RESERVED", "PAID")


def test_a_cancelled_order_is_seen_alone_and_in_its_list_at_once(gateways):
    one, two, _ = gateways
    order = new_order(one, new_user(one)["id"])
    path, listed = f"/api/orders/{order['id']}", f"/api/orders?user_id={order['userId']}"
    warm(gateways, path)
    warm(gateways, listed)
    assert two.post(f"{path}/cancel").status_code == 200
    for gateway in gateways:
        assert gateway.get(path).json()["status"] == "CANCELLED"
        assert gateway.get(listed).json()["items"][0]["status"] == "CANCELLED"


def test_a_missing_thing_is_remembered_until_it_is_created(stack, gateways):
    one, two, three = gateways
    # No other test creates users meanwhile, so the sequence says what the next id is.
    last = int(stack.query("users", "SELECT last_value FROM users_id_seq"))
    path = f"/api/users/{last + 1}"
    check_problem(one.get(path), 404, "NOT_FOUND")
    eventually(lambda: two.get(path).headers["x-cache"] == "HIT")
    again = two.get(path)
    assert check_problem(again, 404, "NOT_FOUND")["detail"]
    assert again.headers["x-cache"] == "HIT"
    assert new_user(three)["id"] == last + 1
    assert [each.get(path).status_code for each in gateways] == [200] * 3


def test_an_overview_says_of_each_part_whether_it_is_stale(stack, gateways):
    """Of a value that is stored as old as it may be: its time is over when it is asked for."""
    other = NativeStack(GATEWAYS="1", CACHE_TTL_LIST="100ms", CACHE_TTL_USER="100ms")
    try:
        other.up()
        with other.client() as client:
            path = "/api/users/1/overview"
            assert client.get(path).json()["_meta"]["parts"]["orders"]["status"] == "ok"
            other.sh("stop", "order-service")

            def stale():
                answer = client.get(path)
                part = answer.json()["_meta"]["parts"]["orders"]
                return part["status"] == "stale" and (answer, part)

            answer, part = eventually(stale)
            assert part["ageMs"] >= 90
            assert answer.headers["x-cache"] in ("STALE", "MISS")
            assert answer.headers["x-aggregate-complete"] == "true"
            assert answer.json()["orders"]["items"] is not None
            past = client.get(path, headers=PAST_THE_CACHE)
            assert past.json()["_meta"]["parts"]["orders"]["status"] in ("error", "circuit_open")
            assert past.headers["cache-control"] == "no-store"
    finally:
        other.remove()


def test_without_the_cache_answers_say_nothing_of_it():
    other = NativeStack(GATEWAYS="1", CACHE="off")
    try:
        other.up()
        with other.client() as client:
            for _ in range(2):
                answer = client.get("/api/users/1")
                assert answer.status_code == 200
                assert not {"x-cache", "cache-status", "age"} & set(answer.headers)
                assert answer.headers["cache-control"] == "private, no-cache"
            tag = answer.headers["etag"]
            again = client.get("/api/users/1", headers={"If-None-Match": tag})
            assert again.status_code == 304
            metrics = httpx.get(f"{other.gateway_url(1)}/api/metrics").json()
            assert "cache" not in metrics["backends"]["user"]
    finally:
        other.remove()


def test_metrics_count_what_the_cache_did(gateways):
    one = gateways[0]
    path = f"/api/users/{new_user(one)['id']}"

    def counts():
        return one.get("/api/metrics").json()["backends"]["user"]["cache"]["GetUser"]

    before = counts()
    one.get(path)
    warm([one], path)
    one.get(path)

    # The answer may be of a second ago.
    def counted():
        now = counts()
        return now["misses"] > before["misses"] and now["hits"] >= before["hits"] + 2 and now

    now = eventually(counted)
    assert set(now) == {"hits", "misses", "stale", "bypassed", "joined", "hitRatio"}
    assert 0 < now["hitRatio"] <= 1
