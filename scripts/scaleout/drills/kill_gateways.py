"""Gateways die without a drain: nginx tries another, and no client notices."""

import threading
import time

from scaleout.drills import drill
from scaleout.load.buyer import Buyers
from scaleout.money import checker

_ROUNDS = ((1, 2), (2, 3), (3, 1), (1, 3), (2, 1))
_SERVING_WITHIN = 30


class KillGateways(drill.Drill):
    NAME = "kill-gateways"
    LEAST_SECONDS = None
    TITLE = "kill-gateways: kill -9 two of three gateways, again and again, under load"
    WHY = """nginx repeats on another gateway what can be repeated; the supervisor brings the dead
        ones back. A POST that was sent is not repeated by nginx: its client does it, with the
        same Idempotency-Key, and it happens once."""

    def hold(self):
        rounds = _ROUNDS[:2] if self.options.quick else _ROUNDS
        with Buyers(self.url, 3) as buyers:
            with self.load(
                drill.user(60, drill.asked),
                drill.overview(20, drill.asked),
                drill.count(20),
                beside=[buyers],
            ) as (load, timeline):
                self.pause(3, 2)
                for victims in rounds:
                    self._kill(victims, timeline)
                    self.pause(3, 1)
                buyers.close()
        for kind in load.kinds:
            self.check_none_failed(f"no GET failed: {kind}", load.between(kind, 0, load.ended))
        self.check_whole("and every overview was whole", load.between("overview", 0, load.ended))
        checker.check(self.n, self.driver, buyers.record)

    def _kill(self, victims, timeline):
        timeline.event(f"kill -9 gateways {victims[0]} and {victims[1]}")
        killers = [
            threading.Thread(target=self.driver.kill, args=("api-gateway", victim))
            for victim in victims
        ]
        for killer in killers:
            killer.start()
        for killer in killers:
            killer.join()
        killed = time.monotonic()
        # The dead ones may still be in nginx' rotation: what they answered last does not count.
        while not self._all_serve():
            if time.monotonic() - killed > _SERVING_WITHIN:
                break
            time.sleep(0.2)
        timeline.event(f"{len(self._serving())} gateways serve")
        self.n.check(
            f"all three serve again within {_SERVING_WITHIN} s",
            self._all_serve(),
            f"{time.monotonic() - killed:.1f} s",
        )

    def _all_serve(self):
        return len(self._serving()) == drill.GATEWAYS

    def _serving(self):
        return {self.client.get("/api/metrics").instance for _ in range(3 * drill.GATEWAYS)}
