"""What the rounds of a scene say: medians of each side, and ratios to a baseline, which are medians
of the ratios within each round: a machine's speed drifts, and the sides of a round drift together.
"""

import dataclasses
import statistics

from scaleout.bench.spent import PARTS

# The parts whose CPU makes the cost of a request; nginx has rows of its own.
_COSTS = ("gateway", "services", "postgres", "redis")
RATE, P50, P99, GATEWAY_CPU, CPU = "requests/s", "p50", "p99", "gateway CPU", "CPU"
_FIGURES = {
    RATE: lambda figures: figures["requestsPerSecond"],
    P50: lambda figures: figures["p50Ms"],
    P99: lambda figures: figures["p99Ms"],
    GATEWAY_CPU: lambda figures: figures["cpuMicros"]["gateway"],
    CPU: lambda figures: sum(figures["cpuMicros"][part] for part in _COSTS),
}


@dataclasses.dataclass(frozen=True)
class Target:
    """What is wanted of a side's figure, as a ratio to that of another side (of the baseline unless
    it is named), or of another row of the same side (`over`).
    """

    row: object
    figure: str
    least: float | None = None
    most: float | None = None
    side: str = "on"
    base: str | None = None
    over: object = None

    def __str__(self):
        bound = f"at least {self.least}" if self.most is None else f"at most {self.most}"
        return f"{self.row}: {self.figure} {bound}"

    def met_by(self, ratio):
        return ratio >= self.least if self.most is None else ratio <= self.most


class Comparison:
    """`halves` as Turns.measure() returns them; `baseline` is one of the `sides`, by name."""

    def __init__(self, halves, sides, baseline):
        self._rounds = {row: sum(of_row, []) for row, of_row in halves.items()}
        self.sides = sides
        self.baseline = baseline

    @property
    def rows(self):
        return list(self._rounds)

    def median(self, row, side, figure):
        return statistics.median(_FIGURES[figure](each[side]) for each in self._rounds[row])

    def micros(self, row, side, part):
        return statistics.median(each[side]["cpuMicros"][part] for each in self._rounds[row])

    def ratio(self, row, side, figure, base=None):
        """To the baseline, or to another side; NaN where that has nothing."""
        of, base = _FIGURES[figure], base or self.baseline
        ratios = [
            of(each[side]) / of(each[base]) for each in self._rounds[row] if of(each[base]) > 0
        ]
        return statistics.median(ratios) if ratios else float("nan")

    def ratio_to_row(self, row, over, side, figure):
        of = _FIGURES[figure]
        pairs = zip(self._rounds[row], self._rounds[over])
        return statistics.median(of(a[side]) / of(b[side]) for a, b in pairs)

    def errors(self, row, side):
        return sum(each[side]["errors"] for each in self._rounds[row])

    def data(self):
        """Everything, for the report."""
        return [
            {
                "row": str(row),
                "side": side,
                "medians": {figure: self.median(row, side, figure) for figure in _FIGURES},
                "cpuMicros": {part: self.micros(row, side, part) for part in PARTS},
                "errors": self.errors(row, side),
                "baseline": self.baseline,
                "ratios": {figure: self.ratio(row, side, figure) for figure in _FIGURES},
                "turns": [each[side] for each in self._rounds[row]],
            }
            for row in self.rows
            for side in self.sides
        ]

    def show(self, narrator):
        """A line for each row and side; `keys` is how many a coalesced call has. The last columns
        are ratios to the baseline and, if that is another build, of the rate to this one without
        coalescing.
        """
        narrator.table(
            (
                *("row", "side", "requests/s", "p50 ms", "p99 ms", "failed", "keys"),
                *(f"{part} us" for part in PARTS),
                "sum us",
                *("rate", "p99", "gateway", "CPU"),
                *(["rate to off"] if self._shows_off() else []),
            ),
            [self._line(row, side) for row in self.rows for side in self.sides],
        )

    def _line(self, row, side):
        ratios = (RATE, P99, GATEWAY_CPU, CPU)
        return (
            str(row) if side == self.sides[0] else "",
            side,
            f"{self.median(row, side, RATE):.0f}",
            f"{self.median(row, side, P50):.2f}",
            f"{self.median(row, side, P99):.2f}",
            self.errors(row, side),
            f"{self._other(row, side, 'keysPerCall'):.1f}",
            *(f"{self.micros(row, side, part):.0f}" for part in PARTS),
            f"{self.median(row, side, CPU):.0f}",
            *(self._shown(row, side, figure, self.baseline) for figure in ratios),
            *([self._shown(row, side, RATE, "off")] if self._shows_off() else []),
        )

    def _shows_off(self):
        return "on" in self.sides and self.baseline != "off"

    def _shown(self, row, side, figure, base):
        return "" if side == base else f"{self.ratio(row, side, figure, base):.2f}"

    @property
    def others_busy(self):
        """How many processors were busy with what is not part of the bench."""
        return statistics.median(
            each[side]["othersBusy"]
            for rounds in self._rounds.values()
            for each in rounds
            for side in self.sides
        )

    def show_schedule(self, narrator):
        """Of rows that arrive on a schedule: how late the load itself was, which its latencies
        contain, and how many requests waited for a connection.
        """
        narrator.table(
            ("row", "side", "late p99 ms", "waited"),
            [
                (
                    row,
                    side,
                    f"{self._other(row, side, 'lateP99Ms'):.2f}",
                    sum(each[side]["waited"] for each in rounds),
                )
                for row, rounds in self._rounds.items()
                for side in self.sides
            ],
        )

    def show_processors(self, narrator):
        """How many processors each part keeps busy, and the busiest event loop one of them."""
        narrator.table(
            ("row", "side", *(f"{part} CPUs" for part in PARTS), "busiest loop"),
            [
                (
                    row,
                    side,
                    *(f"{self._processors(row, side, part):.2f}" for part in PARTS),
                    f"{self._other(row, side, 'busiestLoop'):.2f}",
                )
                for row in self.rows
                for side in self.sides
            ],
        )

    def _other(self, row, side, name):
        return statistics.median(each[side][name] for each in self._rounds[row])

    def _processors(self, row, side, part):
        return self.micros(row, side, part) * self.median(row, side, RATE) / 1e6

    def check(self, narrator, targets):
        for target in targets:
            row, side, figure = target.row, target.side, target.figure
            if target.over is None:
                base = target.base or self.baseline
                ratio = self.ratio(row, side, figure, base)
            else:
                base = str(target.over)
                ratio = self.ratio_to_row(row, target.over, side, figure)
            narrator.check(f"{target} of {base}", target.met_by(ratio), f"{ratio:.2f}")
        first = self.sides[0]
        failed = sum(self.errors(row, first) for row in self.rows)
        narrator.check(
            f"no request failed with the side `{first}`", failed == 0, f"{failed}" if failed else ""
        )
