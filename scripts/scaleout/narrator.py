"""An experiment in scenes: says what happens, checks that it does, and collects checks and figures
for a report as JSON.

A failed check does not stop the experiment; the exit status and the last lines name every one.
"""

import json
import time
from pathlib import Path

from scaleout.console import BOLD, CYAN, DIM, GREEN, RED, Console

_BAR = 40


class Narrator(Console):
    def __init__(self, title, out=None):
        super().__init__(out)
        self._title = title
        self._began = time.monotonic()
        self._scene = ""
        self.checks = []
        self.figures = {}
        self.say(self.paint(title, BOLD))

    def scene(self, title, why=""):
        self._scene = title
        self.say(f"\n{self.paint(title, CYAN)}")
        for line in why.splitlines():
            self.say(f"  {self.paint(line.strip(), DIM)}")

    def command(self, text):
        """What a reader could type to see the same."""
        self.say(f"  $ {text}")

    def table(self, header, rows, indent=4):
        super().table(header, rows, indent)

    @staticmethod
    def bar(share):
        return "#" * round(share * _BAR)

    def figure(self, name, value):
        """A measured number, for the JSON report."""
        self.figures[name] = value

    def check(self, name, passed, detail=""):
        self.checks.append(
            {"scene": self._scene, "name": name, "passed": bool(passed), "detail": str(detail)}
        )
        mark = self.paint("pass", GREEN) if passed else self.paint("FAIL", RED)
        self.say(f"  {mark}  {name}{f' ({detail})' if detail else ''}")
        return passed

    def report(self):
        """Everything so far, as data."""
        return {
            "title": self._title,
            "passed": bool(self.checks) and not self.failed(),
            "seconds": round(time.monotonic() - self._began, 1),
            "checks": self.checks,
            "figures": self.figures,
        }

    def failed(self):
        """The checks that failed."""
        return [check for check in self.checks if not check["passed"]]

    def finish(self, json_path=None):
        """The summary; the exit status that goes with it."""
        report, failed = self.report(), self.failed()
        self.say()
        for check in failed:
            line = f"FAILED: {check['scene']}: {check['name']} ({check['detail']})"
            self.say(self.paint(line, RED))
        passed = len(self.checks) - len(failed)
        summary = f"{passed} checks passed, {len(failed)} failed, in {report['seconds']:.0f} s"
        self.say(self.paint(summary, RED if failed else GREEN))
        if json_path:
            Path(json_path).write_text(json.dumps(report, indent=2) + "\n")
        return 0 if report["passed"] else 1
