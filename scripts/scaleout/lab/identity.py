"""What it costs to know who asks."""

import concurrent.futures
import dataclasses
import statistics
import time
from pathlib import Path

from scaleout.bench.measure import ROUTES, Build, turn
from scaleout.bench.spent import PARTS
from scaleout.bench.turns import Side, Turns
from scaleout.driver.native import NativeDriver
from scaleout.identity import bearer, signing
from scaleout.identity.accounts import ADMIN, Accounts

# A gateway's loop remembers 4,096 tokens, and forgets the one that was used longest ago.
_NEW_TOKENS = 8192
_SIGNERS = 4
_LIFETIME_SECONDS = 900
_LEAST_SECONDS = 120
_JUDGED = ("gateway", "services", "postgres")
_MOST = 1.10
_NOT_SHOWN = """
What this does not show. wrk, nginx, gateways, services and PostgreSQL share the processors of one
machine. The admin's token asks for users at random, so that each side reads the same; all of its
tokens are of one session. `new` is the worst case: every request has a token that the gateway has
not seen for 8,191 requests, so it pays for a signature check each time. A client that logs in asks
many times with one token. Logins themselves are not in it: their cost is argon2's, on purpose
(make drill NAME=login-flood).
"""


@dataclasses.dataclass(frozen=True)
class TokenRow:
    """`tokens`, asked with the stack, is what its requests have: the one token, and a file of
    tokens that take turns instead.
    """

    name: str
    tokens: object

    def measure(self, build, stack, seconds, _):
        port = build.doors()["direct"]
        token, file = self.tokens(stack)
        bearer.use([port], token)
        try:
            return turn(stack, port, ROUTES["user by id"], seconds, tokens=file)
        finally:
            bearer.use([port], "")


class IdentityLab:
    NAME = "identity"
    TITLE = "user by id without a token, with one that is remembered, and with new ones"

    def __init__(self, narrator, port, run_dir):
        self.n = narrator
        self._side = Side("this", Build("identity", port, Path(f"{run_dir}-identity")))
        self._file = Path(f"{run_dir}-identity.tokens")
        self._expire = 0.0

    def run(self, rounds, seconds):
        self.n.scene(
            "One gateway, one loop, neither cache nor coalescer; direct",
            f"Random ids of 1,000, 64 connections; medians of {rounds} rounds of {seconds} s.",
        )
        rows = [
            TokenRow("no token", lambda _: ("", None)),
            TokenRow("remembered", lambda stack: (self._token(stack), None)),
            TokenRow("new", lambda stack: ("", self._new_tokens(stack))),
        ]
        try:
            halves = Turns(self.n, [self._side], rounds, seconds).measure(
                rows, COALESCE="off", CACHE="off", AUTH_MODE="optional", EVENTS="on"
            )
        finally:
            self._side.build.remove()
            self._file.unlink(missing_ok=True)
        found = {
            row.name: _sum_up([each[self._side.name] for each in sum(of_row, [])])
            for row, of_row in halves.items()
        }
        self._show(found)
        for line in _NOT_SHOWN.strip("\n").splitlines():
            self.n.say(f"  {line}".rstrip())

    def _token(self, stack):
        return Accounts(NativeDriver(stack.settings.run_dir)).token(ADMIN)

    def _new_tokens(self, stack):
        """Of the admin's session, as many as no gateway remembers."""
        if self._expire - time.time() < _LEAST_SECONDS:
            self.n.step("tokens", f"signing {_NEW_TOKENS}")
            header, claims = signing.parts_of(self._token(stack))
            now = int(time.time())
            claims = {**claims, "iat": now, "exp": now + _LIFETIME_SECONDS}
            key = stack.places.secret("signing-key.pem")
            with concurrent.futures.ThreadPoolExecutor(_SIGNERS) as signers:
                made = signers.map(lambda _: signing.sign(key, header, claims), range(_NEW_TOKENS))
                self._file.touch(mode=0o600)
                self._file.write_text("".join(f"{token}\n" for token in made))
            self._expire = now + _LIFETIME_SECONDS
        return self._file

    def _show(self, found):
        self.n.table(
            ("token", "requests/s", "p50 ms", "p99 ms", *(f"{part} us" for part in PARTS), "ratio"),
            [
                (
                    name,
                    f"{row['requestsPerSecond']:.0f}",
                    f"{row['p50Ms']:.2f}",
                    f"{row['p99Ms']:.2f}",
                    *(f"{row['cpuMicros'][part]:.0f}" for part in PARTS),
                    f"{_cost(row) / _cost(found['no token']):.3f}",
                )
                for name, row in found.items()
            ],
        )
        self.n.figure("rows", found)
        failed = sum(row["errors"] for row in found.values())
        self.n.check("no request failed", failed == 0, failed or "")
        ratio = _cost(found["remembered"]) / _cost(found["no token"])
        self.n.check(
            f"a remembered token costs at most {_MOST - 1:.0%} of {', '.join(_JUDGED)}",
            ratio <= _MOST,
            f"{ratio:.3f}",
        )


def _cost(row):
    return sum(row["cpuMicros"][part] for part in _JUDGED)


def _sum_up(turns):
    """The median of each figure; failed requests are added up."""
    names = ("requestsPerSecond", "p50Ms", "p95Ms", "p99Ms")
    return {
        **{name: statistics.median(turn[name] for turn in turns) for name in names},
        "errors": sum(turn["errors"] for turn in turns),
        "cpuMicros": {
            part: statistics.median(turn["cpuMicros"][part] for turn in turns) for part in PARTS
        },
        "turns": turns,
    }
