"""Waits until every payment is decided, and says whether orders and payments are right: a table of
the rules, and each violation by its order.

    settle(driver, seconds)             -> what is left, after a while that is long enough
    check(narrator, driver, record)     -> prints, and is one check of the narrator for all rules
                                           or one for each that is broken
"""

import collections
import time

from scaleout.errors import StackError
from scaleout.money import books as accounts
from scaleout.money import rules
from scaleout.topology import DATABASES

_LOOK_SECONDS = 0.1
_QUIET_SECONDS = 0.5
# The order service asks a minute after a reservation (ORDER_SETTLE_AFTER) what became of it.
_SETTLED_SECONDS = 120
_SHOWN = 20
_SECONDS = 10
_LOG_LINES = 50_000
# In the log of a capture that fits no reservation (orders_orphaned_captures_total).
_ORPHANED = '"effect":"orphaned"'

_ORDERS = """
SELECT (SELECT count(*) FROM orders WHERE state IN ('RESERVED', 'REFUNDING')),
  (SELECT count(*) FROM payment_reservations WHERE outcome IS NULL)
"""
_PAYMENTS = """
SELECT (SELECT count(*) FROM payments WHERE state = 'AUTHORIZED'),
  (SELECT count(*) FROM refunds WHERE state = 'PENDING')
"""
_LEFT = (
    ("order-service", _ORDERS, ("orders RESERVED or REFUNDING", "reservations not ended")),
    ("payment-service", _PAYMENTS, ("payments AUTHORIZED", "refunds PENDING")),
)


def settle(driver, seconds, quiet=_QUIET_SECONDS):
    """Waits until nothing has been under way for `quiet` seconds, at most for so long; what is left
    then, as text: empty if it is nothing. Where clients gave up, their requests may still be on
    their way: then `quiet` is longer than the deadline of one.
    """
    deadline = time.monotonic() + seconds
    quiet_since = None
    while True:
        left = under_way(driver)
        now = time.monotonic()
        if left:
            quiet_since = None
        elif quiet_since is None:
            quiet_since = now
        elif now - quiet_since >= quiet:
            return ""
        if left and now > deadline:
            return left
        time.sleep(_LOOK_SECONDS)


def under_way(driver):
    """Such as "3 payments AUTHORIZED"."""
    found = []
    for service, sql, names in _LEFT:
        try:
            counts = driver.psql(DATABASES[service][0], sql, _SECONDS).split("|")
        except StackError as error:
            return str(error)
        found += [f"{count} {name}" for count, name in zip(counts, names) if count != "0"]
    return ", ".join(found)


def check(narrator, driver, record=None, seconds=_SETTLED_SECONDS, quiet=_QUIET_SECONDS):
    """`seconds` and `quiet` are those of settle(). Without a record only the books are checked."""
    began = time.monotonic()
    left = settle(driver, seconds, quiet)
    took = time.monotonic() - began
    narrator.check("every payment is decided by itself", not left, left or f"after {took:.1f} s")
    narrator.figure("settledSeconds", round(took, 1))
    if record is not None:
        check_answers(narrator, record)
    books = accounts.read(driver)
    report(narrator, books, record)
    orphans = orphaned(driver)
    narrator.check(
        "no capture without its reservation was logged", not orphans, "; ".join(orphans[:3])
    )


def check_answers(narrator, record):
    record.show(narrator)
    captured = record.done()["payments CAPTURED"]
    narrator.check("orders were made, and payments CAPTURED", record.orders and captured)
    for name, wrong in (
        ("every request got a definite answer in the end", record.unanswered),
        ("and no answer was unexpected", record.unexpected),
    ):
        narrator.check(name, not wrong, f"{len(wrong)}, such as {wrong[0]}" if wrong else "")


def report(narrator, books, record=None):
    """The tables, and the checks of the rules."""
    _show_books(narrator, books)
    judged = rules.judge(books, record)
    rows = [(name, looked_at, len(wrong) or "-") for name, (looked_at, wrong) in judged.items()]
    narrator.table(("what must hold", "looked at", "wrong"), rows)
    broken = {name: wrong for name, (_, wrong) in judged.items() if wrong}
    for name, wrong in broken.items():
        narrator.say(f"\n    {name}; it is not so for:")
        for each in wrong[:_SHOWN]:
            narrator.say(f"      {each}")
        if len(wrong) > _SHOWN:
            narrator.say(f"      and {len(wrong) - _SHOWN} more")
    narrator.figure("violations", {name: [str(w) for w in wrong] for name, wrong in broken.items()})
    if not broken:
        narrator.check(
            f"orders, payments{' and' if record is None else ','} the provider's ledger"
            f"{'' if record is None else ' and the answers'} agree",
            books.orders,
            f"{len(judged)} rules, {len(books.orders)} orders",
        )
    for name, wrong in broken.items():
        narrator.check(name, False, f"{len(wrong)}, such as {wrong[0]}")


def _show_books(narrator, books):
    """Money by the state of its orders, in the minor unit."""
    rows = []
    by_state = collections.defaultdict(list)
    for order in books.orders:
        by_state[order.state].append(order)
    for state, orders in sorted(by_state.items()):
        charges = [charge for order in orders for charge in books.charges_of[order.id]]
        taken = sum(charge.amount for charge in charges if charge.approved)
        left = sum(map(books.left, charges))
        rows.append((state, len(orders), taken, taken - left, left))
    narrator.table(("orders", "number", "captured", "given back", "left"), rows)
    narrator.figure("orders", {state: len(orders) for state, orders in by_state.items()})


def orphaned(driver):
    """The order service's own word: its log lines about captures that fit no reservation."""
    return [line for line in driver.logs("order-service", _LOG_LINES) if _ORPHANED in line]
