"""Publishers and consumers of events, and the servers between them, are killed, frozen and flushed
while orders are paid; each payment must have had its effect, once.
"""

import collections
import contextlib
import dataclasses
import os
import random
import time

from scaleout.drills import drill
from scaleout.drills.event_audit import EventAudit, check_effects, check_once
from scaleout.errors import StackError
from scaleout.events.databases import Databases
from scaleout.events.streams import SERVER, Streams
from scaleout.load.figures import percentile
from scaleout.load.payers import Payers
from scaleout.money import checker
from scaleout.topology import SERVICES

_VICTIMS = (
    ("payment-service", None),  # publishes
    ("order-service", None),  # consumes, and publishes
    *(("api-gateway", k) for k in range(1, drill.GATEWAYS + 1)),  # consume
    (SERVER, None),
    ("postgres", None),
)
_FLUSHES = 2
_SECONDS_A_FAULT = 2.0
_FROZEN_SECONDS = (0.3, 2.0)
_RATE = 40
# Looks at an order cost more than its payment.
_LOOKED_AT_PER_SECOND = 40
_DRAINED_WITHIN = 60
_FLUSHED_WITHIN = 10
# After a fault its victim starts, its clients notice, and what has waited goes on.
_AFTER_SECONDS = 3.0
_PHASES = ("before the first fault", "under faults", "beside them")


@dataclasses.dataclass(frozen=True)
class _Fault:
    act: str  # kill, freeze or flush
    part: str
    k: int | None = None
    seconds: float = 0.0  # of a freeze

    def __str__(self):
        name = f"{self.part} {self.k}" if self.k else self.part
        return f"{self.act} {name}{f' for {self.seconds:.1f} s' if self.seconds else ''}"


def plan(count, seed):
    """So many faults: each victim before any a second time, and two flushes among them."""
    source = random.Random(seed)
    faults, bag = [], []
    for _ in range(max(0, count - _FLUSHES)):
        bag = bag or source.sample(_VICTIMS, len(_VICTIMS))
        part, k = bag.pop()
        if source.random() < 0.5:
            faults.append(_Fault("kill", part, k))
        else:
            faults.append(_Fault("freeze", part, k, source.uniform(*_FROZEN_SECONDS)))
    for number in range(_FLUSHES):
        faults.insert(round((number + 1) * len(faults) / (_FLUSHES + 1)), _Fault("flush", SERVER))
    return faults


class Events(drill.Drill):
    NAME = "events"
    TITLE = "events: all that they depend on is killed, frozen and flushed while orders are paid"
    WHY = """Payments are captured, and their orders become PAID by events. Publisher, consumers,
        redis-state and PostgreSQL are killed or frozen at random, redis-state is flushed twice.
        When it is over every payment must have had its effect, exactly once. FAULTS, RATE
        (payments a second) and SEED choose how many, how fast and which."""

    def hold(self):
        self._audit = EventAudit(self.driver)
        self._databases, self._streams = Databases(self.driver), Streams(self.driver)
        seconds = self.duration(24, 10)
        if os.environ.get("FAULTS") and not self.options.seconds:
            seconds = _SECONDS_A_FAULT * drill.setting("FAULTS", 1)
        count = drill.setting("FAULTS", max(_FLUSHES + 1, round(seconds / _SECONDS_A_FAULT)))
        rate = drill.setting("RATE", _RATE, float)
        seed = drill.setting("SEED", random.randrange(1, 10**9))
        self.n.say(f"    SEED={seed} FAULTS={count} RATE={rate:g}, {seconds:.0f} s of faults")
        self.n.figure("seed", seed)
        self._faults = []  # (fault, begin, end)
        self._dead_before = self._dead()
        self._audit.install()
        looked_at = min(1.0, _LOOKED_AT_PER_SECOND / rate)
        with Payers(self.url, rate, looked_at) as payers:
            with self.load(drill.user(10, drill.asked), beside=[payers]) as (load, timeline):
                self.pause(8, 4)
                self._break(plan(count, seed), seconds, timeline)
                over = timeline.event(f"no more: {len(self._faults)} faults")
                self.await_healthy()
                timeline.event("everything is healthy again")
                self.pause(3, 1)
                payers.close()
                done = timeline.event("every payer is done")
                drained = self._await_drained()
                timeline.event("every event has arrived" if drained else "events are left")
        self._drained = [(drained or time.monotonic()) - since for since in (over, done)]
        self._written = self._audit.count()
        self._show_faults(count)
        self._show_figures(payers, load, done)
        self.n.check(
            f"every event has arrived within {_DRAINED_WITHIN} s",
            drained,
            f"{self._drained[1]:.1f} s after the last payment",
        )
        check_effects(self.n, payers, self._audit)
        check_once(self.n, payers, self._audit)
        self._check_dead()
        checker.check(self.n, self.driver, payers.record)

    def restore(self):
        for part, k in _VICTIMS:
            # What does not run is not frozen.
            with contextlib.suppress(StackError):
                self.driver.thaw(part, k)
        if hasattr(self, "_audit"):
            self.await_healthy()
            self._audit.remove()

    # What is done

    def _break(self, faults, seconds, timeline):
        began = time.monotonic()
        for number, fault in enumerate(faults):
            due = began + seconds * number / len(faults)
            time.sleep(max(0.0, due - time.monotonic()))
            at = timeline.event(str(fault))
            try:
                self._do(fault)
            except StackError as error:
                # Dead already and on its way back, or frozen in the middle of its start.
                timeline.event(f"not done: {error}")
                continue
            self._faults.append((fault, at, time.monotonic()))

    def _do(self, fault):
        if fault.act == "kill":
            self.driver.kill(fault.part, fault.k)
        elif fault.act == "flush":
            self._flush()
        else:
            self.driver.freeze(fault.part, fault.k)
            time.sleep(fault.seconds)
            self.driver.thaw(fault.part, fault.k)

    def _flush(self):
        """It may just be starting."""
        deadline = time.monotonic() + _FLUSHED_WITHIN
        while True:
            try:
                return self.driver.flush(SERVER)
            except StackError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _await_drained(self):
        """When nothing was on its way any more; None if something is, after a while."""
        deadline = time.monotonic() + _DRAINED_WITHIN
        while time.monotonic() < deadline:
            try:
                if self._is_drained():
                    return time.monotonic()
            except StackError as error:
                self.n.say(f"    ... {error}")
            time.sleep(0.2)
        return None

    def _is_drained(self):
        rows = [row for service in SERVICES for row in self._databases.outbox(service)]
        if any(row["unpublished"] or row["unacknowledged"] for row in rows):
            return False
        return not any(
            group["lag"] or group["pending"]
            for stream in self._streams.look([row["kind"] for row in rows]).values()
            for group in stream["groups"]
        )

    def _dead(self):
        return sum(row["dead"] for s in SERVICES for row in self._databases.inbox(s))

    # What came of it

    def _show_faults(self, count):
        done = collections.Counter((fault.part, fault.act) for fault, _, _ in self._faults)
        acts = ("kill", "freeze", "flush")
        self.n.table(
            ("part", *acts),
            [
                (part, *(done[part, act] or "-" for act in acts))
                for part in dict.fromkeys(part for part, _ in _VICTIMS)
            ],
        )
        self.n.figure("faults", {f"{act} {part}": times for (part, act), times in done.items()})
        # One that could not be done is one of a part that is just starting.
        least = 0.5 if self.options.quick else 0.8
        self.n.check(f"{count} faults", done.total() >= least * count, done.total())
        self.n.check(f"redis-state was flushed {_FLUSHES} times", done[SERVER, "flush"] >= _FLUSHES)

    def _show_figures(self, payers, load, done):
        seconds = done - load.began
        rate = self._written / seconds
        self.n.say(
            f"    {self._written} events in {seconds:.0f} s, {rate:.0f}/s; "
            f"drained {self._drained[0]:.1f} s after the last fault"
        )
        self.n.figure("events", self._written)
        self.n.figure("eventsPerSecond", round(rate, 1))
        self.n.figure("drainedSeconds", round(self._drained[0], 2))
        if payers.left_out:
            self.n.say(f"    {payers.left_out} purchases were not begun: too many had no answer")
        rows = []
        phases = collections.defaultdict(list)
        for each in payers.paid:
            phases[self._phase_of(each)].append(each)
        for name in _PHASES:
            chosen = phases[name]
            took = [1000 * each.seconds for each in chosen if each.seconds is not None]
            figures = [percentile(took, q) for q in (0.5, 0.99, 1.0)]
            shown = (f"{each:.0f}" if took else "-" for each in figures)
            rows.append((name, len(took), *shown))
            self.n.figure(
                f"paidMs {name}", dict(zip(("p50", "p99", "max"), map(_rounded, figures)))
            )
        columns = ("from a payment's answer to PAID", "seen", "p50 ms", "p99 ms", "max ms")
        self.n.table(columns, rows)

    def _phase_of(self, paid):
        """Whether a fault, or what came of it, was between the answer and PAID."""
        until = paid.answered + (paid.seconds or 0)
        if until < min((begin for _, begin, _ in self._faults), default=until + 1):
            return _PHASES[0]
        faulty = any(
            begin <= until and paid.answered < end + _AFTER_SECONDS
            for _, begin, end in self._faults
        )
        return _PHASES[1] if faulty else _PHASES[2]

    def _check_dead(self):
        dead = self._dead() - self._dead_before
        self.n.check("no dead letters", dead == 0, dead or "")


def _rounded(milliseconds):
    return None if milliseconds != milliseconds else round(milliseconds, 1)
