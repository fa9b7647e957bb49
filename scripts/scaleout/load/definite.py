"""Which answers say what became of a request. After another one a careful client repeats it, with
the same Idempotency-Key.
"""

# No answer at all, or one that may have come before, in the middle of, or after the change.
INDEFINITE = (0, 409, 429, 502, 503, 504)
ALREADY_PAID = "/problems/order-already-paid"
NOT_PAYABLE = "/problems/order-not-payable"
RESERVATION_ENDED = "/problems/reservation-ended"
NOT_REFUNDABLE = "/problems/order-not-refundable"
# Conflicts that repeating does not change. Others are with what is just under way.
FINAL_CONFLICTS = (ALREADY_PAID, NOT_PAYABLE, RESERVATION_ENDED, NOT_REFUNDABLE)


def problem_of(answer):
    """The type of the problem that an answer is, or ""."""
    return (answer.json().get("type") or "") if answer.status >= 400 else ""


def is_definite(answer):
    if answer.status == 409:
        return problem_of(answer) in FINAL_CONFLICTS
    return answer.status not in INDEFINITE


def label(answer):
    """Such as "409 /problems/order-already-paid"; of a success the state of what it is about."""
    if 200 <= answer.status < 300:
        return f"{answer.status} {answer.json().get('status', '')}".strip()
    return f"{answer.status} {problem_of(answer)}".strip() if answer.status else "no answer"
