"""The stack as an experiment sees it: verbs that are the same for processes and for containers
(scripts/driver/).
"""

import os
import subprocess
from pathlib import Path

_DRIVERS = Path(__file__).resolve().parents[1] / "driver"


class DriverError(Exception):
    pass


class Driver:
    def __init__(self, stack=None):
        self.stack = stack or os.environ.get("STACK") or "native"
        self._program = _DRIVERS / f"{self.stack}.sh"
        if not self._program.exists():
            known = ", ".join(sorted(path.stem for path in _DRIVERS.glob("*.sh")))
            raise DriverError(f"STACK={self.stack}: one of {known} is wanted")

    def _run(self, *arguments):
        result = subprocess.run(
            [str(self._program), *map(str, arguments)], text=True, capture_output=True, check=False
        )
        if result.returncode != 0:
            raise DriverError(
                f"{' '.join(map(str, arguments))}: {result.stderr.strip() or result.stdout.strip()}"
            )
        return result.stdout

    def url(self):
        return self._run("url").strip()

    def instances(self):
        return self._run("instances").split()

    def scale(self, count):
        self._run("scale", count)

    def strategy(self):
        return self._run("balance").strip()

    def balance(self, strategy):
        self._run("balance", strategy)

    def stop(self, part, k=None):
        self._run("stop", part, *([k] if k else []))

    def start(self, part, k=None):
        self._run("start", part, *([k] if k else []))

    def restart(self, part, k=None):
        self._run("restart", part, *([k] if k else []))

    def kill(self, part, k=None, signal="KILL"):
        self._run("kill", part, *([k] if k else []), signal)

    def logs(self, part, lines=200):
        return self._run("logs", part, lines).splitlines()

    def psql(self, database, sql):
        return self._run("psql", database, sql).strip()
