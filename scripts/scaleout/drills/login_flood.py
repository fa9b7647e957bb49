"""Logins by the hundred: what they may take from reads and from memory, and that they do not say
which addresses there are.
"""

import collections
import contextlib
import random
import threading
import time
import uuid
from typing import NamedTuple

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
# Few reads are beside a flood's first moment, so the p99 of one flood is chance; and the first
# flood of a stack finds all of it cold.
_ROUNDS = 3
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
            memory = _Memory(stack)
            rounds = 1 if self.options.quick else _ROUNDS
            floods = [self._flood(stack, account, memory) for _ in range(rounds)]
            self._show(floods)
            self._check(floods, memory)
            self._compare_refusals(stack, account)

    def _flood(self, stack, account, memory):
        body = {"email": account.email, "password": account.password}
        login = Request("POST", "/api/auth/login", body=body)
        with at_once.apart() as apart, OpenLoop(stack.settings.url, [drill.user(_READS)]) as load:
            time.sleep(self.duration(5, 2))
            began = time.monotonic()
            with memory.watched():
                outcomes = apart(
                    at_once.insist, [stack.settings.url], login, _LOGINS, _LOGIN_SECONDS
                )
            ended = time.monotonic()
        return _Flood(
            outcomes,
            load.between("user", load.began + 0.5, began),
            load.between("user", began, ended),
            ended - began,
        )

    def _show(self, floods):
        self.n.table(
            ("", "requests", "p50 ms", "p99 ms"),
            [
                (name, len(found), *(f"{percentile(latencies(found), s):.1f}" for s in (0.5, 0.99)))
                for flood in floods
                for name, found in (
                    ("reads before", flood.before),
                    ("reads beside", flood.beside),
                    ("logins", [each for each in flood.outcomes if each.status == 200]),
                    ("refused logins", [each for each in flood.outcomes if each.status != 200]),
                )
                if found
            ],
        )

    def _check(self, floods, memory):
        outcomes = [outcome for flood in floods for outcome in flood.outcomes]
        seconds = sum(flood.seconds for flood in floods)
        statuses = collections.Counter(outcome.status for outcome in outcomes)
        self.n.check(
            f"all {_LOGINS} log in, some after answers that too many wait",
            statuses[200] == _LOGINS * len(floods) and set(statuses) <= set(_ANSWERS),
            f"{dict(statuses)} in {seconds:.1f} s",
        )
        beside = [outcome for flood in floods for outcome in flood.beside]
        self.check_none_failed("no read failed beside them", beside)
        middle = sorted(floods, key=self._beyond)[len(floods) // 2]
        self.n.check(
            f"reads keep their p99: at most {_TIMES} times, or {_MORE_MS} ms more"
            + (f" (in the middle one of {len(floods)} floods)" if len(floods) > 1 else ""),
            self._beyond(middle) <= 0,
            f"{p99(middle.beside):.1f} ms; {p99(middle.before):.1f} ms before,"
            f" {self._allowed(middle):.1f} ms allowed",
        )
        self.n.check(
            f"the user service stays under {_MEMORY_MB} MB, and {_GROWTH_MB} MB over what it had",
            memory.most_mb < _MEMORY_MB and memory.most_mb - memory.before_mb < _GROWTH_MB,
            f"{memory.before_mb:.1f} MB before, {memory.most_mb:.1f} MB at most",
        )
        self.n.figure(
            "loginFlood",
            {
                "loginsPerSecond": statuses[200] / seconds,
                "refused": len(outcomes) - statuses[200],
                "readP99BeforeMs": p99(middle.before),
                "readP99BesideMs": p99(middle.beside),
                "memoryBeforeMb": memory.before_mb,
                "memoryMostMb": memory.most_mb,
            },
        )

    def _allowed(self, flood):
        """Milliseconds."""
        base = p99(flood.before)
        return max(_TIMES * base, base + _MORE_MS) + (_QUICK_MORE_MS if self.options.quick else 0)

    def _beyond(self, flood):
        return p99(flood.beside) - self._allowed(flood)

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


class _Flood(NamedTuple):
    """What became of the logins, and of the reads before and beside them."""

    outcomes: list
    before: list
    beside: list
    seconds: float


class _Memory:
    """Of the user service, in MB: before, and the most while it is watched."""

    def __init__(self, stack):
        self._pid = stack.parts.pids()["user-service"]
        self.before_mb = self.most_mb = self._now()

    @contextlib.contextmanager
    def watched(self):
        stop = threading.Event()
        thread = threading.Thread(target=self._watch, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _now(self):
        return processes.resident_bytes(self._pid) / 2**20

    def _watch(self, stop):
        while not stop.wait(0.02):
            self.most_mb = max(self.most_mb, self._now())
