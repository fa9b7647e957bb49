#!/usr/bin/python3
"""The house rules that a machine can check, in one pass over the tree.

usage: scripts/tidy.py [--rules] [ROOT]

Each finding is `path:line: what is wrong; where it belongs`. Exit status 1 if there is any. --rules
prints the tables that the rules are (scripts/scaleout/tidy/rules.py): what each room may include,
which library lives in which room, and the exceptions with their reasons.
"""

import sys

sys.dont_write_bytecode = True

from scaleout import tidy
from scaleout.topology import ROOT


def main(arguments):
    if "--help" in arguments or "-h" in arguments:
        print(__doc__.strip())
        return 0
    if "--rules" in arguments:
        tidy.print_rules()
        return 0
    count, findings = tidy.check_tree(arguments[0] if arguments else ROOT)
    for path, line, message in findings:
        print(f"{path}:{line}: {message}")
    print(f"tidy: {count} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
