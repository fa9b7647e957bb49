"""nginx: what it hides, what it passes on, what it says itself."""

import collections
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import uuid
from pathlib import Path

import httpx
import pytest

from native_stack import ROOT, eventually, free_ports
from problems import check_problem
from scaleout.native import template
from scaleout.native.supervisor import nginx_path, worker_user


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


class SilentGateway:
    """Takes each request and hangs up without an answer."""

    def __init__(self, path):
        self.asked = []
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        os.chmod(path, 0o666)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(65536).split(b" ")[1].decode())

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def nginx_before_silent_gateways():
    """An nginx of its own, from the stack's template: its URL, and the two gateways behind it."""
    with tempfile.TemporaryDirectory(prefix="e2e-") as home:
        os.chmod(home, 0o777)
        temp = Path(home)
        gateways = [SilentGateway(f"{home}/gateway-{k}.sock") for k in (1, 2)]
        (temp / "include").mkdir()
        shutil.copytree(ROOT / "deploy/nginx/balance", temp / "include/balance")
        port = free_ports(1)
        values = {
            "NGINX_WORKERS": 1,
            "NGINX_LISTEN": f"127.0.0.1:{port}",
            "NGINX_PID": temp / "nginx.pid",
            "NGINX_TEMP": temp,
            "NGINX_INCLUDE": temp / "include",
            "NGINX_ACCESS_LOG": "off",
            "NGINX_TRUSTED_PROXY": "127.0.0.1",
            "NGINX_TRUSTED_NETWORK": "127.0.0.1",
            "NGINX_RESOLVER": "",
            "NGINX_SERVERS": " ".join(f"server unix:{gate.path} max_fails=0;" for gate in gateways),
            "NGINX_CLOSING_FLAG": temp / "closing",
            "LB_STRATEGY": "round_robin",
            "PROXY_CACHE": "off",
            "NGINX_CACHE_VERSION": "1",
        }
        for source in (ROOT / "deploy/nginx/proxy_cache").glob("*.conf.template"):
            (temp / f"proxy_cache_{source.stem}").write_text(template.render(source, values))
        configuration = temp / "nginx.conf"
        configuration.write_text(template.render(ROOT / "deploy/nginx/nginx.conf.template", values))
        command = [nginx_path(), "-p", home, "-c", str(configuration), "-e", "stderr"]
        with subprocess.Popen([*command, "-g", f"daemon off; {worker_user()}"]) as nginx:
            try:
                url = f"http://127.0.0.1:{port}"
                eventually(lambda: httpx.get(f"{url}/nothing").status_code == 404)
                yield url, gateways, temp / "closing"
            finally:
                nginx.terminate()
                for gateway in gateways:
                    gateway.close()


@pytest.mark.parametrize("closing", [False, True], ids=["usual", "before-a-reload"])
def test_the_shared_counter_is_asked_of_one_gateway_only(nginx_before_silent_gateways, closing):
    url, gateways, flag = nginx_before_silent_gateways

    def asked(path):
        answer = httpx.get(url + path)
        assert answer.status_code == 502
        assert (answer.headers.get("connection") == "close") == closing
        found = [path for gateway in gateways for path in gateway.asked]
        for gateway in gateways:
            gateway.asked.clear()
        return found

    if closing:
        flag.touch()
    assert asked("/api/count/shared") == ["/api/count/shared"]
    assert asked("/api/count/shared?x=1") == ["/api/count/shared?x=1"]
    # Any other GET is.
    assert asked("/api/count") == ["/api/count"] * 2
