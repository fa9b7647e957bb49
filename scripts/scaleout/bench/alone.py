"""One build by itself: every route through both doors, and the ratios to the cheapest one."""

import operator

from scaleout.bench.measure import ROUNDS, ROUTES, median, turn
from scaleout.bench.spent import PARTS

# What is wanted, in requests/s against /livez direct, with one loop.
_TARGETS = (("user by id", "direct", 0.10), ("overview", "direct", 0.035), ("livez", "nginx", 0.60))


class Alone:
    def __init__(self, narrator, build, seconds):
        self._n = narrator
        self._build = build
        self._turn_seconds = max(1, round(seconds / ROUNDS))
        self.rows = []

    def measure(self, loops):
        """Every row with that many event loops."""
        self._n.scene(f"{loops} event loop{'s' if loops > 1 else ''}, one gateway, no access log")
        doors = self._build.doors()
        rows = [
            {"loops": loops, "route": name, "via": via, "turns": []}
            for name in ROUTES
            for via in doors
        ]
        with self._build.stack(GATEWAY_LOOPS=str(loops)) as stack:
            for round_ in range(ROUNDS + 1):
                for row in rows:
                    port, path = doors[row["via"]], ROUTES[row["route"]]
                    figures = turn(stack, port, path, self._turn_seconds)
                    if round_ > 0:  # the first warms up
                        row["turns"].append(figures)
        for row in rows:
            row.update(_sum_up(row["turns"]))
        self._show(rows)
        self.rows += rows

    def _show(self, rows):
        figures = ("requests/s", "p50 ms", "p99 ms", "errors")
        self._n.table(
            ("route", "via", *figures, *(f"{part} us" for part in PARTS)),
            [
                (
                    row["route"],
                    row["via"],
                    f"{row['requestsPerSecond']:.0f}",
                    f"{row['p50Ms']:.2f}",
                    f"{row['p99Ms']:.2f}",
                    row["errors"],
                    *(f"{row['cpuMicros'][part]:.1f}" for part in PARTS),
                )
                for row in rows
            ],
        )

    def compare(self):
        """The ratios of all rows, and what is wanted of them."""
        self._n.scene("Ratios to /livez, direct, with as many loops")
        table = []
        for row in self.rows:
            base = self._base(row)
            row["ratios"] = ratios = {
                name: _ratio(row, base, operator.itemgetter(name))
                for name in ("requestsPerSecond", "p50Ms", "p99Ms")
            }
            ratios["cpuMicros"] = _ratio(row, base, lambda turn: sum(turn["cpuMicros"].values()))
            table.append(
                (
                    row["loops"],
                    row["route"],
                    row["via"],
                    f"{ratios['requestsPerSecond']:.3f}",
                    f"{ratios['p50Ms']:.1f}",
                    f"{ratios['p99Ms']:.1f}",
                    f"{ratios['cpuMicros']:.1f}",
                )
            )
        self._n.table(("loops", "route", "via", "requests/s", "p50", "p99", "CPU of all"), table)
        self._check_targets()
        self._n.figure("rows", self.rows)

    def _base(self, row):
        return next(
            base
            for base in self.rows
            if (base["route"], base["via"], base["loops"]) == ("livez", "direct", row["loops"])
        )

    def _check_targets(self):
        self._n.scene("What is wanted of one loop")
        for row in self.rows:
            for route, via, wanted in _TARGETS:
                if row["loops"] == 1 and (row["route"], row["via"]) == (route, via):
                    ratio = row["ratios"]["requestsPerSecond"]
                    name = f"{route}, {via}: at least {wanted} of /livez direct"
                    self._n.check(name, ratio >= wanted, f"{ratio:.3f}")
        failed = sum(row["errors"] for row in self.rows)
        self._n.check("no request failed", failed == 0, f"{failed} failed" if failed else "")


def _sum_up(turns):
    """A row's figures: the median of its turns; errors are added up."""
    names = ("requestsPerSecond", "p50Ms", "p99Ms")
    return {
        **{name: median(turn[name] for turn in turns) for name in names},
        "errors": sum(turn["errors"] for turn in turns),
        "cpuMicros": {part: median(turn["cpuMicros"][part] for turn in turns) for part in PARTS},
    }


def _ratio(row, base, figure):
    """The median over the rounds."""
    return median(
        figure(mine) / max(figure(other), 1e-9) for mine, other in zip(row["turns"], base["turns"])
    )
