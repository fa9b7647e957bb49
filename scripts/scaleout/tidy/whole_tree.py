"""Rules about the tree as a whole: dead files, circles, tests that test nothing. Each yields
(path, line, message).
"""

import os
import re
from fnmatch import fnmatch

from scaleout.tidy.tree import CPP


def check_dead_files(files):
    built = files_that_cmake_names(files)
    # A header's own source file does not make it alive.
    included = {
        path
        for file in files
        for _, path, quoted in file.includes()
        if file.is_cpp and os.path.splitext(path)[0] != os.path.splitext(file.path)[0]
    }
    for file in files:
        if file.suffix == ".cc" and not any(fnmatch(file.path, pattern) for pattern in built):
            yield file.path, 1, "no CMakeLists.txt names it; add it to its room's, or delete it"
        if file.suffix == ".h" and file.path not in included:
            yield file.path, 1, "no file includes it; delete it"


def check_compiled_once(files):
    """A source file that is named twice, by two libraries, by two tests or within one."""
    first = {}
    for cmake, path in cc_files_in_cmake(files):
        if path in first and "*" not in path:
            other = first[path]
            yield cmake, 1, f"{path} is compiled twice, the other time by {other}; link its library"
        first.setdefault(path, cmake)


def check_circles(files):
    """Include circles between files, each once, at its first file by name."""
    arrows = {
        file.path: [path for _, path, quoted in file.includes() if quoted]
        for file in files
        if file.is_cpp
    }
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
                circle = on_walk[on_walk.index(following) :]
                way = " -> ".join([*circle, following])
                yield min(circle), 1, f"includes itself: {way}; move what both need down"
            elif following in arrows and following not in done:
                walk.append((following, iter(arrows[following])))


def files_that_cmake_names(files):
    """Paths, with * where a variable stands."""
    return {path for _, path in cc_files_in_cmake(files)}


def cc_files_in_cmake(files):
    """(file that names it, path) of each .cc in the order of the files, with * for a variable."""
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
        directory, _, name = file.path[: -len("_test.cc")].rpartition("/")
        mirrored = directory[len("tests/") :] + "/" + name
        # An aspect of the source file may follow its name.
        words = name.split("_")
        stems = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
        if any(
            f"{home}/{stem}{suffix}" in paths
            for home in (directory, directory[len("tests/") :])
            for stem in stems
            for suffix in CPP
        ):
            continue
        if not excused("test-mirror", file.path):
            advice = f"there is no {mirrored}.h or .cc; name it after the one it tests"
            yield file.path, 1, f"tests no source file: {advice}"
