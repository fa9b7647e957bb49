"""What events did to orders, noted by triggers that a drill adds to the services' databases: each
update of an order, each event that was written, and each time that an inbox went back. The
effects themselves say only how it ended, and an outbox forgets what has arrived.
"""

import collections

from scaleout.topology import DATABASES

PAYMENTS, ORDERS = "payment-service", "order-service"
_SECONDS = 20

_EVENTS = """
CREATE TABLE drill_events (id bigint, aggregate_id bigint, type text);
CREATE FUNCTION drill_note_event() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
  INSERT INTO drill_events VALUES (NEW.id, NEW.aggregate_id, NEW.type);
  RETURN NULL;
END$$;
CREATE TRIGGER drill_note_event AFTER INSERT ON outbox
FOR EACH ROW EXECUTE FUNCTION drill_note_event();
"""
_MOVES = """
CREATE TABLE drill_order_moves (
  number bigint GENERATED ALWAYS AS IDENTITY, order_id bigint, moved_from text, moved_to text,
  at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION drill_note_move() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
  INSERT INTO drill_order_moves (order_id, moved_from, moved_to)
  VALUES (NEW.id, OLD.state, NEW.state);
  RETURN NULL;
END$$;
CREATE TRIGGER drill_note_move AFTER UPDATE ON orders
FOR EACH ROW EXECUTE FUNCTION drill_note_move();
CREATE TABLE drill_steps_back (aggregate_id bigint, was bigint, became bigint);
CREATE FUNCTION drill_note_step() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
  INSERT INTO drill_steps_back VALUES (NEW.aggregate_id, OLD.sequence, NEW.sequence);
  RETURN NULL;
END$$;
CREATE TRIGGER drill_note_step AFTER UPDATE ON inbox
FOR EACH ROW WHEN (NEW.sequence < OLD.sequence) EXECUTE FUNCTION drill_note_step();
"""
# A function takes its trigger along.
_REMOVE = """
DROP FUNCTION IF EXISTS drill_note_event, drill_note_move, drill_note_step CASCADE;
DROP TABLE IF EXISTS drill_events, drill_order_moves, drill_steps_back;
"""


class EventAudit:
    """Between install() and remove(). What an earlier drill left behind is removed first."""

    def __init__(self, driver):
        self._driver = driver

    def install(self):
        self._run(PAYMENTS, _REMOVE + _EVENTS)
        self._run(ORDERS, _REMOVE + _EVENTS + _MOVES)

    def remove(self):
        for service in (PAYMENTS, ORDERS):
            self._run(service, _REMOVE)

    def moves(self):
        """By order: [(from, to)], in their order; an update that changed no state is one, too."""
        found = collections.defaultdict(list)
        for order, before, after in self._rows(
            ORDERS, "SELECT order_id, moved_from, moved_to FROM drill_order_moves ORDER BY number"
        ):
            found[int(order)].append((before, after))
        return found

    def written(self, service):
        """By aggregate: {type: [sequence]} of the events that a service has written."""
        found = collections.defaultdict(lambda: collections.defaultdict(list))
        rows = self._rows(service, "SELECT aggregate_id, type, id FROM drill_events ORDER BY id")
        for aggregate, type_, sequence in rows:
            found[int(aggregate)][type_].append(int(sequence))
        return found

    def count(self):
        return sum(
            int(self._rows(service, "SELECT count(*) FROM drill_events")[0][0])
            for service in (PAYMENTS, ORDERS)
        )

    def steps_back(self):
        """How often an inbox took an event for new after a later one."""
        return len(self._rows(ORDERS, "SELECT aggregate_id FROM drill_steps_back"))

    def positions(self):
        """By payment: the last of its events that the order service has handled."""
        rows = self._rows(
            ORDERS,
            "SELECT aggregate_id, sequence FROM inbox "
            "WHERE consumer = 'order-service' AND kind = 'payment'",
        )
        return {int(aggregate): int(sequence) for aggregate, sequence in rows}

    def states(self, users):
        """Of these users' orders, by id."""
        ids = ", ".join(map(str, users)) or "0"
        rows = self._rows(ORDERS, f"SELECT id, state FROM orders WHERE user_id IN ({ids})")
        return {int(id_): state for id_, state in rows}

    def outcomes(self):
        """By order: what its reservations have ended with."""
        found = collections.defaultdict(collections.Counter)
        for order, outcome in self._rows(
            ORDERS, "SELECT order_id, coalesce(outcome, '') FROM payment_reservations"
        ):
            found[int(order)][outcome] += 1
        return found

    def _rows(self, service, sql):
        text = self._driver.psql(DATABASES[service][0], sql, _SECONDS)
        return [line.split("|") for line in text.split("\n") if line]

    def _run(self, service, sql):
        database, role = DATABASES[service]
        # As the service's own role, whose statements the triggers are part of.
        began = f"SET ROLE {role}; SET LOCAL lock_timeout = '10s'; SET client_min_messages = error;"
        self._driver.psql(database, f"{began} {sql}", _SECONDS)


def check_effects(narrator, payers, audit):
    """Each order is what the best of its payments makes of it."""
    states = audit.states(payers.record.users)
    wanted = {order["id"]: "PENDING" for order in payers.record.orders.values()}
    for payment in payers.record.payments.values():
        order = payment["orderId"]
        if payment["status"] == "CAPTURED":
            wanted[order] = "PAID"
        elif wanted[order] == "PENDING":
            wanted[order] = "PAYMENT_FAILED"
    narrator.table(("orders", "number"), sorted(collections.Counter(states.values()).items()))
    for state, name in (
        ("PAID", "every order with a captured payment is PAID"),
        ("PAYMENT_FAILED", "every order whose payments all failed is PAYMENT_FAILED"),
        ("PENDING", "and no other order moved"),
    ):
        orders = [order for order, each in wanted.items() if each == state]
        wrong = [(order, states.get(order)) for order in orders if states.get(order) != state]
        _check(narrator, name, wrong, len(orders), needs_some=state != "PENDING")
    unseen = [(each.order_id,) for each in payers.paid if each.seconds is None]
    _check(narrator, "clients saw every PAID that they waited for", unseen, len(payers.paid))


def check_once(narrator, payers, audit):
    """No effect was had twice, none was left out, and each aggregate's were in order."""
    orders = {order["id"] for order in payers.record.orders.values()}
    moves = {order: found for order, found in audit.moves().items() if order in orders}
    outcomes = audit.outcomes()
    again = [(order, found) for order, found in moves.items() if not _once(found, outcomes[order])]
    name = "each effect once: an order moved with each reservation and its end, and no more"
    _check(narrator, name, again, len(moves))
    changed = audit.written(ORDERS)
    odd = [
        (order, len(changed[order]["order.changed"]))
        for order in orders
        if len(changed[order]["order.changed"]) != 1 + len(moves.get(order, ()))
    ]
    name = "one order.changed for each order and each of its moves, and no other"
    _check(narrator, name, odd, len(orders))
    _check_handled(narrator, payers, audit)


def _once(moves, outcomes):
    """Whether each reservation moved the order to RESERVED, and each end of one on from there."""
    states = collections.Counter(to for _, to in moves)
    return (
        all(before != after for before, after in moves)
        and all(a[1] == b[0] for a, b in zip(moves, moves[1:]))
        and states["RESERVED"] == outcomes.total()
        and states["PAID"] == outcomes["CAPTURED"]
        and states["PAYMENT_FAILED"] == outcomes["FAILED"]
    )


def _check_handled(narrator, payers, audit):
    written, positions = audit.written(PAYMENTS), audit.positions()
    types = {"CAPTURED": "payment.captured", "FAILED": "payment.failed"}
    odd, unhandled = [], []
    for payment in payers.record.payments.values():
        outcome = written[payment["id"]][types[payment["status"]]]
        if len(outcome) != 1:
            odd.append((payment["id"], len(outcome)))
        elif positions.get(payment["id"], 0) < outcome[0]:
            unhandled.append((payment["id"], positions.get(payment["id"])))
    _check(narrator, "each payment's outcome is one event", odd, len(payers.record.payments))
    name = "the order service handled each of them"
    _check(narrator, name, unhandled, len(payers.record.payments))
    back = audit.steps_back()
    name = "in order: it took no event for new after a later one"
    narrator.check(name, back == 0, back or "")


def _check(narrator, name, wrong, number, needs_some=True):
    """`wrong` are those of `number` for which it is not so."""
    detail = f"{len(wrong)} of {number} not, such as {wrong[0]}" if wrong else number
    narrator.check(name, not wrong and (number or not needs_some), detail)
