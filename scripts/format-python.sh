#!/usr/bin/env bash
# Formats the Python files with black, as pyproject.toml says; with --check only names those that differ.
#
# Versions of black differ in a few lines, so it has to be the one that pyproject.toml requires, which is Debian 12's.
# With another one a check succeeds and says that nothing was checked.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

wanted=$(sed -n 's/^required-version = "\(.*\)"/\1/p' pyproject.toml)

if ! command -v black >/dev/null; then
  echo "format-python: black not found; \`make deps\` installs it" >&2
  exit 1
fi
found=$(black --version | sed -n 's/^black, \([0-9.]*\).*/\1/p')
if [[ ${found%%.*} != "$wanted" ]]; then
  echo "format-python: black $wanted is wanted, and here is black $found: nothing was done" >&2
  [[ ${1:-} == --check ]]
  exit
fi
if [[ ${1:-} == --check ]]; then
  black --quiet --check . || {
    black --check . 2>&1 | sed -n 's/^would reformat/format-python: make format would change/p' >&2
    exit 1
  }
else
  black --quiet .
fi
