"""Each process of a payment dies at each of its fault points, and its client repeats the request
with the same key, with a new one, or never: within two periods of the slower sweeper everything is
decided, and databases, provider and answers agree.

The matrix is made of what the programs print (--fault-points). A program is started with its fault
in the place of the supervisor's, under which it runs again once it has died.
"""

import contextlib
import dataclasses
import signal
import subprocess
import time
import uuid
from pathlib import Path

import httpx
import pytest

from native_stack import BIN_DIR, STANDSTILL_SECONDS, NativeStack, eventually
from scaleout.driver.native import NativeDriver
from scaleout.load.definite import is_definite, problem_of
from scaleout.load.record import Record
from scaleout.money import books as accounts
from scaleout.money import checker, rules
from scaleout.native import health

_PROGRAMS = ("api-gateway", "order-service", "payment-service")
_CLIENTS = ("same", "new", "never")
_SWEEP_SECONDS = 3.0
_DEATH_SECONDS = 10.0
_ANSWER_SECONDS = 15.0
_SETTINGS = {
    "GATEWAYS": "1",
    "EVENTS": "on",
    "ORDER_SETTLE_AFTER": "1500ms",
    "PROVIDER_TIMEOUT": "300ms",
    "PROVIDER_LEASE": "2300ms",
    "PROVIDER_SETTLE_AFTER": f"{_SWEEP_SECONDS * 1000:.0f}ms",
    "PROVIDER_SETTLE_DELAY": "1s",
    # What dies here is not to be left alone afterwards.
    "GATEWAY_BREAKER_MINIMUM_CALLS": "1000000",
}


@dataclasses.dataclass(frozen=True)
class Way:
    """How a program comes to its point: a payment with that token, or the refund of one."""

    token: str = "tok_success"
    is_refund: bool = False
    # What the gateway would send to the payment service does not leave it.
    is_unsent: bool = False


_REFUND, _UNSENT = Way(is_refund=True), Way(is_unsent=True)
# A point that is not here is passed when a payment is made.
_WAYS = {
    ("order-service", "after_refund_request_commit"): _REFUND,
    ("order-service", "before_settle_call"): _UNSENT,
    ("order-service", "after_settle_call"): _UNSENT,
    ("payment-service", "after_tombstone"): _UNSENT,
    ("payment-service", "after_find"): Way("tok_settle_late"),
    ("payment-service", "before_void"): Way("tok_timeout"),
    ("payment-service", "after_void"): Way("tok_timeout"),
    ("payment-service", "before_effect_commit"): _REFUND,
    ("payment-service", "after_effect_commit"): _REFUND,
    ("payment-service", "after_refund"): _REFUND,
    ("payment-service", "after_refund_record"): _REFUND,
}


def points_of(program):
    printed = subprocess.run(
        [BIN_DIR / program, "--fault-points"], text=True, capture_output=True, check=True
    ).stdout
    return [line.split("\t")[0] for line in printed.splitlines()]


def matrix():
    return [
        pytest.param(program, point, client, id=f"{program} {point} {client}")
        for program in _PROGRAMS
        for point in points_of(program)
        for client in _CLIENTS
    ]


class Answer:
    """Of a request; status 0 if there was none."""

    def __init__(self, response=None):
        self.status = response.status_code if response is not None else 0
        self.json = response.json if response is not None else dict


class Shop:
    """A client of the one gateway, and what it was answered."""

    def __init__(self, stack):
        self._client = httpx.Client(base_url=stack.gateway_url(), timeout=10)
        self.record = Record()
        user = self._client.post(
            "/api/users", json={"name": "Fault", "email": f"{uuid.uuid4().hex}@example.com"}
        )
        assert user.status_code == 201, user.text
        self._user_id = user.json()["id"]
        self.record.users.append(self._user_id)

    def close(self):
        self._client.close()

    def _ask(self, path, body=None, key=None):
        headers = {} if key is None else {"Idempotency-Key": key}
        try:
            return Answer(self._client.post(path, json=body, headers=headers))
        except httpx.TransportError:
            return Answer()

    def order(self):
        key = uuid.uuid4().hex
        self.record.order_keys.add(key)
        body = {"userId": self._user_id, "items": [{"productId": 1, "quantity": 1}]}
        answer = self._ask("/api/orders", body, key)
        assert answer.status == 201, answer.json()
        self.record.add_order(key, answer.json())
        return answer.json()["id"]

    def state_of(self, order_id):
        answer = self._client.get(f"/api/orders/{order_id}", headers={"Cache-Control": "no-cache"})
        return answer.json()["status"]

    def pay(self, order_id, token, key):
        self.record.payment_keys[key] = order_id
        body = {"orderId": order_id, "paymentMethodToken": token}
        answer = self._ask("/api/payments", body, key)
        if answer.status == 201:
            self.record.add_payment(key, answer.json())
        elif answer.status == 409 and is_definite(answer):
            self.record.refused[key] = (order_id, problem_of(answer))
        return answer

    def cancel(self, order_id):
        answer = self._ask(f"/api/orders/{order_id}/cancel")
        if answer.status == 200:
            self.record.cancelled[order_id] = answer.json()["status"]
        return answer

    def send_nothing_to_payments(self):
        body = {"backend": "payment", "errorPercent": 100}
        assert self._ask("/api/faults", body).status == 200

    def send_again(self):
        assert self._client.delete("/api/faults").status_code == 200


class Purchase:
    """One order and the request for it that the process does not outlive."""

    def __init__(self, shop, way):
        self._shop = shop
        self._way = way
        self._key = uuid.uuid4().hex
        self._token = way.token
        self.order_id = shop.order()
        if way.is_refund:
            assert shop.pay(self.order_id, way.token, uuid.uuid4().hex).status == 201
            eventually(lambda: shop.state_of(self.order_id) == "PAID")

    def ask(self):
        if self._way.is_refund:
            return self._shop.cancel(self.order_id)
        return self._shop.pay(self.order_id, self._token, self._key)

    def repeat(self, client):
        """Until the answer is definite; a client that tries a new key takes one each time, and a
        card that works.
        """
        if client == "never":
            return

        def is_answered():
            if client == "new":
                self._key, self._token = uuid.uuid4().hex, "tok_success"
            return is_definite(self.ask())

        eventually(is_answered, _ANSWER_SECONDS, every=0.2)


class Programs:
    """Of a stack with one gateway, each of which can be started to die."""

    def __init__(self, stack):
        self._run_dir = stack.run_dir
        self._native = NativeDriver(stack.run_dir).stack()
        self._port = stack.gateway_port()

    @contextlib.contextmanager
    def dying(self, program, point):
        """Yields the process, which is to die by that point; then the supervisor's runs again."""
        name = self._native.parts.program_of(program, 1)
        supervisor = self._native.supervisor
        environment = Path(f"/proc/{supervisor.pid(name)}/environ").read_text().split("\0")
        faults = ["LAB_FAULTS=on", f"FAULT={point}:exit"]
        supervisor.stop(name)
        with open(self._run_dir / "log" / f"dying-{program}.log", "a") as log:
            process = subprocess.Popen(
                [BIN_DIR / program],
                env=dict(line.split("=", 1) for line in [*environment, *faults] if line),
                cwd=self._run_dir,
                stdout=log,
                stderr=log,
            )
        try:
            self._await(name)
            yield process
        finally:
            process.kill()
            process.wait()
            supervisor.start(name)
            self._await(name)

    def _await(self, name):
        eventually(lambda: self._native.parts.is_healthy(name), 30)
        eventually(lambda: health.has_backends(self._port), 10)


@pytest.fixture(scope="module")
def stack():
    made = NativeStack(**_SETTINGS)
    try:
        made.up()
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def programs(stack):
    return Programs(stack)


@pytest.fixture(scope="module")
def shop(stack):
    with contextlib.closing(Shop(stack)) as made:
        yield made


def await_death(process, program, point):
    try:
        status = process.wait(_DEATH_SECONDS + STANDSTILL_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{program} did not come to {point}: what makes it pass belongs into _WAYS")
    assert status == -signal.SIGKILL, f"{program} ended with {status}"


@pytest.mark.parametrize(("program", "point", "client"), matrix())
def test_a_purchase_comes_through_a_death_at_each_point(
    stack, programs, shop, program, point, client
):
    way = _WAYS.get((program, point), Way())
    purchase = Purchase(shop, way)
    if way.is_unsent:
        shop.send_nothing_to_payments()
    with programs.dying(program, point) as process:
        purchase.ask()
        await_death(process, program, point)
    died_at = time.monotonic()
    if way.is_unsent:
        shop.send_again()
    purchase.repeat(client)
    driver = NativeDriver(stack.run_dir)
    patience = died_at + 2 * _SWEEP_SECONDS + STANDSTILL_SECONDS - time.monotonic()
    assert not checker.settle(driver, max(patience, STANDSTILL_SECONDS), quiet=0.2)
    judged = rules.judge(accounts.read(driver), shop.record)
    assert not {name: list(map(str, wrong)) for name, (_, wrong) in judged.items() if wrong}
    assert not checker.orphaned(driver)


def test_a_fault_without_its_permission_is_refused():
    refused = subprocess.run(
        [BIN_DIR / "order-service"],
        env={"DB_CONNINFO": "dbname=orders", "FAULT": "after_publish:exit"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "needs LAB_FAULTS=on" in refused.stderr
