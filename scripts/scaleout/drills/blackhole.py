"""A service, and then the database, that neither answers nor hangs up: deadlines and the breaker
keep the first from spreading, and health says what is wrong with the second.
"""

import time

from scaleout.drills import drill
from scaleout.load.figures import latencies, p99
from scaleout.load.open_loop import Stream

_BACKEND = "payment"
# Long enough that failures outweigh what the sliding window of 10 s remembers of better times.
_OPEN_WITHIN = 15
_CLOSED_WITHIN = 12
# The route's deadline of 3 s, and time to say so.
_LONGEST_MS = 3300
# How much slower the others may become.
_SLOWER_MS = 15
# PostgreSQL frozen: the services notice it themselves, without a call.
_DEGRADED_WITHIN = 5
_HEALTHY_WITHIN = 15

_DATABASE_TITLE = "blackhole: PostgreSQL freezes under load"
_DATABASE_WHY = """Connections stay, new ones are accepted by the kernel, and no statement is
    answered. Each service gives up what waits, says NOT_SERVING, and refuses calls at once until
    PostgreSQL answers again. Nothing has to be started anew."""


class Blackhole(drill.Drill):
    NAME = "blackhole"
    # What was sent in the last seconds, a deadline's, is not looked at.
    LEAST_SECONDS = 4
    TITLE = "blackhole: the payment service freezes under load"
    WHY = """Nothing is refused and nothing breaks: calls just hang. Each attempt has a timeout and
        each request a deadline; so the calls end, they count as failed and slow, and the
        breaker opens. Then no request waits any more. Routes that need no payments must not
        become slower at any time. Everything is asked past the gateways' cache."""

    def hold(self):
        self._hold_frozen_service()
        self.n.scene(_DATABASE_TITLE, _DATABASE_WHY)
        self.await_healthy()
        self._hold_frozen_database()

    def restore(self):
        self.driver.thaw("payment-service")
        self.driver.thaw("postgres")

    def _hold_frozen_database(self):
        with self.load(drill.user(40), drill.count(40), watch=self._health) as (load, timeline):
            self.pause(3, 2)
            self.driver.freeze("postgres")
            frozen = timeline.event("PostgreSQL is frozen")
            degraded_after = self._await_health("degraded", "NOT_SERVING", 3 * _DEGRADED_WITHIN)
            timeline.event("every service says NOT_SERVING")
            time.sleep(self.duration(6, 4))
            thawed = timeline.event("it goes on")
            self.driver.thaw("postgres")
            healthy_after = self._await_health("ok", "SERVING", 3 * _HEALTHY_WITHIN)
            self.await_healthy()
            healthy = timeline.event("every service is SERVING, every breaker closed")
            self.pause(3, 2)
        self.n.check(
            f"/api/health says degraded within {_DEGRADED_WITHIN} s",
            degraded_after is not None and degraded_after <= _DEGRADED_WITHIN,
            f"{degraded_after} s",
        )
        touched = load.between("user", frozen, thawed - _LONGEST_MS / 1000)
        longest = max(latencies(touched))
        self.n.check(
            f"no request waits longer than the deadline: {_LONGEST_MS} ms",
            all(outcome.status in (503, 504) for outcome in touched) and longest < _LONGEST_MS,
            f"{longest:.0f} ms",
        )
        self.check_none_failed(
            "routes without a database are answered 200 all the time",
            load.between("count", load.began, load.ended),
        )
        self.n.check(
            f"/api/health says ok within {_HEALTHY_WITHIN} s of the thaw",
            healthy_after is not None and healthy_after <= _HEALTHY_WITHIN,
            f"{healthy_after} s",
        )
        self.check_none_failed(
            "then everything is answered 200", load.between(None, healthy + 0.5, load.ended)
        )

    def _health(self):
        return self.client.get("/api/health").json().get("status", "?")

    def _await_health(self, status, of_each, limit):
        """Seconds until /api/health says `status`, and `of_each` of every service; None if it does
        not within `limit` seconds.
        """
        began = time.monotonic()
        while (passed := time.monotonic() - began) < limit:
            answer = self.client.get("/api/health").json()
            states = {each.get("status") for each in answer.get("backends", {}).values()}
            if answer.get("status") == status and states == {of_each}:
                return round(passed, 1)
            time.sleep(0.1)
        return None

    def _hold_frozen_service(self):
        ids = self.payment_ids()
        frozen_for = self.duration(15, 8)
        with self.load(
            drill.payment(45, ids),
            drill.user(40),
            _orders(20),
            drill.overview(15),
            drill.count(40),
            watch=self.states(_BACKEND),
        ) as (load, timeline):
            self.pause(6, 4)
            self.driver.freeze("payment-service")
            frozen = timeline.event("the payment service is frozen")
            opened_after = self.breakers.await_state(_BACKEND, "OPEN", _OPEN_WITHIN)
            opened = timeline.event("every gateway's breaker is open")
            time.sleep(frozen_for)
            thawed = timeline.event("it goes on")
            self.driver.thaw("payment-service")
            closed_after = self.breakers.await_state(_BACKEND, "CLOSED", 2 * _CLOSED_WITHIN)
            closed = timeline.event("every gateway's breaker is closed")
            self.pause(5, 3)
        self.n.check(
            f"open on all gateways within {_OPEN_WITHIN} s",
            opened_after is not None,
            f"{opened - frozen:.1f} s",
        )
        self._check_deadlines(load, frozen, thawed)
        self._check_others(load, frozen, thawed)
        self._check_open(load, opened, thawed)
        self.n.check(
            f"closed on all gateways within {_CLOSED_WITHIN} s of the thaw",
            closed_after is not None and closed - thawed <= _CLOSED_WITHIN,
            f"{closed - thawed:.1f} s",
        )
        self.check_none_failed(
            "then everything is answered 200", load.between(None, closed + 0.5, load.ended)
        )
        self.show_transitions(_BACKEND, timeline)

    def _check_deadlines(self, load, frozen, thawed):
        # What is on its way when it thaws may be answered well.
        thawed -= _LONGEST_MS / 1000
        touched = load.between("payment", frozen, thawed) + load.between("overview", frozen, thawed)
        longest = max(latencies(touched))
        self.n.check(
            f"no request waits longer than the deadline: {_LONGEST_MS} ms",
            all(outcome.status for outcome in touched) and longest < _LONGEST_MS,
            f"{longest:.0f} ms",
        )
        payments = load.between("payment", frozen, thawed)
        self.n.check(
            "payments are 503 or 504, and say why",
            all(
                outcome.status in (503, 504)
                and outcome.json().get("type", "").startswith("/problems/")
                for outcome in payments
            ),
            sorted({f"{outcome.status} {outcome.json().get('type')}" for outcome in payments}),
        )
        overviews = load.between("overview", frozen, thawed)
        self.check_none_failed("the overview stays 200", overviews)
        self.n.check(
            "with its payments marked timeout, error or circuit_open",
            {drill.part_status(outcome, "payments") for outcome in overviews}
            <= {"timeout", "error", "circuit_open"},
            sorted({str(drill.part_status(outcome, "payments")) for outcome in overviews}),
        )

    def _check_others(self, load, frozen, thawed):
        rows = []
        for kind in ("user", "orders", "count"):
            before, during = (
                load.between(kind, load.began + 1, frozen),
                load.between(kind, frozen, thawed),
            )
            self.check_none_failed(f"all the while: {kind} is answered 200", during)
            rows.append((kind, f"{p99(before):.1f}", f"{p99(during):.1f}"))
        self.n.table(("route", "p99 before, ms", "p99 during, ms"), rows)
        baseline = load.between("count", frozen, thawed)
        for kind in ("user", "orders"):
            before = p99(load.between(kind, load.began + 1, frozen))
            self.check_p99(
                f"{kind} keeps its p99: at most {_SLOWER_MS} ms more",
                load.between(kind, frozen, thawed),
                before + _SLOWER_MS,
                baseline,
                over_baseline=False,
            )

    def _check_open(self, load, opened, thawed):
        # A probe is one call in a hundred, and waits for its timeout.
        quick = [o for o in load.between("payment", opened, thawed) if o.milliseconds < 100]
        total = load.between("payment", opened, thawed)
        self.n.check(
            "once open, payments wait no more, but for the probes",
            len(quick) >= 0.9 * len(total),
            f"{len(quick)} of {len(total)} within 100 ms",
        )


def _orders(rate):
    return Stream(
        "orders", rate, lambda: drill.asked_of_services(f"/api/orders?user_id={drill.any_user()}")
    )
