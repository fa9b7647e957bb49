"""Logouts by the thousand: how long other gateways go on taking the tokens of a session that ended.

A logout that was answered 204 is a promise. The time of one runs from that answer to the last
gateway's first refusal, with the asking in it. One that was answered otherwise is none: the round
says nothing then, and is excused only by a standstill of the machine.
"""

import concurrent.futures
import dataclasses
import random
import time

from scaleout.drills import drill
from scaleout.drills.own_stack import OwnStackDrill
from scaleout.driver.native import NativeDriver
from scaleout.identity.accounts import CUSTOMER, Accounts
from scaleout.load.client import Client
from scaleout.load.figures import percentile
from scaleout.load.open_loop import OpenLoop, Request, Stream

_ROUNDS, _QUICK_ROUNDS = 1000, 100
# Rounds at a time; a login takes the user service's processor for 25 ms.
_CLIENTS = 3
_LIMIT_MS = 1000
# After this a gateway that still takes the token does not count as slow, but as one that never
# refuses it.
_PATIENCE_SECONDS = 10
_LOGIN_SECONDS = 30
_ME, _LOGIN, _LOGOUT = "/api/auth/me", "/api/auth/login", "/api/auth/logout"
_SHARES = (0.5, 0.9, 0.99, 1.0)
_UNLIMITED = {
    f"LOGIN_RATE_PER_{what}": "0" for what in ("ACCOUNT_AND_ADDRESS", "ADDRESS", "ACCOUNT")
}


@dataclasses.dataclass
class _Round:
    headers: dict  # of the session
    began: float  # in monotonic time, like the others
    ended: float = 0.0
    accepted: tuple = ()  # statuses at each gateway before the logout
    logout: int = 0  # its status
    milliseconds: float = 0.0  # from its answer until the others refused
    never: bool = False  # one of them did not in all the time


class Revocation(OwnStackDrill):
    NAME = "revocation"
    LEAST_SECONDS = None
    # Behind login-flood's.
    FIRST_PORT = 60
    TITLE = f"revocation: {_ROUNDS} logouts, and other gateways that refuse the session"
    WHY = """A gateway verifies a token by itself, so it has to hear of a logout at another one: the
        user service writes the session's end to redis-state, and gateways read on there. Each
        round logs in, shows the token to all three gateways, logs out at one of them and asks
        the other two until they refuse it, under load. The limits of rate for logins are off. On
        a stack of its own."""

    def hold(self):
        with self.own_stack(EVENTS="on", **_UNLIMITED) as stack:
            accounts = Accounts(NativeDriver(stack.settings.run_dir))
            alive = {"Authorization": f"Bearer {accounts.token(CUSTOMER)}"}
            self._account = accounts.get(CUSTOMER)
            self._gateways = [
                Client(f"http://127.0.0.1:{stack.settings.gateway_port(k)}", anonymous=True)
                for k in stack.settings.gateways
            ]
            me = Stream("me", 30, lambda: Request("GET", _ME, alive))
            with OpenLoop(stack.settings.url, [drill.user(60), drill.overview(10), me]) as load:
                rounds = self._hold_rounds()
            late = [each for each in rounds if each.logout == 204 and self._is_taken(each)]
        self._show(rounds)
        self._check(rounds, late)
        self.check_none_failed("no request beside them failed", load.between(None, 0, load.ended))

    def _hold_rounds(self):
        count = _QUICK_ROUNDS if self.options.quick else _ROUNDS
        with concurrent.futures.ThreadPoolExecutor(_CLIENTS) as pool:
            return list(pool.map(lambda _: self._hold_round(), range(count)))

    def _hold_round(self):
        at, *others = random.sample(self._gateways, len(self._gateways))
        headers = self._log_in(random.choice(self._gateways))
        done = _Round(headers, time.monotonic())
        done.accepted = tuple(_status(each, headers) for each in self._gateways)
        done.logout = at.request("POST", _LOGOUT, headers=headers).status
        answered = time.monotonic()
        while others and time.monotonic() - answered < _PATIENCE_SECONDS:
            others = [each for each in others if _status(each, headers) != 401]
        done.ended = time.monotonic()
        done.milliseconds = 1000 * (done.ended - answered)
        done.never = bool(others)
        return done

    def _log_in(self, gateway):
        body = {"email": self._account.email, "password": self._account.password}
        deadline = time.monotonic() + _LOGIN_SECONDS
        while (answer := gateway.post(_LOGIN, body)).status != 200:
            if time.monotonic() > deadline:
                raise drill.DrillError(f"no login: {answer.status}")
            time.sleep(0.1)
        return {"Authorization": f"Bearer {answer.json()['accessToken']}"}

    def _is_taken(self, done):
        """Long after its logout, by any gateway."""
        return 200 in (_status(each, done.headers) for each in self._gateways)

    def _show(self, rounds):
        promised = [each for each in rounds if each.logout == 204]
        calm = [each for each in promised if not self._excused(each)]
        figures = {}
        for what, found in (("all", promised), ("without standstills of the machine", calm)):
            times = [each.milliseconds for each in found]
            figures[what] = [percentile(times, share) for share in _SHARES]
        self.n.say("\n  From the logout's answer until both other gateways refused the token:")
        self.n.table(
            ("rounds", "p50 ms", "p90 ms", "p99 ms", "slowest ms"),
            [(what, *(f"{ms:.1f}" for ms in found)) for what, found in figures.items()],
        )
        self.n.figure("refusedAfterMs", figures)

    def _check(self, rounds, late):
        shown = [each for each in rounds if set(each.accepted) == {200} or self._excused(each)]
        self.n.check(
            "every gateway took the token before",
            len(shown) == len(rounds),
            f"{len(rounds)} rounds",
        )
        lost = [each for each in rounds if each.logout != 204]
        self.n.check(
            "every logout was acknowledged",
            all(map(self._excused, lost)),
            f"{len(lost)} were not, {sum(map(self._excused, lost))} while the machine stood still",
        )
        slow = [e for e in rounds if e.logout == 204 and (e.milliseconds >= _LIMIT_MS or e.never)]
        excused = [each for each in slow if self._excused(each) and not each.never]
        self.n.check(
            f"after each of them both others refused the token within {_LIMIT_MS} ms",
            len(slow) == len(excused),
            f"{len(slow)} took longer, {len(excused)} of them while the machine stood still",
        )
        self.n.check("no gateway takes any of the tokens in the end", not late, f"{len(late)} do")

    def _excused(self, done):
        return self.still.touched(done.began, done.ended)


def _status(gateway, headers):
    return gateway.get(_ME, headers).status
