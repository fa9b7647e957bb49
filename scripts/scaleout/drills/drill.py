"""What every drill is made of: the stack through its driver, load with a timeline beside it,
checks, and a stack that is left as it was found.
"""

import contextlib
import dataclasses
import math
import os
import random
import time
import uuid

from scaleout.drills.timeline import Timeline
from scaleout.driver import STACKS
from scaleout.errors import StackError
from scaleout.breakers import Breakers, transitions
from scaleout.load.client import PAST_THE_CACHE, Client
from scaleout.load.figures import latencies, p99, percentile
from scaleout.load.open_loop import OpenLoop, Request, Stream
from scaleout.load.standstills import Standstills
from scaleout.topology import BACKENDS

GATEWAYS = 3
_HEALTHY_SECONDS = 60
_LOG_LINES = 20000
# A second in which the baseline took longer is not quiet.
_DISTURBED_MS = 10.0
_QUIET_SHARE = 0.2
# The short form runs on machines whose processors are shared with others: it tells what waits from
# what does not, and leaves how fast that is to the long one.
_QUICK_ALLOWANCE_MS = 300
_QUICK_PATIENCE = 2


class DrillError(StackError):
    """The drill could not be held at all; a failed check is not one."""


class NotHere(DrillError):
    """This stack, as it was started, has not what the drill needs. Of `all` it is left out."""


@dataclasses.dataclass
class Options:
    quick: bool = False
    seconds: float | None = None
    kills: int | None = None


class Drill:
    """A drill has a NAME, a one-line TITLE, a WHY for its first scene, and hold()."""

    NAME = TITLE = WHY = ""
    STACKS = STACKS
    LEAST_SECONDS = 1  # that --seconds may set; None: it sets none

    def __init__(self, driver, narrator, options):
        self.driver = driver
        self.n = narrator
        self.options = options
        self.url = driver.url()
        self.client = Client(self.url)
        self.breakers = Breakers(self.url)
        self.still = Standstills()

    def run(self):
        before = len(self.driver.instances())
        try:
            if before != GATEWAYS:
                self.n.say(f"  ... {before} gateways; the drill wants {GATEWAYS}")
                self.driver.scale(GATEWAYS)
            self.breakers.expect(GATEWAYS)
            self.await_healthy()
            self.n.scene(self.TITLE, self.WHY)
            with self.still:
                self.hold()
        finally:
            self.restore()
            if before != GATEWAYS:
                self.driver.scale(before)

    def hold(self):
        raise NotImplementedError

    def restore(self):
        """Undoes what hold() may have left undone; called whatever happened."""

    # Durations

    def duration(self, full, quick):
        """Seconds of the part of the drill that --seconds sets."""
        if self.options.seconds is not None:
            return self.options.seconds
        return quick if self.options.quick else full

    def pause(self, full, quick):
        """Seconds of the other parts."""
        time.sleep(quick if self.options.quick else full)

    def patience(self, seconds):
        """How long the drill waits for what should take so many seconds at most."""
        return seconds * (_QUICK_PATIENCE if self.options.quick else 1)

    # The stack

    def await_healthy(self):
        """Until every gateway reaches every service, ten times in a row, and no service's breaker
        is open; of `charges` and the like nothing asks here, so that they would stay open.
        """
        deadline = time.monotonic() + _HEALTHY_SECONDS
        whole = 0
        while whole < 10:
            answer = self.client.get(f"/api/users/{any_user()}/overview", PAST_THE_CACHE)
            whole = whole + 1 if answer.headers.get("X-Aggregate-Complete") == "true" else 0
            if whole == 10 and not self._all_closed():
                whole = 0
            if time.monotonic() > deadline:
                raise DrillError(f"the stack is not healthy: {answer}; {self.breakers.look()}")
            if not whole:
                time.sleep(0.2)

    def _all_closed(self):
        seen = self.breakers.look()
        return len(seen) >= GATEWAYS and all(
            states[backend] == "CLOSED" for states in seen.values() for backend in BACKENDS
        )

    # Load

    @contextlib.contextmanager
    def load(self, *streams, beside=(), watch=None, timeout=20.0):
        """Open-loop load and its timeline, around a block; the load has ended after it. `beside`
        are further sources of outcomes, which the caller starts and stops.
        """
        with OpenLoop(self.url, streams, timeout) as load:
            with Timeline(self.n, [load, *beside], watch) as timeline:
                yield load, timeline
                load.stop()
        self.n.figure("timeline", timeline.report())

    def states(self, backend):
        """A watch that shows the breakers of one backend."""
        return lambda: " ".join(self.breakers.states(backend).values()) or "?"

    def payment_ids(self):
        """Of some payments that there are."""
        ids = []
        for _ in range(20):
            page = self.client.get(f"/api/payments?user_id={any_user()}").json()
            ids += [payment["id"] for payment in page.get("items", [])]
        if not ids:
            raise DrillError("there are no payments to ask for; is this the demo data?")
        return ids

    def show_transitions(self, backend, timeline):
        """What the gateways logged of a backend's breakers since the timeline began: also the
        states between two looks, to the millisecond. Each gateway's states in their order.
        """
        found = [
            {**entry, "second": round(entry["at"] - timeline.wall_began, 2)}
            for entry in transitions(self.driver.logs("api-gateway", _LOG_LINES))
            if entry["backend"] == backend and entry["at"] >= timeline.wall_began
        ]
        columns = ("second", "instance", "from", "to", "calls", "failed", "slow")
        self.n.say("\n  What the gateways logged of it:")
        self.n.table(columns, [[entry[column] for column in columns] for entry in found])
        self.n.figure("transitions", found)
        paths = {}
        for entry in found:
            paths.setdefault(entry["instance"], [entry["from"]]).append(entry["to"])
        return paths

    # Checks

    def check_none_failed(self, name, outcomes, expected=(200,)):
        """Those that failed because the machine stood still are counted, and do not fail it."""
        failed = [outcome for outcome in outcomes if outcome.status not in expected]
        excused = [outcome for outcome in failed if self.still.excuses(outcome)]
        detail = f"{len(outcomes)} requests"
        if excused:
            detail += f", {len(excused)} of them refused while the machine stood still"
        if len(failed) > len(excused):
            first = next(outcome for outcome in failed if outcome not in excused)
            detail = f"{len(failed) - len(excused)} of {len(outcomes)}; the first: {first}"
        self.n.check(name, outcomes and len(failed) == len(excused), detail)

    def undisturbed(self, outcomes):
        """Those that no standstill of the machine touched."""
        return [each for each in outcomes if not self.still.touched(each.due, each.ended)]

    def check_whole(self, name, outcomes):
        """That no overview lacks a part."""
        self.n.check(name, all(map(whole, self.undisturbed(outcomes))))

    def check_p99(self, name, outcomes, limit_ms, baseline, over_baseline=True):
        """A p99 that is less than the limit over the baseline's: that much is the network's, the
        client's and this machine's. (Not over it, if the limit was measured and has that in it.)
        In seconds in which the baseline was slow this machine was busy with something else, and
        they say nothing. Where there are hardly any quick ones (an engine checks the health of nine
        containers all the time), no p99 says anything: the median is compared.
        """
        if self.options.quick:
            limit_ms += _QUICK_ALLOWANCE_MS
        disturbed = {int(each.due) for each in baseline if each.milliseconds > _DISTURBED_MS}
        quiet = self.undisturbed(o for o in outcomes if int(o.due) not in disturbed)
        noise = p99(baseline)
        shown = f"of {len(outcomes)}; the baseline {noise:.1f} ms"
        if len(quiet) >= _QUIET_SHARE * len(outcomes):
            measured = p99(quiet)
            base = p99([each for each in baseline if int(each.due) not in disturbed])
            if len(quiet) < len(outcomes):
                shown = f"of the {len(quiet)} in quiet seconds, {shown}"
        else:
            measured = percentile(latencies(outcomes), 0.5)
            base = percentile(latencies(baseline), 0.5)
            shown = f"is the median {shown}, and hardly any second was quiet"
        allowed = limit_ms + (base if over_baseline else 0)
        self.n.check(
            name, measured < allowed, f"{measured:.1f} ms {shown}; {allowed:.1f} ms allowed"
        )
        return measured


def setting(name, default, kind=int):
    """A variable of the caller's that is a number above 0."""
    text = os.environ.get(name) or str(default)
    try:
        value = kind(text)
    except ValueError:
        value = 0
    if not 0 < value < math.inf:
        raise DrillError(f"{name}={text}: a number above 0 is wanted")
    return value


def check_victims(narrator, hit, victims, kills):
    """That every kind of process was hit; `victims` are (part, number), of which each comes before
    any comes again.
    """
    missed = sorted({part for part, _ in victims} - set(hit))
    if missed and kills < len(victims):
        few = f"{kills} kills are too few for every kind of process"
        narrator.say(f"    {few}: not {', '.join(missed)}")
    else:
        name = "every kind of process was a victim"
        narrator.check(name, not missed, f"not {', '.join(missed)}" if missed else "")


# Requests, as streams are made of them


def any_user():
    return random.randrange(1, 1001)


def asked(path):
    """A read as clients make it: what the gateways' cache holds, it answers."""
    return Request("GET", path)


def asked_of_services(path):
    """A read past the gateways' cache: where a service's failure is the question, an answer that
    the cache has would hide it.
    """
    return Request("GET", path, PAST_THE_CACHE)


def user(rate, ask=asked_of_services):
    return Stream("user", rate, lambda: ask(f"/api/users/{any_user()}"))


def overview(rate, ask=asked_of_services):
    return Stream("overview", rate, lambda: ask(f"/api/users/{any_user()}/overview"))


def payment(rate, ids):
    return Stream("payment", rate, lambda: asked_of_services(f"/api/payments/{random.choice(ids)}"))


def cached_overview(rate, users):
    """Of a few users, so that the cache holds them soon."""
    return Stream("cached", rate, lambda: asked(f"/api/users/{random.choice(users)}/overview"))


def count(rate):
    """The baseline: the same way through nginx and a gateway, and nothing behind it. What it costs
    is the network, the client and this machine's other work.
    """
    return Stream("count", rate, lambda: Request("GET", "/api/count"))


def new_order():
    return Request(
        "POST",
        "/api/orders",
        {"Idempotency-Key": uuid.uuid4().hex},
        {"userId": any_user(), "items": [{"productId": random.randrange(1, 41), "quantity": 1}]},
    )


def order(rate):
    return Stream("order", rate, new_order)


def whole(outcome):
    """Whether an overview lacks no part."""
    return outcome.status == 200 and outcome.headers.get("x-aggregate-complete") == "true"


def part_status(outcome, part):
    return outcome.json().get("_meta", {}).get("parts", {}).get(part, {}).get("status")
