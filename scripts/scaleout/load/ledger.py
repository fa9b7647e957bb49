"""What the databases hold, compared with what buyers were answered: nothing lost, nothing
duplicated, nothing torn, and the payment provider charged for each payment exactly once.
"""


class Ledger:
    """What the databases hold of these users."""

    def __init__(self, driver, users):
        self._driver = driver
        self._users = ", ".join(map(str, users)) or "0"

    def _rows(self, database, sql):
        text = self._driver.psql(database, sql.replace("{users}", self._users))
        return [line.split("|") for line in text.splitlines() if line]

    def _number(self, database, sql):
        return int(self._rows(database, sql)[0][0])

    def orders(self):
        """[(key, id, total)]"""
        rows = self._rows(
            "orders",
            "SELECT creation_key, id, total_minor FROM orders WHERE user_id IN ({users})",
        )
        return [(key, int(id_), int(total)) for key, id_, total in rows]

    def orders_torn(self):
        """Orders whose lines do not add up."""
        return self._number(
            "orders",
            "SELECT count(*) FROM orders o WHERE user_id IN ({users}) "
            "AND total_minor IS DISTINCT FROM "
            "(SELECT sum(quantity * unit_price_minor) FROM order_items WHERE order_id = o.id)",
        )

    def payments(self):
        """[(key, id, order id, amount, state)]; the key is empty if no attempt led to it."""
        rows = self._rows(
            "payments",
            "SELECT a.idempotency_key, p.id, p.order_id, p.amount_minor, p.state FROM payments p "
            "LEFT JOIN payment_attempts a ON a.payment_id = p.id WHERE p.user_id IN ({users})",
        )
        return [(key, int(i), int(order), int(amount), s) for key, i, order, amount, s in rows]

    def charges(self):
        """[(key, approved, amount)] as the payment provider has them."""
        rows = self._rows(
            "payments",
            "SELECT a.idempotency_key, c.approved, c.amount_minor "
            "FROM simulated_provider_charges c "
            "JOIN payment_attempts a ON a.charge_reference::text = c.reference "
            "WHERE a.user_id IN ({users})",
        )
        return [(key, approved == "t", int(amount)) for key, approved, amount in rows]

    def charges_without_attempt(self):
        return self._number(
            "payments",
            "SELECT count(*) FROM simulated_provider_charges c WHERE NOT EXISTS "
            "(SELECT FROM payment_attempts a WHERE a.charge_reference::text = c.reference)",
        )


def check(narrator, buyers, driver):
    """Compares what the buyers were answered with what the databases hold."""
    ledger = Ledger(driver, buyers.users)
    orders, payments, charges = ledger.orders(), ledger.payments(), ledger.charges()
    acknowledged_orders = {
        (key, order["id"], order["total"]["amount"]) for key, order in buyers.orders.items()
    }
    acknowledged_payments = {
        (key, p["id"], p["orderId"], p["amount"], p["status"]) for key, p in buyers.payments.items()
    }
    _show(narrator, buyers, len(orders), len(payments), len(charges))
    narrator.check("orders and payments were made", acknowledged_orders and acknowledged_payments)
    narrator.check(
        "every request got a definite answer in the end",
        not buyers.unanswered,
        buyers.unanswered[0] if buyers.unanswered else f"within {buyers.longest_wait:.1f} s",
    )
    narrator.check(
        "and no answer was unexpected",
        not buyers.unexpected,
        f"{len(buyers.unexpected)}: {buyers.unexpected[0]}" if buyers.unexpected else "",
    )
    _compare(narrator, "order", acknowledged_orders, orders)
    _compare(narrator, "payment", acknowledged_payments, payments)
    torn = ledger.orders_torn()
    narrator.check("no order is torn: its lines add up", torn == 0, torn or "")
    captured = {
        (key, amount) for key, _, _, amount, state in acknowledged_payments if state == "CAPTURED"
    }
    charged = [(key, amount) for key, approved, amount in charges if approved]
    narrator.check(
        "the provider charged once for each captured payment, and for nothing else",
        sorted(charged) == sorted(captured) and ledger.charges_without_attempt() == 0,
        f"{len(charged)} charges of {sum(amount for _, amount in charged)} in all",
    )


def _show(narrator, buyers, orders, payments, charges):
    narrator.table(
        ("", "acknowledged", "in the databases"),
        [
            ("orders", len(buyers.orders), orders),
            ("payments", len(buyers.payments), payments),
            ("charges", "-", charges),
            ("requests repeated", buyers.repeats, "-"),
            ("answers replayed", buyers.replays, "-"),
        ],
    )
    narrator.figure(
        "buyers",
        {
            "orders": len(buyers.orders),
            "payments": len(buyers.payments),
            "repeats": buyers.repeats,
            "replays": buyers.replays,
            "longestWaitSeconds": round(buyers.longest_wait, 2),
        },
    )


def _compare(narrator, what, acknowledged, held):
    lost = acknowledged - set(held)
    narrator.check(
        f"no acknowledged {what} is lost or changed",
        not lost,
        f"{len(lost)} of {len(acknowledged)}, such as {min(lost)}"
        if lost
        else f"{len(acknowledged)} acknowledged",
    )
    more = sorted(set(held) - acknowledged)
    narrator.check(
        f"and no {what} is there twice, or without an acknowledgement",
        not more and len(held) == len(set(held)),
        f"{len(more)} more, such as {more[0]}" if more else f"{len(held)} in the databases",
    )
