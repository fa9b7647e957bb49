#!/usr/bin/env bash
# The drills: the running stack is broken on purpose, under load, and what clients see is checked. `--help` says more.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root/scripts" PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m scaleout.drills "$@"
