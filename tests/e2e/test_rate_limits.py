"""How often a client may ask: over all gateways, by the address that nginx knows, and with
redis-state away, too.

What is allowed is computed by the time that passed: a slow machine refills a limit meanwhile. A
gateway that got no answer of redis-state in 50 ms, because the machine stood still, decides by its
share, so that both together may allow twice the limit.
"""

import time

import pytest

from native_stack import NativeStack

REQUESTS = 12
PER_SECOND = REQUESTS / 60
GATEWAYS = 2


LOGINS = 4


@pytest.fixture(scope="module")
def stack():
    made = NativeStack(
        GATEWAYS=str(GATEWAYS),
        RATE_LIMIT=f"{REQUESTS}/min",
        LOGIN_RATE_PER_ACCOUNT_AND_ADDRESS=f"{LOGINS}/h",
    )
    try:
        made.up()
        yield made
    finally:
        made.remove()


def ask(client, address, count, path="/api/products"):
    """The answers by status, and the most that may have been allowed meanwhile."""
    began = time.monotonic()
    answers = {}
    for _ in range(count):
        answer = client.get(path, headers={"X-Forwarded-For": address})
        answers.setdefault(answer.status_code, []).append(answer)
    seconds = time.monotonic() - began
    return answers, 2 * REQUESTS + int(seconds * PER_SECOND) + 1


def test_a_client_is_limited_over_all_gateways(stack, client):
    answers, most = ask(client, "203.0.113.1", 80)
    assert set(answers) == {200, 429}
    assert REQUESTS <= len(answers[200]) <= most
    assert {answer.headers["x-instance-id"] for answer in answers[200]} == {
        f"api-gateway-{k}" for k in range(1, GATEWAYS + 1)
    }
    first, refused = answers[200][0], answers[429][0]
    assert first.headers["ratelimit-policy"] == f'"default";q={REQUESTS};w=60'
    assert first.headers["ratelimit"].startswith('"default";r=')
    assert refused.headers["ratelimit-policy"] == f'"default";q={REQUESTS};w=60'
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= GATEWAYS * 60 / REQUESTS
    assert refused.headers["ratelimit"] == f'"default";r=0;t={wait}'
    problem = refused.json()
    assert problem["type"] == "/problems/rate-limited"
    assert problem["status"] == 429
    assert problem["policy"] == "default"
    assert "203.0.113.1" not in refused.text


def test_another_client_is_not_concerned(stack, client):
    ask(client, "203.0.113.2", 80)
    answers, _ = ask(client, "203.0.113.3", 1)
    assert set(answers) == {200}


def test_a_client_cannot_name_itself(stack, client):
    """nginx takes the last address that is no trusted proxy's, and passes on no other."""
    ask(client, "203.0.113.4", 80)
    began = time.monotonic()
    allowed = 0
    for k in range(80):
        answer = client.get(
            "/api/products",
            headers={
                "X-Forwarded-For": f"192.0.2.{k}, 203.0.113.4",
                "X-Real-IP": f"192.0.2.{k}",
                "Forwarded": f"for=192.0.2.{k}",
            },
        )
        allowed += answer.status_code == 200
    # The shares of gateways that got no answer of redis-state are whole as yet.
    assert allowed <= REQUESTS + int((time.monotonic() - began) * PER_SECOND) + 2


def test_clients_of_an_ipv6_network_are_one(stack, client):
    statuses = []
    began = time.monotonic()
    for k in range(80):
        headers = {"X-Forwarded-For": f"2001:db8:0:1::{k + 1:x}"}
        statuses.append(client.get("/api/products", headers=headers).status_code)
    most = 2 * REQUESTS + int((time.monotonic() - began) * PER_SECOND) + 1
    assert statuses.count(200) <= most


def test_health_is_never_limited(stack, client):
    answers, _ = ask(client, "203.0.113.5", 5 * REQUESTS, "/api/health")
    assert set(answers) == {200}
    assert "ratelimit" not in answers[200][0].headers


def test_a_gateway_takes_its_share_while_redis_state_hangs(driver, client):
    driver.freeze("redis-state")
    try:
        answers, most = ask(client, "203.0.113.6", 80)
    finally:
        driver.thaw("redis-state")
    assert 1 <= len(answers[200]) <= most
    assert answers[429], "never open"


def test_guesses_at_an_account_are_limited(client):
    def log_in(address):
        return client.post(
            "/api/auth/login",
            json={"email": "ada@example.com", "password": "a wrong password"},
            headers={"X-Forwarded-For": address},
        )

    # Fewer than the limit on all requests.
    answers = [log_in("203.0.113.8") for _ in range(REQUESTS - 1)]
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {401, 429}
    assert LOGINS <= statuses.count(401) <= 2 * LOGINS
    refused = answers[statuses.index(429)]
    assert refused.json()["policy"] == "login-account-address"
    assert refused.json()["type"] == "/problems/rate-limited"
    assert int(refused.headers["retry-after"]) > 60
    assert f'"login-account-address";q={LOGINS};w=3600' in refused.headers["ratelimit-policy"]
    assert "ada" not in refused.text
    assert log_in("203.0.113.9").status_code == 401
