"""Every kind of process is killed at random, and the databases must be right afterwards."""

import collections
import random
import time

from scaleout.drills import drill
from scaleout.errors import StackError
from scaleout.load.buyer import Buyers
from scaleout.money import checker
from scaleout.topology import REDIS_SERVERS, SERVICES

VICTIMS = (
    *(("api-gateway", k) for k in range(1, drill.GATEWAYS + 1)),
    *((service, None) for service in SERVICES),
    ("nginx", None),
    *((server, None) for server in REDIS_SERVERS),
    ("postgres", None),
)
_TURNS_SECONDS = 10


def kills_within(seconds):
    """How many there are at least."""
    return max(1, round(seconds / 2))


class Durability(drill.Drill):
    NAME = "durability"
    TITLE = "durability: orders and payments while every kind of process is killed at random"
    WHY = """kill -9, without a warning, of gateways, services, nginx, both Redis
        servers and PostgreSQL; their supervisor brings them back. Buyers repeat what got no
        definite answer, with the same key. When everything is healthy again, what they were
        answered is compared with what the databases and the payment provider's ledger hold."""

    def hold(self):
        seconds = self.duration(60, 12)
        wanted = kills_within(seconds)
        kills = collections.Counter()
        with Buyers(self.url, 4) as buyers:
            with self.load(drill.user(20, drill.asked), beside=[buyers]) as (load, timeline):
                self.pause(2, 1)
                began = time.monotonic()
                bag = []
                while time.monotonic() - began < 3 * seconds and (
                    time.monotonic() - began < seconds or kills.total() < wanted
                ):
                    due = began + kills.total() * seconds / wanted
                    time.sleep(max(0.0, due - time.monotonic()) * random.uniform(0.5, 1))
                    # Each is killed once before any is killed a second time.
                    bag = bag or random.sample(VICTIMS, len(VICTIMS))
                    self._kill(*bag.pop(), kills, timeline)
                timeline.event(f"no more: {kills.total()} kills")
                self.await_healthy()
                timeline.event("everything is healthy again")
                self.pause(2, 1)
                buyers.close()
                timeline.event("every buyer is done")
        self._check_scales()
        self.n.table(("killed", "times"), sorted(kills.items()))
        self.n.figure("kills", dict(kills))
        self.n.check(f"at least {wanted} kills", kills.total() >= wanted, kills.total())
        drill.check_victims(self.n, kills, VICTIMS, wanted)
        answered = [outcome for outcome in load.outcomes if outcome.status == 200]
        self.n.figure("availability", len(answered) / max(1, len(load.outcomes)))
        self.n.say(f"    {len(answered)} of {len(load.outcomes)} reads were answered meanwhile")
        checker.check(self.n, self.driver, buyers.record)

    def _check_scales(self):
        """What answers must be known to its supervisor, and not be left over from a dead one."""
        self.driver.scale(drill.GATEWAYS + 1)
        wanted = set(self.driver.instances())
        seen, deadline = set(), time.monotonic() + _TURNS_SECONDS
        while seen != wanted and time.monotonic() < deadline:
            seen = {self.client.get("/api/count").instance for _ in range(3 * len(wanted))}
        self.driver.scale(drill.GATEWAYS)
        self.n.check(
            "the stack obeys: a fourth gateway gets requests", seen == wanted, sorted(seen)
        )

    def _kill(self, part, k, kills, timeline):
        name = f"{part} {k}" if k else part
        try:
            self.driver.kill(part, k)
        except StackError as error:
            # It is dead already, and on its way back.
            timeline.event(f"{name} could not be killed: {error}")
            time.sleep(0.3)
            return
        kills[part] += 1
        timeline.event(f"kill -9 {name}")
