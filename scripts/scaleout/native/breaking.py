"""What drills do to the parts of a native stack: signals, suspension, lost data."""

import os
import signal

from scaleout.errors import StackError
from scaleout.native import processes, redis
from scaleout.topology import REDIS_SERVERS


class Breaking:
    """Part of `stack.Stack`, which has `parts`, `places` and `supervisor`."""

    def kill(self, part, k, signal_name):
        """Sends a signal to a part's main process, as a crash or an operator would; supervisord
        brings back what dies.
        """
        program = self.parts.program_of(part, k)
        try:
            number = signal.Signals[f"SIG{signal_name.upper().removeprefix('SIG')}"]
        except KeyError:
            raise StackError(f"{signal_name} is not a signal") from None
        pid = self._pid_of(program)
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            raise StackError(f"{program} is just being replaced") from None
        self._console.say(f"{number.name} sent to {program}, process {pid}")

    def freeze(self, part, k=None):
        """Stops every process of a part with SIGSTOP: its connections stay, and nothing answers."""
        program = self.parts.program_of(part, k)
        frozen = processes.signal_family(self._pid_of(program), signal.SIGSTOP)
        self._console.say(f"{program} is frozen, processes {' '.join(map(str, frozen))}")

    def thaw(self, part, k=None):
        """Undoes freeze(); without effect on a part that is not frozen."""
        program = self.parts.program_of(part, k)
        processes.signal_family(self._pid_of(program), signal.SIGCONT)
        self._console.say(f"{program} goes on")

    def flush(self, part):
        """Deletes everything that a Redis server holds."""
        program = self.parts.program_of(part)
        if program not in REDIS_SERVERS:
            raise StackError(f"{part} holds no keys; {' and '.join(REDIS_SERVERS)} do")
        redis.Redis(self.places, program).flush()
        self._console.say(f"{program} is empty")

    def _pid_of(self, program):
        pid = self.supervisor.pid(program)
        if not pid:
            raise StackError(f"{program} is not running")
        return pid
