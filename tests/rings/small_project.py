"""A project small enough to test the scripts that run tests: their copies, and a build whose test
programs are one-liners.
"""

import os
import shutil
import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

# Prints what GoogleTest does, and passes only from the second run on.
SECOND_TRY_PASSES = (
    'if [ -e tried ]; then echo "[  PASSED  ] 3 tests."; '
    'else touch tried; echo "[  PASSED  ] 2 tests."; echo " 1 FAILED TEST"; exit 1; fi'
)
PASSES = 'echo "[  PASSED  ] 5 tests."'
FAILS = 'echo run >>runs; echo "[  PASSED  ] 4 tests."; echo " 2 FAILED TESTS"; exit 1'


def copy_script(name, root):
    target = root / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(_ROOT / name, target)


def write_program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text + "\n")
    path.chmod(0o755)


def make_build(root, entries):
    """A build of ctest entries, "ring/name" -> the shell's text, each with a folder of its own."""
    build = root / "build/release"
    write_program(build / "tests/common_test", "true")
    lines = []
    for name, text in entries.items():
        folder = build / "programs" / name
        write_program(folder / "program", text)
        lines += [
            f'add_test({name} "{folder}/program")',
            f"set_tests_properties({name} PROPERTIES LABELS {name.split('/')[0]}"
            f' WORKING_DIRECTORY "{folder}")',
        ]
    (build / "CTestTestfile.cmake").write_text("\n".join(lines) + "\n")
    return build


def run(command, cwd, **environment):
    """The finished program; what the caller's environment says of tries and builds is left out."""
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in ("RETRY_FAILED", "PRESET", "JOBS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
        and not name.startswith("CTEST_")
    }
    return subprocess.run(
        command,
        cwd=cwd,
        env=own | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
