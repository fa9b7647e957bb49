"""Two builds by turns: both have a stack that is up, and each row measures one, then the other."""

from scaleout.bench.measure import PARTS, ROUNDS, ROUTES, families, median, turn

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
            f"{self._rounds} rounds, the two by turns; ratios are the median of the rounds.",
        )
        with this.stack(GATEWAY_LOOPS=str(loops)) as first:
            with other.stack(GATEWAY_LOOPS=str(loops)) as second:
                rows = self._turns({"this": first, "other": second})
        self._show(rows)
        for (route, via), turns in rows.items():
            ratio = median(this / other for this, other in _rates(turns))
            self._n.check(
                f"{route}, {via}, loops={loops}: at least {_LEAST} of the other build",
                ratio >= _LEAST,
                f"{ratio:.3f}",
            )

    def _turns(self, stacks):
        """{(route, via): [{build's name: figures}]}, a turn a round."""
        rows = {(route, via): [] for route in ROUTES for via in ("direct", "nginx")}
        for round_ in range(self._rounds + 1):
            # Neither always goes first.
            builds = self._builds[:: 1 if round_ % 2 else -1]
            processes = {name: families(stack) for name, stack in stacks.items()}
            for (route, via), turns in rows.items():
                figures = {
                    build.name: turn(
                        build.doors()[via],
                        ROUTES[route],
                        processes[build.name],
                        self._turn_seconds,
                    )
                    for build in builds
                }
                if round_ > 0:  # the first warms up
                    turns.append(figures)
        return rows

    def _show(self, rows):
        columns = ("route", "via", "requests/s", "other's", "ratio")
        self._n.table(
            (*columns, *(f"{part} CPU" for part in PARTS)),
            [
                (
                    *row,
                    f"{median(this for this, _ in _rates(turns)):.0f}",
                    f"{median(other for _, other in _rates(turns)):.0f}",
                    f"{median(this / other for this, other in _rates(turns)):.3f}",
                    *(_cpu_ratio(turns, part) for part in PARTS),
                )
                for row, turns in rows.items()
            ],
        )


def _rates(turns):
    return [
        (each["this"]["requestsPerSecond"], each["other"]["requestsPerSecond"]) for each in turns
    ]


def _cpu_ratio(turns, part):
    """Empty for a part that has next to nothing to do."""
    spent = [(each["this"]["cpuMicros"][part], each["other"]["cpuMicros"][part]) for each in turns]
    ratios = [this / other for this, other in spent if other >= 1]
    return f"{median(ratios):.3f}" if ratios else ""
