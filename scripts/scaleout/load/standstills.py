"""When this machine stood still: its host took its processors away, or other work had them all.

What clients were answered meanwhile, and shortly after it, says little about the stack: deadlines
have passed while nothing ran, a server that was not asked looks as if it were gone, and breakers
open. So experiments leave such answers out where they want not one to fail.
"""

import subprocess
import sys
import threading
from pathlib import Path

from scaleout.load.definite import INDEFINITE

_WATCH = Path(__file__).with_name("standstill_watch.py")
# What finds a server gone asks again after a second or two.
_AFTER_SECONDS = 2.0


class Standstills:
    """`with Standstills() as still:` watches beside its block, and all the while."""

    def __init__(self, watch=(sys.executable, str(_WATCH))):
        self._command = watch
        self._process = self._reader = None
        self.found = []  # (begin, end), in monotonic time

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._reader.join()
        self._process.stdout.close()
        self._process.wait()

    @property
    def watch_pid(self):
        return self._process.pid

    def note(self, began, ended):
        """One that was seen."""
        self.found.append((began, ended))

    def touched(self, began, ended):
        """Whether what took from `began` to `ended` may have failed because of one."""
        return any(
            begin <= ended and began <= end + _AFTER_SECONDS for begin, end in list(self.found)
        )

    def excuses(self, outcome):
        """Whether an outcome that is no success may be a standstill's doing."""
        return outcome.status in INDEFINITE and self.touched(outcome.due, outcome.ended)

    def _read(self):
        for line in self._process.stdout:
            self.note(*map(float, line.split()))
