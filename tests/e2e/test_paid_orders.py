"""An order follows its payment: what the payment service says has happened reaches the order
service by an event, some milliseconds after the payment's answer.
"""

import uuid

import pytest

from native_stack import eventually
from problems import check_problem
from scaleout.load.client import PAST_THE_CACHE


@pytest.fixture(name="order")
def make_order(client):
    user = client.post(
        "/api/users", json={"email": f"{uuid.uuid4().hex}@example.com", "name": "Ada Example"}
    ).json()
    answer = client.post(
        "/api/orders", json={"userId": user["id"], "items": [{"productId": 1, "quantity": 2}]}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def pay(client, order, token="tok_success", **other):
    answer = client.post(
        "/api/payments",
        json={
            "orderId": order["id"],
            "userId": order["userId"],
            "amount": order["total"]["amount"],
            "currency": order["total"]["currency"],
            "paymentMethodToken": token,
            **other,
        },
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def status(client, order):
    return client.get(f"/api/orders/{order['id']}", headers=PAST_THE_CACHE).json()["status"]


def await_handled(stack, payment):
    """Until the order service has handled the payment's last event."""
    last = stack.query(
        "payments",
        "SELECT coalesce(max(id), 0) FROM outbox "
        f"WHERE kind = 'payment' AND aggregate_id = {payment['id']}",
    )
    eventually(
        lambda: stack.query(
            "orders",
            "SELECT count(*) FROM inbox WHERE consumer = 'order-service' AND kind = 'payment' "
            f"AND aggregate_id = {payment['id']} AND sequence >= {last}",
        )
        == "1"
    )


def test_an_order_whose_payment_was_captured_becomes_paid(client, order):
    assert order["status"] == "PENDING"
    assert pay(client, order)["status"] == "CAPTURED"
    eventually(lambda: status(client, order) == "PAID")
    paid = client.get(f"/api/orders/{order['id']}", headers=PAST_THE_CACHE).json()
    assert paid["updatedAt"] > order["updatedAt"]
    assert {**paid, "status": "PENDING", "updatedAt": order["updatedAt"]} == order


def test_a_paid_order_cannot_be_cancelled(client, order):
    pay(client, order)
    eventually(lambda: status(client, order) == "PAID")
    problem = check_problem(
        client.post(f"/api/orders/{order['id']}/cancel"), 400, "FAILED_PRECONDITION"
    )
    assert "PAID" in problem["detail"]
    assert status(client, order) == "PAID"


def test_an_order_whose_charge_was_refused_can_be_paid_with_another_card(client, order):
    assert pay(client, order, "tok_decline")["status"] == "FAILED"
    eventually(lambda: status(client, order) == "PAYMENT_FAILED")
    pay(client, order)
    eventually(lambda: status(client, order) == "PAID")


@pytest.mark.parametrize("other", [{"amount": 1}, {"currency": "USD"}, {"userId": 1}])
def test_a_payment_that_does_not_fit_its_order_leaves_it_as_it_was(stack, client, order, other):
    await_handled(stack, pay(client, order, **other))
    assert client.get(f"/api/orders/{order['id']}", headers=PAST_THE_CACHE).json() == order


def test_a_payment_for_an_order_that_does_not_exist_is_handled_without_effect(stack, client, order):
    payment = pay(client, order, orderId=9007199254740991)
    await_handled(stack, payment)
    assert int(stack.query("orders", "SELECT count(*) FROM dead_letters")) == 0
    assert status(client, order) == "PENDING"


def test_a_second_payment_of_a_paid_order_changes_nothing(stack, client, order):
    pay(client, order)
    eventually(lambda: status(client, order) == "PAID")
    paid = client.get(f"/api/orders/{order['id']}", headers=PAST_THE_CACHE).json()
    await_handled(stack, pay(client, order))
    await_handled(stack, pay(client, order, "tok_decline"))
    assert client.get(f"/api/orders/{order['id']}", headers=PAST_THE_CACHE).json() == paid
