"""What clients record of a shop that loses answers is what the shop holds."""

import time

import pytest

from fake_shop import Shop, serving
from scaleout.load import definite, shoppers
from scaleout.load.buyer import Buyers
from scaleout.load.client import Answer
from scaleout.load.payers import Payers
from scaleout.load.shoppers import Shoppers
from scaleout.money import rules
from scaleout.money.books import Books


def wrong(shop, clients):
    judged = rules.judge(shop.books(), clients.record)
    return {name: [str(each) for each in found] for name, (_, found) in judged.items() if found}


def run(make, enough, shop=None):
    """The clients, after they have run until enough(record), and the shop they were at."""
    shop = shop or Shop()
    with serving(shop) as url:
        with make(url) as clients:
            deadline = time.monotonic() + 20
            while not enough(clients.record) and time.monotonic() < deadline:
                time.sleep(0.02)
    return clients, shop


@pytest.mark.parametrize(
    "make",
    [
        lambda url: Buyers(url, 4),
        lambda url: Payers(url, 60),
        lambda url: Shoppers(url, 60, seed=3),
    ],
    ids=["buyers", "payers", "shoppers"],
)
def test_what_was_answered_is_what_there_is(make):
    clients, shop = run(make, lambda record: len(record.payments) >= 60)
    record = clients.record
    assert not record.unexpected and not record.unanswered and not record.contradictions
    assert len(record.payments) >= 60 and record.repeats > 0
    assert wrong(shop, clients) == {}


def test_shoppers_do_everything_and_give_up_now_and_then():
    def enough(record):
        return (
            record.cancelled
            and record.refunded
            and record.seen_paid
            and any(kind == definite.ALREADY_PAID for _, kind in record.refused.values())
        )

    clients, _ = run(lambda url: Shoppers(url, 80, seed=5), enough)
    assert enough(clients.record)
    assert {"order", "pay", "cancel", "refund"} == {kind for kind, _ in clients.answers}


class Silent(Shop):
    """Cancels, and does not say so."""

    def handle(self, method, path, key, body):
        answer = super().handle(method, path, key, body)
        return None if path.endswith("/cancel") else answer


def test_what_shoppers_gave_up_to_cancel_they_have_asked_for(monkeypatch):
    monkeypatch.setattr(shoppers, "_PERSISTENCE", 0.5)
    make = lambda url: Shoppers(url, 80, seed=5)  # noqa: E731
    clients, shop = run(make, lambda record: len(record.called_off) > 9, Silent())
    assert "CANCELLED" in {order.state for order in shop.orders.values()}
    assert not clients.record.cancelled
    assert wrong(shop, clients) == {}


def test_a_payment_that_the_shop_gives_back_by_itself_is_found():
    clients, shop = run(lambda url: Payers(url, 60), lambda record: len(record.payments) > 9)
    paid = max(p.id for p in shop.payments.values() if p.state == "CAPTURED")
    shop.give_back(shop.payments[paid])
    assert set(wrong(shop, clients)) == {"nothing was called off or given back unasked"}


def test_a_payment_that_the_shop_loses_afterwards_is_found():
    clients, shop = run(lambda url: Payers(url, 60), lambda record: len(record.payments) > 9)
    lost = max(p.id for p in shop.payments.values() if p.state == "CAPTURED")
    order = shop.payments.pop(lost).order_id
    found = wrong(shop, clients)
    assert all(f"order {order}:" in text for texts in found.values() for text in texts), found
    assert "every payment answered CAPTURED was captured" in found
    assert isinstance(shop.books(), Books)


@pytest.mark.parametrize(
    "status, problem, is_definite",
    [
        (201, "", True),
        (422, "/problems/idempotency-key-reused", True),
        (404, "about:blank", True),
        (409, definite.ALREADY_PAID, True),
        (409, definite.RESERVATION_ENDED, True),
        (409, "/problems/payment-in-progress", False),
        (409, "/problems/idempotency-key-in-progress", False),
        (503, "/problems/circuit-open", False),
        (0, "", False),
    ],
)
def test_which_answers_are_definite(status, problem, is_definite):
    answer = Answer(status, {}, f'{{"type": "{problem}"}}', 0.1)
    assert definite.is_definite(answer) == is_definite
