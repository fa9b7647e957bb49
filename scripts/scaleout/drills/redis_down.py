"""Each Redis server goes away in three ways under load: what clients see, what is served old."""

import collections
import math
import random
import time
import uuid

from scaleout.drills import drill
from scaleout.load.definite import INDEFINITE
from scaleout.load.client import Client
from scaleout.load.figures import p99
from scaleout.load.open_loop import Request, Stream
from scaleout.topology import REDIS_SERVERS

# Few, so that nearly every read of them is a hit.
_WARM_USERS = range(1, 31)
_SHARED_COUNTER = "/api/count/shared"
# While a server is frozen, over what it was before: a command's timeout (40 ms), and the rest.
_SLOWER_MS = 60
# Until the gateways have found out that a server does not answer, or does again.
_NOTICED_SECONDS = 1
_BACK_WITHIN = 10
_USERS_WRITTEN = 12
_OWED_TITLE = "redis-down: one change while redis-cache is frozen"
_OWED_WHY = """The gateway that made it could not say so in Redis: it serves nothing from the cache
    until it has replaced the epoch. The others do not know, and redis-cache still has the old
    value. How often do they serve it?"""


class _Writer:
    """Changes users of its own and reads them, one request after the other, so that each read
    begins after the change before it was answered. Through nginx, by turns: an answer names the
    instance that gave it. While the machine stands still a server that runs looks as if it were
    away, so what is read after that through another gateway than the change's is left out.
    """

    def __init__(self, url, still):
        self._client = Client(url)
        self._still = still
        # By path: the last name, the instance that answered its change, and when that was sent.
        self._written = {}
        self._failed = []  # (answer, begin, end)
        self.reads = (
            collections.Counter()
        )  # by phase, and whether the gateway is that of the change
        self.old = collections.Counter()
        self.old_for = 0.0

    def begin(self):
        for _ in range(_USERS_WRITTEN):
            body = {"email": f"{uuid.uuid4().hex}@example.com", "name": "Ada Example"}
            began = time.monotonic()
            made = self._ask("POST", "/api/users", body, expected=201)
            if made.status == 201:
                path = f"/api/users/{made.json()['id']}"
                self._written[path] = (body["name"], made.instance, began)

    def warm(self):
        """Brings all of them into the cache."""
        for path in self._written:
            for _ in range(drill.GATEWAYS):
                self._ask("GET", path)

    def change(self, phase, users=_USERS_WRITTEN):
        """Each of so many users once, and reads it through the gateways."""
        for path in list(self._written)[:users]:
            name, began = uuid.uuid4().hex, time.monotonic()
            answer = self._ask("PATCH", path, {"name": name})
            if answer.status == 200:
                self._written[path] = (name, answer.instance, began)
                self._read(path, phase)
            else:
                # It may have been changed, or not.
                del self._written[path]

    def watch(self, phase, seconds):
        """Reads them again and again."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            for path in self._written:
                if self._read(path, phase):
                    self.old_for = max(self.old_for, passed)

    def _read(self, path, phase):
        """Whether an answer was old."""
        name, writer, changed = self._written[path]
        old = 0
        for _ in range(drill.GATEWAYS):
            answer = self._ask("GET", path)
            own = answer.instance == writer
            # The others may not have heard of it.
            if not own and self._still.touched(changed, time.monotonic()):
                continue
            key = (phase, own)
            self.reads[key] += 1
            if answer.status == 200 and answer.json()["name"] != name:
                self.old[key] += 1
                old += 1
        return old > 0

    def failed(self):
        """Answers that no standstill explains."""
        return [
            answer
            for answer, began, ended in self._failed
            if answer.status not in INDEFINITE or not self._still.touched(began, ended)
        ]

    def _ask(self, method, path, body=None, expected=200):
        began = time.monotonic()
        answer = self._client.request(method, path, body)
        if answer.status != expected:
            self._failed.append((answer, began, time.monotonic()))
        return answer


class RedisDown(drill.Drill):
    NAME = "redis-down"
    TITLE = "redis-down: each Redis server is stopped, frozen and flushed under load"
    WHY = """redis-cache holds what reads found; without it the services are asked. redis-state
        holds what gateways share; only the shared counter needs it. So no other request may fail,
        or wait for long, and hits come back by themselves. Beside the load users are changed, and
        read through every gateway."""

    def hold(self):
        self._writer = _Writer(self.url, self.still)
        self._away = []  # (server, begin, end)
        self._frozen = {}
        processes = self._processes()
        self._writer.begin()
        with self.load(*self._streams()) as (load, timeline):
            self._await_hits(timeline)
            quiet = time.monotonic()
            self.pause(3, 2)
            for server in REDIS_SERVERS:
                for act in (self._stop, self._freeze, self._flush):
                    self._writer.warm()
                    act(server, timeline)
                    self._writer.watch(f"{server} is back", self.duration(1.5, 0.7))
                    self._await_hits(timeline)
            self._await_last_hits(load)
            self.pause(2, 1)
        self._show(load)
        self._check_failures(load)
        self._check_frozen(load, quiet)
        self._check_recoveries(load)
        self._check_old("redis-cache is back")
        self._hold_owed()
        self.n.check("no gateway was restarted", self._processes() == processes)

    def restore(self):
        for server in REDIS_SERVERS:
            self.driver.thaw(server)
            self.driver.start(server)

    def _streams(self):
        return [
            Stream("user", 80, lambda: drill.asked(f"/api/users/{random.choice(_WARM_USERS)}")),
            drill.overview(15, drill.asked),
            drill.order(15),
            drill.count(40),
            Stream("shared", 20, lambda: Request("GET", _SHARED_COUNTER)),
        ]

    def _processes(self):
        reports = [self.client.get("/api/metrics").json() for _ in range(4 * drill.GATEWAYS)]
        return {report["instanceId"]: report["process"]["pid"] for report in reports}

    def _hold_owed(self):
        """Without load: any other write would make its gateway replace the epoch, too."""
        self.n.scene(_OWED_TITLE, _OWED_WHY)
        self._writer = _Writer(self.url, self.still)
        self._writer.begin()
        for _ in range(2 if self.options.quick else 4):
            self._writer.warm()
            self.driver.freeze("redis-cache")
            self._writer.watch("redis-cache is frozen", _NOTICED_SECONDS)
            self._writer.change("redis-cache is frozen", users=1)
            self.driver.thaw("redis-cache")
            self._writer.watch("redis-cache goes on", 1.5)
        self.n.check("every request is answered", not self._writer.failed())
        self._check_old("redis-cache goes on")

    # What is done to a server

    def _stop(self, server, timeline):
        began = timeline.event(f"{server} is stopped")
        self.driver.stop(server)
        self._write_while_away(server)
        self.driver.start(server)
        self._away.append((server, began, timeline.event(f"{server} is started again")))

    def _freeze(self, server, timeline):
        self.driver.freeze(server)
        began = timeline.event(f"{server} is frozen")
        self._write_while_away(server)
        self.driver.thaw(server)
        ended = timeline.event(f"{server} goes on, with what it held")
        self._away.append((server, began, ended))
        self._frozen[server] = (began, ended)

    def _flush(self, server, timeline):
        began = timeline.event(f"{server} is flushed")
        self.driver.flush(server)
        self._writer.change(f"{server} is there")
        self._away.append((server, began, time.monotonic()))

    def _write_while_away(self, server):
        until = time.monotonic() + self.duration(4, 2)
        while time.monotonic() < until:
            self._writer.change(f"{server} is away")

    def _await_hits(self, timeline):
        """Until each gateway has answered from the cache, three times in a row."""
        began = time.monotonic()
        hits = collections.Counter()
        while len(hits) < drill.GATEWAYS or min(hits.values()) < 3:
            answer = self.client.get(f"/api/users/{_WARM_USERS[0]}")
            hit = answer.headers.get("X-Cache") == "HIT"
            hits[answer.instance] = hits[answer.instance] + 1 if hit else 0
            if time.monotonic() - began > 2 * _BACK_WITHIN:
                break
        timeline.event("hits at every gateway")

    def _await_last_hits(self, load):
        """As the load sees them, which ends otherwise before it has asked every gateway."""
        ended = self._away[-1][2]
        while time.monotonic() < ended + _BACK_WITHIN and not math.isfinite(
            self._recovery(load, ended)
        ):
            time.sleep(0.1)

    # What is looked at

    def _show(self, load):
        """What the cache did for reads while a server was away, and at all times."""
        rows = []
        for server, began, ended in [*self._away, ("all the while", load.began, load.ended)]:
            results = collections.Counter(
                o.headers.get("x-cache") for o in load.between("user", began, ended)
            )
            rows.append(
                (
                    server,
                    f"{ended - began:.1f}",
                    *(results[name] for name in ("HIT", "STALE", "MISS", "BYPASS")),
                )
            )
        self.n.table(("user by id, away", "seconds", "HIT", "STALE", "MISS", "BYPASS"), rows)

    def _check_failures(self, load):
        for kind in load.kinds:
            if kind != "shared":
                self.check_none_failed(
                    f"not one request failed: {kind}",
                    load.between(kind, 0, load.ended + 1),
                    expected=(200, 201),
                )
        failed = self._writer.failed()
        self.n.check("nor a change of a user, nor a read of one", not failed, failed[:1] or "")
        self._check_counter(load)

    def _check_counter(self, load):
        outcomes = load.between("shared", 0, load.ended + 1)
        outcomes = [o for o in outcomes if o.status == 200 or not self.still.excuses(o)]
        refused = [o for o in outcomes if o.status == 503]
        self.n.check(
            "the shared counter says 503 while redis-state is away, and nothing else",
            refused
            and {o.status for o in outcomes} == {200, 503}
            and all(self._is_away("redis-state", o.due) for o in refused),
            f"{len(refused)} of {len(outcomes)} refused",
        )

    def _is_away(self, server, moment):
        return any(
            server == name and began <= moment < ended + 2 * _NOTICED_SECONDS
            for name, began, ended in self._away
        )

    def _check_frozen(self, load, quiet):
        first = self._away[0][1]
        for server, (began, ended) in self._frozen.items():
            began += _NOTICED_SECONDS
            for kind in ("user", "overview", "order"):
                self.check_p99(
                    f"{server} frozen: {kind} takes at most {_SLOWER_MS} ms more",
                    load.between(kind, began, ended),
                    p99(load.between(kind, quiet, first)) + _SLOWER_MS,
                    load.between("count", began, ended),
                    over_baseline=False,
                )

    def _check_recoveries(self, load):
        """Until the load has had a hit from each gateway."""
        took = [self._recovery(load, ended) for _, _, ended in self._away]
        self.n.figure("hitsBackSeconds", [round(each, 2) for each in took])
        self.n.check(
            f"each time every gateway has hits again within {_BACK_WITHIN} s, by itself",
            max(took) < _BACK_WITHIN,
            ", ".join(f"{each:.1f}" for each in took),
        )

    @staticmethod
    def _recovery(load, ended):
        first = {}
        for outcome in load.between("user", ended, math.inf):
            if outcome.headers.get("x-cache") == "HIT":
                first.setdefault(outcome.instance, outcome.due - ended)
        return max(first.values()) if len(first) == drill.GATEWAYS else math.inf

    def _check_old(self, back):
        """`back`: the phase in which other gateways may not have heard of a change."""
        writer = self._writer
        phases = sorted({phase for phase, _ in writer.reads})
        self.n.table(
            ("reads after a change, while", "through its gateway", "old", "through others", "old"),
            [
                (
                    phase,
                    writer.reads[phase, True],
                    writer.old[phase, True],
                    writer.reads[phase, False],
                    writer.old[phase, False],
                )
                for phase in phases
            ],
        )
        own = sum(writer.old[phase, True] for phase in phases)
        self.n.check(
            "the gateway that made a change never serves what was before it", own == 0, own
        )
        others = {phase: writer.old[phase, False] for phase in phases if phase != back}
        self.n.check(
            "nor do the others, unless redis-cache has just come back",
            not any(others.values()),
            others,
        )
        late = writer.old[back, False]
        name = "".join(word.capitalize() for word in back.split()[1:])
        self.n.say(
            f"    Others served an old value {late} times in {writer.reads[back, False]} reads, "
            f"the last one {writer.old_for:.2f} s after it was back."
        )
        self.n.figure(f"servedOldByOthers{name}", late)
        self.n.figure(f"servedOldSeconds{name}", round(writer.old_for, 2))
