"""Scenes 1, 2 and 4: every route answers, each gateway counts for itself, and each gets its
share.
"""

import collections

from scaleout.tour.scenes import Scenes

_DISTRIBUTION_REQUESTS = 300


class Balancing(Scenes):
    def routing(self):
        self._n.scene(
            "1. Routing",
            "nginx passes every request to a gateway, the gateway asks the services over gRPC.",
        )
        paths = [
            "/api/health",
            "/api/users?page_size=3",
            "/api/users/1",
            "/api/products?page_size=3",
            "/api/orders?user_id=1",
            "/api/payments?user_id=1",
            "/api/metrics",
        ]
        answers = [(path, self._answered(lambda: self._client.get(path))) for path in paths]
        self._n.table(
            ("request", "status", "ms", "served by"),
            [(f"GET {path}", a.status, f"{a.milliseconds:.1f}", a.instance) for path, a in answers],
        )
        self._n.check(
            "every route answers 200",
            all(a.status == 200 for _, a in answers),
            ", ".join(f"{path}: {a}" for path, a in answers if a.status != 200),
        )
        self._n.check(
            "every answer names its instance and its request",
            all(a.instance and a.headers.get("X-Request-Id") for _, a in answers),
        )
        missing = self._client.get("/api/no-such-thing")
        self._n.check(
            "an unknown route is a problem document with status 404",
            missing.status == 404
            and missing.headers.get_content_type() == "application/problem+json",
            missing.status,
        )

    def counter(self):
        self._n.scene(
            "2. State in the process",
            "Each gateway counts for itself, so three gateways count three times.\n"
            "nginx gives them turns: round robin.",
        )
        self._n.command(
            f"for i in {{1..12}}; do curl -s {self._driver.url()}/api/count; echo; done"
        )
        answers = self._tried(
            lambda: [self._client.get("/api/count").json() for _ in range(12)], _take_turns
        )
        self._n.table(
            ("request", "instance", "its count", "process"),
            [
                (i, a.get("instanceId"), a.get("count"), a.get("processId"))
                for i, a in enumerate(answers, 1)
            ],
        )
        by_instance = collections.defaultdict(list)
        for answer in answers:
            by_instance[answer.get("instanceId")].append(answer.get("count"))
        self._n.check(
            "three instances answered, four times each",
            sorted(map(len, by_instance.values())) == [4, 4, 4],
            {instance: len(counts) for instance, counts in by_instance.items()},
        )
        self._n.check("in turns: every third answer is from the same one", _take_turns(answers))
        self._n.check(
            "each count goes up by one, apart from the others",
            all(
                counts == list(range(counts[0], counts[0] + len(counts)))
                for counts in by_instance.values()
            ),
        )
        self._n.check(
            "the answer warns that the counter is this instance's own",
            all(a.get("warning") for a in answers),
        )

    def distribution(self):
        self._n.scene("4. Distribution", f"{_DISTRIBUTION_REQUESTS} requests: who served how many?")
        shares = collections.Counter(
            self._client.get("/api/count").instance for _ in range(_DISTRIBUTION_REQUESTS)
        )
        total = sum(shares.values())
        self._n.table(
            ("instance", "requests", "share %", ""),
            [
                (
                    instance or "(none)",
                    count,
                    f"{100 * count / total:.1f}",
                    self._n.bar(count / total),
                )
                for instance, count in sorted(shares.items())
            ],
        )
        spread = (
            100 * (max(shares.values()) - min(shares.values())) / total
            if len(shares) == 3
            else 100.0
        )
        self._n.figure("distributionSpreadPercent", spread)
        self._n.check("largest share minus smallest is at most 5 %", spread <= 5, f"{spread:.1f} %")


def _take_turns(answers):
    order = [answer.get("instanceId") for answer in answers]
    return order[3:] == order[:-3]
