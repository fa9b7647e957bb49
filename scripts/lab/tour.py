"""The tour: narrated scenes on the running stack, each with checks. It scales the stack itself and
puts it back.
"""

import argparse
import collections
import json
import math
import sys
import threading
import time

from lab.breakers import Breakers
from lab.client import Client
from lab.driver import Driver, DriverError
from lab.figures import percentile
from lab.narrator import Narrator

_BURN_MS = 3000
# While an event loop is busy: what another gateway, or the same one with offloaded work, should
# need at most.
_FAST_MS = 50
# A gateway whose only loop is busy cannot be faster than what is left of the burn.
_WAITED_MS = _BURN_MS * 0.6
_TRIES = 3
_DISTRIBUTION_REQUESTS = 300
_CIRCUIT_OPEN = "/problems/circuit-open"
_REFUSED_REQUESTS = 60
_REFUSED_MS = 10
_BREAKER_SECONDS = 30


class Burn:
    """One /api/cpu-bound in the background; `with` waits for its end."""

    def __init__(self, client, mode):
        self._thread = threading.Thread(
            target=self._run, args=(client, f"/api/cpu-bound?ms={_BURN_MS}&mode={mode}")
        )
        self.answer = None

    def _run(self, client, path):
        self.answer = client.get(path)

    def __enter__(self):
        self._thread.start()
        # On its way through nginx and onto a loop; from here on that loop is busy.
        time.sleep(0.2)
        return self

    def __exit__(self, *_):
        self._thread.join()


class Tour:
    def __init__(self, driver):
        self._driver = driver
        self._client = Client(driver.url())
        self._n = Narrator(f"The scaling tour, on {driver.stack} at {driver.url()}")

    def run(self, json_path):
        before = len(self._driver.instances())
        self._n.tell(f"  {before} gateways now; the tour changes that, and puts it back.")
        try:
            self._scale(3)
            self.routing()
            self.counter()
            self.distribution()
            with_three = self.blocked_with_three()
            self._scale(1)
            with_one = self.blocked_with_one()
            self._compare(with_three, with_one)
            self.lag_monitor()
            self.offloaded_with_one()
            self._scale(3)
            self.aggregation()
            self.breaker()
        finally:
            self._scale(before)
        return self._n.finish(json_path)

    def _scale(self, count):
        if len(self._driver.instances()) != count:
            self._n.tell(f"\n  ... scaling to {count}")
            self._driver.scale(count)

    # Scenes

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
        answers = [(path, self._client.get(path)) for path in paths]
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
        answers = [self._client.get("/api/count").json() for _ in range(12)]
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
        order = [a.get("instanceId") for a in answers]
        self._n.check("in turns: every third answer is from the same one", order[:9] == order[3:])
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
        self._n.scene("3. Distribution", f"{_DISTRIBUTION_REQUESTS} requests: who served how many?")
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

    def _beside(self, mode, requests):
        """How long /api/users takes beside a burn, in milliseconds, and that everything is answered."""
        with Burn(self._client, mode) as burn:
            answers = [self._client.get("/api/users?page_size=3") for _ in range(requests)]
        for answer in answers:
            self._n.tell(f"    GET /api/users  {answer.milliseconds:8.1f} ms")
        statuses = [burn.answer.status, *(answer.status for answer in answers)]
        self._n.check(
            "everything is answered 200",
            set(statuses) == {200},
            ", ".join(map(str, statuses)) if set(statuses) != {200} else "",
        )
        return [answer.milliseconds for answer in answers]

    def _fastest_beside(self, mode, requests):
        """The best of some tries: what else this machine does is not what is measured here."""
        best = math.inf
        for _ in range(_TRIES):
            best = min(best, *self._beside(mode, requests))
            if best < _FAST_MS:
                break
            self._n.tell("    ... once more; this machine is busy with something else")
        return best

    def blocked_with_three(self):
        self._n.scene(
            "4. A blocked event loop, three gateways",
            "One request burns CPU on its gateway's event loop for three seconds.\n"
            "The next one goes to another gateway. Every third would still wait: round robin does\n"
            "not look (scripts/stack.sh balance least_conn does).",
        )
        self._n.command(
            "curl 'localhost:.../api/cpu-bound?ms=3000' &  curl localhost:.../api/users"
        )
        best = self._fastest_beside("block", 2)
        self._n.figure("blockedThreeGatewaysMs", best)
        self._n.check(
            f"/api/users takes under {_FAST_MS} ms with 3 gateways",
            best < _FAST_MS,
            f"{best:.1f} ms",
        )
        return best

    def blocked_with_one(self):
        self._n.scene("5. A blocked event loop, one gateway", "The same with nobody else to go to.")
        times = self._beside("block", 1)
        self._n.figure("blockedOneGatewayMs", times[0])
        self._n.check(
            "/api/users waits for the loop with 1 gateway",
            times[0] > _WAITED_MS,
            f"{times[0]:.0f} ms",
        )
        return times[0]

    def _compare(self, with_three, with_one):
        ratio = with_one / with_three
        self._n.table(
            ("gateways", "/api/users, ms"), [(3, f"{with_three:.1f}"), (1, f"{with_one:.1f}")]
        )
        self._n.tell(f"    ratio {ratio:.0f} : 1")
        self._n.figure("blockedRatio", ratio)
        self._n.check(
            "scaling out made it at least 10 times faster", ratio >= 10, f"{ratio:.0f} times"
        )

    def lag_monitor(self):
        self._n.scene(
            "6. What the lag monitor said",
            "A watchdog outside of the loops sees a stall while it lasts, and names the route.",
        )
        blocked = self._lines_of_the_burn()
        for line in blocked[-2:]:
            self._n.tell(f"    {_brief(line)}")
        self._n.check("a log line names the route that held the loop", blocked)
        loops = self._client.get("/api/metrics").json().get("eventLoops", [])
        worst = max((loop["lagMs"]["max"] for loop in loops), default=0)
        self._n.table(
            ("loop", "mean ms", "p99 ms", "max ms"),
            [
                (loop["loop"], *(f"{loop['lagMs'][key]:.2f}" for key in ("mean", "p99", "max")))
                for loop in loops
            ],
        )
        self._n.figure("lagMaxMs", worst)
        self._n.check(
            f"/api/metrics tells of a lag of about {_BURN_MS} ms",
            worst > _BURN_MS * 0.9,
            f"{worst:.0f} ms",
        )

    def _lines_of_the_burn(self):
        # Warnings are limited to one in a while, so on a busy machine the line may come late.
        deadline = time.monotonic() + 15
        while True:
            lines = [
                line
                for line in self._driver.logs("api-gateway")
                if "event loop" in line and "cpu-bound" in line
            ]
            if lines or time.monotonic() > deadline:
                return lines
            time.sleep(0.5)

    def offloaded_with_one(self):
        self._n.scene(
            "7. The same work beside the loop, one gateway",
            "mode=offload burns the same CPU on a worker thread. The loop stays free:\n"
            "no second gateway is needed for that.",
        )
        self._n.command(
            "curl 'localhost:.../api/cpu-bound?ms=3000&mode=offload' &  curl localhost:.../api/users"
        )
        best = self._fastest_beside("offload", 3)
        self._n.figure("offloadedOneGatewayMs", best)
        self._n.check(
            f"/api/users takes under {_FAST_MS} ms with 1 gateway",
            best < _FAST_MS,
            f"{best:.1f} ms",
        )

    def aggregation(self):
        self._n.scene(
            "8. Aggregation",
            "One answer from three services, asked at once. Two of its parts are optional.",
        )
        self._n.command("curl localhost:.../api/users/1/overview")
        whole = self._client.get("/api/users/1/overview")
        self._show_parts(whole)
        self._n.check(
            "all parts are there",
            whole.status == 200 and set(_part_statuses(whole).values()) == {"ok"},
            whole.status,
        )

        self._n.tell("\n    ... stopping the payment service")
        self._driver.stop("payment-service")
        try:
            partial = self._client.get("/api/users/1/overview")
            self._show_parts(partial)
            statuses = _part_statuses(partial)
            self._n.check(
                "still 200, with what there is",
                partial.status == 200
                and statuses.get("user") == "ok"
                and statuses.get("orders") == "ok",
                f"{partial.status}, {statuses}",
            )
            self._n.check(
                "the missing part is null and marked",
                partial.json().get("payments", 0) is None
                and statuses.get("payments") in ("error", "timeout", "circuit_open"),
                statuses.get("payments"),
            )
            self._n.check(
                "X-Aggregate-Complete says false",
                partial.headers.get("X-Aggregate-Complete") == "false",
            )
        finally:
            self._n.tell("\n    ... starting it again")
            self._driver.start("payment-service")
        deadline = time.monotonic() + 30
        while (again := self._client.get("/api/users/1/overview")) and time.monotonic() < deadline:
            if again.headers.get("X-Aggregate-Complete") == "true":
                break
            time.sleep(0.2)
        self._n.check(
            "whole again, without a restart of anything else",
            again.headers.get("X-Aggregate-Complete") == "true",
            _part_statuses(again),
        )

    def breaker(self):
        self._n.scene(
            "9. The circuit breaker",
            "A service that is gone fails every call. After some of them each gateway's breaker opens:\n"
            "calls are refused at once, and nobody waits for what cannot come.",
        )
        breakers = Breakers(self._driver.url())
        breakers.expect(3)
        self._n.command("for i in {1..99}; do curl -s 'localhost:.../api/payments?user_id=1'; done")
        self._n.tell("    ... stopping the payment service")
        self._driver.stop("payment-service")
        try:
            self._await_breakers(breakers, "OPEN", "the breaker opens on every gateway")
            self._refused()
        finally:
            self._n.tell("\n    ... starting it again")
            self._driver.start("payment-service")
        self._await_breakers(
            breakers, "CLOSED", "half-open, then closed on every gateway, without a restart"
        )
        answers = [self._payments() for _ in range(3)]
        self._n.check("and payments are answered", {a.status for a in answers} == {200})

    def _await_breakers(self, breakers, state, name):
        took = breakers.await_state("payment", state, _BREAKER_SECONDS, asking=self._payments)
        states = breakers.states("payment")
        self._n.table(("gateway", "breaker for payments"), states.items())
        self._n.check(name, took is not None, states if took is None else f"{took:.1f} s")

    def _payments(self):
        return self._client.get("/api/payments?user_id=1")

    def _refused(self):
        answers = [self._payments() for _ in range(_REFUSED_REQUESTS)]
        refused = [a for a in answers if a.json().get("type") == _CIRCUIT_OPEN]
        self._n.tell(f"    GET /api/payments  {refused[-1] if refused else answers[-1]}")
        self._n.check(
            f"payments are refused with 503 {_CIRCUIT_OPEN} and Retry-After",
            # The others are probes of a breaker that is half open.
            len(refused) >= 0.8 * len(answers)
            and all(a.status == 503 and int(a.headers.get("Retry-After", 0)) >= 1 for a in refused),
            f"{len(refused)} of {len(answers)}",
        )
        median = percentile([a.milliseconds for a in refused], 0.5)
        self._n.figure("circuitOpenMedianMs", median)
        self._n.check(
            f"at once: the median under {_REFUSED_MS} ms", median < _REFUSED_MS, f"{median:.1f} ms"
        )
        overviews = [self._client.get("/api/users/1/overview") for _ in range(6)]
        self._show_parts(overviews[-1])
        marked = [_part_statuses(a).get("payments") for a in overviews]
        self._n.check(
            "the overview stays 200, with its payments marked circuit_open",
            {a.status for a in overviews} == {200} and "circuit_open" in marked,
            ", ".join(map(str, marked)),
        )

    def _show_parts(self, answer):
        parts = answer.json().get("_meta", {}).get("parts", {})
        self._n.table(
            ("part", "status", "ms"),
            [(name, part["status"], f"{part['latencyMs']:.1f}") for name, part in parts.items()],
        )
        self._n.tell(f"    whole answer: {answer.status} in {answer.milliseconds:.1f} ms")


def _part_statuses(answer):
    return {
        name: part.get("status")
        for name, part in answer.json().get("_meta", {}).get("parts", {}).items()
    }


def _brief(line):
    """A log line without what every line has."""
    try:
        fields = json.loads(line)
    except ValueError:
        return line
    return "  ".join(
        f"{key}={value}"
        for key, value in fields.items()
        if key not in ("ts", "service", "requestId", "traceId")
    )


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/test-scaling.sh",
        description="The narrated, asserted tour of the running stack: routing, per-instance state, distribution, a blocked "
        "event loop with three gateways and with one, offloaded work, aggregation with a part missing, the circuit breaker.",
        epilog="STACK=native (default) or compose chooses the stack; RUN_DIR as for scripts/stack.sh. "
        "Exit status: 0 if every check passed, 1 if one failed (it is named), 2 if there is no stack.",
    )
    parser.add_argument("--json", metavar="FILE", help="also write checks and figures there")
    arguments = parser.parse_args()
    try:
        sys.exit(Tour(Driver()).run(arguments.json))
    except DriverError as error:
        print(f"test-scaling: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
