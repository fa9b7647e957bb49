"""The lab's routes, and what an operator asks a gateway: metrics, probes, health."""


import httpx
import pytest

from native_stack import BACKENDS, STANDSTILL_SECONDS
from problems import check_problem, pointers
from scaleout.topology import GUARDS


def test_count_names_the_instance_that_counts(client):
    answer = client.get("/api/count").json()
    assert set(answer) == {"count", "instanceId", "processId", "warning"}
    assert answer["instanceId"].startswith("api-gateway-")


@pytest.mark.parametrize("mode", ["block", "offload"])
def test_cpu_bound_burns_as_long_as_it_is_asked_to(client, mode):
    answer = client.get("/api/cpu-bound", params={"ms": 120, "mode": mode}).json()
    assert answer["mode"] == mode
    assert 110 <= answer["durationMs"] < 120 + 1000 * STANDSTILL_SECONDS
    assert answer["message"] and answer["instanceId"].startswith("api-gateway-")


@pytest.mark.parametrize(
    "query, pointer",
    [
        ("ms=0", "/ms"),
        ("ms=10001", "/ms"),
        ("ms=abc", "/ms"),
        ("ms=", "/ms"),
        ("mode=fast", "/mode"),
        ("speed=1", "/speed"),
    ],
)
def test_cpu_bound_refuses_what_it_does_not_know(client, query, pointer):
    assert pointers(check_problem(client.get(f"/api/cpu-bound?{query}"), 422)) == {pointer}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "{own}"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "{own}"}, 200),
        ({"Origin": "https://other.example"}, 403),
        ({"Origin": "http://localhost"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "{own}"}, 403),
    ],
)
def test_a_page_of_another_origin_controls_no_breaker(stack, client, headers, status):
    """Through nginx, which passes Host on with its port."""
    headers = {name: value.format(own=stack.url) for name, value in headers.items()}
    answer = client.post("/api/circuit-breakers/user/reset", headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert check_problem(answer, 403, "PERMISSION_DENIED")["type"] == "/problems/cross-site"


def test_metrics_for_people(client):
    metrics = client.get("/api/metrics").json()
    assert metrics["process"]["pid"] > 0
    assert metrics["process"]["residentBytes"] > 0
    assert metrics["process"]["threads"] > 0
    loop = metrics["eventLoops"][0]
    assert set(loop["lagMs"]) >= {"current", "mean", "p50", "p99", "max"}
    assert 0 <= loop["utilization"] <= 1
    assert set(metrics["requests"]["latencyMs"]) >= {"p50", "p95", "p99"}
    assert set(metrics["backends"]) == set(GUARDS)


def test_metrics_for_prometheus_are_on_the_gateways_own_port(stack):
    httpx.get(f"{stack.gateway_url(1)}/api/users/1")
    answer = httpx.get(f"{stack.gateway_url(1)}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    for name in (
        "gateway_event_loop_lag_seconds_bucket",
        "gateway_event_loop_lag_max_seconds",
        "gateway_event_loop_current_lag_seconds",
        "gateway_event_loop_utilization_ratio",
        "http_server_request_duration_seconds_bucket",
        "rpc_client_call_duration_seconds_bucket",
        "process_resident_memory_bytes",
        "process_open_fds",
    ):
        assert name in answer.text, name


def test_probes_answer_on_the_gateways_own_port(stack):
    for k in (1, 2, 3):
        for path in ("/livez", "/readyz"):
            assert httpx.get(f"{stack.gateway_url(k)}{path}").status_code == 200


def test_health_asks_every_backend(client):
    health = client.get("/api/health").json()
    assert health["status"] == "ok"
    states = {name: part["status"] for name, part in health["backends"].items()}
    assert states == dict.fromkeys(BACKENDS, "SERVING")
