"""What must hold once every payment is decided. A rule looks at the books and at what clients were
answered, and yields for each thing that it looks at None, or what is wrong with it. Pure.
"""

import dataclasses

from scaleout.load.definite import ALREADY_PAID, NOT_PAYABLE

CAPTURED, REFUNDED, FAILED = "CAPTURED", "REFUNDED", "FAILED"
_TAKEN = (CAPTURED, REFUNDED)
# What an answer to POST /api/payments may say; another end it tells in another way.
_ANSWERED = (CAPTURED, FAILED)
_DONE = "DONE"  # of a refund
_PAID = ("PAID", "FULFILLED")
# States of an order whose payment is being decided or given back.
UNDER_WAY = ("RESERVED", "REFUNDING")
_OFF = ("REFUNDING", "CANCELLED")


@dataclasses.dataclass(frozen=True)
class Wrong:
    order_id: int | None  # None: there is no order to name
    text: str

    def __str__(self):
        return f"{f'order {self.order_id}' if self.order_id else 'no order'}: {self.text}"


def net_in_payments(books, _):
    for order in books.orders:
        payments = books.payments_of[order.id]
        kept = [(each.amount, each.currency) for each in payments if each.state == CAPTURED]
        yield _zero_or_total(order, kept, "by payments")


def net_in_ledger(books, _):
    for order in books.orders:
        charges = books.charges_of[order.id]
        kept = [(books.left(each), each.currency) for each in charges if books.left(each)]
        yield _zero_or_total(order, kept, "by the provider's ledger")


def _zero_or_total(order, kept, where):
    """`kept`: amounts with their currencies, captured and not given back."""
    if {currency for _, currency in kept} <= {order.currency}:
        if sum(amount for amount, _ in kept) in (0, order.total):
            return None
    taken = " + ".join(f"{amount} {currency}" for amount, currency in kept)
    total = f"its total is {order.total} {order.currency}"
    return Wrong(order.id, f"{taken} captured and not given back {where}, {total}")


def paid_once(books, _):
    for order in books.orders:
        captured = [each.id for each in books.payments_of[order.id] if each.state == CAPTURED]
        charged = [each.reference for each in books.charges_of[order.id] if books.left(each)]
        least, most = (1, 1) if order.state in _PAID else (0, int(order.state in UNDER_WAY))
        if least <= len(captured) <= most and least <= len(charged) <= most:
            yield None
        else:
            wanted = "one capture is" if least else "no capture is"
            text = f"{order.state}, so {wanted} wanted; payments {captured}, ledger {charged}"
            yield Wrong(order.id, text)


def captures_have_orders(books, _):
    for payment in books.payments:
        if payment.state in _TAKEN:
            missing = payment.order_id not in books.order
            text = f"payment {payment.id} is {payment.state}, and there is no such order"
            yield Wrong(payment.order_id, text) if missing else None
    for charge in books.charges:
        if charge.approved:
            found = books.payment_of(charge)
            text = f"the provider charged {charge.amount} under {charge.reference}, for no payment"
            yield None if found else Wrong(books.order_of(charge), text)


def payments_fit_orders(books, _):
    """Whose order it is and what it costs, the order service says."""
    for payment in books.payments:
        order = books.order.get(payment.order_id)
        # A failed one from before there were reservations may have been of any amount.
        if order is None or not (payment.reservation_id or payment.state in _TAKEN):
            continue
        was = (payment.user_id, payment.amount, payment.currency)
        wanted = (order.user_id, order.total, order.currency)
        text = f"payment {payment.id} is of {was}, and the order of {wanted}"
        yield None if was == wanted else Wrong(order.id, text)


def all_decided(books, _):
    for order in books.orders:
        yield Wrong(order.id, f"still {order.state}") if order.state in UNDER_WAY else None
    for each in books.reservations:
        yield None if each.outcome else Wrong(each.order_id, f"reservation {each.id} has not ended")
    for each in books.payments:
        text = f"payment {each.id} still AUTHORIZED"
        yield Wrong(each.order_id, text) if each.state == "AUTHORIZED" else None
    for each in books.refunds:
        text = f"refund of payment {each.payment_id} is {each.state}"
        yield None if each.state == _DONE else Wrong(_order_of_refund(books, each), text)


def ledger_agrees(books, _):
    for payment in books.payments:
        yield _payment_against_ledger(books, payment)
    for each in books.returns:
        charge = books.charge_named.get(each.provider_reference)
        fits = charge is not None and charge.approved
        if not fits or (charge.amount, charge.currency) != (each.amount, each.currency):
            yield Wrong(
                books.order_of(charge) if charge else None,
                f"the provider gave {each.amount} {each.currency} back for "
                f"{each.provider_reference}, which is no charge of that amount",
            )


def _payment_against_ledger(books, payment):
    charge = books.charge_of.get(payment.id)
    name = f"payment {payment.id} is {payment.state}"
    if payment.state not in _TAKEN:
        charged = charge is not None and charge.approved
        return Wrong(payment.order_id, f"{name}, and the provider charged") if charged else None
    if charge is None or not charge.approved:
        return Wrong(payment.order_id, f"{name}, and the provider did not charge")
    if (charge.amount, charge.currency) != (payment.amount, payment.currency):
        text = f"{payment.amount} {payment.currency}, charged {charge.amount} {charge.currency}"
        return Wrong(payment.order_id, f"payment {payment.id} of {text}")
    if payment.provider_reference != charge.provider_reference:
        was, wanted = payment.provider_reference, charge.provider_reference
        return Wrong(payment.order_id, f"payment {payment.id} is charge {was}, and was {wanted}")
    given_back = charge.provider_reference in books.returns_of
    if given_back != (payment.state == REFUNDED):
        text = "gave it back" if given_back else "did not give it back"
        return Wrong(payment.order_id, f"{name}, and the provider {text}")
    return None


def refunds_agree(books, _):
    """What the payment service has given back, by its own rows, the provider has, once."""
    for payment in books.payments:
        refund = books.refund_of.get(payment.id)
        state = refund.state if refund else None
        text = f"payment {payment.id} is {payment.state}, its refund {state or 'none'}"
        agrees = (payment.state == REFUNDED) == (state == _DONE)
        yield None if agrees else Wrong(payment.order_id, text)
    for refund in books.refunds:
        payment = books.payment.get(refund.payment_id)
        charges = [payment.provider_reference] if payment and refund.state == _DONE else []
        found = [each.provider_reference for each in books.returns_for[refund.id]]
        # While it is PENDING the provider may just have done it.
        if found != charges and refund.state != "PENDING":
            text = f"refund of payment {refund.payment_id} is {refund.state}, given back: {found}"
            yield Wrong(_order_of_refund(books, refund), text)
    for reference, returns in books.returns_of.items():
        names = [each.reference for each in returns]
        if len(names) > 1 or names[0] not in books.refund:
            charge = books.charge_named.get(reference)
            text = f"the provider gave {reference} back under {names}: not once, or for no refund"
            yield Wrong(books.order_of(charge) if charge else None, text)


def _order_of_refund(books, refund):
    payment = books.payment.get(refund.payment_id)
    return payment.order_id if payment else None


def reservations_agree(books, _):
    for each in books.reservations:
        payment = books.payment_under.get(each.id)
        state = payment.state if payment else None
        if each.outcome == CAPTURED:
            fits = state in _TAKEN
        else:
            fits = state in (None, FAILED) if each.outcome else state not in _TAKEN
        if fits and payment and payment.order_id == each.order_id or fits and not payment:
            yield None
        else:
            held = (
                f"payment {payment.id} of order {payment.order_id} {state}" if payment else "none"
            )
            text = f"reservation {each.id} ended {each.outcome}, its payment: {held}"
            yield Wrong(each.order_id, text)
    for order in books.orders:
        ended = [each.id for each in books.reservations_of[order.id] if each.outcome]
        text = f"it is PENDING, and reservations {ended} have ended"
        yield Wrong(order.id, text) if ended and order.state == "PENDING" else None
    for payment in books.payment_under.values():
        if payment.reservation_id not in books.reservation:
            # A failed one may be forgotten.
            text = f"payment {payment.id} is {payment.state} under no reservation"
            yield Wrong(payment.order_id, text) if payment.state in _TAKEN else None


def orders_whole(books, _):
    for order in books.orders:
        text = f"its lines add up to {order.lines}, its total is {order.total}"
        yield None if order.lines == order.total else Wrong(order.id, text)


def orders_as_answered(books, record):
    for answer in record.orders.values():
        order, total = books.order.get(answer["id"]), answer["total"]
        if order is None:
            yield Wrong(answer["id"], "acknowledged, and lost")
            continue
        was = (answer["userId"], total["amount"], total["currency"])
        now = (order.user_id, order.total, order.currency)
        yield None if was == now else Wrong(order.id, f"acknowledged as {was}, it is {now}")


def payments_as_answered(books, record):
    """An answer to a payment says how it has ended, and what is there."""
    for key, answer in record.payments.items():
        payment, reservation = books.payment.get(answer["id"]), books.reservation_for.get(key)
        name = f"payment {answer['id']} was answered"
        was = tuple(answer[each] for each in ("orderId", "userId", "amount", "currency"))
        if answer["status"] not in _ANSWERED:
            text = f"{name} {answer['status'] or 'without a state'}, which is no end"
        elif payment is None:
            text = f"{name}, and is lost"
        elif was != (now := (payment.order_id, payment.user_id, payment.amount, payment.currency)):
            text = f"{name} as {was}, and is {now}"
        elif reservation is None or reservation.id != payment.reservation_id:
            text = f"{name}, and is not the reservation's of its key {key}"
        else:
            text = ""
        yield Wrong(answer["orderId"], text) if text else None


def captured_as_answered(books, record):
    for key, answer in record.payments.items():
        if answer["status"] == CAPTURED:
            yield _captured_as_answered(books, key, answer)


def _captured_as_answered(books, key, answer):
    order_id, name = answer["orderId"], f"payment {answer['id']} was answered CAPTURED"
    payment, reservation = books.payment.get(answer["id"]), books.reservation_for.get(key)
    if payment is None:
        return Wrong(order_id, f"{name}, and is lost")
    if payment.state not in _TAKEN:
        return Wrong(order_id, f"{name}, and is {payment.state}")
    charge = books.charge_of.get(payment.id)
    reference = reservation.id if reservation else None
    if charge is None or charge.reference != reference or not charge.approved:
        return Wrong(order_id, f"{name}, and the provider did not charge under {reference}")
    return None


def failed_as_answered(books, record):
    for key, answer in record.payments.items():
        if answer["status"] != FAILED:
            continue
        name = f"payment {answer['id']} was answered FAILED"
        payment, reservation = books.payment.get(answer["id"]), books.reservation_for.get(key)
        references = {reservation.id if reservation else None}
        references.add(payment.reservation_id if payment else None)
        charged = [c for c in books.charges_of[answer["orderId"]] if c.reference in references]
        if any(each.approved for each in charged):
            yield Wrong(answer["orderId"], f"{name}, and the provider charged")
        elif payment is None or payment.state != FAILED:
            now = payment.state if payment else "lost"
            yield Wrong(answer["orderId"], f"{name}, and is {now}")
        else:
            yield None


def answers_once(_, record):
    yield from [None] * (len(record.orders) + len(record.payments))
    for order_id, text in record.contradictions:
        yield Wrong(order_id, text)


def refusals_true(books, record):
    """A payment that was refused for good took nothing, and was refused for what is so."""
    for key, (order_id, problem) in record.refused.items():
        mine = books.reservation_for.get(key)
        ended = [r for r in books.reservations_of[order_id] if r.outcome == CAPTURED]
        order = books.order.get(order_id)
        if mine and mine.outcome == CAPTURED:
            yield Wrong(order_id, f"key {key} was refused ({problem}), and it was charged for")
        elif problem == ALREADY_PAID and not ended:
            yield Wrong(order_id, f"key {key} was refused as already paid, and it never was")
        # What costs nothing is not payable in any state.
        elif problem == NOT_PAYABLE and order and order.total and order.state != "CANCELLED":
            yield Wrong(order_id, f"key {key} was refused as not payable, and it is {order.state}")
        else:
            yield None


def cancelled_as_answered(books, record):
    for order_id, answered in record.cancelled.items():
        order = books.order.get(order_id)
        if order is None or order.state != "CANCELLED":
            now = order.state if order else "lost"
            yield Wrong(order_id, f"cancelled, answered {answered}, and is {now}")
        else:
            yield None
    for payment_id, order_id in record.refunded.items():
        payment = books.payment.get(payment_id)
        now = payment.state if payment else "lost"
        text = f"the refund of payment {payment_id} was accepted, and it is {now}"
        yield None if now == REFUNDED else Wrong(order_id, text)


def called_off_as_asked(books, record):
    """What is acknowledged stays, unless a client has asked for its end."""
    for order in _orders_of_clients(books, record):
        given_back = [p.id for p in books.payments_of[order.id] if p.state == REFUNDED]
        off = order.state in _OFF or given_back
        text = f"{order.state}, payments given back: {given_back}; no client asked for that"
        yield Wrong(order.id, text) if off and order.id not in record.called_off else None


def seen_as_answered(books, record):
    for order_id in record.seen_paid:
        captured = [p.id for p in books.payments_of[order_id] if p.state in _TAKEN]
        text = f"clients saw it PAID, and it was captured by payments {captured}"
        yield None if len(captured) == 1 else Wrong(order_id, text)


def nothing_unasked(books, record):
    """Of the clients' users there is no order, and of their orders no reservation, without a key
    that they have sent; and for each key one order.
    """
    made = {each.order_id: each.key for each in books.creations}
    acknowledged = {order["id"] for order in record.orders.values()}
    theirs = _orders_of_clients(books, record)
    for order in theirs:
        if order.id in acknowledged or made.get(order.id) in record.order_keys - set(record.orders):
            yield None
        else:
            yield Wrong(order.id, "clients did not ask for it, or were answered another one")
    for order in theirs:
        for each in books.reservations_of[order.id]:
            asked = record.payment_keys.get(each.key) == order.id
            text = f"reservation {each.id} with key {each.key}, with which no client paid for it"
            yield None if asked else Wrong(order.id, text)


def _orders_of_clients(books, record):
    users = set(record.users)
    return [order for order in books.orders if order.user_id in users]


# Of the books alone.
BOOK_RULES = (
    ("captured less given back is 0 or the total, by payments", net_in_payments),
    ("captured less given back is 0 or the total, by the provider's ledger", net_in_ledger),
    ("an order is PAID or FULFILLED with exactly one capture, else has none", paid_once),
    ("every capture belongs to an order", captures_have_orders),
    ("payments are their orders' users', of their totals", payments_fit_orders),
    ("every reservation, payment and refund is decided", all_decided),
    ("payments and the provider's ledger agree", ledger_agrees),
    ("refunds, payments and what the provider gave back agree", refunds_agree),
    ("reservations and payments agree", reservations_agree),
    ("the lines of every order add up to its total", orders_whole),
)
# Of what clients were answered, too.
ANSWER_RULES = (
    ("every order that was acknowledged is there, unchanged", orders_as_answered),
    ("every payment that was answered is there as it was, and has ended", payments_as_answered),
    ("every payment answered CAPTURED was captured", captured_as_answered),
    ("every payment answered FAILED took nothing", failed_as_answered),
    ("every payment that was refused took nothing, and the reason is true", refusals_true),
    ("every key got one answer, however often it was sent", answers_once),
    ("what was cancelled or refunded by an answer is so", cancelled_as_answered),
    ("nothing was called off or given back unasked", called_off_as_asked),
    ("every order that was seen PAID was captured once", seen_as_answered),
    ("no order and no reservation is there that no client asked for", nothing_unasked),
)


RULES = BOOK_RULES + ANSWER_RULES


def judge(books, record=None):
    """By the rule's name: how much it has looked at, and what is wrong. Without a record only the
    rules of the books.
    """
    found = {}
    for name, rule in BOOK_RULES if record is None else RULES:
        looked_at = list(rule(books, record))
        wrong = [each for each in looked_at if each]
        found[name] = (len(looked_at), sorted(wrong, key=lambda each: each.order_id or 0))
    return found
