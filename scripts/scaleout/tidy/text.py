"""Rules about one file as text: its name, its lines, its length, a header's form. Each yields
(line, message).
"""

import re

from scaleout.tidy.tree import OTHER_CPP, line_of

BANNED_IN_NAMES = {"util", "utils", "helper", "helpers", "misc", "manager", "managers"}
SOURCE_LINES = 400
CODE_COLUMNS = 100
PROSE_COLUMNS = 130


def check_name(file):
    for part in file.path.split("/"):
        words = set(re.split(r"[_.\-]", part.lower()))
        for word in sorted(words & BANNED_IN_NAMES):
            advice = "name the file after its one class or what it does"
            yield 1, f'"{word}" is too general for a name; {advice}'
    if file.suffix in OTHER_CPP:
        yield 1, f"{file.suffix} is not used here; C++ files are .h and .cc"
    if file.is_cpp and not re.fullmatch(r"[a-z0-9_]+\.(h|cc)", file.name):
        yield 1, "C++ files are named in snake_case"


def check_text(file):
    tabs_belong = file.name == "Makefile" or file.suffix == ".mk"
    columns = {
        ".h": CODE_COLUMNS,
        ".cc": CODE_COLUMNS,
        ".py": CODE_COLUMNS,
        ".proto": PROSE_COLUMNS,
        ".md": PROSE_COLUMNS,
    }.get(file.suffix)
    banner = BANNERS.get(file.suffix, BANNERS[""])
    in_table = False
    for number, line in enumerate(file.lines, 1):
        # Data laid out by hand, such as the routes, is read as a table.
        if file.is_cpp and "// clang-format o" in line:
            in_table = "off" in line
        if "\t" in line and not tabs_belong:
            yield number, "a tab; indent with spaces"
        if line.endswith((" ", "\t", "\r")):
            yield number, "white space at the end of the line; remove it"
        limit = PROSE_COLUMNS if in_table else columns
        if columns and len(line) > limit and not may_be_long(file, line):
            yield number, f"{len(line)} columns; at most {limit} in *{file.suffix}"
        if found := LEFTOVER.search(line):
            yield number, f"{found.group()} left over; do it, or open an issue"
        if found := MACHINE_PATH.search(line):
            path = found.group().strip()
            yield number, f"{path} is a path of one machine; make it relative to the repository"
        if banner and banner.match(line):
            yield number, "a banner; a blank line and a sentence separate well enough"
        for word, advice in UNCLEAR_WORDS if "/migrations/" not in file.path else []:
            if found := word.search(WORD_BORDER.sub(" ", line)):
                yield number, f'"{found.group()}" makes a reader guess; {advice}'
    if file.text and not file.text.endswith("\n"):
        yield len(file.lines), "no newline at the end of the file; add it"


LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X{3})\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(work|root|home/[a-z]\w*)/")
# Words that hide who does what. (The user of the first name stands in quotes or after "user".
# A migration that has been released keeps its text.)
UNCLEAR_WORDS = [
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in [
        (r"(?<!user )(?<!user: )(?<![\"`])\bno" r"body\b", "name what does not do it"),
        (r"\bsome" r"body\b", "name who does it: a client, another process"),
        (r"\bwho" r"ever\b", "name who does it: the caller, the next process"),
        (r"\bto" r"ld\b", "say sent, answered, notified or acknowledged"),
        (r"\btw" r"ins?\b", "say duplicate, counterpart or the other one"),
        (r"\bstr" r"ays?\b", "say what is left over, and where"),
        (r"\bdi" r"ce\b", "say random number or random source"),
    ]
]
# Within a name, too.
WORD_BORDER = re.compile(r"_|(?<=[a-z0-9])(?=[A-Z])")
HASH_BANNER = re.compile(r"^\s*#+\s*([-=*~+_/])\1{2,}|^\s*#{5,}")
BANNERS = {
    ".h": re.compile(r"^\s*(//+|/\*+)\s*([-=*#~+_])\2{2,}|^\s*/{5,}"),
    ".sql": re.compile(r"^\s*--+\s*([-=*#~+_])\1{2,}"),
    ".md": None,
    "": HASH_BANNER,
}
BANNERS[".cc"] = BANNERS[".proto"] = BANNERS[".h"]


def may_be_long(file, line):
    # Neither a table's row, an address nor an include can be wrapped.
    return (
        file.suffix == ".md"
        and (line.lstrip().startswith("|") or "://" in line)
        or line.startswith("#include ")
        or line.startswith(("#ifndef ", "#define ", "#endif "))
    )


def check_length(file):
    lines = len(file.lines) - 1
    if file.suffix in (".cc", ".py") and lines > SOURCE_LINES:
        yield 1, f"{lines} lines; at most {SOURCE_LINES} in a source file: split it by reason"


def check_header(file):
    if file.suffix != ".h":
        return
    if not re.match(r"// \S.{20,}", file.lines[0]):
        yield 1, "a header opens with prose: what it is, its invariants, thread safety, ownership"
    guard = "SCALEOUT_" + re.sub(r"[^A-Z0-9]", "_", file.path.upper()) + "_"
    found = re.search(r"^#ifndef (\w+)\n#define (\w+)\n", file.text, re.MULTILINE)
    if not found:
        yield 1, f"no include guard; it is {guard}"
        return
    number = line_of(file.text, found.start())
    if found.group(1) != guard or found.group(2) != guard:
        yield number, f"the include guard is {found.group(1)}; after its path it is {guard}"
    if not file.text.rstrip().endswith(f"#endif  // {guard}"):
        yield len(file.lines), f"the header ends with another line than #endif  // {guard}"
