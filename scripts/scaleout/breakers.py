"""The circuit breakers as every gateway behind nginx reports them.

Asked through nginx, because it is there on every stack: each request may reach another gateway, so
a look repeats it until all have answered or a limit is reached, and what a gateway reported last
counts until it reports something else, also while it is blocked or dead.
"""

import datetime
import json
import time

from scaleout.load.client import Client

_SECONDS = 2


class Breakers:
    def __init__(self, url):
        self._client = Client(url, timeout=_SECONDS)
        self._seen = {}
        self._wanted = 1

    def expect(self, count):
        """How many gateways should answer."""
        self._wanted = count

    def look(self):
        """{instance: {backend: state}}; empty while no gateway can be reached."""
        answered = set()
        for _ in range(3 * self._wanted):
            answer = self._client.get("/api/circuit-breakers")
            if answer.status != 200:
                break
            report = answer.json()
            self._seen[report["instanceId"]] = {
                backend: breaker["state"] for backend, breaker in report["backends"].items()
            }
            answered.add(report["instanceId"])
            if len(answered) == self._wanted:
                break
        return self._seen

    def states(self, backend):
        """Of one backend, by instance, as they are now."""
        return {instance: states[backend] for instance, states in sorted(self.look().items())}

    def await_state(self, backend, state, seconds, asking=None):
        """Seconds until every gateway's breaker was in that state; None if that took too long.
        Breakers move when they are asked: `asking` does that, where no load does.
        """
        began = time.monotonic()
        while True:
            if asking:
                asking()
            states = self.states(backend)
            took = time.monotonic() - began
            if len(states) == self._wanted and set(states.values()) == {state}:
                return took
            if took > seconds:
                return None
            time.sleep(0.1)


def transitions(lines):
    """What gateways logged of their breakers, by time; `at` is when, in seconds of the epoch."""
    found = []
    for line in lines:
        if '"circuit breaker"' not in line:
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        entry["at"] = datetime.datetime.fromisoformat(entry["ts"]).timestamp()
        found.append(entry)
    return sorted(found, key=lambda entry: entry["at"])
