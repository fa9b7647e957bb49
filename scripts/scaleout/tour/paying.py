"""Scenes 12 and 13: an event of one service has its effect in another, also where the way between
them is gone for a while; and an order is paid once, and its money given back.
"""

import time
import uuid

from scaleout.errors import StackError
from scaleout.events.databases import Databases
from scaleout.load.client import PAST_THE_CACHE
from scaleout.load.definite import ALREADY_PAID, problem_of
from scaleout.tour.scenes import Scenes

_USER = 1
_IN_PROGRESS = "/problems/payment-in-progress"
_PAID_SECONDS = 10
# redis-state starts, the services connect again, and the event goes its way.
_PAID_LATE_SECONDS = 20
_AWAY_SECONDS = 3
# What is on its way waits for a second at most to be forgotten.
_DRAINED_SECONDS = 10


class Paying(Scenes):
    def events(self):
        self._n.scene(
            "12. An event between services",
            "Payments are the payment service's, orders the order service's. An order is RESERVED\n"
            "while it is paid. A payment and its event are written in one transaction; the event\n"
            "moves the order, by way of a stream on redis-state. If that is gone, the event waits\n"
            "in the database.",
        )
        self._n.command("curl .../api/orders -d ...; curl .../api/payments -d ...")
        order = self._paid("with redis-state there")
        took = self._await_paid(order, _PAID_SECONDS)
        self._n.check("the order is PAID soon after", took is not None, self._shown(took))
        self._n.figure("paidMs", None if took is None else took * 1000)

        self._n.say("\n    ... stopping redis-state")
        self._driver.stop("redis-state")
        try:
            order = self._paid("without redis-state")
            time.sleep(_AWAY_SECONDS)
            self._n.check(
                f"after {_AWAY_SECONDS} s the order is still RESERVED",
                self._status(order) == "RESERVED",
                self._status(order),
            )
            self._n.command("scripts/stack.sh events")
            waiting = self._waiting()
            age = max((row["oldest"] for row in waiting if row["oldest"]), default=0)
            rows = [(row["kind"], row["unpublished"], f"{row['oldest']:.1f}") for row in waiting]
            self._n.table(("stream", "unpublished", "oldest, s"), rows)
            self._n.check(
                "its event waits in the database (outbox_oldest_age_seconds)",
                age >= 0.8 * _AWAY_SECONDS,
                f"{age:.1f} s",
            )
        finally:
            self._n.say("\n    ... starting it again")
            self._driver.start("redis-state")
        began = time.monotonic()
        took = self._await_paid(order, _PAID_LATE_SECONDS)
        self._n.check("then the order is PAID", took is not None, self._shown(took))
        while (left := self._waiting()) and time.monotonic() - began < _DRAINED_SECONDS:
            time.sleep(0.2)
        self._n.check("and nothing waits any more", not left, left or "")

    def once(self):
        self._n.scene(
            "13. An order is paid once",
            "The order service reserves an order for one charge, for the order's own total. What\n"
            "is sent again with the same Idempotency-Key gets the same answer, a second payment\n"
            "is refused. A paid order that is cancelled gets its money back.",
        )
        order = self._new_order()
        key = uuid.uuid4().hex
        self._n.command(
            "for i in 1 2; do curl .../api/payments -H 'Idempotency-Key: my-key' "
            '-d \'{"orderId": ..., "paymentMethodToken": "tok_success"}\'; done'
        )
        first = self._answered(lambda: self._pay(order, key))
        again = self._pay(order, key)
        other = self._pay(order, uuid.uuid4().hex)
        self._n.check(
            "the same key again: the stored answer, and no second charge",
            (first.status, again.status) == (201, 201)
            and again.headers.get("Idempotent-Replayed") == "true"
            and again.body == first.body,
            f"Idempotent-Replayed: {again.headers.get('Idempotent-Replayed')}",
        )
        # Until the event has come the order is RESERVED.
        deadline = time.monotonic() + _PAID_SECONDS
        while problem_of(other) == _IN_PROGRESS and time.monotonic() < deadline:
            time.sleep(0.05)
            other = self._pay(order, uuid.uuid4().hex)
        self._n.check(
            "another key: 409, the order is paid already",
            (other.status, problem_of(other)) == (409, ALREADY_PAID),
            problem_of(other) or other.status,
        )
        self._cancel(order, first.json().get("id"))

    def _cancel(self, order, payment):
        self._n.command(f"curl -X POST .../api/orders/{order}/cancel")
        path = f"/api/orders/{order}/cancel"
        cancelled = self._answered(lambda: self._client.request("POST", path))
        status = cancelled.json().get("status")
        self._n.say(f"    POST {path}  {cancelled.status} {status}")
        self._n.check(
            "cancelled after it was paid: the order is REFUNDING",
            cancelled.status == 200 and status in ("REFUNDING", "CANCELLED"),
            status or cancelled,
        )
        took = self._await(order, "CANCELLED", _PAID_SECONDS)
        path = f"/api/payments/{payment}"
        refunded = self._client.get(path, PAST_THE_CACHE).json().get("status")
        self._n.say(f"    GET {path}  {refunded}")
        self._n.check(
            "then it is CANCELLED, and its payment REFUNDED",
            took is not None and refunded == "REFUNDED",
            self._shown(took),
        )
        self._n.figure("refundedMs", None if took is None else took * 1000)

    def _new_order(self):
        """Its id."""
        items = [{"productId": 1, "quantity": 1}]
        return self._post("/api/orders", {"userId": _USER, "items": items}).json().get("id")

    def _pay(self, order, key):
        body = {"orderId": order, "paymentMethodToken": "tok_success"}
        headers = {"Idempotency-Key": key}
        payment = self._client.post("/api/payments", body, headers)
        what = problem_of(payment) or payment.json().get("status", "")
        milliseconds = f"{payment.milliseconds:.1f} ms"
        self._n.say(f"    POST /api/payments  {payment.status} {what} in {milliseconds}")
        return payment

    def _paid(self, when):
        """An order whose payment was answered."""
        order, key = self._new_order(), uuid.uuid4().hex
        payment = self._answered(lambda: self._pay(order, key))
        self._n.check(
            f"{when} the payment is captured, and answered",
            payment.status == 201 and payment.json().get("status") == "CAPTURED",
            payment.json().get("status", payment),
        )
        return order

    def _post(self, path, body):
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return self._answered(lambda: self._client.post(path, body, key))

    def _status(self, order):
        return self._client.get(f"/api/orders/{order}", PAST_THE_CACHE).json().get("status")

    def _await_paid(self, order, seconds):
        return self._await(order, "PAID", seconds)

    def _await(self, order, wanted, seconds):
        """Seconds until the order is in that state; None if it is not."""
        began = time.monotonic()
        while (status := self._status(order)) != wanted:
            if time.monotonic() - began > seconds:
                self._n.say(f"    GET /api/orders/{order}  {status}")
                return None
            time.sleep(0.005)
        took = time.monotonic() - began
        self._n.say(f"    GET /api/orders/{order}  {wanted} after {1000 * took:.0f} ms")
        return took

    @staticmethod
    def _shown(took):
        return "" if took is None else f"{1000 * took:.0f} ms"

    def _waiting(self):
        """Of the payment service's streams, those with events that are not published."""
        try:
            rows = Databases(self._driver).outbox("payment-service")
        except StackError as error:
            self._n.say(f"    {error}")
            return []
        return [row for row in rows if row["unpublished"]]
