"""The command line of the labs: scripts/lab.sh."""

import argparse
import sys
from pathlib import Path

from scaleout import lab
from scaleout.console import fail
from scaleout.errors import StackError
from scaleout.lab.cache import CacheLab
from scaleout.lab.identity import IdentityLab
from scaleout.narrator import Narrator
from scaleout.topology import ROOT

LABS = {each.NAME: each for each in (CacheLab, IdentityLab)}


def _listing():
    width = max(map(len, LABS))
    return "\n".join(f"  {name:<{width}}  {each.TITLE}" for name, each in LABS.items())


def _parse():
    parser = argparse.ArgumentParser(
        prog="scripts/lab.sh",
        description=f"{lab.__doc__}\n{_listing()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="PRESET or BIN_DIR choose the build (release).\n"
        "Exit status: 0 if the sides were what they say; 1 if not; 2 if there is no such lab.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="a lab of the above")
    parser.add_argument("--list", action="store_true", help="the labs, one a line")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--rounds", type=int, help="rounds, half of them in each order of starting (4, quick: 2)"
    )
    parser.add_argument("--seconds", type=int, help="seconds of a turn of wrk (3, quick: 1)")
    parser.add_argument("--port", type=int, default=18500, help="the first HTTP_PORT (18500)")
    parser.add_argument(
        "--run-dir",
        type=Path,
        default=ROOT / ".run-lab",
        help="how the RUN_DIRs of its stacks begin (.run-lab)",
    )
    parser.add_argument(
        "--json", metavar="FILE", help="where everything goes (.run-lab-NAME.json beside RUN_DIR)"
    )
    arguments = parser.parse_args()
    if arguments.list:
        print(_listing())
        sys.exit(0)
    if arguments.name not in LABS:
        parser.error(f"NAME is one of {', '.join(LABS)}; not {arguments.name}")
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 4)
    arguments.seconds = arguments.seconds or (1 if arguments.quick else 3)
    arguments.run_dir = arguments.run_dir.absolute()
    arguments.json = arguments.json or f"{arguments.run_dir}-{arguments.name}.json"
    return arguments


def main():
    arguments = _parse()
    narrator = Narrator(f"Lab {arguments.name}: {LABS[arguments.name].TITLE}")
    made = LABS[arguments.name](narrator, arguments.port, arguments.run_dir)
    try:
        made.run(arguments.rounds, arguments.seconds)
    except StackError as error:
        fail("lab", error)
        sys.exit(1)
    status = narrator.finish(arguments.json)
    narrator.say(f"Everything is in {arguments.json}.")
    sys.exit(status)


if __name__ == "__main__":
    main()
