"""The parts of a native stack: what each is called, where it answers, whether it is healthy, and
how long to wait until it is.

A part is what a user names: nginx, a gateway by its number, a service, postgres or a Redis
server. The program behind it is what supervisord runs; a service has two (see
supervisor.service_program).
"""

import time

from scaleout.errors import StackError
from scaleout.native import health, postgres, processes
from scaleout.native.redis import Redis
from scaleout.native.settings import MAX_GATEWAYS
from scaleout.native.supervisor import RUNNING, gateway_program, service_program
from scaleout.topology import REDIS_SERVERS, SERVICES

_HEALTHY_SECONDS = 30
_WARM_UP_SECONDS = 3
# A program that exits this often before it is healthy will go on doing so.
_STARTS_THAT_FAIL = 3


class Parts:
    def __init__(self, settings, places, supervisor):
        self._settings = settings
        self._places = places
        self._supervisor = supervisor

    # Names

    def active_program(self, service):
        """The one of the service's two programs that the gateways use."""
        return service_program(service, self._settings.slots[service])

    def program_of(self, part, k=None):
        """The program of a part; `k` counts gateways."""
        if part in ("api-gateway", "gateway"):
            if k is None:
                raise StackError("which gateway? such as: api-gateway 2")
            if not 1 <= k <= MAX_GATEWAYS:
                raise StackError(f"gateways are numbered 1 to {MAX_GATEWAYS}")
            return gateway_program(k)
        for service in SERVICES:
            if part in (service, service.removesuffix("-service")):
                return self.active_program(service)
        alone = ("nginx", "postgres", *REDIS_SERVERS)
        if part in alone:
            return part
        known = ", ".join(("api-gateway K", *SERVICES, *alone))
        raise StackError(f"there is no {part} here; there are: {known}")

    def expected_programs(self, known):
        """Everything that should run, in the order in which it starts. Only what supervisord knows
        (`known`): one that an older version started has no redis-cache.
        """
        expected = [
            "postgres",
            *REDIS_SERVERS,
            *map(self.active_program, SERVICES),
            *map(gateway_program, self._settings.gateways),
            "nginx",
        ]
        return [program for program in expected if program in known]

    # Health

    def is_healthy(self, program):
        if program == "postgres":
            return postgres.Postgres(self._places).is_ready()
        if program in REDIS_SERVERS:
            return Redis(self._places, program).is_up()
        if program == "nginx":
            return health.is_nginx_up(self._settings.http_port)
        if program.startswith("api-gateway-"):
            port = self._settings.gateway_port(int(program.rpartition("-")[2]))
            return health.is_gateway_ready(port)
        service, _, slot = program.rpartition("-")
        socket = self._supervisor.service_socket(service, slot)
        return health.is_service_serving(self._settings.bin_dir, socket)

    def await_healthy(self, *programs):
        """Returns when all are healthy; otherwise a StackError has the last log lines of one."""
        deadline = time.monotonic() + _HEALTHY_SECONDS
        starts = {program: set() for program in programs}
        waiting = list(programs)
        while waiting:
            for program in list(waiting):
                info = self._supervisor.info(program)
                if info["statename"] in (RUNNING, "STARTING") and self.is_healthy(program):
                    waiting.remove(program)
                    continue
                if info["statename"] in ("BACKOFF", "EXITED"):
                    starts[program].add(info["start"])
                if info["statename"] == "FATAL" or len(starts[program]) >= _STARTS_THAT_FAIL:
                    raise self._failure(program, "does not start")
            if waiting and time.monotonic() > deadline:
                raise self._failure(waiting[0], f"is not healthy after {_HEALTHY_SECONDS} s")
            if waiting:
                time.sleep(0.05)

    def await_backends(self, numbers):
        """Returns when these gateways have reached every service, or after a few seconds: a service
        may be down.
        """
        deadline = time.monotonic() + _WARM_UP_SECONDS
        for k in numbers:
            port = self._settings.gateway_port(k)
            while not health.has_backends(port) and time.monotonic() < deadline:
                time.sleep(0.05)

    def _failure(self, program, what):
        log = self._places.log / f"{program}.log"
        last_lines = self._supervisor.last_lines(program)
        return StackError(f"{program} {what}. The end of {log}:", last_lines)

    # What there is

    def report(self):
        """Everything that `status` shows, as data."""
        programs = self._supervisor.programs()
        parts = [self._report_of(name, programs[name]) for name in self.expected_programs(programs)]
        return {
            "url": self._settings.url,
            "runDir": self._settings.run_dir,
            "binDir": self._settings.bin_dir,
            "strategy": self._settings.strategy,
            "state": "up" if all(part["healthy"] for part in parts) else "degraded",
            "parts": parts,
        }

    def _report_of(self, name, info):
        pid = info["pid"]
        family = processes.family_of(pid) if pid else []
        return {
            "name": name,
            "state": info["statename"].lower(),
            "healthy": info["statename"] in (RUNNING, "STARTING") and self.is_healthy(name),
            "pid": pid,
            "uptimeSeconds": info["now"] - info["start"] if pid else 0,
            "memoryBytes": sum(map(processes.resident_bytes, family)),
            "address": self._address_of(name),
            "log": str(self._places.log / f"{name}.log"),
        }

    def _address_of(self, program):
        if program == "nginx":
            return self._settings.url
        if program.startswith("api-gateway-"):
            port = self._settings.gateway_port(int(program.rpartition("-")[2]))
            return f"http://127.0.0.1:{port}"
        if program == "postgres":
            return f"{self._places.scratch}/postgres"
        if program in REDIS_SERVERS:
            return f"unix:{Redis(self._places, program).socket}"
        service, _, slot = program.rpartition("-")
        return f"unix:{self._supervisor.service_socket(service, slot)}"

    def pids(self):
        """The main process of each part, by the part's name (gateways: api-gateway-K)."""
        programs = self._supervisor.programs()
        expected = self.expected_programs(programs)
        return {_part_of(program): programs[program]["pid"] for program in expected}


def _part_of(program):
    return program.rpartition("-")[0] if program.startswith(SERVICES) else program
