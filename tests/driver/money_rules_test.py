"""Each rule of the checker, broken by one row: it names the order, and no other rule is broken that
has nothing to do with it.
"""

import dataclasses

import pytest

from scaleout.load.record import Record
from scaleout.money import rules
from scaleout.money.books import (
    Books,
    Charge,
    Creation,
    Order,
    Payment,
    Refund,
    Reservation,
    Return,
)

# Of the one order that the tests break.
_ORDER = 5
_PAYMENT, _RESERVATION, _KEY = 50, "r5", "pay-5"


def good():
    """Orders in every final state, by rows of each kind."""
    return {
        "orders": [
            Order(1, 9, "PENDING", 100, "EUR", 100),
            Order(2, 9, "CANCELLED", 100, "EUR", 100),
            Order(3, 9, "PAYMENT_FAILED", 100, "EUR", 100),
            Order(4, 9, "CANCELLED", 100, "EUR", 100),  # refunded
            Order(_ORDER, 9, "PAID", 500, "EUR", 500),
            Order(6, 1, "FULFILLED", 700, "EUR", 700),  # from before there were reservations
        ],
        "reservations": [
            Reservation("r3", 3, "pay-3", "FAILED"),
            Reservation("r4", 4, "pay-4", "CAPTURED"),
            Reservation("r5-first", _ORDER, "pay-5-first", "FAILED"),
            Reservation(_RESERVATION, _ORDER, _KEY, "CAPTURED"),
        ],
        "creations": [Creation(f"order-{n}", n) for n in range(1, 6)],
        "payments": [
            Payment(30, 3, 9, "FAILED", 100, "EUR", "r3", None),
            Payment(40, 4, 9, "REFUNDED", 100, "EUR", "r4", "p4"),
            Payment(49, _ORDER, 9, "FAILED", 500, "EUR", "r5-first", None),
            Payment(_PAYMENT, _ORDER, 9, "CAPTURED", 500, "EUR", _RESERVATION, "p5"),
            Payment(60, 6, 1, "CAPTURED", 700, "EUR", None, "demo-6"),
        ],
        "refunds": [Refund("f4", 40, "DONE")],
        "charges": [
            Charge("r3", "p3", False, 100, "EUR"),
            Charge("r4", "p4", True, 100, "EUR"),
            Charge("r5-first", "void-5", False, 0, ""),
            Charge(_RESERVATION, "p5", True, 500, "EUR"),
            Charge("demo-6", "demo-6", True, 700, "EUR"),
        ],
        "returns": [Return("f4", "p4", 100, "EUR")],
    }


def answered():
    """What the clients of user 9 were answered."""
    record = Record()
    record.users.append(9)
    for n, total in ((1, 100), (2, 100), (3, 100), (4, 100), (_ORDER, 500)):
        record.order_keys.add(f"order-{n}")
        order = {"id": n, "userId": 9, "total": {"amount": total, "currency": "EUR"}}
        record.add_order(f"order-{n}", order)
    for n, payment, total, status in (
        (3, 30, 100, "FAILED"),
        (4, 40, 100, "CAPTURED"),
        (_ORDER, _PAYMENT, 500, "CAPTURED"),
    ):
        record.payment_keys[f"pay-{n}"] = n
        answer = {"id": payment, "orderId": n, "userId": 9, "amount": total, "currency": "EUR"}
        record.add_payment(f"pay-{n}", {**answer, "status": status})
    record.payment_keys["pay-5-first"] = _ORDER
    record.refused["pay-5-first"] = (_ORDER, "/problems/reservation-ended")
    record.cancelled[2] = "CANCELLED"
    record.cancelled[4] = "REFUNDING"
    record.called_off.update((2, 4))
    record.refunded[40] = 4
    record.seen_paid.add(_ORDER)
    return record


def broken(rows, record):
    """{rule's function: [order]}"""
    functions = dict(rules.RULES)
    judged = rules.judge(Books(**rows), record)
    return {
        functions[name].__name__: [each.order_id for each in wrong]
        for name, (_, wrong) in judged.items()
        if wrong
    }


def changed(kind, first, rows=None, **fields):
    """The good rows, with one of a kind changed; `first` is its first column."""
    rows = rows or good()
    rows[kind] = [
        dataclasses.replace(row, **fields) if dataclasses.astuple(row)[0] == first else row
        for row in rows[kind]
    ]
    return rows


def without(kind, key, rows=None):
    rows = rows or good()
    rows[kind] = [row for row in rows[kind] if dataclasses.astuple(row)[0] != key]
    return rows


def with_row(row, kind, rows=None):
    rows = rows or good()
    rows[kind].append(row)
    return rows


def given_back(rows, currency="EUR"):
    """The paid order called off, as it would be if a client had asked for it."""
    rows["orders"] = [
        dataclasses.replace(row, state="CANCELLED") if row.id == _ORDER else row
        for row in rows["orders"]
    ]
    rows["payments"] = [
        dataclasses.replace(row, state="REFUNDED") if row.id == _PAYMENT else row
        for row in rows["payments"]
    ]
    rows["refunds"].append(Refund("f5", _PAYMENT, "DONE"))
    rows["returns"].append(Return("f5", "p5", 500, currency))
    return rows


def test_good_books_break_no_rule_and_every_rule_looks_at_something():
    assert broken(good(), answered()) == {}
    judged = rules.judge(Books(**good()), answered())
    assert len(judged) == len(rules.RULES)
    assert {name for name, (looked_at, _) in judged.items() if not looked_at} == set()


@pytest.mark.parametrize(
    "rows, wrong",
    [
        (changed("payments", _PAYMENT, amount=400), "net_in_payments"),
        (changed("charges", _RESERVATION, amount=400), "net_in_ledger"),
        (changed("payments", _PAYMENT, currency="USD"), "net_in_payments"),
        (changed("charges", _RESERVATION, currency="USD"), "net_in_ledger"),
        (given_back(good(), currency="USD"), "ledger_agrees"),
        (changed("payments", _PAYMENT, provider_reference=None), "ledger_agrees"),
        (changed("payments", _PAYMENT, provider_reference="p4"), "ledger_agrees"),
        (
            changed("payments", _PAYMENT, given_back(good()), provider_reference=None),
            "ledger_agrees",
        ),
        (with_row(Refund("f5", _PAYMENT, "DONE"), "refunds"), "refunds_agree"),
        (without("refunds", "f5", given_back(good())), "refunds_agree"),
        (without("returns", "f5", given_back(good())), "refunds_agree"),
        (changed("refunds", "f5", given_back(good()), state="PENDING"), "refunds_agree"),
        (changed("returns", "f5", given_back(good()), reference="x"), "refunds_agree"),
        (with_row(Return("x", "p5", 500, "EUR"), "returns", given_back(good())), "refunds_agree"),
        (with_row(Return("f5", "p5", 500, "EUR"), "returns", given_back(good())), "net_in_ledger"),
        (with_row(Refund("f9", 999, "PENDING"), "refunds"), "all_decided"),
        (changed("payments", _PAYMENT, user_id=8), "payments_fit_orders"),
        (changed("payments", 49, user_id=8), "payments_fit_orders"),
        (changed("payments", 49, amount=499), "payments_fit_orders"),
        (changed("payments", 49, currency="USD"), "payments_fit_orders"),
        (changed("orders", _ORDER, state="PAYMENT_FAILED"), "paid_once"),
        (changed("orders", _ORDER, state="CANCELLED"), "paid_once"),
        (changed("orders", _ORDER, state="RESERVED"), "all_decided"),
        (changed("orders", _ORDER, state="REFUNDING"), "all_decided"),
        (
            with_row(Payment(51, _ORDER, 9, "CAPTURED", 500, "EUR", "r5b", "p5b"), "payments"),
            "paid_once",
        ),
        (with_row(Charge("p5b", "x", True, 500, "EUR"), "charges"), "captures_have_orders"),
        (without("payments", _PAYMENT), "captured_as_answered"),
        (without("charges", _RESERVATION), "ledger_agrees"),
        (changed("payments", _PAYMENT, state="AUTHORIZED"), "all_decided"),
        (changed("payments", _PAYMENT, state="REFUNDED"), "ledger_agrees"),
        (with_row(Return("f5", "p5", 500, "EUR"), "returns"), "ledger_agrees"),
        (with_row(Return("f5", "p5", 400, "EUR"), "returns"), "ledger_agrees"),
        (with_row(Refund("f5", _PAYMENT, "PENDING"), "refunds"), "all_decided"),
        (with_row(Refund("f5", _PAYMENT, "REFUSED"), "refunds"), "all_decided"),
        (changed("reservations", _RESERVATION, outcome=None), "all_decided"),
        (changed("reservations", _RESERVATION, outcome="FAILED"), "reservations_agree"),
        (changed("payments", _PAYMENT, reservation_id="other"), "reservations_agree"),
        (changed("orders", _ORDER, lines=499), "orders_whole"),
        (changed("orders", _ORDER, lines=None), "orders_whole"),
        (changed("orders", _ORDER, total=501), "orders_as_answered"),
        (changed("orders", _ORDER, currency="USD"), "orders_as_answered"),
        (without("orders", _ORDER), "orders_as_answered"),
        (changed("payments", _PAYMENT, state="FAILED"), "captured_as_answered"),
        (changed("charges", _RESERVATION, approved=False), "captured_as_answered"),
        (changed("reservations", _RESERVATION, key="another"), "captured_as_answered"),
        (changed("charges", "r5-first", approved=True, amount=500), "paid_once"),
    ],
)
def test_a_wrong_row_breaks_its_rule_and_is_named_by_its_order(rows, wrong):
    found = broken(rows, answered())
    assert _ORDER in found[wrong] or found[wrong] == [None], found
    named = {order for orders in found.values() for order in orders}
    assert named <= {_ORDER, None}, found


def test_a_capture_for_an_order_that_does_not_exist_is_found():
    rows = with_row(Payment(70, 7, 9, "CAPTURED", 1, "EUR", None, "p7"), "payments")
    rows["charges"].append(Charge("p7", "p7", True, 1, "EUR"))
    assert broken(rows, Record()) == {"captures_have_orders": [7]}


def test_a_charge_that_no_payment_knows_is_found():
    rows = with_row(Charge("r-none", "p8", True, 1, "EUR"), "charges")
    assert broken(rows, Record()) == {"captures_have_orders": [None]}


def test_two_captures_of_one_order_are_found_though_its_state_is_right():
    rows = with_row(Payment(51, _ORDER, 9, "CAPTURED", 500, "EUR", "r5b", "p5b"), "payments")
    rows["charges"].append(Charge("r5b", "p5b", True, 500, "EUR"))
    rows["reservations"].append(Reservation("r5b", _ORDER, "pay-5b", "CAPTURED"))
    found = broken(rows, Record())
    assert found == {
        "net_in_payments": [_ORDER],
        "net_in_ledger": [_ORDER],
        "paid_once": [_ORDER],
    }


def test_a_failed_payment_that_was_charged_is_found():
    rows = changed("charges", "r3", approved=True)
    found = broken(rows, answered())
    assert found["failed_as_answered"] == found["ledger_agrees"] == [3]


@pytest.mark.parametrize(
    "change, wrong, order",
    [
        (lambda r: r.cancelled.update({_ORDER: "REFUNDING"}), "cancelled_as_answered", _ORDER),
        (lambda r: r.refunded.update({_PAYMENT: _ORDER}), "cancelled_as_answered", _ORDER),
        (lambda r: r.refunded.update({999: _ORDER}), "cancelled_as_answered", _ORDER),
        (lambda r: r.seen_paid.add(1), "seen_as_answered", 1),
        (lambda r: r.contradictions.append((1, "two answers")), "answers_once", 1),
        (
            lambda r: r.refused.update({"k": (1, "/problems/order-already-paid")}),
            "refusals_true",
            1,
        ),
        (lambda r: r.refused.update({"k": (1, "/problems/order-not-payable")}), "refusals_true", 1),
        (
            lambda r: r.refused.update({_KEY: (_ORDER, "/problems/order-already-paid")}),
            "refusals_true",
            _ORDER,
        ),
        (lambda r: r.orders.pop("order-1") and r.order_keys.clear(), "nothing_unasked", 1),
        (lambda r: r.payment_keys.pop("pay-3"), "nothing_unasked", 3),
        (lambda r: r.payment_keys.update({"pay-3": 1}), "nothing_unasked", 3),
    ],
)
def test_an_answer_that_is_not_true_is_found(change, wrong, order):
    record = answered()
    change(record)
    assert broken(good(), record) == {wrong: [order]}


def test_an_order_that_stayed_pending_after_a_payment_is_found():
    rows = changed("orders", 3, state="PENDING")
    assert broken(rows, answered()) == {"reservations_agree": [3]}


def test_money_that_no_client_wanted_back_is_found():
    record = answered()
    assert broken(given_back(good()), record) == {"called_off_as_asked": [_ORDER]}
    # Without an answer it may have happened.
    record.called_off.add(_ORDER)
    assert broken(given_back(good()), record) == {}


def test_an_order_that_no_client_cancelled_is_found():
    rows = changed("orders", 1, state="CANCELLED")
    record = answered()
    assert broken(rows, record) == {"called_off_as_asked": [1]}
    record.called_off.add(1)
    assert broken(rows, record) == {}


def test_an_order_of_a_key_that_was_given_up_may_be_there():
    record = answered()
    del record.orders["order-1"]
    assert broken(good(), record) == {}


def test_a_second_order_of_a_key_is_found():
    rows = with_row(Order(8, 9, "PENDING", 100, "EUR", 100), "orders")
    assert broken(rows, answered()) == {"nothing_unasked": [8]}


@pytest.mark.parametrize("status", ["AUTHORIZED", "VOIDED", "REFUNDED", ""])
def test_a_payment_that_was_answered_undecided_is_found(status):
    record = answered()
    record.payments[_KEY]["status"] = status
    assert broken(good(), record) == {"payments_as_answered": [_ORDER]}


@pytest.mark.parametrize("status", ["AUTHORIZED", "FAILED", "CAPTURED"])
def test_a_payment_that_was_answered_and_is_not_there_is_found(status):
    record = answered()
    record.payment_keys["pay-1"] = 1
    answer = {"id": 99, "orderId": 1, "userId": 9, "amount": 100, "currency": "EUR"}
    record.add_payment("pay-1", {**answer, "status": status})
    found = broken(good(), record)
    assert found.pop("payments_as_answered") == [1]
    assert set(found) <= {"captured_as_answered", "failed_as_answered"}


@pytest.mark.parametrize("first", [30, _PAYMENT])
@pytest.mark.parametrize(
    "other", [{"orderId": 1}, {"userId": 1}, {"amount": 1}, {"currency": "USD"}, {"id": 49}]
)
def test_a_payment_that_was_answered_as_another_one_is_found(first, other):
    record = answered()
    answer = next(each for each in record.payments.values() if each["id"] == first)
    answer.update(other)
    found = broken(good(), record)
    assert answer["orderId"] in found["payments_as_answered"]


def test_an_order_that_costs_nothing_is_refused_as_not_payable():
    free = Order(8, 9, "PENDING", 0, "EUR", 0)
    rows = with_row(free, "orders")
    rows["creations"].append(Creation("order-8", 8))
    record = answered()
    record.order_keys.add("order-8")
    record.add_order("order-8", {"id": 8, "userId": 9, "total": {"amount": 0, "currency": "EUR"}})
    record.payment_keys["pay-8"] = 8
    record.refused["pay-8"] = (8, "/problems/order-not-payable")
    assert broken(rows, record) == {}
    record.refused["pay-8"] = (8, "/problems/order-already-paid")
    assert broken(rows, record) == {"refusals_true": [8]}


def test_two_answers_to_one_key_contradict_each_other_only_if_they_differ():
    record = answered()
    first = record.payments[_KEY]
    record.add_payment(_KEY, dict(first))
    assert not record.contradictions
    record.add_payment(_KEY, {**first, "id": 51})
    assert [order for order, _ in record.contradictions] == [_ORDER]
    assert record.payments[_KEY] == first
