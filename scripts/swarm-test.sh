#!/usr/bin/env bash
# Checks the stack on a Docker Swarm of one node. `--help` says more.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root/scripts:$root/tests/containers" PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m swarm_test "$@"
