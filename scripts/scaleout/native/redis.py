"""The private Redis servers: redis-cache may forget what it holds, redis-state may not. Each has
a directory, a Unix socket and a random password of its own. Commands are sent as RESP arrays, so
that the password is in no argument and no environment.
"""

import os
import shutil
import socket

from scaleout.errors import StackError
from scaleout.native import template
from scaleout.topology import REDIS_SERVERS, ROOT

_SECONDS = 2.0


def prepare(places):
    """Makes what is missing, and the configurations always. The directory of the one server that
    older versions had is removed: no program kept anything there.
    """
    shutil.rmtree(places.run_dir / "redis", ignore_errors=True)
    for name in REDIS_SERVERS:
        places.make_secret(name)
        directory = places.run_dir / name
        directory.mkdir(mode=0o700, exist_ok=True)
        values = {
            "NAME": name,
            "SOCKET": Redis(places, name).socket,
            "PASSWORD": places.secret(f"{name}.password").read_text().strip(),
            "SERVER": (ROOT / f"deploy/redis/{name}.conf").read_text().strip(),
        }
        draft = directory / "redis.conf.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(template.render(ROOT / "deploy/native/redis.conf.template", values))
        draft.rename(directory / "redis.conf")


class Redis:
    def __init__(self, places, name):
        self._places = places
        self._name = name

    @property
    def socket(self):
        return self._places.scratch / f"{self._name}.sock"

    @property
    def password_file(self):
        return self._places.secret(f"{self._name}.password")

    def is_up(self):
        try:
            return self._ask("PING") == "+PONG"
        except OSError:
            return False

    def flush(self):
        """Deletes every key."""
        try:
            answer = self._ask("FLUSHALL")
        except OSError as error:
            raise StackError(f"{self._name} does not answer: {error}") from error
        if answer != "+OK":
            raise StackError(f"{self._name} refuses: {answer}")

    def _ask(self, *words):
        """The first line of the answer to one command."""
        with self.connect() as client, client.makefile("rwb") as stream:
            stream.write(resp(*words))
            stream.flush()
            return stream.readline().decode(errors="replace").strip()

    def connect(self):
        """A connection that the server has let in."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            client.settimeout(_SECONDS)
            client.connect(str(self.socket))
            client.sendall(resp("AUTH", self.password_file.read_text().strip()))
            answer = client.recv(256).decode(errors="replace").strip()
            if answer != "+OK":
                raise OSError(answer or "no answer")
        except BaseException:
            client.close()
            raise
        return client


def resp(*words):
    """A command as it is sent."""
    return f"*{len(words)}\r\n".encode() + b"".join(
        b"$%d\r\n%s\r\n" % (len(word), word) for word in map(str.encode, words)
    )
