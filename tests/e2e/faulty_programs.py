"""Programs of a native stack with one gateway, each of which can be started with a fault."""

import contextlib
import subprocess
from pathlib import Path

import httpx

from native_stack import BIN_DIR, NativeStack, eventually
from scaleout.driver.native import NativeDriver
from scaleout.load.client import PAST_THE_CACHE
from scaleout.native.supervisor import service_program

SWEEP_SECONDS = 3.0
_SETTINGS = {
    "GATEWAYS": "1",
    "GATEWAY_DRAIN_GRACE": "0ms",
    "SERVICE_DRAIN_GRACE": "0ms",
    "EVENTS": "on",
    "ORDER_SETTLE_AFTER": "1500ms",
    "PROVIDER_TIMEOUT": "300ms",
    "PROVIDER_LEASE": "2300ms",
    "PROVIDER_SETTLE_AFTER": f"{SWEEP_SECONDS * 1000:.0f}ms",
    "PROVIDER_SETTLE_DELAY": "1s",
    # What dies is not to be left alone afterwards.
    "GATEWAY_BREAKER_MINIMUM_CALLS": "1000000",
}


def new_stack():
    """Whose sweepers wait for seconds."""
    return NativeStack(**_SETTINGS)


def points_of(program):
    printed = subprocess.run(
        [BIN_DIR / program, "--fault-points"], text=True, capture_output=True, check=True
    ).stdout
    return [line.split("\t")[0] for line in printed.splitlines()]


class Programs:
    """Each can be started with a fault, as often as a test wants."""

    def __init__(self, stack):
        self._run_dir = stack.run_dir
        self._native = NativeDriver(stack.run_dir).stack()
        self._url = stack.gateway_url()

    @contextlib.contextmanager
    def faulty(self, program, fault):
        """In the place of the supervisor's: yields the process. Afterwards it is gone, and the
        supervisor's runs again.
        """
        name = self._native.parts.program_of(program, 1)
        supervisor = self._native.supervisor
        environment = Path(f"/proc/{supervisor.pid(name)}/environ").read_text().split("\0")
        faults = ["LAB_FAULTS=on", f"FAULT={fault}"]
        supervisor.stop(name)
        with open(self._run_dir / "log" / f"faulty-{program}.log", "a") as log:
            process = subprocess.Popen(
                [BIN_DIR / program],
                env=dict(line.split("=", 1) for line in [*environment, *faults] if line),
                cwd=self._run_dir,
                stdout=log,
                stderr=log,
            )
        try:
            self._await(name)
            yield process
        finally:
            process.kill()
            process.wait()
            # A socket that refuses would cost the next one's first probe a second.
            self._socket_of(name).unlink(missing_ok=True)
            supervisor.start(name)
            self._await(name)

    @contextlib.contextmanager
    def second(self, service):
        """Runs beside the first one meanwhile, without its calls: it sweeps, and handles events."""
        name = service_program(service, "b")
        self._native.supervisor.start(name)
        try:
            eventually(lambda: self._native.parts.is_healthy(name), 30)
            yield
        finally:
            self._native.supervisor.stop(name)

    def _socket_of(self, name):
        return Path(self._native.places.scratch) / f"{name}.sock"

    def _await(self, name):
        eventually(lambda: self._native.parts.is_healthy(name), 30)
        eventually(self._answers_from_all, 10)

    def _answers_from_all(self):
        """Whether the gateway has found the service again, in the eyes of a client."""
        return all(
            httpx.get(f"{self._url}/api/{path}", headers=PAST_THE_CACHE).status_code == 200
            for path in ("users?page_size=1", "orders?user_id=1", "payments?user_id=1")
        )
