"""A rotation of the keys, on Compose and on Swarm: users who have logged in stay so."""

import collections
import threading
import time

from engine import eventually
from scaleout.identity import signing
from scaleout.identity.accounts import CUSTOMER
from scaleout.load.client import Client

_ME = "/api/auth/me"
# Another one: with a hundred sessions more, the first one's own would end.
_OFTEN = "user2@example.com"
_LOGIN_SECONDS = 0.4
_ASK_SECONDS = 0.01
# Enough for every one of three gateways to be asked.
_ASKED = 12
_SIGNED_SECONDS = 20


def check_rotation(n, accounts, url, rotate):
    """`rotate(drop_old)` is the stack's own way. Limits of logins must be off."""
    with _Users(accounts, url) as users:
        time.sleep(2)
        rotate(False)
        replaced = eventually(lambda: users.newest_key() != users.key, _SIGNED_SECONDS)
        time.sleep(2)
    n.table(("answer", "times"), sorted(users.answers.items()))
    n.check("tokens are signed with another key", replaced)
    n.check("no token was refused meanwhile", not users.refused, users.refused)
    # A login is no request that a gateway repeats.
    asked = {answer for answer in users.answers if answer.startswith(_ME)}
    n.check("and no request with one failed", all(each.endswith(" 200") for each in asked), asked)
    old = [users.ask(users.first) for _ in range(_ASKED)]
    n.check("the old key's tokens are good", set(old) == {200}, old)
    rotate(True)
    old = [users.ask(users.first) for _ in range(_ASKED)]
    new = [users.ask(users.newest) for _ in range(_ASKED)]
    n.check("without the old key its tokens are refused", set(old) == {401}, old)
    n.check("and those of the new one are good", set(new) == {200}, new)


class _Users:
    """One keeps its first token; another logs in again and again, and asks with each new one."""

    def __init__(self, accounts, url):
        self._often = accounts.get(_OFTEN)
        self._client = Client(url, anonymous=True)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=each) for each in (self._log_in, self._keep_asking)
        ]
        self.answers = collections.Counter()
        self.first, self.newest = (
            accounts.log_in(email).json()["accessToken"] for email in (CUSTOMER, _OFTEN)
        )
        self.key = self.newest_key()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def refused(self):
        return {answer: n for answer, n in self.answers.items() if answer.endswith(" 401")}

    def newest_key(self):
        return signing.parts_of(self.newest)[0]["kid"]

    def ask(self, token):
        return self._client.get(_ME, {"Authorization": f"Bearer {token}"}).status

    def _log_in(self):
        body = {"email": self._often.email, "password": self._often.password}
        while not self._stop.wait(_LOGIN_SECONDS):
            answer = self._client.post("/api/auth/login", body)
            self.answers[f"login {answer.status}"] += 1
            if answer.status == 200:
                self.newest = answer.json()["accessToken"]
                # By turns of nginx, each gateway at once.
                for _ in range(3):
                    self.answers[f"{_ME}, newest token {self.ask(self.newest)}"] += 1

    def _keep_asking(self):
        while not self._stop.wait(_ASK_SECONDS):
            self.answers[f"{_ME}, first token {self.ask(self.first)}"] += 1
