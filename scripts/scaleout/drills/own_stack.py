"""Drills on a stack of their own: programs and AUTH_MODE of the running one, other settings."""

import contextlib
from pathlib import Path

from scaleout.bench.measure import Build
from scaleout.breakers import Breakers
from scaleout.drills import drill
from scaleout.driver.native import NativeDriver
from scaleout.identity import entering
from scaleout.load.client import Client
from scaleout.native import processes

_PORTS = drill.GATEWAYS + 1


class OwnStackDrill(drill.Drill):
    """Also has FIRST_PORT, where its ports begin: so many behind the running stack's first."""

    STACKS = ("native",)
    FIRST_PORT = 0

    def run(self):
        self.n.scene(self.TITLE, self.WHY)
        own = self.driver.stack().settings
        port = own.http_port + self.FIRST_PORT
        while not all(map(processes.is_port_free, range(port, port + _PORTS))):
            port += _PORTS
        run_dir = Path(f"{own.run_dir}-{self.NAME}")
        self._build = Build(self.NAME, port, run_dir, own.bin_dir, one_card=False)
        self._mode = own.variables.get("AUTH_MODE") or "optional"
        try:
            with self.still:
                self.hold()
        finally:
            self._build.remove()

    @contextlib.contextmanager
    def own_stack(self, **variables):
        """The stack with these settings, around a block; its data stays for the next block. The
        clients of this process are the lab's admin there, if it wants tokens.
        """
        with self._build.stack(
            GATEWAYS=str(drill.GATEWAYS), AUTH_MODE=self._mode, **variables
        ) as stack:
            entering.take_token(NativeDriver(stack.settings.run_dir))
            yield stack

    def move_to(self, stack):
        """What a drill does and asks for is done to that stack from now on."""
        self.driver = NativeDriver(stack.settings.run_dir)
        self.url = self.driver.url()
        self.client = Client(self.url)
        self.breakers = Breakers(self.url)
        self.breakers.expect(drill.GATEWAYS)
        # A token that is renewed, for what takes longer than one is good for.
        entering.enter(self.driver)
