"""Every process is replaced while clients are served."""

import time

from scaleout.drills import drill
from scaleout.topology import SERVICES

_GRACE_SECONDS = 2.5
_BACK_WITHIN = 20


class RollingRestart(drill.Drill):
    NAME = "rolling-restart"
    LEAST_SECONDS = None
    TITLE = "rolling-restart: every gateway and every service is replaced in turn, under load"
    WHY = """Each gets a SIGTERM, says that it is not ready, finishes what it has, and exits. No
        client repeats anything, reads or writes: not one request may fail, and no overview may
        lack a part. Reads are asked past the gateways' cache, which would hide a service that is
        away."""

    def hold(self):
        parts = [("api-gateway", k) for k in range(1, drill.GATEWAYS + 1)]
        parts += [(service, None) for service in SERVICES]
        if self.options.quick:
            parts = [("api-gateway", 1), ("order-service", None)]
        ids = self.payment_ids()
        began = time.monotonic()
        with self.load(
            drill.user(40),
            drill.overview(40),
            drill.payment(20, ids),
            drill.order(20),
        ) as (load, timeline):
            self.pause(2, 1)
            for part, k in parts:
                name = f"{part} {k}" if k else part
                timeline.event(f"restart {name}")
                self.driver.restart(part, k)
                timeline.event(f"{name} is replaced")
            if not self.options.quick:
                self._terminate_unannounced(timeline)
            self.pause(3, 1)
            young = self._younger_than(time.monotonic() - began)
        for kind in load.kinds:
            self.check_none_failed(
                f"not one request failed: {kind}",
                load.between(kind, 0, load.ended),
                expected=(200, 201),
            )
        self.check_whole("and every overview was whole", load.between("overview", 0, load.ended))
        restarted = sum(part == "api-gateway" for part, _ in parts)
        self.n.check("the gateways are other processes now", len(young) >= restarted, sorted(young))

    def _terminate_unannounced(self, timeline):
        """SIGTERM without a change of nginx's configuration: the drain alone must be enough. The
        supervisor brings the gateway back.
        """
        for k in range(1, drill.GATEWAYS + 1):
            timeline.event(f"SIGTERM to gateway {k}, which nginx still uses")
            terminated = time.monotonic()
            self.driver.kill("api-gateway", k, "TERM")
            # The drain's grace, while it still answers.
            time.sleep(_GRACE_SECONDS)
            while len(self._younger_than(time.monotonic() - terminated)) < 1:
                if time.monotonic() - terminated > _BACK_WITHIN:
                    break
                time.sleep(0.2)
            back = self._younger_than(time.monotonic() - terminated)
            timeline.event(f"{', '.join(sorted(back)) or 'no gateway'} is back")
            self.n.check(f"gateway {k} is replaced within {_BACK_WITHIN} s of its SIGTERM", back)

    def _younger_than(self, seconds):
        """The instances whose process is."""
        reports = [self.client.get("/api/metrics").json() for _ in range(4 * drill.GATEWAYS)]
        return {
            report["instanceId"]
            for report in reports
            if "process" in report and report["process"]["uptimeSeconds"] < seconds
        }
