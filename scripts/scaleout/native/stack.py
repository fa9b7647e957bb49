"""What can be done to a native stack, and in which order.

Up: PostgreSQL and Redis, the services, the gateways, nginx last. Down is the other way round, so
that no part loses what it depends on while it still has work. Each method that changes the stack
holds RUN_DIR/lock. Progress goes to the console.
"""

import contextlib
import fcntl
import os
import secrets
import time

from scaleout.errors import StackError
from scaleout.native import places, postgres, preconditions, processes, redis, settings
from scaleout.native.breaking import Breaking
from scaleout.native.keys import Keys
from scaleout.native.nginx import Nginx
from scaleout.native.parts import Parts
from scaleout.native.supervisor import Supervisor, gateway_program, service_program
from scaleout.topology import REDIS_SERVERS, SERVICES

_HAS_PROCESS = ("RUNNING", "STARTING", "STOPPING")


class Stack(Breaking):
    """One stack, up or not. `settings` are those of the stack that runs, if one does."""

    def __init__(self, stack_settings, console):
        self.settings = stack_settings
        self.places = places.Places(stack_settings.run_dir)
        self.supervisor = Supervisor(stack_settings, self.places)
        self.parts = Parts(stack_settings, self.places, self.supervisor)
        self._nginx = Nginx(stack_settings, self.places, self.supervisor)
        self._console = console

    @contextlib.contextmanager
    def _locked(self):
        with open(self.places.lock, "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._console.say("another command is at work on this stack; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _changing(self):
        """Holds the lock, with the settings as the last command that changed them left them."""
        with self._locked():
            now = settings.load(self.settings.run_dir)
            if now is not None:
                vars(self.settings).update(vars(now))
            yield

    def _start_gateways(self, *numbers):
        """Returns when they are ready and, unless a service is down, connected to all services: the
        first requests that nginx sends should not be the ones that find out.
        """
        for k in numbers:
            self.supervisor.start(gateway_program(k))
        self.parts.await_healthy(*map(gateway_program, numbers))
        self.parts.await_backends(numbers)

    # Up

    def up(self):
        """Starts everything; False if another command has done so meanwhile."""
        began = time.monotonic()
        preconditions.check_binaries(self.settings.bin_dir)
        preconditions.check_identity_variables(self.settings)
        self.places.claim()
        with self._locked():
            if self.supervisor.is_up():
                return False
            self.places.create()
            self._sweep_leftovers()
            preconditions.check_ports(self.settings)
            self._nginx.forget_flags()
            self._nginx.forget_cache()
            fresh = postgres.Postgres(self.places).prepare()
            redis.prepare(self.places)
            Keys(self.settings, self.places).prepare()
            self.supervisor.write_config()
            self._nginx.write_config()
            self._nginx.check()
            self.settings.save()
            self.supervisor.start_daemon()

            try:
                self._start_everything(fresh)
            except BaseException:
                # A half-started stack would only confuse the next `up`. The logs stay.
                self.supervisor.stop_daemon()
                raise
        self._console.say()
        count = len(self.settings.gateways)
        self._console.done(
            f"Up in {time.monotonic() - began:.1f} s: {count} gateways behind {self.settings.url}"
        )
        self._console.say(f"  try    curl {self.settings.url}/api/count")
        if self.settings.tls_url:
            self._console.say(f"  HTTPS  {self.settings.tls_url}")
        self._console.say(
            "  then   make demo, make status, make logs, make scale GATEWAYS=5, make down"
        )
        return True

    def _start_everything(self, fresh):
        self._start("databases", "postgres", *REDIS_SERVERS)
        # Which services have theirs, and of how many connections each has a share: a stack with
        # data may meet a service that is newer, or another number.
        made = self.places.run_dir / "databases-made"
        wanted = "".join(f"{line}\n" for line in (*SERVICES, postgres.connections_line()))
        if fresh or not made.exists() or made.read_text() != wanted:
            postgres.Postgres(self.places).create_databases()
            made.write_text(wanted)
        for service in SERVICES:
            self._activate(service, self.settings.slots[service])
        self._start("services", *map(self.parts.active_program, SERVICES))
        began = time.monotonic()
        self._start_gateways(*self.settings.gateways)
        self._report("gateways", map(gateway_program, self.settings.gateways), began)
        self._start("nginx", "nginx")

    def _start(self, label, *names):
        began = time.monotonic()
        for name in names:
            self.supervisor.start(name)
        self.parts.await_healthy(*names)
        self._report(label, names, began)

    def _report(self, label, names, began):
        self._console.step(label, f"{', '.join(names)} ({time.monotonic() - began:.1f} s)")

    def _sweep_leftovers(self):
        left = processes.leftovers(self.settings.run_dir, self.places)
        if left:
            self._console.step("leftovers", f"ending {len(left)} processes of a stack that crashed")
            processes.end(left, seconds=20)
        for socket in self.places.scratch.glob("*.sock"):
            socket.unlink()
        for pid_file in (
            self.places.run_dir / "supervisord.pid",
            self.places.scratch / "nginx" / "nginx.pid",
        ):
            pid_file.unlink(missing_ok=True)

    def adjust(self):
        """`up` on a stack that is up: starts what is down, and takes the number of gateways and the
        strategy from the environment.
        """
        with self._changing():
            programs = self.supervisor.programs()
            for name in self.parts.expected_programs(programs):
                if programs[name]["statename"] not in ("RUNNING", "STARTING"):
                    self._start("started again", name)
        wanted = settings.gateways_wanted()
        if wanted and wanted != len(self.settings.gateways):
            self.scale(wanted)
        strategy = settings.strategy_wanted()
        if strategy and strategy != self.settings.strategy:
            self.balance(strategy)
        proxy_cache = settings.proxy_cache_wanted()
        if proxy_cache and proxy_cache != self.settings.proxy_cache:
            self.set_proxy_cache(proxy_cache)
        self._warn_of_what_up_does_not_change()
        self._console.done(
            f"Up already: {len(self.settings.gateways)} gateways behind {self.settings.url}"
        )

    def _warn_of_what_up_does_not_change(self):
        programs = self.supervisor.programs()
        if any(
            processes.was_replaced(programs[name]["pid"])
            for name in self.parts.expected_programs(programs)
        ):
            self._console.warn(
                "  the programs were built anew since this stack started: "
                "scripts/stack.sh restart takes them, live"
            )
        asked = settings.from_environment(self.settings.run_dir)
        for name in ("http_port", "tls_port"):
            port = getattr(self.settings, name)
            if os.environ.get(name.upper()) and getattr(asked, name) != port:
                self._console.warn(f"  {name.upper()} stays {port}; `make down` first")
        changed = [
            name
            for name, value in asked.variables.items()
            if self.settings.variables.get(name) != value
        ]
        if changed:
            self._console.warn(f"  {', '.join(changed)} will count at the next `make down up`")

    # Down

    def down(self):
        began = time.monotonic()
        with self._changing():
            if self.supervisor.is_up():
                self._drain()
                if not self.supervisor.stop_daemon():
                    self._console.warn("  supervisord did not go by itself")
            left = processes.leftovers(self.settings.run_dir, self.places)
            if left:
                self._console.step("leftovers", f"ending {len(left)} processes")
                left = processes.end(left, seconds=20)
            if left:
                raise StackError(f"processes {left} would not end")
            self._sweep_leftovers()
        self._console.done(f"Down in {time.monotonic() - began:.1f} s")

    def _drain(self):
        programs = self.supervisor.programs()
        running = [
            name
            for name, info in programs.items()
            if info["statename"] not in ("STOPPED", "EXITED", "FATAL")
        ]
        for label, members in (
            ("nginx", ["nginx"]),
            ("gateways", [name for name in running if name.startswith("api-gateway-")]),
            ("services", [name for name in running if name.startswith(SERVICES)]),
            ("databases", [*REDIS_SERVERS, "postgres"]),
        ):
            members = [name for name in members if name in running]
            if members:
                began = time.monotonic()
                self.supervisor.stop(*members)
                self._console.step(f"{label} stopped", f"{time.monotonic() - began:.1f} s")

    # Live changes

    def scale(self, count):
        """New gateways are ready before they are in nginx's configuration; the others are out of it
        before they stop.
        """
        with self._changing():
            began = time.monotonic()
            wanted = list(range(1, count + 1))
            new = [k for k in wanted if k not in self.settings.gateways]
            old = [k for k in self.settings.gateways if k not in wanted]
            if not new and not old:
                self._console.say(f"  there are {count} gateways already")
                return
            self._check_new_ports(new)
            self._start_gateways(*new)
            self._route_to(wanted)
            self.supervisor.stop(*map(gateway_program, old))
            self._console.step("scaled", f"{count} gateways ({time.monotonic() - began:.1f} s)")

    def _check_new_ports(self, new):
        programs = self.supervisor.programs()
        for k in new:
            # One that was stopped a moment ago may still drain, and hold its port itself.
            if programs[gateway_program(k)]["statename"] not in _HAS_PROCESS:
                preconditions.check_gateway_port(self.settings, k)

    def _route_to(self, gateways):
        self.settings.gateways = sorted(gateways)
        self._nginx.reload()
        self.settings.save()

    def balance(self, strategy):
        with self._changing():
            self.settings.strategy = strategy
            self._nginx.reload()
            self.settings.save()
            self._console.step("balancing", strategy)

    def set_proxy_cache(self, value):
        with self._changing():
            self.settings.proxy_cache = value
            self._nginx.reload()
            self.settings.save()
            self._console.step("proxy cache", value)

    def purge(self):
        """nginx finds no answer again that it stored before; what it keeps of them ages out."""
        with self._changing():
            if self.settings.proxy_cache != "on":
                raise StackError("nginx stores no answers: PROXY_CACHE is off")
            self.settings.cache_version = secrets.token_hex(4)
            self._nginx.reload()
            self.settings.save()
            self._console.step("purged", f"version {self.settings.cache_version}")

    def stop(self, part, k=None):
        """Stops one part with its drain; a gateway is out of nginx's configuration before."""
        with self._changing():
            program = self.parts.program_of(part, k)
            if k in self.settings.gateways and program == gateway_program(k):
                self._route_to([other for other in self.settings.gateways if other != k])
            self.supervisor.stop(program)
            self._console.step("stopped", program)

    def start(self, part, k=None):
        with self._changing():
            program = self.parts.program_of(part, k)
            if k and program == gateway_program(k):
                self._start_gateways(k)
                if k not in self.settings.gateways:
                    self._route_to([*self.settings.gateways, k])
            else:
                self.supervisor.start(program)
                self.parts.await_healthy(program)
                # The gateways connect again once a second; the caller wants to use the part.
                self.parts.await_backends(self.settings.gateways)
            self._console.step("started", program)

    def restart(self, part=None, k=None):
        """One part, or all services and gateways in turn. A gateway or a service is replaced while
        others serve.
        """
        with self._changing():
            if part is None:
                for service in SERVICES:
                    self._replace_service(service)
                for each in list(self.settings.gateways):
                    self._replace_gateway(each)
                return
            program = self.parts.program_of(part, k)
            if program == gateway_program(k or 0):
                self._replace_gateway(k)
            elif program.startswith(SERVICES):
                self._replace_service(program.rpartition("-")[0])
            else:
                self.supervisor.stop(program)
                self._start("restarted", program)

    def rotate_keys(self, drop_old=False):
        """The user service signs with a new key from now on; the gateways know it before, and the
        old one too, or with `drop_old` only the one that is signed with. False if it ended a
        rotation that had broken off late, instead of making another key.
        """
        with self._changing():
            keys = Keys(self.settings, self.places)
            if not keys.are_known:
                raise StackError("these programs sign no tokens")
            is_new = True
            if drop_old:
                keys.drop_old()
            else:
                is_new = keys.prepare_next()
            for k in list(self.settings.gateways):
                self._replace_gateway(k)
            if not drop_old:
                keys.take_next()
                self._replace_service("user-service")
                keys.end_rotation()
            self._console.step("keys", "the old one is dropped" if drop_old else "rotated")
            return is_new

    def _replace_gateway(self, k):
        began = time.monotonic()
        program = gateway_program(k)
        others = [other for other in self.settings.gateways if other != k]
        if others:
            self._route_to(others)
        self.supervisor.stop(program)
        self._start_gateways(k)
        self._route_to([*others, k])
        self._console.step("restarted", f"{program} ({time.monotonic() - began:.1f} s)")

    def _replace_service(self, service):
        """The next one serves before the old one drains; the gateways follow the link when the old
        one closes their connections.
        """
        began = time.monotonic()
        old = self.settings.slots[service]
        new = "b" if old == "a" else "a"
        self.supervisor.start(service_program(service, new))
        self.parts.await_healthy(service_program(service, new))
        self._activate(service, new)
        self.settings.save()
        self.supervisor.stop(service_program(service, old))
        self._console.step("restarted", f"{service} ({time.monotonic() - began:.1f} s)")

    def _activate(self, service, slot):
        self.settings.slots[service] = slot
        link = self.supervisor.service_link(service)
        draft = link.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(self.supervisor.service_socket(service, slot).name)
        draft.rename(link)
