"""What every comparison of the bench is made of: a build with a stack of its own, and one turn of
wrk against one door with the CPU time that each part of the stack spent on it.
"""

import contextlib
import dataclasses
import os
import tempfile
from pathlib import Path

from scaleout.bench.spent import spent_by
from scaleout.console import Silent
from scaleout.driver.native import NativeDriver
from scaleout.errors import StackError
from scaleout.load import wrk
from scaleout.load.figures import percentile
from scaleout.native import places, settings
from scaleout.native.postgres import Postgres
from scaleout.native.programs import settings_of
from scaleout.native.stack import Stack

ROUTES = {
    "livez": "/livez",
    "user by id": "/api/users/%d",
    "overview": "/api/users/%d/overview",
    "payment": "/api/payments",
}
# A machine's speed drifts by a tenth within a minute, so the rows take turns: each is measured once
# a round, and a figure is the median over the rounds.
ROUNDS = 5
CONNECTIONS = 64
_THREADS, _TIMEOUT = 2, 2
# One payment method may have half of the threads that wait for the provider, and its payments are
# refused beyond: where all have the same one there are more threads, and fewer connections.
_THREADS_SETTING, _PROVIDER_THREADS = "PROVIDER_THREADS", "64"
_PAYMENT_CONNECTIONS = 32
# An order is paid once, so each payment needs one. There are always enough.
_PAYMENTS_PER_SECOND_MAX = 3000
_ORDERS = """
WITH made AS (
  INSERT INTO orders (id, user_id, state, total_minor, currency)
  SELECT n, 1 + n % 1000, 'PENDING', 500, 'EUR'
  FROM (SELECT greatest(2000000000, max(id) + 1) AS first FROM orders) AS f,
    LATERAL generate_series(first, first + {count}) AS n
  RETURNING id),
lines AS (
  INSERT INTO order_items (order_id, line, product_id, product_name, quantity, unit_price_minor)
  SELECT id, 1, 1, 'Desk lamp', 1, 500 FROM made)
SELECT min(id) FROM made
"""
# Only the bench sends the probe through nginx.
_EXPOSE_LIVEZ = "location = /livez { proxy_pass http://api_gateway; }\n"


def median(values):
    return percentile(list(values), 0.5)


@dataclasses.dataclass
class Build:
    """Programs to measure, and the stack that runs them."""

    name: str
    port: int
    run_dir: Path
    bin_dir: str | None = None  # None: as PRESET and BIN_DIR say
    one_card: bool = True  # all payments have one payment method

    def named(self, name, ports_on):
        """The same programs with a stack of its own, whose ports are so much higher."""
        run_dir = Path(f"{self.run_dir}-{name}")
        return dataclasses.replace(self, name=name, port=self.port + ports_on, run_dir=run_dir)

    def doors(self):
        return {"direct": self.port + 1, "nginx": self.port}

    @contextlib.contextmanager
    def stack(self, **variables):
        """The stack with one gateway, without the cache, without events on their way and
        without access logs, unless the variables say otherwise, around a block; the data stays.
        """
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as expose:
            expose.write(_EXPOSE_LIVEZ)
            expose.flush()
            environment = {
                **os.environ,
                "HTTP_PORT": str(self.port),
                **({"BIN_DIR": self.bin_dir} if self.bin_dir else {}),
                "GATEWAYS": "1",
                # Cached reads would say nothing about the services behind them.
                "CACHE": "off",
                # Nothing here logs in, unless a lab does.
                "AUTH_MODE": "optional",
                # Nor should writes pay for those who hear of them, unless a scene measures that.
                "EVENTS": "off",
                "GATEWAY_ACCESS_LOG": "off",
                "NGINX_ACCESS_LOG": "off",
                "NGINX_SERVER_INCLUDE": expose.name,
                # Nothing is in flight when the stack goes down.
                "GATEWAY_DRAIN_GRACE": "0ms",
                "SERVICE_DRAIN_GRACE": "0ms",
                **variables,
            }
            wanted = settings.from_environment(self.run_dir, environment)
            # Another build may not know the setting.
            if self.one_card and _THREADS_SETTING in settings_of(
                Path(wanted.bin_dir) / "payment-service"
            ):
                wanted.variables.setdefault(_THREADS_SETTING, _PROVIDER_THREADS)
            stack = Stack(wanted, Silent())
            if not stack.up():
                raise StackError(f"a stack is up in {self.run_dir}; `make reset` removes it")
            try:
                yield stack
            finally:
                stack.down()

    def remove(self):
        """Deletes the stack's directory; the stack is down."""
        if settings.load(self.run_dir) is not None:
            NativeDriver(self.run_dir).stack(needs_up=False).down()
        places.Places(self.run_dir).remove()


def add_orders(stack, count):
    """So many orders that can be paid, with ids that nothing else has; the first id. They cost
    5.00 EUR and are of user 1 + id % 1000.
    """
    return int(Postgres(stack.places).query(_ORDERS.format(count=count), "orders"))


def turn(stack, port, path, seconds, connections=CONNECTIONS, tokens=None):
    """One run of wrk, as figures."""
    first_order = 1
    if path == ROUTES["payment"]:
        connections = min(connections, _PAYMENT_CONNECTIONS)
        first_order = add_orders(stack, round(seconds * _PAYMENTS_PER_SECOND_MAX))
    with spent_by(stack) as spent:
        report = wrk.run(
            f"http://127.0.0.1:{port}",
            path,
            seconds,
            threads=min(_THREADS, connections),
            connections=connections,
            timeout=_TIMEOUT,
            tokens=tokens,
            first_order=first_order,
        )
    return {
        "requestsPerSecond": report.succeeded_per_second,
        "p50Ms": report.p50_ms,
        "p95Ms": report.p95_ms,
        "p99Ms": report.p99_ms,
        "errors": report.errors,
        **spent.figures(report.requests),
    }
