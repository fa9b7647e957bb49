#!/usr/bin/env bash
# The tour: what horizontal scaling does and does not do, shown and checked on the running stack. `--help` says more.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root/scripts" PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m scaleout.tour "$@"
