#!/usr/bin/python3
"""Sums ctest's JUnit reports up: a line a ring, every failed entry by name, and at last "N passed,
N failed".
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

_GTEST_PASSED = re.compile(r"^\[  PASSED  \] (\d+) tests?", re.MULTILINE)
_GTEST_FAILED = re.compile(r"^\s*(\d+) FAILED TESTS?", re.MULTILINE)
_PYTEST_SUMMARY = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.MULTILINE)


def cases_of(entry):
    """How many cases of one ctest entry passed, and how many failed."""
    output = entry.findtext("system-out") or ""
    entry_failed = entry.get("status") == "fail" or entry.find("failure") is not None
    if entry.get("status") in ("notrun", "disabled"):
        return 0, 1
    passed = sum(map(int, _GTEST_PASSED.findall(output)))
    failed = sum(map(int, _GTEST_FAILED.findall(output)))
    for summary in _PYTEST_SUMMARY.findall(output):
        counts = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", summary)}
        passed += counts.get("passed", 0)
        failed += counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    if entry_failed:
        # A crash or a timeout leaves no count of what failed.
        return passed, max(failed, 1)
    return passed or 1, 0


def main():
    all_passed = all_failed = 0
    for path in map(Path, sys.argv[1:]):
        passed = failed = 0
        for entry in ElementTree.parse(path).getroot().iter("testcase"):
            entry_passed, entry_failed = cases_of(entry)
            passed, failed = passed + entry_passed, failed + entry_failed
            if entry_failed:
                print(f"FAILED: {entry.get('name')}")
        print(f"{path.stem:<12} {passed} passed, {failed} failed")
        all_passed, all_failed = all_passed + passed, all_failed + failed
    print(f"{all_passed} passed, {all_failed} failed")
    sys.exit(1 if all_failed or not all_passed else 0)


if __name__ == "__main__":
    main()
