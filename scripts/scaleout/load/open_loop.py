"""Open-loop load, for modest rates where every single answer counts: requests leave on schedule,
whatever became of the earlier ones, and a latency begins at the scheduled moment. Nothing is sent
again, so what fails here has failed for a client.

A thread with an asyncio loop of its own; about 0.2 ms of CPU a request. For thousands of requests a
second there is wrk.
"""

import asyncio
import contextlib
import dataclasses
import json
import random
import threading
import time
import urllib.parse

from scaleout.identity import bearer
from scaleout.load.client import AnswerContent

# A connection that idles longer is not used again: its other end may just be closing it, and then
# the request would be lost although the server did nothing wrong.
_IDLE_SECONDS = 0.5
_MAX_IN_FLIGHT = 2000


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict = dataclasses.field(default_factory=dict)
    body: object = None

    def head_and_body(self, host, port):
        payload = b"" if self.body is None else json.dumps(self.body).encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        if self.body is not None:
            lines.append("Content-Type: application/json")
        if payload or self.method == "POST":
            lines.append(f"Content-Length: {len(payload)}")
        headers = {**bearer.headers(port), **self.headers}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


@dataclasses.dataclass(frozen=True)
class Stream:
    """Requests of one kind, `rate` a second; `make` is asked for each of them."""

    kind: str
    rate: float
    make: object


class Outcome(AnswerContent):
    """What became of a request. Status 0 means that there was no answer; `error` says why."""

    __slots__ = ("kind", "request", "due", "ended", "status", "headers", "body", "error")

    def __init__(self, kind, request, due):
        self.kind = kind
        self.request = request
        self.due = due
        self.ended = None
        self.status = 0
        self.headers = {}
        self.body = b""
        self.error = ""

    @property
    def milliseconds(self):
        return (self.ended - self.due) * 1000

    def __str__(self):
        what = f"{self.status} {self.body[:160].decode(errors='replace')}" if self.status else ""
        return f"{self.request.method} {self.request.path}: {what or self.error}"


class Connection:
    """One that is open. Used by one request at a time."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self.idle_since = 0.0

    @property
    def usable(self):
        fresh = time.monotonic() - self.idle_since < _IDLE_SECONDS
        return fresh and not self._reader.at_eof() and not self._writer.is_closing()

    async def exchange(self, data, outcome):
        """True if the connection can be used again."""
        self._writer.write(data)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            if name:
                headers[name.lower()] = value.strip()
        body = await self._reader.readexactly(int(headers["content-length"]))
        outcome.status, outcome.headers, outcome.body = int(head[0].split()[1]), headers, body
        return headers.get("connection", "").lower() != "close"

    def close(self):
        self._writer.close()


class Connections:
    """To one server; those that are open and idle are used again. Of one asyncio loop."""

    def __init__(self, url, timeout):
        parts = urllib.parse.urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._timeout = timeout
        self._idle = []

    async def send(self, outcome):
        """Notes in the outcome what came of its request; when it ended is for the caller."""
        connection = None
        try:
            async with asyncio.timeout(self._timeout):
                connection = await self._connection()
                data = outcome.request.head_and_body(self._host, self._port)
                if await connection.exchange(data, outcome):
                    connection.idle_since = time.monotonic()
                    self._idle.append(connection)
                    connection = None
        except TimeoutError:
            outcome.error = f"no answer within {self._timeout:.0f} s"
        except (OSError, EOFError, ValueError, KeyError) as error:
            outcome.error = f"{type(error).__name__}: {error}"
        finally:
            if connection is not None:
                connection.close()

    async def _connection(self):
        # The youngest first: under steady load the same few are used, and none of them idles.
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            with contextlib.suppress(OSError):
                connection.close()
        return Connection(*await asyncio.open_connection(self._host, self._port))

    def close(self):
        for connection in self._idle:
            connection.close()


class OpenLoop:
    """`with OpenLoop(url, streams) as load:` runs beside its block; `load.outcomes` grows in the
    order of the answers. `timeout` is how long a client waits for one.
    """

    def __init__(self, url, streams, timeout=20.0):
        self._connections = Connections(url, timeout)
        self._streams = streams
        self._in_flight = set()
        self._stop = None
        self._loop = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._running = threading.Event()
        self.outcomes = []
        self.began = self.ended = 0.0

    @property
    def in_flight(self):
        return len(self._in_flight)

    @property
    def kinds(self):
        return [stream.kind for stream in self._streams]

    def __enter__(self):
        self._thread.start()
        self._running.wait()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Sends no more, and returns when everything that was sent has its outcome."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def between(self, kind, begin, end):
        """Outcomes of a kind (None: all) that were due within [begin, end), in monotonic time."""
        return [
            outcome
            for outcome in list(self.outcomes)
            if kind in (None, outcome.kind) and begin <= outcome.due < end
        ]

    async def _run(self):
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.began = time.monotonic()
        drivers = [asyncio.create_task(self._drive(stream)) for stream in self._streams]
        self._running.set()
        await self._stop.wait()
        for driver in drivers:
            driver.cancel()
        await asyncio.gather(*drivers, return_exceptions=True)
        self.ended = time.monotonic()
        if self._in_flight:
            await asyncio.wait(self._in_flight)
        self._connections.close()

    async def _drive(self, stream):
        due = time.monotonic() + random.random() / stream.rate
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            outcome = Outcome(stream.kind, stream.make(), due)
            if len(self._in_flight) < _MAX_IN_FLIGHT:
                task = asyncio.create_task(self._send(outcome))
                self._in_flight.add(task)
                task.add_done_callback(self._in_flight.discard)
            else:
                outcome.error = f"not sent: {_MAX_IN_FLIGHT} requests have no answer yet"
                self._done(outcome)
            due += 1 / stream.rate

    def _done(self, outcome):
        outcome.ended = time.monotonic()
        self.outcomes.append(outcome)

    async def _send(self, outcome):
        try:
            await self._connections.send(outcome)
        finally:
            self._done(outcome)
