"""One blocked event loop and three ways to balance around it."""

import random
import threading
import time

from scaleout.drills import drill
from scaleout.load.client import Client
from scaleout.load.figures import latencies, percentile
from scaleout.load.open_loop import OpenLoop, Request, Stream

STRATEGIES = ("round_robin", "least_conn", "ip_hash")
# A read that comes between two burns can wait for the next to end, with redis-cache's answer, and
# for the one after that, with the service's. It has 3 s.
_BURN_MS = 1400
_DELAYED_MS = 250
_CLIENTS = 30
_PROBES = 20
_RATE = 60


class CpuBound(drill.Drill):
    NAME = "cpu-bound"
    TITLE = "cpu-bound: one of three gateways is always blocked, under three strategies"
    WHY = """One request after another burns CPU on a gateway's event loop for a second or two.
        Meanwhile thirty clients ask for users, at a fixed rate. Who has to wait depends on how
        nginx chooses: by turns, by what each gateway is busy with, or by who asks."""

    def hold(self):
        self._before = self.driver.strategy()
        self._need_many_clients()
        burns = max(2, round(self.duration(15, 6) / (_BURN_MS / 1000)))
        self.n.command(f"while true; do curl -s '{self.url}/api/cpu-bound?ms={_BURN_MS}'; done")
        rows = {strategy: self._under(strategy, burns) for strategy in STRATEGIES}
        self.n.table(
            (
                "strategy",
                "requests",
                "delayed %",
                "p50 ms",
                "p99 ms",
                "clients delayed %",
                "their delayed %",
            ),
            [
                (
                    strategy,
                    row["requests"],
                    f"{100 * row['delayed']:.1f}",
                    f"{row['p50Ms']:.1f}",
                    f"{row['p99Ms']:.0f}",
                    f"{100 * row['clientsDelayed']:.0f}",
                    f"{100 * row['delayedOfTheirs']:.0f}",
                )
                for strategy, row in rows.items()
            ],
        )
        self.n.say(
            f"    delayed: over {_DELAYED_MS} ms; clients delayed: more than half of their requests"
        )
        self.n.figure("strategies", rows)
        self._check(rows)

    def _need_many_clients(self):
        self.driver.balance("ip_hash")
        clients = [{"X-Forwarded-For": f"203.0.113.{k}"} for k in range(1, _PROBES + 1)]
        if len({self.client.get("/api/metrics", each).instance for each in clients}) == 1:
            raise drill.NotHere(
                "nginx believes no client on this machine that it is another one, so all are one "
                'to ip_hash; docs/running-in-containers.md, "Balancing", has what lets it'
            )

    def restore(self):
        if getattr(self, "_before", None):
            self.driver.balance(self._before)

    def _under(self, strategy, burns):
        self.driver.balance(strategy)
        time.sleep(1)
        clients = [f"203.0.113.{k}" for k in random.sample(range(1, 255), _CLIENTS)]

        def ask():
            return Request(
                "GET",
                f"/api/users/{drill.any_user()}",
                {"X-Forwarded-For": random.choice(clients)},
            )

        burner = threading.Thread(target=self._burn, args=(burns,))
        with OpenLoop(self.url, [Stream("user", _RATE, ask)]) as load:
            burner.start()
            # From here on a loop is busy, until the last burn is over.
            time.sleep(0.2)
            began = time.monotonic()
            burner.join()
            ended = time.monotonic()
        outcomes = load.between("user", began, ended)
        self.check_none_failed(f"{strategy}: all are answered 200, some late", outcomes)
        return _figures(outcomes)

    def _burn(self, burns):
        client = Client(self.url)
        for _ in range(burns):
            client.request(
                "GET", f"/api/cpu-bound?ms={_BURN_MS}", headers={"X-Forwarded-For": "198.51.100.1"}
            )

    def _check(self, rows):
        by_turns, by_load, by_client = (rows[strategy] for strategy in STRATEGIES)
        self.n.check(
            "round_robin: about a third is delayed, and no client in particular",
            0.15 < by_turns["delayed"] < 0.5 and by_turns["clientsDelayed"] < 0.3,
            f"{100 * by_turns['delayed']:.1f} %",
        )
        self.n.check(
            "least_conn: next to none, a quarter of round_robin's at most",
            by_load["delayed"] < by_turns["delayed"] / 4,
            f"{100 * by_load['delayed']:.1f} %",
        )
        self.n.check(
            "ip_hash: some clients all the time, the others never",
            0 < by_client["clientsDelayed"] < 0.7
            and by_client["delayedOfTheirs"] > 0.6
            and by_client["delayedOfOthers"] < 0.1,
            f"{100 * by_client['clientsDelayed']:.0f} % of the clients",
        )


def _figures(outcomes):
    by_client = {}
    for outcome in outcomes:
        late = outcome.milliseconds > _DELAYED_MS
        by_client.setdefault(outcome.request.headers["X-Forwarded-For"], []).append(late)
    theirs = [lates for lates in by_client.values() if sum(lates) > 0.5 * len(lates)]
    others = [lates for lates in by_client.values() if sum(lates) <= 0.5 * len(lates)]
    times = latencies(outcomes)
    return {
        "requests": len(outcomes),
        "delayed": _share([late for lates in by_client.values() for late in lates]),
        "p50Ms": round(percentile(times, 0.5), 2),
        "p99Ms": round(percentile(times, 0.99), 2),
        "clientsDelayed": len(theirs) / max(1, len(by_client)),
        "delayedOfTheirs": _share([late for lates in theirs for late in lates]),
        "delayedOfOthers": _share([late for lates in others for late in lates]),
    }


def _share(flags):
    return sum(flags) / max(1, len(flags))
