"""A payment provider that does not answer for one payment method: what that may take from reads of
payments, and from payments with others.
"""

import collections
import time
import uuid
from typing import NamedTuple

from scaleout.drills import drill
from scaleout.drills.own_stack import OwnStackDrill
from scaleout.load.figures import latencies, p99, percentile
from scaleout.load.open_loop import OpenLoop, Request, Stream
from scaleout.money import checker

_STUCK_RATE, _OTHER_RATE, _READ_RATE = 100, 20, 100
# Of the reads' p99 beside as many payments that are answered.
_TIMES, _MORE_MS = 2, 10
# In the quick form, which also runs on machines that do other things: two busy processors cost a
# read tens of milliseconds. Behind a call that waits for the provider it would be
# PROVIDER_TIMEOUT, a second.
_QUICK_MORE_MS = 500
# A payment that is refused for want of a thread does not wait for one.
_AT_ONCE_MS, _QUICK_AT_ONCE_MS = 500, 3000
_SETTLED_SECONDS = 60
_SETTINGS = {
    "EVENTS": "on",
    "ORDER_SETTLE_AFTER": "2s",
    "PROVIDER_LEASE": "3s",
    "PROVIDER_SETTLE_AFTER": "2s",
}
_DEMO_PAYMENTS = range(10, 5001, 20)


class _Part(NamedTuple):
    """Reads of payments, and what was paid beside them."""

    reads: list
    stuck: list = ()
    others: list = ()


class SlowProvider(OwnStackDrill):
    NAME = "slow-provider"
    FIRST_PORT = 100
    TITLE = f"slow-provider: {_STUCK_RATE} payments a second that get no answer, beside others"
    WHY = """Calls that ask the payment provider wait on threads of their own, and one payment
        method has half of them at most: the rest of its calls is refused at once, with the time
        after which to try again. So a bank that does not answer keeps neither reads of payments
        nor payments with other methods. On a stack of its own."""

    def hold(self):
        short, long = (2 if self.options.quick else 10), self.duration(30, 5)
        with self.own_stack(**_SETTINGS) as stack:
            self.move_to(stack)
            self.n.say("    orders are made")
            pays = _STUCK_RATE + _OTHER_RATE
            orders = [self._order() for _ in range(int(pays * (short + long + 2)))]
            alone = self._part(short)
            answered = self._part(short, _paying("others", pays, orders, "tok_success"))
            slow = self._part(
                long,
                _paying("stuck", _STUCK_RATE, orders, "tok_timeout"),
                _paying("others", _OTHER_RATE, orders, "tok_success"),
            )
            self._show(alone, answered, slow)
            self._check_reads(alone, answered, slow)
            self._check_payments(slow.stuck, slow.others)
            checker.check(self.n, self.driver, seconds=_SETTLED_SECONDS)

    def _order(self):
        wanted = drill.new_order()
        return self.client.post(wanted.path, wanted.body, wanted.headers).json()["id"]

    def _part(self, seconds, *payments):
        reads = Stream("reads", _READ_RATE, drill.payment(_READ_RATE, _DEMO_PAYMENTS).make)
        with OpenLoop(self.url, [reads, *payments]) as load:
            time.sleep(seconds)
        # The first connections of a load are being made.
        begin = load.began + 0.5
        return _Part(**{kind: load.between(kind, begin, load.ended) for kind in load.kinds})

    def _show(self, alone, answered, slow):
        rows = [
            ("reads, no payments", alone.reads),
            ("reads beside payments that are answered", answered.reads),
            ("reads beside payments without an answer", slow.reads),
        ]
        for name, outcomes in (("without an answer", slow.stuck), ("others", slow.others)):
            by_status = collections.defaultdict(list)
            for outcome in outcomes:
                by_status[_answer(outcome)].append(outcome)
            rows += [(f"{name}: {answer}", found) for answer, found in sorted(by_status.items())]
        self.n.table(
            ("", "requests", "p50 ms", "p99 ms"),
            [
                (name, len(found), *(f"{percentile(latencies(found), s):.1f}" for s in (0.5, 0.99)))
                for name, found in rows
            ],
        )

    def _check_reads(self, alone, answered, slow):
        self.check_none_failed("no read of a payment failed", slow.reads)
        base, beside = (p99(self.undisturbed(part.reads)) for part in (answered, slow))
        allowed = max(_TIMES * base, base + _MORE_MS)
        allowed += _QUICK_MORE_MS if self.options.quick else 0
        self.n.check(
            f"reads keep the p99 that they have beside payments that are answered: at most {_TIMES}"
            f" times, or {_MORE_MS} ms more",
            beside <= allowed,
            f"{beside:.1f} ms; {base:.1f} ms before, {allowed:.1f} ms allowed",
        )
        figures = {"alone": p99(alone.reads), "besideAnswered": base, "besideStuck": beside}
        self.n.figure("slowProviderReadP99Ms", figures)

    def _check_payments(self, stuck, others):
        unknown = [each for each in stuck if _answer(each).endswith("outcome-unknown")]
        shed = [
            each
            for each in self.undisturbed([*stuck, *others])
            if _answer(each).endswith("overloaded")
        ]
        statuses = {outcome.status for outcome in self.undisturbed(stuck)}
        self.n.check(
            "a payment without an answer says so, or is refused",
            unknown and statuses == {503},
            f"{len(unknown)} of {len(stuck)} asked the provider",
        )
        late = _QUICK_AT_ONCE_MS if self.options.quick else _AT_ONCE_MS
        self.n.check(
            f"what is refused is refused at once, within {late} ms, and says when to come again",
            shed
            and p99(shed) <= late
            and all("retry-after" in outcome.headers for outcome in shed),
            f"{len(shed)} payments, p99 {p99(shed):.1f} ms" if shed else "none",
        )
        self.check_none_failed("other payments go through, or are refused so", others, (201, 503))
        made = sum(outcome.status == 201 for outcome in others)
        self.n.check("and most go through", made > len(others) / 2, f"{made} of {len(others)}")


def _paying(kind, rate, orders, token):
    """Payments with a token, each of an order of its own."""

    def request():
        body = {"orderId": orders.pop(), "paymentMethodToken": token}
        return Request("POST", "/api/payments", {"Idempotency-Key": uuid.uuid4().hex}, body)

    return Stream(kind, rate, request)


def _answer(outcome):
    """Such as "503 /problems/overloaded"."""
    problem = outcome.json().get("type", "") if outcome.status >= 400 else ""
    return f"{outcome.status} {problem}".strip()
