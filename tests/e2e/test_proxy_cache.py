"""nginx as a cache in front (PROXY_CACHE=on): what it stores, for whom, for how long, and what it
says of it.
"""

import concurrent.futures
import itertools
import json
import uuid

import pytest

from native_stack import eventually
from proxied_stub import PUBLIC, ProxiedStub

_numbers = itertools.count(1000)


@pytest.fixture(scope="module")
def _proxied():
    made = ProxiedStub()
    yield made
    made.close()


@pytest.fixture
def proxied(_proxied):
    """With a stub that has forgotten everything; each test uses paths of its own."""
    stub = _proxied.stub
    stub.status, stub.headers, stub.body = 200, {"Cache-Control": PUBLIC}, b"the first"
    stub.gate.set()
    stub.asked.clear()
    return _proxied


@pytest.fixture
def path():
    return f"/api/products/{next(_numbers)}"


def cached(answer):
    return answer.headers.get("x-proxy-cache")


def test_a_public_answer_is_stored_and_says_who_made_it(proxied, path):
    first = proxied.client.get(path)
    assert (first.status_code, cached(first)) == (200, "MISS")
    assert first.headers["x-instance-id"] == "the-stub"
    proxied.stub.body = b"the second"
    again = proxied.client.get(path)
    assert (again.text, cached(again)) == ("the first", "HIT")
    assert again.headers["x-instance-id"] == "nginx"
    assert again.headers["cache-status"] == "nginx; hit"
    assert again.headers["cache-control"] == PUBLIC
    assert len(proxied.stub.asked) == 1


def test_the_request_id_is_the_requests_own_from_the_log_to_the_answer(proxied, path):
    mine, other = uuid.uuid4().hex, uuid.uuid4().hex
    first = proxied.client.get(path, headers={"X-Request-Id": mine})
    assert first.headers["x-request-id"] == mine
    assert proxied.stub.asked[0][2]["X-Request-Id"] == mine
    hit = proxied.client.get(path, headers={"X-Request-Id": other})
    assert (cached(hit), hit.headers["x-request-id"]) == ("HIT", other)
    unnamed = proxied.client.get(path).headers["x-request-id"]
    assert unnamed not in (mine, other) and len(unnamed) == 32
    badly = proxied.client.get(path, headers={"X-Request-Id": 'a"b'}).headers["x-request-id"]
    assert len(badly) == 32
    line = eventually(
        lambda: next((line for line in proxied.log().splitlines() if other in line), None)
    )
    entry = json.loads(line)
    assert (entry["gateway"], entry["cache"], entry["upstream"]) == ("nginx", "HIT", "")


def test_what_a_stored_answer_said_of_its_own_request_is_not_said_again(proxied, path):
    then = "Sun, 22 Nov 2020 08:00:00 GMT"
    proxied.stub.headers |= {"X-Cache": "MISS", "Cache-Status": "scaleout; fwd=miss"}
    proxied.stub.headers |= {"Age": "7", "Date": then}
    first = proxied.client.get(path)
    assert first.headers["x-cache"] == "MISS"
    assert first.headers["cache-status"] == "scaleout; fwd=miss"
    hit = proxied.client.get(path)
    assert "x-cache" not in hit.headers
    assert hit.headers["cache-status"] == "nginx; hit"
    # Both as they were when it was stored: a client adds what has passed since that Date.
    assert (hit.headers["age"], hit.headers["date"]) == ("7", then)


def test_a_name_that_a_gateway_gives_itself_never_passes_for_nginxs_word(proxied, path):
    proxied.stub.headers["X-Proxy-Cache"] = "HIT"
    assert proxied.client.get(path).headers.get_list("x-proxy-cache") == ["MISS"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Cache-Control": "private, no-cache"},
        {"Cache-Control": "private, s-maxage=60"},
        {"Cache-Control": "no-store"},
        {"Cache-Control": "public, max-age=0"},
        {},
        {"Cache-Control": PUBLIC, "Set-Cookie": "session=1"},
        {"Cache-Control": PUBLIC, "Vary": "*"},
        {"Cache-Control": PUBLIC, "X-Cache": "STALE"},
    ],
    ids=lambda headers: ";".join(f"{name}={value}" for name, value in headers.items()) or "none",
)
def test_what_is_not_public_for_a_time_is_never_stored(proxied, path, headers):
    proxied.stub.headers = headers
    assert [cached(proxied.client.get(path)) for _ in range(3)] == ["MISS"] * 3
    assert len(proxied.stub.asked) == 3


@pytest.mark.parametrize("status", [400, 404, 422, 500, 503])
def test_an_error_without_a_lifetime_is_never_stored(proxied, path, status):
    proxied.stub.status, proxied.stub.headers = status, {}
    for _ in range(2):
        assert proxied.client.get(path).status_code == status
    assert len(proxied.stub.asked) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer x"},
        {"Authorization": "0"},
        {"Cookie": "session=1"},
        {"Cookie": "0"},
        {"Content-Length": "1"},
    ],
    ids=str,
)
def test_a_request_with_credentials_neither_reads_nor_writes(proxied, path, headers):
    def ask():
        content = b"x" if "Content-Length" in headers else None
        return proxied.client.request("GET", path, headers=headers, content=content)

    proxied.stub.body = b"for the one who asked"
    assert cached(ask()) == "BYPASS"
    proxied.stub.body = b"for everyone"
    assert proxied.client.get(path).text == "for everyone"
    proxied.stub.body = b"for the one who asked again"
    again = ask()
    assert (again.text, cached(again)) == ("for the one who asked again", "BYPASS")
    assert proxied.client.get(path).text == "for everyone"


def test_a_request_with_credentials_is_answered_304_by_the_gateway(proxied, path):
    proxied.stub.headers["ETag"] = '"one"'
    proxied.client.get(path)
    headers = {"Authorization": "Bearer x", "If-None-Match": '"one"'}
    assert proxied.client.get(path, headers=headers).status_code == 304
    assert proxied.stub.asked[-1][2]["If-None-Match"] == '"one"'


def test_post_is_never_answered_from_the_cache_nor_stored(proxied, path):
    proxied.client.get(path)
    proxied.stub.body = b"made"
    posted = proxied.client.post(path, content=b"{}")
    assert (posted.text, cached(posted)) == ("made", "BYPASS")
    assert proxied.client.get(path).text == "the first"


@pytest.mark.parametrize("other", ["/api/count", "/api/users/1", "/api/orders?x=1"])
def test_other_routes_are_not_even_looked_up(proxied, other):
    """Or clients that ask for the same thing at the same time would wait for each other."""
    assert [cached(proxied.client.get(other)) for _ in range(2)] == ["BYPASS"] * 2
    proxied.stub.gate.clear()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(proxied.client.get, other) for _ in range(8)]
        try:
            eventually(lambda: len(proxied.stub.asked) == 10)
        finally:
            proxied.stub.gate.set()
        assert {answer.result().status_code for answer in asked} == {200}


def test_head_and_get_share_an_answer(proxied, path):
    head = proxied.client.head(path)
    assert (cached(head), head.headers["content-length"], head.content) == ("MISS", "9", b"")
    get = proxied.client.get(path)
    assert (cached(get), get.text) == ("HIT", "the first")
    assert cached(proxied.client.head(path)) == "HIT"


def test_a_range_is_answered_with_all_of_it(proxied, path):
    proxied.stub.headers["Accept-Ranges"] = "bytes"
    for _ in range(2):
        answer = proxied.client.get(path, headers={"Range": "bytes=0-2"})
        assert (answer.status_code, answer.text) == (200, "the first")
    assert "Range" not in proxied.stub.asked[0][2]


def test_a_client_that_has_the_answer_gets_304(proxied, path):
    proxied.stub.headers["ETag"] = '"one"'
    condition = {"If-None-Match": '"one"'}
    # A miss fetches the whole answer, whatever the client has, so that others get it too.
    miss = proxied.client.get(path, headers=condition)
    assert (miss.status_code, cached(miss)) == (304, "MISS")
    assert "If-None-Match" not in proxied.stub.asked[0][2]
    hit = proxied.client.get(path, headers=condition)
    assert (hit.status_code, cached(hit), hit.content) == (304, "HIT", b"")
    assert hit.headers["etag"] == '"one"'
    other = proxied.client.get(path, headers={"If-None-Match": '"two"'})
    assert (other.status_code, other.text) == (200, "the first")
    assert len(proxied.stub.asked) == 1


def test_answers_that_vary_are_kept_apart(proxied, path):
    proxied.stub.headers["Vary"] = "Accept-Language"
    for language in ("de", "en"):
        proxied.stub.body = language.encode()
        proxied.client.get(path, headers={"Accept-Language": language})
    for language in ("de", "en"):
        answer = proxied.client.get(path, headers={"Accept-Language": language})
        assert (answer.text, cached(answer)) == (language, "HIT")


def test_an_expired_answer_is_revalidated_by_its_etag(proxied, path):
    proxied.stub.headers |= {"ETag": '"one"', "Cache-Control": "public, s-maxage=1"}
    proxied.client.get(path)
    expired = eventually(
        lambda: (answer := proxied.client.get(path)) and cached(answer) != "HIT" and answer
    )
    assert (cached(expired), expired.status_code, expired.text) == ("REVALIDATED", 200, "the first")
    assert proxied.stub.asked[-1][2]["If-None-Match"] == '"one"'
    assert cached(proxied.client.get(path)) == "HIT"


def test_while_revalidating_the_old_answer_is_served_and_one_request_asks(proxied, path):
    proxied.stub.headers["Cache-Control"] = "public, s-maxage=1, stale-while-revalidate=30"
    proxied.client.get(path)
    proxied.stub.body = b"the second"
    proxied.stub.gate.clear()
    try:
        # nginx keeps the next request of a connection waiting until its update is done.
        eventually(lambda: cached(proxied.get_once(path)) == "STALE")
        for _ in range(5):
            answer = proxied.get_once(path)
            assert (answer.text, cached(answer)) == ("the first", "UPDATING")
        assert len(proxied.stub.asked) == 2
    finally:
        proxied.stub.gate.set()
    eventually(lambda: proxied.client.get(path).text == "the second")


def test_what_was_deleted_is_gone_when_its_stale_time_is_over(proxied, path):
    """proxy_cache_use_stale updating would serve it for as long as it is asked for."""
    proxied.stub.headers["Cache-Control"] = "public, s-maxage=1, stale-while-revalidate=1"
    proxied.client.get(path)
    proxied.stub.status, proxied.stub.headers = 404, {}
    eventually(lambda: proxied.client.get(path).status_code == 404, seconds=5)


@pytest.mark.parametrize("lifetime, status", [("stale-if-error=30", 200), ("", 502)])
def test_where_no_gateway_answers_the_old_answer_is_served_if_it_allows_that(
    proxied, path, lifetime, status
):
    proxied.stub.headers["Cache-Control"] = f"public, s-maxage=1, {lifetime}".strip(", ")
    proxied.client.get(path)
    proxied.stub.broken = True
    try:
        answer = eventually(
            lambda: (got := proxied.client.get(path)) and cached(got) != "HIT" and got, seconds=5
        )
    finally:
        proxied.stub.broken = False
    assert answer.status_code == status
    if status == 200:
        assert (answer.text, cached(answer)) == ("the first", "STALE")


def test_an_error_that_a_gateway_answers_is_passed_on(proxied, path):
    """It has looked into its own cache, with the same lifetimes."""
    proxied.stub.headers["Cache-Control"] = "public, s-maxage=1, stale-if-error=30"
    proxied.client.get(path)
    proxied.stub.status, proxied.stub.headers = 503, {}
    eventually(lambda: proxied.client.get(path).status_code == 503, seconds=5)


@pytest.mark.parametrize("word", ["no-cache", "max-age=0", "no-transform, No-Cache"])
def test_a_client_that_says_no_cache_refreshes_the_answer_for_all(proxied, path, word):
    proxied.client.get(path)
    proxied.stub.body = b"the second"
    fresh = proxied.client.get(path, headers={"Cache-Control": word})
    assert (fresh.text, cached(fresh)) == ("the second", "BYPASS")
    assert proxied.client.get(path).text == "the second"


def test_a_cold_key_is_filled_by_one_request(path):
    patient = ProxiedStub(lock_timeout="8s")
    try:
        patient.stub.gate.clear()
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            clients = [pool.submit(patient.client.get, path) for _ in range(40)]
            eventually(lambda: patient.stub.asked)
            patient.stub.gate.set()
            answers = [client.result() for client in clients]
        assert {answer.text for answer in answers} == {"the first"}
        assert len(patient.stub.asked) == 1
    finally:
        patient.close()


def test_a_client_does_not_wait_long_for_the_fill_of_another(proxied, path):
    proxied.stub.gate.clear()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        clients = [pool.submit(proxied.client.get, path) for _ in range(3)]
        try:
            eventually(lambda: len(proxied.stub.asked) == 3, seconds=5)
        finally:
            proxied.stub.gate.set()
        assert [client.result().status_code for client in clients] == [200] * 3


def test_addresses_that_are_long_or_odd_are_not_stored(proxied, path):
    for odd in (
        f"{path}?q={'x' * 300}",
        f"{path}?q={'x' * 5000}",
        f"{path}/reviews",
        "/api/products/abc",
        f"/api/products/{'1' * 17}",
        "/api/%70roducts",
        "/api/%2e/products",
    ):
        assert [cached(proxied.client.get(odd)) for _ in range(2)] == ["BYPASS"] * 2, odd[:40]


def test_unknown_parameters_fill_the_cache_to_its_cap_only(proxied):
    """The zone of keys is full at about 2,000; then what was not used for longest goes."""
    proxied.stub.body = b"x" * 1000

    def ask(number):
        assert proxied.client.get(f"/api/products?page_size={number}").status_code == 200

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(2500)))
    assert 1000 < len(proxied.stored()) < 2200, len(proxied.stored())
    assert "could not allocate" not in proxied.log()


def test_another_version_finds_nothing_that_is_stored(proxied, path):
    proxied.client.get(path)
    proxied.stub.body = b"the second"
    assert proxied.client.get(path).text == "the first"
    proxied.take_version("another")
    answer = proxied.client.get(path)
    assert (answer.text, cached(answer)) == ("the second", "MISS")


def test_nginxs_own_errors_are_problems_as_without_the_cache(proxied):
    answer = proxied.client.get("/nothing")
    assert answer.status_code == 404 and answer.json()["code"] == "NOT_FOUND"
    assert answer.headers.get_list("x-instance-id") == ["nginx"]
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert cached(answer) is None
