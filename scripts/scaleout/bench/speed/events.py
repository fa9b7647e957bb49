"""What events cost the service that publishes them, how late their effect is, and how many a second
the way from an outbox to another service's tables takes.
"""

import contextlib
import dataclasses
import threading
import time

from scaleout.bench.measure import ROUTES, turn
from scaleout.bench.speed.comparison import CPU, RATE, Target
from scaleout.bench.turns import Side
from scaleout.errors import StackError
from scaleout.load.figures import percentile
from scaleout.load.payers import Payers
from scaleout.native.postgres import Postgres
from scaleout.native.redis import Redis

# Without events an order stays RESERVED; asking for its payment is not what is measured.
_ONE_LOOP = {"GATEWAY_LOOPS": "1", "ORDER_SETTLE_AFTER": "1h"}
# A payment publishes three events. With two it was 0.97, at 1.10 times the CPU.
_LEAST_RATE = 0.9
_CONNECTIONS = 32
_PAYMENTS_PER_SECOND = 100
_LATENCY_SECONDS = 20
# At the highest rate that is sustained: one that is not has a lag of half that time at its end.
_SUSTAINED_SECONDS, _LEAST_PAYMENTS_PER_SECOND, _MORE_LAG_SECONDS = 30, 150, 1.0
_BACKLOG_ORDERS = 34_000  # a captured payment makes three events
_BACKLOG_SECONDS = 300
_LOOK_SECONDS = 0.2
_ACKNOWLEDGE_SECONDS = 0.1

# Orders of their own, and payments of them that have happened; ids that nothing else has.
_ORDERS = """
INSERT INTO orders (id, user_id, state, total_minor, currency)
SELECT 1000000000 + n, 1 + n % 1000, 'PENDING', 500, 'EUR' FROM generate_series(1, {count}) AS n;
ANALYZE orders;
"""
_CAPTURES = """
INSERT INTO outbox (kind, aggregate_id, type, payload)
SELECT 'payment', 1000000000 + n, e.type, json_build_object(
    'paymentId', (1000000000 + n)::text, 'orderId', (1000000000 + n)::text,
    'userId', (1 + n % 1000)::text,
    'amount', json_build_object('amountMinor', '500', 'currencyCode', 'EUR'))::text
FROM generate_series(1, {count}) AS n
CROSS JOIN (VALUES (1, 'payment.captured'), (2, 'payment.changed')) AS e (position, type)
ORDER BY n, e.position;
"""
_LEFT = "SELECT count(*) FROM (SELECT FROM outbox LIMIT 1) AS o"
_OLDEST = """
SELECT coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at)
                 FROM outbox WHERE number IS NULL ORDER BY id LIMIT 1), 0)
"""
_PAID = """
SELECT count(*) FROM orders WHERE id BETWEEN 1000000001 AND 1000000000 + {count} AND state = 'PAID'
"""


@dataclasses.dataclass(frozen=True)
class _PaymentRow:
    """Payments in a closed loop. On the side `relay` the order service has no events, and a loop
    acknowledges them in its place: what is left is the cost of publishing.
    """

    connections: int

    def measure(self, build, stack, seconds, _):
        with contextlib.ExitStack() as around:
            if build.name == "relay":
                around.enter_context(_acknowledging(stack))
            port = build.doors()["direct"]
            return turn(stack, port, ROUTES["payment"], seconds, self.connections)

    def __str__(self):
        return f"payment, {self.connections} connections"


def _acknowledging(stack):
    redis = Redis(stack.places, "redis-state")

    def acknowledge():
        with contextlib.suppress(StackError):
            redis.ask(
                *"XREADGROUP GROUP order-service bench COUNT 5000 NOACK STREAMS".split(),
                "events:payment",
                ">",
            )

    return _every(_ACKNOWLEDGE_SECONDS, acknowledge)


@contextlib.contextmanager
def _every(seconds, act):
    over = threading.Event()

    def run():
        while not over.wait(seconds):
            act()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def events(speed):
    """The relay's cost, PAID, and the highest rate."""
    relay = Side("relay", speed.on.build.named("relay", 400), {"EVENTS": "payment-service"})
    whole = Side("events", speed.on.build.named("events", 500), {"EVENTS": "on"})
    none = Side("none", speed.on.build, {"EVENTS": "off"})
    row = _PaymentRow(_CONNECTIONS)
    try:
        comparison = speed.compare(
            "events",
            "Payments: with their events published, with all that follows, and kept back",
            [relay, whole, none],
            [row],
            [Target(row, RATE, least=_LEAST_RATE, side="relay")],
            **_ONE_LOOP,
        )
        speed.n.say(
            f"  CPU of a payment with its events published: "
            f"{comparison.ratio(row, 'relay', CPU):.2f}; with all that follows: "
            f"{comparison.ratio(row, 'events', CPU):.2f}"
        )
        with whole.build.stack(**_ONE_LOOP, **whole.variables) as stack:
            _latency(speed.n, whole.build)
            _sustained(speed.n, whole.build, stack)
            _highest_rate(speed.n, stack)
    finally:
        for side in (relay, whole):
            side.build.remove()


def _latency(narrator, build):
    url = f"http://127.0.0.1:{build.doors()['direct']}"
    with Payers(url, _PAYMENTS_PER_SECOND) as payers:
        time.sleep(_LATENCY_SECONDS)
    took = [1000 * each.seconds for each in payers.paid if each.seconds is not None]
    p50, p99, most = (percentile(took, q) for q in (0.5, 0.99, 1.0))
    narrator.figure("paidMs", {"count": len(took), "p50": p50, "p99": p99, "max": most})
    shown = f"{len(took)} orders, p50 {p50:.1f} ms, p99 {p99:.1f} ms, at most {most:.1f} ms"
    rate = f"{_PAYMENTS_PER_SECOND} payments/s"
    narrator.check(f"PAID after the payment's answer at {rate}: p50 under 50 ms", p50 < 50, shown)
    narrator.check(f"PAID after the payment's answer at {rate}: p99 under 500 ms", p99 < 500)
    narrator.check("every paid order was seen PAID", len(took) == len(payers.paid))


def _sustained(narrator, build, stack):
    """Payments as fast as they are answered, and the age of the oldest event that waits for the
    relay meanwhile.
    """
    postgres, ages = Postgres(stack.places), []
    with _every(1, lambda: ages.append(float(postgres.query(_OLDEST, "payments")))):
        port = build.doors()["direct"]
        measured = turn(stack, port, ROUTES["payment"], _SUSTAINED_SECONDS, _CONNECTIONS)
    third = len(ages) // 3
    first, last = (percentile(part, 0.5) for part in (ages[:third], ages[-third:]))
    rate = measured["requestsPerSecond"]
    narrator.figure("sustained", {"paymentsPerSecond": rate, "lagSeconds": ages})
    narrator.check(
        f"payments for {_SUSTAINED_SECONDS} s: at least {_LEAST_PAYMENTS_PER_SECOND} a second, all"
        " made",
        rate >= _LEAST_PAYMENTS_PER_SECOND and measured["errors"] == 0,
        f"{rate:.0f}/s, {measured['errors']} errors",
    )
    narrator.check(
        "and the relay's lag does not grow",
        last <= first + _MORE_LAG_SECONDS,
        f"{1000 * first:.0f} ms in the first third, {1000 * last:.0f} ms in the last,"
        f" {1000 * max(ages):.0f} ms at most",
    )


def _highest_rate(narrator, stack):
    postgres = Postgres(stack.places)
    postgres.query(_ORDERS.format(count=_BACKLOG_ORDERS), "orders")
    postgres.query(_CAPTURES.format(count=_BACKLOG_ORDERS), "payments")
    began = time.monotonic()
    while time.monotonic() - began < _BACKLOG_SECONDS:
        if all(int(postgres.query(_LEFT, each)) == 0 for each in ("payments", "orders")):
            break
        time.sleep(_LOOK_SECONDS)
    seconds = time.monotonic() - began
    paid = int(postgres.query(_PAID.format(count=_BACKLOG_ORDERS), "orders"))
    rate = 3 * _BACKLOG_ORDERS / seconds
    narrator.figure("eventsPerSecond", rate)
    narrator.check(
        f"a backlog of {_BACKLOG_ORDERS} captures: every order PAID, {3 * _BACKLOG_ORDERS} events",
        paid == _BACKLOG_ORDERS,
        f"{rate:.0f} events/s",
    )
