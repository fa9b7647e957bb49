"""Fixtures of the e2e ring. Tests share one stack where they leave it as they found it.

A test that failed while the machine stood still runs again: then a gateway may rightly have found
Redis away or a deadline passed. Where nothing stood still, what fails has failed.
"""

import time

import pytest
from _pytest.runner import runtestprotocol

from native_stack import LoneGateway, NativeStack, standstills
from scaleout.driver.native import NativeDriver

_TRIES = 3
_RAN_AGAIN = []


def pytest_terminal_summary(terminalreporter):
    for name in _RAN_AGAIN:
        terminalreporter.write_line(f"ran again, because the machine stood still: {name}")


def pytest_runtest_protocol(item, nextitem):
    still = standstills()
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for left in reversed(range(_TRIES)):
        item._initrequest()  # fixtures of its own for each try
        began = time.monotonic()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if not left or not any(report.failed for report in reports):
            break
        time.sleep(0.1)  # until a standstill has been noticed, too
        if not still.touched(began, time.monotonic()):
            break
        _RAN_AGAIN.append(item.nodeid)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture(scope="session")
def stack():
    made = NativeStack(GATEWAYS="3")
    try:
        made.up()
        yield made
    finally:
        made.remove()


@pytest.fixture
def driver(stack):
    """The stack as experiments handle it."""
    return NativeDriver(stack.run_dir)


@pytest.fixture
def client(stack):
    with stack.client() as made:
        yield made


@pytest.fixture(scope="module")
def lone_gateway():
    """With short timeouts, so that waiting for them is short too."""
    made = LoneGateway(
        GATEWAY_HEAD_TIMEOUT="1s", GATEWAY_BODY_TIMEOUT="1s", GATEWAY_IDLE_TIMEOUT="2s"
    )
    yield made
    made.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows what the stack's own programs had to say."""
    outcome = yield
    report = outcome.get_result()
    made = item.funcargs.get("stack") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and made is not None:
        for part in sorted(made.run_dir.glob("log/*.log")):
            report.sections.append(
                (
                    f"end of {part.name}",
                    "\n".join(part.read_text(errors="replace").splitlines()[-8:]),
                )
            )
