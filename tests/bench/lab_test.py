"""The lab of the cache: what it makes of turns, and whether its sides were what they are called."""

import subprocess

import pytest

from scaleout.bench.spent import PARTS
from scaleout.lab.cache import check, sum_up
from scaleout.topology import ROOT


def _turn(rate, hits, errors=0):
    return {
        "requestsPerSecond": rate,
        "p50Ms": 1.0,
        "p95Ms": 2.0,
        "p99Ms": 3.0,
        "hitRatio": hits,
        "othersBusy": 0.0,
        "errors": errors,
        "cpuMicros": dict.fromkeys(PARTS, rate / 10),
    }


class _Checks:
    """Takes the place of a narrator."""

    def __init__(self):
        self.failed = []

    def check(self, name, passed, _=""):
        if not passed:
            self.failed.append(name)


def _found(cold=0.1, warm=1.0, off=0.0, errors=0):
    return [
        {"side": side, "hitRatio": hits, "errors": errors}
        for side, hits in (("cold", cold), ("warm", warm), ("off", off))
    ]


def test_a_row_has_the_medians_of_its_turns_and_the_sum_of_its_errors():
    row = sum_up([_turn(10, 0.9), _turn(30, 1.0, errors=2), _turn(20, 1.0, errors=1)])
    assert (row["requestsPerSecond"], row["hitRatio"], row["errors"]) == (20, 1.0, 3)
    assert row["cpuMicros"]["redis"] == 2
    assert len(row["turns"]) == 3


@pytest.mark.parametrize(
    "changed, said",
    [
        ({}, ""),
        ({"cold": 0.5}, "cold"),
        ({"warm": 0.9}, "warm"),
        ({"off": 0.01}, "off"),
        ({"errors": 1}, "no request failed"),
    ],
)
def test_a_side_that_is_not_what_it_is_called_is_named(changed, said):
    checks = _Checks()
    check(checks, _found(**changed))
    assert len(checks.failed) == bool(said)
    assert all(name.startswith(said) for name in checks.failed)


def test_the_command_line_lists_labs_and_refuses_others():
    def lab(*arguments):
        command = [str(ROOT / "scripts/lab.sh"), *arguments]
        return subprocess.run(command, text=True, capture_output=True, check=False)

    assert lab("--list").stdout.split()[0] == "cache"
    unknown = lab("cash")
    assert unknown.returncode == 2 and "cash" in unknown.stderr
