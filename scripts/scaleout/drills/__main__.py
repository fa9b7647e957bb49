"""The command line of the drills."""

import argparse
import json
import math
import sys
from pathlib import Path

from scaleout.drills.blackhole import Blackhole
from scaleout.drills.breaker import Breaker
from scaleout.drills.cache_stampede import CacheStampede
from scaleout.drills.cpu_bound import CpuBound
from scaleout.drills.drill import NotHere, Options
from scaleout.drills.durability import Durability
from scaleout.drills.events import Events
from scaleout.drills.login_flood import LoginFlood
from scaleout.drills.kill_gateways import KillGateways
from scaleout.drills.overload import Overload
from scaleout.drills.redis_down import RedisDown
from scaleout.drills.revocation import Revocation
from scaleout.drills.rolling_restart import RollingRestart
from scaleout.drills.saga import Saga
from scaleout.drills.slow_provider import SlowProvider
from scaleout.console import fail
from scaleout.driver import connect
from scaleout.errors import StackError
from scaleout.identity.entering import enter
from scaleout.narrator import Narrator

# In the order of `all`: what leaves the most behind comes last.
DRILLS = {
    drill.NAME: drill
    for drill in (
        Breaker,
        Blackhole,
        KillGateways,
        RollingRestart,
        CpuBound,
        CacheStampede,
        RedisDown,
        LoginFlood,
        Revocation,
        SlowProvider,
        Overload,
        Events,
        Durability,
        Saga,
    )
}

_EPILOG = """\
STACK=native (default) or compose chooses the stack, RUN_DIR as for scripts/stack.sh. The stack must
be up (make up); a drill brings it to three gateways and leaves it as it was. One drill at a time.

exit status: 0 every check passed; 1 one failed, and is named; 2 there is no such stack or drill"""


def _listing():
    width = max(map(len, DRILLS))
    # A title begins with the name.
    return "\n".join(
        f"  {name:<{width}}  {drill.TITLE.partition(': ')[2]}" for name, drill in DRILLS.items()
    )


def _number_above_0(kind):
    def parsed(text):
        try:
            number = kind(text)
        except ValueError:
            number = 0
        if not 0 < number < math.inf:
            raise argparse.ArgumentTypeError(f"{text}: a number above 0 is wanted")
        return number

    return parsed


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/drill.sh",
        description="Breaks the running stack on purpose, under load, and checks what clients see."
        f"\n\n{_listing()}",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="a drill of the above, or all")
    parser.add_argument("--list", action="store_true", help="the drills, one a line")
    parser.add_argument("--quick", action="store_true", help="a shorter form, for a first look")
    seconds, kills = _number_above_0(float), _number_above_0(int)
    parser.add_argument("--seconds", type=seconds, help="how long the part under attack lasts")
    parser.add_argument("--kills", type=kills, help="how many processes saga kills")
    parser.add_argument("--json", metavar="FILE", help="also write checks and figures there")
    arguments = parser.parse_args()
    if arguments.list:
        print(_listing())
        sys.exit(0)
    if arguments.name not in (*DRILLS, "all"):
        parser.error(f"NAME is one of {', '.join(DRILLS)}, all; not {arguments.name}")
    held = DRILLS.values() if arguments.name == "all" else [DRILLS[arguments.name]]
    if arguments.seconds is not None:
        _check_seconds(parser, arguments, held)
    if arguments.kills is not None and Saga not in held:
        parser.error(f"--kills is for {Saga.NAME}")
    return arguments


def _check_seconds(parser, arguments, held):
    """In too short a time a drill would look at nothing."""
    timed = [each for each in held if each.LEAST_SECONDS is not None]
    if not timed:
        parser.error(f"{arguments.name} has no --seconds")
    longest = max(timed, key=lambda each: each.LEAST_SECONDS)
    if arguments.seconds < longest.LEAST_SECONDS:
        wanted = f"{longest.NAME} needs {longest.LEAST_SECONDS} or more"
        parser.error(f"--seconds {arguments.seconds:g}: {wanted}")


def _names(name, driver):
    """The drills to hold; of all, those that this kind of stack has."""
    if name == "all":
        return [each for each, drill in DRILLS.items() if driver.name in drill.STACKS]
    if driver.name not in DRILLS[name].STACKS:
        raise StackError(f"{name} is for STACK={' or '.join(DRILLS[name].STACKS)} only")
    return [name]


_RESULTS = {True: "passed", False: "FAILED", None: "left out"}


def _hold(name, driver, options, may_be_left_out):
    """Whether it passed (None: left out), and its report."""
    narrator = Narrator(f"Drill {name}, on {driver.name} at {driver.url()}")
    try:
        DRILLS[name](driver, narrator, options).run()
    except StackError as error:
        if may_be_left_out and isinstance(error, NotHere):
            narrator.say(f"  left out: {error.explain()}")
            return None, narrator.report()
        narrator.check("the drill could be held", False, error.explain())
    return narrator.finish() == 0, narrator.report()


def main():
    arguments = parse()
    options = Options(arguments.quick, arguments.seconds, arguments.kills)
    try:
        driver = connect()
        enter(driver)
        names = _names(arguments.name, driver)
    except StackError as error:
        fail("drill", error)
        sys.exit(2)
    results = {name: _hold(name, driver, options, len(names) > 1) for name in names}
    all_passed = all(passed is not False for passed, _ in results.values())
    if arguments.json:
        reports = {name: report for name, (_, report) in results.items()}
        report = {"passed": all_passed, "drills": reports}
        Path(arguments.json).write_text(json.dumps(report, indent=2) + "\n")
    if len(results) > 1:
        print()
        for name, (passed, _) in results.items():
            print(f"  {_RESULTS[passed]:8}  {name}")
    sys.exit(0 if all_passed else 1)


if __name__ == "__main__":
    main()
