"""An order and its payment: it is reserved, charged for, and follows what the payment service says,
by an event some milliseconds after the payment's answer. It is paid once, and given back once.
"""

import concurrent.futures
import uuid

import pytest

from native_stack import eventually
from problems import check_problem, pointers
from scaleout.load.client import PAST_THE_CACHE

_UNKNOWN = 9007199254740991


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


def ask_to_pay(client, order, token="tok_success", key=None, **other):
    return client.post(
        "/api/payments",
        json={"orderId": order["id"], "paymentMethodToken": token, **other},
        headers={"Idempotency-Key": key or uuid.uuid4().hex},
    )


def pay(client, order, token="tok_success", **other):
    answer = ask_to_pay(client, order, token, **other)
    assert answer.status_code == 201, answer.text
    return answer.json()


def now(client, order):
    return client.get(f"/api/orders/{order['id']}", headers=PAST_THE_CACHE).json()


def await_status(client, order, status):
    eventually(lambda: now(client, order)["status"] == status)


def paid(client, order):
    """Its payment."""
    payment = pay(client, order)
    assert payment["status"] == "CAPTURED"
    await_status(client, order, "PAID")
    return payment


def payments_of(client, order):
    return client.get(
        "/api/payments", params={"order_id": order["id"]}, headers=PAST_THE_CACHE
    ).json()["items"]


def await_refund(client, order, payment):
    await_status(client, order, "CANCELLED")
    path = f"/api/payments/{payment['id']}"
    eventually(lambda: client.get(path, headers=PAST_THE_CACHE).json()["status"] == "REFUNDED")


def cancel(client, order):
    return client.post(f"/api/orders/{order['id']}/cancel")


def refund(client, payment_id):
    return client.post(f"/api/payments/{payment_id}/refund")


def check_conflict(answer, kind, passing=False):
    problem = check_problem(answer, 409, "ABORTED" if passing else "FAILED_PRECONDITION")
    assert problem["type"] == f"/problems/{kind}"
    if passing:
        assert int(answer.headers["retry-after"]) >= 1
    else:
        assert "retry-after" not in answer.headers
    return problem


def test_an_order_whose_payment_was_captured_becomes_paid(client, order):
    assert order["status"] == "PENDING"
    payment = paid(client, order)
    assert (payment["orderId"], payment["userId"]) == (order["id"], order["userId"])
    assert {key: payment[key] for key in ("amount", "currency")} == order["total"]
    after = now(client, order)
    assert after["updatedAt"] > order["updatedAt"]
    assert {**after, "status": "PENDING", "updatedAt": order["updatedAt"]} == order


def test_an_order_whose_charge_was_refused_can_be_paid_with_another_card(client, order):
    assert pay(client, order, "tok_decline")["status"] == "FAILED"
    await_status(client, order, "PAYMENT_FAILED")
    paid(client, order)


def test_what_is_expected_of_the_order_may_be_said(client, order):
    pay(client, order, userId=order["userId"], **order["total"])


@pytest.mark.parametrize("other", [{"amount": 1}, {"currency": "USD"}, {"userId": 1}])
def test_a_payment_that_does_not_fit_its_order_reserves_nothing(client, order, other):
    key = uuid.uuid4().hex
    problem = check_problem(ask_to_pay(client, order, key=key, **other), 422, "INVALID_ARGUMENT")
    assert pointers(problem) == {f"/{name}" for name in other}
    assert now(client, order) == order
    pay(client, order, key=key)


def test_all_that_does_not_fit_is_named_at_once(client, order):
    answer = ask_to_pay(client, order, amount=1, currency="USD", userId=1)
    assert pointers(check_problem(answer, 422)) == {"/amount", "/currency", "/userId"}


def test_an_order_that_does_not_exist_cannot_be_paid(client):
    check_problem(ask_to_pay(client, {"id": _UNKNOWN}), 404, "NOT_FOUND")


def test_a_paid_order_cannot_be_paid_again(client, order):
    payment = paid(client, order)
    before = now(client, order)
    for token in ("tok_success", "tok_decline"):
        check_conflict(ask_to_pay(client, order, token), "order-already-paid")
    assert now(client, order) == before
    assert payments_of(client, order) == [payment]


def test_a_cancelled_order_cannot_be_paid(client, order):
    assert cancel(client, order).json()["status"] == "CANCELLED"
    check_conflict(ask_to_pay(client, order), "order-not-payable")
    assert payments_of(client, order) == []


def test_the_same_key_answers_the_same_payment_whatever_became_of_the_order(client, order):
    key = uuid.uuid4().hex
    payment = pay(client, order, key=key)
    await_status(client, order, "PAID")
    for _ in range(2):
        again = ask_to_pay(client, order, key=key)
        assert (again.status_code, again.json()) == (201, payment)
        assert again.headers["idempotent-replayed"] == "true"
        assert cancel(client, order).status_code == 200
    await_refund(client, order, payment)
    assert ask_to_pay(client, order, key=key).json() == payment


@pytest.mark.parametrize(
    "token, other", [("tok_decline", {}), ("tok_success", {"currency": "USD"})], ids=str
)
def test_a_key_names_the_whole_body(client, order, token, other):
    key = uuid.uuid4().hex
    pay(client, order, key=key)
    problem = check_problem(ask_to_pay(client, order, token, key=key, **other), 422)
    assert problem["type"] == "/problems/idempotency-key-reused"


def test_of_many_payments_at_once_one_is_made(stack, client, order):
    def ask(_):
        with stack.client() as own:
            return ask_to_pay(own, order)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(24)))
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(refused) == len(answers) - 1, [answer.text for answer in refused]
    for answer in refused:
        problem = check_problem(answer, 409)
        assert problem["type"] in ("/problems/payment-in-progress", "/problems/order-already-paid")
    await_status(client, order, "PAID")
    assert [each["status"] for each in payments_of(client, order)] == ["CAPTURED"]


def test_what_the_provider_has_not_decided_keeps_the_order(client, order):
    key = uuid.uuid4().hex
    unknown = ask_to_pay(client, order, "tok_timeout", key)
    problem = check_problem(unknown, 503, "UNAVAILABLE")
    assert problem["type"] == "/problems/payment-outcome-unknown"
    assert int(unknown.headers["retry-after"]) >= 1
    # Until a sweeper has asked the provider, which is after at least some seconds.
    if now(client, order)["status"] == "RESERVED":
        check_conflict(cancel(client, order), "payment-in-progress", passing=True)
        check_conflict(ask_to_pay(client, order), "payment-in-progress", passing=True)
    (payment,) = payments_of(client, order)
    if payment["status"] == "AUTHORIZED":
        answer = refund(client, payment["id"])
        # Decided meanwhile: the charge was never made.
        kind = answer.json()["type"].removeprefix("/problems/")
        assert kind in ("payment-in-progress", "order-not-refundable")
        check_conflict(answer, kind, passing=kind == "payment-in-progress")


def test_a_cancelled_order_that_was_paid_is_given_back(client, order):
    payment = paid(client, order)
    assert cancel(client, order).json()["status"] in ("REFUNDING", "CANCELLED")
    assert cancel(client, order).status_code == 200
    await_refund(client, order, payment)
    assert cancel(client, order).json()["status"] == "CANCELLED"
    check_conflict(ask_to_pay(client, order), "order-not-payable")


def test_a_payment_is_given_back_once(client, order):
    payment = paid(client, order)
    for _ in range(2):
        answer = refund(client, payment["id"])
        assert answer.status_code in (200, 202), answer.text
        assert answer.json()["status"] == ("REFUNDED" if answer.status_code == 200 else "CAPTURED")
    await_refund(client, order, payment)
    answer = refund(client, payment["id"])
    assert (answer.status_code, answer.json()["status"]) == (200, "REFUNDED")
    assert len(payments_of(client, order)) == 1


def test_a_payment_that_failed_cannot_be_given_back_nor_one_that_is_none(client, order):
    failed = pay(client, order, "tok_decline")
    await_status(client, order, "PAYMENT_FAILED")
    paid(client, order)
    check_conflict(refund(client, failed["id"]), "order-not-refundable")
    assert now(client, order)["status"] == "PAID"
    check_problem(refund(client, _UNKNOWN), 404, "NOT_FOUND")


def test_a_delivered_order_is_neither_given_back_nor_cancelled(stack, client, order):
    payment = paid(client, order)
    stack.query("orders", f"UPDATE orders SET state = 'FULFILLED' WHERE id = {order['id']}")
    check_conflict(refund(client, payment["id"]), "order-not-refundable")
    check_problem(cancel(client, order), 400, "FAILED_PRECONDITION")
    check_conflict(ask_to_pay(client, order), "order-already-paid")
