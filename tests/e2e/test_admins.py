"""How a stack gets its admins, with the operator's first, or the scripts' own."""

import urllib.parse

import httpx
import pytest

from native_stack import NativeStack, eventually
from scaleout.driver.native import NativeDriver
from scaleout.errors import StackError
from scaleout.identity import bearer
from scaleout.identity.accounts import ADMIN, CUSTOMER
from scaleout.identity.entering import take_token

_OPERATOR = "operator@example.com"
_PASSWORD = "correct horse battery staple"


@pytest.fixture(name="stack")
def make_stack():
    made = NativeStack(GATEWAYS="1", AUTH_MODE="required")
    try:
        made.up()
        yield made
        # A later stack may have the same ports.
        doors = NativeDriver(made.run_dir).doors()
        bearer.use([urllib.parse.urlsplit(door).port for door in doors], "")
    finally:
        made.remove()


def create_admin(stack, *options, email=_OPERATOR, password=_PASSWORD):
    return stack.try_sh("create-admin", *options, email, typed=f"{password}\n")


def token_of(stack, email, password=_PASSWORD):
    body = {"email": email, "password": password}
    answer = httpx.post(f"{stack.url}/api/auth/login", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["accessToken"]


def status_of(stack, path, token):
    headers = {"Authorization": f"Bearer {token.strip()}"}
    return httpx.get(f"{stack.url}{path}", headers=headers).status_code


def is_admin(stack, token):
    """Whether it shows another user."""
    return status_of(stack, "/api/users/2", token) == 200


def test_scripts_do_without_an_admin_beside_the_operators_unless_forced(stack):
    assert "password" in create_admin(stack, password="short").stderr
    created = create_admin(stack)
    assert created.returncode == 0, created.stderr
    assert is_admin(stack, token_of(stack, _OPERATOR))
    again = create_admin(stack, email="second@example.com")
    assert again.returncode == 1 and "an admin already; --force" in again.stderr

    passwords = stack.try_sh("passwords")
    assert passwords.returncode == 0, passwords.stderr
    assert [line.split()[0] for line in passwords.stdout.splitlines()] == [CUSTOMER]
    assert "token --force admin" in passwords.stderr
    assert "token --force admin" in stack.try_sh("token", "admin").stderr
    driver = NativeDriver(stack.run_dir)
    with pytest.raises(StackError, match="token --force admin"):
        take_token(driver)

    assert is_admin(stack, stack.sh("token", "--force", "admin"))
    assert take_token(driver)
    assert ADMIN in stack.sh("passwords")
    assert is_admin(stack, token_of(stack, _OPERATOR)), "with the same password"


def test_the_operator_becomes_an_admin_beside_the_scripts_own(stack):
    assert is_admin(stack, stack.sh("token", "admin"))
    assert create_admin(stack).returncode == 1
    body = {"email": _OPERATOR, "password": "another password", "name": "Ada"}
    assert httpx.post(f"{stack.url}/api/auth/register", json=body).status_code == 201
    old = token_of(stack, _OPERATOR, "another password")
    assert not is_admin(stack, old)
    forced = create_admin(stack, "--force")
    assert forced.returncode == 0, forced.stderr
    assert is_admin(stack, token_of(stack, _OPERATOR))
    eventually(lambda: status_of(stack, "/api/auth/me", old) == 401)
