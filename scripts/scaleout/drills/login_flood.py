"""Logins by the hundred: what they may take from reads and from memory, and that they do not say
which addresses there are.
"""

import collections
import random
import threading
import time
import uuid

from scaleout.drills import drill
from scaleout.drills.own_stack import OwnStackDrill
from scaleout.driver.native import NativeDriver
from scaleout.identity.accounts import CUSTOMER, Accounts
from scaleout.load import at_once
from scaleout.load.client import Client
from scaleout.load.figures import latencies, p99, percentile
from scaleout.load.open_loop import OpenLoop, Request
from scaleout.native import processes

_LOGINS = 200
# Each hash takes a processor 25 ms, and refused clients pause.
_LOGIN_SECONDS = 60
_READS = 100
# The container's limit (compose.yaml), and what a few logins at a time may take of it.
_MEMORY_MB, _GROWTH_MB = 128, 64
# Of the reads' p99 beside the logins.
_TIMES, _MORE_MS = 3, 20
# In the quick form, which also runs on machines that do other things.
_QUICK_MORE_MS = 2000
# How often a login with an unknown address takes longer than one with a wrong password: a half, if
# they take equally long.
_PAIRS, _QUICK_PAIRS = 60, 15
_TELLING, _QUICK_TELLING = 0.15, 0.4
# It logs in, or too many others wait.
_ANSWERS = (200, 503)
_UNLIMITED = {
    f"LOGIN_RATE_PER_{what}": "0" for what in ("ACCOUNT_AND_ADDRESS", "ADDRESS", "ACCOUNT")
}


class LoginFlood(OwnStackDrill):
    NAME = "login-flood"
    # Nginx and ten gateways have those before, and then comes cache-stampede.
    FIRST_PORT = 40
    TITLE = f"login-flood: {_LOGINS} logins at once, beside reads"
    WHY = """A login costs the user service 19 MiB and 25 ms of CPU time, on purpose. Few
        run at a time, on threads of low priority, and only so many wait; the others are refused
        at once, and come again when the answer says. So reads go on, memory stays what it was,
        and all of them get in. The limits of rate, which would refuse most of these before, are
        off. On a stack of its own."""

    def hold(self):
        with self.own_stack(EVENTS="on", **_UNLIMITED) as stack:
            account = Accounts(NativeDriver(stack.settings.run_dir)).get(CUSTOMER)
            self._flood(stack, account)
            self._compare_refusals(stack, account)

    def _flood(self, stack, account):
        memory = _Memory(stack)
        body = {"email": account.email, "password": account.password}
        login = Request("POST", "/api/auth/login", body=body)
        with at_once.apart() as apart, OpenLoop(stack.settings.url, [drill.user(_READS)]) as load:
            time.sleep(self.duration(5, 2))
            began = time.monotonic()
            with memory:
                outcomes = apart(
                    at_once.insist, [stack.settings.url], login, _LOGINS, _LOGIN_SECONDS
                )
            ended = time.monotonic()
        before = load.between("user", load.began + 0.5, began)
        beside = load.between("user", began, ended)
        self._show(outcomes, before, beside, ended - began, memory)
        statuses = collections.Counter(outcome.status for outcome in outcomes)
        self.n.check(
            f"all {_LOGINS} log in, some after answers that too many wait",
            statuses[200] == _LOGINS and set(statuses) <= set(_ANSWERS),
            f"{dict(statuses)} in {ended - began:.1f} s",
        )
        self.check_none_failed("no read failed beside them", beside)
        base = p99(before)
        allowed = max(_TIMES * base, base + _MORE_MS)
        allowed += _QUICK_MORE_MS if self.options.quick else 0
        self.n.check(
            f"reads keep their p99: at most {_TIMES} times, or {_MORE_MS} ms more",
            p99(beside) <= allowed,
            f"{p99(beside):.1f} ms; {base:.1f} ms before, {allowed:.1f} ms allowed",
        )
        self.n.check(
            f"the user service stays under {_MEMORY_MB} MB, and {_GROWTH_MB} MB over what it had",
            memory.most_mb < _MEMORY_MB and memory.most_mb - memory.before_mb < _GROWTH_MB,
            f"{memory.before_mb:.1f} MB before, {memory.most_mb:.1f} MB at most",
        )

    def _show(self, outcomes, before, beside, seconds, memory):
        logged_in = [each for each in outcomes if each.status == 200]
        self.n.table(
            ("", "requests", "p50 ms", "p99 ms"),
            [
                (name, len(found), *(f"{percentile(latencies(found), s):.1f}" for s in (0.5, 0.99)))
                for name, found in (
                    ("reads before", before),
                    ("reads beside", beside),
                    ("logins", logged_in),
                    ("refused logins", [each for each in outcomes if each.status != 200]),
                )
                if found
            ],
        )
        self.n.figure(
            "loginFlood",
            {
                "loginsPerSecond": len(logged_in) / seconds,
                "refused": len(outcomes) - len(logged_in),
                "readP99BeforeMs": p99(before),
                "readP99BesideMs": p99(beside),
                "memoryBeforeMb": memory.before_mb,
                "memoryMostMb": memory.most_mb,
            },
        )

    def _compare_refusals(self, stack, account):
        """By turns, one at a time."""
        client = Client(stack.settings.url)
        took = collections.defaultdict(list)
        statuses = set()
        for _ in range(_QUICK_PAIRS if self.options.quick else _PAIRS):
            unknown = f"{uuid.uuid4().hex[: len(account.email) - 12]}@example.com"
            pair = [("unknown address", unknown), ("wrong password", account.email)]
            for what, email in random.sample(pair, 2):
                answer = client.post("/api/auth/login", {"email": email, "password": "x" * 24})
                took[what].append(answer.milliseconds)
                statuses.add((answer.status, answer.json().get("type")))
        self.n.table(
            ("login with", "p10 ms", "p50 ms", "p90 ms"),
            [
                (what, *(f"{percentile(found, share):.1f}" for share in (0.1, 0.5, 0.9)))
                for what, found in took.items()
            ],
        )
        self.n.check(
            "both are refused with the same answer",
            statuses == {(401, "/problems/invalid-credentials")},
            statuses,
        )
        longer = _share_longer(took["unknown address"], took["wrong password"])
        telling = _QUICK_TELLING if self.options.quick else _TELLING
        self.n.figure("unknownAddressTakesLonger", longer)
        self.n.check(
            "and take equally long: neither is the longer one much more often",
            abs(longer - 0.5) <= telling,
            f"an unknown address is, in {longer:.0%} of all pairs",
        )


def _share_longer(these, others):
    """Of all pairs, those in which this one is the longer one."""
    return sum(a > b for a in these for b in others) / (len(these) * len(others))


class _Memory:
    """Of the user service: before, and the most of a block, in MB."""

    def __init__(self, stack):
        self._pid = stack.parts.pids()["user-service"]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.before_mb = self.most_mb = self._now()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _now(self):
        return processes.resident_bytes(self._pid) / 2**20

    def _watch(self):
        while not self._stop.wait(0.02):
            self.most_mb = max(self.most_mb, self._now())
