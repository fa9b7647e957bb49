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
            return self.ask("PING") == "PONG"
        except StackError:
            return False

    def flush(self):
        """Deletes every key."""
        self.ask("FLUSHALL")

    def ask(self, *words):
        """What the server answers to one command, as text: a line for each element of an array."""
        try:
            with self.connect() as client, client.makefile("rwb") as stream:
                stream.write(resp(*words))
                stream.flush()
                lines = _read(stream)
        except (OSError, ValueError) as error:
            raise StackError(f"{self._name} does not answer: {error or 'no reply'}") from error
        except _Refusal as refusal:
            raise StackError(f"{self._name} refuses: {refusal}") from refusal
        return "\n".join(lines)

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


class _Refusal(Exception):
    """The server's own words."""


def _read(stream):
    """The next reply, as lines; none for a null."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise OSError("the connection broke")
    kind, text = line[:1], line[1:].decode(errors="replace").strip()
    if kind == b"-":
        raise _Refusal(text)
    if kind == b"$":
        if int(text) < 0:
            return []
        data = stream.read(int(text) + 2)
        if len(data) < int(text) + 2:
            raise OSError("the connection broke")
        return [data[:-2].decode(errors="replace")]
    if kind == b"*":
        return [each for _ in range(max(0, int(text))) for each in _read(stream)]
    if kind not in (b"+", b":"):
        raise OSError(f"the reply {line[:40]!r} is not understood")
    return [text]


def resp(*words):
    """A command as it is sent."""
    return f"*{len(words)}\r\n".encode() + b"".join(
        b"$%d\r\n%s\r\n" % (len(word), word) for word in map(str.encode, words)
    )
