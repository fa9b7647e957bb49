"""What every error answer has to be: an RFC 9457 problem document."""

_CODES = {
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
}


def check_problem(answer, status, code=None):
    """Checks the document and returns it. `answer` is an httpx response."""
    assert answer.status_code == status, f"{answer.status_code}, not {status}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-instance-id"]
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank" or problem["type"].startswith("/problems/")
    for member in ("title", "detail", "instance"):
        assert problem[member], f"{member} is missing: {problem}"
    assert problem["code"] in _CODES
    if code is not None:
        assert problem["code"] == code
    assert problem["requestId"] == answer.headers["x-request-id"]
    return problem


def pointers(problem):
    """Which fields were refused."""
    for error in problem["errors"]:
        assert error["detail"], error
    return {error["pointer"] for error in problem["errors"]}
