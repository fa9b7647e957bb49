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
from scaleout.load import ledger
from scaleout.load.buyer import Buyers
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
    "overload",
    "events",
    "durability",
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
    "events",
    "durability",
)
# Those of the ring that also run on a stack that wants tokens: the rest sends them in the same way.
_WITH_TOKENS = ("breaker", "redis-down")
# What they check of times and rates means nothing with a sanitizer's overhead.
_TIMED = ("breaker", "cache-stampede", "redis-down", "login-flood", "revocation")


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
    result = drill(name, "--quick", "--json", report, **stack.variables)
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


class TestLedger:
    """Compares what buyers were answered with what the databases hold."""

    @pytest.fixture
    def bought(self, stack):
        with Buyers(stack.url, 2) as buyers:
            deadline = time.monotonic() + 20
            while len(buyers.payments) < 5 and time.monotonic() < deadline:
                time.sleep(0.05)
        return buyers

    @staticmethod
    def failures(buyers, driver):
        narrator = Narrator("the ledger", out=io.StringIO())
        ledger.check(narrator, buyers, driver)
        return [check["name"] for check in narrator.checks if not check["passed"]]

    def test_finds_nothing_where_all_is_well(self, bought, driver):
        assert self.failures(bought, driver) == []

    def test_finds_a_lost_order(self, bought, driver):
        lost = min(order["id"] for order in bought.orders.values())
        driver.psql("orders", f"DELETE FROM orders WHERE id = {lost}")
        assert self.failures(bought, driver) == ["no acknowledged order is lost or changed"]

    def test_finds_an_order_without_an_acknowledgement(self, bought, driver):
        key = min(bought.orders)
        del bought.orders[key]
        assert self.failures(bought, driver) == [
            "and no order is there twice, or without an acknowledgement"
        ]

    def test_finds_a_torn_order(self, bought, driver):
        torn = min(order["id"] for order in bought.orders.values())
        driver.psql("orders", f"DELETE FROM order_items WHERE order_id = {torn} AND line = 2")
        assert self.failures(bought, driver) == ["no order is torn: its lines add up"]

    def test_finds_a_payment_that_is_there_twice(self, bought, driver):
        paid = min(payment["id"] for payment in bought.payments.values())
        driver.psql(
            "payments",
            "INSERT INTO payments "
            "(order_id, user_id, state, amount_minor, currency, failure_reason) "
            "SELECT order_id, user_id, state, amount_minor, currency, failure_reason "
            f"FROM payments WHERE id = {paid}",
        )
        assert self.failures(bought, driver) == [
            "and no payment is there twice, or without an acknowledgement"
        ]

    def test_finds_a_payment_that_changed(self, bought, driver):
        paid = min(p["id"] for p in bought.payments.values() if p["status"] == "CAPTURED")
        driver.psql("payments", f"UPDATE payments SET state = 'REFUNDED' WHERE id = {paid}")
        assert "no acknowledged payment is lost or changed" in self.failures(bought, driver)

    def test_finds_a_duplicated_charge(self, bought, driver):
        users = ", ".join(map(str, bought.users))
        driver.psql(
            "payments",
            "INSERT INTO simulated_provider_charges (reference, provider_reference, approved, "
            "amount_minor, currency) SELECT 'again_' || charge_reference, 'again_' || "
            "charge_reference, true, 1, 'EUR' FROM payment_attempts "
            f"WHERE user_id IN ({users}) LIMIT 1",
        )
        try:
            assert self.failures(bought, driver) == [
                "the provider charged once for each captured payment, and for nothing else"
            ]
        finally:
            driver.psql(
                "payments",
                "DELETE FROM simulated_provider_charges WHERE reference LIKE 'again_%'",
            )
