"""What supervisord starts for nginx: ends what a killed master left behind, then becomes nginx.

usage: python3 -m scaleout.native.start_nginx PORT NGINX [ARGUMENT...], in nginx's own directory

nginx's workers survive their master's death (kill -9, the kernel out of memory) and go on serving
on the port that they inherited, with the configuration of that day. No new master could have the
port, and no change would reach a client any more. They are asked to finish what they have; they
give up the port at once.

nginx stays in the session of the gateways and services. Where the kernel groups tasks by session
(sched_autogroup), a group of its own got nginx a tenth more of the cheapest requests, but starved
it as soon as the machine was full: three gateways answered 2,000 overviews a second instead of
6,600, each of them in batches of two keys (docs/load-and-bench.md).
"""

import os
import signal
import sys
import time

from scaleout.native import processes

_PORT_SECONDS = 2.0


def _orphans():
    def is_nginx(pid):
        return os.path.basename(processes.program_of(pid)) == "nginx"

    return processes.working_in([os.getcwd()], is_nginx)


def _signal(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def main():
    port, command = int(sys.argv[1]), sys.argv[2:]
    orphans = _orphans()
    if orphans:
        print(f"start_nginx: ending {orphans}, left by a master that died", flush=True)
        _signal(orphans, signal.SIGQUIT)
        deadline = time.monotonic() + _PORT_SECONDS
        while not processes.is_port_free(port) and time.monotonic() < deadline:
            time.sleep(0.01)
        if not processes.is_port_free(port):
            _signal(orphans, signal.SIGKILL)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
