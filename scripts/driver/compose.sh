#!/usr/bin/env bash
# How the tour, the bench and the drills handle the stack in containers (STACK=compose). The verbs are those of every
# driver in this directory:
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
#
# COMPOSE_PROJECT_NAME, HTTP_PORT and the rest of .env.example count as for `docker compose`. Gateway K is the K-th in the
# order of their making. `balance` lasts until nginx' container is made anew; LB_STRATEGY in .env makes it stay.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly healthy_seconds=60
# nginx and the gateways' gRPC ask the engine's DNS at most this much later than it changed.
readonly dns_seconds=1.5

die() {
  printf 'compose: %s\n' "$*" >&2
  exit 1
}

# Compose tells its progress on stderr; only a failure is of interest.
compose() {
  local told
  told=$(mktemp)
  if docker compose --project-directory "$root" --progress quiet "$@" 2>"$told"; then
    rm -f "$told"
    return
  fi
  cat "$told" >&2
  rm -f "$told"
  return 1
}

# Of a part, in the order of their numbers, running or not.
containers() {
  local ids
  ids=$(compose ps --all --quiet "$1")
  [[ -n $ids ]] || die "there is no container of $1; is the stack up? (docker compose up -d --wait)"
  # shellcheck disable=SC2086
  docker inspect --format '{{index .Config.Labels "com.docker.compose.container-number"}} {{.Id}}' $ids | sort -n | cut -d ' ' -f 2
}

running() {
  local id
  for id in $(containers "$1"); do
    if [[ $(docker inspect --format '{{.State.Running}}' "$id") == true ]]; then echo "$id"; fi
  done
}

# The K-th, or without K all.
chosen() {
  local part=$1 k=${2:-} all
  all=$(containers "$part")
  if [[ -z $k ]]; then
    echo "$all"
    return
  fi
  [[ $k =~ ^[0-9]+$ ]] || die "$k: a gateway's number is wanted"
  sed -n "${k}p" <<<"$all" | grep . || die "there is no $part number $k"
}

await_healthy() {
  local id state deadline=$((SECONDS + healthy_seconds))
  for id in "$@"; do
    until state=$(docker inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$id") &&
      [[ $state == "running healthy" ]]; do
      if ((SECONDS > deadline)); then
        docker logs --tail 10 "$id" >&2
        die "$(docker inspect --format '{{.Name}}' "$id") is $state after $healthy_seconds s"
      fi
      sleep 0.2
    done
  done
}

# Until nginx hands requests to every running gateway: each try plays another client, for the sake of ip_hash.
await_routed() {
  [[ -n $(running nginx) ]] || return 0
  local wanted seen url deadline=$((SECONDS + 20))
  url=$(driver_url)
  sleep "$dns_seconds"
  wanted=$(driver_instances | sort)
  until seen=$(seen_instances "$url" "$(wc -l <<<"$wanted")"); [[ $seen == "$wanted" ]]; do
    ((SECONDS < deadline)) || die "nginx does not reach every gateway: ${seen//$'\n'/ } instead of ${wanted//$'\n'/ }"
    sleep 0.2
  done
}

seen_instances() {
  local i
  for ((i = 1; i <= 8 * $2; ++i)); do
    curl -s -m 12 -o /dev/null -w '%header{x-instance-id}\n' -H "X-Forwarded-For: 192.0.2.$i" "$1/api/metrics" || true
  done | grep . | sort -u
}

driver_url() {
  local address
  address=$(compose port nginx 8080)
  echo "http://localhost:${address##*:}"
}

driver_instances() {
  running api-gateway | cut -c 1-12
}

driver_scale() {
  [[ ${1:-} =~ ^[1-9][0-9]*$ ]] || die "scale: a number of gateways is wanted"
  compose up --detach --wait --no-deps --no-build --no-recreate --scale "api-gateway=$1" api-gateway
  await_routed
}

# What nginx' entry point does at a start, with another strategy; then a reload that was announced, so that no client is
# just sending a request on a connection that closes.
driver_balance() {
  if (($# == 0)); then
    compose exec -T nginx sed -n 's|.*/balance/\(.*\)\.conf;|\1|p' /tmp/nginx.conf
    return
  fi
  [[ -e $root/deploy/nginx/balance/${1:-}.conf ]] || die "balance: round_robin, least_conn or ip_hash is wanted, not ${1:-}"
  # shellcheck disable=SC2016
  compose exec -T -e "LB_STRATEGY=$1" -e "NGINX_CLOSING_FLAG=/tmp/closing.$RANDOM$RANDOM" nginx sh -euc '
    flag=$(sed -n "s/.*if (-f \(.*\)) {.*/\1/p" /tmp/nginx.conf)
    /docker-entrypoint.sh nginx -q -c /tmp/nginx.conf -t
    touch "$flag"
    sleep 1
    nginx -c /tmp/nginx.conf -s reload
    sleep 1
    rm "$flag"'
}

driver_stop() {
  local ids
  ids=$(chosen "$@")
  # The container knows its own grace period.
  # shellcheck disable=SC2086
  docker stop $ids >/dev/null
  if [[ $1 == api-gateway && -n $(driver_instances) ]]; then await_routed; fi
}

driver_start() {
  local ids
  ids=$(chosen "$@")
  # shellcheck disable=SC2086
  docker start $ids >/dev/null
  # shellcheck disable=SC2086
  await_healthy $ids
  if [[ $1 == api-gateway ]]; then await_routed; fi
}

driver_restart() {
  local id
  case $1 in
    *-service) for id in $(running "$1"); do replace "$1" "$id"; done ;;
    *)
      for id in $(chosen "$@"); do
        docker restart "$id" >/dev/null
        await_healthy "$id"
      done
      if [[ $1 == api-gateway ]]; then await_routed; fi
      ;;
  esac
}

# The next one serves before the old one is told to drain; the gateways look for others when the old one hangs up.
replace() {
  local part=$1 old=$2 count
  count=$(containers "$part" | wc -l)
  compose up --detach --wait --no-deps --no-build --no-recreate --scale "$part=$((count + 1))" "$part"
  docker stop "$old" >/dev/null
  docker rm "$old" >/dev/null
}

# From outside, as a crash would: `docker kill` would tell the engine that somebody wanted it, and it would not bring the
# container back.
driver_kill() {
  local part=$1 k='' signal=KILL id pid
  shift
  if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    k=$1
    shift
  fi
  signal=${1:-KILL}
  kill -l "${signal#SIG}" >/dev/null 2>&1 || die "$signal is not a signal"
  id=$(chosen "$part" "$k" | head -n 1)
  pid=$(docker inspect --format '{{.State.Pid}}' "$id")
  ((pid > 0)) || die "$part is not running"
  send "${signal#SIG}" "$pid" "$id"
  echo "SIG${signal#SIG} sent to $part, process $pid"
}

# The process belongs to another user, and on Docker Desktop to another machine; a container that sees the engine's
# processes can always do it.
send() {
  if [[ -e /proc/$2 ]] && grep -q "${3:0:12}" "/proc/$2/cgroup" 2>/dev/null && kill "-$1" "$2" 2>/dev/null; then return; fi
  docker run --rm --pid host --network none --user 0:0 --cap-drop ALL --cap-add KILL --entrypoint sh postgres:17-alpine \
    -c "kill -$1 $2"
}

driver_logs() {
  # Some versions of Compose clear a terminal's line first, whether there is one or not.
  compose logs --no-color --no-log-prefix --tail "${2:-200}" "$1" | sed $'s/^\e\\[2K//'
}

driver_psql() {
  compose exec -T postgres psql -X -q -A -t -v ON_ERROR_STOP=1 -U postgres -d "$1" -c "$2"
}

main() {
  local verb=${1:-}
  if [[ -z $verb || $verb == --help || $(type -t "driver_$verb") != function ]]; then
    sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    [[ $verb == --help ]]
    exit
  fi
  shift
  "driver_$verb" "$@"
}

main "$@"
