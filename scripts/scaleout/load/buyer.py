"""Buyers: clients that order and pay, and record every answer.

A buyer sends each order and each payment with an Idempotency-Key, and repeats what got no definite
answer with the same key until it gets one, as a careful client does. So in the end every order and
every payment in the databases is one that was acknowledged, exactly once and with the same content;
`ledger` checks that.
"""

import collections
import random
import threading
import time
import uuid

from scaleout.load.client import Client

_PAUSE_SECONDS = 0.1
# After these the buyer does not know whether it happened, and repeats the request.
INDEFINITE = (0, 409, 429, 502, 503, 504)
_TIMEOUT_SECONDS = 10
_PATIENCE_SECONDS = 60
# Most cards are accepted; one is declined; one is charged while the provider's answer gets lost.
TOKENS = ["tok_success"] * 8 + ["tok_decline", "tok_lost_reply"]


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
        self.users = []
        self.orders = {}  # by key, as acknowledged
        self.payments = {}
        self.answers = collections.Counter()  # by status and problem type: "503 /problems/..."
        self.repeats = 0
        self.replays = 0
        self.longest_wait = 0.0
        self.unexpected = []  # answers that should not be
        self.unanswered = []  # keys that never got a definite answer

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
        _, user = self._post_until_definite(
            client, "", "/api/users", {"email": f"{uuid.uuid4().hex}@example.com", "name": "Buyer"}
        )
        if user is None:
            return
        with self._lock:
            self.users.append(user["id"])
        while not self._stop.is_set():
            self._buy(client, user["id"])
            time.sleep(_PAUSE_SECONDS * random.random())

    def _buy(self, client, user_id):
        items = [
            {"productId": product, "quantity": random.randrange(1, 4)}
            for product in random.sample(range(1, 41), 2)
        ]
        key, order = self._post_until_definite(
            client, "order", "/api/orders", {"userId": user_id, "items": items}
        )
        if order is None:
            return
        with self._lock:
            self.orders[key] = order
        key, payment = self._post_until_definite(
            client,
            "pay",
            "/api/payments",
            {
                "orderId": order["id"],
                "userId": user_id,
                "amount": order["total"]["amount"],
                "currency": order["total"]["currency"],
                "paymentMethodToken": random.choice(TOKENS),
            },
        )
        if payment is None:
            return
        with self._lock:
            self.payments[key] = payment
        self._read_back(client, f"/api/orders/{order['id']}", "total", order)
        self._read_back(client, f"/api/payments/{payment['id']}", "status", payment)

    def _post_until_definite(self, client, kind, path, body):
        """The key, and what was created; None if nothing was, which is recorded."""
        key = uuid.uuid4().hex
        began = time.monotonic()
        while True:
            answer = client.post(path, body, {"Idempotency-Key": key})
            with self._lock:
                if kind:
                    self.outcomes.append(_Attempt(kind, answer))
                    self.answers[_label(answer)] += 1
                if answer.status == 201:
                    waited = time.monotonic() - began
                    self.longest_wait = max(self.longest_wait, waited)
                    self.replays += answer.headers.get("Idempotent-Replayed") == "true"
                    return key, answer.json()
                self.repeats += 1
                if answer.status not in INDEFINITE:
                    self.unexpected.append(f"POST {path}: {answer}")
                    return key, None
                if time.monotonic() - began > _PATIENCE_SECONDS:
                    self.unanswered.append(f"POST {path}, key {key}: {answer}")
                    return key, None
            time.sleep(_PAUSE_SECONDS * (0.5 + random.random()))

    def _read_back(self, client, path, member, acknowledged):
        """What was acknowledged can be read at once. An indefinite answer proves nothing."""
        answer = client.get(path)
        if answer.status in INDEFINITE:
            return
        if answer.status != 200 or answer.json().get(member) != acknowledged[member]:
            with self._lock:
                self.unexpected.append(f"GET {path}: {answer} instead of {acknowledged[member]}")


def _label(answer):
    problem_type = answer.json().get("type") if answer.status >= 400 else None
    return f"{answer.status} {problem_type}" if problem_type else str(answer.status)
