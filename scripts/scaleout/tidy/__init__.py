"""The house rules that a machine can check, in one pass over the tree: scripts/tidy.py."""

from scaleout.tidy.architecture import (
    check_include_direction,
    check_libraries,
    check_single_doors,
    check_sleep,
    circle_of_rooms,
)
from scaleout.tidy.coroutines import check_coroutines
from scaleout.tidy.rules import EXCEPTIONS, LIBRARIES, ROOMS, SINGLE_DOORS
from scaleout.tidy.text import check_header, check_length, check_name, check_text
from scaleout.tidy.tree import read_tree
from scaleout.tidy.whole_tree import (
    check_circles,
    check_compiled_once,
    check_dead_files,
    check_test_mirror,
)

# Where a finding about the rules themselves belongs.
RULES = "scripts/scaleout/tidy/rules.py"


def check_tree(root, exceptions=None):
    """All findings below `root`, as sorted (path, line, message)."""
    exceptions = EXCEPTIONS if exceptions is None else exceptions
    used = set()

    def excused(rule, path):
        if path not in exceptions.get(rule, {}):
            return False
        used.add((rule, path))
        return True

    files = list(read_tree(root))
    findings = []
    for file in files:
        for check in (
            check_name,
            check_text,
            check_length,
            check_header,
            check_include_direction,
            check_libraries,
            check_coroutines,
        ):
            findings += [(file.path, line, message) for line, message in check(file)]
        for check in (check_single_doors, check_sleep):
            findings += [(file.path, line, message) for line, message in check(file, excused)]
    findings += check_dead_files(files)
    findings += check_compiled_once(files)
    findings += check_circles(files)
    if circle := circle_of_rooms(ROOMS):
        findings.append((RULES, 1, f"ROOMS allow a circle: {' -> '.join(circle)}"))
    findings += check_test_mirror(files, excused)
    for rule, paths in exceptions.items():
        for path in paths:
            if (rule, path) not in used:
                findings.append(
                    (
                        RULES,
                        1,
                        f"{path} needs its exception ({rule}) no longer; remove it",
                    )
                )
    return len(files), sorted(set(findings))


def print_rules():
    print("What each room may include:")
    for room, allowed in ROOMS.items():
        print(f"  {room:<22} {', '.join(allowed)}")
    print("\nThird-party rooms:")
    for name, _, _, homes in LIBRARIES:
        print(f"  {name:<22} {', '.join(homes)}")
    print("\nSingle doors:")
    for name, _, home, instead in SINGLE_DOORS:
        print(f"  {name:<22} {home}; elsewhere {instead}")
    print("\nExceptions:")
    for rule, paths in EXCEPTIONS.items():
        for path, reason in paths.items():
            print(f"  {rule:<12} {path}: {reason}")
