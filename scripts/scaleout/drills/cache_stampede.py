"""Many clients ask for one value that the cache does not hold: with single flight, and without."""

import collections
import re
import time

from scaleout.drills import drill
from scaleout.drills.own_stack import OwnStackDrill
from scaleout.load.at_once import burst
from scaleout.load.figures import latencies, percentile
from scaleout.load.open_loop import Request
from scaleout.native import health, processes

_CLIENTS = 200
# How long the service holds each call, so that all clients ask while the first one waits.
_FILL = "50ms"
_KEYS, _QUICK_KEYS = 10, 4
# A replica that has not seen the answer within CACHE_LOCK_WAIT asks itself.
_MOST_WITH, _QUICK_MOST_WITH = drill.GATEWAYS, _CLIENTS // 20
# Clients share the processors with the stack, so the last ones may find the first one's answer.
_LEAST_WITHOUT, _QUICK_LEAST_WITHOUT = 0.75, 0.1
# Of the keys that are wanted so many times as many are tried on a machine that stands still.
_TRIES = 4
_CALLS = re.compile(r"^rpc_server_call_duration_seconds_count\{[^}]*/GetUser\"[^}]*\} (\S+)$", re.M)


class CacheStampede(OwnStackDrill):
    NAME = "cache-stampede"
    LEAST_SECONDS = None
    # Nginx and ten gateways have those before.
    FIRST_PORT = 20
    TITLE = (
        f"cache-stampede: {_CLIENTS} clients at once ask for a value that the cache does not hold"
    )
    WHY = f"""Three gateways, and a service that holds each call for {_FILL}. With single flight one
        reader asks the service, the others of its gateway wait for it, and the other gateways wait
        for what it stores. Without (LAB_CACHE_SINGLE_FLIGHT=off) each reader asks. Coalesced reads
        are off, or they would do the same for the readers of one gateway. On a stack of its own."""

    def hold(self):
        found = {switch: self._measure(switch) for switch in ("on", "off")}
        self._show(found)
        self._check(found)

    def _measure(self, switch):
        """(calls of the service, outcomes) for each key."""
        with self.own_stack(
            CACHE="on",
            COALESCE="off",
            LAB_CACHE_SINGLE_FLIGHT=switch,
            LAB_RPC_DELAY=_FILL,
            SERVICE_METRICS_LISTEN="127.0.0.1:0",
        ) as stack:
            urls = [f"http://127.0.0.1:{stack.settings.gateway_port(k)}" for k in (1, 2, 3)]
            service = stack.parts.pids()["user-service"]
            page = processes.listening_ports(service)[0]
            burst(urls, Request("GET", "/api/users/1000"), _CLIENTS)  # warms up
            keys = _QUICK_KEYS if self.options.quick else _KEYS
            found = []
            for key in range(1, _TRIES * keys + 1):
                if len(found) < keys:
                    began = time.monotonic()
                    one = self._one(urls, page, key)
                    disturbed = self.still.touched(began, time.monotonic())
                    # It says nothing if the machine stood still; the last ones have to do.
                    if not disturbed or key > (_TRIES - 1) * keys:
                        found.append(one)
            return found

    @staticmethod
    def _one(urls, page, key):
        before = _calls(page)
        outcomes = burst(urls, Request("GET", f"/api/users/{key}"), _CLIENTS)
        return _calls(page) - before, outcomes

    def _show(self, found):
        self.n.table(
            ("single flight", "clients", "calls, median", "most", "p50 ms", "p99 ms", "answers"),
            [
                (
                    switch,
                    _CLIENTS,
                    f"{percentile(_calls_of(keys), 0.5):.0f}",
                    f"{max(_calls_of(keys)):.0f}",
                    f"{percentile(latencies(_outcomes(keys)), 0.5):.0f}",
                    f"{percentile(latencies(_outcomes(keys)), 0.99):.0f}",
                    _results(_outcomes(keys)),
                )
                for switch, keys in found.items()
            ],
        )
        for switch, keys in found.items():
            self.n.figure(f"callsSingleFlight{switch.capitalize()}", _calls_of(keys))

    def _check(self, found):
        for switch, keys in found.items():
            self.check_none_failed(
                f"single flight {switch}: every client is answered", _outcomes(keys)
            )
        calls = _calls_of(found["on"])
        self.n.check(
            f"on: the service is asked once for {_CLIENTS} clients",
            percentile(calls, 0.5) <= (_MOST_WITH if self.options.quick else 1)
            and max(calls) <= (_QUICK_MOST_WITH if self.options.quick else _MOST_WITH),
            f"{calls} calls for each key",
        )
        calls = _calls_of(found["off"])
        least = _QUICK_LEAST_WITHOUT if self.options.quick else _LEAST_WITHOUT
        self.n.check(
            "off: nearly every client asks the service",
            percentile(calls, 0.5) >= least * _CLIENTS,
            f"{calls} calls for each key",
        )


def _calls(page):
    return sum(map(float, _CALLS.findall(health.http_get(page, "/metrics")[1])))


def _calls_of(keys):
    return [round(calls) for calls, _ in keys]


def _outcomes(keys):
    return [outcome for _, outcomes in keys for outcome in outcomes]


def _results(outcomes):
    counted = collections.Counter(
        "joined" if "collapsed" in o.headers.get("cache-status", "") else o.headers.get("x-cache")
        for o in outcomes
    )
    return ", ".join(f"{count} {name}" for name, count in counted.most_common())
