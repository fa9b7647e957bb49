"""No log has a secret: every stack of this ring is looked through when it is removed. Here, whether
that would find one.
"""

import json

import pytest

import log_secrets

_HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"


@pytest.mark.parametrize(
    "line, what",
    [
        ('{"token":"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}', "a token"),
        (f"row ({_HASH})", "a hash of a password"),
        ("-----BEGIN PRIVATE KEY-----", "a private key"),
        ("Key (email)=(ada@example.com) already exists.", "an e-mail address"),
        ("GET /api/users?q=ada%40example.com", "an e-mail address"),
        ("the password is of-the-database", "postgres.password"),
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
