"""Who is who on this machine, from /proc: figures of a process, who holds a port, what a crash has
left behind.
"""

import os
import signal
import socket
import time
from pathlib import Path

from native.settings import SERVICES

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# By the file that runs: Debian's redis-server is a link to redis-check-rdb.
_PROGRAMS = (
    "nginx",
    "postgres",
    "redis-server",
    "redis-check-rdb",
    "api-gateway",
    *SERVICES,
)


def _stat(pid):
    """The fields of /proc/PID/stat after the name, from the third on; None if there is no such
    process.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_alive(pid):
    fields = _stat(pid)
    return fields is not None and fields[0] not in "ZX"


def parent_of(pid):
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def children_of(pid):
    return [child for child in all_pids() if parent_of(child) == pid and is_alive(child)]


def family_of(pid):
    """`pid` and everything below it."""
    family = [pid]
    for child in children_of(pid):
        family += family_of(child)
    return family


def resident_bytes(pid):
    """Memory that is this process's own (proportional share where the kernel tells it)."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def cpu_seconds(pid):
    """User and system time so far; 0 for a process that is gone."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


def program_of(pid):
    """The file that the process runs, without the mark of one that was replaced since; "" if it is
    not ours to see.
    """
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return ""


def was_replaced(pid):
    """Whether the program's file was built anew since the process started."""
    try:
        return os.readlink(f"/proc/{pid}/exe").endswith(" (deleted)")
    except OSError:
        return False


def command_of(pid):
    try:
        return (
            Path(f"/proc/{pid}/cmdline")
            .read_bytes()
            .replace(b"\0", b" ")
            .decode(errors="replace")
            .strip()
        )
    except OSError:
        return ""


def environment_of(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _listening_inodes(port):
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes


def connections_to(port):
    """How many connections are open on our side of `port`."""
    count = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "01" and int(fields[1].rpartition(":")[2], 16) == port:
            count += 1
    return count


def is_port_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def owner_of_port(port):
    """A sentence's worth about who listens on `port`."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for pid in all_pids():
        try:
            for descriptor in os.scandir(f"/proc/{pid}/fd"):
                if os.readlink(descriptor.path) in wanted:
                    return f"process {pid} ({command_of(pid)[:80] or program_of(pid)})"
        except OSError:
            continue
    return "another user's process" if wanted else "a process that is just going away"


def leftovers(run_dir, places):
    """Processes of this stack that no supervisor answers for any more, such as after a kill -9 of
    supervisord.

    A process is the stack's if it runs one of the stack's programs (or supervisord itself) from a
    directory of the stack. nginx and PostgreSQL overwrite their environment, so that alone would
    not tell.
    """
    homes = [str(Path(run_dir).resolve()), str(places.scratch), str(places.postgres_data)]
    mine = os.getpid()
    found = []
    for pid in all_pids():
        if pid == mine or not is_alive(pid):
            continue
        name = os.path.basename(program_of(pid))
        if name not in _PROGRAMS and not (
            name.startswith("python") and "supervisord" in command_of(pid)
        ):
            continue
        try:
            where = os.readlink(f"/proc/{pid}/cwd").removesuffix(" (deleted)")
        except OSError:
            continue
        if any(where == home or where.startswith(home + "/") for home in homes):
            found.append(pid)
    return found


def wait_until_gone(pids, seconds):
    """Those of `pids` that are still there when the time is up."""
    deadline = time.monotonic() + seconds
    alive = [pid for pid in pids if is_alive(pid)]
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = [pid for pid in alive if is_alive(pid)]
    return alive


def end(pids, seconds=5):
    """Asks, waits, and ends what would not listen."""
    for pid in pids:
        _signal(pid, signal.SIGTERM)
    for pid in wait_until_gone(pids, seconds):
        _signal(pid, signal.SIGKILL)
    return wait_until_gone(pids, 5)


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
