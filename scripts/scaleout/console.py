"""Lines for a reader: progress, tables, errors with their evidence. Coloured on a terminal only,
and only if NO_COLOR is not set.
"""

import os
import sys

GREEN, RED, YELLOW, CYAN, BOLD, DIM = "32", "31", "33", "36", "1", "2"


class Console:
    """Writes to `out`; warnings and errors go to stderr. Thread-safe as far as the stream is."""

    def __init__(self, out=None):
        self._out = out or sys.stdout
        self._colour = self._out.isatty() and "NO_COLOR" not in os.environ

    def paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def say(self, text=""):
        print(text, file=self._out, flush=True)

    def step(self, what, detail=""):
        self.say(f"  {self.paint('*', CYAN)} {what:<22} {detail}".rstrip())

    def done(self, text):
        self.say(self.paint(text, GREEN))

    def warn(self, text):
        print(self.paint(text, YELLOW), file=sys.stderr, flush=True)

    def table(self, header, rows, indent=2):
        """Columns as wide as their widest cell; columns of numbers are aligned to the right."""
        rows = [[str(cell) for cell in row] for row in rows]
        columns = list(zip(*[header, *rows]))
        widths = [max(map(len, column)) for column in columns]
        right = [bool(rows) and all(map(_is_number, column[1:])) for column in columns]
        for index, row in enumerate([header, *rows]):
            cells = [
                cell.rjust(width) if is_right else cell.ljust(width)
                for cell, width, is_right in zip(row, widths, right)
            ]
            line = " " * indent + "  ".join(cells).rstrip()
            self.say(self.paint(line, BOLD) if index == 0 else line)


class Silent(Console):
    """Writes nothing at all."""

    def __init__(self):
        super().__init__()
        self._colour = False

    def say(self, text=""):
        pass

    def warn(self, text):
        pass


def fail(program, error):
    """The error that ends the program, on stderr."""
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    message = f"{program}: {error}"
    print(f"\033[{RED}m{message}\033[0m" if colour else message, file=sys.stderr)
    for line in getattr(error, "evidence", []):
        print(f"    {line}", file=sys.stderr)
    sys.stderr.flush()


def _is_number(cell):
    digits = cell.lstrip("-").replace(".", "").replace(",", "")
    return digits.isdigit() or cell in ("", "-")
