"""What the stack says to people: one line a step, failures with their evidence, colour only on a
terminal.
"""

import os
import sys

_COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


class StackError(Exception):
    """A failure that is explained to its reader: what failed, and what the logs said last."""

    def __init__(self, message, evidence=()):
        super().__init__(message)
        self.evidence = list(evidence)


def paint(text, code):
    return f"\033[{code}m{text}\033[0m" if _COLOUR else text


def say(text=""):
    print(text, flush=True)


def step(what, detail=""):
    say(f"  {paint('*', '36')} {what:<22} {detail}".rstrip())


def good(text):
    say(paint(text, "32"))


def warn(text):
    print(paint(text, "33"), file=sys.stderr, flush=True)


def fail(error):
    print(paint(f"stack: {error}", "31"), file=sys.stderr)
    for line in getattr(error, "evidence", []):
        print(f"    {line}", file=sys.stderr)
    sys.stderr.flush()


def table(rows, header):
    """Columns as wide as their widest cell; numbers to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *rows]) for i in range(len(header))]
    right = [
        bool(rows) and all(row[i].replace(".", "").isdigit() or row[i] in ("", "-") for row in rows)
        for i in range(len(header))
    ]
    for index, row in enumerate([list(header), *rows]):
        cells = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right)]
        line = "  " + "  ".join(cells).rstrip()
        say(paint(line, "1") if index == 0 else line)
