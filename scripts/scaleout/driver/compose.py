"""The stack in containers, through `docker compose`. COMPOSE_PROJECT_NAME, HTTP_PORT and the rest
of .env.example count as for `docker compose` itself.

Gateway K is the K-th in the order in which they were made. balance() lasts until nginx' container
is made anew; LB_STRATEGY in .env makes it stay. The container keeps the answers that nginx stores,
so a new one has none.
"""

import os
import random
import re
import signal as signals
import time
from pathlib import Path

from scaleout.docker import docker, inspect
from scaleout.driver import Driver, run
from scaleout.errors import NotRunning, StackError
from scaleout.topology import REDIS_SERVERS, ROOT, SERVICES, STRATEGIES

_HEALTHY_SECONDS = 60
_ROUTED_SECONDS = 20
# nginx and the gateways' gRPC ask the engine's DNS at most this much later than it changed.
_DNS_SECONDS = 1.5
# Of make-secrets.sh, where a rotation broke off.
_TAKEN = "is taken already"
_NUMBER_LABEL = "com.docker.compose.container-number"
# What nginx' entry point does at a start, with other values; then a reload that was announced,
# so that no client is just sending a request on a connection that closes.
_RELOAD = """
flag=$(sed -n "/if (-f /{s/.*if (-f \\(.*\\)) {.*/\\1/p;q}" /tmp/nginx.conf)
/docker-entrypoint.sh nginx -q -c /tmp/nginx.conf -t
touch "$flag"
sleep 1
nginx -c /tmp/nginx.conf -s reload
sleep 1
rm "$flag"
"""

# The password is in the environment of one short process, never among arguments.
_REDIS = """
REDISCLI_AUTH=$(cat /run/secrets/password)
export REDISCLI_AUTH
exec timeout 5 redis-cli -e --raw "$@"
"""

# A request as each of some clients. Only beside nginx may anyone play another one.
_ASK = """
for client; do
  as="X-Forwarded-For: $client"
  curl -s -m 12 -o /dev/null -D - -H "$as" http://127.0.0.1:8080/api/metrics || true
done
"""


def secrets_dir_of(project):
    """On this machine, of what its accounts have."""
    return ROOT / ".run-compose" / project


class ComposeDriver(Driver):
    name = "compose"

    def url(self):
        try:
            address = self._compose("port", "nginx", "8080").strip()
        except StackError as error:
            raise NotRunning(f"there is no stack: {error}", error.evidence) from error
        return f"http://localhost:{address.rpartition(':')[2]}"

    def doors(self):
        return [self.url()]

    def secrets_dir(self):
        """Of the project: containers of the same name have the same volumes."""
        labels = self._containers("nginx")[0]["Config"]["Labels"]
        return secrets_dir_of(labels["com.docker.compose.project"])

    def user_service(self, *verb, typed=""):
        command = ["exec", "-T", "user-service", "/usr/bin/user-service", *verb]
        return run([*_COMPOSE, *command], typed=typed)

    def instances(self):
        return [container["Id"][:12] for container in self._running("api-gateway")]

    def scale(self, count):
        if count < 1:
            raise StackError(f"at least 1 gateway, not {count}")
        self._up("api-gateway", count)
        self._await_routed()

    def strategy(self):
        return self._configured("/tmp/nginx.conf", r"s|.*/balance/\(.*\)\.conf;|\1|p")

    def _configured(self, path, expression):
        """What sed finds in nginx' present configuration."""
        return self._compose("exec", "-T", "nginx", "sed", "-n", expression, path).strip()

    def balance(self, strategy):
        if strategy not in STRATEGIES:
            raise StackError(f"one of {', '.join(STRATEGIES)} is wanted, not {strategy}")
        version = r's|^proxy_cache_key "\([^ ]*\) .*|\1|p'
        self._reload(strategy, self._configured("/tmp/proxy_cache_on.conf", version))

    def purge(self):
        if not self._configured("/tmp/nginx.conf", r"s|.*/proxy_cache_\(on\)\.conf;|\1|p"):
            raise StackError("nginx stores no answers: PROXY_CACHE is off")
        self._reload(self.strategy(), f"{random.getrandbits(32):08x}")

    def _reload(self, strategy, cache_version):
        flag = f"NGINX_CLOSING_FLAG=/tmp/closing.{random.getrandbits(32)}"
        values = (f"LB_STRATEGY={strategy}", f"NGINX_CACHE_VERSION={cache_version}", flag)
        variables = [word for value in values for word in ("-e", value)]
        self._compose("exec", "-T", *variables, "nginx", "sh", "-euc", _RELOAD)

    def stop(self, part, k=None):
        # The container knows its own grace period.
        docker("stop", *self._ids(part, k))
        if part == "api-gateway" and self.instances():
            self._await_routed()

    def start(self, part, k=None):
        ids = self._ids(part, k)
        docker("start", *ids)
        self._await_healthy(ids)
        if part == "api-gateway":
            self._await_routed()

    def restart(self, part, k=None):
        if part in SERVICES:
            for container in self._running(part):
                self._replace(part, container["Id"])
            return
        # Gateways that were stopped stay stopped, unless one is named.
        some = part == "api-gateway" and k is None
        for container in self._running(part) if some else self._chosen(part, k):
            docker("restart", container["Id"])
            self._await_healthy([container["Id"]])
        if part == "api-gateway":
            self._await_routed()

    def _replace(self, service, old):
        """The next one serves before the old one drains; the gateways look for others when the old
        one closes their connections.
        """
        self._up(service, len(self._containers(service)) + 1)
        docker("stop", old)
        docker("rm", old)

    def rotate_keys(self, drop_old=False):
        """As make-secrets.sh says."""
        said = self._make_secrets("drop-key" if drop_old else "next-key")
        self.restart("api-gateway")
        if not drop_old:
            self._make_secrets("take-key")
            self.restart("user-service")
            self._make_secrets("end-rotation")
        return _TAKEN not in said

    def _make_secrets(self, step):
        return self._compose("run", "--rm", "--no-deps", "secrets", step)

    def kill(self, part, k=None, signal="KILL"):
        """From outside, as a crash would: after `docker kill` the engine takes the end for the
        user's wish, and does not bring the container back.
        """
        name = signal.upper().removeprefix("SIG")
        if f"SIG{name}" not in signals.Signals.__members__:
            raise StackError(f"{signal} is not a signal")
        container = self._chosen(part, k)[0]
        pid = container["State"]["Pid"]
        if not pid:
            raise StackError(f"{part} is not running")
        if not _kill_here(pid, name, container["Id"]):
            _kill_from_a_container(pid, name)

    def freeze(self, part, k=None):
        docker("pause", *self._ids(part, k))

    def thaw(self, part, k=None):
        frozen = [each["Id"] for each in self._chosen(part, k) if each["State"]["Paused"]]
        if frozen:
            docker("unpause", *frozen)

    def flush(self, part):
        if part not in REDIS_SERVERS:
            raise StackError(f"{part} holds no keys; {' and '.join(REDIS_SERVERS)} do")
        printed = self.redis(part, "FLUSHALL")
        if printed != "OK":
            raise StackError(f"{part} refuses: {printed}")

    def redis(self, server, *words):
        command = ("exec", "-T", server, "sh", "-euc", _REDIS, "redis-cli", *words)
        try:
            return self._compose(*command).removesuffix("\n")
        except StackError as error:
            raise StackError(f"{server} does not answer, or refuses", error.evidence) from error

    def instances_for(self, clients):
        """Which gateways answer clients with these addresses, in turn; where none does, none."""
        printed = self._compose("exec", "-T", "nginx", "sh", "-euc", _ASK, "sh", *clients)
        return re.findall(r"^x-instance-id: *(\S+)", printed, re.MULTILINE | re.IGNORECASE)

    def logs_command(self, parts, lines, follow):
        options = ["--follow"] if follow else ["--no-log-prefix"]
        return [*_COMPOSE, "logs", "--no-color", *options, "--tail", str(lines), *parts]

    def psql_command(self, database, interactive):
        terminal = [] if interactive else ["-T"]
        command = ["exec", *terminal, "postgres", "psql", "-X", "-U", "postgres", "-d", database]
        return [*_COMPOSE, *command], None

    # Containers

    @staticmethod
    def _compose(*arguments):
        return docker(*_COMPOSE[1:], *arguments)

    def _up(self, part, count):
        scale = f"{part}={count}"
        options = ["--detach", "--wait", "--no-deps", "--no-build", "--no-recreate"]
        self._compose("up", *options, "--scale", scale, part)

    def _containers(self, part):
        """Of a part, in the order of their numbers, running or not."""
        found = inspect(*self._compose("ps", "--all", "--quiet", part).split())
        if not found:
            raise NotRunning(
                f"there is no container of {part}; is the stack up? (docker compose up -d --wait)"
            )
        return sorted(found, key=lambda each: int(each["Config"]["Labels"][_NUMBER_LABEL]))

    def _running(self, part):
        return [each for each in self._containers(part) if each["State"]["Running"]]

    def _chosen(self, part, k):
        """The K-th, or without K all."""
        found = self._containers(part)
        if k is None:
            return found
        if not 1 <= k <= len(found):
            raise StackError(f"there is no {part} number {k}")
        return [found[k - 1]]

    def _ids(self, part, k):
        return [container["Id"] for container in self._chosen(part, k)]

    def _await_healthy(self, ids):
        deadline = time.monotonic() + _HEALTHY_SECONDS
        while True:
            unhealthy = [each for each in inspect(*ids) if not _is_healthy(each)]
            if not unhealthy:
                return
            if time.monotonic() > deadline:
                last_lines = docker("logs", "--tail", "10", unhealthy[0]["Id"]).splitlines()
                name = unhealthy[0]["Name"].lstrip("/")
                raise StackError(f"{name} is not healthy after {_HEALTHY_SECONDS} s", last_lines)
            time.sleep(0.2)

    def _await_routed(self):
        """Until nginx hands requests to every running gateway, and to no other."""
        if not self._running("nginx"):
            return
        deadline = time.monotonic() + _ROUTED_SECONDS
        time.sleep(_DNS_SECONDS)
        wanted = set(self.instances())
        # Other clients, for the sake of ip_hash.
        clients = [f"192.0.2.{number}" for number in range(1, 8 * len(wanted) + 1)]
        while (seen := set(self.instances_for(clients))) != wanted:
            if time.monotonic() > deadline:
                raise StackError(f"nginx reaches {sorted(seen)} instead of {sorted(wanted)}")
            time.sleep(0.2)


_COMPOSE = ["docker", "compose", "--project-directory", str(ROOT), "--progress", "quiet"]


def _is_healthy(container):
    state = container["State"]
    return state["Status"] == "running" and state.get("Health", {}).get("Status") == "healthy"


def _kill_here(pid, name, container_id):
    """False where the process belongs to another user, or the engine is on another machine."""
    try:
        if container_id[:12] not in Path(f"/proc/{pid}/cgroup").read_text():
            return False
        os.kill(pid, signals.Signals[f"SIG{name}"])
    except OSError:
        return False
    return True


def _kill_from_a_container(pid, name):
    """One that sees the engine's processes can always do it."""
    limits = ["--network", "none", "--user", "0:0", "--cap-drop", "ALL", "--cap-add", "KILL"]
    image = ["--entrypoint", "sh", "postgres:17-alpine"]
    docker("run", "--rm", "--pid", "host", *limits, *image, "-c", f"kill -{name} {pid}")
