"""What the rounds of a scene say: medians, ratios within a round, targets."""

import math

import pytest

from scaleout.bench.speed.comparison import CPU, GATEWAY_CPU, P99, RATE, Comparison, Target


def _figures(rate, p99=1.0, gateway=10.0, errors=0):
    micros = {"gateway": gateway, "services": 20.0, "nginx": 100.0, "postgres": 5.0, "redis": 0.0}
    return {
        "requestsPerSecond": rate,
        "p50Ms": 0.5,
        "p99Ms": p99,
        "errors": errors,
        "cpuMicros": micros,
        "busiestLoop": 0.5,
        "keysPerCall": 1.0,
        "othersBusy": 0.1,
    }


def _compare(*halves, sides=("on", "off"), baseline="off"):
    return Comparison({"row": list(halves)}, list(sides), baseline)


class _Checks:
    """Takes the place of a narrator."""

    def __init__(self):
        self.passed = []
        self.lines = []

    def check(self, name, passed, _=""):
        self.passed.append((name, passed))

    def table(self, header, rows):
        self.lines = [header, *rows]


def test_a_ratio_is_the_median_of_the_ratios_within_the_rounds():
    # The machine became ten times as slow; the sides of a round did together.
    first = [{"on": _figures(3000), "off": _figures(1000)}]
    second = [
        {"on": _figures(400), "off": _figures(100)},
        {"on": _figures(200), "off": _figures(100)},
    ]
    comparison = _compare(first, second)
    assert comparison.ratio("row", "on", RATE) == 3
    assert comparison.median("row", "on", RATE) == 400
    assert comparison.median("row", "off", RATE) == 100


def test_the_median_of_an_even_number_of_rounds_lies_between_the_two_in_the_middle():
    rounds = [{"on": _figures(rate), "off": _figures(100)} for rate in (100, 200, 400, 800)]
    assert _compare(rounds).ratio("row", "on", RATE) == 3


def test_the_cpu_of_a_request_is_that_of_gateway_services_and_postgresql():
    comparison = _compare([{"on": _figures(1, gateway=5.0), "off": _figures(1, gateway=35.0)}])
    assert comparison.median("row", "on", CPU) == 30
    assert comparison.ratio("row", "on", CPU) == 0.5
    assert comparison.ratio("row", "on", GATEWAY_CPU) == pytest.approx(1 / 7)


def test_a_ratio_to_nothing_is_not_a_number_and_meets_no_target():
    comparison = _compare([{"on": _figures(1), "off": _figures(0)}])
    assert math.isnan(comparison.ratio("row", "on", RATE))
    checks = _Checks()
    comparison.check(checks, [Target("row", RATE, least=0), Target("row", RATE, most=9)])
    assert [passed for _, passed in checks.passed] == [False, False, True]


def test_targets_are_bounds_from_below_or_above():
    comparison = _compare([{"on": _figures(4000, p99=2.0), "off": _figures(1000, p99=8.0)}])
    checks = _Checks()
    targets = [
        Target("row", RATE, least=4),
        Target("row", RATE, least=4.1),
        Target("row", P99, most=0.25),
        Target("row", P99, most=0.2),
        Target("row", RATE, least=2, side="off"),
    ]
    comparison.check(checks, targets)
    assert [passed for _, passed in checks.passed] == [True, False, True, False, False, True]
    assert checks.passed[0][0] == "row: requests/s at least 4 of off"


def test_only_failures_of_the_first_side_count():
    for on, off, passed in ((0, 3, True), (1, 0, False)):
        sides = {"on": _figures(1, errors=on), "off": _figures(1, errors=off)}
        checks = _Checks()
        _compare([sides]).check(checks, [])
        assert checks.passed == [("no request failed with the side `on`", passed)]


def test_the_rate_is_shown_against_the_other_build_and_against_off():
    sides = ("on", "off", "other")
    rounds = [{"on": _figures(600), "off": _figures(200), "other": _figures(100)}]
    narrator = _Checks()
    _compare(rounds, sides=sides, baseline="other").show(narrator)
    header, on, off, other = narrator.lines
    rate, to_off = header.index("rate"), header.index("rate to off")
    assert [line[rate] for line in (on, off, other)] == ["6.00", "2.00", ""]
    assert [line[to_off] for line in (on, off, other)] == ["3.00", "", "0.50"]
    assert on[header.index("sum us")] == "35"
    assert len(on) == len(header)


def test_the_report_has_every_turn():
    (on, off) = _compare([{"on": _figures(600), "off": _figures(200)}]).data()
    assert on["row"] == "row" and on["side"] == "on" and on["ratios"][RATE] == 3
    assert off["turns"] == [_figures(200)]
