"""supervisord: starts, stops and restarts the stack's processes, over XML-RPC on a Unix socket."""

import grp
import os
import resource
import shlex
import shutil
import subprocess
import time
import xmlrpc.client
from pathlib import Path

from supervisor.xmlrpc import SupervisorTransport

from scaleout.errors import StackError
from scaleout.native import postgres, processes, template
from scaleout.native.keys import Keys
from scaleout.native.places import nginx_account, postgres_account
from scaleout.native.programs import settings_of
from scaleout.native.redis import Redis
from scaleout.native.settings import MAX_GATEWAYS
from scaleout.topology import (
    BACKENDS,
    DATABASES,
    GATEWAY_PREFIXES,
    IDENTITY_PREFIXES,
    REDIS_SERVERS,
    ROOT,
    SANITIZER_OPTIONS,
    SERVICE_PREFIXES,
    SERVICES,
    redis_variable,
)

# A drain takes at most its grace (2 s) and its timeout (20 s); then supervisord kills.
_DRAIN_WAIT = 25
_OPEN_FILES = 8192
# Drills kill by the dozen; a program that cannot start at all is for `up` to notice.
_START_RETRIES = 100

RUNNING = "RUNNING"


def gateway_program(k):
    return f"api-gateway-{k}"


def service_program(service, slot):
    """Each service has two places to run in, a and b, so that the next one can be up before the old
    one goes.
    """
    return f"{service}-{slot}"


def _qualified(program):
    if program.startswith("api-gateway-"):
        return f"gateways:{program}"
    if program.startswith(SERVICES):
        return f"services:{program}"
    return program


def nginx_path():
    path = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if not path:
        raise StackError("nginx is not installed; `make deps` installs it")
    return path


def worker_user():
    """nginx's directive that takes root's rights from its workers."""
    account = nginx_account()
    return f" user {account.pw_name} {grp.getgrgid(account.pw_gid).gr_name};" if account else ""


def _word(text):
    """For a command line in supervisord's file: quoted for its shell-like parser, with %% for
    each per cent sign.
    """
    return shlex.quote(str(text)).replace("%", "%%")


def _environment(variables):
    def quoted(value):
        return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")

    return ",".join(f'{name}="{quoted(value)}"' for name, value in variables.items())


class Supervisor:
    def __init__(self, settings, places):
        self._settings = settings
        self._places = places

    @property
    def _config(self):
        return self._places.run_dir / "supervisord.conf"

    # The configuration

    def write_config(self):
        """Renders RUN_DIR/supervisord.conf; True if it says something new."""
        run_dir, scratch = self._places.run_dir, self._places.scratch
        account = postgres_account()
        root = os.geteuid() == 0
        values = {
            "RUN_DIR": str(run_dir).replace("%", "%%"),
            "SCRATCH": scratch,
            "COMMON": self._common(),
            "OPEN_FILES": min(_OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
            "SUPERVISORD_USER": "user=root" if root else "",
            "POSTGRES_BIN": postgres.bin_dir(),
            "POSTGRES_DATA": str(self._places.postgres_data).replace("%", "%%"),
            "POSTGRES_USER": f"user={account.pw_name}" if account else "",
            "NGINX": nginx_path(),
            "HTTP_PORT": self._settings.http_port,
            "SCRIPTS": str(ROOT / "scripts").replace("%", "%%"),
            "NGINX_USER": worker_user(),
            "SERVICES": self._services(),
            "GATEWAYS": self._gateways(),
        }
        text = template.render(ROOT / "deploy/native/supervisord.conf.template", values)
        changed = not self._config.exists() or self._config.read_text() != text
        self._config.write_text(text)
        return changed

    @staticmethod
    def _common():
        return "\n".join(
            [
                "autostart=false",
                "autorestart=true",
                "startsecs=1",
                f"startretries={_START_RETRIES}",
                "redirect_stderr=true",
                # From supervisord's own directory, which is RUN_DIR.
                "stdout_logfile=log/%(program_name)s.log",
                "stdout_logfile_maxbytes=10MB",
                "stdout_logfile_backups=2",
            ]
        )

    def _own_variables(self, prefixes, except_prefixes=()):
        return {
            name: value
            for name, value in self._settings.variables.items()
            if name.startswith(prefixes) and not name.startswith(except_prefixes)
        }

    def _identity(self, program):
        """What a program knows of that: the caller's variables and the keys."""
        known = settings_of(Path(self._settings.bin_dir) / program)
        # In a lab a request needs no token.
        wanted = {"AUTH_MODE": "optional", **self._own_variables(IDENTITY_PREFIXES)}
        return {
            **{name: wanted[name] for name in wanted if name.removesuffix("_FILE") in known},
            **Keys(self._settings, self._places).variables_of(program),
        }

    def _program(self, name, binary, environment):
        return "\n".join(
            [
                f"[program:{name}]",
                f"command={_word(Path(self._settings.bin_dir) / binary)}",
                f"directory={str(self._places.run_dir).replace('%', '%%')}",
                f"environment={_environment(environment)}",
                f"stopwaitsecs={_DRAIN_WAIT}",
                "stopasgroup=false",
                "killasgroup=true",
                self._common(),
                "",
            ]
        )

    def _services(self):
        programs, names = [], []
        for service in SERVICES:
            environment = self.service_environment(service)
            for slot in "ab":
                name = service_program(service, slot)
                names.append(name)
                listen = {"SERVICE_LISTEN": f"unix:{self.service_socket(service, slot)}"}
                programs.append(self._program(name, service, {**environment, **listen}))
        return "\n".join([*programs, "[group:services]", f"programs={','.join(names)}"])

    def service_environment(self, service):
        """Of a service's programs, but for where each listens."""
        database, role = DATABASES[service]
        host = f"{self._places.scratch}/postgres"
        events = self._settings.events
        return {
            "SERVICE_SEED_DEMO_DATA": "on",
            **self._own_variables(SERVICE_PREFIXES),
            "SERVICE_INSTANCE_ID": service,
            "DB_CONNINFO": f"host={host} dbname={database} user={role}",
            "DB_PASSWORD_FILE": self._places.secret(f"{service}.password"),
            # Read by the order service alone, which asks what became of payments.
            "ORDER_PAYMENT_TARGET": self._target("payment-service"),
            **(self._redis_variables("redis-state") if events in (True, service) else {}),
            **self._identity(service),
        }

    def _gateways(self):
        programs, names = [], []
        redis = self._redis_variables(*REDIS_SERVERS)
        identity = self._identity("api-gateway")
        targets = {
            f"GATEWAY_{backend.upper()}_TARGET": self._target(service)
            for backend, service in zip(BACKENDS, SERVICES)
        }
        for k in range(1, MAX_GATEWAYS + 1):
            name = gateway_program(k)
            names.append(name)
            programs.append(
                self._program(
                    name,
                    "api-gateway",
                    {
                        "LAB_ENDPOINTS": "on",
                        # In a demo, no breaker should wait a minute for its next probe.
                        "GATEWAY_BREAKER_OPEN_WAIT_MAX": "8s",
                        **self._own_variables(GATEWAY_PREFIXES, SERVICE_PREFIXES),
                        "GATEWAY_LISTEN": f"127.0.0.1:{self._settings.gateway_port(k)},"
                        f"unix:{self.gateway_socket(k)}",
                        "GATEWAY_INSTANCE_ID": name,
                        **targets,
                        **redis,
                        **identity,
                    },
                )
            )
        return "\n".join([*programs, "[group:gateways]", f"programs={','.join(names)}"])

    def _redis_variables(self, *servers):
        """Where Redis servers are and what opens them, for their clients."""
        variables = {}
        for name in servers:
            server = Redis(self._places, name)
            variables[redis_variable(name, "ADDRESS")] = f"unix:{server.socket}"
            variables[redis_variable(name, "PASSWORD_FILE")] = server.password_file
        return variables

    def gateway_socket(self, k):
        """Where nginx finds a gateway; its port is for other clients."""
        return self._places.scratch / f"{gateway_program(k)}.sock"

    def service_socket(self, service, slot):
        return self._places.scratch / f"{service}-{slot}.sock"

    def service_link(self, service):
        """Where its clients look for a service: a link to the socket of its active program."""
        return self._places.scratch / f"{service}.sock"

    def _target(self, service):
        """The same as gRPC names it."""
        return f"unix:{self.service_link(service)}"

    # The daemon

    def _rpc(self):
        transport = SupervisorTransport(
            None, None, f"unix://{self._places.scratch}/supervisor.sock"
        )
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def is_up(self):
        try:
            return self._rpc().getState()["statename"] == RUNNING
        except (OSError, xmlrpc.client.Error):
            return False

    def start_daemon(self):
        """Starts supervisord in the background, with an environment of its own: of the
        caller's it takes only the options of sanitizers.
        """
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self._places.run_dir),
            "SCALEOUT_RUN_DIR": str(self._places.run_dir),
            **{name: os.environ[name] for name in SANITIZER_OPTIONS if name in os.environ},
        }
        result = subprocess.run(
            ["/usr/bin/python3", "/usr/bin/supervisord", "-c", str(self._config)],
            cwd=self._places.run_dir,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        deadline = time.monotonic() + 10
        while result.returncode == 0 and time.monotonic() < deadline:
            if self.is_up():
                return
            time.sleep(0.05)
        raise StackError(
            "supervisord did not start",
            [*result.stderr.splitlines()[-5:], *self.last_lines("supervisord")],
        )

    def stop_daemon(self):
        """Stops whatever still runs, then supervisord; False if it did not answer or did not go."""
        try:
            pid = self._rpc().getPID()
            self._rpc().shutdown()
        except (OSError, xmlrpc.client.Error):
            return False
        return not processes.wait_until_gone([pid], 2 * _DRAIN_WAIT)

    # Its programs

    def programs(self):
        """What supervisord knows of each program, by name."""
        return {info["name"]: info for info in self._rpc().getAllProcessInfo()}

    def info(self, program):
        return self._rpc().getProcessInfo(_qualified(program))

    def pid(self, program):
        """0 while it does not run."""
        return self.info(program)["pid"]

    def start(self, program):
        """Asks for a start without waiting for it; one that runs already is left alone."""
        try:
            self._rpc().startProcess(_qualified(program), False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise StackError(
                    f"supervisord could not start {program}: {fault.faultString}",
                    self.last_lines(program),
                ) from fault

    def stop(self, *programs):
        """Stops the programs at once, and returns when all are gone."""
        rpc = self._rpc()
        asked = []
        for program in programs:
            try:
                rpc.stopProcess(_qualified(program), False)
                asked.append(program)
            except xmlrpc.client.Fault as fault:
                if "NOT_RUNNING" not in fault.faultString:
                    raise StackError(
                        f"supervisord could not stop {program}: {fault.faultString}"
                    ) from fault
        deadline = time.monotonic() + 40
        while asked:
            asked = [program for program in asked if self.info(program)["statename"] == "STOPPING"]
            if asked and time.monotonic() > deadline:
                raise StackError(f"{', '.join(asked)} would not stop")
            time.sleep(0.05)

    def last_lines(self, program, count=20):
        path = self._places.log / f"{program}.log"
        try:
            with open(path, "rb") as file:
                file.seek(max(0, path.stat().st_size - 16384))
                return file.read().decode(errors="replace").splitlines()[-count:]
        except OSError:
            return []
