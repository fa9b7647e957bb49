"""How the checker waits, and what it prints."""

import io
import json

import pytest

from scaleout.drills import saga
from scaleout.errors import StackError
from scaleout.load.record import Record
from scaleout.money import checker, rules
from scaleout.money.books import Books, Order, read
from scaleout.narrator import Narrator


class Stack:
    """A driver whose databases answer what a test says, one look after the other."""

    def __init__(self, looks=(), log=()):
        self._looks = list(looks)
        self._log = log
        self.asked = 0

    def psql(self, database, sql, timeout=None):
        del timeout
        if "json_build_object" in sql:
            kinds = ("orders", "reservations", "creations")
            if database == "payments":
                kinds = ("payments", "refunds", "charges", "returns")
            return json.dumps({kind: [] for kind in kinds})
        if database == "payments":
            return "0|0"
        self.asked += 1
        look = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if isinstance(look, Exception):
            raise look
        return look

    def logs(self, part, lines):
        del part, lines
        return list(self._log)


def test_what_is_under_way_is_named():
    assert checker.under_way(Stack(["0|0"])) == ""
    assert checker.under_way(Stack(["2|1"])) == (
        "2 orders RESERVED or REFUNDING, 1 reservations not ended"
    )
    assert checker.under_way(Stack([StackError("no answer")])) == "no answer"


def test_it_waits_until_nothing_is_under_way():
    stack = Stack([StackError("no answer"), "1|1", "0|0"])
    assert checker.settle(stack, seconds=60, quiet=0.0) == ""
    assert stack.asked >= 4, "quiet is more than one look"


def test_it_does_not_wait_for_ever():
    assert checker.settle(Stack(["0|1"]), seconds=0.0) == "1 reservations not ended"


def test_a_violation_is_printed_with_its_order():
    out = io.StringIO()
    narrator = Narrator("the checker", out=out)
    torn = [Order(n, 1, "PENDING", 10, "EUR", 9) for n in range(1, 31)]
    checker.report(narrator, Books(orders=torn), Record())
    failed = [check["name"] for check in narrator.failed()]
    assert failed == ["the lines of every order add up to its total"]
    printed = out.getvalue()
    assert "order 20: its lines add up to 9, its total is 10" in printed
    assert "order 21:" not in printed and "and 10 more" in printed
    assert len(narrator.figures["violations"][failed[0]]) == 30


def test_good_books_are_one_check():
    narrator = Narrator("the checker", out=io.StringIO())
    checker.report(narrator, Books(orders=[Order(1, 1, "PENDING", 10, "EUR", 10)]), Record())
    assert [check["passed"] for check in narrator.checks] == [True]


def test_without_a_record_only_the_books_are_judged():
    assert set(rules.judge(Books())) == {name for name, _ in rules.BOOK_RULES}
    narrator = Narrator("the checker", out=io.StringIO())
    checker.check(narrator, Stack(["0|0"]), seconds=60, quiet=0.0)
    assert "and no answer was unexpected" not in {check["name"] for check in narrator.checks}


def test_no_orders_at_all_are_no_success():
    narrator = Narrator("the checker", out=io.StringIO())
    checker.report(narrator, Books(), Record())
    assert narrator.failed()


def test_what_clients_were_not_answered_fails_the_check():
    record = Record()
    record.unanswered.append("POST /api/payments: 503")
    record.unexpected.append("POST /api/orders: 500")
    narrator = Narrator("the checker", out=io.StringIO())
    checker.check(narrator, Stack(["0|0"]), record, seconds=60, quiet=0.0)
    failed = {check["name"] for check in narrator.failed()}
    assert {"every request got a definite answer in the end", "and no answer was unexpected"} <= (
        failed
    )


@pytest.mark.parametrize("status, passed", [("CAPTURED", True), ("FAILED", False)])
def test_payments_of_which_none_was_captured_are_no_success(status, passed):
    record = Record()
    record.add_order("o", {"id": 1})
    record.add_payment("k", {"id": 1, "orderId": 1, "status": status})
    narrator = Narrator("the checker", out=io.StringIO())
    checker.check_answers(narrator, record)
    found = {check["name"]: check["passed"] for check in narrator.checks}
    assert found["orders were made, and payments CAPTURED"] == passed


def test_an_orphaned_capture_in_the_log_is_found():
    line = '{"level":"error","effect":"orphaned","orderId":7}'
    assert checker.orphaned(Stack(log=["{}", line])) == [line]


def test_books_are_read_from_both_databases():
    assert read(Stack(["0|0"])).orders == []


class TestPlanOfFaults:
    def take(self, seed, count):
        source = saga.faults(seed)
        return [next(source) for _ in range(count)]

    def test_is_the_seeds(self):
        assert self.take(7, 50) == self.take(7, 50) != self.take(8, 50)

    def test_takes_each_victim_before_any_again(self):
        assert len({fault.victim for fault in self.take(7, 9)}) == 9

    def test_has_every_act_and_freezes_take_their_time(self):
        faults = self.take(7, 200)
        assert {fault.act for fault in faults} == {"kill", "freeze", "restart"}
        assert sum(fault.act == "kill" for fault in faults) > 90
        for fault in faults:
            assert (0.5 <= fault.seconds <= 3.0) == (fault.act == "freeze")
