#!/usr/bin/env bash
# The bench: requests/s, latency and CPU per request, as ratios to the cheapest route of the same run. `--help` says more.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root/scripts" PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m scaleout.bench "$@"
