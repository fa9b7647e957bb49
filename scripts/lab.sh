#!/usr/bin/env bash
# Labs: one question about the stack, measured side by side on stacks of its own. `--help` says more.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root/scripts" PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m scaleout.lab "$@"
