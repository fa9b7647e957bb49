"""What a stack spends on a turn: the CPU time of each part and of the busiest event loop; and how
many keys a coalesced call has.
"""

import contextlib
import re
import time

from scaleout.native import health, processes
from scaleout.topology import SERVICES

# What each part of the stack is made of, by how the names of Parts.pids() begin.
PARTS = {
    "gateway": ("api-gateway-",),
    "services": SERVICES,
    "nginx": ("nginx",),
    "postgres": ("postgres",),
}
_LOOP_THREADS = "loop-"
_KEYS = re.compile(r"^gateway_coalescer_batch_keys_sum{.*} (\S+)$", re.M)
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
        self.keys, self.calls = (sum(map(float, each.findall(pages))) for each in (_KEYS, _CALLS))


class Spent:
    def __init__(self):
        self.before = self.after = None

    def figures(self, requests):
        """Micros of CPU a request for each part; the share of its time that the busiest event loop
        was at work; the keys of a coalesced call, 0 where none was made.
        """
        before, after = self.before, self.after
        requests = max(requests, 1)
        busiest = max(
            (after.loops[loop] - before.loops.get(loop, 0.0) for loop in after.loops), default=0.0
        )
        calls = after.calls - before.calls
        return {
            "cpuMicros": {
                part: 1e6 * (after.parts[part] - before.parts[part]) / requests for part in PARTS
            },
            "busiestLoop": busiest / (after.time - before.time),
            "keysPerCall": (after.keys - before.keys) / calls if calls else 0.0,
        }


@contextlib.contextmanager
def spent_by(stack):
    """What the stack spends within the block; whole after it."""
    spent = Spent()
    spent.before = _Reading(stack)
    yield spent
    spent.after = _Reading(stack)
