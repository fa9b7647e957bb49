"""What a stack spends on a turn: the CPU time of each part and of the busiest event loop; how many
keys a coalesced call has; how many reads the cache answered; and what other processes of the
machine spend meanwhile.
"""

import collections
import contextlib
import re
import resource
import time

from scaleout.native import health, processes
from scaleout.topology import SERVICES

# What each part of the stack is made of, by how the names of Parts.pids() begin.
PARTS = {
    "gateway": ("api-gateway-",),
    "services": SERVICES,
    "nginx": ("nginx",),
    "postgres": ("postgres",),
    "redis": ("redis-",),
}
_LOOP_THREADS = "loop-"
_KEYS = re.compile(r"^gateway_coalescer_batch_keys_sum{.*} (\S+)$", re.M)
_CACHED = re.compile(r'^cache_requests_total\{.*result="(\w+)".*\} (\S+)$', re.M)
_CALLS = re.compile(r"^gateway_coalescer_batch_keys_count{.*} (\S+)$", re.M)


class _Reading:
    """What was spent so far. The processes of a part are found anew each time: they come and go."""

    def __init__(self, stack):
        pids = stack.parts.pids()
        self.time = time.monotonic()
        self.parts = {
            part: sum(
                processes.family_cpu_seconds(pid)
                for name, pid in pids.items()
                if name.startswith(beginnings)
            )
            for part, beginnings in PARTS.items()
        }
        self.loops = {
            thread: seconds
            for name, pid in pids.items()
            if name.startswith(PARTS["gateway"])
            for thread, seconds in processes.thread_cpu_seconds(pid).items()
            if thread[1].startswith(_LOOP_THREADS)
        }
        ports = map(stack.settings.gateway_port, stack.settings.gateways)
        pages = "\n".join(health.http_get(port, "/metrics")[1] for port in ports)
        self.machine = processes.machine_cpu_seconds()
        load = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.load = load.ru_utime + load.ru_stime
        self.keys, self.calls = (sum(map(float, each.findall(pages))) for each in (_KEYS, _CALLS))
        self.cached = collections.Counter()
        for result, count in _CACHED.findall(pages):
            self.cached[result] += float(count)


class Spent:
    def __init__(self):
        self.before = self.after = None

    def figures(self, requests):
        """Micros of CPU a request for each part; the share of its time that the busiest event loop
        was at work; the keys of a coalesced call, 0 where none was made; the share of cached reads
        that the cache answered, 0 where there was none; how many processors were busy with neither
        this stack nor the load.
        """
        before, after = self.before, self.after
        spent = {part: after.parts[part] - before.parts[part] for part in PARTS}
        ours = sum(spent.values()) + after.load - before.load
        others = max(after.machine - before.machine - ours, 0.0)
        seconds = after.time - before.time
        busiest = max(
            (after.loops[loop] - before.loops.get(loop, 0.0) for loop in after.loops), default=0.0
        )
        calls = after.calls - before.calls
        found = sum(after.cached[name] - before.cached[name] for name in ("hit", "stale"))
        missed = after.cached["miss"] - before.cached["miss"]
        return {
            "cpuMicros": {part: 1e6 * spent[part] / max(requests, 1) for part in PARTS},
            "busiestLoop": busiest / seconds,
            "keysPerCall": (after.keys - before.keys) / calls if calls else 0.0,
            "hitRatio": found / (found + missed) if found + missed else 0.0,
            "othersBusy": others / seconds,
        }


@contextlib.contextmanager
def spent_by(stack):
    """What the stack spends within the block; whole after it."""
    spent = Spent()
    spent.before = _Reading(stack)
    yield spent
    spent.after = _Reading(stack)
