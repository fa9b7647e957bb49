"""The native stack with nginx as a cache in front (PROXY_CACHE=on): the gateways' own answers."""

import re
import uuid

import pytest

from native_stack import ROOT, NativeStack, eventually


@pytest.fixture(scope="module")
def cached_stack():
    made = NativeStack(GATEWAYS="2", PROXY_CACHE="on")
    try:
        made.up()
        yield made
    finally:
        made.remove()


def cached(answer):
    return answer.headers.get("x-proxy-cache")


def test_every_public_answer_of_a_gateway_is_stored_and_no_other(cached_stack):
    """nginx' list of addresses and the gateways' table of routes are two files."""
    described = (ROOT / "docs/openapi.yaml").read_text()
    found = re.findall(r"^  (/api/\S+):\n(?:    .*\n)*?    get:", described, re.MULTILINE)
    assert len(found) > 10
    public = set()
    with cached_stack.client() as client:
        for template in found:
            path = template.replace("{id}", "1")
            if template in ("/api/orders", "/api/payments"):
                path += "?user_id=1"
            if template == "/api/cpu-bound":
                path += "?ms=1"
            answer = client.get(path)
            if "s-maxage" in answer.headers.get("cache-control", ""):
                public.add(template)
                eventually(lambda address=path: cached(client.get(address)) == "HIT")
            else:
                assert [cached(client.get(path)) for _ in range(2)] == ["BYPASS"] * 2, path
    assert {"/api/products", "/api/products/{id}", "/api/users"} <= public


def test_a_client_that_insists_sees_a_write_at_once_and_all_see_it_then(cached_stack):
    name, newest = uuid.uuid4().hex, "/api/users?page_size=1"
    with cached_stack.client() as client:
        eventually(lambda: cached(client.get(newest)) == "HIT")
        made = client.post("/api/users", json={"email": f"{name}@example.com", "name": name})
        assert (made.status_code, cached(made)) == (201, "BYPASS")
        assert name in client.get(newest, headers={"Cache-Control": "no-cache"}).text
        assert name in client.get(newest).text


def test_a_wrong_token_gets_no_stored_answer(cached_stack):
    """The cache knows nothing of tokens: what has one goes to a gateway, which refuses it."""
    with cached_stack.client() as client:
        for path in ("/api/products/1", "/api/products", "/api/users"):
            eventually(lambda path=path: cached(client.get(path)) == "HIT")
            for sent in ("Bearer garbage", "Bearer a.b.c", "Basic YTpi"):
                refused = client.get(path, headers={"Authorization": sent})
                assert refused.status_code == 401, (path, sent)
                assert cached(refused) == "BYPASS"
                assert "www-authenticate" in refused.headers
            stored = client.get(path)
            assert (stored.status_code, cached(stored)) == (200, "HIT"), "no 401 was stored"


def test_what_is_stored_is_served_while_no_gateway_answers(cached_stack):
    with cached_stack.client() as client:
        eventually(lambda: cached(client.get("/api/products/2")) == "HIT")
        for k in (1, 2):
            cached_stack.sh("stop", "api-gateway", k)
        try:
            stored = client.get("/api/products/2")
            assert (stored.status_code, stored.json()["id"]) == (200, 2)
            assert client.get("/api/users/1").status_code == 502
        finally:
            for k in (1, 2):
                cached_stack.sh("start", "api-gateway", k)
        eventually(lambda: client.get("/api/users/1").status_code == 200)


def test_a_stack_can_be_given_the_cache_and_relieved_of_it_live():
    stack = NativeStack(GATEWAYS="1")
    try:
        refused = stack.try_sh("up", PROXY_CACHE="yes")
        assert refused.returncode == 1 and "PROXY_CACHE=yes" in refused.stderr
        stack.up()
        with stack.client() as client:
            assert cached(client.get("/api/products/1")) is None
            refused = stack.try_sh("purge")
            assert refused.returncode == 1 and "PROXY_CACHE is off" in refused.stderr

            stack.up(PROXY_CACHE="on")
            assert cached(client.get("/api/products/1")) == "MISS"
            assert cached(client.get("/api/users/1")) == "BYPASS"
            keys = {key_of(stack)}
            stack.sh("scale", "2")
            assert key_of(stack) in keys, "only a purge takes another version"
            for _ in range(2):
                stack.sh("purge")
                assert key_of(stack) not in keys
                keys.add(key_of(stack))
            assert cached(client.get("/api/products/1")) == "MISS"

            stack.up(PROXY_CACHE="off")
            assert cached(client.get("/api/products/1")) is None
        stack.down()
        stack.up(PROXY_CACHE="on")
        with stack.client() as client:
            assert cached(client.get("/api/products/1")) == "MISS", "nothing of before is stored"
    finally:
        stack.remove()


def key_of(stack):
    config = (stack.run_dir / "scratch").resolve() / "nginx" / "proxy_cache_on.conf"
    return next(line for line in config.read_text().splitlines() if "proxy_cache_key" in line)
