"""Scenes 6 to 9: a blocked event loop, with three gateways and with one, and what avoids it."""

import json
import math
import threading
import time

from scaleout.tour.scenes import Scenes

_BURN_MS = 3000
# While an event loop is busy: what another gateway, or the same one with offloaded work, should
# need at most.
_FAST_MS = 150
# A gateway whose only loop is busy cannot be faster than what is left of the burn.
_WAITED_MS = _BURN_MS * 0.6
_TRIES = 4


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


class Blocking(Scenes):
    def _beside(self, mode, requests):
        """How long /api/users takes beside a burn, in milliseconds; checks that all is answered."""
        with Burn(self._client, mode) as burn:
            answers = [
                self._answered(lambda: self._client.get("/api/users?page_size=3"))
                for _ in range(requests)
            ]
        for answer in answers:
            self._n.say(f"    GET /api/users  {answer.milliseconds:8.1f} ms")
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
            self._n.say("    ... once more; this machine is busy with something else")
        return best

    def blocked_with_three(self):
        self._n.scene(
            "6. A blocked event loop, three gateways",
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
        self._n.scene(
            "7. A blocked event loop, one gateway", "The same with no other gateway to go to."
        )
        # The burn may be over before a machine that stands still has sent the other request.
        for _ in range(_TRIES):
            took = self._beside("block", 1)[0]
            if took > _WAITED_MS:
                break
        self._n.figure("blockedOneGatewayMs", took)
        self._n.check(
            "/api/users waits for the loop with 1 gateway", took > _WAITED_MS, f"{took:.0f} ms"
        )
        return took

    def compare(self, with_three, with_one):
        ratio = with_one / with_three
        self._n.table(
            ("gateways", "/api/users, ms"), [(3, f"{with_three:.1f}"), (1, f"{with_one:.1f}")]
        )
        self._n.say(f"    ratio {ratio:.0f} : 1")
        self._n.figure("blockedRatio", ratio)
        self._n.check(
            "scaling out made it at least 10 times faster", ratio >= 10, f"{ratio:.0f} times"
        )

    def lag_monitor(self):
        self._n.scene(
            "8. What the lag monitor said",
            "A watchdog outside of the loops sees a stall while it lasts, and names the route.",
        )
        blocked = self._lines_of_the_burn()
        for line in blocked[-2:]:
            self._n.say(f"    {_brief(line)}")
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
            f"/api/metrics shows a lag of about {_BURN_MS} ms",
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
            "9. The same work beside the loop, one gateway",
            "mode=offload burns the same CPU on a worker thread. The loop stays free:\n"
            "no second gateway is needed for that.",
        )
        self._n.command(
            "curl 'localhost:.../api/cpu-bound?ms=3000&mode=offload' & "
            "curl localhost:.../api/users"
        )
        best = self._fastest_beside("offload", 3)
        self._n.figure("offloadedOneGatewayMs", best)
        self._n.check(
            f"/api/users takes under {_FAST_MS} ms with 1 gateway",
            best < _FAST_MS,
            f"{best:.1f} ms",
        )


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
