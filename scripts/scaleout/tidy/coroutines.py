"""Coroutines. g++ 12 miscompiles some co_await expressions silently, and these rules find them
(docs/adr/2026-11-20-coroutines.md).
"""

import re


class Statement:
    """One statement of a coroutine, as far as it has been read."""

    def __init__(self):
        self.text = []
        self.brackets = (
            []
        )  # open ones: "call" for ( and [ after a co_await, "list" for a braced list
        self.awaits = []  # line, and whether it stands in a braced list
        self.list_in_call = None  # line of a braced list among a co_await's arguments

    def add(self, token, line):
        self.text.append(token)
        if token == "co_await":
            self.awaits.append((line, "list" in self.brackets))
        elif token in ("(", "["):
            self.brackets.append("call" if self.awaits else token)
        elif token == "{":
            if "call" in self.brackets and self.list_in_call is None:
                self.list_in_call = line
            self.brackets.append("list")
        elif token in (")", "]", "}") and self.brackets:
            self.brackets.pop()

    def problems(self):
        if not self.awaits:
            return
        text = "".join(self.text).lstrip("; ")
        line = self.awaits[0][0]
        if len(self.awaits) > 1:
            yield self.awaits[1][
                0
            ], "two co_awaits in one statement; put each result in a named local of its own"
        if "?" in text:
            yield line, "co_await beside a conditional operator; use if, or name the result first"
        if " && " in text or " || " in text:
            yield line, "co_await beside && or ||; put its result in a named local first"
        if re.match(r"for\s*\([^;]*:[^;]*\bco_await\b", text):
            yield line, "co_await in a range-for; put its result in a named local first"
        for await_line, in_list in self.awaits:
            if in_list:
                yield await_line, "co_await in a braced list; put its result in a named local first"
        if self.list_in_call is not None:
            message = (
                "a temporary aggregate in a co_await's arguments; name it, or give it a constructor"
            )
            yield self.list_in_call, message


TOKEN = re.compile(r"co_await\b|[;{}()\[\]\n]|(?:(?!co_await\b)[^;{}()\[\]\n])+")
BLOCK_BEFORE = re.compile(
    r"(^|[;{}):\]]|\b(else|do|try|const|noexcept|override|final|mutable)"
    r"|->\s*[\w:<>,\s&*]+|\b(namespace|class|struct|enum|union|extern)\b[^;(){}]*)\s*$"
)


def opens_block(before):
    """Whether a brace after this text opens a block, not a list of values."""
    return BLOCK_BEFORE.search(before) is not None


def coroutine_problems(code):
    """(line, message) of every co_await in a form that g++ 12 gets wrong."""
    # A stack, as a lambda's body stands within a statement and has statements of its own.
    statements = [Statement()]
    line = 1
    for token in TOKEN.findall(code):
        here = statements[-1]
        if token == "\n":
            line += 1
            here.text.append(" ")
        elif token == "{" and opens_block("".join(here.text)):
            if not here.brackets:
                # A condition or a signature ends here.
                yield from here.problems()
                statements[-1] = Statement()
            statements.append(Statement())
        elif token == "}" and here.brackets[-1:] != ["list"]:
            yield from here.problems()
            if len(statements) > 1:
                statements.pop()
            # What follows a block is a new statement, unless the block was a lambda's.
            statements[-1].text.append("}" if statements[-1].brackets else ";")
        elif token == ";" and not here.brackets:
            yield from here.problems()
            statements[-1] = Statement()
        else:
            here.add(token, line)
    yield from statements[-1].problems()


def check_coroutines(file):
    if file.is_cpp and "co_await" in file.text:
        yield from coroutine_problems(file.code)
