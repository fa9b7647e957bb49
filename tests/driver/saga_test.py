"""What saga makes of shops at which a whole operation is broken: no client is lied to there, and
no rule of the money is broken.
"""

import io
import time

import pytest

from fake_shop import Shop, serving
from scaleout.drills import saga
from scaleout.load.record import Record
from scaleout.load.shoppers import Shoppers
from scaleout.narrator import Narrator

_NAME = "clients did all that they can do"
_LONG, _SHORT = 60, 3


class NoRefund(Shop):
    def _refund(self, number):
        return 409, {"type": "/problems/order-not-refundable"}


class NoSuccess(Shop):
    def _pay(self, key, body):
        return super()._pay(key, {**body, "paymentMethodToken": "tok_decline"})


class NoDecline(Shop):
    def _pay(self, key, body):
        return super()._pay(key, {**body, "paymentMethodToken": "tok_success"})


class NoReplay(Shop):
    def handle(self, *request):
        answer = super().handle(*request)
        return answer and (*answer[:2], False)


class Forgetful(Shop):
    """Its orders are never seen PAID."""

    def _shown(self, held):
        answer = super()._shown(held)
        return {**answer, "status": "RESERVED"} if answer["status"] == "PAID" else answer


def shopped(shop, monkeypatch, purchases=200):
    """The record of so many purchases."""
    monkeypatch.setattr("scaleout.load.paced._LOOK_SECONDS", 1)
    with serving(shop) as url, Shoppers(url, 150, seed=5) as clients:
        deadline = time.monotonic() + 20
        while clients.begun < purchases and time.monotonic() < deadline:
            time.sleep(0.02)
    return clients.record


def checked(record, kills):
    """The check, or None, and what was printed."""
    out = io.StringIO()
    narrator = Narrator("saga", out=out)
    saga.check_all_done(narrator, record, kills)
    assert {check["name"] for check in narrator.checks} <= {_NAME}
    return narrator.checks[0] if narrator.checks else None, out.getvalue()


def test_a_shop_at_which_all_works_passes(monkeypatch):
    record = shopped(Shop(), monkeypatch)
    assert not record.unexpected
    assert checked(record, _LONG)[0]["passed"]
    assert checked(record, _SHORT)[0]["passed"]


@pytest.mark.parametrize(
    "shop, missing",
    [
        (NoSuccess, "payments CAPTURED"),
        (NoDecline, "payments FAILED"),
        (NoReplay, "answers replayed"),
        (Forgetful, "orders seen PAID"),
    ],
)
def test_an_operation_that_never_succeeds_is_found(monkeypatch, shop, missing):
    record = shopped(shop(), monkeypatch)
    check, _ = checked(record, _LONG)
    assert not check["passed"]
    assert f"no {missing}" in check["detail"].split(", ")


def test_a_refund_that_is_refused_is_unexpected(monkeypatch):
    record = shopped(NoRefund(), monkeypatch)
    assert checked(record, _LONG)[0]["detail"] == "no payments given back"
    assert record.unexpected
    assert all("order-not-refundable" in each for each in record.unexpected)


def test_too_few_kills_say_nothing_of_what_did_not_happen():
    check, printed = checked(Record(), _SHORT)
    assert check is None
    assert "too short to say" in printed and "orders cancelled" in printed
    assert not checked(Record(), _LONG)[0]["passed"]
