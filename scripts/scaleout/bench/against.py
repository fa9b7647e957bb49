"""Two builds by turns (`turns`). A ratio is the geometric mean of the medians of the halves."""

import statistics

from scaleout.bench.measure import ROUNDS, ROUTES, median
from scaleout.bench.spent import PARTS
from scaleout.bench.turns import Side, Turns, WrkRow

# What a change may cost a row, in requests/s against the build before it.
_LEAST = 0.97


class Against:
    def __init__(self, narrator, this, other, seconds, rounds):
        self._n = narrator
        self._builds = (this, other)
        self._turn_seconds = max(1, round(seconds / ROUNDS))
        self._rounds = rounds

    def measure(self, loops):
        this, other = self._builds
        self._n.scene(
            f"{loops} event loop{'s' if loops > 1 else ''}: this build against {other.bin_dir}",
            f"{self._rounds} rounds, the two by turns; each starts first for half of them.",
        )
        sides = [Side("this", this), Side("other", other)]
        turns = Turns(self._n, sides, self._rounds, self._turn_seconds)
        rows = turns.measure(
            [WrkRow(route, via) for route in ROUTES for via in ("direct", "nginx")],
            GATEWAY_LOOPS=str(loops),
        )
        self._show(rows)
        for row, halves in rows.items():
            ratio = _ratio(halves, _rates)
            self._n.check(
                f"{row.route}, {row.via}, loops={loops}: at least {_LEAST} of the other build",
                ratio >= _LEAST,
                f"{ratio:.3f}",
            )

    def _show(self, rows):
        columns = ("route", "via", "requests/s", "other's", "ratio")
        self._n.table(
            (*columns, *(f"{part} CPU" for part in PARTS)),
            [
                (
                    row.route,
                    row.via,
                    f"{median(this for this, _ in _rates(sum(halves, []))):.0f}",
                    f"{median(other for _, other in _rates(sum(halves, []))):.0f}",
                    f"{_ratio(halves, _rates):.3f}",
                    *(_cpu_ratio(halves, part) for part in PARTS),
                )
                for row, halves in rows.items()
            ],
        )


def _ratio(halves, pairs_of):
    """This build to the other; `pairs_of` has a pair of figures for each round."""
    return statistics.geometric_mean(
        median(this / other for this, other in pairs_of(half)) for half in halves
    )


def _rates(rounds):
    return [
        (each["this"]["requestsPerSecond"], each["other"]["requestsPerSecond"]) for each in rounds
    ]


def _cpu_ratio(halves, part):
    """Empty for a part that has next to nothing to do."""

    def spent(rounds):
        return [
            (each["this"]["cpuMicros"][part], each["other"]["cpuMicros"][part]) for each in rounds
        ]

    if any(other < 1 for half in halves for _, other in spent(half)):
        return ""
    return f"{_ratio(halves, spent):.3f}"
