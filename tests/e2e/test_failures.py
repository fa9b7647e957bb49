"""Parts that die: what clients see meanwhile, and what is in the databases afterwards."""

import concurrent.futures
import threading
import time
import uuid

import httpx
import pytest

from native_stack import eventually
from problems import check_problem


class Callers:
    """Threads that call `work` until told to stop; an exception of any of them fails the test."""

    def __init__(self, work, count=4):
        self._stop = threading.Event()
        self._work = work
        self._errors = []
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]

    def _run(self):
        try:
            while not self._stop.is_set():
                self._work()
        except BaseException as error:  # handed to the test's own thread
            self._errors.append(error)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]


@pytest.fixture
def user(stack):
    """A new one. Gateways may still be on their way back to a service that an earlier test has
    killed.
    """
    with stack.client() as client:
        answer = eventually(
            lambda: (
                made := client.post(
                    "/api/users", json={"email": f"{uuid.uuid4().hex}@example.com", "name": "Buyer"}
                )
            ).status_code
            == 201
            and made
        )
        return answer.json()["id"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_postgresql_goes_and_comes_back_under_load(stack, how):
    before = stack.pids()
    answers = []
    with stack.client() as client:

        def call():
            answer = client.get("/api/users/1")
            answers.append((time.monotonic(), answer))
            time.sleep(0.005)

        with Callers(call):
            time.sleep(0.5)
            gone_at = time.monotonic()
            if how == "stop":
                stack.sh("stop", "postgres")
                eventually(lambda: answers[-1][1].status_code == 503)
                time.sleep(1)
                back_at = time.monotonic()
                stack.sh("start", "postgres")
            else:
                stack.sh("kill", "postgres", "KILL")
                back_at = gone_at
            eventually(lambda: [a.status_code for _, a in answers[-20:]] == [200] * 20, seconds=15)
            recovered_in = time.monotonic() - back_at
    failed = [answer for _, answer in answers if answer.status_code != 200]
    if how == "stop":
        assert failed
    for answer in failed:
        check_problem(answer, 503, "UNAVAILABLE")
    assert all(answer.status_code == 200 for at, answer in answers if at < gone_at)
    assert recovered_in < 12
    after = stack.pids()
    assert {name: pid for name, pid in after.items() if name != "postgres"} == {
        name: pid for name, pid in before.items() if name != "postgres"
    }, "nothing else was restarted"


def test_one_service_down_leaves_the_others_alone(stack):
    with stack.client() as client:
        stack.sh("stop", "payment-service")
        try:
            check_problem(client.get("/api/payments/1"), 503, "UNAVAILABLE")
            assert client.get("/api/users/1").status_code == 200
            assert client.get("/api/orders?user_id=1").status_code == 200
            overview = client.get("/api/users/1/overview")
            assert overview.status_code == 200
            assert overview.headers["x-aggregate-complete"] == "false"
            assert overview.headers["cache-control"] == "no-store"
            assert overview.json()["payments"] is None
            assert overview.json()["_meta"]["parts"]["payments"]["status"] in (
                "error",
                "timeout",
                "circuit_open",
            )
            assert client.get("/api/health").json()["backends"]["payment"]["status"] != "SERVING"
            # A shared dependency that is down does not take the gateways out of service.
            assert httpx.get(f"{stack.gateway_url(1)}/readyz").status_code == 200
        finally:
            stack.sh("start", "payment-service")
        eventually(lambda: client.get("/api/payments?user_id=1").status_code == 200, seconds=15)
        eventually(
            lambda: client.get("/api/users/1/overview").headers["x-aggregate-complete"] == "true",
            seconds=15,
        )

        stack.sh("stop", "user-service")
        try:
            check_problem(client.get("/api/users/1/overview"), 503, "UNAVAILABLE")
        finally:
            stack.sh("start", "user-service")
        eventually(lambda: client.get("/api/users/1/overview").status_code == 200, seconds=15)


class Shop:
    """Buys and pays with idempotency keys, repeating what was not answered, as a careful client
    does.
    """

    def __init__(self, url, user):
        self._url, self._user = url, user
        self._lock = threading.Lock()
        self.orders, self.payments, self.repeats = {}, {}, 0

    def _insist(self, path, body):
        """POSTs until there is an answer that is neither a broken connection nor a 5xx."""
        key = uuid.uuid4().hex
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = httpx.post(
                    self._url + path, json=body, headers={"Idempotency-Key": key}, timeout=5
                )
                if answer.status_code == 201:
                    return key, answer.json()
                assert answer.status_code in (409, 502, 503, 504), answer.text
            except httpx.HTTPError:
                pass
            assert time.monotonic() < deadline, "no answer for 30 s"
            with self._lock:
                self.repeats += 1
            time.sleep(0.05)

    def buy(self):
        key, order = self._insist(
            "/api/orders", {"userId": self._user, "items": [{"productId": 1, "quantity": 1}]}
        )
        with self._lock:
            self.orders[key] = order["id"]
        key, payment = self._insist(
            "/api/payments",
            {
                "orderId": order["id"],
                "userId": self._user,
                "amount": order["total"]["amount"],
                "currency": order["total"]["currency"],
                "paymentMethodToken": "tok_success",
            },
        )
        with self._lock:
            self.payments[key] = payment["id"]


@pytest.mark.parametrize(
    "victim",
    [
        ("api-gateway", "2"),
        ("order-service",),
        ("payment-service",),
        ("user-service",),
        ("postgres",),
        ("redis",),
        ("nginx",),
    ],
    ids=lambda victim: victim[0],
)
def test_what_was_acknowledged_survives_a_kill_once(stack, user, victim):
    shop = Shop(stack.url, user)
    with Callers(shop.buy, count=4):
        time.sleep(0.4)
        stack.sh("kill", *victim, "KILL")
        time.sleep(1.5)
    eventually(lambda: stack.status()["state"] == "up", seconds=20)
    assert len(shop.payments) > 5
    in_database = stack.query(
        "orders", f"SELECT id FROM orders WHERE user_id = {user} ORDER BY id"
    ).split()
    assert list(map(int, in_database)) == sorted(
        shop.orders.values()
    ), "every order that was told of, once, and no other"
    in_database = stack.query(
        "payments", f"SELECT id FROM payments WHERE user_id = {user} ORDER BY id"
    ).split()
    assert list(map(int, in_database)) == sorted(shop.payments.values())


def test_a_client_that_has_50_ms_gets_its_504_and_the_statement_ends(stack):
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'user_service' AND wait_event_type = 'Lock'"
    with stack.client() as client, stack.locked("users", "users"):
        began = time.monotonic()
        answer = client.get("/api/users/1", headers={"X-Request-Timeout-Ms": "50"})
        took = time.monotonic() - began
        check_problem(answer, 504, "DEADLINE_EXCEEDED")
        assert took < 1, f"50 ms were asked for, not {1000 * took:.0f}"
        # One that is long enough to be seen waiting. The lock is held all the while, so a statement that were
        # not cancelled would wait on.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            longer = pool.submit(client.get, "/api/users/2", headers={"X-Request-Timeout-Ms": "1500"})
            eventually(lambda: stack.query("users", waiting) == "1", seconds=1.4)
            check_problem(longer.result(), 504, "DEADLINE_EXCEEDED")
        eventually(lambda: stack.query("users", waiting) == "0", seconds=1)


def test_a_client_that_hangs_up_costs_nothing(stack):
    with stack.client() as client:
        for _ in range(20):
            # On a machine that is busy beside this, a refusal may come sooner than the end of this client's patience.
            try:
                assert (
                    client.get("/api/cpu-bound?ms=300&mode=offload", timeout=0.01).status_code
                    == 503
                )
            except httpx.TimeoutException:
                pass
        eventually(lambda: client.get("/api/users/1").status_code == 200)
