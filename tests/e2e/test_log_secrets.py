"""No log has a secret: every stack of this ring is looked through when it is removed, and here one
that was given every reason to write some.
"""

import concurrent.futures
import json
import os
import socket
import ssl
import subprocess
import uuid

import httpx
import pytest

import log_secrets
from native_stack import NativeStack, eventually, free_ports

_HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"


@pytest.mark.parametrize(
    "line, what",
    [
        ('{"token":"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}', "a token"),
        (f"row ({_HASH})", "a hash of a password"),
        ("-----BEGIN PRIVATE KEY-----", "a private key"),
        ("Key (email)=(ada@example.com) already exists.", "an e-mail address"),
        ("GET /api/users?q=ada%40example.com", "an e-mail address"),
        (f"GET /api/users?token={'0123456789abcdef' * 2}.{'aZ-_9' * 9}", "a refresh token"),
        ("the password is of-the-database", "postgres.password"),
        ("[crit] 7#7: *1 SSL_read() failed, client: ::1, server: _", "a client's address"),
        ("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQ", "signing-key.pem"),
        ("password: of-a-user-of-it", "a user's password"),
        ("here comes something-of-the-test", "a secret of the test"),
    ],
)
def test_what_is_looked_for_is_found_wherever_it_is(tmp_path, line, what):
    for name in ("log", "secrets"):
        (tmp_path / name).mkdir()
    (tmp_path / "secrets/postgres.password").write_text("of-the-database\n")
    key = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQ"
    pem = f"-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n"
    (tmp_path / "secrets/signing-key.pem").write_text(pem)
    account = {"email": "ada@example.com", "password": "of-a-user-of-it"}
    (tmp_path / "secrets/accounts.json").write_text(json.dumps([account]))
    (tmp_path / "log/a.log").write_text("user 1 of instance api-gateway-1 logged in\n")
    assert log_secrets.find(tmp_path, ["something-of-the-test"]) == []
    (tmp_path / "log/a.log.1").write_text(f"a line\n{line}\n")
    found = log_secrets.find(tmp_path, ["something-of-the-test"])
    assert found == [f"a.log.1:2: {what}"]


def test_a_stack_that_says_everything_says_no_secret():
    stack = NativeStack(
        GATEWAYS="2",
        AUTH_MODE="required",
        GATEWAY_LOG_LEVEL="debug",
        SERVICE_LOG_LEVEL="debug",
        TLS_PORT=str(free_ports(1)),
    )
    try:
        stack.up()
        with stack.client() as client:
            secrets, answers = provoke(stack, client)
        pages = [httpx.get(f"{stack.gateway_url(k)}/metrics").text for k in (1, 2)]
        assert log_secrets.find(stack.run_dir, secrets) == []
        for text in (*answers, *pages):
            assert not [secret for secret in secrets if secret in text], text
    finally:
        stack.remove()


def provoke(stack, client):
    """Every use of secrets, good and bad; they, and the answers that should not have them."""
    name = uuid.uuid4().hex
    login = {"email": f"{name}@example.com", "password": f"password of {name}"}
    taken = {**login, "email": f"{name}-2@example.com"}
    for other in (taken, login):
        created = client.post("/api/auth/register", json={**other, "name": "Ada"})
        assert created.status_code == 201, created.text
    tokens = client.post("/api/auth/login", json=login).json()
    bearer = {"Authorization": f"Bearer {tokens['accessToken']}"}
    rotated = client.post("/api/auth/refresh", json={"refreshToken": tokens["refreshToken"]}).json()
    assert client.get("/api/auth/me", headers=bearer).status_code == 200
    wrong = {**login, "password": f"not the password of {name}"}
    broken = f"{tokens['accessToken'][:-8]}AAAAAAAA"
    user = created.json()["id"]
    answers = [
        client.post("/api/auth/register", json={**login, "name": "Ada"}),  # there is one
        client.post("/api/auth/register", json={**login, "password": f"{name}\n", "name": ""}),
        client.post("/api/auth/login", json=wrong),
        client.post("/api/auth/login", json={**login, "password": 7}),
        client.post("/api/auth/login", content=f'{{"password": "{login["password"]}'),
        client.post("/api/auth/refresh", json={"refreshToken": f"{name}{name}"}),
        client.get("/api/auth/me", headers={"Authorization": f"Bearer {broken}"}),
        client.get("/api/auth/me", headers={"Authorization": f"Basic {name}"}),
        client.get(f"/api/users/{user + 1}", headers=bearer),
        client.patch(f"/api/users/{user}", json={"email": "no address"}, headers=bearer),
        client.patch(f"/api/users/{user}", json={"email": taken["email"]}, headers=bearer),
        client.get(f"/api/users?q={login['email']}"),
    ]
    # Their problem documents name the path that was asked for, to the one who asked.
    for at in ("@", "%40", "%2540"):
        path = f"/api/users/{name}{at}example.com"
        assert client.get(path, headers=bearer).status_code == 422
    spoil_requests(stack, f"access_token={tokens['accessToken']}")
    kill_in_the_middle(stack, f"/api/users/{user}?access_token={tokens['accessToken']}")
    stack.sh("stop", "user-service")
    answers += [
        client.post("/api/auth/login", json=login),
        client.post("/api/auth/refresh", json={"refreshToken": rotated["refreshToken"]}),
        client.patch(f"/api/users/{user}", json={"name": "Grace"}, headers=bearer),
    ]
    stack.sh("start", "user-service")
    eventually(lambda: client.get(f"/api/users/{user}", headers=bearer).status_code == 200)
    assert client.post("/api/auth/logout", headers=bearer).status_code == 204
    assert min(answer.status_code for answer in answers) >= 400, answers
    secrets = [name, broken, login["password"], wrong["password"]]
    for each in (tokens, rotated):
        secrets += [each["accessToken"], each["refreshToken"], each["accessToken"].split(".")[2]]
    return secrets, [answer.text for answer in answers]


def kill_in_the_middle(stack, path):
    """Kills a gateway that has a request for the path, so that nginx has something to complain of;
    the other one answers.
    """
    stack.sh("freeze", "api-gateway", 1)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(httpx.get, f"{stack.url}{path}", timeout=30) for _ in range(4)]
        eventually(lambda: sum(each.done() for each in asked) == 2)
        stack.sh("kill", "api-gateway", 1)
        assert {each.result().status_code for each in asked} <= {400, 401}


def spoil_requests(stack, query):
    """Requests that nginx itself refuses, or cannot read to their end, wherever they go."""
    bodies = {
        "Content-Length: 600000\r\n\r\n": 413,
        "Transfer-Encoding: chunked\r\n\r\nno length\r\n": 400,
    }
    tls_port = int(stack.variables["TLS_PORT"])
    for path in ("/login", "/_problem", "/api/auth/login", "/api/count/shared"):
        head = f"POST {path}?{query} HTTP/1.1\r\nHost: a\r\nReferer: http://a/?{query}\r\n"
        for body, status in bodies.items():
            with socket.create_connection(("127.0.0.1", stack.port), timeout=30) as wire:
                wire.sendall((head + body).encode())
                answer = wire.recv(65536).decode()
            # What is internal is not there, before its length is looked at.
            assert answer.startswith(f"HTTP/1.1 {status} ") or path == "/_problem", answer
        url = f"https://localhost:{tls_port}{path}?{query}"
        curl = ["curl", "-sk", "--http2", "-o", os.devnull, "--data-binary", "@-", url]
        subprocess.run(curl, input=b"x" * 600_000, check=True, timeout=30)
        for unfinished in (head[:-2], head, f"{head}Content-Length: 9\r\n\r\n"):
            break_record(tls_port, unfinished)


def break_record(port, sent):
    """Sends it over TLS, then what is no record of that connection, until nginx closes it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        with context.wrap_socket(plain) as secure:
            secure.sendall(sent.encode())
            os.write(secure.fileno(), b"\x17\x03\x03\xff\xff" + bytes(64))
            try:
                while secure.recv(65536):
                    pass
            except (ssl.SSLError, ConnectionError):
                pass
