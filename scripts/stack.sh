#!/usr/bin/env bash
# The native stack: the whole suite as processes of this machine, in one run directory. `scripts/stack.sh --help`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root/scripts" PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m scaleout "$@"
