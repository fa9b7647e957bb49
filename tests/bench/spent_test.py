"""What a stack spends on a turn, from a reading before and one after it."""

from types import SimpleNamespace

import pytest

from scaleout.bench.spent import Spent


def _reading(**changed):
    values = {
        "time": 100.0,
        "parts": {"gateway": 10.0, "services": 20.0, "nginx": 0.0, "postgres": 5.0, "redis": 0.0},
        "loops": {(1, "loop-0"): 4.0},
        "machine": 500.0,
        "load": 7.0,
        "keys": 1000.0,
        "calls": 100.0,
        "cached": {"hit": 10.0, "stale": 0.0, "miss": 10.0, "bypass": 0.0},
    }
    return SimpleNamespace(**{**values, **changed})


def _spent(**after):
    spent = Spent()
    spent.before, spent.after = _reading(), _reading(time=102.0, **after)
    return spent


def test_cpu_is_counted_in_micros_a_request():
    parts = {"gateway": 11.0, "services": 22.0, "nginx": 0.0, "postgres": 5.5, "redis": 0.0}
    micros = _spent(parts=parts).figures(10_000)["cpuMicros"]
    assert micros == {
        "gateway": 100.0,
        "services": 200.0,
        "nginx": 0.0,
        "postgres": 50.0,
        "redis": 0.0,
    }
    assert _spent(parts=parts).figures(0)["cpuMicros"]["gateway"] == 1e6


def test_the_busiest_loop_may_be_one_that_is_new():
    loops = {(1, "loop-0"): 4.5, (2, "loop-1"): 1.5}
    assert _spent(loops=loops).figures(1)["busiestLoop"] == pytest.approx(0.75)
    assert _spent(loops={}).figures(1)["busiestLoop"] == 0


def test_keys_are_those_of_the_turn():
    assert _spent(keys=1600.0, calls=150.0).figures(1)["keysPerCall"] == 12
    assert _spent().figures(1)["keysPerCall"] == 0


def test_the_hit_ratio_is_of_the_turn_and_leaves_out_what_went_past_the_cache():
    cached = {"hit": 15.0, "stale": 1.0, "miss": 12.0, "bypass": 90.0}
    assert _spent(cached=cached).figures(1)["hitRatio"] == 0.75
    assert _spent().figures(1)["hitRatio"] == 0


def test_what_neither_the_stack_nor_the_load_spent_is_the_others():
    parts = {"gateway": 10.5, "services": 20.5, "nginx": 0.0, "postgres": 5.0, "redis": 0.0}
    figures = _spent(parts=parts, load=7.5, machine=503.5).figures(1)
    assert figures["othersBusy"] == pytest.approx(1.0)
    # The clocks of a process and of the machine tick apart.
    assert _spent(parts=parts, machine=500.5).figures(1)["othersBusy"] == 0
