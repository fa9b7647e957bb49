"""When this machine stood still: its host took its processors away, or other work had them all.

A thread on each processor sleeps for a moment and notes when it wakes up too late. What clients
were answered meanwhile, and shortly after it, says little about the stack: deadlines have passed
while nothing ran, a server that was not asked looks as if it were gone, and breakers open. So
experiments leave such answers out where they want not one to fail.
"""

import os
import threading
import time

from scaleout.load.buyer import INDEFINITE

_TICK_SECONDS = 0.02
_LATE_SECONDS = 0.1
# What finds a server gone asks again after a second or two.
_AFTER_SECONDS = 2.0


class Standstills:
    """`with Standstills() as still:` watches beside its block, and all the while."""

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(cpu,), daemon=True)
            for cpu in sorted(os.sched_getaffinity(0))
        ]
        self.found = []  # (begin, end), in monotonic time

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def note(self, began, ended):
        """One that was seen: the machine should have gone on at `began`."""
        if ended - began > _LATE_SECONDS:
            self.found.append((began, ended))

    def touched(self, began, ended):
        """Whether what took from `began` to `ended` may have failed because of one."""
        return any(
            begin <= ended and began <= end + _AFTER_SECONDS for begin, end in list(self.found)
        )

    def excuses(self, outcome):
        """Whether an outcome that is no success may be a standstill's doing."""
        return outcome.status in INDEFINITE and self.touched(outcome.due, outcome.ended)

    def _watch(self, cpu):
        # Of this thread alone.
        os.sched_setaffinity(0, {cpu})
        while not self._stop.is_set():
            due = self._clock() + _TICK_SECONDS
            self._stop.wait(_TICK_SECONDS)
            self.note(due, self._clock())
