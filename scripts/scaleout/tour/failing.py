"""Scenes 10 and 11: a service that is gone, as an aggregated answer and a circuit breaker show
it.
"""

import time

from scaleout.breakers import Breakers
from scaleout.load.client import PAST_THE_CACHE
from scaleout.load.figures import percentile
from scaleout.tour.scenes import Scenes

_CIRCUIT_OPEN = "/problems/circuit-open"
_REFUSED_REQUESTS = 60
_REFUSED_SHARE = 0.8
_REFUSED_MS = 100
_BREAKER_SECONDS = 30


class Failing(Scenes):
    def aggregation(self):
        self._n.scene(
            "10. Aggregation",
            "One answer from three services, asked at once. Two of its parts are optional.\n"
            "The gateways cache the parts, so a service that is gone is missed only by requests\n"
            "past the cache (Cache-Control: no-cache).",
        )
        self._n.command("curl localhost:.../api/users/1/overview")
        whole = self._tried(
            self._past_the_cache, lambda answer: set(_part_statuses(answer).values()) == {"ok"}
        )
        self._show_parts(whole)
        self._n.check(
            "all parts are there",
            whole.status == 200 and set(_part_statuses(whole).values()) == {"ok"},
            whole.status,
        )

        self._n.say("\n    ... stopping the payment service")
        self._driver.stop("payment-service")
        try:
            cached = self._tried(
                lambda: self._client.get("/api/users/1/overview"),
                lambda answer: answer.headers.get("X-Aggregate-Complete") == "true",
            )
            self._show_parts(cached)
            self._n.check(
                "from the cache: still whole, its payments fresh or marked stale",
                cached.headers.get("X-Aggregate-Complete") == "true"
                and cached.headers.get("X-Cache") in ("HIT", "STALE"),
                f"X-Cache: {cached.headers.get('X-Cache')}, {_part_statuses(cached)}",
            )
            self._n.command("curl -H 'Cache-Control: no-cache' localhost:.../api/users/1/overview")
            partial = self._tried(
                self._past_the_cache, lambda answer: _part_statuses(answer).get("orders") == "ok"
            )
            self._show_parts(partial)
            statuses = _part_statuses(partial)
            self._n.check(
                "still 200, with what there is",
                partial.status == 200
                and statuses.get("user") == "ok"
                and statuses.get("orders") == "ok",
                f"{partial.status}, {statuses}",
            )
            self._n.check(
                "the missing part is null and marked",
                partial.json().get("payments", 0) is None
                and statuses.get("payments") in ("error", "timeout", "circuit_open"),
                statuses.get("payments"),
            )
            self._n.check(
                "X-Aggregate-Complete says false",
                partial.headers.get("X-Aggregate-Complete") == "false",
            )
        finally:
            self._n.say("\n    ... starting it again")
            self._driver.start("payment-service")
        deadline = time.monotonic() + 30
        while (again := self._past_the_cache()) and time.monotonic() < deadline:
            if again.headers.get("X-Aggregate-Complete") == "true":
                break
            time.sleep(0.2)
        self._n.check(
            "whole again, without a restart of anything else",
            again.headers.get("X-Aggregate-Complete") == "true",
            _part_statuses(again),
        )

    def breaker(self):
        self._n.scene(
            "11. The circuit breaker",
            "A service that is gone fails every call. After some of them each gateway's breaker\n"
            "opens: calls are refused at once, and no request waits for what cannot come.\n"
            "All requests here are asked past the cache, so that each needs the service.",
        )
        breakers = Breakers(self._driver.url())
        breakers.expect(3)
        self._n.command(
            "for i in {1..99}; do "
            "curl -s -H 'Cache-Control: no-cache' 'localhost:.../api/payments?user_id=1'; done"
        )
        self._n.say("    ... stopping the payment service")
        self._driver.stop("payment-service")
        try:
            self._await_breakers(breakers, "OPEN", "the breaker opens on every gateway")
            self._refused()
        finally:
            self._n.say("\n    ... starting it again")
            self._driver.start("payment-service")
        self._await_breakers(
            breakers, "CLOSED", "half-open, then closed on every gateway, without a restart"
        )
        answers = [self._answered(self._payments) for _ in range(3)]
        self._n.check("and payments are answered", {a.status for a in answers} == {200})

    def _await_breakers(self, breakers, state, name):
        took = breakers.await_state("payment", state, _BREAKER_SECONDS, asking=self._payments)
        states = breakers.states("payment")
        self._n.table(("gateway", "breaker for payments"), states.items())
        self._n.check(name, took is not None, states if took is None else f"{took:.1f} s")

    def _payments(self):
        return self._client.get("/api/payments?user_id=1", PAST_THE_CACHE)

    def _past_the_cache(self):
        return self._client.get("/api/users/1/overview", PAST_THE_CACHE)

    def _refused(self):
        answers = self._tried(
            lambda: [self._payments() for _ in range(_REFUSED_REQUESTS)],
            lambda found: len(_refused(found)) >= _REFUSED_SHARE * len(found),
        )
        refused = _refused(answers)
        self._n.say(f"    GET /api/payments  {refused[-1] if refused else answers[-1]}")
        self._n.check(
            f"payments are refused with 503 {_CIRCUIT_OPEN} and Retry-After",
            # The others are probes of a breaker that is half open.
            len(refused) >= _REFUSED_SHARE * len(answers)
            and all(a.status == 503 and int(a.headers.get("Retry-After", 0)) >= 1 for a in refused),
            f"{len(refused)} of {len(answers)}",
        )
        median = percentile([a.milliseconds for a in refused], 0.5)
        self._n.figure("circuitOpenMedianMs", median)
        self._n.check(
            f"at once: the median under {_REFUSED_MS} ms", median < _REFUSED_MS, f"{median:.1f} ms"
        )
        overviews = self._tried(
            lambda: [self._past_the_cache() for _ in range(6)],
            lambda found: {answer.status for answer in found} == {200},
        )
        self._show_parts(overviews[-1])
        marked = [_part_statuses(a).get("payments") for a in overviews]
        self._n.check(
            "the overview stays 200, with its payments marked circuit_open",
            {a.status for a in overviews} == {200} and "circuit_open" in marked,
            ", ".join(map(str, marked)),
        )

    def _show_parts(self, answer):
        parts = answer.json().get("_meta", {}).get("parts", {})
        self._n.table(
            ("part", "status", "ms"),
            [(name, part["status"], f"{part['latencyMs']:.1f}") for name, part in parts.items()],
        )
        self._n.say(f"    whole answer: {answer.status} in {answer.milliseconds:.1f} ms")


def _refused(answers):
    return [answer for answer in answers if answer.json().get("type") == _CIRCUIT_OPEN]


def _part_statuses(answer):
    return {
        name: part.get("status")
        for name, part in answer.json().get("_meta", {}).get("parts", {}).items()
    }
