"""Who a gateway lets in, by itself: without the user service no session can be checked."""

import base64
import hashlib
import json
import subprocess
import time

import httpx
import pytest

from native_stack import BIN_DIR, SANITIZER_ENVIRONMENT, LoneGateway, eventually
from problems import check_problem

_CHALLENGE = 'Bearer realm="scaleout"'


def _openssl(*arguments, stdin=b""):
    return subprocess.run(["openssl", *arguments], input=stdin, stdout=subprocess.PIPE, check=True)


def _base64url(content):
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class Signer:
    """Makes access tokens with a key of its own, by the program openssl."""

    def __init__(self, directory):
        self._key = directory / "key.pem"
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(self._key))
        point = _openssl("ec", "-in", str(self._key), "-pubout", "-outform", "DER").stdout[-64:]
        self.public = _openssl("ec", "-in", str(self._key), "-pubout").stdout.decode()
        x, y = _base64url(point[:32]), _base64url(point[32:])
        jwk = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
        self.kid = _base64url(hashlib.sha256(jwk.encode()).digest())

    def token(self, **changed):
        now = int(time.time())
        claims = {
            "iss": "scaleout",
            "aud": "scaleout-api",
            "sub": "7",
            "sid": "0123456789abcdef" * 2,
            "role": "customer",
            "iat": now,
            "exp": now + 900,
            **changed,
        }
        header = {"alg": "ES256", "typ": "JWT", "kid": self.kid}
        text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        der = _openssl("dgst", "-sha256", "-sign", str(self._key), stdin=text.encode()).stdout
        return f"{text}.{_base64url(self._raw(der))}"

    @staticmethod
    def _raw(der):
        """The two numbers of a signature, 32 bytes each."""
        numbers, at = [], 2
        for _ in range(2):
            size = der[at + 1]
            numbers.append(der[at + 2 : at + 2 + size].lstrip(b"\0").rjust(32, b"\0"))
            at += 2 + size
        return b"".join(numbers)


@pytest.fixture(name="signer", scope="module")
def _signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("keys"))


@pytest.fixture(name="gateway", scope="module", params=["required", "optional"])
def _gateway(request, signer):
    gateway = LoneGateway(
        AUTH_MODE=request.param, AUTH_PUBLIC_KEYS=signer.public, GATEWAY_CONNECT_WAIT="0s"
    )
    gateway.mode = request.param
    yield gateway
    gateway.stop()


def _ask(gateway, path, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return httpx.get(gateway.url + path, headers=headers)


def test_the_mode_is_seen_and_a_lab_is_warned_of(gateway):
    assert _ask(gateway, "/api/health").json()["authMode"] == gateway.mode
    if gateway.mode == "optional":
        eventually(lambda: "AUTH_MODE is optional" in gateway.output())
    else:
        assert "AUTH_MODE" not in gateway.output()


def test_a_private_route_needs_a_token_unless_it_is_optional(gateway):
    answer = _ask(gateway, "/api/auth/me")
    if gateway.mode == "optional":
        assert answer.json() == {"lab": True, "role": "admin"}
    else:
        assert check_problem(answer, 401)["type"] == "/problems/unauthenticated"
        assert answer.headers["www-authenticate"] == _CHALLENGE
    assert _ask(gateway, "/api/count").status_code == 200


def test_an_invalid_token_is_refused_on_every_route_but_those_of_probes(gateway, signer):
    old = int(time.time()) - 3600
    tokens = {
        "nonsense": "The access token is not valid.",
        signer.token(iss="other"): "The access token is not valid.",
        signer.token(iat=old, exp=old + 900): "The access token has expired.",
    }
    for path in ("/api/auth/me", "/api/count", "/api/health"):
        for token, detail in tokens.items():
            answer = _ask(gateway, path, token)
            problem = check_problem(answer, 401, "UNAUTHENTICATED")
            assert (problem["type"], problem["detail"]) == ("/problems/invalid-token", detail)
            assert answer.headers["www-authenticate"] == f'{_CHALLENGE}, error="invalid_token"'
            assert token not in answer.text
            assert _ask(gateway, "/livez", token).status_code == 200
    assert not any(token in gateway.output() for token in tokens)


def test_a_session_that_cannot_be_checked_is_refused(gateway, signer):
    for path in ("/api/auth/me", "/api/count"):
        answer = _ask(gateway, path, signer.token())
        assert check_problem(answer, 503)["type"] == "/problems/session-unknown"
        assert answer.headers["retry-after"] == "1"


def test_the_keys_are_a_jwk_set(gateway, signer):
    (key,) = _ask(gateway, "/api/auth/keys").json()["keys"]
    assert (key["kid"], key["kty"], key["crv"]) == (signer.kid, "EC", "P-256")
    assert (key["alg"], key["use"]) == ("ES256", "sig")


def test_a_gateway_that_requires_tokens_does_not_start_without_a_key():
    started = subprocess.run(
        [str(BIN_DIR / "api-gateway")],
        env=dict(SANITIZER_ENVIRONMENT),
        text=True,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert started.returncode == 1
    assert "AUTH_PUBLIC_KEYS is required" in started.stderr
