"""Says when this machine stood still, a line each: begin and end in monotonic time. A program of
its own, because what else a process does would hold its threads up, too; `standstills` runs it.

A thread on each processor sleeps for a moment and looks whether it woke up too late.
"""

import os
import sys
import threading
import time

_TICK_SECONDS = 0.02
_LATE_SECONDS = 0.1


def watch(cpu):
    # Of this thread alone.
    os.sched_setaffinity(0, {cpu})
    while True:
        due = time.monotonic() + _TICK_SECONDS
        time.sleep(_TICK_SECONDS)
        woke = time.monotonic()
        if woke - due > _LATE_SECONDS:
            os.write(sys.stdout.fileno(), f"{due} {woke}\n".encode())


def main():
    for cpu in sorted(os.sched_getaffinity(0)):
        threading.Thread(target=watch, args=(cpu,), daemon=True).start()
    # Ends with the program that wants to know.
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
