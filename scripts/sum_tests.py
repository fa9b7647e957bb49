#!/usr/bin/python3
"""Sums ctest's JUnit reports up: a line a ring, every failed entry by name, what passed only at the
second try by name, and at last "N passed, N failed".

A report `second-try/RING.xml` beside `RING.xml` is of entries that failed and ran once more: for
each of them the second run counts, instead of the first one.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

_SECOND_TRY = "second-try"
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


def entries_of(path):
    """The entries of one report, by name."""
    root = ElementTree.parse(path).getroot()
    return {entry.get("name"): entry for entry in root.iter("testcase")}


def sum_ring(path):
    """How many cases passed and failed, which entries failed, which passed at the second try."""
    first = entries_of(path)
    second_report = path.parent / _SECOND_TRY / path.name
    second = entries_of(second_report) if second_report.exists() else {}
    passed = failed = 0
    failures, late = [], []
    for name, entry in (first | second).items():
        entry_passed, entry_failed = cases_of(entry)
        passed, failed = passed + entry_passed, failed + entry_failed
        if entry_failed:
            failures.append(name)
        elif name in second:
            late.append(name)
    return passed, failed, failures, late


def main():
    all_passed = all_failed = 0
    all_late = []
    for path in map(Path, sys.argv[1:]):
        passed, failed, failures, late = sum_ring(path)
        for name in failures:
            print(f"FAILED: {name}")
        print(f"{path.stem:<12} {passed} passed, {failed} failed")
        all_passed, all_failed = all_passed + passed, all_failed + failed
        all_late += late
    if all_late:
        print(f"passed at the second try: {', '.join(all_late)}")
    print(f"{all_passed} passed, {all_failed} failed")
    sys.exit(1 if all_failed or not all_passed else 0)


if __name__ == "__main__":
    main()
