"""Rows that arrive on a schedule, whatever becomes of the earlier requests."""

import dataclasses
import time

from scaleout.bench.measure import ROUTES, median, turn
from scaleout.bench.spent import spent_by
from scaleout.load import poisson
from scaleout.native.redis import Redis, resp

_CAPACITY_TURNS = 3
_ROUND_TRIPS = 20_000


@dataclasses.dataclass(frozen=True)
class PoissonRow:
    """`rate` requests a second on average; a latency begins at the scheduled moment. All sides of a
    round get the same arrivals.
    """

    route: str
    rate: float
    note: str = ""
    via: str = "direct"

    def measure(self, build, stack, seconds, number):
        port = build.doors()[self.via]
        with spent_by(stack) as spent:
            report = poisson.run(port, ROUTES[self.route], self.rate, seconds, seed=number)
        return {
            "requestsPerSecond": (report.requests - report.failed) / seconds,
            "p50Ms": report.p50_ms,
            "p99Ms": report.p99_ms,
            "errors": report.failed,
            **spent.figures(report.requests),
            "waited": report.waited,
            "lateP99Ms": report.late_p99_ms,
        }

    def __str__(self):
        return f"{self.route}, {self.rate:.0f}/s{f' ({self.note})' if self.note else ''}"


def redis_round_trip_ms(side, **variables):
    """The median of a client that asks redis-cache as a hit does, one question after the other."""
    question = resp("MGET", "v:user:1", "t:user:1", "t:epoch")
    took = []
    with side.build.stack(**variables, **side.variables) as stack:
        with Redis(stack.places, "redis-cache").connect() as connection:
            for _ in range(_ROUND_TRIPS):
                began = time.perf_counter()
                connection.sendall(question)
                connection.recv(4096)
                took.append((time.perf_counter() - began) * 1000)
    return median(took)


def capacity(side, route, seconds, **variables):
    """Requests/s of a closed loop with 64 connections."""
    with side.build.stack(**variables, **side.variables) as stack:
        turns = [
            turn(stack, side.build.doors()["direct"], ROUTES[route], seconds)
            for _ in range(_CAPACITY_TURNS + 1)
        ]
    return median(each["requestsPerSecond"] for each in turns[1:])  # the first warms up
