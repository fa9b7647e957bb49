"""What clients have asked for and what they were answered: each answer is a promise that
`scaleout.money` holds the databases to.
"""

import collections


class Record:
    """Kept by clients while they run; a key belongs to one of them."""

    def __init__(self):
        self.users = []
        self.order_keys = set()  # of all orders that were asked for
        self.orders = {}  # by key, as acknowledged
        self.payment_keys = {}  # of all payments that were asked for: the order
        self.payments = {}  # by key, as acknowledged
        self.refused = {}  # by key, payments that were refused for good: (order, type of problem)
        # Orders that were asked to be cancelled, or a payment of which to be given back; also where
        # no answer came, or the client gave up.
        self.called_off = set()
        self.cancelled = {}  # by order: the state that the cancellation was answered with
        self.refunded = {}  # by payment: the order; refunds that were accepted
        self.seen_paid = set()  # orders
        self.contradictions = []  # (order, what)
        self.unexpected = []  # answers that should not be
        self.unanswered = []  # what never got a definite answer although it was repeated
        self.repeats = 0  # requests
        self.replays = 0  # answers
        self.longest_wait = 0.0  # for a definite answer, in seconds

    def show(self, narrator):
        figures = {
            "orders": len(self.orders),
            "payments": len(self.payments),
            "cancellations": len(self.cancelled),
            "refunds": len(self.refunded),
            "repeats": self.repeats,
            "replays": self.replays,
            "longestWaitSeconds": round(self.longest_wait, 2),
        }
        narrator.say(
            f"    acknowledged: {len(self.orders)} orders, {len(self.payments)} payments, "
            f"{len(self.cancelled)} cancellations, {len(self.refunded)} refunds; requests "
            f"repeated: {self.repeats}, answers replayed: {self.replays}; the longest wait for a "
            f"definite answer: {self.longest_wait:.1f} s"
        )
        narrator.figure("clients", figures)

    def done(self):
        """How often each that a client can do has succeeded."""
        states = collections.Counter(each["status"] for each in self.payments.values())
        return {
            "payments CAPTURED": states["CAPTURED"],
            "payments FAILED": states["FAILED"],
            "orders cancelled": len(self.cancelled),
            "payments given back": len(self.refunded),
            "answers replayed": self.replays,
            "orders seen PAID": len(self.seen_paid),
        }

    def add_order(self, key, order):
        self._add(self.orders, key, order, order["id"], ("id", "userId", "total"))

    def add_payment(self, key, payment):
        names = ("id", "orderId", "userId", "amount", "currency", "status")
        self._add(self.payments, key, payment, payment["orderId"], names)

    def _add(self, held, key, answer, order, names):
        """The same key gets the same answer."""
        first = held.setdefault(key, answer)
        was, now = ([each.get(name) for name in names] for each in (first, answer))
        if was != now:
            self.contradictions.append((order, f"key {key} was answered {was} and then {now}"))
