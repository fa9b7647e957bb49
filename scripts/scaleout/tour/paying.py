"""Scene 12: an event of one service has its effect in another, also where the way between them is
gone for a while.
"""

import time
import uuid

from scaleout.errors import StackError
from scaleout.events.databases import Databases
from scaleout.load.client import PAST_THE_CACHE
from scaleout.tour.scenes import Scenes

_USER = 1
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
            "Payments are the payment service's, orders the order service's. A payment and its\n"
            "event are written in one transaction; the event moves the order, by way of a stream\n"
            "on redis-state. If that is gone, the event waits in the database.",
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
                f"after {_AWAY_SECONDS} s the order is still PENDING",
                self._status(order) == "PENDING",
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

    def _paid(self, when):
        """An order whose payment was answered."""
        items = [{"productId": 1, "quantity": 1}]
        order = self._post("/api/orders", {"userId": _USER, "items": items}).json()
        total = order.get("total", {})
        body = {
            "orderId": order.get("id"),
            "userId": _USER,
            "amount": total.get("amount"),
            "currency": total.get("currency"),
            "paymentMethodToken": "tok_success",
        }
        payment = self._post("/api/payments", body)
        self._n.say(f"    POST /api/payments  {payment.status} in {payment.milliseconds:.1f} ms")
        self._n.check(
            f"{when} the payment is captured, and answered",
            payment.status == 201 and payment.json().get("status") == "CAPTURED",
            payment.json().get("status", payment),
        )
        return order.get("id")

    def _post(self, path, body):
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return self._answered(lambda: self._client.post(path, body, key))

    def _status(self, order):
        return self._client.get(f"/api/orders/{order}", PAST_THE_CACHE).json().get("status")

    def _await_paid(self, order, seconds):
        """Seconds until the order is PAID; None if it is not."""
        began = time.monotonic()
        while (status := self._status(order)) != "PAID":
            if time.monotonic() - began > seconds:
                self._n.say(f"    GET /api/orders/{order}  {status}")
                return None
            time.sleep(0.005)
        took = time.monotonic() - began
        self._n.say(f"    GET /api/orders/{order}  PAID after {1000 * took:.0f} ms")
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
