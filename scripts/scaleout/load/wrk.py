"""wrk: a closed loop over kept connections, as fast as answers come. For thousands of requests a
second, and for finding lost answers: wrk repeats nothing, and counts every failure.
"""

import dataclasses
import json
import os
import re
import signal
import subprocess
import urllib.parse
from pathlib import Path

from scaleout.identity import bearer
from scaleout.load import LoadError

_SCRIPT = Path(__file__).with_name("wrk_report.lua")
_REPORT = re.compile(r"^REPORT (\{.*\})$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Report:
    requests: int  # that were answered, whatever the answer
    bad_statuses: int  # of these, with a status over 399
    seconds: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    errors: int  # broken connections, timeouts, and every status over 399

    @property
    def per_second(self):
        return self.requests / self.seconds

    @property
    def succeeded_per_second(self):
        return (self.requests - self.bad_statuses) / self.seconds


def _fields(url):
    """The headers beside wrk's own, a line each."""
    sent = bearer.headers(urllib.parse.urlsplit(url).port)
    return "".join(f"{name}: {value}\n" for name, value in sent.items())


class Wrk:
    """wrk in the background, from its making until it is over or ended. `url` has no path; a %d in
    the path is a random id from 1 to 1000. `tokens` is a file with a token a line, which take turns
    then; payments are made for orders from `first_order` on. `with` kills it at the end of the
    block if it runs.
    """

    def __init__(
        self,
        url,
        path,
        seconds,
        threads=1,
        connections=16,
        timeout=10,
        tokens=None,
        first_order=1,
    ):
        options = [f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{timeout}s"]
        try:
            self._process = subprocess.Popen(
                ["wrk", *options, "--latency", "-s", str(_SCRIPT), url],
                env={
                    **os.environ,
                    "WRK_PATH": path,
                    "WRK_HEADERS": _fields(url),
                    "WRK_THREADS": str(threads),
                    "WRK_TOKENS": str(tokens or ""),
                    "WRK_FIRST_ORDER": str(first_order),
                },
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except FileNotFoundError as error:
            raise LoadError("wrk is not installed; `make deps` installs it") from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def wait(self):
        """The report, when the time is over."""
        output = self._process.communicate()[0]
        found = _REPORT.search(output)
        if not found:
            raise LoadError("wrk printed no report", output.splitlines()[-10:])
        return Report(**json.loads(found.group(1)))

    def end(self):
        """The report so far; wrk stops now."""
        if self._process.poll() is not None:
            raise LoadError("wrk had ended before", self._process.stdout.read().splitlines())
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def kill(self):
        """Without a report, and in the middle of its requests."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def run(url, path, seconds, **options):
    """wrk for some seconds; its report."""
    with Wrk(url, path, seconds, **options) as wrk:
        return wrk.wait()
