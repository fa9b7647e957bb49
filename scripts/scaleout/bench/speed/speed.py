"""One run of the speed bench: the sides, and how a scene compares them."""

import os
import platform
import re
from pathlib import Path

from scaleout.bench.measure import ROUNDS, Build
from scaleout.bench.speed.comparison import Comparison
from scaleout.bench.speed.scenes import SCENES
from scaleout.bench.turns import Side, Turns


class Speed:
    """`other_bin_dir` may be None. The stacks take ports from `port` on, a hundred each."""

    def __init__(self, narrator, port, run_dir, other_bin_dir, seconds, rounds):
        self.n = narrator
        self.turn_seconds = max(1, round(seconds / ROUNDS))
        self._rounds = rounds
        self.on = Side("on", Build("on", port, run_dir), {"COALESCE": "on"})
        off = Build("off", port + 100, Path(f"{run_dir}-off"))
        self.off = Side("off", off, {"COALESCE": "off"})
        cached = Build("cached", port + 300, Path(f"{run_dir}-cached"))
        # Nothing expires between the turns of a side.
        ttls = {f"CACHE_TTL_{what}": "1h" for what in ("USER", "LIST")}
        self.cached = Side("cached", cached, {"COALESCE": "on", "CACHE": "on", **ttls})
        self.other = None
        if other_bin_dir:
            other = Build("other", port + 200, Path(f"{run_dir}-other"), other_bin_dir)
            self.other = Side("other", other)
        self._data = {}

    @property
    def own_sides(self):
        return [self.on, self.off]

    @property
    def sides_without_coalescing(self):
        return [self.off, *([self.other] if self.other else [])]

    @property
    def all_sides(self):
        return [self.on, *self.sides_without_coalescing]

    def run(self, names):
        self.n.figure("machine", _machine())
        try:
            for name in names:
                SCENES[name](self)
        finally:
            self.n.figure("scenes", self._data)
            for side in [*self.all_sides, self.cached]:
                side.build.remove()

    def compare(self, name, title, sides, rows, targets, turn_seconds=None, **variables):
        """Measures the rows; the last of the sides is the baseline."""
        baseline = sides[-1].name
        self.n.scene(
            title, f"{self._rounds} rounds; the last columns are ratios to the side `{baseline}`."
        )
        turns = Turns(self.n, sides, self._rounds, turn_seconds or self.turn_seconds)
        halves = turns.measure(rows, **variables)
        comparison = Comparison(halves, [side.name for side in sides], baseline)
        self._data[name] = comparison.data()
        comparison.show(self.n)
        self.n.say(
            f"  Other processes kept {comparison.others_busy:.2f} processors busy meanwhile."
        )
        comparison.check(self.n, targets)
        return comparison


def _machine():
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "processors": os.cpu_count(),
        "model": models[0] if models else platform.machine(),
        "kernel": platform.release(),
    }
