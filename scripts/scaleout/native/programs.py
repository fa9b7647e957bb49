"""What the programs say of themselves."""

import functools
import re
import subprocess

from scaleout.errors import StackError

_SETTING = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \|", re.MULTILINE)


def settings_of(program):
    """The names of its settings; of a program that is built anew, the new ones."""
    try:
        return _settings_of(program, program.stat().st_mtime_ns)
    except OSError as error:
        raise StackError(f"{program}: {error.strerror}; `make build` makes it") from error


@functools.lru_cache
def _settings_of(program, _built):
    result = subprocess.run(
        [str(program), "--help=markdown"],
        env={},
        text=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return frozenset(_SETTING.findall(result.stdout))
