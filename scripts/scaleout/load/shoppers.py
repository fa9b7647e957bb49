"""Shoppers: clients that order, pay, cancel and want their money back, and are not all careful.

After an answer that leaves open what has happened some repeat their request with the same key, some
try with a new one, and some give up. Two may pay for one order at once, or one pays while another
cancels. What they were answered is recorded; what they gave up may or may not have happened.
"""

import asyncio
import time

from scaleout.load.definite import RESERVATION_ENDED, is_definite
from scaleout.load.open_loop import Request
from scaleout.load.paced import PacedClients, new_key, payment_of, refusal

# Payment methods of the simulated provider, and how often each is taken.
TOKENS = {
    "tok_success": 60,
    "tok_decline": 10,
    "tok_timeout": 8,
    "tok_lost_reply": 12,
    "tok_settle_late": 10,
}
# What is done with a payment whose outcome is open.
_SAME_KEY, _NEW_KEY, _NEVER = 70, 20, 10
_PERSISTENCE = 0.97  # of all else
_KEYS = 4  # for one payment
_PATIENCE_SECONDS = 120
_REPEATED = 0.1  # payments that are sent once more after their answer
_LOOKED_AT = 0.3


class Shoppers(PacedClients):
    kinds = ("order", "pay", "cancel", "refund")

    def __init__(self, url, rate, seed=None):
        super().__init__(url, rate, seed)
        self.given_up = 0
        self._plans = {
            self._only_pay: 50,
            self._pay_twice_at_once: 12,
            self._pay_and_cancel_at_once: 10,
            self._pay_then_cancel: 10,
            self._pay_then_refund: 10,
            self._cancel: 4,
            self._do_nothing: 4,
        }

    async def buy(self, user_id):
        order = await self.order(user_id, _PERSISTENCE)
        if order is not None:
            await self._drawn(self._plans)(order)

    def _drawn(self, weights):
        return self.random.choices(list(weights), weights.values())[0]

    # What one wants of an order

    async def _do_nothing(self, order):
        pass

    async def _only_pay(self, order):
        payment = await self._pay(order)
        if captured(payment) and self.random.random() < _LOOKED_AT:
            await self.look(order["id"], time.monotonic())

    async def _pay_twice_at_once(self, order):
        await asyncio.gather(self._pay(order), self._pay(order))

    async def _pay_and_cancel_at_once(self, order):
        await asyncio.gather(self._pay(order), self._cancel(order))

    async def _pay_then_cancel(self, order):
        await self._pay(order)
        await self._cancel(order)

    async def _pay_then_refund(self, order):
        payment = await self._pay(order)
        if captured(payment) and await self.look(order["id"], time.monotonic()) is not None:
            await asyncio.gather(
                *[self._refund(payment) for _ in range(self.random.choice((1, 2)))]
            )

    # How

    async def _pay(self, order):
        """The payment as it was answered at last; None if there is none."""
        token = self._drawn(TOKENS)
        began = time.monotonic()
        payment = None
        for _ in range(_KEYS):
            key = new_key()
            self.record.payment_keys[key["Idempotency-Key"]] = order["id"]
            found, again = await self._pay_with(key, order, token, began)
            payment = found or payment
            if not again:
                break
            if captured(found) or self.random.random() < 0.5:
                token = "tok_success"
        return payment

    async def _pay_with(self, key, order, token, began):
        """The payment, and whether to try with another key."""
        name = key["Idempotency-Key"]
        request = payment_of(order, token, key)
        while not is_definite(answer := await self.ask(request, "pay")):
            self.record.repeats += 1
            if time.monotonic() - began > _PATIENCE_SECONDS:
                self.record.unanswered.append(f"{answer}, key {name}")
                return None, False
            choices = {"same": _SAME_KEY, "new": _NEW_KEY, "never": _NEVER}
            # A refusal at once says that nothing has begun, or that something else is under way.
            if answer.status in (409, 429):
                choices |= {"new": 1, "never": 1}
            choice = self._drawn(choices)
            if choice != "same":
                self.given_up += choice == "never"
                return None, choice == "new"
            await self.pause()
        self.record.longest_wait = max(self.record.longest_wait, time.monotonic() - began)
        if answer.status == 409:
            self.record.refused[name] = refusal(answer, order)
            return None, self.record.refused[name][1] == RESERVATION_ENDED
        if not self.expect(answer, 201):
            return None, False
        self.record.add_payment(name, answer.json())
        self.record.replays += answer.headers.get("idempotent-replayed") == "true"
        if self.random.random() < _REPEATED:
            again = await self.ask(request, "pay")
            if is_definite(again) and self.expect(again, 201):
                self.record.add_payment(name, again.json())
        failed = answer.json()["status"] == "FAILED"
        return answer.json(), failed and self.random.random() < 0.5

    async def _cancel(self, order):
        self.record.called_off.add(order["id"])
        path = f"/api/orders/{order['id']}/cancel"
        answer = await self.insist(Request("POST", path), "cancel", _PERSISTENCE)
        if answer is None:
            self.given_up += 1
        elif self.expect(answer, 200):
            self.record.cancelled[order["id"]] = answer.json()["status"]

    async def _refund(self, payment):
        self.record.called_off.add(payment["orderId"])
        path = f"/api/payments/{payment['id']}/refund"
        request = Request("POST", path, new_key())
        answer = await self.insist(request, "refund", _PERSISTENCE)
        if answer is None:
            self.given_up += 1
        # The order was seen PAID with it: even if it was called off meanwhile this is no conflict.
        elif self.expect(answer, 200, 202):
            self.record.refunded[payment["id"]] = payment["orderId"]


def captured(payment):
    return payment is not None and payment["status"] == "CAPTURED"
