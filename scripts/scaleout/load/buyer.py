"""Buyers: clients that order and pay, and record every answer.

A buyer sends each order and each payment with an Idempotency-Key, and repeats what got no definite
answer with the same key until it gets one, as a careful client does. So in the end every order and
every payment in the databases is one that was acknowledged, exactly once and with the same content;
`scaleout.money` checks that.
"""

import collections
import random
import threading
import time
import uuid

from scaleout.load.client import Client
from scaleout.load.definite import INDEFINITE, RESERVATION_ENDED, is_definite, problem_of
from scaleout.load.record import Record

_PAUSE_SECONDS = 0.1
_TIMEOUT_SECONDS = 10
_PATIENCE_SECONDS = 60
# Most cards are accepted; one is declined; one is charged while the provider's answer gets lost.
_TOKENS = ["tok_success"] * 8 + ["tok_decline", "tok_lost_reply"]


class _Attempt:
    """One request as the timeline counts it."""

    def __init__(self, kind, answer):
        self.kind = kind
        self.status = answer.status
        self.milliseconds = answer.milliseconds


class Buyers:
    """`with Buyers(url, count) as buyers:` runs them beside its block; leaving it waits until each
    has a definite answer to what it began.
    """

    kinds = ("order", "pay")

    def __init__(self, url, count=4):
        self._url = url
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        self.outcomes = []
        self.record = Record()
        self.answers = collections.Counter()  # by status and problem type: "503 /problems/..."

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        client = Client(self._url, timeout=_TIMEOUT_SECONDS)
        body = {"email": f"{uuid.uuid4().hex}@example.com", "name": "Buyer"}
        user = self._post(client, "", "/api/users", uuid.uuid4().hex, body)
        if user is None:
            return
        with self._lock:
            self.record.users.append(user["id"])
        while not self._stop.is_set():
            self._buy(client, user["id"])
            time.sleep(_PAUSE_SECONDS * random.random())

    def _buy(self, client, user_id):
        items = [
            {"productId": product, "quantity": random.randrange(1, 4)}
            for product in random.sample(range(1, 41), 2)
        ]
        key = uuid.uuid4().hex
        with self._lock:
            self.record.order_keys.add(key)
        order = self._post(client, "order", "/api/orders", key, {"userId": user_id, "items": items})
        if order is None:
            return
        with self._lock:
            self.record.add_order(key, order)
            key = uuid.uuid4().hex
            self.record.payment_keys[key] = order["id"]
        # What it costs, the order says.
        body = {"orderId": order["id"], "paymentMethodToken": random.choice(_TOKENS)}
        payment = self._post(client, "pay", "/api/payments", key, body)
        if payment is None:
            return
        with self._lock:
            self.record.add_payment(key, payment)
        self._read_back(client, f"/api/orders/{order['id']}", "total", order)
        self._read_back(client, f"/api/payments/{payment['id']}", "status", payment)

    def _post(self, client, kind, path, key, body):
        """What was created, by a request that is repeated until its answer is definite; None if
        nothing was, which is recorded.
        """
        began = time.monotonic()
        while True:
            answer = client.post(path, body, {"Idempotency-Key": key})
            with self._lock:
                if kind:
                    self.outcomes.append(_Attempt(kind, answer))
                    self.answers[_label(answer)] += 1
                waited = time.monotonic() - began
                if is_definite(answer):
                    self.record.longest_wait = max(self.record.longest_wait, waited)
                    return self._definite(path, key, body, answer)
                self.record.repeats += 1
                if waited > _PATIENCE_SECONDS:
                    self.record.unanswered.append(f"POST {path}, key {key}: {answer}")
                    return None
            time.sleep(_PAUSE_SECONDS * (0.5 + random.random()))

    def _definite(self, path, key, body, answer):
        if answer.status == 201:
            self.record.replays += answer.headers.get("Idempotent-Replayed") == "true"
            return answer.json()
        if problem_of(answer) == RESERVATION_ENDED:
            # What was needed was away for so long that the payment was called off.
            self.record.refused[key] = (body["orderId"], RESERVATION_ENDED)
        else:
            self.record.unexpected.append(f"POST {path}: {answer}")
        return None

    def _read_back(self, client, path, member, acknowledged):
        """What was acknowledged can be read at once. An indefinite answer proves nothing."""
        answer = client.get(path)
        if answer.status in INDEFINITE:
            return
        if answer.status != 200 or answer.json().get(member) != acknowledged[member]:
            with self._lock:
                self.record.unexpected.append(
                    f"GET {path}: {answer} instead of {acknowledged[member]}"
                )


def _label(answer):
    problem_type = problem_of(answer)
    return f"{answer.status} {problem_type}" if problem_type else str(answer.status)
