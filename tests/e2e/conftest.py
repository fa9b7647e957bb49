"""Fixtures of the e2e ring. Tests share one stack where they leave it as they found it."""

import pytest

from native_stack import LoneGateway, NativeStack
from scaleout.driver.native import NativeDriver


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
