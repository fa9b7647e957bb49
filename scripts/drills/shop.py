"""Buyers who note what they were told, and a checker that compares it with the books.

A buyer orders and pays, each with an Idempotency-Key, and repeats what got no definite answer with
the same key until it gets one, as a careful client does. So in the end every order and every
payment in the databases is one that somebody was told of, exactly once, with the same content; and
the payment provider charged for each exactly once.
"""

import random
import threading
import time
import uuid

from lab.client import Client

_PAUSE_SECONDS = 0.1
# After an answer without a verdict: the buyer does not know, and asks again.
_NO_VERDICT = (0, 409, 429, 502, 503, 504)
_TIMEOUT_SECONDS = 10
_PATIENCE_SECONDS = 60
# Most cards are good; one is refused; one is charged while its answer gets lost.
_TOKENS = ["tok_success"] * 8 + ["tok_decline", "tok_lost_reply"]


class _Try:
    """One request as the timeline counts it."""

    def __init__(self, kind, answer):
        self.kind = kind
        self.status = answer.status
        self.milliseconds = answer.milliseconds


class Shop:
    """`with Shop(url, buyers) as shop:`; leaving waits until each buyer has ended what it began."""

    kinds = ("order", "pay")

    def __init__(self, url, buyers=4):
        self._url = url
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._buy_on, daemon=True) for _ in range(buyers)]
        self.outcomes = []
        self.users = []
        self.orders = {}  # key -> the order as it was told
        self.payments = {}
        self.repeats = 0
        self.replays = 0
        self.longest_wait = 0.0
        self.unexpected = []  # answers that should not be
        self.unanswered = []  # keys that never got a verdict

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

    def _buy_on(self):
        client = Client(self._url, timeout=_TIMEOUT_SECONDS)
        _, user = self._insist(
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
        key, order = self._insist(
            client, "order", "/api/orders", {"userId": user_id, "items": items}
        )
        if order is None:
            return
        with self._lock:
            self.orders[key] = order
        key, payment = self._insist(
            client,
            "pay",
            "/api/payments",
            {
                "orderId": order["id"],
                "userId": user_id,
                "amount": order["total"]["amount"],
                "currency": order["total"]["currency"],
                "paymentMethodToken": random.choice(_TOKENS),
            },
        )
        if payment is None:
            return
        with self._lock:
            self.payments[key] = payment
        self._look_again(client, f"/api/orders/{order['id']}", "total", order)
        self._look_again(client, f"/api/payments/{payment['id']}", "status", payment)

    def _insist(self, client, kind, path, body):
        """The key, and what was created; None if there was no verdict, which is noted."""
        key = uuid.uuid4().hex
        began = time.monotonic()
        while True:
            answer = client.post(path, body, {"Idempotency-Key": key})
            with self._lock:
                if kind:
                    self.outcomes.append(_Try(kind, answer))
                if answer.status == 201:
                    waited = time.monotonic() - began
                    self.longest_wait = max(self.longest_wait, waited)
                    self.replays += answer.headers.get("Idempotent-Replayed") == "true"
                    return key, answer.json()
                self.repeats += 1
                if answer.status not in _NO_VERDICT:
                    self.unexpected.append(f"POST {path}: {answer}")
                    return key, None
                if time.monotonic() - began > _PATIENCE_SECONDS:
                    self.unanswered.append(f"POST {path}, key {key}: {answer}")
                    return key, None
            time.sleep(_PAUSE_SECONDS * (0.5 + random.random()))

    def _look_again(self, client, path, member, told):
        """What was acknowledged can be read at once; no answer proves nothing."""
        answer = client.get(path)
        if answer.status in _NO_VERDICT:
            return
        if answer.status != 200 or answer.json().get(member) != told[member]:
            with self._lock:
                self.unexpected.append(f"GET {path}: {answer} instead of {told[member]}")


class Books:
    """What the databases hold of the shop's buyers."""

    def __init__(self, driver, users):
        self._driver = driver
        self._users = ", ".join(map(str, users)) or "0"

    def _rows(self, database, sql):
        text = self._driver.psql(database, sql.replace("{users}", self._users))
        return [line.split("|") for line in text.splitlines() if line]

    def _number(self, database, sql):
        return int(self._rows(database, sql)[0][0])

    def orders(self):
        """[(key, id, total)]"""
        rows = self._rows(
            "orders",
            "SELECT creation_key, id, total_minor FROM orders WHERE user_id IN ({users})",
        )
        return [(key, int(id_), int(total)) for key, id_, total in rows]

    def orders_torn(self):
        """Orders whose lines do not add up."""
        return self._number(
            "orders",
            "SELECT count(*) FROM orders o WHERE user_id IN ({users}) "
            "AND total_minor IS DISTINCT FROM "
            "(SELECT sum(quantity * unit_price_minor) FROM order_items WHERE order_id = o.id)",
        )

    def payments(self):
        """[(key, id, order id, amount, state)]; the key is empty if no attempt led to it."""
        rows = self._rows(
            "payments",
            "SELECT a.idempotency_key, p.id, p.order_id, p.amount_minor, p.state FROM payments p "
            "LEFT JOIN payment_attempts a ON a.payment_id = p.id WHERE p.user_id IN ({users})",
        )
        return [(key, int(i), int(order), int(amount), s) for key, i, order, amount, s in rows]

    def charges(self):
        """[(key, approved, amount)] of the provider's own books."""
        rows = self._rows(
            "payments",
            "SELECT a.idempotency_key, c.approved, c.amount_minor "
            "FROM simulated_provider_charges c "
            "JOIN payment_attempts a ON a.charge_reference::text = c.reference "
            "WHERE a.user_id IN ({users})",
        )
        return [(key, approved == "t", int(amount)) for key, approved, amount in rows]

    def charges_of_nobody(self):
        return self._number(
            "payments",
            "SELECT count(*) FROM simulated_provider_charges c WHERE NOT EXISTS "
            "(SELECT FROM payment_attempts a WHERE a.charge_reference::text = c.reference)",
        )


def check(narrator, shop, driver):
    """Holds what the buyers were told against the books."""
    books = Books(driver, shop.users)
    orders, payments, charges = books.orders(), books.payments(), books.charges()
    told_orders = {
        (key, order["id"], order["total"]["amount"]) for key, order in shop.orders.items()
    }
    told_payments = {
        (key, p["id"], p["orderId"], p["amount"], p["status"]) for key, p in shop.payments.items()
    }
    narrator.table(
        ("", "told", "in the books"),
        [
            ("orders", len(told_orders), len(orders)),
            ("payments", len(told_payments), len(payments)),
            ("charges", "-", len(charges)),
            ("asked again", shop.repeats, "-"),
            ("answered again", shop.replays, "-"),
        ],
    )
    narrator.figure(
        "shop",
        {
            "orders": len(told_orders),
            "payments": len(told_payments),
            "repeats": shop.repeats,
            "replays": shop.replays,
            "longestWaitSeconds": round(shop.longest_wait, 2),
        },
    )
    narrator.check("somebody bought something", told_orders and told_payments)
    narrator.check(
        "every purchase got its verdict in the end",
        not shop.unanswered,
        shop.unanswered[0] if shop.unanswered else f"the longest took {shop.longest_wait:.1f} s",
    )
    narrator.check(
        "and no answer was out of place",
        not shop.unexpected,
        f"{len(shop.unexpected)}: {shop.unexpected[0]}" if shop.unexpected else "",
    )
    _compare(narrator, "order", told_orders, orders)
    _compare(narrator, "payment", told_payments, payments)
    torn = books.orders_torn()
    narrator.check("no order is torn: its lines add up", torn == 0, torn or "")
    captured = {(key, amount) for key, _, _, amount, state in told_payments if state == "CAPTURED"}
    charged = [(key, amount) for key, approved, amount in charges if approved]
    narrator.check(
        "the provider charged once for each captured payment, and for nothing else",
        sorted(charged) == sorted(captured) and books.charges_of_nobody() == 0,
        f"{len(charged)} charges of {sum(amount for _, amount in charged)} in all",
    )


def _compare(narrator, what, told, held):
    lost = told - set(held)
    narrator.check(
        f"no acknowledged {what} is lost or changed",
        not lost,
        f"{len(lost)} of {len(told)}, such as {min(lost)}" if lost else f"{len(told)} told",
    )
    more = sorted(set(held) - told)
    narrator.check(
        f"and no {what} is there twice, or without somebody who was told",
        not more and len(held) == len(set(held)),
        f"{len(more)} more, such as {more[0]}" if more else f"{len(held)} in the books",
    )
