"""Docker's command line: what a command printed, or an error with its last lines."""

import json
import subprocess

from scaleout.errors import StackError
from scaleout.topology import ROOT


class EngineError(StackError):
    """A command failed or took too long."""


def run(*command, seconds=900, environment=None):
    """What a command printed; it runs in the repository's root."""
    words = [str(word) for word in command]
    try:
        result = subprocess.run(
            words,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            capture_output=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{' '.join(words)}: not done after {seconds} s") from error
    except FileNotFoundError as error:
        raise EngineError(f"{words[0]} is not installed") from error
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).splitlines()[-15:]
        raise EngineError(f"{' '.join(words)}: exit status {result.returncode}", lines)
    return result.stdout


def docker(*arguments, seconds=900):
    return run("docker", *arguments, seconds=seconds)


def inspect(*ids):
    return json.loads(docker("inspect", *ids)) if ids else []
