"""Four times as many requests as the stack can serve: what it still serves, and how it refuses the rest."""

import collections
import json
import os
import resource
import statistics
import subprocess
import tempfile
import uuid
from pathlib import Path

from drills import drill
from lab.figures import latencies, p99, percentile
from lab.openloop import Request, Stream

_TIMES = 4
# Enough for the requests that wait, and not so many that a gateway sees them as one.
_CONNECTIONS = 2000
_OPEN_FILES = 4096
_PEAK_CONNECTIONS = 32
# A page of a hundred orders: so dear that refusing one costs little beside it.
_ORDERS = 100
_GOODPUT = 0.8
_REFUSED_MS = 20
# At the begin and the end of the overload, which belong to neither.
_MARGIN_SECONDS = 1.5
_LOG_LINES = 60000
_RECOVERED_MS = 500


class Overload(drill.Drill):
    NAME = "overload"
    TITLE = "overload: four times what the stack can serve"
    WHY = """What cannot be served in time is refused at once, so that the rest is served in time. First the
        peak is measured, with as many clients as keep everything busy; then requests arrive at four times
        that rate, whether the earlier ones were answered or not; then the peak is measured again."""

    def hold(self):
        path = self._page_of_orders()
        seconds = self.duration(12, 6)
        self.n.command(f"wrk -t1 -c{_PEAK_CONNECTIONS} -d4s '{self.url}{path}'")
        before = self._peak(path)
        with self.load(
            Stream("page", 15, lambda: Request("GET", path)),
            Stream("health", 15, lambda: Request("GET", "/api/health")),
        ) as (load, timeline):
            self.pause(2, 1)
            began = timeline.event(f"{_TIMES * before:.0f} requests a second")
            flood = self._flood(path, _TIMES * before, seconds)
            ended = timeline.event("no more")
            self.pause(4, 3)
        after = self._peak(path)
        figures = self._figures(before, after, flood)
        self._check_flood(flood, figures)
        self._check_refused_time()
        self._check_observed(load, began, ended)

    def _page_of_orders(self):
        user = self.client.post(
            "/api/users", {"email": f"{uuid.uuid4().hex}@example.com", "name": "Collector"}
        ).json()["id"]
        items = [{"productId": product, "quantity": 1} for product in (1, 2, 3)]
        for _ in range(_ORDERS):
            self.client.post("/api/orders", {"userId": user, "items": items})
        return f"/api/orders?user_id={user}&page_size={_ORDERS}"

    def _peak(self, path):
        """Answers a second, with as many clients as keep everything busy."""
        script = Path(__file__).resolve().parents[1] / "lab/wrk_report.lua"
        seconds = 2 if self.options.quick else 4
        output = self._tool(
            ["wrk", "-t1", f"-c{_PEAK_CONNECTIONS}", f"-d{seconds}s", "-s", str(script), self.url],
            WRK_PATH=path,
        )
        report = json.loads(output.partition("REPORT ")[2].splitlines()[0])
        if report["errors"]:
            raise drill.DrillError(f"the peak could not be measured: {report}")
        peak = report["requests"] / report["seconds"]
        self.n.tell(f"    the peak: {peak:.0f} requests a second, p99 {report['p99Ms']:.0f} ms")
        return peak

    def _flood(self, path, rate, seconds):
        """(begin, end, status) of each request, in seconds of the epoch."""
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory, "requests.tsv")
            # Connections that begin one after the other tick one after the other, too.
            self._tool(
                [
                    "h2load",
                    "--h1",
                    "-t1",
                    f"-c{_CONNECTIONS}",
                    f"-r{_CONNECTIONS // 100}",
                    "--rate-period=10ms",
                    f"--rps={rate / _CONNECTIONS:.3f}",
                    f"-n{int(rate * seconds)}",
                    f"--log-file={log}",
                    f"{self.url}{path}",
                ]
            )
            rows = (line.split() for line in log.read_text().splitlines())
            return [
                (int(start) / 1e6, (int(start) + int(micros)) / 1e6, int(status))
                for start, status, micros in rows
            ]

    @staticmethod
    def _tool(command, **environment):
        def raise_limit():
            _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES, hard), hard))

        try:
            result = subprocess.run(
                command,
                env={**os.environ, **environment},
                text=True,
                capture_output=True,
                check=False,
                preexec_fn=raise_limit,
                timeout=180,
            )
        except (FileNotFoundError, subprocess.TimeoutExpired) as error:
            raise drill.DrillError(f"{command[0]}: {error}") from error
        if result.returncode != 0:
            raise drill.DrillError(f"{command[0]}: {result.stderr or result.stdout}")
        return result.stdout

    def _figures(self, before, after, flood):
        first = min(start for start, _, _ in flood) + _MARGIN_SECONDS
        last = max(start for start, _, _ in flood) - _MARGIN_SECONDS
        peak = statistics.mean((before, after))
        offered = sum(first <= start < last for start, _, _ in flood) / (last - first)
        good = sum(first <= end < last and status == 200 for _, end, status in flood)
        goodput = good / (last - first)
        figures = {
            "peakBefore": round(before),
            "peakAfter": round(after),
            "offered": round(offered),
            "goodput": round(goodput),
            "goodputOfPeak": round(goodput / peak, 3),
            "offeredOfPeak": round(offered / peak, 2),
            "statuses": collections.Counter(status for _, _, status in flood),
        }
        self.n.table(
            ("", "a second", "of the peak"),
            [
                ("peak, before and after", f"{before:.0f}, {after:.0f}", "1.00"),
                ("offered", f"{offered:.0f}", f"{offered / peak:.2f}"),
                ("served", f"{goodput:.0f}", f"{goodput / peak:.2f}"),
            ],
        )
        for status in sorted(figures["statuses"]):
            took = [1000 * (end - start) for start, end, each in flood if each == status]
            self.n.tell(
                f"    {len(took):6} answers of {status}: p50 {percentile(took, 0.5):.0f} ms, "
                f"p99 {percentile(took, 0.99):.0f} ms, as {_CONNECTIONS} clients saw it"
            )
        self.n.figure("overload", figures)
        return figures

    def _check_flood(self, flood, figures):
        self.n.check(
            "it was an overload: three times the peak arrived, or more",
            figures["offeredOfPeak"] >= 3,
            figures["offeredOfPeak"],
        )
        self.n.check(
            f"served: at least {_GOODPUT:.0%} of the peak",
            figures["goodputOfPeak"] >= _GOODPUT,
            f"{figures['goodputOfPeak']:.0%}",
        )
        self.n.check(
            "the others are refused with 503, and nothing else happens",
            set(figures["statuses"]) == {200, 503},
            dict(figures["statuses"]),
        )

    def _check_refused_time(self):
        """At the gateway, from a request's first byte to its answer: what waits for its turn before
        that, waits for a processor.
        """
        took = []
        for line in self.driver.logs("api-gateway", _LOG_LINES):
            if '"status":503' in line and '"durationMs"' in line:
                took.append(json.loads(line[line.index("{") :])["durationMs"])
        if not took:
            self.n.tell("    the gateways log no requests, so their own time cannot be told")
            return
        worst = percentile(took, 0.99)
        self.n.figure("refusedAtGatewayP99Ms", worst)
        self.n.check(
            f"a refusal takes the gateway under {_REFUSED_MS} ms",
            worst < _REFUSED_MS,
            f"p99 {worst:.3f} ms of {len(took)}",
        )

    def _check_observed(self, load, began, ended):
        refused = [o for o in load.between("page", began, ended) if o.status == 503]
        self.n.check(
            "a refusal is /problems/overloaded, with Retry-After",
            refused
            and all(
                o.json().get("type") == "/problems/overloaded"
                and int(o.headers.get("retry-after", 0)) >= 1
                for o in refused
            ),
            f"{len(refused)} seen" if refused else "none was seen",
        )
        probes = load.between("health", began, ended)
        self.check_none_failed("probes are answered all the while", probes)
        self.n.tell(f"    /api/health: p99 {p99(probes):.0f} ms")
        # One second for what still waits in nginx.
        then = load.between("page", ended + 1, load.ended)
        self.check_none_failed("when it is over, nothing is refused any more", then)
        self.n.check(
            f"and nothing takes long: under {_RECOVERED_MS} ms",
            max(latencies(then)) < _RECOVERED_MS,
            f"{max(latencies(then)):.0f} ms",
        )
