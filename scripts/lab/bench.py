"""The bench: wrk against three routes, direct and through nginx, with one event loop and with two; and
what the guard adds to a call.

Absolute figures belong to the machine; the ratios to /livez of the same run can be compared between
machines and days. wrk, nginx, gateway, services and PostgreSQL share the processors.
"""

import argparse
import dataclasses
import json
import operator
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.figures import percentile
from lab.narrator import Narrator
from native import processes
from native.settings import SERVICES

_ROOT = Path(__file__).resolve().parents[2]
_STACK = _ROOT / "scripts" / "stack.sh"
_REPORT = re.compile(r"^REPORT (\{.*\})$", re.MULTILINE)
_ROUTES = {
    "livez": "/livez",
    "user by id": "/api/users/%d",
    "overview": "/api/users/%d/overview",
}
# What each part of the stack is made of, by the names of `stack.sh pids`.
_PARTS = {
    "gateway": ("api-gateway-1",),
    "services": SERVICES,
    "nginx": ("nginx",),
    "postgres": ("postgres",),
}
# Nothing but the probe of the bench goes through nginx's door for probes.
_EXPOSE_LIVEZ = "location = /livez { proxy_pass http://api_gateway; }\n"

# A machine's speed drifts by a tenth within a minute, so the rows take turns: each is measured once
# a round, and what is said of two rows is the median over the rounds.
_ROUNDS = 5
# What is wanted, in requests/s against /livez direct, with one loop.
_TARGETS = (("user by id", "direct", 0.10), ("overview", "direct", 0.035), ("livez", "nginx", 0.60))
# What a change may cost a row, in requests/s against the build before it.
_AGAINST_LEAST = 0.97
# What the guard may cost.
_GUARD_SHARE = 0.03


def _median(values):
    return percentile(list(values), 0.5)


def _sum_up(turns):
    """A row's figures: the median of its turns; errors are added up."""
    return {
        **{
            name: _median(turn[name] for turn in turns)
            for name in ("requestsPerSecond", "p50Ms", "p99Ms")
        },
        "errors": sum(turn["errors"] for turn in turns),
        "cpuMicros": {part: _median(turn["cpuMicros"][part] for turn in turns) for part in _PARTS},
    }


def _ratio(row, base, figure):
    """The median over the rounds."""
    return _median(
        figure(mine) / max(figure(its), 1e-9) for mine, its in zip(row["turns"], base["turns"])
    )


@dataclasses.dataclass
class _Build:
    """Programs to measure, and the stack that runs them."""

    name: str
    port: int
    run_dir: Path
    bin_dir: str | None  # None: as PRESET and BIN_DIR say

    def doors(self):
        return {"direct": self.port + 1, "nginx": self.port}


class Bench:
    def __init__(self, arguments):
        self._arguments = arguments
        self._build = _Build("this", arguments.port, arguments.run_dir, None)
        self._n = Narrator(
            "The bench: wrk, 2 threads, 64 connections; CPU in microseconds per request"
        )
        self._rows = []

    def _stack(self, *verb, build=None, **environment):
        build = build or self._build
        variables = {
            **os.environ,
            "RUN_DIR": str(build.run_dir),
            "HTTP_PORT": str(build.port),
            **({"BIN_DIR": build.bin_dir} if build.bin_dir else {}),
            **environment,
        }
        result = subprocess.run(
            [str(_STACK), *verb], env=variables, text=True, capture_output=True, check=False
        )
        if result.returncode != 0:
            raise SystemExit(
                f"bench: stack.sh {' '.join(verb)} failed\n{result.stdout}{result.stderr}"
            )
        return result.stdout

    def run(self):
        return self._run_against() if self._arguments.against else self._run_alone()

    def _run_against(self):
        """Both builds have a stack that is up, and each row measures one and then the other."""
        other = _Build(
            "other",
            self._arguments.port + 100,
            Path(f"{self._arguments.run_dir}-other"),
            str(Path(self._arguments.against).resolve()),
        )
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as expose:
            expose.write(_EXPOSE_LIVEZ)
            expose.flush()
            try:
                for loops in self._arguments.loops:
                    self._compare_builds(self._build, other, loops, expose.name)
            finally:
                for build in (self._build, other):
                    self._stack("reset", build=build)
        return self._finish()

    def _compare_builds(self, this, other, loops, expose):
        self._n.scene(
            f"{loops} event loop{'s' if loops > 1 else ''}: this build against {other.bin_dir}",
            f"{self._arguments.rounds} rounds, the two by turns; ratios are the median of the rounds.",
        )
        families = {}
        for build in (this, other):
            self._up(build, loops, expose)
            families[build.name] = self._families(build)
        ratios, rates, cpu = {}, {}, {}
        for round_ in range(self._arguments.rounds + 1):
            for route in _ROUTES:
                for via in ("direct", "nginx"):
                    turns = {
                        build.name: self._turn(
                            build.doors()[via], _ROUTES[route], families[build.name]
                        )
                        for build in (this, other)[:: 1 if round_ % 2 else -1]
                    }
                    if round_ == 0:  # warms up
                        continue
                    rate = {name: turn["requestsPerSecond"] for name, turn in turns.items()}
                    rates.setdefault((route, via), []).append(rate)
                    ratios.setdefault((route, via), []).append(rate["this"] / rate["other"])
                    for part in _PARTS:
                        spent = {name: turn["cpuMicros"][part] for name, turn in turns.items()}
                        if spent["other"] >= 1:
                            row = cpu.setdefault((route, via, part), [])
                            row.append(spent["this"] / spent["other"])
        for build in (this, other):
            self._stack("down", build=build)
        self._n.table(
            ("route", "via", "requests/s", "other's", "ratio", *(f"{part} CPU" for part in _PARTS)),
            [
                (
                    *row,
                    f"{_median(rate['this'] for rate in rates[row]):.0f}",
                    f"{_median(rate['other'] for rate in rates[row]):.0f}",
                    f"{_median(values):.3f}",
                    *(
                        f"{_median(cpu[*row, part]):.3f}" if (*row, part) in cpu else ""
                        for part in _PARTS
                    ),
                )
                for row, values in ratios.items()
            ],
        )
        for (route, via), values in ratios.items():
            self._n.check(
                f"{route}, {via}, loops={loops}: at least {_AGAINST_LEAST} of the other build",
                _median(values) >= _AGAINST_LEAST,
                f"{_median(values):.3f}",
            )

    def _up(self, build, loops, expose):
        self._stack(
            "up",
            build=build,
            GATEWAYS="1",
            GATEWAY_LOOPS=str(loops),
            GATEWAY_ACCESS_LOG="off",
            NGINX_ACCESS_LOG="off",
            NGINX_SERVER_INCLUDE=expose,
        )

    def _run_alone(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as expose:
            expose.write(_EXPOSE_LIVEZ)
            expose.flush()
            try:
                for loops in self._arguments.loops:
                    self._run_with(loops, expose.name)
            finally:
                self._stack("reset")
        self._guard_cost()
        self._ratios()
        self._targets()
        return self._finish()

    def _run_with(self, loops, expose):
        self._n.scene(f"{loops} event loop{'s' if loops > 1 else ''}, one gateway, no access log")
        self._up(self._build, loops, expose)
        doors = self._build.doors()
        rows = [
            {"loops": loops, "route": name, "via": via, "turns": []}
            for name in _ROUTES
            for via in doors
        ]
        for round_ in range(_ROUNDS + 1):
            families = self._families(self._build)
            for row in rows:
                turn = self._turn(doors[row["via"]], _ROUTES[row["route"]], families)
                if round_ > 0:  # the first warms up
                    row["turns"].append(turn)
        for row in rows:
            row.update(_sum_up(row["turns"]))
        self._stack("down")
        self._n.table(
            (
                "route",
                "via",
                "requests/s",
                "p50 ms",
                "p99 ms",
                "errors",
                *(f"{part} us" for part in _PARTS),
            ),
            [
                (
                    row["route"],
                    row["via"],
                    f"{row['requestsPerSecond']:.0f}",
                    f"{row['p50Ms']:.2f}",
                    f"{row['p99Ms']:.2f}",
                    row["errors"],
                    *(f"{row['cpuMicros'][part]:.1f}" for part in _PARTS),
                )
                for row in rows
            ],
        )
        self._rows += rows

    def _families(self, build):
        pids = json.loads(self._stack("pids", "--json", build=build))
        return {
            part: [pid for name in names for pid in processes.family_of(pids[name])]
            for part, names in _PARTS.items()
        }

    def _turn(self, port, path, families):
        before = {
            part: sum(map(processes.cpu_seconds, family)) for part, family in families.items()
        }
        report = self._wrk(port, path, max(1, round(self._arguments.seconds / _ROUNDS)))
        spent = {
            part: sum(map(processes.cpu_seconds, family)) - before[part]
            for part, family in families.items()
        }
        requests = max(report["requests"], 1)
        return {
            "requestsPerSecond": report["requests"] / report["seconds"],
            "p50Ms": report["p50Ms"],
            "p99Ms": report["p99Ms"],
            "errors": report["errors"],
            "cpuMicros": {part: 1e6 * seconds / requests for part, seconds in spent.items()},
        }

    @staticmethod
    def _wrk(port, path, seconds):
        script = Path(__file__).with_name("wrk_report.lua")
        result = subprocess.run(
            [
                "wrk",
                "-t2",
                "-c64",
                f"-d{seconds}s",
                "--latency",
                "-s",
                str(script),
                f"http://127.0.0.1:{port}",
            ],
            env={**os.environ, "WRK_PATH": path},
            text=True,
            capture_output=True,
            check=False,
        )
        found = _REPORT.search(result.stdout)
        if not found:
            raise SystemExit(
                f"bench: wrk said nothing that could be understood\n{result.stdout}{result.stderr}"
            )
        return json.loads(found.group(1))

    def _guard_cost(self):
        self._n.scene("What the guard adds to a call, as a share of the gateway's CPU for a user by id")
        preset = os.environ.get("PRESET") or "release"
        bin_dir = Path(os.environ.get("BIN_DIR") or _ROOT / "build" / preset / "bin")
        printed = subprocess.run([bin_dir / "guard-cost"], text=True, capture_output=True, check=True)
        micros = json.loads(printed.stdout)["guardMicros"]
        request = next(
            row["cpuMicros"]["gateway"]
            for row in self._rows
            if (row["route"], row["via"]) == ("user by id", "direct")
        )
        share = micros / request
        self._n.figure("guardMicros", micros)
        self._n.figure("guardCostShare", share)
        self._n.check(
            f"the guard costs under {_GUARD_SHARE:.0%}",
            share < _GUARD_SHARE,
            f"{micros:.2f} of {request:.1f} us, {share:.1%}",
        )

    def _base(self, row):
        return next(
            base
            for base in self._rows
            if base["route"] == "livez"
            and base["via"] == "direct"
            and base["loops"] == row["loops"]
        )

    def _ratios(self):
        self._n.scene("Ratios to /livez, direct, with as many loops")
        table = []
        for row in self._rows:
            base = self._base(row)
            row["ratios"] = {
                name: _ratio(row, base, operator.itemgetter(name))
                for name in ("requestsPerSecond", "p50Ms", "p99Ms")
            }
            row["ratios"]["cpuMicros"] = _ratio(
                row, base, lambda turn: sum(turn["cpuMicros"].values())
            )
            ratios = row["ratios"]
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

    def _targets(self):
        self._n.scene("What is wanted of one loop")
        for row in self._rows:
            for route, via, wanted in _TARGETS:
                if row["loops"] == 1 and (row["route"], row["via"]) == (route, via):
                    ratio = row["ratios"]["requestsPerSecond"]
                    self._n.check(
                        f"{route}, {via}: at least {wanted} of /livez direct",
                        ratio >= wanted,
                        f"{ratio:.3f}",
                    )
        failed = sum(row["errors"] for row in self._rows)
        self._n.check("no request failed", failed == 0, f"{failed} failed" if failed else "")

    def _finish(self):
        self._n.figure("rows", self._rows)
        return self._n.finish(self._arguments.json)


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench.sh",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="PRESET or BIN_DIR choose the build (release). The bench starts a stack of its own and removes it. "
        "Exit status: 0 if the wanted ratios are met, 1 if not.",
    )
    parser.add_argument("--quick", action="store_true", help="5 seconds a row instead of 10")
    parser.add_argument(
        "--seconds", type=int, help=f"seconds a row, in {_ROUNDS} turns of at least one"
    )
    parser.add_argument(
        "--loops", type=int, nargs="+", default=[1, 2], help="numbers of event loops (1 2)"
    )
    parser.add_argument(
        "--port", type=int, default=18300, help="the bench stack's HTTP_PORT (18300)"
    )
    parser.add_argument(
        "--run-dir", type=Path, default=_ROOT / ".run-bench", help="its RUN_DIR (.run-bench)"
    )
    parser.add_argument(
        "--against",
        metavar="BIN_DIR",
        help="measure this build and the programs there by turns, and only compare the two",
    )
    parser.add_argument(
        "--rounds", type=int, default=_ROUNDS, help=f"rounds of such a comparison ({_ROUNDS})"
    )
    parser.add_argument("--json", metavar="FILE", help="also write everything there")
    arguments = parser.parse_args()
    arguments.seconds = arguments.seconds or (5 if arguments.quick else 10)
    sys.exit(Bench(arguments).run())


if __name__ == "__main__":
    main()
