"""Each process of a payment dies at each of its fault points, and its client repeats the request
with the same key, with a new one, or never: within two periods of the slower sweeper everything is
decided, and databases, provider and answers agree. The same where a process of a service stands
still at a point while another one goes on with its work, and then finishes its own.

The matrix is made of what the programs print (--fault-points).
"""

import contextlib
import signal
import subprocess
import time

import psutil
import pytest

from faulty_programs import SWEEP_SECONDS, Programs, new_stack, points_of
from native_stack import BIN_DIR, STANDSTILL_SECONDS, eventually
from purchases import WAYS, Purchase, Shop, Way
from scaleout.driver.native import NativeDriver
from scaleout.money import books as accounts
from scaleout.money import checker, rules

_SERVICES = ("order-service", "payment-service")
_PROGRAMS = ("api-gateway", *_SERVICES)
_CLIENTS = ("same", "new", "never")
_PASSES_WITHIN = 10.0


def points(programs):
    return [(program, point) for program in programs for point in points_of(program)]


@pytest.fixture(scope="module")
def stack():
    made = new_stack()
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


def purchase_for(shop, program, point):
    """One whose request brings the program to the point."""
    return Purchase(shop, WAYS.get((program, point), Way()))


def await_end(process, program, point):
    try:
        status = process.wait(_PASSES_WITHIN + STANDSTILL_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{program} did not come to {point}: what makes it pass belongs into WAYS")
    assert status == -signal.SIGKILL, f"{program} ended with {status}"


def check_books(stack, shop, seconds):
    driver = NativeDriver(stack.run_dir)
    assert not checker.settle(driver, seconds, quiet=0.2)
    judged = rules.judge(accounts.read(driver), shop.record)
    assert not {name: list(map(str, wrong)) for name, (_, wrong) in judged.items() if wrong}
    assert not checker.orphaned(driver)


@pytest.mark.parametrize("client", _CLIENTS)
@pytest.mark.parametrize(("program", "point"), points(_PROGRAMS))
def test_a_purchase_comes_through_a_death_at_each_point(
    stack, programs, shop, program, point, client
):
    purchase = purchase_for(shop, program, point)
    with programs.faulty(program, f"{point}:exit") as process:
        purchase.ask_first()
        await_end(process, program, point)
        if program != "api-gateway":
            shop.send_all()
    died_at = time.monotonic()
    purchase.repeat(client)
    left = died_at + 2 * SWEEP_SECONDS - time.monotonic()
    check_books(stack, shop, max(left, 0) + STANDSTILL_SECONDS)


@pytest.mark.parametrize(("program", "point"), points(_SERVICES))
def test_a_process_that_stood_still_at_a_point_does_no_harm_when_it_goes_on(
    stack, programs, shop, program, point
):
    purchase = purchase_for(shop, program, point)
    with programs.faulty(program, f"{point}:stop") as process:
        purchase.ask_first()
        still = psutil.Process(process.pid)
        eventually(lambda: still.status() == psutil.STATUS_STOPPED, _PASSES_WITHIN)
        shop.send_all()
        with programs.second(program):
            # What the other one can do without it.
            checker.settle(NativeDriver(stack.run_dir), SWEEP_SECONDS + 1, quiet=0.2)
            process.send_signal(signal.SIGCONT)
            purchase.repeat("same")
            check_books(stack, shop, 2 * SWEEP_SECONDS + STANDSTILL_SECONDS)
        assert process.poll() is None


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
