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
_CONNECTIONS = 1000
_OPEN_FILES = 4096
_PEAK_CONNECTIONS = 32
_PEAK_TRIES = 3
_PATH = "/api/orders"
# The whole catalog in one order: so dear that beside it refusing one costs little, and making one
# next to nothing. Clients and stack share the processors.
_LINES = 40
_GOODPUT = 0.8
_REFUSED_MS = 20
# At the begin and the end of the overload, which belong to neither.
_MARGIN_SECONDS = 1.5
_LOG_LINES = 60000
_RECOVERED_MS = 500

WAS_AN_OVERLOAD = "it was an overload: three times the peak arrived, or more"


class Overload(drill.Drill):
    NAME = "overload"
    TITLE = "overload: four times what the stack can serve"
    WHY = """What cannot be served in time is refused at once, so that the rest is served in time. First the
        peak is measured, with as many clients as keep everything busy; then requests arrive at four times
        that rate, whether the earlier ones were answered or not; then the peak is measured again."""

    _user = 0

    def hold(self):
        order = self._order()
        seconds = self.duration(12, 6)
        with tempfile.TemporaryDirectory() as directory:
            body = Path(directory, "order.json")
            body.write_text(json.dumps(order))
            before = self._peak(body)
            with self.load(
                Stream("order", 15, lambda: Request("POST", _PATH, {}, order)),
                Stream("health", 15, lambda: Request("GET", "/api/health")),
            ) as (load, timeline):
                self.pause(2, 1)
                began = timeline.event(f"{_TIMES * before:.0f} orders a second")
                flood = self._flood(body, _TIMES * before, seconds)
                ended = timeline.event("no more")
                self.pause(4, 3)
            after = self._peak(body)
        figures = self._figures(before, after, flood)
        self._check_flood(flood, figures)
        self._check_refused_time()
        self._check_observed(load, began, ended)

    def restore(self):
        """Nobody needs ten thousand orders of the whole catalog."""
        if self._user:
            self.driver.psql("orders", f"DELETE FROM orders WHERE user_id = {self._user}")

    def _order(self):
        answer = self.client.post(
            "/api/users", {"email": f"{uuid.uuid4().hex}@example.com", "name": "Collector"}
        )
        if answer.status != 201:
            raise drill.DrillError(f"no user could be made: {answer}")
        self._user = answer.json()["id"]
        items = [{"productId": product, "quantity": 1} for product in range(1, _LINES + 1)]
        return {"userId": self._user, "items": items}

    def _peak(self, body):
        """Answers a second, with as many clients as keep everything busy: the best of some tries,
        because what disturbs one only makes it lower.
        """
        script = Path(__file__).resolve().parents[1] / "lab/wrk_report.lua"
        seconds = 2 if self.options.quick else 4
        command = ["wrk", "-t1", f"-c{_PEAK_CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
        reports = []
        for _ in range(_PEAK_TRIES):
            output = self._tool([*command, self.url], WRK_PATH=_PATH, WRK_BODY=str(body))
            reports.append(json.loads(output.partition("REPORT ")[2].splitlines()[0]))
            if reports[-1]["errors"]:
                raise drill.DrillError(f"the peak could not be measured: {reports[-1]}")
        rates = [report["requests"] / report["seconds"] for report in reports]
        told = ", ".join(f"{rate:.0f}" for rate in rates)
        self.n.tell(f"    the peak, {_PEAK_CONNECTIONS} clients at a time: {told} orders a second")
        return max(rates)

    def _flood(self, body, rate, seconds):
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
                    f"--data={body}",
                    "--header=Content-Type: application/json",
                    f"--log-file={log}",
                    f"{self.url}{_PATH}",
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
        good = sum(first <= end < last and status == 201 for _, end, status in flood)
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
            WAS_AN_OVERLOAD,
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
            set(figures["statuses"]) == {201, 503},
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
        refused = [o for o in load.between("order", began, ended) if o.status == 503]
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
        then = load.between("order", ended + 1, load.ended)
        self.check_none_failed("when it is over, nothing is refused any more", then, good=(201,))
        self.n.check(
            f"and nothing takes long: under {_RECOVERED_MS} ms",
            max(latencies(then)) < _RECOVERED_MS,
            f"{max(latencies(then)):.0f} ms",
        )
