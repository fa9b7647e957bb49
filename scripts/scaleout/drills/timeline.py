"""What happened at which second: a line a second with the figures of the load, and events between
them, printed while they happen and stored for the report.
"""

import collections
import threading
import time

from scaleout.load.figures import percentile


class Timeline:
    """`with Timeline(narrator, sources, watch) as timeline:`. A source has `kinds`, and `outcomes`
    that grow. `watch` answers what else to print each second, such as the breakers' states, as a
    short text. Second 0 is when the timeline begins.
    """

    def __init__(self, narrator, sources, watch=None):
        self._n = narrator
        self._sources = sources
        self._kinds = [kind for source in sources for kind in source.kinds]
        self._counted = [0] * len(sources)
        self._watch = watch
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._began = time.monotonic()
        self.wall_began = time.time()
        self.seconds = []
        self.events = []

    def __enter__(self):
        self._n.say("    of each kind of request: succeeded/otherwise, and the p99 in ms")
        self._n.say("     s" + "".join(f"{kind:>18}" for kind in self._kinds))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def event(self, text):
        """Something that was done or seen; answers when, in monotonic time."""
        at = time.monotonic()
        with self._lock:
            self.events.append({"second": round(at - self._began, 2), "event": text})
            self._n.say(f"  {at - self._began:6.1f}  * {text}")
        return at

    def report(self):
        return {"seconds": self.seconds, "events": self.events}

    def _run(self):
        second = 0
        while not self._stop.wait(max(0.0, self._began + second + 1 - time.monotonic())):
            self._print(second)
            second += 1
        self._print(second)

    def _print(self, second):
        # By the time of the answer, so that a line is true when it is printed.
        by_kind = collections.defaultdict(list)
        for index, source in enumerate(self._sources):
            fresh = source.outcomes[self._counted[index] :]
            self._counted[index] += len(fresh)
            for outcome in fresh:
                by_kind[outcome.kind].append(outcome)
        row = {"second": second}
        cells = ""
        for kind in self._kinds:
            succeeded = sum(200 <= outcome.status < 300 for outcome in by_kind[kind])
            worst = percentile([outcome.milliseconds for outcome in by_kind[kind]], 0.99)
            row[kind] = {
                "ok": succeeded,
                "notOk": len(by_kind[kind]) - succeeded,
                "p99Ms": None if worst != worst else round(worst, 2),
            }
            p99 = "-" if worst != worst else f"{worst:.0f}"
            counts = f"{succeeded}/{len(by_kind[kind]) - succeeded}"
            cells += f"{counts:>11}{p99:>7}"
        note = ""
        if self._watch and not self._stop.is_set():
            note = self._watch()
            row["watch"] = note
        with self._lock:
            self.seconds.append(row)
            self._n.say(f"  {second:4}{cells}  {note}".rstrip())
