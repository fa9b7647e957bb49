"""/api/faults: what people play with to see a backend in trouble, on one gateway."""

import time
import uuid

import httpx
import pytest

from native_stack import LoneGateway, eventually
from problems import check_problem, pointers
from scaleout.load.client import PAST_THE_CACHE
from scaleout.topology import GUARDS

_NONE = {
    "latencyMs": 0,
    "jitterMs": 0,
    "errorPercent": 0,
    "errorStatus": "UNAVAILABLE",
    "abortPercent": 0,
}
_ORDER = {"userId": 1, "items": [{"productId": 1, "quantity": 1}]}


@pytest.fixture
def gateway(stack):
    """The first gateway itself, with nothing of the test left in it afterwards."""
    with httpx.Client(base_url=stack.gateway_url(1), timeout=30) as client:
        yield client
        assert client.delete("/api/faults").status_code == 200
        for backend in GUARDS:
            assert client.post(f"/api/circuit-breakers/{backend}/reset").status_code == 200


def put(gateway, **faults):
    answer = gateway.post("/api/faults", json=faults)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _key():
    return {"Idempotency-Key": uuid.uuid4().hex}


def _payment(gateway):
    """Of an order of its own."""
    order = gateway.post("/api/orders", json=_ORDER, headers=_key()).json()
    return {"orderId": order["id"], "paymentMethodToken": "tok_success"}


def state_of(gateway, backend):
    return gateway.get("/api/circuit-breakers").json()["backends"][backend]["state"]


def test_what_is_put_is_listed_by_that_gateway_until_it_is_taken_back(stack, gateway):
    before = gateway.get("/api/faults").json()
    assert before["instanceId"] == "api-gateway-1"
    assert before["backends"] == dict.fromkeys(GUARDS, _NONE)
    wanted = {
        "latencyMs": 5,
        "jitterMs": 7,
        "errorPercent": 1,
        "errorStatus": "INTERNAL",
        "abortPercent": 2,
    }
    now = put(gateway, backend="order", **wanted)
    assert now["backends"] == {**before["backends"], "order": wanted}
    assert gateway.get("/api/faults").json() == now
    assert httpx.get(f"{stack.gateway_url(2)}/api/faults").json()["backends"]["order"] == _NONE
    put(gateway, backend="user", latencyMs=1)
    left = gateway.delete("/api/faults", params={"backend": "order"}).json()
    assert left["backends"]["order"] == _NONE
    assert left["backends"]["user"]["latencyMs"] == 1
    assert gateway.delete("/api/faults").json() == before


def test_latency_is_seen_by_requests_to_that_backend_alone(gateway):
    put(gateway, backend="payment", latencyMs=400)
    began = time.monotonic()
    assert gateway.get("/api/payments?user_id=1", headers=PAST_THE_CACHE).status_code == 200
    assert time.monotonic() - began >= 0.4
    put(gateway, backend="payment", latencyMs=10_000)
    assert gateway.get("/api/orders?user_id=1", headers=PAST_THE_CACHE).status_code == 200
    late = gateway.get("/api/payments?user_id=1", headers=PAST_THE_CACHE)
    check_problem(late, 504, "DEADLINE_EXCEEDED")


def test_errors_open_the_breaker_of_that_gateway(stack, gateway):
    put(gateway, backend="payment", errorPercent=100, errorStatus="UNKNOWN")

    def opened():
        gateway.get("/api/payments?user_id=1", headers=PAST_THE_CACHE)
        return state_of(gateway, "payment") == "OPEN"

    eventually(opened)
    refused = gateway.get("/api/payments?user_id=1", headers=PAST_THE_CACHE)
    assert check_problem(refused, 503)["type"] == "/problems/circuit-open"
    elsewhere = f"{stack.gateway_url(2)}/api/payments?user_id=1"
    assert httpx.get(elsewhere, headers=PAST_THE_CACHE).status_code == 200
    gateway.delete("/api/faults")
    gateway.post("/api/circuit-breakers/payment/reset")
    again = gateway.get("/api/payments?user_id=1", headers=PAST_THE_CACHE)
    assert again.status_code == 200


def test_payments_that_fail_leave_the_reads_alone(gateway):
    payment = _payment(gateway)
    key = _key()
    put(gateway, backend="charges", errorPercent=100, errorStatus="UNKNOWN")

    def opened():
        gateway.post("/api/payments", json=payment, headers=key)
        return state_of(gateway, "charges") == "OPEN"

    eventually(opened)
    problem = check_problem(gateway.post("/api/payments", json=payment, headers=key), 503)
    assert problem["type"] == "/problems/circuit-open"
    assert problem["backend"] == "charges"
    assert state_of(gateway, "payment") == "CLOSED"
    for path in ("/api/payments?user_id=1", f"/api/payments?order_id={payment['orderId']}"):
        assert gateway.get(path, headers=PAST_THE_CACHE).status_code == 200
    gateway.delete("/api/faults")
    assert gateway.post("/api/circuit-breakers/charges/reset").status_code == 200
    assert gateway.post("/api/payments", json=payment, headers=key).status_code == 201


def test_slow_payments_are_made_and_leave_the_reads_alone(gateway):
    payment = _payment(gateway)
    # Longer than an attempt to read may take.
    put(gateway, backend="charges", latencyMs=2500)
    assert gateway.post("/api/payments", json=payment, headers=_key()).status_code == 201
    breakers = gateway.get("/api/circuit-breakers").json()["backends"]
    assert breakers["payment"]["window"]["slow"] == 0
    assert breakers["charges"]["state"] == breakers["payment"]["state"] == "CLOSED"


def test_an_abort_loses_the_answer_of_what_was_done(gateway):
    headers = _key()
    put(gateway, backend="order", abortPercent=100)
    check_problem(gateway.post("/api/orders", json=_ORDER, headers=headers), 503, "UNAVAILABLE")
    gateway.delete("/api/faults")
    answer = gateway.post("/api/orders", json=_ORDER, headers=headers)
    assert answer.status_code == 201
    assert answer.headers["idempotent-replayed"] == "true"


def test_a_bad_body_is_refused_with_all_that_is_wrong(gateway):
    body = {
        "backend": "weather",
        "latencyMs": 10_001,
        "jitterMs": "5",
        "errorPercent": 101,
        "errorStatus": "OK",
        "abortPercent": -1,
        "color": "red",
    }
    problem = check_problem(gateway.post("/api/faults", json=body), 422)
    assert pointers(problem) == {f"/{name}" for name in body}
    shares = {"backend": "user", "errorPercent": 60, "abortPercent": 41}
    problem = check_problem(gateway.post("/api/faults", json=shares), 422)
    assert pointers(problem) == {"/abortPercent"}
    problem = check_problem(gateway.delete("/api/faults?backend=weather"), 422)
    assert pointers(problem) == {"/backend"}
    check_problem(gateway.post("/api/faults", content=b"{"), 415)
    assert gateway.get("/api/faults").json()["backends"]["user"] == _NONE


def test_a_page_of_another_origin_puts_no_faults(gateway):
    headers = {"Origin": "https://other.example"}
    answer = gateway.post("/api/faults", json={"backend": "user"}, headers=headers)
    assert check_problem(answer, 403)["type"] == "/problems/cross-site"
    assert gateway.delete("/api/faults", headers=headers).status_code == 403


def test_without_the_labs_endpoints_there_are_none():
    lone = LoneGateway(LAB_ENDPOINTS="off")
    try:
        with httpx.Client(base_url=lone.url) as client:
            for answer in (
                client.get("/api/faults"),
                client.post("/api/faults", json={"backend": "user", "latencyMs": 1}),
                client.delete("/api/faults"),
            ):
                check_problem(answer, 404)
    finally:
        lone.stop()
