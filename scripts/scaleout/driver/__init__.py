"""A running stack as experiments and people handle it, whatever it runs on: one interface with two
implementations, `native` for processes and `compose` for containers. STACK chooses.

PART is nginx, api-gateway, a service (such as user-service), postgres, redis-cache or redis-state;
`k` counts gateways from 1. Every method fails with a StackError that says why. Methods may be
called from several threads.
"""

import abc
import os
import re
import subprocess

from scaleout.errors import StackError

STACKS = ("native", "compose")
# Some versions of Compose clear a terminal's line first, whether there is one or not.
_CLEARED_LINE = re.compile(r"^\x1b\[2K", re.MULTILINE)


class Driver(abc.ABC):
    name = ""

    @abc.abstractmethod
    def url(self):
        """Where the stack answers, such as http://localhost:8080."""

    @abc.abstractmethod
    def doors(self):
        """Every URL of this machine that a gateway answers at, nginx' first."""

    @abc.abstractmethod
    def secrets_dir(self):
        """A directory of this machine for what scripts must not show, such as passwords."""

    @abc.abstractmethod
    def user_service(self, *verb, typed=""):
        """What the user service's program prints when it is run with a verb, and `typed` on its
        standard input.
        """

    @abc.abstractmethod
    def instances(self):
        """The instance ids of the gateways behind nginx."""

    @abc.abstractmethod
    def scale(self, count):
        """Returns when that many gateways get requests, and no others."""

    @abc.abstractmethod
    def strategy(self):
        """How nginx balances: round_robin, least_conn or ip_hash."""

    @abc.abstractmethod
    def balance(self, strategy):
        """Changes that, live."""

    @abc.abstractmethod
    def stop(self, part, k=None):
        """Stops a part with its drain, and leaves it stopped."""

    @abc.abstractmethod
    def start(self, part, k=None):
        """Starts a stopped part; returns when it is healthy."""

    @abc.abstractmethod
    def restart(self, part, k=None):
        """Replaces a part with its drain; returns when the new one is healthy."""

    @abc.abstractmethod
    def rotate_keys(self, drop_old=False):
        """Tokens are signed with a new key, live; with `drop_old` those of the old one are refused
        from now on, and nothing else changes. False if that only ended a rotation that had broken
        off, with the key that it had made.
        """

    @abc.abstractmethod
    def kill(self, part, k=None, signal="KILL"):
        """Sends a signal to the part's main process, as a crash would; it is brought back."""

    @abc.abstractmethod
    def freeze(self, part, k=None):
        """Suspends every process of a part: connections stay, and nothing answers."""

    @abc.abstractmethod
    def thaw(self, part, k=None):
        """Undoes freeze(); without effect on a part that is not frozen."""

    @abc.abstractmethod
    def flush(self, part):
        """Deletes everything that redis-cache or redis-state holds."""

    @abc.abstractmethod
    def redis(self, server, *words):
        """What redis-cache or redis-state answers to one command: a line for each element."""

    @abc.abstractmethod
    def purge(self):
        """From now on nginx finds none of the answers that it stored; fails if it stores none."""

    @abc.abstractmethod
    def logs_command(self, parts, lines, follow):
        """The command that prints the newest log lines of the parts; of all, if none is named."""

    @abc.abstractmethod
    def psql_command(self, database, interactive):
        """PostgreSQL's shell as its superuser, and the environment that it needs."""

    def logs(self, part, lines=200):
        """The newest log lines of a part; api-gateway is all gateways, one after the other."""
        printed = run(self.logs_command([part], lines, follow=False))
        return _CLEARED_LINE.sub("", printed).splitlines()

    def psql(self, database, sql, timeout=None):
        """What a query answers: a line a row, columns separated by |. `timeout` in seconds, for
        who does not know whether PostgreSQL answers.
        """
        command, environment = self.psql_command(database, interactive=False)
        options = ["-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]
        return run([*command, *options], environment, timeout).strip()


def connect(stack=None):
    """The driver of the stack that STACK names: native (default) or compose."""
    stack = stack or os.environ.get("STACK") or "native"
    # Only the one that is wanted: supervisord's client and Docker need not both be installed.
    if stack == "native":
        from scaleout.driver.native import NativeDriver

        return NativeDriver()
    if stack == "compose":
        from scaleout.driver.compose import ComposeDriver

        return ComposeDriver()
    raise StackError(f"STACK={stack}: one of {', '.join(STACKS)} is wanted")


def run(command, environment=None, timeout=None, typed=""):
    """What a command printed, or a StackError with its last lines. Its standard input is `typed`,
    and never what is typed for its caller: `docker compose exec` reads that, whether it is asked
    for or not.
    """
    try:
        result = subprocess.run(
            command,
            env=environment,
            input=typed,
            text=True,
            errors="replace",
            capture_output=True,
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{command[0]}: no answer within {timeout:g} s") from error
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).splitlines()[-15:]
        raise StackError(f"{command[0]}: exit status {result.returncode}", lines)
    return result.stdout
