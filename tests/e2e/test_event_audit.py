"""Whether the checks of the drill `events` would notice if something were wrong."""

import io
import time

import pytest

from native_stack import STANDSTILL_SECONDS, eventually
from scaleout.drills import drill
from scaleout.drills import events as drill_events
from scaleout.drills.event_audit import EventAudit, check_effects, check_once
from scaleout.load.payers import Payers
from scaleout.narrator import Narrator


@pytest.fixture
def bought(stack, driver):
    """Some purchases whose events have all had their effects, and the audit of them."""
    audit = EventAudit(driver)
    audit.install()
    with Payers(stack.url, rate=30) as payers:
        deadline = time.monotonic() + 20
        while _few(payers) and time.monotonic() < deadline:
            time.sleep(0.05)
    handled = {payment["id"] for payment in payers.record.payments.values()}
    eventually(lambda: handled <= set(audit.positions()))
    yield payers, audit
    audit.remove()


def _few(payers):
    found = [payment["status"] for payment in list(payers.record.payments.values())]
    return found.count("CAPTURED") < 5 or found.count("FAILED") < 2


def failures(bought):
    payers, audit = bought
    narrator = Narrator("the audit", out=io.StringIO())
    check_effects(narrator, payers, audit)
    check_once(narrator, payers, audit)
    return [check["name"] for check in narrator.checks if not check["passed"]]


def paid_order(bought):
    return min(
        p["orderId"] for p in bought[0].record.payments.values() if p["status"] == "CAPTURED"
    )


def captured_payment(bought):
    return min(p["id"] for p in bought[0].record.payments.values() if p["status"] == "CAPTURED")


def test_finds_nothing_where_all_is_well(bought):
    # A failed payment may have been followed by one that was captured.
    allowed = {"every order whose payments all failed is PAYMENT_FAILED"}
    assert set(failures(bought)) <= allowed
    payers, _ = bought
    assert payers.paid
    assert all(each.seconds < 5 + STANDSTILL_SECONDS for each in payers.paid)
    assert not payers.record.unexpected and not payers.record.unanswered and not payers.left_out


def test_finds_an_order_that_did_not_move(bought, driver):
    order = paid_order(bought)
    driver.psql("orders", f"UPDATE orders SET state = 'PENDING' WHERE id = {order}")
    try:
        assert "every order with a captured payment is PAID" in failures(bought)
    finally:
        driver.psql("orders", f"UPDATE orders SET state = 'PAID' WHERE id = {order}")


def test_finds_an_effect_that_was_had_twice(bought, driver):
    order = paid_order(bought)
    driver.psql("orders", f"UPDATE orders SET updated_at = now() WHERE id = {order}")
    assert {
        "each effect once: an order moved with each reservation and its end, and no more",
        "one order.changed for each order and each of its moves, and no other",
    } <= set(failures(bought))


def test_finds_an_event_that_was_written_twice(bought, driver):
    payment = captured_payment(bought)
    driver.psql("payments", f"INSERT INTO drill_events VALUES (1, {payment}, 'payment.captured')")
    assert "each payment's outcome is one event" in failures(bought)


def test_finds_an_event_that_was_not_handled(bought, driver):
    payment = captured_payment(bought)
    driver.psql("orders", f"DELETE FROM inbox WHERE aggregate_id = {payment}")
    assert "the order service handled each of them" in failures(bought)


def test_finds_an_inbox_that_went_back(bought, driver):
    payment = captured_payment(bought)
    driver.psql("orders", f"UPDATE inbox SET sequence = 1 WHERE aggregate_id = {payment}")
    assert "in order: it took no event for new after a later one" in failures(bought)


def test_leaves_nothing_in_the_databases(bought, driver):
    payers, audit = bought
    audit.remove()
    for database in ("orders", "payments"):
        found = driver.psql(
            database,
            "SELECT proname FROM pg_proc WHERE proname LIKE 'drill%' UNION ALL "
            "SELECT relname FROM pg_class WHERE relname LIKE 'drill%' UNION ALL "
            "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'drill%'",
        )
        assert found == ""
    audit.install()


def test_a_plan_is_the_seeds_and_takes_each_victim_first():
    faults = drill_events.plan(60, 7)
    assert faults == drill_events.plan(60, 7) != drill_events.plan(60, 8)
    assert len(faults) == 60
    flushes = [index for index, fault in enumerate(faults) if fault.act == "flush"]
    assert len(flushes) == 2 and 10 < flushes[0] < 30 < flushes[1] < 50
    first = [(f.part, f.k) for f in faults if f.act != "flush"][:7]
    assert len(set(first)) == 7
    assert {fault.act for fault in faults} == {"kill", "freeze", "flush"}


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_a_setting_that_is_no_number_is_refused(monkeypatch, text):
    monkeypatch.setenv("FAULTS", text)
    with pytest.raises(drill.DrillError, match=f"FAULTS={text}"):
        drill.setting("FAULTS", 3)
