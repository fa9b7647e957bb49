"""Orders are paid, cancelled and refunded while every kind of process that this takes is killed,
frozen and restarted at random; afterwards each of them must be what its clients were answered, and
no money may be taken that is not accounted for.
"""

import collections
import contextlib
import dataclasses
import random
import shutil
import time
from pathlib import Path

from scaleout.drills import drill
from scaleout.drills.own_stack import OwnStackDrill
from scaleout.errors import StackError
from scaleout.events.databases import Databases
from scaleout.load.shoppers import TOKENS, Shoppers
from scaleout.money import checker
from scaleout.topology import REDIS_SERVERS, SERVICES

VICTIMS = (
    *(("api-gateway", k) for k in range(1, drill.GATEWAYS + 1)),
    *((service, None) for service in SERVICES),
    ("postgres", None),
    *((server, None) for server in REDIS_SERVERS),
)
_KILLS, QUICK_KILLS = 60, 20
# Of ten faults.
_ACTS = {"kill": 6, "freeze": 3, "restart": 1}
_FROZEN_SECONDS = (0.5, 3.0)
_PAUSE_SECONDS = (0.2, 1.2)
_PURCHASES_PER_SECOND = 20
# What has begun is decided within seconds here, and not within minutes.
_SETTINGS = {
    "EVENTS": "on",
    "CACHE": "on",
    "ORDER_SETTLE_AFTER": "2s",
    "PROVIDER_TIMEOUT": "500ms",
    "PROVIDER_LEASE": "3s",
    "PROVIDER_SETTLE_AFTER": "2s",
    "PROVIDER_SETTLE_DELAY": "1s",
    # What is back is asked at once, so that requests meet what is half up.
    "GATEWAY_BREAKER_OPEN_WAIT": "500ms",
    "GATEWAY_BREAKER_OPEN_WAIT_MAX": "1s",
}
_SETTLED_SECONDS = 60
# Longer than the deadline of a request whose client has given up.
_QUIET_SECONDS = 7.0


@dataclasses.dataclass(frozen=True)
class Fault:
    act: str  # kill, freeze or restart
    part: str
    k: int | None
    pause: float  # before it
    seconds: float = 0.0  # of a freeze

    @property
    def victim(self):
        return self.part, self.k

    def __str__(self):
        name = f"{self.part} {self.k}" if self.k else self.part
        return f"{self.act} {name}{f' for {self.seconds:.1f} s' if self.seconds else ''}"


def faults(seed):
    """The faults of a seed, without an end: each victim once before any is a victim again."""
    source = random.Random(seed)
    bag = []
    while True:
        bag = bag or source.sample(VICTIMS, len(VICTIMS))
        part, k = bag.pop()
        act = source.choices(list(_ACTS), _ACTS.values())[0]
        pause, seconds = source.uniform(*_PAUSE_SECONDS), source.uniform(*_FROZEN_SECONDS)
        yield Fault(act, part, k, pause, seconds if act == "freeze" else 0.0)


class Saga(OwnStackDrill):
    NAME = "saga"
    LEAST_SECONDS = None
    # Behind revocation's.
    FIRST_PORT = 80
    TITLE = "saga: orders are paid, cancelled and refunded while everything is killed at random"
    WHY = """Gateways, services, PostgreSQL and both Redis servers are killed, frozen and restarted.
        Cards are declined, time out, lose their replies and settle late. Some clients repeat what
        got no definite answer with the same key, some with a new one, some never. When everything
        runs again, no order may be stuck, and databases, the payment provider's ledger and what
        clients were answered must agree. --kills N says for how long, SEED which. On a stack of
        its own, with sweepers that wait for seconds and not for a minute."""

    def hold(self):
        wanted = self.options.kills or (QUICK_KILLS if self.options.quick else _KILLS)
        seed = drill.setting("SEED", random.randrange(1, 10**9))
        self.n.say(f"    SEED={seed}, {wanted} kills, {_PURCHASES_PER_SECOND} purchases a second")
        self.n.figure("seed", seed)
        self._done = collections.Counter()
        self._frozen = {}  # by victim: until when
        with self.own_stack(**_SETTINGS) as stack:
            self.move_to(stack)
            self.await_healthy()
            try:
                shoppers = self._run(wanted, seed)
                self._show(shoppers)
                self._check_acts(wanted)
                check_all_done(self.n, shoppers.record, wanted)
                checker.check(
                    self.n, self.driver, shoppers.record, _SETTLED_SECONDS, _QUIET_SECONDS
                )
                self._check_dead_letters()
            finally:
                if self.n.failed():
                    self._keep_logs(stack)

    def _run(self, wanted, seed):
        with Shoppers(self.url, _PURCHASES_PER_SECOND, seed) as shoppers:
            watch = lambda: f"{self._kills()}/{wanted} kills"  # noqa: E731
            with self.load(beside=[shoppers], watch=watch) as (_, timeline):
                self.pause(3, 2)
                self._break(wanted, seed, timeline)
                timeline.event(f"no more: {self._kills()} kills")
                self.await_healthy()
                timeline.event("everything is healthy again")
                self.pause(3, 1)
                shoppers.close()
                timeline.event("every shopper is done")
        return shoppers

    def _kills(self):
        return sum(times for (_, act), times in self._done.items() if act == "kill")

    def _break(self, wanted, seed, timeline):
        for fault in faults(seed):
            if self._kills() >= wanted:
                break
            self._wait(fault.pause, timeline)
            if fault.victim in self._frozen:
                continue
            timeline.event(str(fault))
            try:
                self._do(fault)
            except StackError as error:
                # Dead already and on its way back.
                timeline.event(f"not done: {error}")
                continue
            self._done[fault.part, fault.act] += 1
        self._wait(max(_FROZEN_SECONDS), timeline)

    def _do(self, fault):
        if fault.act == "kill":
            self.driver.kill(fault.part, fault.k)
        elif fault.act == "restart":
            # PostgreSQL's fast shutdown, and a drain of the others.
            self.driver.kill(fault.part, fault.k, "INT" if fault.part == "postgres" else "TERM")
        else:
            self.driver.freeze(fault.part, fault.k)
            self._frozen[fault.victim] = time.monotonic() + fault.seconds

    def _wait(self, seconds, timeline):
        """So long; what is frozen is thawed when its time is over."""
        until = time.monotonic() + seconds
        while True:
            soonest = min(self._frozen, key=self._frozen.get, default=None)
            if soonest is None or self._frozen[soonest] > until:
                break
            time.sleep(max(0.0, self._frozen.pop(soonest) - time.monotonic()))
            with contextlib.suppress(StackError):
                self.driver.thaw(*soonest)
            timeline.event(f"thaw {' '.join(str(each) for each in soonest if each)}")
        time.sleep(max(0.0, until - time.monotonic()))

    # What came of it

    def _show(self, shoppers):
        self.n.say("\n  What was done:")
        self.n.table(
            ("part", *_ACTS),
            [
                (part, *(self._done[part, act] or "-" for act in _ACTS))
                for part in dict.fromkeys(part for part, _ in VICTIMS)
            ],
        )
        acts = {f"{act} {part}": times for (part, act), times in self._done.items()}
        self.n.figure("faults", acts)
        self.n.say(f"\n  What clients were answered ({', '.join(TOKENS)}):")
        self.n.table(
            ("request", "answer", "times"),
            [(*each, times) for each, times in sorted(shoppers.answers.items())],
        )
        counted = {" ".join(each): times for each, times in shoppers.answers.items()}
        self.n.figure("answers", counted)
        self.n.say(
            f"    {shoppers.begun} purchases, {shoppers.given_up} requests given up"
            + (f"; {shoppers.left_out} purchases left out" if shoppers.left_out else "")
        )

    def _check_acts(self, wanted):
        kills = self._kills()
        self.n.check(f"{wanted} kills", kills >= wanted, kills)
        drill.check_victims(self.n, {part for part, _ in self._done}, VICTIMS, wanted)

    def _check_dead_letters(self):
        databases = Databases(self.driver)
        dead = sum(row["dead"] for service in SERVICES for row in databases.inbox(service))
        self.n.check("no dead letters", dead == 0, dead or "")

    def _keep_logs(self, stack):
        """The stack goes with its data; its logs are for who looks for the reason."""
        kept = Path(f"{stack.settings.run_dir}-logs")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(stack.places.log, kept)
        self.n.say(f"    the logs are in {kept}")


def check_all_done(narrator, record, kills):
    """That no operation is broken as a whole, of which the money says nothing: in a run that is
    long enough each has succeeded.
    """
    done = record.done()
    missing = [what for what, times in done.items() if not times]
    if missing and kills < QUICK_KILLS:
        narrator.say(
            f"    {kills} kills are too short to say whether there are: {', '.join(missing)}"
        )
    else:
        found = ", ".join(f"{times} {what}" for what, times in done.items())
        lacking = f"no {', no '.join(missing)}" if missing else ""
        narrator.check("clients did all that they can do", not missing, lacking or found)
