"""`scripts/stack.sh events` on a stack that runs: what is on its way, and dead letters."""

import json
import uuid

import pytest

from native_stack import NativeStack, eventually
from scaleout.driver.native import NativeDriver


def order_of(client):
    body = {"userId": 1, "items": [{"productId": 1, "quantity": 1}]}
    made = client.post("/api/orders", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
    assert made.status_code == 201, made.text
    return made.json()


def bury(stack, payload, error="FAILED_PRECONDITION: seen by a test"):
    """A dead letter as the order service would have made it; its id."""
    fields = {
        "id": str(uuid.uuid4()),
        "type": "payment.captured",
        "key": "8000000",
        "seq": "1",
        "after": "0",
        "at": "1763810000000000",
        "data": payload if isinstance(payload, str) else json.dumps(payload),
    }
    text = json.dumps(fields).replace("'", "''")
    return stack.query(
        "orders",
        "INSERT INTO dead_letters (consumer, stream, entry_id, fields, type, attempts, error) "
        f"SELECT 'order-service', 'events:payment', 'e2e-{uuid.uuid4().hex}', '{text}', "
        f"'payment.captured', 10, '{error}' RETURNING id",
    ).splitlines()[0]


def captured(order):
    return {
        "paymentId": "8000000",
        "orderId": str(order["id"]),
        "userId": str(order["userId"]),
        "amount": {
            "amountMinor": str(order["total"]["amount"]),
            "currencyCode": order["total"]["currency"],
        },
    }


@pytest.fixture
def letters(stack):
    """Numbers of dead letters that are gone afterwards."""
    made = []
    yield made
    for number in made:
        stack.query("orders", f"DELETE FROM dead_letters WHERE id = {number}")


def status_of(client, order):
    answer = client.get(f"/api/orders/{order['id']}", headers={"Cache-Control": "no-cache"})
    return answer.json()["status"]


def test_streams_and_groups_are_shown(stack, client):
    order_of(client)

    def rows():
        lines = stack.sh("events").splitlines()
        return {line.split()[0]: line.split() for line in lines if line.strip()}

    eventually(lambda: {"payment", "order", "product", "user"} <= rows().keys())
    found = rows()
    assert found["order"][1] == "order-service" and found["payment"][1] == "payment-service"
    assert found["order"][5] == "api-gateway"


def test_a_dead_letter_is_listed_shown_and_redriven(stack, client, letters):
    order = order_of(client)
    letters.append(bury(stack, captured(order)))
    assert f"order-service  {letters[0]:>2}" in stack.sh("events", "dead", "order")
    assert "dead letter" in stack.try_sh("events").stderr
    shown = stack.sh("events", "show", "order-service", letters[0])
    assert f'      "orderId": "{order["id"]}"' in shown
    assert "error      FAILED_PRECONDITION: seen by a test" in shown
    assert status_of(client, order) == "PENDING"
    assert "1 handled" in stack.sh("events", "redrive", "order", letters[0])
    assert status_of(client, order) == "PAID"
    assert stack.sh("events", "dead", "order") == "No dead letters of order-service\n"


def test_a_dead_letter_that_fails_again_stays_with_its_new_error(stack, letters):
    letters.append(bury(stack, "no json"))
    result = stack.try_sh("events", "redrive", "order", "all")
    assert result.returncode == 1
    assert "1 dead letter failed again" in result.stderr
    shown = stack.sh("events", "show", "order", letters[0])
    assert "attempts   11" in shown and "seen by a test" not in shown
    assert "(no JSON)\n    no json" in shown


def test_what_is_no_letter_is_refused_in_one_line(stack):
    for words in (
        ("show", "order", "x'; --"),
        ("redrive", "nobody", "1"),
        ("show", "order", "1e3"),
    ):
        result = stack.try_sh("events", *words)
        assert result.returncode == 1 and result.stderr.count("\n") == 1, result.stderr
    unknown = stack.try_sh("events", "burn")
    assert unknown.returncode == 2 and "invalid choice" in unknown.stderr


def test_with_redis_state_frozen_the_databases_answer(stack, driver):
    driver.freeze("redis-state")
    try:
        result = stack.try_sh("events")
        assert result.returncode == 1
        assert "redis-state does not answer" in result.stderr
        assert "payment-service" in result.stdout
    finally:
        driver.thaw("redis-state")


def test_a_group_that_holds_events_up_can_be_removed_and_others_not(stack, driver, client):
    eventually(
        lambda: "api-gateway" in driver.redis("redis-state", "XINFO", "GROUPS", "events:order")
    )
    driver.redis("redis-state", "XGROUP", "CREATE", "events:order", "e2e-old", "$")
    order_of(client)
    eventually(lambda: int(driver.redis("redis-state", "XLEN", "events:order")) > 0)
    assert "e2e-old" in stack.sh("events")
    assert "no group e2e-old any more" in stack.sh("events", "drop-group", "order", "e2e-old")
    assert "e2e-old" not in stack.sh("events")
    refused = stack.try_sh("events", "drop-group", "payment", "order-service")
    assert refused.returncode == 1 and "order-service " in refused.stderr


@pytest.fixture
def narrow():
    """A stack of its own, whose streams are full with the fewest entries that can be set."""
    made = NativeStack(GATEWAYS="1", EVENTS_MAX_UNACKNOWLEDGED="1000")
    try:
        made.up()
        yield made
    finally:
        made.remove()


def test_events_wait_in_the_database_for_a_group_that_never_acknowledges(narrow):
    driver = NativeDriver(narrow.run_dir)

    def length():
        return int(driver.redis("redis-state", "XLEN", "events:user"))

    def unpublished():
        return int(narrow.query("users", "SELECT count(*) FROM outbox WHERE number IS NULL"))

    eventually(
        lambda: "api-gateway" in driver.redis("redis-state", "XINFO", "GROUPS", "events:user")
    )
    driver.redis("redis-state", "XGROUP", "CREATE", "events:user", "e2e-old", "$")
    narrow.query(
        "users",
        "INSERT INTO outbox (kind, aggregate_id, type, payload) SELECT 'user', id, 'user.changed', "
        "'{\"userId\":\"' || id || '\"}' FROM generate_series(9000001, 9002500) AS id",
    )
    # Some less than a whole batch of the relay's have no room any more.
    eventually(lambda: "stream is full" in narrow.log("user-service-a"))
    full = length()
    shown = narrow.sh("events")
    assert 700 <= full <= 1000 and full == length() and unpublished() == 2500 - full
    assert f"{2500 - full} events not published" in shown
    assert f"the most of user wait for the group e2e-old: {full}" in shown
    narrow.sh("events", "drop-group", "user", "e2e-old")
    eventually(lambda: length() == 0 and unpublished() == 0)
