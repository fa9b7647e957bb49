"""Which outcomes a standstill of the machine excuses, and what a drill makes of them."""

import io
import sys
import time

import psutil

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


def test_only_an_indefinite_answer_is_excused():
    still = Standstills()
    still.note(100.0, 100.5)
    assert all(still.excuses(outcome(100, 101, status)) for status in (0, 502, 503, 504))
    assert not any(still.excuses(outcome(100, 101, status)) for status in (400, 404, 500))
    assert not still.excuses(outcome(90, 91))


def test_what_the_watch_says_is_noted_and_the_watch_ends_with_its_user():
    said = 'import sys; print("100.0 100.5"); print("200.0 201.0"); sys.stdout.flush()'
    with Standstills((sys.executable, "-c", f"{said}; sys.stdin.read()")) as still:
        pass
    assert still.found == [(100.0, 100.5), (200.0, 201.0)]


def test_a_process_that_is_stopped_is_noticed_by_the_watch():
    stopped_at = time.monotonic()
    with Standstills() as still:
        watch = psutil.Process(still.watch_pid)
        # It may just be starting.
        while not still.found and time.monotonic() < stopped_at + 20:
            watch.suspend()
            time.sleep(0.2)
            watch.resume()
            time.sleep(0.1)
    assert still.touched(stopped_at, time.monotonic())


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
