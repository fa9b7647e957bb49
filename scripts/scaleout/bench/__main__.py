"""The command line of the bench: scripts/bench.sh."""

import argparse
import sys
from pathlib import Path

from scaleout import bench
from scaleout.bench.against import Against
from scaleout.bench.alone import Alone
from scaleout.bench.guard import check_cost
from scaleout.bench.measure import ROUNDS, Build
from scaleout.bench.speed.scenes import SCENES
from scaleout.bench.speed.speed import Speed
from scaleout.console import fail
from scaleout.errors import StackError
from scaleout.narrator import Narrator
from scaleout.topology import ROOT


_SPEED_ROUNDS = 6


def _scenes(text):
    names = text.split(",")
    for name in names:
        if name not in SCENES:
            raise argparse.ArgumentTypeError(f"there is no {name}; there are {','.join(SCENES)}")
    return names


def _parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench.sh",
        description=bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="PRESET or BIN_DIR choose the build (release). The bench starts a stack of its own "
        "and removes it.\n--speed takes about 20 minutes; a scene of it takes 2 to 5.\n"
        "Exit status: 0 if the wanted ratios are met, 1 if not.",
    )
    parser.add_argument("--quick", action="store_true", help="5 seconds a row instead of 10")
    parser.add_argument(
        "--seconds", type=int, help=f"seconds a row, in {ROUNDS} turns of at least one"
    )
    parser.add_argument(
        "--loops", type=int, nargs="+", default=[1, 2], help="numbers of event loops (1 2)"
    )
    parser.add_argument(
        "--port", type=int, default=18300, help="the bench stack's HTTP_PORT (18300)"
    )
    parser.add_argument(
        "--run-dir", type=Path, default=ROOT / ".run-bench", help="its RUN_DIR (.run-bench)"
    )
    parser.add_argument(
        "--against",
        metavar="BIN_DIR",
        help="measure this build and the programs there by turns, and only compare the two",
    )
    parser.add_argument(
        "--speed",
        action="store_true",
        help="measure this build with coalesced reads on and off, by turns; with --against the "
        "other build is the third side and the baseline",
    )
    parser.add_argument(
        "--scenes",
        type=_scenes,
        default=list(SCENES),
        metavar="NAME,...",
        help=f"scenes of --speed, all by default: {','.join(SCENES)}",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"rounds of a comparison ({ROUNDS}; with --speed {_SPEED_ROUNDS}, half of them in "
        "each order of starting)",
    )
    parser.add_argument("--json", metavar="FILE", help="also write everything there")
    arguments = parser.parse_args()
    arguments.seconds = arguments.seconds or (5 if arguments.quick else 10)
    arguments.rounds = arguments.rounds or (_SPEED_ROUNDS if arguments.speed else ROUNDS)
    arguments.run_dir = arguments.run_dir.absolute()
    return arguments


def _run_alone(narrator, arguments, build):
    alone = Alone(narrator, build, arguments.seconds)
    try:
        for loops in arguments.loops:
            alone.measure(loops)
    finally:
        build.remove()
    check_cost(narrator, alone.rows)
    alone.compare()


def _run_against(narrator, arguments, this):
    run_dir = Path(f"{arguments.run_dir}-other")
    bin_dir = str(Path(arguments.against).resolve())
    other = Build("other", arguments.port + 100, run_dir, bin_dir)
    try:
        against = Against(narrator, this, other, arguments.seconds, arguments.rounds)
        for loops in arguments.loops:
            against.measure(loops)
    finally:
        this.remove()
        other.remove()


def _run_speed(narrator, arguments):
    other = str(Path(arguments.against).resolve()) if arguments.against else None
    speed = Speed(
        narrator, arguments.port, arguments.run_dir, other, arguments.seconds, arguments.rounds
    )
    speed.run(arguments.scenes)


def main():
    arguments = _parse()
    narrator = Narrator(
        "The bench: wrk, 2 threads, 64 connections unless said; CPU in microseconds per request"
    )
    build = Build("this", arguments.port, arguments.run_dir)
    try:
        if arguments.speed:
            _run_speed(narrator, arguments)
        elif arguments.against:
            _run_against(narrator, arguments, build)
        else:
            _run_alone(narrator, arguments, build)
    except StackError as error:
        fail("bench", error)
        sys.exit(1)
    sys.exit(narrator.finish(arguments.json))


if __name__ == "__main__":
    main()
