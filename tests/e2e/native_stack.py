"""A native stack of a test's own: its own run directory, its own ports, gone afterwards whatever
happens.
"""

import contextlib
import functools
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

import log_secrets

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from scaleout.load.definite import INDEFINITE  # noqa: E402
from scaleout.load.standstills import Standstills  # noqa: E402
from scaleout.topology import (  # noqa: E402
    BACKENDS,
    GATEWAY_PREFIXES,
    IDENTITY_PREFIXES,
    SANITIZER_OPTIONS,
    SERVICE_PREFIXES,
)

BIN_DIR = Path(
    os.environ.get("BIN_DIR") or ROOT / "build" / (os.environ.get("PRESET") or "release") / "bin"
)
# What a program of a test's own needs beside its settings.
SANITIZER_ENVIRONMENT = {name: os.environ[name] for name in SANITIZER_OPTIONS if name in os.environ}
# What a bound on time allows beside what is promised: a machine whose processors are shared with
# others may stand still for two seconds.
STANDSTILL_SECONDS = 5.0
_OF_OTHER_STACKS = (
    *GATEWAY_PREFIXES,
    *SERVICE_PREFIXES,
    *IDENTITY_PREFIXES,
    *("GATEWAYS", "EVENTS", "NGINX_", "LB_", "PROXY_CACHE", "TLS_", "STACK"),
)
_TRIES = 4
# nginx and ten gateways.
_PORTS = 11
_SANITIZER_REPORT = re.compile(r"^SUMMARY: \w+Sanitizer: .*|^.*: runtime error: .*", re.MULTILINE)


def own_environment():
    """The caller's variables without those that it has set for another stack."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(_OF_OTHER_STACKS)
    }


def new_home():
    """A directory for a stack; in memory if there is room, because a new database writes a lot."""
    memory = Path("/dev/shm")
    try:
        room = os.statvfs(memory)
        parent = (
            memory
            if room.f_bavail * room.f_frsize > 2**31 and os.access(memory, os.W_OK)
            else None
        )
    except OSError:
        parent = None
    return Path(tempfile.mkdtemp(prefix="e2e-", dir=parent))


def free_ports(count=_PORTS):
    """The first of `count` neighbouring ports that are free."""
    for _ in range(100):
        first = random.randrange(20000, 30000 - count)
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise RuntimeError("no free range of ports")


def eventually(what, seconds=10.0, every=0.05):
    """Calls `what` until it answers something true; that answer. An assertion error of its own
    counts as not yet, and so does a problem document where something else was looked into.
    """
    deadline = time.monotonic() + seconds + STANDSTILL_SECONDS
    while True:
        try:
            answer = what()
            if answer:
                return answer
        except (AssertionError, LookupError, httpx.HTTPError):
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(every)


@functools.cache
def standstills():
    """Of the whole run."""
    return Standstills().__enter__()


def patient_client(still, **options):
    """A client that repeats what was refused while the machine stood still."""
    options.setdefault("timeout", 30)
    options.setdefault("transport", _Patient(still))
    return httpx.Client(**options)


def sanitizer_reports(source, output):
    """One line for each report in what a program wrote, with the name of its source."""
    return [f"{source}: {found}" for found in _SANITIZER_REPORT.findall(output)]


class _Patient(httpx.HTTPTransport):
    """A client's transport that repeats what was refused while the machine stood still, if it can
    be repeated: a deadline that passed while nothing ran says nothing about the stack.
    """

    def __init__(self, still, **options):
        super().__init__(**options)
        self._still = still

    def handle_request(self, request):
        repeatable = request.method == "GET" or "idempotency-key" in request.headers
        for _ in range(_TRIES - 1):
            began = time.monotonic()
            answer = super().handle_request(request)
            if answer.status_code not in INDEFINITE or not repeatable:
                return answer
            time.sleep(0.1)  # until the standstill has been noticed, too
            if not self._still.touched(began, time.monotonic()):
                return answer
            answer.close()
            time.sleep(0.5)
        return super().handle_request(request)


class NativeStack:
    def __init__(self, run_dir=None, **variables):
        self._home = None
        if run_dir is None:
            self._home = new_home()
            # Others may pass, so that the database need not move elsewhere; one test wants just
            # that, and says so.
            self._home.chmod(0o755)
        self.run_dir = Path(run_dir or self._home / "run")
        self.port = free_ports()
        self.still = standstills()
        self.variables = {
            **own_environment(),
            "RUN_DIR": str(self.run_dir),
            "HTTP_PORT": str(self.port),
            "BIN_DIR": str(BIN_DIR),
            # The stack takes a part out of the rotation before it stops it, so no client needs a
            # grace.
            "GATEWAY_DRAIN_GRACE": "200ms",
            "SERVICE_DRAIN_GRACE": "200ms",
            **variables,
        }

    # stack.sh

    def try_sh(self, *verb, typed=None, **variables):
        """`typed` on its standard input."""
        return subprocess.run(
            [str(ROOT / "scripts/stack.sh"), *map(str, verb)],
            env={**self.variables, **variables},
            input=typed,
            text=True,
            capture_output=True,
            check=False,
            timeout=120,
        )

    def sh(self, *verb, typed=None, **variables):
        result = self.try_sh(*verb, typed=typed, **variables)
        assert result.returncode == 0, f"stack.sh {verb}: {result.stdout}{result.stderr}"
        return result.stdout

    def up(self, **variables):
        return self.sh("up", **variables)

    def down(self):
        return self.sh("down")

    def remove(self):
        """Fails if a program of the stack has written a sanitizer's report, or a secret."""
        reports = log_secrets.find(self.run_dir)
        if os.environ.get("SANITIZED"):
            self.try_sh("down")
            for log in self.run_dir.glob("log/*.log*"):
                reports += sanitizer_reports(log.name, log.read_text(errors="replace"))
        result = self.try_sh("reset")
        if self._home:
            shutil.rmtree(self._home, ignore_errors=True)
        assert result.returncode == 0, result.stderr
        assert not reports, "\n".join(reports)

    # What it says

    @property
    def url(self):
        return f"http://localhost:{self.port}"

    def gateway_port(self, k=1):
        return self.port + k

    def gateway_socket(self, k=1):
        return (self.run_dir / "scratch").resolve() / f"api-gateway-{k}.sock"

    def gateway_url(self, k=1):
        return f"http://127.0.0.1:{self.gateway_port(k)}"

    def client(self, **options):
        return patient_client(self.still, base_url=self.url, **options)

    def pids(self):
        return json.loads(self.sh("pids", "--json"))

    def status(self):
        return json.loads(self.try_sh("status", "--json").stdout)

    def log(self, part):
        return (self.run_dir / "log" / f"{part}.log").read_text(errors="replace")

    def query(self, database, sql):
        return self.sh("psql", database, "-A", "-t", "-c", sql).strip()

    @contextlib.contextmanager
    def locked(self, database, table):
        """Every other statement on the table waits meanwhile: a very slow database."""
        with subprocess.Popen(
            [str(ROOT / "scripts/stack.sh"), "psql", database, "-A", "-t", "-q"],
            env=self.variables,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as holder:
            holder.stdin.write(
                f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;\n\\echo locked\n"
            )
            holder.stdin.flush()
            assert holder.stdout.readline().strip() == "locked"
            yield
            holder.stdin.close()


class LoneGateway:
    """A gateway without services, for what concerns its own listeners: a port and a Unix socket."""

    def __init__(self, socket_path=None, new_session=False, **variables):
        """`new_session`: in a process group of its own, for a test that signals all of it."""
        self.port = free_ports(1)
        self._socket_dir = tempfile.mkdtemp(prefix="e2e-")
        self.socket = socket_path or f"{self._socket_dir}/gateway.sock"
        nowhere = f"unix:{self._socket_dir}/nothing.sock"
        environment = {
            "PATH": os.environ["PATH"],
            "GATEWAY_LISTEN": f"127.0.0.1:{self.port},unix:{self.socket}",
            "GATEWAY_INSTANCE_ID": "lone-gateway",
            **{f"GATEWAY_{backend.upper()}_TARGET": nowhere for backend in BACKENDS},
            "LAB_ENDPOINTS": "on",
            "AUTH_MODE": "optional",
            **SANITIZER_ENVIRONMENT,
            **variables,
        }
        self._output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [str(BIN_DIR / "api-gateway")],
            env=environment,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=new_session,
        )
        try:
            eventually(lambda: httpx.get(f"{self.url}/readyz").status_code == 200, seconds=15)
        except BaseException:
            self.stop()
            raise

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_alive(self):
        return self.process.poll() is None

    def output(self):
        self._output.seek(0)
        return self._output.read()

    def descriptors(self):
        return psutil.Process(self.process.pid).num_fds()

    def stop(self):
        self.process.kill()
        self.process.wait()
        reports = sanitizer_reports("lone-gateway", self.output())
        self._output.close()
        shutil.rmtree(self._socket_dir, ignore_errors=True)
        assert not reports, "\n".join(reports)
