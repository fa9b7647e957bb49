"""nginx: what it hides, what it passes on, what it says itself."""

import collections
import json
import os
import re
import socket
import uuid

import httpx
import pytest

from native_stack import eventually
from problems import check_problem


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/livez",
        "/readyz",
        "/metrics/",
        "//metrics",
        "/%6detrics",
        "/api/../metrics",
        "/./livez",
        "/_problem",
        "/nginx_status",
        "/",
    ],
)
def test_what_is_not_below_api_cannot_be_reached(client, path):
    answer = client.get(path)
    check_problem(answer, 404, "NOT_FOUND")
    assert answer.headers["x-instance-id"] == "nginx"
    assert "gateway_event_loop" not in answer.text


def test_nginx_does_not_tell_its_version(client):
    assert client.get("/nothing").headers["server"] == "nginx"


def test_nginx_shares_a_session_with_the_gateways(stack):
    """A session is a scheduling group, and nginx starved in one of its own."""
    pids = stack.pids()
    assert os.getsid(pids["nginx"]) == os.getsid(pids["api-gateway-1"])


def test_round_robin_is_over_all_workers(client):
    seen = [client.get("/api/count").headers["x-instance-id"] for _ in range(30)]
    assert collections.Counter(seen) == {f"api-gateway-{k}": 10 for k in (1, 2, 3)}
    assert seen[:27] == seen[3:]


def test_the_access_log_names_the_gateway_in_json(stack, client):
    mine = uuid.uuid4().hex
    answer = client.get("/api/users?page_size=17", headers={"X-Request-Id": mine})
    line = eventually(
        lambda: next((line for line in stack.log("nginx").splitlines() if mine in line), None)
    )
    entry = json.loads(line)
    assert entry["gateway"] == answer.headers["x-instance-id"]
    assert entry["upstream"] == f"unix:{stack.gateway_socket(int(entry['gateway'][-1]))}"
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/api/users", 200)
    assert "17" not in entry["path"] and "page_size" not in line


def test_connections_to_the_gateways_are_kept_alive(stack, client):
    def connections():
        """Gateway 1's ends of them, by inode: a new one has a new inode."""
        with open("/proc/net/unix", encoding="ascii") as table:
            rows = [row.split() for row in table.readlines()[1:]]
        connected = "03"
        return {
            inode
            for *_, state, inode, path in (row for row in rows if len(row) == 8)
            if (state, path) == (connected, str(stack.gateway_socket(1)))
        }

    for _ in range(3):
        client.get("/api/count")
    before = connections()
    for _ in range(300):
        client.get("/api/count")
    after = connections()
    assert before & after, "some are still the same"
    assert len(after - before) <= 5, "and hardly any are new"


def test_a_gateway_has_a_port_of_its_own_beside_the_socket(stack):
    direct = httpx.get(f"{stack.gateway_url(2)}/api/count")
    assert direct.status_code == 200 and direct.headers["x-instance-id"] == "api-gateway-2"


def test_nginx_answers_a_malformed_request_itself(stack):
    with socket.create_connection(("127.0.0.1", stack.port), timeout=5) as wire:
        wire.sendall(b"GET /api/count HTTP/1.1\r\nHost: a b\r\n\r\n")
        answer = wire.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 400 ")
    assert "application/problem+json" in answer


def test_binary_junk_to_nginx_is_no_500(stack):
    for junk in (
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", stack.port), timeout=5) as wire:
            wire.sendall(junk)
            answer = wire.recv(65536).decode(errors="replace")
        assert not re.search(r"HTTP/1.1 5|\"status\":5", answer), answer


def test_a_chunked_body_reaches_the_gateway_with_its_length(client):
    """nginx reads it whole first, so the gateway, which accepts no Transfer-Encoding, never sees
    one.
    """
    body = json.dumps({"email": f"{uuid.uuid4().hex}@example.com", "name": "Chunked"}).encode()
    answer = client.post(
        "/api/users",
        content=iter([body[:10], body[10:]]),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 201, answer.text


def test_a_strategy_can_be_changed_live(stack):
    with stack.client() as client:
        stack.sh("balance", "ip_hash")
        try:

            def served(address):
                return {
                    client.get("/api/count", headers={"X-Forwarded-For": address}).headers[
                        "x-instance-id"
                    ]
                    for _ in range(6)
                }

            homes = [served(f"203.0.113.{k}") for k in range(1, 16)]
            assert all(len(home) == 1 for home in homes), "a client stays with one gateway"
            assert len(set.union(*homes)) == 3, "and clients spread over all"
            stack.sh("balance", "least_conn")
            assert client.get("/api/count").status_code == 200
        finally:
            stack.sh("balance", "round_robin")
