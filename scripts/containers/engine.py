"""The Docker engine as the tests see it: commands that fail loudly, and what the engine says of its containers."""

import json
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class EngineError(Exception):
    pass


def run(*command, seconds=900, environment=None):
    """What a command printed; EngineError with its last lines if it failed or took too long."""
    words = [str(word) for word in command]
    try:
        result = subprocess.run(words, cwd=ROOT, env=environment, text=True, capture_output=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{' '.join(words)}: not done after {seconds} s") from error
    if result.returncode != 0:
        end = "\n".join((result.stderr or result.stdout).splitlines()[-15:])
        raise EngineError(f"{' '.join(words)}: exit status {result.returncode}\n{end}")
    return result.stdout


def docker(*arguments, seconds=900):
    return run("docker", *arguments, seconds=seconds)


def answers():
    """Whether an engine and Compose are there to be used."""
    try:
        docker("info", "--format", "{{.ServerVersion}}", seconds=10)
        docker("compose", "version", seconds=10)
    except (EngineError, FileNotFoundError):
        return False
    return True


def inspect(*ids):
    return json.loads(docker("inspect", *ids)) if ids else []


def megabytes(text):
    """12.5MiB, as `docker stats` writes it."""
    units = {"B": 1, "kB": 1e3, "KiB": 2**10, "MB": 1e6, "MiB": 2**20, "GB": 1e9, "GiB": 2**30}
    for unit in sorted(units, key=len, reverse=True):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * units[unit] / 2**20
    raise ValueError(text)


def memory_of(ids):
    """Megabytes in use, by container name."""
    lines = docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *ids).splitlines()
    return {line.split()[0]: megabytes(line.split()[1]) for line in lines}


def user_of_process(pid):
    """The number of the user that a process of this machine runs as; None where the engine is on another machine."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("Uid:"):
                return int(line.split()[2])
    except OSError:
        pass
    return None


def eventually(what, seconds, every=0.2):
    """The first true answer of `what`, or its last one when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < deadline:
        time.sleep(every)
    return answer
