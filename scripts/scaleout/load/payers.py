"""Payers: clients that order and pay at a fixed rate, and see when the order is PAID.

Each order and payment is sent with an Idempotency-Key and repeated with it until there is a
definite answer, as `buyer` does, and every answer is recorded under the same names, so that
`ledger` can compare. A rate of purchases that the stack does not reach makes more of them at a
time, up to a limit, and then fewer.
"""

import asyncio
import collections
import dataclasses
import random
import threading
import time
import uuid

from scaleout.load.buyer import INDEFINITE, TOKENS
from scaleout.load.client import PAST_THE_CACHE
from scaleout.load.open_loop import Connections, Outcome, Request

_USERS = 8
_MAX_PURCHASES = 500
_TIMEOUT_SECONDS = 10
_PATIENCE_SECONDS = 120
_LOOK_SECONDS = 60
_PAUSE_SECONDS = 0.1
# A look at an order comes so late after the one before, of the time that it has been waited for.
_LOOK_SHARE, _FIRST_LOOK_SECONDS, _LAST_LOOK_SECONDS = 0.1, 0.005, 0.5
# Of those that were declined, how many pay once more.
_PAY_AGAIN = 0.5


@dataclasses.dataclass(frozen=True)
class Paid:
    """A payment that was captured: when that was answered, in monotonic time, and how much later
    the order was seen to be PAID; None: it never was.
    """

    order_id: int
    answered: float
    seconds: float | None


class Payers:
    """`with Payers(url, rate) as payers:` runs them beside its block; close(), or leaving the
    block, waits until every purchase has its definite answers and every order was looked at.
    `looked_at` is the share of paid orders that are.
    """

    kinds = ("order", "pay")

    def __init__(self, url, rate, looked_at=1.0):
        self._connections = Connections(url, _TIMEOUT_SECONDS)
        self._rate = rate
        self._looked_at = looked_at
        self._purchases = set()
        self._loop = self._stop = None
        self._running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.outcomes = []
        self.users = []
        self.orders = {}  # by key, as acknowledged
        self.payments = {}
        self.paid = []
        self.begun = 0
        self.left_out = 0  # purchases that were due while too many had no answer
        self.answers = collections.Counter()
        self.repeats = 0
        self.replays = 0
        self.longest_wait = 0.0
        self.unexpected = []
        self.unanswered = []

    def __enter__(self):
        self._thread.start()
        self._running.wait()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    async def _run(self):
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._running.set()
        for _ in range(_USERS):
            body = {"email": f"{uuid.uuid4().hex}@example.com", "name": "Payer"}
            _, user = await self._post("", "/api/users", body)
            if user is not None:
                self.users.append(user["id"])
        if self.users:
            driver = asyncio.create_task(self._drive())
            await self._stop.wait()
            driver.cancel()
        if self._purchases:
            await asyncio.wait(self._purchases)
        self._connections.close()

    async def _drive(self):
        due = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += 1 / self._rate
            if len(self._purchases) >= _MAX_PURCHASES:
                self.left_out += 1
                continue
            self.begun += 1
            task = asyncio.create_task(self._buy(random.choice(self.users)))
            self._purchases.add(task)
            task.add_done_callback(self._purchases.discard)

    async def _buy(self, user_id):
        items = [{"productId": random.randrange(1, 41), "quantity": random.randrange(1, 4)}]
        key, order = await self._post("order", "/api/orders", {"userId": user_id, "items": items})
        if order is None:
            return
        self.orders[key] = order
        payment, answered = await self._pay(order, random.choice(TOKENS))
        if payment and payment["status"] == "FAILED" and random.random() < _PAY_AGAIN:
            payment, answered = await self._pay(order, "tok_success")
        if payment and payment["status"] == "CAPTURED" and random.random() < self._looked_at:
            await self._look(order["id"], answered)

    async def _pay(self, order, token):
        """The payment, and when it was answered."""
        body = {
            "orderId": order["id"],
            "userId": order["userId"],
            "amount": order["total"]["amount"],
            "currency": order["total"]["currency"],
            "paymentMethodToken": token,
        }
        key, payment = await self._post("pay", "/api/payments", body)
        if payment is not None:
            self.payments[key] = payment
        return payment, time.monotonic()

    async def _post(self, kind, path, body):
        """The key, and what was created; None if nothing was, which is recorded."""
        key = uuid.uuid4().hex
        began = time.monotonic()
        while True:
            answer = await self._ask(Request("POST", path, {"Idempotency-Key": key}, body), kind)
            waited = time.monotonic() - began
            if answer.status == 201:
                self.longest_wait = max(self.longest_wait, waited)
                self.replays += answer.headers.get("idempotent-replayed") == "true"
                return key, answer.json()
            self.repeats += 1
            if answer.status not in INDEFINITE:
                self.unexpected.append(f"POST {path}: {answer}")
                return key, None
            if waited > _PATIENCE_SECONDS:
                self.unanswered.append(f"POST {path}, key {key}: {answer}")
                return key, None
            await asyncio.sleep(_PAUSE_SECONDS * (0.5 + random.random()))

    async def _look(self, order_id, answered):
        """Until the order is PAID, at each look past the gateways' cache."""
        while (waited := time.monotonic() - answered) < _LOOK_SECONDS:
            answer = await self._ask(Request("GET", f"/api/orders/{order_id}", PAST_THE_CACHE), "")
            if answer.status == 200 and answer.json().get("status") == "PAID":
                self.paid.append(Paid(order_id, answered, answer.ended - answered))
                return
            pause = min(max(_FIRST_LOOK_SECONDS, _LOOK_SHARE * waited), _LAST_LOOK_SECONDS)
            await asyncio.sleep(pause)
        self.paid.append(Paid(order_id, answered, None))

    async def _ask(self, request, kind):
        outcome = Outcome(kind, request, time.monotonic())
        await self._connections.send(outcome)
        outcome.ended = time.monotonic()
        if kind:
            self.outcomes.append(outcome)
            self.answers[str(outcome.status)] += 1
        return outcome
