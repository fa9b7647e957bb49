"""h2load: HTTP/1.1 at a fixed rate, whatever becomes of the answers. For rates that the open loop
of this package cannot make; it repeats nothing.

h2load takes headers as arguments only, which everyone on this machine can read while it runs. So
`flood` sends no token by itself; `Steady`, which does, is for stacks that a test made.
"""

import dataclasses
import re
import resource
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

from scaleout.identity import bearer
from scaleout.load import LoadError

_STEADY_CONNECTIONS = 10
_OPEN_FILES = 4096
_FLOOD_SECONDS_MAX = 180
_TOTALS = re.compile(r"requests: .* done, (\d+) succeeded, (\d+) failed, ")
_STATUSES = re.compile(r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx")
_SLOWEST = re.compile(r"time for request: +\S+ +(\S+)")


@dataclasses.dataclass(frozen=True)
class Report:
    succeeded: int
    failed: int  # without an answer, or with another status than 2xx
    not_2xx: int  # the latter alone
    slowest: str

    def __str__(self):
        return (
            f"{self.succeeded} succeeded, {self.failed} failed ({self.not_2xx} of them with "
            f"another status than 2xx), slowest {self.slowest}"
        )


class Steady:
    """`with Steady(url, per_second, seconds) as load:` runs beside its block, which waits at its
    end until the seconds are over; then `load.report` is there.
    """

    def __init__(self, url, per_second, seconds, headers=None):
        connections = _STEADY_CONNECTIONS
        rate = ["--rps", f"{per_second / connections:.3f}", "-D", str(seconds)]
        fields = _fields({**bearer.headers(urllib.parse.urlsplit(url).port), **(headers or {})})
        self._command = ["h2load", "--h1", "-t1", f"-c{connections}", *rate, *fields, url]
        self._process = None
        self.began = 0.0
        self.report = None

    def __enter__(self):
        self.began = time.time()
        try:
            self._process = subprocess.Popen(
                self._command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        except FileNotFoundError as error:
            raise LoadError("h2load is not installed; `make deps` installs it") from error
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self._process.kill()
        output = self._process.communicate()[0]
        if kind is None:
            self.report = _parse(output)

    @property
    def elapsed(self):
        return time.time() - self.began


def flood(url, per_second, seconds, connections, headers=None):
    """(begin, end, status) of each request, in seconds of the epoch."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "requests.tsv")
        rate = [
            f"--rps={per_second / connections:.3f}",
            f"-n{int(per_second * seconds)}",
            # Connections that begin one after the other tick one after the other, too.
            f"-r{max(1, connections // 100)}",
            "--rate-period=10ms",
        ]
        options = ["-t1", f"-c{connections}", *rate, f"--log-file={log}"]
        _run(["h2load", "--h1", *options, *_fields(headers or {}), url])
        rows = (line.split() for line in log.read_text().splitlines())
        return [
            (int(start) / 1e6, (int(start) + int(micros)) / 1e6, int(status))
            for start, status, micros in rows
        ]


def _fields(headers):
    return [f"--header={name}: {value}" for name, value in headers.items()]


def _run(command):
    try:
        result = subprocess.run(
            command,
            text=True,
            capture_output=True,
            check=False,
            preexec_fn=_raise_open_files,
            timeout=_FLOOD_SECONDS_MAX,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise LoadError(f"h2load: {error}") from error
    if result.returncode != 0:
        raise LoadError("h2load failed", (result.stderr or result.stdout).splitlines()[-10:])


def _raise_open_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES, hard), hard))


def _parse(output):
    totals, statuses = _TOTALS.search(output), _STATUSES.search(output)
    slowest = _SLOWEST.search(output)
    if not totals or not statuses or totals[1] == "0":
        raise LoadError("h2load reached nothing", output.splitlines()[-10:])
    return Report(
        succeeded=int(totals[1]),
        failed=int(totals[2]),  # errored and timeout are parts of it
        not_2xx=sum(map(int, statuses.groups())),
        slowest=slowest[1] if slowest else "?",
    )
