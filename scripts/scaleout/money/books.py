"""What the databases of the order and the payment service hold, and the provider's ledger, as rows.

Each database is read by one statement, so its rows fit together. The two are read one after the
other: what is on its way between them is decided only after `checker.settle`.
"""

import collections
import dataclasses
import json

from scaleout.topology import DATABASES

_SECONDS = 60

_ORDERS = """
SELECT json_build_object(
  'orders', (SELECT coalesce(json_agg(found), '[]') FROM (
    SELECT o.id, o.user_id, o.state, o.total_minor AS total, o.currency,
      (SELECT sum(quantity * unit_price_minor) FROM order_items WHERE order_id = o.id) AS lines
    FROM orders AS o) AS found),
  'reservations', (SELECT coalesce(json_agg(found), '[]') FROM (
    SELECT id, order_id, idempotency_key AS key, outcome FROM payment_reservations) AS found),
  'creations', (SELECT coalesce(json_agg(found), '[]') FROM (
    SELECT key, created_id AS order_id FROM idempotency_keys
    WHERE route = 'CreateOrder' AND created_id IS NOT NULL) AS found))
"""
_PAYMENTS = """
SELECT json_build_object(
  'payments', (SELECT coalesce(json_agg(found), '[]') FROM (
    SELECT id, order_id, user_id, state, amount_minor AS amount, currency, reservation_id,
      provider_reference FROM payments) AS found),
  'refunds', (SELECT coalesce(json_agg(found), '[]') FROM (
    SELECT id, payment_id, state FROM refunds) AS found),
  'charges', (SELECT coalesce(json_agg(found), '[]') FROM (
    SELECT reference, provider_reference, approved, amount_minor AS amount, currency
    FROM simulated_provider_charges) AS found),
  'returns', (SELECT coalesce(json_agg(found), '[]') FROM (
    SELECT reference, provider_reference, amount_minor AS amount, currency
    FROM simulated_provider_refunds) AS found))
"""


@dataclasses.dataclass(frozen=True)
class Order:
    id: int
    user_id: int
    state: str
    total: int
    currency: str
    lines: int | None  # what they add up to


@dataclasses.dataclass(frozen=True)
class Reservation:
    id: str
    order_id: int
    key: str | None
    outcome: str | None


@dataclasses.dataclass(frozen=True)
class Creation:
    """Which order a client's key has created."""

    key: str
    order_id: int


@dataclasses.dataclass(frozen=True)
class Payment:
    id: int
    order_id: int
    user_id: int
    state: str
    amount: int
    currency: str
    reservation_id: str | None
    provider_reference: str | None


@dataclasses.dataclass(frozen=True)
class Refund:
    """The payment service's own row of what is to be given back."""

    id: str
    payment_id: int
    state: str


@dataclasses.dataclass(frozen=True)
class Charge:
    """In the provider's ledger."""

    reference: str
    provider_reference: str
    approved: bool
    amount: int
    currency: str


@dataclasses.dataclass(frozen=True)
class Return:
    """In the provider's ledger: a charge that was given back."""

    reference: str
    provider_reference: str
    amount: int
    currency: str


@dataclasses.dataclass
class Books:
    orders: list = dataclasses.field(default_factory=list)
    reservations: list = dataclasses.field(default_factory=list)
    creations: list = dataclasses.field(default_factory=list)
    payments: list = dataclasses.field(default_factory=list)
    refunds: list = dataclasses.field(default_factory=list)
    charges: list = dataclasses.field(default_factory=list)
    returns: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.order = {each.id: each for each in self.orders}
        self.payment = {each.id: each for each in self.payments}
        self.reservation = {each.id: each for each in self.reservations}
        self.reservations_of = _grouped(self.reservations, "order_id")
        self.payments_of = _grouped(self.payments, "order_id")
        self.payment_under = {p.reservation_id: p for p in self.payments if p.reservation_id}
        self.reservation_for = {r.key: r for r in self.reservations if r.key}
        self.charge_named = {each.provider_reference: each for each in self.charges}
        self.returns_of = dict(_grouped(self.returns, "provider_reference"))
        self.returns_for = _grouped(self.returns, "reference")
        self.refund = {each.id: each for each in self.refunds}
        self.refund_of = {each.payment_id: each for each in self.refunds}
        # A charge names the reservation; one from before there were reservations, the payment.
        self._payment_named = {p.provider_reference: p for p in self.payments}
        self.charge_of = {}
        self.charges_of = collections.defaultdict(list)
        for charge in self.charges:
            payment = self.payment_of(charge)
            if payment:
                self.charge_of[payment.id] = charge
            self.charges_of[self.order_of(charge)].append(charge)

    def payment_of(self, charge):
        """None if there is none."""
        found = self.payment_under.get(charge.reference)
        return found or self._payment_named.get(charge.provider_reference)

    def order_of(self, charge):
        """The id of the order that was charged for; None if nothing here knows."""
        known = self.payment_of(charge) or self.reservation.get(charge.reference)
        return known.order_id if known else None

    def left(self, charge):
        """What the provider has taken by it and not given back."""
        returns = self.returns_of.get(charge.provider_reference, ())
        taken = charge.amount if charge.approved else 0
        return taken - sum(each.amount for each in returns if each.currency == charge.currency)


def _grouped(rows, name):
    found = collections.defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found


_KINDS = {
    "orders": Order,
    "reservations": Reservation,
    "creations": Creation,
    "payments": Payment,
    "refunds": Refund,
    "charges": Charge,
    "returns": Return,
}


def read(driver):
    found = {}
    for service, sql in (("order-service", _ORDERS), ("payment-service", _PAYMENTS)):
        found |= json.loads(driver.psql(DATABASES[service][0], sql, _SECONDS))
    return Books(**{name: [kind(**row) for row in found[name]] for name, kind in _KINDS.items()})
