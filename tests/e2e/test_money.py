"""An order is paid once, whatever clients do at once and whatever becomes of the events between the
services; what was paid is given back once. The databases and the provider's ledger are held to the
rules of `scaleout.money` after each test.
"""

import asyncio
import json
import time
import uuid

import httpx
import pytest

from native_stack import NativeStack, eventually
from problems import check_problem
from scaleout.driver.native import NativeDriver
from scaleout.load.client import PAST_THE_CACHE
from scaleout.load.record import Record
from scaleout.money import books, checker, rules

_AT_ONCE = 50
# Of a payment and a cancellation that are sent together.
_RACES = 1_000
_RACES_AT_ONCE = 20
# Every payment is decided within seconds here, and not within minutes.
_SETTINGS = {
    "EVENTS": "on",
    "ORDER_SETTLE_AFTER": "2s",
    "PROVIDER_LATENCY": "5ms",
    "PROVIDER_THREADS": "64",
    "PROVIDER_TIMEOUT": "300ms",
    "PROVIDER_LEASE": "2500ms",
    "PROVIDER_SETTLE_AFTER": "2s",
    "PROVIDER_SETTLE_DELAY": "1500ms",
}
_DECIDED_SECONDS = 30


@pytest.fixture(scope="module")
def stack():
    made = NativeStack(GATEWAYS="3", **_SETTINGS)
    try:
        made.up()
        yield made
    finally:
        made.remove()


@pytest.fixture(autouse=True)
def right_in_the_end(stack, driver):
    """All rules, over all orders there are."""
    yield
    assert checker.settle(driver, _DECIDED_SECONDS) == ""
    judged = rules.judge(books.read(driver), Record())
    wrong = {name: list(map(str, each))[:5] for name, (_, each) in judged.items() if each}
    assert not wrong
    assert not checker.orphaned(driver)


def ordering():
    return (
        "POST",
        "/api/orders",
        {"json": {"userId": 1, "items": [{"productId": 1, "quantity": 1}]}},
    )


def order_of(client):
    method, path, options = ordering()
    made = client.request(method, path, headers={"Idempotency-Key": uuid.uuid4().hex}, **options)
    assert made.status_code == 201, made.text
    return made.json()


def pay(client, order, token="tok_success", key=None, **other):
    return client.post(
        "/api/payments",
        json={"orderId": order["id"], "paymentMethodToken": token, **other},
        headers={"Idempotency-Key": key or uuid.uuid4().hex},
    )


def status_of(client, order):
    return client.get(f"/api/orders/{order['id']}", headers=PAST_THE_CACHE).json()["status"]


def becomes(client, order, status):
    eventually(lambda: status_of(client, order) == status)


def paid_order(client):
    order = order_of(client)
    payment = pay(client, order)
    assert payment.status_code == 201, payment.text
    becomes(client, order, "PAID")
    return order, payment.json()


def captures(stack, order):
    return int(
        stack.query(
            "payments",
            "SELECT count(*) FROM simulated_provider_charges WHERE approved AND reference IN "
            f"(SELECT reservation_id::text FROM payments WHERE order_id = {order['id']})",
        )
    )


def at_once(stack, requests):
    """The answers to (method, path, options), all sent together."""

    async def send():
        limits = httpx.Limits(max_connections=len(requests))
        async with httpx.AsyncClient(base_url=stack.url, timeout=30, limits=limits) as client:
            return await asyncio.gather(
                *(client.request(method, path, **options) for method, path, options in requests)
            )

    return asyncio.run(send())


def paying(order, token="tok_success", key=None):
    options = {
        "json": {"orderId": order["id"], "paymentMethodToken": token},
        "headers": {"Idempotency-Key": key or uuid.uuid4().hex},
    }
    return "POST", "/api/payments", options


def test_of_many_payments_of_an_order_with_different_keys_one_is_captured(stack, client):
    order = order_of(client)
    answers = at_once(stack, [paying(order) for _ in range(_AT_ONCE)])
    assert sum(answer.status_code == 201 for answer in answers) == 1
    for answer in answers:
        if answer.status_code != 201:
            problem = check_problem(answer, 409)
            assert problem["type"] in (
                "/problems/payment-in-progress",
                "/problems/order-already-paid",
            )
    becomes(client, order, "PAID")
    assert captures(stack, order) == 1


def test_of_many_payments_with_one_key_one_is_made_and_the_others_get_its_answer(stack, client):
    order, key = order_of(client), uuid.uuid4().hex
    answers = at_once(stack, [paying(order, key=key) for _ in range(_AT_ONCE)])
    made = [answer.json() for answer in answers if answer.status_code == 201]
    assert made and all(each == made[0] for each in made)
    # The payment method has threads for some of them.
    assert {answer.status_code for answer in answers} <= {201, 409, 503}
    again = pay(client, order, key=key)
    assert again.json() == made[0] and again.headers["Idempotent-Replayed"] == "true"
    assert captures(stack, order) == 1


def test_of_a_payment_and_a_cancellation_one_comes_first(stack, client):
    """Both succeed only where the payment came first, and the cancellation has it given back."""
    ends = {}
    for _ in range(_RACES // _RACES_AT_ONCE):
        orders = [answer.json() for answer in at_once(stack, [ordering()] * _RACES_AT_ONCE)]
        requests = []
        for order in orders:
            requests += [paying(order), ("POST", f"/api/orders/{order['id']}/cancel", {})]
        answers = at_once(stack, requests)
        for order, paid, cancelled in zip(orders, answers[::2], answers[1::2]):
            assert paid.status_code in (201, 409), paid.text
            assert cancelled.status_code in (200, 409), cancelled.text
            assert paid.status_code == 201 or cancelled.status_code == 200
            ends[str(order["id"])] = "CANCELLED" if cancelled.status_code == 200 else "PAID"

    def states():
        ids = ",".join(ends)
        rows = stack.query("orders", f"SELECT id, state FROM orders WHERE id IN ({ids})")
        return dict(line.split("|") for line in rows.splitlines())

    eventually(lambda: states() == ends, seconds=_DECIDED_SECONDS)


def test_of_two_refunds_at_once_one_is_made(stack, client):
    order, payment = paid_order(client)
    path = f"/api/payments/{payment['id']}/refund"
    answers = at_once(stack, [("POST", path, {})] * 2)
    assert {answer.status_code for answer in answers} <= {200, 202}
    becomes(client, order, "CANCELLED")
    refunded = client.post(path)
    assert refunded.status_code == 200 and refunded.json()["status"] == "REFUNDED"
    assert (
        stack.query("payments", f"SELECT count(*) FROM refunds WHERE payment_id = {payment['id']}")
        == "1"
    )


def test_a_refund_and_a_cancellation_at_once_give_the_payment_back_once(stack, client):
    order, payment = paid_order(client)
    answers = at_once(
        stack,
        [
            ("POST", f"/api/payments/{payment['id']}/refund", {}),
            ("POST", f"/api/orders/{order['id']}/cancel", {}),
        ],
    )
    assert answers[0].status_code in (200, 202) and answers[1].status_code == 200
    becomes(client, order, "CANCELLED")


def test_a_payment_that_the_provider_never_answers_is_decided_and_the_order_can_be_paid(
    stack, client
):
    order, key = order_of(client), uuid.uuid4().hex
    problem = check_problem(pay(client, order, "tok_timeout", key), 503, "UNAVAILABLE")
    assert problem["type"] == "/problems/payment-outcome-unknown"
    other = pay(client, order)
    check_problem(other, 409, "ABORTED")
    assert int(other.headers["Retry-After"]) >= 1
    becomes(client, order, "PAYMENT_FAILED")
    # The first key's answer is what became of it.
    first = pay(client, order, "tok_timeout", key)
    assert first.status_code == 201 and first.json()["status"] == "FAILED"
    assert pay(client, order).status_code == 201
    becomes(client, order, "PAID")
    assert captures(stack, order) == 1


@pytest.mark.parametrize("token", ["tok_lost_reply", "tok_settle_late"])
def test_a_charge_whose_answer_was_not_heard_is_recorded_without_its_client(stack, client, token):
    order, key = order_of(client), uuid.uuid4().hex
    with httpx.Client(base_url=stack.url, headers={"X-Request-Timeout-Ms": "600"}) as impatient:
        pay(impatient, order, token, key)
    becomes(client, order, "PAID")
    answer = pay(client, order, token, key)
    assert answer.status_code == 201 and answer.json()["status"] == "CAPTURED"
    assert captures(stack, order) == 1


def test_payments_whose_events_are_lost_with_their_streams_arrive(driver, client):
    orders = [order_of(client) for _ in range(10)]
    for order in orders:
        assert pay(client, order).status_code == 201
        driver.flush("redis-state")
    for order in orders:
        becomes(client, order, "PAID")


def send_again(stack, driver, service, kind, aggregate, what, data):
    """As an entry that the relay has published twice; how far the service has got with the
    aggregate's events does not change by it.
    """
    database = {"order-service": "orders", "payment-service": "payments"}[service]
    where = f"WHERE consumer = '{service}' AND kind = '{kind}' AND aggregate_id = {aggregate}"
    position = stack.query(database, f"SELECT sequence FROM inbox {where}")
    fields = {
        "id": str(uuid.uuid4()),
        "type": what,
        "key": str(aggregate),
        "seq": position,
        "after": "0",
        "at": str(time.time_ns() // 1000),
        "data": json.dumps(data),
    }
    words = [word for field in fields.items() for word in field]
    driver.redis("redis-state", "XADD", f"events:{kind}", "*", *words)
    return lambda: stack.query(database, f"SELECT sequence FROM inbox {where}") == position


def charge(payment, reservation, **other):
    return {
        "paymentId": str(payment["id"]),
        "orderId": str(payment["orderId"]),
        "userId": str(payment["userId"]),
        "reservationId": reservation,
        **other,
    }


def test_events_that_come_again_and_late_change_nothing(stack, driver, client):
    order = order_of(client)
    declined = pay(client, order, "tok_decline").json()
    becomes(client, order, "PAYMENT_FAILED")
    captured = pay(client, order).json()
    becomes(client, order, "PAID")
    refunded, payment = paid_order(client)
    assert client.post(f"/api/payments/{payment['id']}/refund").status_code == 202
    becomes(client, refunded, "CANCELLED")

    def reservation(of):
        return stack.query("payments", f"SELECT reservation_id FROM payments WHERE id = {of['id']}")

    amount = {"amountMinor": str(captured["amount"]), "currencyCode": captured["currency"]}
    unchanged = [
        send_again(stack, driver, "order-service", "payment", of["id"], what, data)
        for of, what, data in (
            (declined, "payment.failed", charge(declined, reservation(declined))),
            (captured, "payment.captured", charge(captured, reservation(captured), amount=amount)),
            (payment, "payment.captured", charge(payment, reservation(payment), amount=amount)),
            (payment, "payment.refunded", charge(payment, reservation(payment), amount=amount)),
        )
    ]
    data = {"orderId": str(refunded["id"]), "userId": "1", "reservationId": reservation(payment)}
    unchanged.append(
        send_again(
            stack,
            driver,
            "payment-service",
            "order",
            refunded["id"],
            "order.refund_requested",
            data,
        )
    )
    # What comes after them has to wait for them.
    after, last = paid_order(client)
    assert client.post(f"/api/payments/{last['id']}/refund").status_code == 202
    becomes(client, after, "CANCELLED")
    assert all(same() for same in unchanged)
    assert [status_of(client, each) for each in (order, refunded)] == ["PAID", "CANCELLED"]
    assert stack.query("payments", "SELECT count(*) FROM refunds WHERE state <> 'DONE'") == "0"


def test_beside_a_frozen_redis_state_a_payment_is_made_and_its_order_is_asked_for(driver, client):
    order = order_of(client)
    driver.freeze("redis-state")
    try:
        assert pay(client, order).status_code == 201
        becomes(client, order, "PAID")
    finally:
        driver.thaw("redis-state")


def test_a_refund_that_was_asked_for_without_a_payment_becomes_a_dead_letter(stack, client):
    """And events beside it go on; redriven, it has its effect."""
    order, payment = paid_order(client)
    its_row = f"WHERE id = {payment['id']}"
    stack.query(
        "payments", f"UPDATE payments SET state = 'FAILED', failure_reason = 'a test' {its_row}"
    )
    try:
        assert client.post(f"/api/orders/{order['id']}/cancel").json()["status"] == "REFUNDING"

        def letter():
            # Nine attempts take a while.
            stack.query("payments", "UPDATE inbox_failures SET attempts = 9, retry_at = now()")
            return stack.query("payments", "SELECT id FROM dead_letters WHERE attempts = 10")

        number = eventually(letter, seconds=_DECIDED_SECONDS)
        other, _ = paid_order(client)
        assert client.post(f"/api/orders/{other['id']}/cancel").json()["status"] == "REFUNDING"
        becomes(client, other, "CANCELLED")
        assert status_of(client, order) == "REFUNDING"
    finally:
        stack.query(
            "payments", f"UPDATE payments SET state = 'CAPTURED', failure_reason = NULL {its_row}"
        )
    assert "1 handled" in stack.sh("events", "redrive", "payment", number)
    becomes(client, order, "CANCELLED")
