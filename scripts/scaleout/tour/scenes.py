"""What the groups of scenes share: the stack, a client, the narrator, and patience with a machine
whose processors are shared with others.
"""

import time

from scaleout.load.definite import INDEFINITE

# A scene that the machine's standstills spoil is shown so many times at most.
_TRIES = 4


class Scenes:
    def __init__(self, driver, client, narrator, still):
        self._driver = driver
        self._client = client
        self._n = narrator
        self._still = still

    def _tried(self, what, holds):
        """The answer of `what()`. If `holds(answer)` is false and the machine stood still
        meanwhile, that of another call.
        """
        for _ in range(_TRIES - 1):
            began = time.monotonic()
            answer = what()
            if holds(answer):
                return answer
            time.sleep(0.1)  # until a standstill has been noticed, too
            if not self._still.touched(began, time.monotonic()):
                return answer
            self._n.say("    ... once more; the machine stood still for a moment")
            time.sleep(0.5)
        return what()

    def _answered(self, ask):
        """The answer of `ask()`, repeated if a standstill made it a refusal; it can be repeated."""
        return self._tried(ask, lambda answer: answer.status not in INDEFINITE)
