"""Payers: clients that order and pay at a fixed rate, and see when the order is PAID.

Each order and payment is sent with an Idempotency-Key and repeated with it until there is a
definite answer, as `buyer` does, and every answer is recorded.
"""

import dataclasses
import time

from scaleout.load.definite import RESERVATION_ENDED
from scaleout.load.paced import PacedClients, new_key, payment_of, refusal

# What cards do, as of `buyer`: but a lost reply takes a thread of the payment service for a second,
# and few may at a time, so those are not more at a higher rate.
_DECLINED = 0.1
_LOST, _LOST_PER_SECOND = 0.1, 2.0
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


class Payers(PacedClients):
    """`looked_at` is the share of paid orders that they look at until each is PAID."""

    def __init__(self, url, rate, looked_at=1.0):
        super().__init__(url, rate)
        self._looked_at = looked_at
        self.paid = []

    async def buy(self, user_id):
        order = await self.order(user_id)
        if order is None:
            return
        payment, answered = await self._pay(order, self._token())
        if payment and payment["status"] == "FAILED" and self.random.random() < _PAY_AGAIN:
            payment, answered = await self._pay(order, "tok_success")
        if payment and payment["status"] == "CAPTURED" and self.random.random() < self._looked_at:
            seconds = await self.look(order["id"], answered)
            self.paid.append(Paid(order["id"], answered, seconds))

    def _token(self):
        lost = min(_LOST, _LOST_PER_SECOND / self.rate)
        drawn = self.random.random()
        if drawn < _DECLINED:
            return "tok_decline"
        return "tok_lost_reply" if drawn < _DECLINED + lost else "tok_success"

    async def _pay(self, order, token):
        """The payment, and when it was answered."""
        key = new_key()
        name = key["Idempotency-Key"]
        self.record.payment_keys[name] = order["id"]
        answer = await self.insist(payment_of(order, token, key), "pay")
        if answer is None:
            return None, 0.0
        refused = refusal(answer, order)
        if refused[1] == RESERVATION_ENDED:
            # It was away for so long that the payment was called off.
            self.record.refused[name] = refused
            return None, answer.ended
        if not self.expect(answer, 201):
            return None, answer.ended
        self.record.add_payment(name, answer.json())
        return answer.json(), time.monotonic()
