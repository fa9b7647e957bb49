"""What tidy finds in a small tree of files, and one header that breaks no rule."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.dont_write_bytecode = True

from scaleout import tidy  # noqa: E402  (it stands in another room)


def header(path, body="", prose="// A thing that stands here to be looked at; thread-safe."):
    guard = "SCALEOUT_" + path.upper().replace("/", "_").replace(".", "_") + "_"
    return f"{prose}\n#ifndef {guard}\n#define {guard}\n{body}\n#endif  // {guard}\n"


def findings(tmp_path, files, exceptions=None):
    """What tidy says of a tree, without what says that its files are dead."""
    return [
        finding
        for finding in all_findings(tmp_path, files, exceptions)
        if "no CMakeLists.txt names it" not in finding and "no file includes it" not in finding
    ]


def all_findings(tmp_path, files, exceptions=None):
    for path, text in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("utf-8"))
    _, found = tidy.check_tree(tmp_path, exceptions or {})
    return [f"{path}:{line}: {message}" for path, line, message in found]


def only(found, start, *parts):
    assert len(found) == 1, found
    assert found[0].startswith(start), found
    for part in parts:
        assert part in found[0], found
