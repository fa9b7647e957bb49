"""Purchases that a process does not outlive, or stands still in: what brings a program to each of
its fault points, and a client that repeats its request, or does not.
"""

import dataclasses
import uuid

import httpx

from native_stack import eventually
from scaleout.load.definite import is_definite, problem_of
from scaleout.load.record import Record

_ANSWER_SECONDS = 15.0


@dataclasses.dataclass(frozen=True)
class Way:
    """How a program comes to its point: a payment with that token, or the refund of one."""

    token: str = "tok_success"
    is_refund: bool = False
    # What the gateway would send to the payment service does not leave it.
    is_unsent: bool = False


_REFUND, _UNSENT = Way(is_refund=True), Way(is_unsent=True)
# A point that is not here is passed when a payment is made.
WAYS = {
    ("order-service", "after_refund_request_commit"): _REFUND,
    ("order-service", "before_settle_call"): _UNSENT,
    ("order-service", "after_settle_call"): _UNSENT,
    ("payment-service", "after_tombstone"): _UNSENT,
    ("payment-service", "after_find"): Way("tok_settle_late"),
    ("payment-service", "before_void"): Way("tok_timeout"),
    ("payment-service", "after_void"): Way("tok_timeout"),
    ("payment-service", "before_effect_commit"): _REFUND,
    ("payment-service", "after_effect_commit"): _REFUND,
    ("payment-service", "after_refund"): _REFUND,
    ("payment-service", "after_refund_record"): _REFUND,
}


class Answer:
    """Of a request; status 0 if there was none."""

    def __init__(self, response=None):
        self.status = response.status_code if response is not None else 0
        self.json = response.json if response is not None else dict


class Shop:
    """A client of the one gateway, and what it was answered."""

    def __init__(self, stack):
        self._client = httpx.Client(base_url=stack.gateway_url(), timeout=10)
        self.record = Record()
        user = self._client.post(
            "/api/users", json={"name": "Fault", "email": f"{uuid.uuid4().hex}@example.com"}
        )
        assert user.status_code == 201, user.text
        self._user_id = user.json()["id"]
        self.record.users.append(self._user_id)

    def close(self):
        self._client.close()

    def _ask(self, path, body=None, key=None):
        headers = {} if key is None else {"Idempotency-Key": key}
        try:
            return Answer(self._client.post(path, json=body, headers=headers))
        except httpx.TransportError:
            return Answer()

    def order(self):
        key = uuid.uuid4().hex
        self.record.order_keys.add(key)
        body = {"userId": self._user_id, "items": [{"productId": 1, "quantity": 1}]}
        answer = self._ask("/api/orders", body, key)
        assert answer.status == 201, answer.json()
        self.record.add_order(key, answer.json())
        return answer.json()["id"]

    def state_of(self, order_id):
        answer = self._client.get(f"/api/orders/{order_id}", headers={"Cache-Control": "no-cache"})
        return answer.json()["status"]

    def pay(self, order_id, token, key):
        self.record.payment_keys[key] = order_id
        body = {"orderId": order_id, "paymentMethodToken": token}
        answer = self._ask("/api/payments", body, key)
        if answer.status == 201:
            self.record.add_payment(key, answer.json())
        elif answer.status == 409 and is_definite(answer):
            self.record.refused[key] = (order_id, problem_of(answer))
        return answer

    def cancel(self, order_id):
        self.record.called_off.add(order_id)
        answer = self._ask(f"/api/orders/{order_id}/cancel")
        if answer.status == 200:
            self.record.cancelled[order_id] = answer.json()["status"]
        return answer

    def send_nothing_to_payments(self):
        body = {"backend": "charges", "errorPercent": 100}
        assert self._ask("/api/faults", body).status == 200

    def send_all(self):
        assert self._client.delete("/api/faults").status_code == 200


class Purchase:
    """One order and the request for it that the process does not outlive."""

    def __init__(self, shop, way):
        self._shop = shop
        self._way = way
        self._key = uuid.uuid4().hex
        self._token = way.token
        self.order_id = shop.order()
        if way.is_refund:
            assert shop.pay(self.order_id, way.token, uuid.uuid4().hex).status == 201
            eventually(lambda: shop.state_of(self.order_id) == "PAID")

    def ask_first(self):
        if self._way.is_unsent:
            self._shop.send_nothing_to_payments()
        return self.ask()

    def ask(self):
        if self._way.is_refund:
            return self._shop.cancel(self.order_id)
        return self._shop.pay(self.order_id, self._token, self._key)

    def repeat(self, client):
        """Until the answer is definite; a client that tries a new key takes one each time, and a
        card that works.
        """
        if client == "never":
            return

        def is_answered():
            if client == "new":
                self._key, self._token = uuid.uuid4().hex, "tok_success"
            return is_definite(self.ask())

        eventually(is_answered, _ANSWER_SECONDS, every=0.2)
