"""The command line of the tour: scripts/test-scaling.sh."""

import argparse
import sys

from scaleout.console import fail
from scaleout.driver import connect
from scaleout.errors import StackError
from scaleout.identity.entering import enter
from scaleout.load.client import Client
from scaleout.load.standstills import Standstills
from scaleout.narrator import Narrator
from scaleout.tour.balancing import Balancing
from scaleout.tour.blocking import Blocking
from scaleout.tour.failing import Failing
from scaleout.tour.identity import Identity
from scaleout.tour.paying import Paying
from scaleout.tour.sharing import Sharing


def run(driver, json_path):
    """All scenes; the exit status."""
    with Standstills() as still:
        return _run(driver, json_path, still)


def _run(driver, json_path, still):
    required = enter(driver)
    client = Client(driver.url())
    narrator = Narrator(f"The scaling tour, on {driver.name} at {driver.url()}")
    balancing, sharing, blocking, failing, paying, identity = (
        scenes(driver, client, narrator, still)
        for scenes in (Balancing, Sharing, Blocking, Failing, Paying, Identity)
    )
    before = len(driver.instances())
    narrator.say(f"  {before} gateways now; the tour changes that, and puts it back.")
    if required:
        narrator.say("  This stack wants tokens (AUTH_MODE=required); the tour has an admin's.")

    def scale(count):
        if len(driver.instances()) != count:
            narrator.say(f"\n  ... scaling to {count}")
            driver.scale(count)

    try:
        scale(3)
        balancing.routing()
        balancing.counter()
        sharing.counters()
        balancing.distribution()
        sharing.cache()
        with_three = blocking.blocked_with_three()
        scale(1)
        with_one = blocking.blocked_with_one()
        blocking.compare(with_three, with_one)
        blocking.lag_monitor()
        blocking.offloaded_with_one()
        scale(3)
        failing.aggregation()
        failing.breaker()
        paying.events()
        paying.once()
        identity.sessions()
    finally:
        scale(before)
    return narrator.finish(json_path)


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/test-scaling.sh",
        description="The narrated, asserted tour of the running stack: routing, state in a process"
        " and shared state, distribution, cached reads, a blocked event loop with three gateways "
        "and with one, offloaded work, aggregation with a part missing, the circuit breaker, an "
        "event between services, an order that is paid once, a login that every gateway honours.",
        epilog="STACK=native (default) or compose chooses the stack; RUN_DIR as for "
        "scripts/stack.sh. Exit status: 0 if every check passed, 1 if one failed (it is named), 2 "
        "if there is no stack.",
    )
    parser.add_argument("--json", metavar="FILE", help="also write checks and figures there")
    arguments = parser.parse_args()
    try:
        sys.exit(run(connect(), arguments.json))
    except StackError as error:
        fail("test-scaling", error)
        sys.exit(2)


if __name__ == "__main__":
    main()
