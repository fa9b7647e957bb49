"""A rotation of the keys under way, as users see it who log in, refresh and ask all the time: no
token is refused that should be good, and with `--drop-old` those of the old key are.
"""

import collections
import concurrent.futures
import threading

import httpx
import pytest

from native_stack import NativeStack, eventually
from scaleout.identity.signing import parts_of

GATEWAYS = (1, 2)
USERS = 3
PASSWORD = "correct horse battery staple"
ME = "/api/auth/me"
SELDOM = "seldom@example.com"
# In the middle of a rotation a part may be away for a moment; a token is not refused by that.
AWAY = (502, 503, 504)


@pytest.fixture(name="stack")
def make_stack():
    made = NativeStack(
        GATEWAYS=str(len(GATEWAYS)),
        AUTH_MODE="required",
        LOGIN_RATE_PER_ACCOUNT_AND_ADDRESS="0",
        LOGIN_RATE_PER_ADDRESS="0",
        LOGIN_RATE_PER_ACCOUNT="0",
    )
    try:
        made.up()
        yield made
    finally:
        made.remove()


def header(token):
    return {"Authorization": f"Bearer {token}"}


def key_of(token):
    return parts_of(token)[0]["kid"]


def register(url, email):
    body = {"email": email, "password": PASSWORD, "name": "Ada"}
    answer = httpx.post(f"{url}/api/auth/register", json=body)
    assert answer.status_code == 201, answer.text


class User:
    """Logs in, asks who it is, refreshes, and asks again, round after round."""

    def __init__(self, url, email):
        register(url, email)
        self._client = httpx.Client(base_url=url, timeout=30)
        self._login = {"email": email, "password": PASSWORD}
        self.statuses = collections.Counter()  # by what was asked for
        self.keys = []  # of each token, in turn
        self.rounds = 0

    def run(self, until):
        while not until.is_set():
            self._round()
            self.rounds += 1
        self._client.close()

    def _round(self):
        tokens = self._tokens("/api/auth/login", self._login)
        for _ in range(3):
            if not tokens:
                return
            answer = self._client.get(ME, headers=header(tokens["accessToken"]))
            self.statuses[ME, answer.status_code] += 1
            tokens = self._tokens("/api/auth/refresh", {"refreshToken": tokens["refreshToken"]})

    def _tokens(self, path, body):
        answer = self._client.post(path, json=body)
        self.statuses[path, answer.status_code] += 1
        if answer.status_code != 200:
            return None
        self.keys.append(key_of(answer.json()["accessToken"]))
        return answer.json()


def log_in(stack, email):
    with stack.client() as client:
        answer = client.post("/api/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return answer.json()


def status_at(stack, k, token):
    return httpx.get(f"{stack.gateway_url(k)}{ME}", headers=header(token)).status_code


def public_keys(stack):
    return [
        [key["kid"] for key in httpx.get(f"{stack.gateway_url(k)}/api/auth/keys").json()["keys"]]
        for k in GATEWAYS
    ]


def good_everywhere(stack, token):
    return all(status_at(stack, k, token) == 200 for k in GATEWAYS)


def has_run(running, user, rounds):
    if running.done():
        running.result()  # why it ended
    return user.rounds >= rounds


def test_a_rotation_refuses_no_token_until_the_old_key_is_dropped(stack):
    users = [User(stack.url, f"user-of-keys-{number}@example.com") for number in range(USERS)]
    # Whose oldest session lives: a user that logs in often has so many only.
    register(stack.url, SELDOM)
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(USERS) as pool:
        running = [pool.submit(user.run, stop) for user in users]
        try:

            def two_rounds():
                wanted = [user.rounds + 2 for user in users]
                eventually(lambda: all(map(has_run, running, users, wanted)), seconds=30)

            two_rounds()
            old = log_in(stack, SELDOM)
            stack.sh("rotate-keys")
            two_rounds()
            new = log_in(stack, SELDOM)
            keys = [key_of(each["accessToken"]) for each in (old, new)]
            assert keys[0] != keys[1]
            assert public_keys(stack) == [keys] * len(GATEWAYS)
            eventually(lambda: good_everywhere(stack, old["accessToken"]))
            assert good_everywhere(stack, new["accessToken"])
            stack.sh("rotate-keys", "--drop-old")
            two_rounds()
        finally:
            stop.set()
        for each in running:
            each.result()
    for user in users:
        refused = {asked: n for asked, n in user.statuses.items() if asked[1] not in (200, *AWAY)}
        assert not refused, "of tokens that were good"
        assert set(user.keys) == set(keys)
    answers = sum((user.statuses for user in users), collections.Counter())
    served = sum(count for (_, status), count in answers.items() if status == 200)
    print(f"{served} of {answers.total()} were served")
    assert served > 0.95 * answers.total(), answers

    assert public_keys(stack) == [keys[1:]] * len(GATEWAYS)
    assert [status_at(stack, k, old["accessToken"]) for k in GATEWAYS] == [401] * len(GATEWAYS)
    assert good_everywhere(stack, new["accessToken"])
    # The session of the old token lives: its refresh token has nothing to do with the key.
    with stack.client() as client:
        body = {"refreshToken": old["refreshToken"]}
        refreshed = client.post("/api/auth/refresh", json=body).json()
    assert key_of(refreshed["accessToken"]) == keys[1]
    assert good_everywhere(stack, refreshed["accessToken"])
