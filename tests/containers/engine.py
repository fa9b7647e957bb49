"""What the tests of containers share: what the engine says of its containers, a free port, waiting,
and the closing line.
"""

import time

import psutil

from scaleout.docker import EngineError, docker
from scaleout.native.processes import is_port_free


def answers():
    """Whether an engine and Compose are there to be used."""
    try:
        docker("info", "--format", "{{.ServerVersion}}", seconds=10)
        docker("compose", "version", seconds=10)
    except EngineError:
        return False
    return True


def megabytes(text):
    """12.5MiB, as `docker stats` writes it."""
    units = {
        "B": 1,
        "kB": 1e3,
        "KiB": 2**10,
        "MB": 1e6,
        "MiB": 2**20,
        "GB": 1e9,
        "GiB": 2**30,
    }
    for unit in sorted(units, key=len, reverse=True):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * units[unit] / 2**20
    raise ValueError(text)


def memory_of(ids):
    """Megabytes in use, by container name."""
    lines = docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *ids).splitlines()
    return {line.split()[0]: megabytes(line.split()[1]) for line in lines}


def user_of_process(pid):
    """The number of the user that a process of this machine runs as; None where the engine is on
    another machine.
    """
    try:
        return psutil.Process(pid).uids().effective
    except psutil.Error:
        return None


def eventually(what, seconds, every=0.2):
    """The first true answer of `what`, or its last one when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < deadline:
        time.sleep(every)
    return answer


def free_port(first=18300, last=18350):
    for port in range(first, last):
        if is_port_free(port):
            return port
    raise EngineError(f"no port from {first} to {last} is free")


def finish(narrator):
    """The closing lines of a test; its exit status."""
    narrator.finish()
    failed = len(narrator.failed())
    print(f"{len(narrator.checks) - failed} passed, {failed} failed")
    return 1 if failed else 0
