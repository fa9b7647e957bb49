"""Two builds by turns: both have a stack that is up, and each row measures one, then the other.

Of two stacks with nearly the same build, the one started first answered 6 % fewer requests (user
by id through nginx, two loops, two cores). So each build starts first for one half of the rounds,
and a ratio is the geometric mean of the medians of the halves.
"""

import contextlib
import statistics

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
            f"{self._rounds} rounds, the two by turns; each starts first for half of them.",
        )
        rows = {(route, via): [] for route in ROUTES for via in ("direct", "nginx")}
        later_half = self._rounds // 2
        self._measure_rounds(rows, loops, (this, other), self._rounds - later_half)
        self._measure_rounds(rows, loops, (other, this), later_half)
        self._show(rows)
        for (route, via), halves in rows.items():
            ratio = _ratio(halves, _rates)
            self._n.check(
                f"{route}, {via}, loops={loops}: at least {_LEAST} of the other build",
                ratio >= _LEAST,
                f"{ratio:.3f}",
            )

    def _measure_rounds(self, rows, loops, builds, rounds):
        """Adds a half to each row: the figures of its rounds. The stacks start in this order."""
        if rounds == 0:
            return
        self._n.step(f"{rounds} round{'s' if rounds > 1 else ''}", f"{builds[0].name} starts first")
        for halves in rows.values():
            halves.append([])
        with contextlib.ExitStack() as running:
            stacks = {
                build.name: running.enter_context(build.stack(GATEWAY_LOOPS=str(loops)))
                for build in builds
            }
            for round_ in range(rounds + 1):
                figures = self._round(builds[:: 1 if round_ % 2 else -1], stacks)
                if round_ > 0:  # the first warms up
                    for row, of_row in figures.items():
                        rows[row][-1].append(of_row)

    def _round(self, builds, stacks):
        """{(route, via): {build's name: figures}}, one turn each."""
        processes = {name: families(stack) for name, stack in stacks.items()}
        return {
            (route, via): {
                build.name: turn(
                    build.doors()[via],
                    ROUTES[route],
                    processes[build.name],
                    self._turn_seconds,
                )
                for build in builds
            }
            for route in ROUTES
            for via in ("direct", "nginx")
        }

    def _show(self, rows):
        columns = ("route", "via", "requests/s", "other's", "ratio")
        self._n.table(
            (*columns, *(f"{part} CPU" for part in PARTS)),
            [
                (
                    *row,
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
