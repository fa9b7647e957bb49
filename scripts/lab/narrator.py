"""Tells people what happens and checks that it does: scenes, tables, checks, and the same for
machines as JSON.

A failed check does not stop the story; the exit status and the last lines name every one.
"""

import json
import os
import sys
import time
from pathlib import Path

_GREEN, _RED, _BOLD, _DIM, _CYAN = "32", "31", "1", "2", "36"
_BAR = 40


class Narrator:
    def __init__(self, title, out=None):
        self._title = title
        self._out = out = out or sys.stdout
        self._colour = out.isatty() and "NO_COLOR" not in os.environ
        self._began = time.monotonic()
        self._scene = ""
        self.checks = []
        self.figures = {}
        self.tell(self._paint(title, _BOLD))

    def _paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def tell(self, text=""):
        print(text, file=self._out, flush=True)

    def scene(self, title, why=""):
        self._scene = title
        self.tell(f"\n{self._paint(title, _CYAN)}")
        for line in why.splitlines():
            self.tell(f"  {self._paint(line.strip(), _DIM)}")

    def command(self, text):
        """What a reader could type to see the same."""
        self.tell(f"  $ {text}")

    def table(self, header, rows):
        rows = [[str(cell) for cell in row] for row in rows]
        columns = list(zip(*[header, *rows]))
        widths = [max(map(len, column)) for column in columns]
        right = [
            bool(rows)
            and all(
                cell.lstrip("-").replace(".", "").replace(",", "").isdigit() for cell in column[1:]
            )
            for column in columns
        ]
        for index, row in enumerate([header, *rows]):
            cells = [
                cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right)
            ]
            line = "    " + "  ".join(cells).rstrip()
            self.tell(self._paint(line, _BOLD) if index == 0 else line)

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
        mark = self._paint("pass", _GREEN) if passed else self._paint("FAIL", _RED)
        self.tell(f"  {mark}  {name}{f' ({detail})' if detail else ''}")
        return passed

    def report(self):
        """Everything so far, as data."""
        return {
            "title": self._title,
            "passed": bool(self.checks) and all(check["passed"] for check in self.checks),
            "seconds": round(time.monotonic() - self._began, 1),
            "checks": self.checks,
            "figures": self.figures,
        }

    def finish(self, json_path=None):
        """The summary; the exit status that goes with it."""
        failed = [check for check in self.checks if not check["passed"]]
        report = self.report()
        self.tell()
        for check in failed:
            self.tell(
                self._paint(f"FAILED: {check['scene']}: {check['name']} ({check['detail']})", _RED)
            )
        summary = f"{len(self.checks) - len(failed)} checks passed, {len(failed)} failed, in {report['seconds']:.0f} s"
        self.tell(self._paint(summary, _RED if failed else _GREEN))
        if json_path:
            Path(json_path).write_text(json.dumps(report, indent=2) + "\n")
        return 0 if report["passed"] else 1
