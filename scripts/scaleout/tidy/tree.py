"""The tree as the rules see it: its text files, with code apart from comments and literals."""

import os
import re
from pathlib import Path

SKIPPED_DIRECTORIES = {"build", "node_modules", "__pycache__", "secrets"}
KEPT_HIDDEN_DIRECTORIES = {".ci", ".github"}
CPP = (".h", ".cc")
OTHER_CPP = (".hpp", ".hh", ".hxx", ".cpp", ".cxx", ".c++", ".C")


class File:
    """A text file of the tree. `code` is its text with comments and literals blanked out; a line
    keeps its number.
    """

    def __init__(self, path, text):
        self.path = path
        self.name = path.rsplit("/", 1)[-1]
        self.suffix = os.path.splitext(self.name)[1]
        self.text = text
        self.lines = text.split("\n")
        self.is_cpp = self.suffix in CPP
        self.is_test = path.startswith("tests/")
        self._code = None

    @property
    def code(self):
        if self._code is None:
            self._code = blank_comments_and_literals(self.text)
        return self._code

    def includes(self):
        """(line number, path, whether in quotes) of each #include."""
        for match in INCLUDE.finditer(self.text):
            yield line_of(self.text, match.start()), match.group(2), match.group(1) == '"'


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)

COMMENT_OR_LITERAL = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r'|R"(?P<delimiter>[^\s()\\]{0,16})\(.*?\)(?P=delimiter)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


def blank_comments_and_literals(text):
    def blank(match):
        found = match.group()
        if found[0] == "/":
            return re.sub(r"[^\n]", " ", found)
        return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]

    return COMMENT_OR_LITERAL.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def read_tree(root):
    for directory, subdirectories, names in os.walk(root):
        subdirectories[:] = sorted(
            name
            for name in subdirectories
            if name not in SKIPPED_DIRECTORIES
            and (not name.startswith(".") or name in KEPT_HIDDEN_DIRECTORIES)
        )
        for name in sorted(names):
            path = Path(directory, name)
            # A worktree's .git is a file.
            if name == ".git" or path.is_symlink() or not path.is_file():
                continue
            try:
                yield File(path.relative_to(root).as_posix(), path.read_bytes().decode("utf-8"))
            except UnicodeDecodeError:
                continue  # not text
