"""Cold, warm and no cache at all, with one gateway and with three."""

import statistics
from pathlib import Path

from scaleout.bench.measure import Build
from scaleout.bench.spent import PARTS
from scaleout.bench.turns import Side, Turns, WrkRow

_GATEWAYS = (1, 3)
_METHODS = ("USER", "PRODUCT", "ORDER", "PAYMENT", "LIST")
_NEVER_FRESH = {
    **{f"CACHE_TTL_{method}": "10ms" for method in _METHODS},
    "CACHE_STALE": "0ms",
}
_ALWAYS_FRESH = {f"CACHE_TTL_{method}": "1h" for method in _METHODS}
_COLD_MOST, _WARM_LEAST = 0.3, 0.99
_NOT_SHOWN = """
What this does not show. wrk, nginx, gateways, services, Redis and PostgreSQL share the processors
of one machine, and there is no network between them: a hit saves less time than it would between
machines, and what one part spends is taken from all the others. Compare the CPU of a request, and
the sides of one table with each other, not one gateway with three. All of 1,000 ids are asked for
equally often, and all fit into Redis: in production some are asked for far more often and not all
fit, so the hit ratio is between `cold` and `warm`. Nothing is written meanwhile, so no value is
lost to a changed token; each write costs one more round trip to Redis, which is not in the table.
`cold` is a time to live of 10 ms, not an empty Redis: nearly every read misses, takes the lock and
stores its answer, which is about the most that this cache can cost. And 64 clients that wait for
their answers ask less where answers are slow: latencies here are latencies at full load.
"""


class CacheLab:
    NAME = "cache"
    TITLE = "reads with a cold cache, a warm one and none, with 1 and 3 gateways"

    def __init__(self, narrator, port, run_dir):
        self.n = narrator
        self._sides = [
            Side(name, Build(name, port + 100 * k, Path(f"{run_dir}-{name}")), variables)
            for k, (name, variables) in enumerate(
                {
                    "cold": {"CACHE": "on", **_NEVER_FRESH},
                    "warm": {"CACHE": "on", **_ALWAYS_FRESH},
                    "off": {"CACHE": "off"},
                }.items()
            )
        ]
        self._data = []

    def run(self, rounds, seconds):
        try:
            for gateways in _GATEWAYS:
                self._compare(gateways, rounds, seconds)
        finally:
            self.n.figure("rows", self._data)
            for side in self._sides:
                side.build.remove()
        for line in _NOT_SHOWN.strip("\n").splitlines():
            self.n.say(f"  {line}".rstrip())

    def _compare(self, gateways, rounds, seconds):
        self.n.scene(
            f"{gateways} gateway{'s' if gateways > 1 else ''}, one loop each, through nginx",
            f"Random ids of 1,000, 64 connections; medians of {rounds} rounds of {seconds} s.",
        )
        rows = [WrkRow("user by id", "nginx"), WrkRow("overview", "nginx")]
        turns = Turns(self.n, self._sides, rounds, seconds)
        halves = turns.measure(rows, GATEWAYS=str(gateways), GATEWAY_LOOPS="1")
        found = [
            {"gateways": gateways, "route": row.route, "side": side.name, **figures}
            for row, of_row in halves.items()
            for side in self._sides
            for figures in [sum_up([each[side.name] for each in sum(of_row, [])])]
        ]
        self._data += found
        self._show(found)
        busy = statistics.median(row["othersBusy"] for row in found)
        self.n.say(f"  Other processes kept {busy:.2f} processors busy meanwhile.")
        check(self.n, found)

    def _show(self, found):
        self.n.table(
            (
                *("route", "cache", "requests/s", "p50 ms", "p95 ms", "p99 ms", "hits %"),
                *(f"{part} us" for part in PARTS),
                "sum us",
            ),
            [
                (
                    row["route"],
                    row["side"],
                    f"{row['requestsPerSecond']:.0f}",
                    *(f"{row[name]:.2f}" for name in ("p50Ms", "p95Ms", "p99Ms")),
                    f"{100 * row['hitRatio']:.1f}",
                    *(f"{row['cpuMicros'][part]:.0f}" for part in PARTS),
                    f"{sum(row['cpuMicros'].values()):.0f}",
                )
                for row in found
            ],
        )


def sum_up(turns):
    """The median of each figure; failed requests are added up."""
    names = ("requestsPerSecond", "p50Ms", "p95Ms", "p99Ms", "hitRatio", "othersBusy")
    return {
        **{name: statistics.median(turn[name] for turn in turns) for name in names},
        "errors": sum(turn["errors"] for turn in turns),
        "cpuMicros": {
            part: statistics.median(turn["cpuMicros"][part] for turn in turns) for part in PARTS
        },
        "turns": turns,
    }


def check(narrator, found):
    """Whether the sides were what they are called."""
    ratios = {
        side: [row["hitRatio"] for row in found if row["side"] == side]
        for side in ("cold", "warm", "off")
    }
    failed = sum(row["errors"] for row in found)
    narrator.check("no request failed", failed == 0, failed or "")
    for side, name, holds in (
        ("cold", f"cold: at most {_COLD_MOST:.0%} are hits", max(ratios["cold"]) <= _COLD_MOST),
        ("warm", f"warm: at least {_WARM_LEAST:.0%} are hits", min(ratios["warm"]) >= _WARM_LEAST),
        ("off", "off: none is a hit", not any(ratios["off"])),
    ):
        narrator.check(name, holds, ", ".join(f"{ratio:.1%}" for ratio in ratios[side]))
