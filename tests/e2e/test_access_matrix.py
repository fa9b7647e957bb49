"""Who may what: every route of the gateway's own table, with every kind of token, on a stack that
wants them (AUTH_MODE=required).

The table says for whom a route is; _ROUTES says it once more, with a request that is good and what
it answers. A route that is new, or that changes hands, fails here until both agree.
"""

import contextlib
import dataclasses
import subprocess
import uuid

import httpx
import pytest

from forged_tokens import Forger
from native_stack import BIN_DIR, NativeStack, eventually
from problems import check_problem
from scaleout.driver.native import NativeDriver
from scaleout.identity.accounts import ADMIN, Accounts

_NOT_LIMITED = {
    name: "0"
    for name in (
        "LOGIN_RATE_PER_ACCOUNT_AND_ADDRESS",
        "LOGIN_RATE_PER_ADDRESS",
        "LOGIN_RATE_PER_ACCOUNT",
        "AUTH_FORGED_TOKEN_RATE",
    )
}


def routes():
    """(method, path, for whom) of each, as the gateway prints them."""
    command = [str(BIN_DIR / "api-gateway"), "--routes"]
    printed = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    return [tuple(line.split()[:3]) for line in printed.splitlines()]


class Account:
    """A user with a password, and what it owns."""

    def __init__(self, world):
        name = uuid.uuid4().hex
        self.login = {"email": f"{name}@example.com", "password": f"of {name}"}
        created = world.post("/api/auth/register", json={**self.login, "name": "Matrix"})
        assert created.status_code == 201, created.text
        self.id = created.json()["id"]
        tokens = world.log_in(self.login)
        self.token, self.refresh_token = tokens["accessToken"], tokens["refreshToken"]
        self._world = world

    def order(self):
        """A new one."""
        body = {"userId": self.id, "items": [{"productId": 1, "quantity": 1}]}
        answer = self._world.post("/api/orders", json=body, headers=bearer(self.token))
        assert answer.status_code == 201, answer.text
        return answer.json()

    def payment_of(self, order):
        """What pays for it."""
        return {"orderId": order["id"], "paymentMethodToken": "tok_success"}

    def payment(self):
        """Of an order that has become PAID by it."""
        headers = {**bearer(self.token), **key()}
        order = self.order()
        answer = self._world.post("/api/payments", json=self.payment_of(order), headers=headers)
        assert answer.status_code == 201, answer.text
        path = f"/api/orders/{order['id']}"
        eventually(lambda: self._world.get(path, headers=headers).json()["status"] == "PAID")
        return answer.json()


class World(httpx.Client):
    """nginx of a stack of its own, with a client that has no token."""

    def __init__(self, stack):
        super().__init__(base_url=stack.url, timeout=30)
        self.stack = stack
        self.customer = Account(self)
        self.stranger = Account(self)
        self.admin_token = Accounts(NativeDriver(stack.run_dir)).token(ADMIN)

    def log_in(self, login):
        answer = self.post("/api/auth/login", json=login)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, route, wanted, token=None):
        """`wanted` is a request of the route; internal ones are only on a gateway's own port."""
        method, path, access = route
        where = self.stack.gateway_url() if access == "internal" else self.stack.url
        headers = {**wanted.headers, **({} if token is None else bearer(token))}
        return self.request(
            method,
            where + path.format(**wanted.path) + wanted.query,
            headers=headers,
            **wanted.sent,
        )


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def key():
    return {"Idempotency-Key": uuid.uuid4().hex}


class Wanted:
    """A request that is good, but for who sends it: JSON, headers, and what the path names."""

    def __init__(self, json=None, headers=None, query="", **path):
        self.path = path
        self.query = query
        self.headers = headers or {}
        self.sent = {} if json is None else {"json": json}


@dataclasses.dataclass
class Route:
    """For whom, what a good request answers, and one that a user makes for itself. `foreign` is
    what another customer gets for that; None: it is the same for all. `uses_up`: it can be made
    once for each user.
    """

    access: str
    good: int
    make: object = lambda world, user: Wanted()
    foreign: int | None = None
    uses_up: bool = False


def new_user(world, _):
    return Wanted({"email": f"{uuid.uuid4().hex}@example.com", "name": "Made by the matrix"})


def registration(world, user):
    return Wanted({**new_user(world, user).sent["json"], "password": uuid.uuid4().hex})


def breaker(world, _):
    return Wanted(backend="payment")


def user_itself(world, user):
    return Wanted(id=user.id)


def of_user(world, user):
    return Wanted(query=f"?user_id={user.id}")


def order(world, user):
    return Wanted({"userId": user.id, "items": [{"productId": 1, "quantity": 1}]}, key())


def payment(world, user):
    return Wanted(user.payment_of(user.order()), key())


_ROUTES = {
    "GET /livez": Route("internal", 200),
    "GET /readyz": Route("internal", 200),
    "GET /metrics": Route("internal", 200),
    "GET /api/health": Route("public", 200),
    "GET /api/metrics": Route("public", 200),
    "GET /api/instances": Route("public", 200),
    "GET /api/circuit-breakers": Route("public", 200),
    "GET /api/count": Route("public", 200),
    "GET /api/count/shared": Route("public", 200),
    "GET /api/cpu-bound": Route("public", 200, lambda world, user: Wanted(query="?ms=1")),
    "POST /api/circuit-breakers/{backend}/force-open": Route("public", 200, breaker),
    "POST /api/circuit-breakers/{backend}/disable": Route("public", 200, breaker),
    "POST /api/circuit-breakers/{backend}/reset": Route("public", 200, breaker),
    "GET /api/faults": Route("public", 200),
    "POST /api/faults": Route("public", 200, lambda world, user: Wanted({"backend": "payment"})),
    "DELETE /api/faults": Route("public", 200),
    "POST /api/auth/register": Route("public", 201, registration),
    "POST /api/auth/login": Route("public", 200, lambda world, user: Wanted(user.login)),
    "POST /api/auth/refresh": Route(
        "public",
        200,
        lambda world, user: Wanted({"refreshToken": user.refresh_token}),
        uses_up=True,
    ),
    "POST /api/auth/logout": Route("user", 204, uses_up=True),
    "GET /api/auth/me": Route("user", 200),
    "GET /api/auth/keys": Route("public", 200),
    "GET /api/users": Route("public", 200),
    "POST /api/users": Route("admin", 201, new_user),
    "GET /api/users/{id}": Route("user", 200, user_itself, foreign=404),
    "PATCH /api/users/{id}": Route(
        "user", 200, lambda world, user: Wanted({"name": "Changed"}, id=user.id), foreign=404
    ),
    "DELETE /api/users/{id}": Route("user", 204, user_itself, foreign=404, uses_up=True),
    "GET /api/users/{id}/overview": Route("user", 200, user_itself, foreign=404),
    "GET /api/products": Route("public", 200),
    "GET /api/products/{id}": Route("public", 200, lambda world, user: Wanted(id=1)),
    "GET /api/orders": Route("user", 200, of_user, foreign=404),
    "POST /api/orders": Route("user", 201, order, foreign=404),
    "GET /api/orders/{id}": Route(
        "user", 200, lambda world, user: Wanted(id=user.order()["id"]), foreign=404
    ),
    "POST /api/orders/{id}/cancel": Route(
        "user", 200, lambda world, user: Wanted(id=user.order()["id"]), foreign=404
    ),
    "GET /api/payments": Route("user", 200, of_user, foreign=404),
    "POST /api/payments": Route("user", 201, payment, foreign=404),
    "GET /api/payments/{id}": Route(
        "user", 200, lambda world, user: Wanted(id=user.payment()["id"]), foreign=404
    ),
    "POST /api/payments/{id}/refund": Route(
        "admin", 202, lambda world, user: Wanted(id=user.payment()["id"])
    ),
}


@pytest.fixture(scope="module")
def world():
    stack = NativeStack(GATEWAYS="1", AUTH_MODE="required", **_NOT_LIMITED)
    try:
        stack.up()
        with contextlib.closing(World(stack)) as made:
            yield made
    finally:
        stack.remove()


@pytest.fixture(autouse=True)
def breakers_as_they_were(world):
    yield
    path = "/api/circuit-breakers/payment/reset"
    assert world.post(path, headers=bearer(world.admin_token)).status_code == 200


@pytest.fixture(scope="module")
def wrong_tokens(world, tmp_path_factory):
    """By what is wrong with each."""
    ended = world.log_in(world.customer.login)["accessToken"]
    assert world.post("/api/auth/logout", headers=bearer(ended)).status_code == 204
    eventually(lambda: world.get("/api/auth/me", headers=bearer(ended)).status_code == 401)
    forger = Forger(world.stack.run_dir / "secrets/signing-key.pem", world.customer.token)
    accepted = world.get("/api/auth/me", headers=bearer(forger.make()))
    assert accepted.status_code == 200, "what it forges is wrong only where it says so"
    return {**forger.all(tmp_path_factory.mktemp("keys")), "ended": ended}


def test_every_route_of_the_table_has_its_row_here():
    assert {f"{method} {path}": access for method, path, access in routes()} == {
        name: route.access for name, route in _ROUTES.items()
    }


def described():
    """Each route of the table, and what is said of it here."""
    return [
        pytest.param(route, _ROUTES[f"{route[0]} {route[1]}"], id=f"{route[0]} {route[1]}")
        for route in routes()
        if f"{route[0]} {route[1]}" in _ROUTES
    ]


@pytest.mark.parametrize("route, said", described())
def test_without_a_token(world, route, said):
    answer = world.ask(route, said.make(world, world.customer))
    if said.access in ("public", "internal"):
        # Each user has one refresh token, and this was its first use.
        assert answer.status_code == said.good, answer.text
        return
    problem = check_problem(answer, 401, "UNAUTHENTICATED")
    assert problem["type"] == "/problems/unauthenticated"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "error=" not in answer.headers["www-authenticate"]


@pytest.mark.parametrize("route, said", described())
def test_with_a_wrong_token(world, wrong_tokens, route, said):
    wanted = said.make(world, world.customer)
    for what, token in wrong_tokens.items():
        answer = world.ask(route, wanted, token)
        if said.access == "internal":
            assert answer.status_code == said.good, what
            continue
        problem = check_problem(answer, 401, "UNAUTHENTICATED")
        ended = "/problems/session-ended" if what == "ended" else "/problems/invalid-token"
        assert problem["type"] == ended, what
        assert 'error="invalid_token"' in answer.headers["www-authenticate"], what
        assert token not in answer.text, what


@pytest.mark.parametrize("route, said", described())
def test_as_a_customer(world, route, said):
    user = Account(world) if said.uses_up else world.customer
    answer = world.ask(route, said.make(world, user), user.token)
    if said.access == "admin":
        problem = check_problem(answer, 403, "PERMISSION_DENIED")
        assert problem["type"] == "/problems/forbidden"
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    else:
        assert answer.status_code == said.good, answer.text


@pytest.mark.parametrize("route, said", described())
def test_as_a_customer_with_what_is_another_users(world, route, said):
    if said.foreign is None:
        pytest.skip("it is the same for all")
    answer = world.ask(route, said.make(world, world.stranger), world.customer.token)
    problem = check_problem(answer, said.foreign)
    assert world.stranger.login["email"] not in answer.text, problem


def test_a_customer_cannot_pay_for_another_users_order_whatever_it_says(world):
    order = world.stranger.order()
    headers = {**bearer(world.customer.token), **key()}
    for user in (world.customer, world.stranger):
        body = {**world.customer.payment_of(order), "userId": user.id}
        check_problem(world.post("/api/payments", json=body, headers=headers), 404, "NOT_FOUND")
    path = f"/api/orders/{order['id']}"
    theirs = world.get(path, headers=bearer(world.stranger.token))
    assert theirs.json()["status"] == "PENDING"


@pytest.mark.parametrize("route, said", described())
def test_as_an_admin(world, route, said):
    user = Account(world) if said.uses_up else world.stranger
    # An admin's logout is that of its own session.
    own = route[1] == "/api/auth/logout"
    token = user.token if own else world.admin_token
    answer = world.ask(route, said.make(world, user), token)
    assert answer.status_code == said.good, answer.text
