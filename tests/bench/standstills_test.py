"""Which outcomes a standstill of the machine excuses, and what a drill makes of them."""

import io
import itertools
import threading

from scaleout.drills.drill import Drill, Options
from scaleout.load.open_loop import Outcome, Request
from scaleout.load.standstills import Standstills
from scaleout.narrator import Narrator


def outcome(due, ended, status=503):
    made = Outcome("count", Request("GET", "/api/count"), due)
    made.ended, made.status = ended, status
    return made


def test_what_ran_beside_a_standstill_or_shortly_after_it_is_touched():
    still = Standstills()
    still.note(100.0, 100.5)
    assert still.touched(99.9, 100.1) and still.touched(99.0, 103.0)
    assert still.touched(100.2, 100.3) and still.touched(101.5, 101.6)
    assert not still.touched(98.0, 99.9) and not still.touched(103.0, 104.0)


def test_waking_up_a_little_late_is_no_standstill():
    still = Standstills()
    still.note(100.0, 100.05)
    assert not still.touched(100.0, 100.05)


def test_only_an_indefinite_answer_is_excused():
    still = Standstills()
    still.note(100.0, 100.5)
    assert all(still.excuses(outcome(100, 101, status)) for status in (0, 502, 503, 504))
    assert not any(still.excuses(outcome(100, 101, status)) for status in (400, 404, 500))
    assert not still.excuses(outcome(90, 91))


def test_a_thread_that_is_held_up_is_noticed():
    asked_twice = threading.Event()
    times = itertools.count(0, 1000)

    def clock():
        now = next(times)
        if now:
            asked_twice.set()
        return now

    with Standstills(clock) as still:
        assert asked_twice.wait(20)
    assert still.found and all(end - begin > 900 for begin, end in still.found)


class _Stack:
    @staticmethod
    def url():
        return "http://localhost:1"


def checked(outcomes):
    drill = Drill(_Stack(), Narrator("a drill", out=io.StringIO()), Options(quick=True))
    drill.still.note(100.0, 100.5)
    drill.check_none_failed("not one failed", outcomes)
    return drill.n.checks[0]["passed"], drill.n.checks[0]["detail"]


def test_a_drill_excuses_what_failed_while_the_machine_stood_still_and_says_so():
    passed, detail = checked([outcome(50, 51, 200), outcome(100, 101)])
    assert passed and "2 requests, 1 of them refused while the machine stood still" in detail


def test_a_drill_fails_for_what_failed_at_another_time_or_wrongly():
    good = outcome(50, 51, 200)
    assert not checked([good, outcome(50, 51)])[0]
    assert not checked([good, outcome(100, 101, 500)])[0]
    assert checked([good, good])[0] and not checked([])[0]
