"""The verbs: what is done to the stack, and in which order.

Up: PostgreSQL and Redis, the services, the gateways, nginx last. Down is the other way round, so
that nothing loses what it stands on while it still has work. Each verb that changes the stack holds
RUN_DIR/lock.
"""

import contextlib
import fcntl
import os
import signal
import time

from native import health, places, postgres, processes, settings
from native.console import StackError, good, say, step, warn
from native.nginx import Nginx
from native.settings import SERVICES
from native.supervisor import RUNNING, Supervisor, gateway_program, service_program

_HEALTHY_SECONDS = 30
_WARM_UP_SECONDS = 3
# A program that exits this often before it is healthy will go on doing so.
_STARTS_THAT_FAIL = 3


@contextlib.contextmanager
def locked(where):
    with open(where.lock, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another command is at work on this stack; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Stack:
    def __init__(self, stack_settings):
        self.settings = stack_settings
        self.places = places.Places(stack_settings.run_dir)
        self.supervisor = Supervisor(stack_settings, self.places)
        self.nginx = Nginx(stack_settings, self.places, self.supervisor)

    @contextlib.contextmanager
    def _changing(self):
        """Holds the lock, and knows what whoever held it before has changed."""
        with locked(self.places):
            now = settings.load(self.settings.run_dir)
            if now is not None:
                vars(self.settings).update(vars(now))
            yield

    # Names

    def service_on_duty(self, service):
        return service_program(service, self.settings.slots[service])

    def program_named(self, name, k=None):
        """The supervised program that people call `name`; `k` counts gateways."""
        if name in ("api-gateway", "gateway"):
            if k is None:
                raise StackError("which gateway? such as: api-gateway 2")
            if not 1 <= k <= settings.MAX_GATEWAYS:
                raise StackError(f"gateways are numbered 1 to {settings.MAX_GATEWAYS}")
            return gateway_program(k)
        for service in SERVICES:
            if name in (service, service.removesuffix("-service")):
                return self.service_on_duty(service)
        if name in ("nginx", "postgres", "redis"):
            return name
        raise StackError(
            f"there is no {name} here; there are: nginx, api-gateway K, {', '.join(SERVICES)}, postgres, redis"
        )

    def programs_on_duty(self):
        """Everything that should run, in the order in which it starts."""
        return [
            "postgres",
            "redis",
            *map(self.service_on_duty, SERVICES),
            *map(gateway_program, self.settings.gateways),
            "nginx",
        ]

    # Health

    def is_healthy(self, program):
        if program == "postgres":
            return postgres.Postgres(self.places).is_ready()
        if program == "redis":
            return health.is_redis_up(self.places.scratch / "redis.sock")
        if program == "nginx":
            return health.is_nginx_up(self.settings.http_port)
        if program.startswith("api-gateway-"):
            return health.is_gateway_ready(
                self.settings.gateway_port(int(program.rpartition("-")[2]))
            )
        service, _, slot = program.rpartition("-")
        return health.is_service_serving(
            self.settings.bin_dir, self.supervisor.service_socket(service, slot)
        )

    def await_healthy(self, *programs):
        """Returns when all are well; explains which one is not, and what it said last."""
        deadline = time.monotonic() + _HEALTHY_SECONDS
        starts = {program: set() for program in programs}
        waiting = list(programs)
        while waiting:
            for program in list(waiting):
                info = self.supervisor.info(program)
                if info["statename"] in ("RUNNING", "STARTING") and self.is_healthy(program):
                    waiting.remove(program)
                    continue
                if info["statename"] in ("BACKOFF", "EXITED"):
                    starts[program].add(info["start"])
                if info["statename"] == "FATAL" or len(starts[program]) >= _STARTS_THAT_FAIL:
                    raise self.failure(program, "does not start")
            if waiting and time.monotonic() > deadline:
                raise self.failure(waiting[0], f"is not healthy after {_HEALTHY_SECONDS} s")
            if waiting:
                time.sleep(0.05)

    def start_gateways(self, *numbers):
        """Returns when they are ready and, unless a service is down, connected to all services: the
        first requests that nginx sends should not be the ones that find out.
        """
        for k in numbers:
            self.supervisor.start(gateway_program(k))
        self.await_healthy(*map(gateway_program, numbers))
        self._await_backends(numbers)

    def _await_backends(self, numbers):
        deadline = time.monotonic() + _WARM_UP_SECONDS
        for k in numbers:
            port = self.settings.gateway_port(k)
            while not health.has_backends(port) and time.monotonic() < deadline:
                time.sleep(0.05)

    def failure(self, program, what):
        log = self.places.log / f"{program}.log"
        return StackError(
            f"{program} {what}. The end of {log}:", self.supervisor.last_lines(program)
        )

    # Up

    def up(self):
        """Starts everything; False if somebody else has done so meanwhile."""
        began = time.monotonic()
        self._check_binaries()
        self.places.claim()
        with locked(self.places):
            if self.supervisor.is_up():
                return False
            self.places.create()
            self._sweep_leftovers()
            self._check_ports()
            self.nginx.forget_flags()
            fresh = postgres.Postgres(self.places).prepare()
            self.supervisor.write_config()
            self.nginx.write_config()
            self.nginx.check()
            self.settings.save()
            self.supervisor.start_daemon()

            try:
                self._start_everything(fresh)
            except BaseException:
                # A half-started stack would only confuse the next `up`. The logs stay.
                self.supervisor.stop_daemon()
                raise
        say()
        count = len(self.settings.gateways)
        good(f"Up in {time.monotonic() - began:.1f} s: {count} gateways behind {self.settings.url}")
        say(f"  try    curl {self.settings.url}/api/count")
        say("  then   make demo, make status, make logs, make scale GATEWAYS=5, make down")
        return True

    def _start_everything(self, fresh):
        self._start("databases", "postgres", "redis")
        # Which services have theirs: a stack with data may meet a service that is newer.
        made = self.places.run_dir / "databases-made"
        wanted = "".join(f"{service}\n" for service in SERVICES)
        if fresh or not made.exists() or made.read_text() != wanted:
            postgres.Postgres(self.places).create_databases()
            made.write_text(wanted)
        for service in SERVICES:
            self._put_on_duty(service, self.settings.slots[service])
        self._start("services", *map(self.service_on_duty, SERVICES))
        began = time.monotonic()
        self.start_gateways(*self.settings.gateways)
        self._report("gateways", map(gateway_program, self.settings.gateways), began)
        self._start("nginx", "nginx")

    def _start(self, label, *names):
        began = time.monotonic()
        for name in names:
            self.supervisor.start(name)
        self.await_healthy(*names)
        self._report(label, names, began)

    @staticmethod
    def _report(label, names, began):
        step(label, f"{', '.join(names)} ({time.monotonic() - began:.1f} s)")

    def _check_binaries(self):
        missing = [
            name
            for name in ("api-gateway", *SERVICES, "scaleout-probe")
            if not os.access(os.path.join(self.settings.bin_dir, name), os.X_OK)
        ]
        if missing:
            raise StackError(
                f"{', '.join(missing)} not found in {self.settings.bin_dir}; `make build` makes them"
            )

    def _check_ports(self):
        wanted = {self.settings.http_port: "nginx (HTTP_PORT)"}
        wanted |= {
            self.settings.gateway_port(k): gateway_program(k) for k in self.settings.gateways
        }
        taken = [
            f"port {port} for {who} is held by {processes.owner_of_port(port)}"
            for port, who in wanted.items()
            if not processes.is_port_free(port)
        ]
        if taken:
            raise StackError(
                "ports are taken; free them, or choose others with HTTP_PORT=...", taken
            )

    def _sweep_leftovers(self):
        left = processes.leftovers(self.settings.run_dir, self.places)
        if left:
            step("leftovers", f"ending {len(left)} processes of a stack that crashed")
            processes.end(left, seconds=20)
        for socket in self.places.scratch.glob("*.sock"):
            socket.unlink()
        for pid_file in (
            self.places.run_dir / "supervisord.pid",
            self.places.scratch / "nginx" / "nginx.pid",
        ):
            pid_file.unlink(missing_ok=True)

    def adjust(self):
        """`up` on a stack that is up: repairs what is down, takes the number of gateways and the
        strategy.
        """
        with self._changing():
            programs = self.supervisor.programs()
            down = [
                name
                for name in self.programs_on_duty()
                if programs[name]["statename"] not in ("RUNNING", "STARTING")
            ]
            for name in self.programs_on_duty():
                if name in down:
                    self._start("started again", name)
        wanted = settings.gateways_wanted()
        if wanted and wanted != len(self.settings.gateways):
            self.scale(wanted)
        strategy = settings.strategy_wanted()
        if strategy and strategy != self.settings.strategy:
            self.balance(strategy)
        self._warn_of_what_up_does_not_change()
        good(f"Up already: {len(self.settings.gateways)} gateways behind {self.settings.url}")

    def _warn_of_what_up_does_not_change(self):
        programs = self.supervisor.programs()
        if any(processes.was_replaced(programs[name]["pid"]) for name in self.programs_on_duty()):
            warn(
                "  the programs were built anew since this stack started: scripts/stack.sh restart takes them, live"
            )
        asked = settings.from_environment(self.settings.run_dir)
        if os.environ.get("HTTP_PORT") and asked.http_port != self.settings.http_port:
            warn(
                f"  this stack is on port {self.settings.http_port} and stays there; `make down` first"
            )
        changed = [
            name
            for name, value in asked.variables.items()
            if self.settings.variables.get(name) != value
        ]
        if changed:
            warn(f"  {', '.join(changed)} will count at the next `make down up`")

    # Down

    def down(self):
        began = time.monotonic()
        with self._changing():
            if self.supervisor.is_up():
                self._drain()
                if not self.supervisor.stop_daemon():
                    warn("  supervisord did not go by itself")
            left = processes.leftovers(self.settings.run_dir, self.places)
            if left:
                step("leftovers", f"ending {len(left)} processes")
                left = processes.end(left, seconds=20)
            if left:
                raise StackError(f"processes {left} would not end")
            self._sweep_leftovers()
        good(f"Down in {time.monotonic() - began:.1f} s")

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
            ("databases", ["redis", "postgres"]),
        ):
            members = [name for name in members if name in running]
            if members:
                began = time.monotonic()
                self.supervisor.stop(*members)
                step(f"{label} stopped", f"{time.monotonic() - began:.1f} s")

    # Live changes

    def scale(self, count):
        """New gateways are ready before nginx hears of them; nginx has forgotten the others before
        they stop.
        """
        with self._changing():
            began = time.monotonic()
            wanted = list(range(1, count + 1))
            new = [k for k in wanted if k not in self.settings.gateways]
            old = [k for k in self.settings.gateways if k not in wanted]
            if not new and not old:
                say(f"  there are {count} gateways already")
                return
            self._check_new_ports(new)
            self.start_gateways(*new)
            self._route_to(wanted)
            self.supervisor.stop(*map(gateway_program, old))
            step("scaled", f"{count} gateways ({time.monotonic() - began:.1f} s)")

    def _check_new_ports(self, new):
        programs = self.supervisor.programs()
        for k in new:
            port = self.settings.gateway_port(k)
            running = programs[gateway_program(k)]["statename"] in (
                "RUNNING",
                "STARTING",
                "STOPPING",
            )
            if not running and not processes.is_port_free(port):
                raise StackError(
                    f"port {port} for {gateway_program(k)} is held by {processes.owner_of_port(port)}"
                )

    def _route_to(self, gateways):
        self.settings.gateways = sorted(gateways)
        self.nginx.reload()
        self.settings.save()

    def balance(self, strategy):
        with self._changing():
            self.settings.strategy = strategy
            self.nginx.reload()
            self.settings.save()
            step("balancing", strategy)

    def stop(self, name, k=None):
        """Takes one part away, politely: nginx forgets a gateway before it goes."""
        with self._changing():
            program = self.program_named(name, k)
            if k in self.settings.gateways and program == gateway_program(k):
                self._route_to([other for other in self.settings.gateways if other != k])
            self.supervisor.stop(program)
            step("stopped", program)

    def start(self, name, k=None):
        with self._changing():
            program = self.program_named(name, k)
            if k and program == gateway_program(k):
                self.start_gateways(k)
                if k not in self.settings.gateways:
                    self._route_to([*self.settings.gateways, k])
            else:
                self.supervisor.start(program)
                self.await_healthy(program)
                # The gateways try again once a second; who started it wants to use it.
                self._await_backends(self.settings.gateways)
            step("started", program)

    def restart(self, name=None, k=None):
        """One part, or all services and gateways in turn. A gateway or a service is replaced while
        others serve.
        """
        with self._changing():
            if name is None:
                for service in SERVICES:
                    self._replace_service(service)
                for each in list(self.settings.gateways):
                    self._replace_gateway(each)
                return
            program = self.program_named(name, k)
            if program == gateway_program(k or 0):
                self._replace_gateway(k)
            elif program.startswith(SERVICES):
                self._replace_service(program.rpartition("-")[0])
            else:
                self.supervisor.stop(program)
                self._start("restarted", program)

    def _replace_gateway(self, k):
        began = time.monotonic()
        program = gateway_program(k)
        others = [other for other in self.settings.gateways if other != k]
        if others:
            self._route_to(others)
        self.supervisor.stop(program)
        self.start_gateways(k)
        self._route_to([*others, k])
        step("restarted", f"{program} ({time.monotonic() - began:.1f} s)")

    def _replace_service(self, service):
        """The next one serves before the old one is told to drain; the gateways follow the link
        when it hangs up.
        """
        began = time.monotonic()
        old = self.settings.slots[service]
        new = "b" if old == "a" else "a"
        self.supervisor.start(service_program(service, new))
        self.await_healthy(service_program(service, new))
        self._put_on_duty(service, new)
        self.settings.save()
        self.supervisor.stop(service_program(service, old))
        step("restarted", f"{service} ({time.monotonic() - began:.1f} s)")

    def _put_on_duty(self, service, slot):
        self.settings.slots[service] = slot
        link = self.supervisor.service_link(service)
        draft = link.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(self.supervisor.service_socket(service, slot).name)
        draft.rename(link)

    def kill(self, name, k, signal_name):
        """Sends a signal to one process, as a crash or an operator would; supervisord brings back
        what dies.
        """
        program = self.program_named(name, k)
        try:
            number = signal.Signals[f"SIG{signal_name.upper().removeprefix('SIG')}"]
        except KeyError:
            raise StackError(f"{signal_name} is not a signal") from None
        pid = self.supervisor.pid(program)
        if not pid:
            raise StackError(f"{program} is not running")
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            raise StackError(f"{program} is just being replaced") from None
        say(f"{number.name} sent to {program}, process {pid}")

    # What there is

    def report(self):
        """Everything that `status` shows, as data."""
        programs = self.supervisor.programs()
        parts = []
        for name in self.programs_on_duty():
            info = programs[name]
            pid = info["pid"]
            parts.append(
                {
                    "name": name,
                    "state": info["statename"].lower(),
                    "healthy": info["statename"] in (RUNNING, "STARTING") and self.is_healthy(name),
                    "pid": pid,
                    "uptimeSeconds": info["now"] - info["start"] if pid else 0,
                    "memoryBytes": sum(map(processes.resident_bytes, processes.family_of(pid)))
                    if pid
                    else 0,
                    "address": self.address_of(name),
                    "log": str(self.places.log / f"{name}.log"),
                }
            )
        return {
            "url": self.settings.url,
            "runDir": self.settings.run_dir,
            "binDir": self.settings.bin_dir,
            "strategy": self.settings.strategy,
            "state": "up" if all(part["healthy"] for part in parts) else "degraded",
            "parts": parts,
        }

    def address_of(self, program):
        if program == "nginx":
            return self.settings.url
        if program.startswith("api-gateway-"):
            return f"http://127.0.0.1:{self.settings.gateway_port(int(program.rpartition('-')[2]))}"
        if program == "postgres":
            return f"{self.places.scratch}/postgres"
        if program == "redis":
            return f"{self.places.scratch}/redis.sock"
        service, _, slot = program.rpartition("-")
        return f"unix:{self.supervisor.service_socket(service, slot)}"

    def pids(self):
        programs = self.supervisor.programs()
        return {
            name.removesuffix("-a").removesuffix("-b")
            if name.startswith(SERVICES)
            else name: programs[name]["pid"]
            for name in self.programs_on_duty()
        }
