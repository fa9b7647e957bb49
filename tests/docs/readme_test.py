"""Runs the README's commands, in order, on a stack of their own, and checks what it says they show.

A block counts if the line before it is `<!-- run -->` or `<!-- run: PATTERN -->`; the pattern (a
Python regular expression) has to be found in what the block prints. Ports are moved out of the way,
and what waits for some seconds waits longer, for machines whose processors are shared with others;
nothing else is changed. A block that changes no data runs again if the machine stood still.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_ROOT / "tests" / "e2e"))
from native_stack import BIN_DIR, NativeStack  # noqa: E402

_BLOCK = re.compile(
    r"^<!-- run(?:: (?P<pattern>.*?))? -->\n```sh\n(?P<commands>.*?)^```$", re.M | re.S
)
_README = (_ROOT / "README.md").read_text()
_SLEEP = re.compile(r"^sleep (\d+)$", re.M)
_TRIES = 3
_BLOCKS = [(match["commands"], match["pattern"]) for match in _BLOCK.finditer(_README)]


_PRESET = BIN_DIR.parent.name if BIN_DIR.parent.parent == _ROOT / "build" else None


@pytest.fixture(scope="module")
def stack():
    made = NativeStack()
    if _PRESET:
        made.variables["PRESET"] = _PRESET
    yield made
    made.remove()


def prepared(stack, commands):
    """The commands, on the test's own ports, and on its own programs if no preset builds them."""
    commands = re.sub(
        r"localhost:80(\d\d)",
        lambda match: f"localhost:{stack.port + int(match[1]) - 80}",
        commands,
    )
    commands = _SLEEP.sub(lambda match: f"sleep {3 * int(match[1])}", commands)
    return commands if _PRESET else commands.replace("make up ", "scripts/stack.sh up ")


def test_the_readme_has_commands_to_run():
    assert len(_BLOCKS) >= 9
    assert "make up" in _BLOCKS[0][0]


@pytest.mark.parametrize("number", range(len(_BLOCKS)))
def test_commands_do_what_the_readme_says(stack, number):
    assert number == 0 or (stack.run_dir / "stack.json").exists(), "the first block failed"
    commands, pattern = _BLOCKS[number]
    for _ in range(_TRIES if " -d '" not in commands else 1):
        began = time.monotonic()
        result = run(stack, commands)
        wrong = what_is_wrong(result, pattern)
        if not wrong or not stack.still.touched(began, time.monotonic()):
            break
    assert not wrong, f"{wrong}\n{result.stdout}"


def run(stack, commands):
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", prepared(stack, commands)],
        cwd=_ROOT,
        env=stack.variables,
        text=True,
        timeout=600,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def what_is_wrong(result, pattern):
    if result.returncode != 0:
        return f"status {result.returncode}"
    if pattern and not re.search(pattern, result.stdout):
        return f"no {pattern}"
    # wrk mentions them only if there were any.
    failures = [each for each in ("Socket errors", "Non-2xx") if each in result.stdout]
    return ", ".join(failures)


@pytest.mark.parametrize(
    "page",
    sorted(path.relative_to(_ROOT) for path in [*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md")]),
    ids=str,
)
def test_links_lead_somewhere(page):
    text = (_ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
        assert (_ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"


def test_the_makefile_has_every_verb_that_the_pages_name():
    listed = subprocess.run(
        ["make", "help"],
        cwd=_ROOT,
        env={"PATH": os.environ["PATH"]},
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    verbs = set(
        re.findall(r"[a-z-]+", " ".join(re.findall(r"^  make ([a-z| -]+?)  ", listed, re.M)))
    )
    for page in [_ROOT / "README.md", *_ROOT.glob("docs/*.md")]:
        for verb in re.findall(
            r"(?:^|`)(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]*)", page.read_text(), re.M
        ):
            assert verb in verbs, f"{page.name}: make {verb}"
