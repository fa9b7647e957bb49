"""A service dies and comes back: what its breaker makes of it, and what clients see."""

import collections
import time

from scaleout.drills import drill

_BACKEND = "payment"
_FAST_MS = 10
_OPEN_WITHIN = _CLOSED_WITHIN = 10
# Whose overviews the cache holds when the service stops.
_CACHED_USERS = range(1, 6)


class Breaker(drill.Drill):
    NAME = "breaker"
    TITLE = "breaker: the payment service stops under load, and starts again"
    WHY = """Each gateway counts its calls to each service. When half of them fail it stops calling:
        clients get their 503 at once, and the dead service is left in peace. From time to time
        a few calls probe; when they succeed, all may pass again. The overview never needed
        payments: it stays 200. All this is asked past the gateways' cache. What the cache holds
        goes on being served, fresh at first and then as stale."""

    def hold(self):
        ids = self.payment_ids()
        outage = self.duration(18, 8)
        self.n.command(
            f"while sleep 0.2; do curl -s -H 'Cache-Control: no-cache' "
            f"{self.url}/api/payments/{ids[0]}; done"
        )
        with self.load(
            drill.payment(60, ids),
            drill.overview(20),
            drill.cached_overview(20, _CACHED_USERS),
            drill.count(40),
            watch=self.states(_BACKEND),
        ) as (load, timeline):
            self.pause(5, 3)
            stopped = timeline.event("the payment service is being stopped")
            self.driver.stop("payment-service")
            timeline.event("it is gone")
            opened_after = self.breakers.await_state(_BACKEND, "OPEN", self.patience(_OPEN_WITHIN))
            opened = timeline.event("every gateway's breaker is open")
            time.sleep(outage)
            starting = timeline.event("the payment service is started")
            self.driver.start("payment-service")
            healthy = timeline.event("it is healthy")
            closed_after = self.breakers.await_state(_BACKEND, "CLOSED", 3 * _CLOSED_WITHIN)
            closed = timeline.event("every gateway's breaker is closed")
            self.pause(5, 3)
        self._check_before(load, stopped)
        self.n.check(
            f"open on all gateways within {self.patience(_OPEN_WITHIN)} s of its end",
            opened_after is not None,
            f"{opened_after or opened - stopped:.1f} s after it was gone",
        )
        self._check_open(load, opened, starting)
        self._check_overview(load, opened, starting)
        self._check_cached(load, stopped, starting)
        self.n.check(
            f"closed on all gateways within {self.patience(_CLOSED_WITHIN)} s of being healthy",
            closed_after is not None and closed - healthy <= self.patience(_CLOSED_WITHIN),
            f"{closed - healthy:.1f} s",
        )
        self.n.figure("closedAfterSeconds", round(closed - healthy, 2))
        self.check_none_failed(
            "then every payment is answered 200", load.between("payment", closed + 0.5, load.ended)
        )
        self.check_whole(
            "and every overview is whole", load.between("overview", closed + 0.5, load.ended)
        )
        self._check_log(timeline)

    def restore(self):
        self.driver.start("payment-service")

    def _check_before(self, load, stopped):
        before = load.between(None, load.began, stopped)
        self.check_none_failed("before: everything is answered 200", before)

    def _check_open(self, load, opened, starting):
        payments = self.undisturbed(load.between("payment", opened, starting))
        refused = [o for o in payments if o.json().get("type") == "/problems/circuit-open"]
        rest = [o for o in payments if o.json().get("type") != "/problems/circuit-open"]
        self.n.check(
            "open: payments are refused with 503 /problems/circuit-open",
            len(refused) >= 0.9 * len(payments) and all(o.status == 503 for o in payments),
            f"{len(refused)} of {len(payments)}; the others are probes: "
            f"{sorted({o.json().get('type', str(o)) for o in rest})}",
        )
        self.n.check(
            "with Retry-After, the backend and its state",
            all(
                int(o.headers.get("retry-after", 0)) >= 1
                and o.json().get("backend") == _BACKEND
                and o.json().get("state") in ("OPEN", "HALF_OPEN")
                for o in refused
            ),
        )
        measured = self.check_p99(
            f"at once: p99 under {_FAST_MS} ms",
            payments,
            _FAST_MS,
            load.between("count", opened, starting),
        )
        self.n.figure("refusedP99Ms", round(measured, 2))

    def _check_overview(self, load, opened, starting):
        overviews = load.between("overview", opened, starting)
        self.check_none_failed("open: the overview stays 200", overviews)
        overviews = self.undisturbed(overviews)
        statuses = [drill.part_status(o, "payments") for o in overviews]
        marked = statuses.count("circuit_open")
        self.n.check(
            "with its payments marked circuit_open, and the rest there",
            marked >= 0.9 * len(overviews)
            and all(o.headers.get("x-aggregate-complete") == "false" for o in overviews)
            and all(drill.part_status(o, "orders") == "ok" for o in overviews),
            f"{marked} of {len(overviews)}; the others are probes: "
            f"{sorted(set(map(str, statuses)) - {'circuit_open'})}",
        )

    def _check_cached(self, load, stopped, starting):
        overviews = load.between("cached", stopped, starting)
        self.check_none_failed(
            "all the while: the overviews that the cache holds are 200", overviews
        )
        overviews = self.undisturbed(overviews)
        # On a busy machine Redis does not always answer within the time that gateways give it.
        held = [o for o in overviews if o.headers.get("x-cache") != "BYPASS"]
        statuses = collections.Counter(drill.part_status(o, "payments") for o in held)
        self.n.check(
            "and whole, with payments from the cache: ok while they are fresh, then stale",
            len(held) >= 0.9 * len(overviews)
            and all(map(drill.whole, held))
            and set(statuses) <= {"ok", "stale"},
            f"{dict(statuses)}; {len(overviews) - len(held)} for which Redis had no time",
        )

    def _check_log(self, timeline):
        paths = self.show_transitions(_BACKEND, timeline)
        self.n.check(
            "each gateway went CLOSED, OPEN, HALF_OPEN, ..., CLOSED",
            len(paths) == drill.GATEWAYS
            and all(
                path[:3] == ["CLOSED", "OPEN", "HALF_OPEN"] and path[-2:] == ["HALF_OPEN", "CLOSED"]
                for path in paths.values()
            ),
            "" if paths else "nothing was logged",
        )
