"""The drills in their quick form, and whether they would notice if something were wrong."""

import io
import json
import os
import re
import subprocess
import sys
import time

import pytest

from native_stack import ROOT, NativeStack, own_environment

import scaleout.drills.__main__
from scaleout.drills.drill import Drill, DrillError
from scaleout.load.buyer import Buyers
from scaleout.money import checker
from scaleout.narrator import Narrator

_DRILLS = (
    "breaker",
    "blackhole",
    "kill-gateways",
    "rolling-restart",
    "cpu-bound",
    "cache-stampede",
    "redis-down",
    "login-flood",
    "revocation",
    "slow-provider",
    "overload",
    "events",
    "durability",
    "saga",
)
# The ring runs those that do not depend on the machine's speed at the moment; `make drills` runs
# all.
_RING = (
    "breaker",
    "kill-gateways",
    "rolling-restart",
    "cache-stampede",
    "redis-down",
    "login-flood",
    "revocation",
    "slow-provider",
    "events",
    "durability",
    "saga",
)
# Those of the ring that also run on a stack that wants tokens: the rest sends them in the same way.
_WITH_TOKENS = ("breaker", "redis-down")
_FURTHER = {"saga": ("--kills", "60")}
# What they check of times and rates means nothing with a sanitizer's overhead.
_TIMED = ("breaker", "cache-stampede", "redis-down", "login-flood", "revocation", "slow-provider")


def drill(*arguments, **variables):
    return run_script("drill.sh", *arguments, **variables)


def run_script(name, *arguments, **variables):
    return subprocess.run(
        [str(ROOT / "scripts" / name), *map(str, arguments)],
        env={**own_environment(), "STACK": "native", **variables},
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(name="stack_with_tokens", scope="module")
def make_stack_with_tokens():
    made = NativeStack(GATEWAYS="3", AUTH_MODE="required")
    try:
        made.up()
        yield made
    finally:
        made.remove()


@pytest.mark.parametrize("name", _RING)
def test_the_drill_passes(stack, tmp_path, name):
    check_drill(stack, tmp_path, name)


@pytest.mark.parametrize("name", _WITH_TOKENS)
def test_the_drill_passes_where_tokens_are_wanted(stack_with_tokens, tmp_path, name):
    check_drill(stack_with_tokens, tmp_path, name)


def check_drill(stack, tmp_path, name):
    if os.environ.get("SANITIZED") and name in _TIMED:
        pytest.skip("times mean nothing under a sanitizer")
    report = tmp_path / "report.json"
    result = drill(name, "--quick", *_FURTHER.get(name, ()), "--json", report, **stack.variables)
    written = json.loads(report.read_text())
    failed = [check["name"] for check in written["drills"][name]["checks"] if not check["passed"]]
    assert result.returncode == 0 and written["passed"] and not failed, (
        result.stdout + result.stderr
    )
    assert stack.status()["state"] == "up", "it leaves the stack as it was"
    assert stack.status()["strategy"] == "round_robin"


@pytest.mark.skipif(bool(os.environ.get("SANITIZED")), reason="times mean nothing under one")
def test_the_tour_passes_where_tokens_are_wanted(stack_with_tokens):
    """Where none are, the README's test runs it."""
    result = run_script("test-scaling.sh", **stack_with_tokens.variables)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "the tour has an admin's" in result.stdout


def test_the_list_names_every_drill():
    listed = drill("--list")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(_DRILLS)


def test_what_is_no_drill_or_has_no_stack_is_refused(tmp_path):
    unknown = drill("brakers")
    assert unknown.returncode == 2
    assert "brakers" in unknown.stderr and "breaker" in unknown.stderr
    nowhere = drill("breaker", RUN_DIR=str(tmp_path / "nothing"))
    assert nowhere.returncode == 2
    assert "there is no stack" in nowhere.stderr


def test_a_failed_check_is_named_and_is_the_exit_status(stack, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("STACK", "native")
    monkeypatch.setenv("RUN_DIR", str(stack.run_dir))

    class FullMoon(Drill):
        NAME = "full-moon"

        def hold(self):
            self.n.check("the moon is full", False, "half of it")

    class NoMoon(Drill):
        NAME = "no-moon"

        def hold(self):
            raise DrillError("there is no moon")

    report = tmp_path / "report.json"
    for made, said in ((FullMoon, "the moon is full"), (NoMoon, "there is no moon")):
        monkeypatch.setitem(scaleout.drills.__main__.DRILLS, made.NAME, made)
        monkeypatch.setattr(sys, "argv", ["drill.sh", made.NAME, "--json", str(report)])
        with pytest.raises(SystemExit) as ended:
            scaleout.drills.__main__.main()
        assert ended.value.code == 1
        assert re.search(f"FAILED.*{said}", capsys.readouterr().out)
        assert not json.loads(report.read_text())["passed"]


class TestChecker:
    """Compares what buyers were answered with what the databases hold, after each of them was
    changed by hand; tests/driver/money_rules_test.py has every rule.
    """

    @pytest.fixture
    def bought(self, stack):
        with Buyers(stack.url, 2) as buyers:
            deadline = time.monotonic() + 20
            while len(buyers.record.payments) < 5 and time.monotonic() < deadline:
                time.sleep(0.05)
        return buyers.record

    @staticmethod
    def failures(record, driver):
        narrator = Narrator("the checker", out=io.StringIO())
        checker.check(narrator, driver, record)
        return {check["name"] for check in narrator.failed()}

    @staticmethod
    def captured(record):
        return min(p["id"] for p in record.payments.values() if p["status"] == "CAPTURED")

    def test_finds_nothing_where_all_is_well(self, bought, driver):
        assert self.failures(bought, driver) == set()

    def test_finds_an_order_without_an_acknowledgement(self, bought, driver):
        key = min(bought.orders)
        del bought.orders[key]
        bought.order_keys.remove(key)
        assert self.failures(bought, driver) == {
            "no order and no reservation is there that no client asked for"
        }

    @pytest.mark.parametrize(
        "change, restore, rule",
        [
            (
                "UPDATE order_items SET quantity = quantity + 1 WHERE order_id = {order}",
                "UPDATE order_items SET quantity = quantity - 1 WHERE order_id = {order}",
                "the lines of every order add up to its total",
            ),
            (
                "UPDATE orders SET state = 'PAYMENT_FAILED' WHERE id = {order}",
                "UPDATE orders SET state = 'PAID' WHERE id = {order}",
                "an order is PAID or FULFILLED with exactly one capture, else has none",
            ),
            (
                "UPDATE orders SET user_id = user_id + 1 WHERE id = {order}",
                "UPDATE orders SET user_id = user_id - 1 WHERE id = {order}",
                "every order that was acknowledged is there, unchanged",
            ),
        ],
    )
    def test_finds_an_order_that_was_changed(self, bought, driver, change, restore, rule):
        payment = self.captured(bought)
        order = next(p["orderId"] for p in bought.payments.values() if p["id"] == payment)
        driver.psql("orders", change.format(order=order))
        try:
            assert rule in self.failures(bought, driver)
        finally:
            driver.psql("orders", restore.format(order=order))

    def test_finds_a_payment_that_was_changed(self, bought, driver):
        paid = self.captured(bought)
        driver.psql("payments", f"UPDATE payments SET state = 'REFUNDED' WHERE id = {paid}")
        try:
            assert "payments and the provider's ledger agree" in self.failures(bought, driver)
        finally:
            driver.psql("payments", f"UPDATE payments SET state = 'CAPTURED' WHERE id = {paid}")

    def test_finds_a_charge_of_no_payment(self, bought, driver):
        driver.psql(
            "payments",
            "INSERT INTO simulated_provider_charges (reference, provider_reference, approved, "
            "amount_minor, currency) VALUES ('again', 'again', true, 1, 'EUR')",
        )
        try:
            assert self.failures(bought, driver) == {"every capture belongs to an order"}
        finally:
            driver.psql(
                "payments", "DELETE FROM simulated_provider_charges WHERE reference = 'again'"
            )
