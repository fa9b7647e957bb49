"""Processes of this machine, through psutil: figures of one, its family, the owner of a port, what
a crash has left behind. A process may be gone at any time; then a figure is 0 and a name empty.
"""

import os
import signal
import socket
import time
from pathlib import Path

import psutil

from scaleout.topology import SERVICES

# By the file that runs: Debian's redis-server is a link to redis-check-rdb.
_PROGRAMS = (
    "nginx",
    "postgres",
    "redis-server",
    "redis-check-rdb",
    "api-gateway",
    *SERVICES,
)
# The process ended, or it is another user's.
_UNKNOWN = (psutil.Error, OSError)


def is_alive(pid):
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def children_of(pid):
    return _descendants(pid, recursive=False)


def family_of(pid):
    """`pid` and everything below it."""
    return [pid, *_descendants(pid, recursive=True)]


def _descendants(pid, recursive):
    try:
        found = psutil.Process(pid).children(recursive)
    except psutil.NoSuchProcess:
        return []
    return [child.pid for child in found if is_alive(child.pid)]


def signal_family(pid, number):
    """Signals `pid` and then everything below it: with SIGSTOP a parent is stopped before its
    children are listed, so none is missed. The processes that were signalled.
    """
    signalled = [pid] if _signal(pid, number) else []
    for child in children_of(pid):
        signalled += signal_family(child, number)
    return signalled


def resident_bytes(pid):
    """The process's proportional share of memory, where the kernel shows it."""
    try:
        process = psutil.Process(pid)
        try:
            return process.memory_full_info().pss
        except psutil.AccessDenied:
            return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def family_cpu_seconds(pid):
    """User and system time so far of `pid` and everything below it, also of what has ended there:
    PostgreSQL's backends come and go, and the time of one that went is then its parent's.
    """
    return sum(map(_cpu_seconds, family_of(pid)))


def _cpu_seconds(pid):
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


def thread_cpu_seconds(pid):
    """User and system time so far of each thread, by its id and name."""
    try:
        return {
            (thread.id, Path(f"/proc/{pid}/task/{thread.id}/comm").read_text().strip()): (
                thread.user_time + thread.system_time
            )
            for thread in psutil.Process(pid).threads()
        }
    except _UNKNOWN:
        return {}


def machine_cpu_seconds():
    """Time so far that the processors of this machine were not idle."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice


def program_of(pid):
    """The file that the process runs, also if it was replaced since."""
    try:
        return psutil.Process(pid).exe()
    except _UNKNOWN:
        return ""


def command_of(pid):
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except _UNKNOWN:
        return ""


def was_replaced(pid):
    """Whether the program's file was built anew since the process started."""
    try:
        # psutil's path is the same for both, so the files themselves are compared.
        return not os.path.samestat(os.stat(f"/proc/{pid}/exe"), os.stat(program_of(pid)))
    except OSError:
        return False


def environment_of(pid):
    """Its variables, as it was started."""
    try:
        return psutil.Process(pid).environ()
    except _UNKNOWN:
        return {}


def connections_to(port):
    """How many connections are open on our side of `port`."""
    return sum(
        connection.laddr.port == port and connection.status == psutil.CONN_ESTABLISHED
        for connection in psutil.net_connections("tcp4")
    )


def listening_ports(pid):
    """The TCP ports that the process listens on."""
    return [
        connection.laddr.port
        for connection in psutil.net_connections("tcp")
        if connection.pid == pid and connection.status == psutil.CONN_LISTEN
    ]


def is_port_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def owner_of_port(port):
    """The process that listens on `port`, as part of a sentence."""
    listening = [
        connection
        for connection in psutil.net_connections("tcp")
        if connection.laddr.port == port and connection.status == psutil.CONN_LISTEN
    ]
    for pid in filter(None, (connection.pid for connection in listening)):
        return f"process {pid} ({command_of(pid)[:80] or program_of(pid)})"
    return "another user's process" if listening else "a process that is just ending"


def working_in(directories, is_wanted):
    """Processes that work in or below one of the directories and that `is_wanted` chooses."""
    homes = list(map(str, directories))
    return [
        process.pid
        for process in psutil.process_iter()
        if is_wanted(process.pid) and _works_in(process, homes)
    ]


def _works_in(process, homes):
    try:
        where = process.cwd()
    except _UNKNOWN:
        return False
    inside = any(where == home or where.startswith(home + "/") for home in homes)
    return inside and is_alive(process.pid)


def leftovers(run_dir, places):
    """Processes of this stack that its supervisor does not know any more, such as after a kill -9
    of supervisord.

    A process is the stack's if it runs one of the stack's programs (or supervisord itself) from a
    directory of the stack. nginx and PostgreSQL overwrite their environment, so that is no sign.
    """
    homes = [Path(run_dir).resolve(), places.scratch, places.postgres_data]
    return [pid for pid in working_in(homes, _is_of_a_stack) if pid != os.getpid()]


def _is_of_a_stack(pid):
    name = os.path.basename(program_of(pid))
    return name in _PROGRAMS or (name.startswith("python") and "supervisord" in command_of(pid))


def wait_until_gone(pids, seconds):
    """Those of `pids` that are still there when the time is up. A zombie is gone, which
    psutil.wait_procs does not see that way.
    """
    deadline = time.monotonic() + seconds
    alive = [pid for pid in pids if is_alive(pid)]
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = [pid for pid in alive if is_alive(pid)]
    return alive


def end(pids, seconds=5):
    """SIGTERM, and after that time SIGKILL; those that are still there, if any."""
    for pid in pids:
        _signal(pid, signal.SIGTERM)
    for pid in wait_until_gone(pids, seconds):
        _signal(pid, signal.SIGKILL)
    return wait_until_gone(pids, 5)


def _signal(pid, number):
    """False if there is no such process any more."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
