"""Cluster mode: a supervisor and two workers that share a port and a Unix socket."""

import concurrent.futures
import contextlib
import os
import signal
from pathlib import Path

import httpx
import psutil
import pytest

from native_stack import LoneGateway, eventually


class Cluster(LoneGateway):
    def __init__(self):
        super().__init__(
            new_session=True,
            GATEWAY_WORKERS="2",
            GATEWAY_CONNECT_WAIT="0s",
            GATEWAY_DRAIN_GRACE="100ms",
        )
        self.doors = {
            "port": httpx.HTTPTransport(),
            "socket": httpx.HTTPTransport(uds=self.socket),
        }

    def ask(self, door):
        """Over a connection of its own: one stays with its worker."""
        with httpx.Client(base_url=self.url, transport=self.doors[door], timeout=10) as client:
            answer = client.get("/api/count", headers={"Connection": "close"})
        assert answer.status_code == 200
        return answer.json()

    def workers(self):
        """Their process ids."""
        return {child.pid for child in psutil.Process(self.process.pid).children()}


def cpu_ticks(pid):
    """The processor time that a process has used, in the kernel's hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def is_refused(cluster, door):
    try:
        cluster.ask(door)
    except httpx.ConnectError:
        return True
    except httpx.HTTPError:
        pass  # accepted, and dropped at the end of a drain
    return False


@contextlib.contextmanager
def stopped(pid):
    """Every thread of it: the signal reaches one first, and another might still accept."""

    def states():
        try:
            stats = [stat.read_text() for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
        except OSError:  # a thread has just ended
            return set()
        return {stat.rpartition(")")[2].split()[0] for stat in stats}

    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: states() == {"T"})
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(name="cluster")
def make_cluster():
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.mark.parametrize("door", ["port", "socket"])
def test_each_worker_serves_at_each_door(cluster, door):
    """One is stopped, so that the other has to answer; then the other way round."""
    workers = eventually(lambda: len(cluster.workers()) == 2 and cluster.workers())
    seen = {}
    for worker in workers:
        with stopped(worker):
            answer = cluster.ask(door)
        assert answer["processId"] in workers - {worker}
        seen[answer["processId"]] = answer["instanceId"]
    assert sorted(seen.values()) == ["lone-gateway-w1", "lone-gateway-w2"]


def test_a_killed_worker_is_replaced_and_no_client_waits_for_it(cluster):
    before = eventually(lambda: len(cluster.workers()) == 2 and cluster.workers())
    victim = cluster.ask("socket")["processId"]
    os.kill(victim, signal.SIGKILL)
    assert cluster.ask("socket")["processId"] != victim
    assert cluster.ask("port")["processId"] != victim
    after = eventually(lambda: len(cluster.workers() - {victim}) == 2 and cluster.workers())
    assert len(after & before) == 1
    for other in after & before:
        with stopped(other):
            assert cluster.ask("socket")["processId"] in after - before


def test_a_stopped_cluster_drains_and_then_refuses(cluster):
    eventually(lambda: len(cluster.workers()) == 2)
    cluster.ask("port")
    cluster.process.send_signal(signal.SIGTERM)
    assert cluster.process.wait(timeout=20) == 0
    assert cluster.output().count('"clean":true') == 2
    assert is_refused(cluster, "port") and is_refused(cluster, "socket")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_cuts_off_no_request(cluster, stop):
    """As Ctrl-C in a terminal does: each process of the foreground group gets the signal."""
    eventually(lambda: len(cluster.workers()) == 2)
    before = {pid: cpu_ticks(pid) for pid in cluster.workers()}
    url = f"{cluster.url}/api/cpu-bound?ms=2000&mode=offload"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        slow = pool.submit(httpx.get, url, timeout=10)
        # Until a worker is at work on it.
        eventually(lambda: any(cpu_ticks(pid) - used > 20 for pid, used in before.items()))
        os.killpg(cluster.process.pid, stop)
        assert slow.result().status_code == 200
    assert cluster.process.wait(timeout=20) == 0
    assert cluster.output().count('"clean":true') == 2


def test_workers_go_with_their_supervisor_and_leave_their_doors_to_the_next(cluster):
    eventually(lambda: len(cluster.workers()) == 2)
    cluster.process.kill()
    cluster.process.wait()
    eventually(lambda: is_refused(cluster, "socket") and is_refused(cluster, "port"))
    assert os.path.exists(cluster.socket), "no process was left to delete it"
    again = LoneGateway(socket_path=cluster.socket, GATEWAY_CONNECT_WAIT="0s")
    try:
        assert cluster.ask("socket")["processId"] == again.process.pid
    finally:
        again.stop()
