#!/usr/bin/env bash
# Checks the stack in containers, from the build to the last trace of it. `--help` says more.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root/scripts:$root/tests/containers" PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m compose_test "$@"
