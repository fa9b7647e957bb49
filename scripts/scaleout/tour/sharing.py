"""Scenes 3 and 5: what gateways share on Redis, a counter and what reads have found."""

import collections
import time
import uuid

from scaleout.load.client import PAST_THE_CACHE
from scaleout.tour.scenes import Scenes

_ROUNDS = 9
_CHANGES = 10
# A value is stored beside its answer, not before it.
_STORED_SECONDS = 2
# After a change its owner's event makes one more miss.
_EVENT_SECONDS = 0.5
_CACHE_HEADERS = ("X-Cache", "Cache-Status", "Age")
_CACHE_RESULTS = ["MISS", "HIT", "MISS", "HIT"]


class Sharing(Scenes):
    def counters(self):
        self._n.scene(
            "3. A counter of its own, and one that is shared",
            "/api/count is in each gateway's memory, /api/count/shared in redis-state.\n"
            "Three gateways count three times the first one, and together the second one.",
        )
        self._n.command(
            "for i in {1..9}; do curl -s localhost:.../api/count; "
            "curl -s localhost:.../api/count/shared; echo; done"
        )
        own, shared = self._tried(self._count, lambda both: _go_up_by_one(both[1]))
        self._n.table(
            ("request", "instance", "its count", "instance", "shared count"),
            [
                (i, a.get("instanceId"), a.get("count"), b.get("instanceId"), b.get("count"))
                for i, (a, b) in enumerate(zip(own, shared), 1)
            ],
        )
        counts = [answer.get("count") for answer in shared]
        self._n.check(
            "the shared counter goes up by one, whichever gateway is asked",
            _go_up_by_one(shared) and len({answer.get("instanceId") for answer in shared}) == 3,
            counts,
        )
        self._n.check(
            "it is the same counter all the while", len({a.get("since") for a in shared}) == 1
        )
        by_instance = collections.defaultdict(list)
        for answer in own:
            by_instance[answer.get("instanceId")].append(answer.get("count"))
        self._n.check(
            "each gateway's own counter goes up by one each time that it is asked itself",
            len(by_instance) == 3
            and all(
                counts == list(range(counts[0], counts[0] + len(counts)))
                for counts in by_instance.values()
            ),
            dict(by_instance),
        )
        self._instances()

    def _count(self):
        """What both counters answer, by turns."""
        own, shared = [], []
        for _ in range(_ROUNDS):
            own.append(self._client.get("/api/count").json())
            shared.append(self._client.get("/api/count/shared").json())
        return own, shared

    def _instances(self):
        self._n.command("curl -s localhost:.../api/instances")
        # Each instance says once a second how it is.
        deadline = time.monotonic() + 5
        while True:
            answer = self._client.get("/api/instances").json()
            found = answer.get("instances", [])
            if len(found) == 3 or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        self._n.table(
            ("instance", "process", "lag p99 ms", "utilization", "requests/s", "draining"),
            [
                (
                    each["instanceId"],
                    each["processId"],
                    f"{each['lagMs']['p99']:.2f}",
                    f"{each['utilization']:.2f}",
                    f"{each['requestsPerSecond']:.1f}",
                    each["draining"],
                )
                for each in found
            ],
        )
        self._n.check(
            "any gateway knows all three",
            answer.get("complete") and len(found) == 3,
            [each["instanceId"] for each in found],
        )

    def cache(self):
        self._n.scene(
            "5. Cached reads, and a write that all gateways see at once",
            "What one gateway has asked a service for, all of them find in redis-cache. A write\n"
            "replaces tokens there before its answer; a value with an old token is never served.",
        )
        path, rows = self._tried(
            self._read_a_new_user, lambda found: _results(found[1]) == _CACHE_RESULTS
        )
        same = rows[-1][1]
        self._n.table(
            ("request", "status", "ms", "served by", *_CACHE_HEADERS),
            [
                (
                    name,
                    a.status,
                    f"{a.milliseconds:.1f}",
                    a.instance,
                    *(a.headers.get(header, "-") for header in _CACHE_HEADERS),
                )
                for name, a in rows
            ],
        )
        said = _results(rows)
        self._n.check(
            "the first read is a MISS, the next one a HIT; no-cache asks the service",
            said == _CACHE_RESULTS,
            ", ".join(map(str, said)),
        )
        self._n.check("a client that has the answer gets a 304 without a body", same.status == 304)
        self._written_and_read(path)

    def _read_a_new_user(self):
        """Its path, and the answers."""
        body = {"email": f"{uuid.uuid4().hex}@example.com", "name": "Ada Example"}
        path = f"/api/users/{self._client.post('/api/users', body).json().get('id')}"
        self._n.command(f"curl -si localhost:...{path}")
        time.sleep(_EVENT_SECONDS)
        cold = self._client.get(path)
        warm = self._warm(path)
        past = self._client.get(path, PAST_THE_CACHE)
        same = self._client.get(path, {"If-None-Match": warm.headers.get("ETag", "")})
        return path, [
            ("cold", cold),
            ("warm", warm),
            ("Cache-Control: no-cache", past),
            ("If-None-Match: its ETag", same),
        ]

    def _warm(self, path):
        deadline = time.monotonic() + _STORED_SECONDS
        while True:
            answer = self._client.get(path)
            if answer.headers.get("X-Cache") == "HIT" or time.monotonic() > deadline:
                return answer

    def _written_and_read(self, path):
        self._n.command(
            f"curl -X PATCH localhost:...{path} -d '{{\"name\": ...}}'; curl localhost:...{path}"
        )
        rows, old, through = self._tried(
            lambda: self._write_and_read(path), lambda found: found[1] == 0
        )
        self._n.table(("written", "through", "read through", "answer", "X-Cache"), rows[:6])
        self._n.check(
            f"{len(rows)} reads after {_CHANGES} writes, none of them old",
            old == 0,
            f"{old} old, over {len(through)} pairs of gateways",
        )

    def _write_and_read(self, path):
        """What was written and read, how many reads were old, and through which gateways."""
        rows, old, through = [], 0, set()
        for number in range(_CHANGES):
            self._warm(path)
            name = f"Name {number}"
            written = self._client.request("PATCH", path, {"name": name})
            for _ in range(3):
                read = self._client.get(path)
                old += read.json().get("name") != name
                through.add((written.instance, read.instance))
                rows.append(
                    (
                        name,
                        written.instance,
                        read.instance,
                        read.json().get("name"),
                        read.headers.get("X-Cache"),
                    )
                )
        return rows, old, through


def _go_up_by_one(answers):
    counts = [answer.get("count") for answer in answers]
    return None not in counts and counts == list(range(counts[0], counts[0] + len(counts)))


def _results(rows):
    return [answer.headers.get("X-Cache") for _, answer in rows]
