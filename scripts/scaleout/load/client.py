"""A small HTTP client that measures: one connection a request, and no retries.
"""

import http.client
import json
import time
import urllib.parse

from scaleout.identity import bearer

# Of a request that the gateway asks the service for, whatever its cache holds.
PAST_THE_CACHE = {"Cache-Control": "no-cache"}


class AnswerContent:
    """What an answer's `headers` and `body` say, for every client here."""

    @property
    def instance(self):
        return self.headers.get("x-instance-id", "")

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return {}


class Answer(AnswerContent):
    def __init__(self, status, headers, body, seconds):
        self.status = status
        self.headers = headers
        self.body = body
        self.seconds = seconds

    @property
    def milliseconds(self):
        return self.seconds * 1000

    def __str__(self):
        return f"{self.status} {self.body[:200]!r}"


class Client:
    """Sends the token of this process where there is one (identity.bearer), unless it is
    anonymous or a request brings its own.
    """

    def __init__(self, url, timeout=30, anonymous=False):
        parts = urllib.parse.urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._timeout = timeout
        self._anonymous = anonymous

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    def post(self, path, body, headers=None):
        return self.request("POST", path, body, headers)

    def request(self, method, path, body=None, headers=None):
        """The answer; status 0 with the reason as its body if there was none."""
        headers = {**({} if self._anonymous else bearer.headers(self._port)), **(headers or {})}
        payload = None
        if body is not None:
            payload = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        began = time.perf_counter()
        try:
            connection.request(method, path, payload, headers)
            raw = connection.getresponse()
            body = raw.read().decode(errors="replace")
            return Answer(raw.status, raw.headers, body, time.perf_counter() - began)
        except (OSError, http.client.HTTPException) as error:
            return Answer(
                0,
                http.client.HTTPMessage(),
                f"{type(error).__name__}: {error}",
                time.perf_counter() - began,
            )
        finally:
            connection.close()
