"""The stack as processes of this machine. Each call reads the stack's settings anew, because other
commands may change it at any time.
"""

import os
from pathlib import Path

from scaleout.console import Silent
from scaleout.driver import Driver, run
from scaleout.errors import NotRunning, StackError
from scaleout.native import postgres, redis, settings
from scaleout.native.stack import Stack


def read_last_lines(log, count):
    """The last lines of a log, with those from before its rotation if it has too few since."""
    found = []
    for path in (log, log.with_name(f"{log.name}.1")):
        if len(found) < count and path.exists():
            found = path.read_text(errors="replace").splitlines() + found
    return found[-count:]


class NativeDriver(Driver):
    name = "native"

    def __init__(self, run_dir=None, console=None):
        """`run_dir` is RUN_DIR by default; progress goes to the console, by default nowhere."""
        self._run_dir = run_dir or settings.run_dir()
        self._console = console or Silent()

    def stack(self, needs_up=True):
        """The stack itself, with all that can be done to it; NotRunning if there is none."""
        found = settings.load(self._run_dir)
        if found is None:
            raise NotRunning(f"there is no stack in {self._run_dir}; `make up` starts one")
        stack = Stack(found, self._console)
        if needs_up and not stack.supervisor.is_up():
            raise NotRunning(f"the stack in {found.run_dir} is down; `make up` starts it")
        return stack

    def url(self):
        return self.stack().settings.url

    def doors(self):
        found = self.stack().settings
        ports = [found.gateway_port(k) for k in range(1, settings.MAX_GATEWAYS + 1)]
        return [found.url, *(f"http://127.0.0.1:{port}" for port in ports)]

    def secrets_dir(self):
        return self.stack().places.secrets

    def user_service(self, *verb, typed=""):
        stack = self.stack()
        environment = stack.supervisor.service_environment("user-service")
        return run(
            [str(Path(stack.settings.bin_dir) / "user-service"), *verb],
            {name: str(value) for name, value in environment.items()},
            typed=typed,
        )

    def instances(self):
        return [name for name in self.stack().parts.pids() if name.startswith("api-gateway-")]

    def scale(self, count):
        if not 1 <= count <= settings.MAX_GATEWAYS:
            raise StackError(f"1 to {settings.MAX_GATEWAYS} gateways, not {count}")
        self.stack().scale(count)

    def strategy(self):
        return self.stack().settings.strategy

    def balance(self, strategy):
        self.stack().balance(strategy)

    def stop(self, part, k=None):
        self.stack().stop(part, k)

    def start(self, part, k=None):
        self.stack().start(part, k)

    def restart(self, part=None, k=None):
        """Without a part: all services and gateways, in turn."""
        self.stack().restart(part, k)

    def rotate_keys(self, drop_old=False):
        return self.stack().rotate_keys(drop_old)

    def kill(self, part, k=None, signal="KILL"):
        self.stack().kill(part, k, signal)

    def freeze(self, part, k=None):
        self.stack().freeze(part, k)

    def thaw(self, part, k=None):
        self.stack().thaw(part, k)

    def flush(self, part):
        self.stack().flush(part)

    def redis(self, server, *words):
        return redis.Redis(self.stack().places, server).ask(*words)

    def purge(self):
        self.stack().purge()

    def logs(self, part, lines=200):
        # A busy gateway fills a file in a minute, so the newest lines can be on both sides of a
        # rotation.
        return [line for log in self._log_files([part]) for line in read_last_lines(log, lines)]

    def _log_files(self, parts):
        where = self.stack(needs_up=False).places.log
        files = sorted(where.glob("*.log"))
        if parts:
            files = [path for path in files if any(map(path.stem.startswith, parts))]
        if not files:
            known = ", ".join(sorted(path.stem for path in where.glob("*.log")))
            raise StackError(f"no log in {where} has that name; there are: {known}")
        return files

    def logs_command(self, parts, lines, follow):
        files = self._log_files(parts)
        return ["tail", *(["-F"] if follow else []), "-n", str(lines), *map(str, files)]

    def psql_command(self, database, interactive):
        places = self.stack().places
        password = places.secret(f"{postgres.SUPERUSER}.password").read_text().strip()
        command = ["psql", "-X", "-h", str(places.scratch / "postgres"), "-U", postgres.SUPERUSER]
        return [*command, "-d", database], {**os.environ, "PGPASSWORD": password}
