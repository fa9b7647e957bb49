#!/usr/bin/env python3
"""Mutation test: puts one-line bugs into a copy of the tree, one at a time, and reports which test
finds each.

The bugs are in tests/mutants.txt, which says how an entry is written. A mutant is killed by the
first test that fails: those of the source file that it changes are run first, of both rings, then
the rest of the unit ring, then the rest of the integration ring. One that all of them pass has
survived, and the run fails, unless its entry says why no test can see it.
"""

import argparse
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "mutants.txt"
WORK = ROOT / "build" / "mutants"
RINGS = ("unit", "integration")
# A mutant may make a test wait for ever; the slowest program of the rings takes about 40 s on two
# busy cores.
PROGRAM_TIMEOUT_S = 180
# Compiling is most of the time, and no test of these rings needs speed.
# (Not -O0: g++ makes tail calls between coroutines only from -O1 on, and long chains need them.)
CMAKE_FLAGS = (
    "-G",
    "Ninja",
    "-DCMAKE_BUILD_TYPE=None",
    "-DCMAKE_CXX_FLAGS=-O1",
    "-DSCALEOUT_WERROR=OFF",
)
WANTED_SHARE = 0.95


class ListError(Exception):
    """Something in the list that cannot be used as it stands."""


@dataclass
class Mutant:
    path: str
    old: str
    new: str
    line: int
    survives_because: str = ""

    def __str__(self):
        return f"{self.path}: {self.old}  ->  {self.new}"


@dataclass
class Result:
    mutant: Mutant
    killed_by: str = ""
    broken: str = ""
    seconds: float = 0.0


@dataclass
class Tree:
    """A copy of the tree with its build, used by one thread."""

    root: Path
    programs: dict = field(default_factory=dict)  # ring -> paths of its test programs

    @property
    def build(self):
        return self.root / "build"


def parse_list(text):
    """The mutants of a list; raises ListError naming the line."""
    mutants = []
    path = None
    old = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        sign, _, rest = line.partition(" ")
        rest = rest.strip()
        if sign == "@" and old is None:
            path = rest
        elif sign == "-" and path and old is None:
            old = rest
        elif sign == "+" and path and old is not None:
            mutants.append(Mutant(path, old, rest, number))
            old = None
        elif sign == "?" and mutants and old is None:
            mutants[-1].survives_because = f"{mutants[-1].survives_because} {rest}".strip()
        else:
            raise ListError(f"{LIST.name}:{number}: unexpected line: {raw}")
    if old is not None:
        raise ListError(f"{LIST.name}: the last entry has no replacement: {old}")
    return mutants


def check_mutant(mutant, root):
    """What is wrong with an entry for this tree, or an empty string."""
    source = root / mutant.path
    if not source.is_file():
        return f"{LIST.name}:{mutant.line}: no such file: {mutant.path}"
    found = source.read_text().count(mutant.old)
    if found != 1:
        place = f"{LIST.name}:{mutant.line}"
        return f"{place}: found {found} times in {mutant.path}, not once: {mutant.old}"
    return ""


def copy_tree(destination):
    """Copies what git would commit; unchanged files keep their times, so that builds stay warm."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in sorted(names):
        source, target = ROOT / name, destination / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    for path in destination.rglob("*"):
        relative = path.relative_to(destination)
        if path.is_file() and relative.parts[0] != "build" and str(relative) not in names:
            path.unlink()


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", **options)


def read_programs(tree):
    """The test programs of each ring, from ctest."""
    shown = run(["ctest", "--show-only=json-v1"], cwd=tree.build, check=True).stdout
    tree.programs = {ring: [] for ring in RINGS}
    for test in json.loads(shown)["tests"]:
        labels = [p["value"] for p in test.get("properties", []) if p["name"] == "LABELS"]
        for ring in RINGS:
            if labels and ring in labels[0] and "/tests/" in test["command"][0]:
                tree.programs[ring].append(Path(test["command"][0]))


def prepare_tree(index, jobs):
    """Copies and builds the tree without a mutant."""
    tree = Tree(WORK / f"tree-{index}")
    tree.root.mkdir(parents=True, exist_ok=True)
    copy_tree(tree.root)
    configured = run(["cmake", "-S", tree.root, "-B", tree.build, *CMAKE_FLAGS])
    if configured.returncode != 0:
        raise ListError(f"the tree cannot be configured:\n{configured.stderr}")
    built = run(["ninja", "-C", tree.build, "-j", str(jobs)])
    if built.returncode != 0:
        raise ListError(f"the tree cannot be built without a mutant:\n{built.stdout[-3000:]}")
    read_programs(tree)
    return tree


def run_program(program):
    """What failed in a test program, or an empty string."""
    # A session of its own, so that all that it has started (such as a database) can be ended.
    command = [program, "--gtest_fail_fast", "--gtest_brief=1"]
    child = subprocess.Popen(
        command,
        cwd=program.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=PROGRAM_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return f"{program.name}: not done after {PROGRAM_TIMEOUT_S} s"
    if child.returncode == 0:
        return ""
    failed = re.search(r"^\[  FAILED  \] ([^\s,]+)", output, re.MULTILINE)
    if failed:
        return failed[1]
    kind = "signal" if child.returncode < 0 else "exit status"
    return f"{program.name}: {kind} {abs(child.returncode)}"


def check_unchanged(tree):
    """A test that fails without any mutant would kill them all."""
    for program in [program for ring in RINGS for program in tree.programs[ring]]:
        if failure := run_program(program):
            raise ListError(f"a test fails without a mutant: {failure}")


def own_programs(tree, path):
    """The programs with the tests of a source file itself, of both rings: those have files called
    tests/<path>/<file>[_<aspect>]_test.cc and tests/integration/<file>[_<aspect>]_test.cc."""
    tests = tree.root / "tests"
    stems = (str(tests / Path(path).with_suffix("")), str(tests / "integration" / Path(path).stem))
    found = set()
    for command in json.loads((tree.build / "compile_commands.json").read_text()):
        if command["file"].startswith(stems) and command["file"].endswith("_test.cc"):
            found.add(re.search(r"CMakeFiles/([^/]+)\.dir/", command["command"])[1])
    return [program for ring in RINGS for program in tree.programs[ring] if program.name in found]


def build_programs(tree, programs):
    """Builds them, and answers (those that changed, what the compiler said if it refused)."""
    if not programs:
        return [], ""  # without a target, ninja would build them all, and none would change later
    before = {program: program.stat().st_mtime_ns for program in programs}
    targets = [str(program.relative_to(tree.build)) for program in programs]
    if any(program in tree.programs["integration"] for program in programs):
        targets.append("programs")  # their tests start the services
    built = run(["ninja", "-C", tree.build, "-j1", *targets])
    if built.returncode != 0:
        return [], built.stdout
    return [program for program in programs if program.stat().st_mtime_ns != before[program]], ""


def first_failure(tree, mutant):
    """Builds and runs the tests step by step: (what killed the mutant, why it was not built)."""
    own = own_programs(tree, mutant.path)
    unit, integration = (
        [program for program in tree.programs[ring] if program not in own] for ring in RINGS
    )
    for step in (own, unit, integration):
        changed, refused = build_programs(tree, step)
        if refused:
            return "", refused
        # A service that changed is run by programs that did not.
        for program in step if step is integration else changed:
            if failure := run_program(program):
                return failure, ""
    return "", ""


def try_mutant(tree, mutant):
    """Puts the mutant in, looks for a test that fails, and takes it out again."""
    started = time.monotonic()
    source = tree.root / mutant.path
    original = source.read_text()
    result = Result(mutant)
    try:
        source.write_text(original.replace(mutant.old, mutant.new))
        result.killed_by, result.broken = first_failure(tree, mutant)
    finally:
        source.write_text(original)
    result.seconds = time.monotonic() - started
    return result


def describe(result):
    if result.broken:
        return "DOES NOT BUILD"
    if result.killed_by:
        return f"killed by {result.killed_by}"
    if result.mutant.survives_because:
        return f"survived, as expected: {result.mutant.survives_because}"
    return "SURVIVED"


def run_all(mutants, workers):
    """Tries every mutant, `workers` at once, and prints each result as it comes."""
    waiting = queue.Queue()
    for mutant in mutants:
        waiting.put(mutant)
    results = []
    lock = threading.Lock()

    def work(tree):
        while True:
            try:
                mutant = waiting.get_nowait()
            except queue.Empty:
                return
            result = try_mutant(tree, mutant)
            with lock:
                results.append(result)
                print(
                    f"{len(results):3d}/{len(mutants)} {result.seconds:5.0f} s  {mutant}\n"
                    f"               {describe(result)}",
                    flush=True,
                )
                if result.broken:
                    print(result.broken[-1500:], flush=True)

    # One tree after the other: the compiler's cache has all of the second one's objects then.
    threads = []
    for index in range(workers):
        tree = prepare_tree(index, workers)
        if index == 0:
            check_unchanged(tree)
        threads.append(threading.Thread(target=work, args=(tree,), daemon=True))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return results


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", metavar="TEXT", help="only mutants whose file or line contains this"
    )
    parser.add_argument(
        "--check", action="store_true", help="only check that every entry fits the tree"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="mutants at once (default: processors)"
    )
    arguments = parser.parse_args()
    try:
        mutants = parse_list(LIST.read_text())
    except ListError as error:
        sys.exit(f"mutants: {error}")
    problems = [problem for problem in (check_mutant(m, ROOT) for m in mutants) if problem]
    if problems:
        sys.exit("\n".join(f"mutants: {problem}" for problem in problems))
    if arguments.check:
        print(f"{len(mutants)} mutants, all of which fit the tree")
        return
    if arguments.only:
        mutants = [m for m in mutants if arguments.only in str(m)]
    print(
        f"building {arguments.workers} copies of the tree in {WORK.relative_to(ROOT)}", flush=True
    )
    try:
        results = run_all(mutants, min(arguments.workers, len(mutants)))
    except ListError as error:
        sys.exit(f"mutants: {error}")
    killed = sum(1 for r in results if r.killed_by)
    unexplained = [r for r in results if not r.killed_by and not r.mutant.survives_because]
    if len(results) != len(mutants):
        sys.exit("mutants: not all could be tried")
    print(
        f"\n{len(results)} mutants: {killed} killed, {len(results) - killed} not"
        f" ({100 * killed / max(1, len(results)):.1f} % killed)"
    )
    for result in unexplained:
        print(f"  {describe(result)}: {result.mutant}")
    if unexplained or killed < WANTED_SHARE * len(results):
        sys.exit(1)


if __name__ == "__main__":
    main()
