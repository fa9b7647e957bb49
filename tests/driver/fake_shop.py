"""A shop of one process for clients to buy at: orders, payments, cancellations and refunds as the
gateways answer them, with answers that get lost. What it holds can be judged like a stack's.
"""

import contextlib
import http.server
import json
import random
import threading

from scaleout.money.books import (
    Books,
    Charge,
    Creation,
    Order,
    Payment,
    Refund,
    Reservation,
    Return,
)

_CONFLICT = 409


class Shop:
    def __init__(self, lost=0.2, seed=1):
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._lost = lost
        self._answers = {}  # by key
        self.orders, self.reservations, self.creations = {}, {}, []
        self.payments, self.refunds, self.charges, self.returns = {}, [], [], []

    def books(self):
        return Books(
            list(self.orders.values()),
            list(self.reservations.values()),
            self.creations,
            list(self.payments.values()),
            self.refunds,
            self.charges,
            self.returns,
        )

    def handle(self, method, path, key, body):
        """(status, answer, whether it is an earlier one); None: it is lost."""
        with self._lock:
            # It may be lost before anything has happened, or after.
            if self._random.random() < self._lost / 2:
                return None
            held = self._answers.get(key)
            status, answer = held or self._do(method, path.strip("/").split("/")[1:], key, body)
            if key and status < 300:
                self._answers[key] = status, answer
            if self._random.random() < self._lost / 2:
                return None
            return status, answer, held is not None

    def _do(self, method, path, key, body):
        if path == ["users"]:
            return 201, {"id": 7000 + len(self._answers)}
        if path == ["orders"]:
            return self._order(key, body)
        if path == ["payments"]:
            return self._pay(key, body)
        if method == "GET":
            held = (self.orders if path[0] == "orders" else self.payments)[int(path[1])]
            return 200, self._shown(held)
        return getattr(self, f"_{path[2]}")(int(path[1]))

    @staticmethod
    def _shown(held):
        answer = {"id": held.id, "status": held.state, "userId": held.user_id}
        if isinstance(held, Order):
            return {**answer, "total": {"amount": held.total, "currency": held.currency}}
        return {
            **answer,
            "orderId": held.order_id,
            "amount": held.amount,
            "currency": held.currency,
        }

    def _order(self, key, body):
        number = len(self.orders) + 1
        self.orders[number] = Order(number, body["userId"], "PENDING", 100, "EUR", 100)
        self.creations.append(Creation(key, number))
        return 201, self._shown(self.orders[number])

    def _move(self, order, state):
        self.orders[order.id] = Order(
            order.id, order.user_id, state, order.total, order.currency, order.lines
        )

    def _pay(self, key, body):
        order = self.orders[body["orderId"]]
        if order.state == "PAID":
            return _CONFLICT, {"type": "/problems/order-already-paid"}
        if order.state == "CANCELLED":
            return _CONFLICT, {"type": "/problems/order-not-payable"}
        captured = body["paymentMethodToken"] not in ("tok_decline", "tok_timeout")
        number = len(self.payments) + 1
        name, state = f"r{number}", "CAPTURED" if captured else "FAILED"
        self.reservations[name] = Reservation(name, order.id, key, state)
        self.charges.append(Charge(name, f"p{number}", captured, order.total, "EUR"))
        self.payments[number] = Payment(
            number, order.id, order.user_id, state, order.total, "EUR", name, f"p{number}"
        )
        self._move(order, "PAID" if captured else "PAYMENT_FAILED")
        return 201, self._shown(self.payments[number])

    def _cancel(self, number):
        order = self.orders[number]
        if order.state == "PAID":
            for payment in list(self.payments.values()):
                if payment.order_id == number and payment.state == "CAPTURED":
                    self.give_back(payment)
            return 200, {**self._shown(order), "status": "REFUNDING"}
        self._move(order, "CANCELLED")
        return 200, self._shown(self.orders[number])

    def _refund(self, number):
        payment = self.payments[number]
        if payment.state == "CAPTURED":
            self.give_back(payment)
            return 202, self._shown(payment)
        return 200, self._shown(self.payments[number])

    def give_back(self, payment):
        self.payments[payment.id] = Payment(
            *(payment.id, payment.order_id, payment.user_id, "REFUNDED", payment.amount, "EUR"),
            *(payment.reservation_id, payment.provider_reference),
        )
        self.refunds.append(Refund(f"f{payment.id}", payment.id, "DONE"))
        self.returns.append(Return(f"f{payment.id}", payment.provider_reference, 100, "EUR"))
        self._move(self.orders[payment.order_id], "CANCELLED")


@contextlib.contextmanager
def serving(shop):
    """Its address, around a block."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._answer(None)

        def do_POST(self):
            length = int(self.headers.get("Content-Length") or 0)
            self._answer(json.loads(self.rfile.read(length) or "{}"))

        def _answer(self, body):
            key = self.headers.get("Idempotency-Key")
            answer = shop.handle(self.command, self.path, key, body)
            if answer is None:
                self.close_connection = True
                return
            status, content = answer[0], json.dumps(answer[1]).encode()
            self.send_response(status)
            if answer[2]:
                self.send_header("Idempotent-Replayed", "true")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
