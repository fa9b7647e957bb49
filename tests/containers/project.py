"""The Compose project that the test runs, and what its scenes share."""

import collections
import json
import os
import time
from datetime import datetime, timezone

from scaleout.docker import EngineError, docker
from scaleout.driver.compose import ComposeDriver
from scaleout.load.client import Client
from scaleout.load.standstills import Standstills
from scaleout.narrator import Narrator

# How far a gateway's share of the requests may be from an even one.
_SHARE_TOLERANCE = 0.10
# How many requests may fail if the machine stood still meanwhile.
_STANDSTILL_TOLERANCE = 0.05


class Project:
    name = "scaleout-test"

    def __init__(self, quick):
        self.quick = quick
        self.n = Narrator(f"The stack in containers, as the project {self.name}")
        self.url = f"http://localhost:{os.environ['HTTP_PORT']}"
        self.driver = ComposeDriver()
        self.client = Client(self.url)
        self.still = Standstills()
        self.still.__enter__()

    def patience(self, seconds):
        """The short form runs on machines whose processors are shared with others."""
        return 2 * seconds if self.quick else seconds

    def stood_still_for(self, seconds):
        """Whether the machine did at any time of the last so many seconds."""
        now = time.monotonic()
        return self.still.touched(now - seconds, now)

    @staticmethod
    def compose(*arguments, seconds=900):
        return docker("compose", "--progress", "plain", *arguments, seconds=seconds)

    def ids(self, part=None):
        return self.compose("ps", "--all", "--quiet", *([part] if part else [])).split()

    def show_state(self):
        # With a short limit: what is to be shown may be that the engine is stuck.
        try:
            self.n.say(self.compose("ps", "--all", seconds=30))
            self.n.say(self.compose("logs", "--tail", "5", seconds=30))
        except EngineError as error:
            self.n.say(str(error))

    def served_since(self, moment):
        """How many requests of the steady load each gateway answered since then, by nginx' log."""
        stamp = datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return collections.Counter(
            f["gateway"] for f in self._nginx_log(stamp) if f.get("path") == "/api/users/7"
        )

    def _nginx_log(self, since):
        for line in docker("logs", "--since", since, *self.ids("nginx")).splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def check_load(self, load):
        self.n.say(f"    {load.report}")
        allowed = 0
        if self.stood_still_for(load.elapsed):
            allowed = int(_STANDSTILL_TOLERANCE * load.report.succeeded)
            self.n.say(f"    the machine stood still: {allowed} may fail")
        if not self.n.check("no request failed", load.report.failed <= allowed, load.report):
            since = f"{load.elapsed + 5:.0f}s"
            bad = [
                f
                for f in self._nginx_log(since)
                if f.get("path") == "/api/users/7" and f["status"] != 200
            ]
            for fields in bad[:5]:
                self.n.say(f"    | {json.dumps(fields)}")
                for line in docker(
                    "compose", "logs", "--no-log-prefix", "api-gateway"
                ).splitlines():
                    if fields["requestId"] in line or "Call to backend failed" in line:
                        self.n.say(f"    |   {line[-400:]}")

    def check_shares(self, shares, wanted):
        mean = sum(shares.values()) / max(len(shares), 1)
        worst = max((abs(count - mean) / mean for count in shares.values()), default=1)
        self.n.table(("gateway", "requests"), sorted(shares.items()))
        self.n.check(f"{wanted} gateways serve", len(shares) == wanted)
        self.n.check(
            f"shares are within {_SHARE_TOLERANCE:.0%} of even",
            worst <= _SHARE_TOLERANCE,
            f"{worst:.1%}",
        )
