"""open-loop, the program of tests/load: requests on a Poisson schedule, thousands a second, with
latencies from the scheduled moment. It repeats nothing.
"""

import dataclasses
import json
import os
import subprocess
from pathlib import Path

from scaleout.load import LoadError
from scaleout.topology import ROOT

_PATIENCE_SECONDS = 30


@dataclasses.dataclass(frozen=True)
class Report:
    requests: int
    failed: int  # without an answer, or with a status over 399
    waited: int  # for a connection
    connections: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float  # how late the program itself was


def run(port, path, per_second, seconds, seed):
    """Requests on 127.0.0.1; a %d in the path is a random id from 1 to 1000. The same seed gives
    the same arrivals and ids.
    """
    preset = os.environ.get("PRESET") or "release"
    bin_dir = Path(os.environ.get("BIN_DIR") or ROOT / "build" / preset / "bin")
    command = [bin_dir / "open-loop", *map(str, (port, path, per_second, seconds, seed))]
    try:
        printed = subprocess.run(
            command, text=True, capture_output=True, check=True, timeout=seconds + _PATIENCE_SECONDS
        )
    except (FileNotFoundError, subprocess.SubprocessError) as error:
        raise LoadError(f"open-loop: {error}; `make build` builds it") from error
    return Report(**json.loads(printed.stdout))
