#!/usr/bin/python3
"""The house rules that a machine can check, in one pass over the tree.

usage: scripts/tidy.py [--rules] [ROOT]

Each finding is `path:line: what is wrong; where it belongs`. Exit status 1 if there is any. --rules prints the tables
below, which are the rules: who may include whom, which library lives in which room, and the exceptions with their
reasons.
"""

import os
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

# Who may include whom, by room. The rooms are directories; a room always includes itself. "proto/x" is the contract
# scaleout.x.v1, its generated code and the limits beside it (proto/scaleout/x/v1); the rooms under `gateway/` may see
# every contract only where this says "proto/*". Every contract, and every room under `services/`, is as "proto/x" and
# "services/x" say, with its own name for x.
ROOMS = {
    "proto/rpc": [],
    "proto/type": [],
    "proto/x": ["proto/rpc", "proto/type"],
    "common": ["proto/rpc"],
    "postgres": ["common"],
    "redis": ["common"],
    "service": ["common", "postgres", "proto/rpc"],
    "services/x": ["common", "postgres", "service", "proto/x", "proto/rpc", "proto/type"],
    "deploy/probe": ["common"],
    "gateway": ["common", "gateway/*"],
    "gateway/runtime": ["common"],
    "gateway/resilience": ["common", "gateway/runtime"],
    "gateway/cache": ["common", "gateway/runtime"],
    "gateway/auth": ["common", "gateway/runtime"],
    "gateway/observability": ["common", "gateway/runtime"],
    "gateway/cluster": ["common"],
    "gateway/http": ["common", "gateway/runtime", "gateway/auth", "gateway/observability", "gateway/resilience"],
    "gateway/backends": ["common", "gateway/runtime", "gateway/cache", "gateway/observability", "gateway/resilience",
                         "proto/*"],
    "gateway/json": ["common", "gateway/http", "proto/*"],
    "gateway/handlers": ["common", "gateway/runtime", "gateway/auth", "gateway/backends", "gateway/http", "gateway/json",
                         "gateway/observability", "gateway/resilience", "proto/*"],
}

# Who may know a third-party library: (name, what gives it away in a header's path, and in code), rooms.
LIBRARIES = [
    ("Pistache", r"pistache/", r"\bPistache::", ["gateway/runtime/*"]),
    ("libpqxx", r"pqxx/", r"\bpqxx::", ["postgres/*"]),
    ("libpq", r"^libpq-fe\.h", r"\bPQ[a-z]\w+\(", ["postgres/*"]),
    ("spdlog", r"(spdlog|fmt)/", r"\b(spdlog|fmt)::", ["common/log.cc"]),
    ("prometheus-cpp", r"prometheus/", r"\bprometheus::", ["common/metrics*"]),
    ("CivetWeb", r"(civetweb\.h|CivetServer\.h|prometheus/exposer\.h)", r"\bprometheus::Exposer\b",
     ["service/metrics_page.cc"]),
    ("RapidJSON", r"rapidjson/", r"\brapidjson::", ["gateway/json/*", "gateway/http/*"]),
    ("hiredis", r"hiredis/", r"\bredis(Async|Command|Connect|Reply)\w*\b", ["redis/*"]),
    ("a gRPC stub", r"scaleout/.*\.grpc\.pb\.h", r"\bNewStub\(", ["gateway/backends/*", "services/*"]),
    ("gRPC", r"grpc(pp)?/", r"\bgrpc::",
     ["common/grpc_status.*", "service/*", "gateway/backends/*", "services/*", "deploy/probe/*"]),
]

# What only one file does, so that tests can take its place: name, pattern, file, what to use instead.
SINGLE_DOORS = [
    ("the environment", r"\b(secure_)?getenv\s*\(|\bsetenv\s*\(|\benviron\b", "common/env.cc",
     "take a value, or read it through common/env.h"),
    ("a clock", r"\b(steady|system|high_resolution)_clock::now\b|\bclock_gettime\s*\(|\bgettimeofday\s*\("
                r"|\btime\s*\(\s*(nullptr|NULL|0|&)", "common/clock.cc", "take a Clock (common/clock.h)"),
]

# rule -> {path: reason}. One that no longer excuses anything is a finding itself.
EXCEPTIONS = {
    "clock": {
        "service/service_host.cc": "gRPC takes the deadline of a shutdown as a system_clock time",
        "deploy/probe/grpc_probe.cc": "gRPC takes the deadline of a call as a system_clock time",
        "deploy/probe/http_probe.cc": "a program of one call, with its deadline on the socket",
    },
    "sleep": {
        "tests/support/eventually.h": "polls for what other threads bring about",
    },
    "test-mirror": {
        "tests/gateway/backends/fourth_backend_test.cc": "what a new backend needs of every room of the gateway",
        "tests/gateway/backends/verbs_test.cc": "the same questions to each typed backend",
    },
}

BANNED_IN_NAMES = {"util", "utils", "helper", "helpers", "misc", "manager", "managers"}
SKIPPED_DIRECTORIES = {"build", "node_modules", "__pycache__", "secrets"}
KEPT_HIDDEN_DIRECTORIES = {".ci", ".github"}
SOURCE_LINES = 400
CODE_COLUMNS = 100
PROSE_COLUMNS = 130

CPP = (".h", ".cc")
OTHER_CPP = (".hpp", ".hh", ".hxx", ".cpp", ".cxx", ".c++", ".C")


class File:
    """A text file of the tree. `code` is its text with comments and literals blanked out, line by line as it was."""

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
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<delimiter>[^\s()\\]{0,16})\(.*?\)(?P=delimiter)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)


def blank_comments_and_literals(text):
    def blank(match):
        found = match.group()
        if found[0] == "/":
            return re.sub(r"[^\n]", " ", found)
        return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]
    return COMMENT_OR_LITERAL.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


# Rules about one file. Each yields (line, message).


def check_name(file):
    for part in file.path.split("/"):
        words = set(re.split(r"[_.\-]", part.lower()))
        for word in sorted(words & BANNED_IN_NAMES):
            yield 1, f'"{word}" in a file\'s name says nothing; name it after its one class or what it does'
    if file.suffix in OTHER_CPP:
        yield 1, f"{file.suffix} is not ours; C++ files are .h and .cc"
    if file.is_cpp and not re.fullmatch(r"[a-z0-9_]+\.(h|cc)", file.name):
        yield 1, "C++ files are named in snake_case"


def check_text(file):
    tabs_belong = file.name == "Makefile" or file.suffix == ".mk"
    columns = {".h": CODE_COLUMNS, ".cc": CODE_COLUMNS, ".proto": PROSE_COLUMNS, ".md": PROSE_COLUMNS}.get(file.suffix)
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
            yield number, f"{found.group().strip()} is a path of one machine; take it relative to the repository"
        if banner and banner.match(line):
            yield number, "a banner; a blank line and a sentence separate well enough"
    if file.text and not file.text.endswith("\n"):
        yield len(file.lines), "no newline at the end of the file; add it"


LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X{3})\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(work|root|home/[a-z]\w*)/")
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
    return (file.suffix == ".md" and (line.lstrip().startswith("|") or "://" in line)
            or line.startswith("#include ") or line.startswith(("#ifndef ", "#define ", "#endif ")))


def check_length(file):
    if file.suffix == ".cc" and len(file.lines) - 1 > SOURCE_LINES:
        yield 1, f"{len(file.lines) - 1} lines; at most {SOURCE_LINES} in a source file: it has more than one reason to be"


def check_header(file):
    if file.suffix != ".h":
        return
    if not re.match(r"// \S.{20,}", file.lines[0]):
        yield 1, "a header opens with prose: what it is, its invariants, thread safety, who owns what"
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


def room_of(path):
    """The room that a source path belongs to, or None if it is none (tests, scripts)."""
    parts = path.split("/")
    # Generated code is included as scaleout/x/v1/..., what people wrote by its path, proto/scaleout/x/v1/...
    contract = parts[1:] if parts[0] == "proto" else parts
    if contract[:1] == ["scaleout"] and len(contract) > 2:
        return f"proto/{contract[1]}"
    if parts[0] in ("gateway", "services", "deploy"):
        return "/".join(parts[:2]) if len(parts) > 2 else parts[0]
    return parts[0] if parts[0] in ("common", "postgres", "redis", "service", "proto", "tests") else None


def rooms_open_to(room):
    """As ROOMS say; None if they do not."""
    above, _, name = room.rpartition("/")
    if room not in ROOMS and f"{above}/x" in ROOMS:
        return [allowed.replace("/x", f"/{name}") for allowed in ROOMS[f"{above}/x"]]
    return ROOMS.get(room)


def check_include_direction(file):
    room = room_of(file.path)
    if not file.is_cpp or room in (None, "tests"):
        return
    allowed_rooms = rooms_open_to(room)
    if allowed_rooms is None:
        yield 1, f"{room} is a new room; say in scripts/tidy.py (ROOMS) whom it may include"
        return
    for number, path, quoted in file.includes():
        target = room_of(path) if quoted else None
        if target is None or target == room or any(fnmatch(target, allowed) for allowed in allowed_rooms):
            continue
        yield number, f'{room} may not include "{path}"; it may include {", ".join(allowed_rooms)}'


def check_libraries(file):
    if not file.is_cpp or file.is_test:
        return
    for name, header, use, homes in LIBRARIES:
        if any(fnmatch(file.path, home) for home in homes):
            continue
        belongs = f"{name} belongs in {', '.join(homes)}"
        numbers = [number for number, path, _ in file.includes() if re.match(header, path)]
        found = re.search(use, file.code)
        if numbers:
            yield numbers[0], f"includes {name}; {belongs}"
        elif found:
            yield line_of(file.code, found.start()), f"uses {name}; {belongs}"


def check_single_doors(file, excused):
    if not file.is_cpp or file.is_test:
        return
    for name, pattern, home, instead in SINGLE_DOORS:
        if file.path == home:
            continue
        for match in re.finditer(pattern, file.code):
            if name == "a clock" and excused("clock", file.path):
                continue
            yield line_of(file.code, match.start()), f"reads {name}, which only {home} does; {instead}"


def check_sleep(file, excused):
    if not file.is_cpp or not file.is_test:
        return
    for match in re.finditer(r"\bsleep_(for|until)\b|\bu?sleep\s*\(|\babsl::SleepFor\b", file.code):
        if not excused("sleep", file.path):
            yield (line_of(file.code, match.start()),
                   "a test sleeps; wait for what it needs (tests/support/eventually.h), or move a FakeClock")


# Coroutines. g++ 12 miscompiles some co_await expressions (docs/adr/2026-11-20-coroutines.md), silently.


class Statement:
    """One statement of a coroutine, as far as it has been read."""

    def __init__(self):
        self.text = []
        self.brackets = []  # open ones: "call" for ( and [ after a co_await, "list" for a braced list
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
            yield self.awaits[1][0], "two co_awaits in one statement; put each result in a named local of its own"
        if "?" in text:
            yield line, "co_await in a statement with a conditional operator; use if, or name the result first"
        if " && " in text or " || " in text:
            yield line, "co_await beside && or ||; put its result in a named local first"
        if re.match(r"for\s*\([^;]*:[^;]*\bco_await\b", text):
            yield line, "co_await in a range-for; put its result in a named local first"
        for await_line, in_list in self.awaits:
            if in_list:
                yield await_line, "co_await in a braced list; put its result in a named local first"
        if self.list_in_call is not None:
            yield self.list_in_call, "a temporary aggregate in a co_await's arguments; name it, or give it a constructor"


TOKEN = re.compile(r"co_await\b|[;{}()\[\]\n]|(?:(?!co_await\b)[^;{}()\[\]\n])+")
BLOCK_BEFORE = re.compile(
    r"(^|[;{}):\]]|\b(else|do|try|const|noexcept|override|final|mutable)"
    r"|->\s*[\w:<>,\s&*]+|\b(namespace|class|struct|enum|union|extern)\b[^;(){}]*)\s*$")


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


# Rules about the tree as a whole. Each yields (path, line, message).


def check_dead_files(files):
    built = files_that_cmake_names(files)
    # A header's own source file does not make it alive.
    included = {path for file in files for _, path, quoted in file.includes()
                if file.is_cpp and os.path.splitext(path)[0] != os.path.splitext(file.path)[0]}
    for file in files:
        if file.suffix == ".cc" and not any(fnmatch(file.path, pattern) for pattern in built):
            yield file.path, 1, "no CMakeLists.txt names it; add it to its room's, or delete it"
        if file.suffix == ".h" and file.path not in included:
            yield file.path, 1, "nobody includes it; delete it"


def check_compiled_once(files):
    """A source file that is named twice, by two libraries, by two tests or within one."""
    first = {}
    for cmake, path in cc_files_in_cmake(files):
        if path in first and "*" not in path:
            yield cmake, 1, f"{path} is compiled twice, the other time by {first[path]}; link its library"
        first.setdefault(path, cmake)


def check_circles(files):
    """Include circles between files, each once, at its first file by name."""
    arrows = {file.path: [path for _, path, quoted in file.includes() if quoted] for file in files if file.is_cpp}
    done = set()
    for start in sorted(arrows):
        walk = [(start, iter(arrows[start]))] if start not in done else []
        while walk:
            path, rest = walk[-1]
            following = next(rest, None)
            on_walk = [step for step, _ in walk]
            if following is None:
                done.add(path)
                walk.pop()
            elif following in on_walk:
                circle = on_walk[on_walk.index(following):]
                yield min(circle), 1, f"includes itself: {' -> '.join(circle)} -> {following}; move what both need down"
            elif following in arrows and following not in done:
                walk.append((following, iter(arrows[following])))


def circle_of_rooms(rooms):
    """A circle among the arrows that a table of rooms allows, as a list of rooms; empty if there is none."""
    arrows = {room: [other for other in rooms if other != room and any(fnmatch(other, allowed) for allowed in allowed_rooms)]
              for room, allowed_rooms in rooms.items()}
    done = set()

    def walk(room, above):
        if room in above:
            return above[above.index(room):] + [room]
        if room in done:
            return []
        for following in arrows[room]:
            if circle := walk(following, above + [room]):
                return circle
        done.add(room)
        return []

    return next((circle for room in arrows if (circle := walk(room, []))), [])


def files_that_cmake_names(files):
    """Paths, with * where a variable stands."""
    return {path for _, path in cc_files_in_cmake(files)}


def cc_files_in_cmake(files):
    """(file that names it, path) of each .cc in the order of the files, with * where a variable stands."""
    for file in files:
        if file.name != "CMakeLists.txt" and file.suffix != ".cmake":
            continue
        directory = os.path.dirname(file.path)
        for token in re.findall(r"[\w./${}*-]+\.cc\b", re.sub(r"#[^\n]*", "", file.text)):
            token = re.sub(r"^\$\{(PROJECT|CMAKE)_SOURCE_DIR\}/", "/", token)
            token = re.sub(r"^\$\{CMAKE_CURRENT_(SOURCE|LIST)_DIR\}/", "", token)
            token = re.sub(r"\$\{\w+\}", "*", token)
            path = token[1:] if token.startswith("/") else os.path.join(directory, token)
            yield file.path, os.path.normpath(path)


def check_test_mirror(files, excused):
    paths = {file.path for file in files}
    for file in files:
        if not file.is_test or not file.path.endswith("_test.cc"):
            continue
        if file.path.startswith(("tests/integration/", "tests/e2e/")):
            continue
        directory, _, name = file.path[:-len("_test.cc")].rpartition("/")
        mirrored = directory[len("tests/"):] + "/" + name
        # An aspect of the source file may follow its name.
        words = name.split("_")
        stems = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
        if any(f"{home}/{stem}{suffix}" in paths
               for home in (directory, directory[len("tests/"):]) for stem in stems for suffix in CPP):
            continue
        if not excused("test-mirror", file.path):
            yield file.path, 1, f"tests no source file: there is no {mirrored}.h or .cc; name it after the one it tests"


# The pass.


def read_tree(root):
    for directory, subdirectories, names in os.walk(root):
        subdirectories[:] = sorted(
            name for name in subdirectories
            if name not in SKIPPED_DIRECTORIES and (not name.startswith(".") or name in KEPT_HIDDEN_DIRECTORIES))
        for name in sorted(names):
            path = Path(directory, name)
            # A worktree's .git is a file.
            if name == ".git" or path.is_symlink() or not path.is_file():
                continue
            try:
                yield File(path.relative_to(root).as_posix(), path.read_bytes().decode("utf-8"))
            except UnicodeDecodeError:
                continue  # not text


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
        for check in (check_name, check_text, check_length, check_header, check_include_direction, check_libraries, check_coroutines):
            findings += [(file.path, line, message) for line, message in check(file)]
        for check in (check_single_doors, check_sleep):
            findings += [(file.path, line, message) for line, message in check(file, excused)]
    findings += check_dead_files(files)
    findings += check_compiled_once(files)
    findings += check_circles(files)
    if circle := circle_of_rooms(ROOMS):
        findings.append(("scripts/tidy.py", 1, f"ROOMS allow a circle: {' -> '.join(circle)}"))
    findings += check_test_mirror(files, excused)
    for rule, paths in exceptions.items():
        for path in paths:
            if (rule, path) not in used:
                findings.append(("scripts/tidy.py", 1, f"{path} needs its exception ({rule}) no longer; remove it"))
    return len(files), sorted(set(findings))


def print_rules():
    print("Who may include whom:")
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


def main(arguments):
    if "--help" in arguments or "-h" in arguments:
        print(__doc__.strip())
        return 0
    if "--rules" in arguments:
        print_rules()
        return 0
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    count, findings = check_tree(root)
    for path, line, message in findings:
        print(f"{path}:{line}: {message}")
    print(f"tidy: {count} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
