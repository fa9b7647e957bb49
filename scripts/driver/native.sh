#!/usr/bin/env bash
# How the tour, the bench and the drills handle the native stack. Each driver in this directory answers the same verbs,
# so that a script works on any stack (STACK=native or compose picks the driver):
#
#   url                     where the stack answers, such as http://localhost:8080
#   instances               the gateways behind nginx, one instance id a line
#   scale N                 returns when N gateways serve, and only they
#   balance [STRATEGY]      round_robin, least_conn or ip_hash; without one, tells it
#   stop PART [K]           PART is nginx, api-gateway, a service (such as user-service), postgres or redis;
#   start PART [K]            K counts gateways. `start` returns when the part is healthy
#   restart PART [K]        replaces it politely
#   kill PART [K] [SIGNAL]  sends a signal (KILL) to the main process, unannounced
#   logs PART [LINES]       the newest lines (200) of its log; api-gateway without a number is all of them
#   psql DATABASE SQL       what a query answers, columns parted by |
set -euo pipefail

stack() {
  "$(dirname "${BASH_SOURCE[0]}")/../stack.sh" "$@"
}

driver_url() { stack url; }

driver_instances() { stack pids | sed -n 's/^\(api-gateway-[0-9]*\) .*/\1/p'; }

driver_scale() { stack scale "$1"; }

driver_balance() { stack balance "$@"; }

driver_stop() { stack stop "$@"; }

driver_start() { stack start "$@"; }

driver_restart() { stack restart "$@"; }

driver_kill() { stack kill "$@"; }

driver_logs() { stack logs --lines "${2:-200}" "$1"; }

driver_psql() { stack psql "$1" -A -t -c "$2"; }

main() {
  local verb=${1:-}
  if [[ -z $verb || $verb == --help || $(type -t "driver_$verb") != function ]]; then
    sed -n 's/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    [[ $verb == --help ]]
    exit
  fi
  shift
  "driver_$verb" "$@"
}

main "$@"
