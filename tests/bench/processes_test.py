"""The CPU time of a part of the stack: its processes come and go."""

import subprocess
import time

from scaleout.native import processes

# A shell whose child burns CPU and ends; then the shell waits.
_BURN = "(i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done); echo ended; read line"


def test_the_time_of_a_child_that_has_ended_counts():
    with subprocess.Popen(
        ["/bin/sh", "-c", _BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as shell:
        assert shell.stdout.readline() == b"ended\n"
        assert processes.family_of(shell.pid) == [shell.pid]
        assert processes.family_cpu_seconds(shell.pid) >= 0.05
        shell.stdin.close()


def test_the_time_of_a_child_that_lives_counts():
    with subprocess.Popen(
        ["/bin/sh", "-c", "(while :; do :; done) & echo $!; read line; kill $!"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as shell:
        shell.stdout.readline()
        deadline = time.monotonic() + 20
        while processes.family_cpu_seconds(shell.pid) < 0.05:
            assert time.monotonic() < deadline
        shell.stdin.close()


def test_a_process_that_is_gone_has_no_time():
    with subprocess.Popen(["/bin/true"]) as gone:
        gone.wait()
    assert processes.family_cpu_seconds(gone.pid) == 0
