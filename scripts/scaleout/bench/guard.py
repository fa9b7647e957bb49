"""What the guard adds to a call: the program guard-cost measures it, without a stack."""

import json
import os
import subprocess
from pathlib import Path

from scaleout.errors import StackError
from scaleout.topology import ROOT

# What the guard may cost of the gateway's CPU for a user by id.
_SHARE_MAX = 0.03


def check_cost(narrator, rows):
    narrator.scene(
        "What the guard adds to a call, as a share of the gateway's CPU for a user by id"
    )
    micros = _measured_micros()
    request = next(
        row["cpuMicros"]["gateway"]
        for row in rows
        if (row["route"], row["via"]) == ("user by id", "direct")
    )
    share = micros / request
    narrator.figure("guardMicros", micros)
    narrator.figure("guardCostShare", share)
    narrator.check(
        f"the guard costs under {_SHARE_MAX:.0%}",
        share < _SHARE_MAX,
        f"{micros:.2f} of {request:.1f} us, {share:.1%}",
    )


def _measured_micros():
    preset = os.environ.get("PRESET") or "release"
    bin_dir = Path(os.environ.get("BIN_DIR") or ROOT / "build" / preset / "bin")
    try:
        printed = subprocess.run(
            [bin_dir / "guard-cost"], text=True, capture_output=True, check=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise StackError(f"guard-cost: {error}") from error
    return json.loads(printed.stdout)["guardMicros"]
