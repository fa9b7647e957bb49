"""Scene 14: a session that no gateway keeps, and all honour; and its end, which all hear of."""

import time

from scaleout.identity.accounts import CUSTOMER, Accounts
from scaleout.load.client import Client
from scaleout.tour.scenes import Scenes

_GATEWAYS = 3
# For so long a gateway may take the token of a session that has ended.
_REVOKED_SECONDS = 1
_ME, _LOGOUT = "/api/auth/me", "/api/auth/logout"


class Identity(Scenes):
    def sessions(self):
        self._n.scene(
            "14. A login that every gateway honours",
            "The user service signs a token, and any gateway verifies it with the public key.\n"
            "A session in one gateway's memory would need sticky sessions instead: a balancer\n"
            "that always finds the way back to that gateway. And its users would be logged out\n"
            "when it is scaled away or dies.",
        )
        anonymous = Client(self._driver.url(), anonymous=True)
        self._n.command(
            'curl .../api/auth/login -d \'{"email": ..., "password": ...}\'; '
            f"curl -H 'Authorization: Bearer ...' ...{_ME}"
        )
        login = Accounts(self._driver).log_in(CUSTOMER)
        tokens = login.json()
        self._n.check("a user logs in through one gateway", login.status == 200, login.status)
        headers = {"Authorization": f"Bearer {tokens.get('accessToken')}"}
        answers = [anonymous.get(_ME, headers) for _ in range(_GATEWAYS)]
        rows = [("POST", "/api/auth/login", login), *(("GET", _ME, each) for each in answers)]
        self._n.table(
            ("request", "status", "ms", "served by"),
            [(f"{m} {p}", a.status, f"{a.milliseconds:.1f}", a.instance) for m, p, a in rows],
        )
        self._n.check(
            "the token is good at all three of them, and says who it is",
            len({each.instance for each in answers}) == _GATEWAYS
            and {each.json().get("email") for each in answers} == {CUSTOMER},
            ", ".join(str(each.status) for each in answers),
        )
        own, foreign = (anonymous.get(f"/api/users/{user}", headers) for user in (1, 2))
        self._n.check(
            "with it a user sees itself and no other one",
            (own.status, foreign.status) == (200, 404),
            f"{own.status}, {foreign.status}",
        )
        self._end(anonymous, headers)

    def _end(self, client, headers):
        self._n.command(f"curl -X POST -H 'Authorization: Bearer ...' ...{_LOGOUT}")
        logout = client.request("POST", _LOGOUT, headers=headers)
        self._n.say(f"    POST {_LOGOUT}  {logout.status} by {logout.instance}")
        self._n.check("it logs out through one gateway", logout.status in (200, 204), logout)
        began = time.monotonic()
        refused_by, accepted = {}, 0.0
        # All turns of the second, though every gateway has refused it before.
        while (passed := time.monotonic() - began) < _REVOKED_SECONDS + 0.5:
            answer = client.get(_ME, headers)
            if answer.status == 401:
                refused_by.setdefault(answer.instance, passed)
            elif not self._still.touched(began, time.monotonic()):
                accepted = passed
            time.sleep(0.005)
        self._n.table(
            ("gateway", "refused it after, ms"),
            [(name, f"{1000 * after:.0f}") for name, after in sorted(refused_by.items())],
        )
        self._n.check(
            f"all three refuse the token within {_REVOKED_SECONDS} s of the answer",
            len(refused_by) == _GATEWAYS and accepted < _REVOKED_SECONDS,
            f"the last that took it: after {1000 * accepted:.0f} ms",
        )
        self._n.figure("lastAcceptedMs", 1000 * accepted)
