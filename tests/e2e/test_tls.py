"""HTTPS at nginx (TLS_PORT): the handshake, HTTP/2, what is refused, what gateways hear of it."""

import http.server
import json
import os
import socket
import ssl
import subprocess
import threading

import httpx
import pytest

from native_stack import NativeStack, free_ports
from problems import check_problem


class TlsStack(NativeStack):
    def __init__(self, **variables):
        self.tls_port = free_ports(1)
        super().__init__(GATEWAYS="1", TLS_PORT=str(self.tls_port), **variables)

    @property
    def tls_url(self):
        return f"https://localhost:{self.tls_port}"

    @property
    def certificate(self):
        return self.run_dir / "certificate.pem"


class Listener(http.server.BaseHTTPRequestHandler):
    """Says which headers it got, as a gateway would get them."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def tls_stack(tmp_path_factory):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        further = tmp_path_factory.mktemp("nginx") / "listener.conf"
        port = listener.server_address[1]
        further.write_text(f"location /api/headers {{ proxy_pass http://127.0.0.1:{port}; }}\n")
        made = TlsStack(NGINX_SERVER_INCLUDE=str(further))
        try:
            made.printed = made.up()
            yield made
        finally:
            made.remove()
            listener.shutdown()


def handshake(stack, context, name="localhost"):
    """The agreed version, cipher and protocol of one connection, and its certificate."""
    with socket.create_connection(("127.0.0.1", stack.tls_port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=name) as secure:
            cipher = secure.cipher()[0]
            return secure.version(), cipher, secure.selected_alpn_protocol(), secure.getpeercert()


def trusting(stack):
    return ssl.create_default_context(cafile=stack.certificate)


def test_the_certificate_is_for_this_machine_and_its_key_is_secret(tls_stack):
    assert f"HTTPS  {tls_stack.tls_url}" in tls_stack.printed
    certificate = handshake(tls_stack, trusting(tls_stack))[3]
    assert certificate["subjectAltName"] == (
        ("DNS", "localhost"),
        ("IP Address", "127.0.0.1"),
        ("IP Address", "0:0:0:0:0:0:0:1"),
    )
    handshake(tls_stack, trusting(tls_stack), name="127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(tls_stack, trusting(tls_stack), name="example.com")
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate"):
        handshake(tls_stack, ssl.create_default_context())
    key = tls_stack.run_dir / "secrets" / "tls.key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert "BEGIN PRIVATE KEY" in key.read_text()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_present_versions_are_taken(tls_stack, version):
    context = trusting(tls_stack)
    context.minimum_version = context.maximum_version = version
    assert handshake(tls_stack, context)[0] == version.name.replace("_", ".")


# Of OpenSSL as the client, which is asked to forget its own standards for it.
@pytest.mark.parametrize(
    "version, ciphers",
    [
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"),
    ],
    ids=["tls-1.1", "no-forward-secrecy", "cbc"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_outdated_is_refused(tls_stack, version, ciphers):
    context = trusting(tls_stack)
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION|HANDSHAKE_FAILURE"):
        handshake(tls_stack, context)


def test_http_2_is_agreed_on_and_http_1_is_still_there(tls_stack):
    for offered, agreed in ((["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")):
        context = trusting(tls_stack)
        context.set_alpn_protocols(offered)
        assert handshake(tls_stack, context)[2] == agreed


def curl(stack, *arguments, path="/api/users/1", sent=None):
    """Status, version of HTTP and body; `sent` is posted as JSON."""
    command = ["curl", "-sS", "--cacert", stack.certificate, "-w", "\n%{http_code} %{http_version}"]
    if sent is not None:
        command += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
    printed = subprocess.run(
        [*command, *arguments, stack.tls_url + path],
        input=sent,
        text=True,
        capture_output=True,
        check=True,
        timeout=30,
    ).stdout
    body, _, said = printed.rpartition("\n")
    return (*said.split(), body)


def test_routes_and_limits_are_those_of_plain_http(tls_stack):
    plain = httpx.get(f"{tls_stack.url}/api/users/1")
    assert curl(tls_stack, "--http2") == ("200", "2", plain.text)
    assert curl(tls_stack, "--http1.1") == ("200", "1.1", plain.text)
    for version in ("--http2", "--http1.1"):
        status, _, body = curl(tls_stack, version, path="/metrics")
        assert (status, json.loads(body)["code"]) == ("404", "NOT_FOUND")
        status, _, body = curl(tls_stack, version, path="/api/users", sent="x" * 600_000)
        assert (status, json.loads(body)["status"]) == ("413", 413)


def test_many_requests_travel_over_one_connection(tls_stack):
    printed = subprocess.run(
        ["h2load", "-n500", "-c1", "-m50", f"{tls_stack.tls_url}/api/users/1"],
        text=True,
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout
    assert "Application protocol: h2" in printed
    assert "500 succeeded, 0 failed, 0 errored, 0 timeout" in printed


def test_a_browser_page_of_this_origin_may_write(tls_stack):
    """The gateway compares a browser's Origin with the Host that nginx passes on."""

    def create(origin):
        body = json.dumps({"userId": 1, "items": [{"productId": 1, "quantity": 1}]})
        header = ("-H", f"Origin: {origin}")
        return curl(tls_stack, "--http2", *header, path="/api/orders", sent=body)[0]

    assert create(tls_stack.tls_url) == "201"
    assert create("https://elsewhere.example") == "403"


def test_a_gateway_hears_how_the_client_came(tls_stack):
    heard = json.loads(curl(tls_stack, "--http2", path="/api/headers")[2])
    assert heard["x-forwarded-proto"] == "https"
    assert heard["host"] == f"localhost:{tls_stack.tls_port}"
    assert heard["x-forwarded-for"] == "127.0.0.1"
    assert httpx.get(f"{tls_stack.url}/api/headers").json()["x-forwarded-proto"] == "http"


def test_plain_http_on_that_port_is_a_clean_400(tls_stack):
    answer = httpx.get(f"http://localhost:{tls_stack.tls_port}/api/users/1")
    problem = check_problem(answer, 400, "INVALID_ARGUMENT")
    assert answer.headers["x-instance-id"] == "nginx"
    assert problem["title"] == "Bad Request"


def test_there_are_no_tickets_and_no_promise_for_the_future(tls_stack):
    context = trusting(tls_stack)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", tls_stack.tls_port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            assert not secure.session.has_ticket
            assert secure.session.id, "but a session that nginx remembers"
    answer = httpx.get(f"{tls_stack.tls_url}/api/users/1", verify=str(tls_stack.certificate))
    assert "strict-transport-security" not in answer.headers


def test_scaling_keeps_it(tls_stack):
    tls_stack.sh("scale", "2")
    seen = {
        httpx.get(f"{tls_stack.tls_url}/api/count", verify=str(tls_stack.certificate)).headers[
            "x-instance-id"
        ]
        for _ in range(4)
    }
    assert seen == {"api-gateway-1", "api-gateway-2"}


def test_a_certificate_of_the_users_own_and_what_is_wrong_with_one(tls_stack, tmp_path):
    for name in ("certificate.pem", "key.pem"):
        (tmp_path / name).write_bytes((tls_stack.run_dir / f"secrets/tls.{name}").read_bytes())
    certificate, key = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    stack = TlsStack()
    try:
        refused = stack.try_sh("up", TLS_CERTIFICATE=certificate)
        assert refused.returncode == 1 and "TLS_KEY belong together" in refused.stderr
        refused = stack.try_sh("up", TLS_CERTIFICATE=certificate, TLS_KEY=f"{key}.missing")
        assert refused.returncode == 1 and "is not a readable file" in refused.stderr
        refused = stack.try_sh("up", TLS_PORT=str(stack.port + 3))
        assert refused.returncode == 1 and f"TLS_PORT={stack.port + 3}" in refused.stderr
        with socket.create_server(("127.0.0.1", stack.tls_port)):
            refused = stack.try_sh("up")
            assert refused.returncode == 1 and "nginx (TLS_PORT) is held" in refused.stderr

        stack.up(TLS_CERTIFICATE=certificate, TLS_KEY=key)
        assert httpx.get(f"{stack.tls_url}/api/count", verify=certificate).status_code == 200
        assert not stack.certificate.exists(), "none was made"
        stack.down()
        stack.up(TLS_PORT="0")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", stack.tls_port), timeout=10)
    finally:
        stack.remove()


def test_a_made_certificate_stays_until_it_is_about_to_expire(tls_stack):
    def made():
        return tls_stack.certificate.read_bytes()

    first = made()
    tls_stack.down()
    tls_stack.up()
    assert made() == first
    tls_stack.down()
    key = tls_stack.run_dir / "secrets" / "tls.key.pem"
    request = ("req", "-x509", "-key", key, "-days", "20", "-subj", "/CN=localhost", "-out")
    secret = tls_stack.run_dir / "secrets" / "tls.certificate.pem"
    subprocess.run(["openssl", *request, secret], check=True, env={**os.environ})
    tls_stack.up()
    assert made() != first
    assert httpx.get(f"{tls_stack.tls_url}/api/count", verify=str(tls_stack.certificate))
