#!/usr/bin/env bash
# Runs the test rings of a build and sums them up: the last line is "N passed, N failed", counting single cases where a
# program prints them (GoogleTest, pytest) and ctest entries otherwise. Each case is counted once, however often it ran.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/run-tests.sh [RING...]

RING is unit, integration, e2e, tidy or docs; none means all, in this order.

  PRESET        which build (default release: build/release)
  JOBS          how many test programs at once (default: processors); docs run one by one, and so do those of e2e but
                for the few that mostly wait
  RETRY_FAILED  1 runs the test programs of a ring that failed once more, alone and one by one, for a machine whose
                processors are shared with others. What passes then has passed and is named before the closing line;
                what fails twice has failed (default 0: what fails has failed)
END
}

ring_exists() {
  local ring=$1
  [[ $(ctest --test-dir "$build" -N -L "^$ring\$" | sed -n 's/^Total Tests: //p') -gt 0 ]]
}

# run_ctest REPORT ARGUMENT...
run_ctest() {
  local report=$1
  shift
  # Their output is what the cases are counted from, so none of it may be cut off.
  ctest --test-dir "$build" --output-on-failure --test-output-size-passed 10000000 --test-output-size-failed 10000000 \
    --output-junit "$report" "$@"
}

run_ring() {
  local ring=$1 parallel=$jobs
  if [[ $ring == docs ]]; then
    parallel=1
  fi
  printf '\n== %s ==\n' "$ring"
  if run_ctest "$reports/$ring.xml" -L "^$ring\$" --parallel "$parallel" || [[ $retry_failed != 1 ]]; then
    return
  fi
  printf '\n== %s: the failed ones once more, one by one ==\n' "$ring"
  # ctest has written down which ones failed; the sum says what fails again.
  run_ctest "$second_reports/$ring.xml" --rerun-failed --parallel 1 || true
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/${PRESET:-release}
jobs=${JOBS:-$(nproc)}
retry_failed=${RETRY_FAILED:-0}
rings=(unit integration e2e tidy docs)

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  usage
  exit 0
fi
if (($# > 0)); then
  rings=("$@")
fi
if [[ ! -x $build/tests/common_test ]]; then
  echo "run-tests: no tests are built in $build; \`make build\` builds them" >&2
  exit 1
fi

reports=$build/test-reports
second_reports=$reports/second-try
rm -rf "$reports"
mkdir -p "$second_reports"
for ring in "${rings[@]}"; do
  if ! ring_exists "$ring"; then
    echo "run-tests: the ring $ring has no tests in $build" >&2
    exit 1
  fi
  # The sum says what failed; the other rings still run.
  run_ring "$ring"
done
printf '\n'
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$root/scripts/sum_tests.py" "$reports"/*.xml
