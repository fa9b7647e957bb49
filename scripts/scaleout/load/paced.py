"""Clients that begin purchases at a fixed rate, whatever became of the earlier ones. A rate that
the stack does not reach makes more purchases at a time, up to a limit, and then fewer.
"""

import asyncio
import collections
import random
import threading
import time
import uuid

from scaleout.load.client import PAST_THE_CACHE
from scaleout.load.definite import is_definite, label, problem_of
from scaleout.load.open_loop import Connections, Outcome, Request
from scaleout.load.record import Record

_USERS = 8
_MAX_PURCHASES = 500
_TIMEOUT_SECONDS = 10
_PATIENCE_SECONDS = 120
_LOOK_SECONDS = 60
_PAUSE_SECONDS = 0.1
# A look at an order comes so late after the one before, of the time that it has been waited for.
_LOOK_SHARE, _FIRST_LOOK_SECONDS, _LAST_LOOK_SECONDS = 0.1, 0.005, 0.5


class PacedClients:
    """`with PacedClients(url, rate) as clients:` runs them beside its block; close(), or leaving
    the block, waits until every purchase is over. A subclass says what a purchase is: buy().
    """

    kinds = ("order", "pay")

    def __init__(self, url, rate, seed=None):
        self._connections = Connections(url, _TIMEOUT_SECONDS)
        self.rate = rate
        self.random = random.Random(seed)
        self._purchases = set()
        self._loop = self._stop = None
        self._running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.outcomes = []
        self.record = Record()
        self.begun = 0
        self.left_out = 0  # purchases that were due while too many had no answer
        self.answers = collections.Counter()  # by kind and label

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

    async def buy(self, user_id):
        raise NotImplementedError

    async def _run(self):
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._running.set()
        for _ in range(_USERS):
            body = {"email": f"{uuid.uuid4().hex}@example.com", "name": "Payer"}
            user = await self.insist(Request("POST", "/api/users", new_key(), body))
            if user is not None and user.status == 201:
                self.record.users.append(user.json()["id"])
        if self.record.users:
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
            due += 1 / self.rate
            if len(self._purchases) >= _MAX_PURCHASES:
                self.left_out += 1
                continue
            self.begun += 1
            task = asyncio.create_task(self._purchase(self.random.choice(self.record.users)))
            self._purchases.add(task)
            task.add_done_callback(self._purchases.discard)

    async def _purchase(self, user_id):
        try:
            await self.buy(user_id)
        except Exception as error:  # an answer that is not as the contract says
            self.record.unexpected.append(f"{type(error).__name__}: {error}")

    # What a purchase is made of

    async def order(self, user_id, persistence=1.0):
        """A new order as it was acknowledged; None if it was not."""
        product, quantity = self.random.randrange(1, 41), self.random.randrange(1, 4)
        body = {"userId": user_id, "items": [{"productId": product, "quantity": quantity}]}
        key = new_key()
        self.record.order_keys.add(key["Idempotency-Key"])
        request = Request("POST", "/api/orders", key, body)
        answer = await self.insist(request, "order", persistence)
        if answer is None or not self.expect(answer, 201):
            return None
        self.record.add_order(key["Idempotency-Key"], answer.json())
        return answer.json()

    async def insist(self, request, kind="", persistence=1.0):
        """The definite answer to a request that is repeated until there is one. None if there is
        none for too long, which is recorded, or if the client gives up, which it does with the
        probability 1 - persistence after each answer that is not definite.
        """
        began = time.monotonic()
        while not is_definite(answer := await self.ask(request, kind)):
            self.record.repeats += 1
            waited = time.monotonic() - began
            if waited > _PATIENCE_SECONDS:
                self.record.unanswered.append(str(answer))
                return None
            if self.random.random() >= persistence:
                return None
            await self.pause()
        self.record.longest_wait = max(self.record.longest_wait, time.monotonic() - began)
        self.record.replays += answer.headers.get("idempotent-replayed") == "true"
        return answer

    def expect(self, answer, *statuses):
        """Whether it has one of these; it is recorded if not."""
        if answer.status not in statuses:
            self.record.unexpected.append(str(answer))
        return answer.status in statuses

    async def look(self, order_id, since):
        """Until the order is seen PAID, past the gateways' cache: how long after `since`, in
        monotonic time; None if it was never.
        """
        while (waited := time.monotonic() - since) < _LOOK_SECONDS:
            answer = await self.ask(Request("GET", f"/api/orders/{order_id}", PAST_THE_CACHE))
            if answer.status == 200 and answer.json().get("status") == "PAID":
                self.record.seen_paid.add(order_id)
                return answer.ended - since
            pause = min(max(_FIRST_LOOK_SECONDS, _LOOK_SHARE * waited), _LAST_LOOK_SECONDS)
            await asyncio.sleep(pause)
        return None

    async def pause(self):
        await asyncio.sleep(_PAUSE_SECONDS * (0.5 + random.random()))

    async def ask(self, request, kind=""):
        outcome = Outcome(kind, request, time.monotonic())
        await self._connections.send(outcome)
        outcome.ended = time.monotonic()
        if kind:
            self.outcomes.append(outcome)
            self.answers[kind, label(outcome)] += 1
        return outcome


def new_key():
    return {"Idempotency-Key": uuid.uuid4().hex}


def payment_of(order, token, key):
    """The request that pays for an order. What it costs, the order says."""
    body = {"orderId": order["id"], "paymentMethodToken": token}
    return Request("POST", "/api/payments", key, body)


def refusal(answer, order):
    """How a payment that was refused for good is recorded."""
    return order["id"], problem_of(answer)
