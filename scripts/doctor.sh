#!/usr/bin/env bash
# Checks what a stack needs of this machine, and says what to do about what is missing.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/doctor.sh

Checks packages, versions, ports, memory, disk, the Docker engine and what crashed stacks left behind. Changes nothing.
Exit status: 0 if the native stack can run here, 1 if something prevents it (each problem is named).

  RUN_DIR, HTTP_PORT, GATEWAYS  as for scripts/stack.sh
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
run_dir=${RUN_DIR:-$root/.run}
http_port=${HTTP_PORT:-8080}
gateways=${GATEWAYS:-3}
problems=0

colour() {
  if [[ -t 1 && -z ${NO_COLOR:-} ]]; then printf '\033[%sm%s\033[0m' "$1" "$2"; else printf '%s' "$2"; fi
}
row() { printf '  %s  %-12s %s\n' "$1" "$2" "$3"; }
ok() { row "$(colour 32 ok)" "$1" "$2"; }
note() { row "$(colour 33 --)" "$1" "$2"; }
problem() {
  row "$(colour 31 !!)" "$1" "$2"
  problems=$((problems + 1))
}

check_system() {
  local name
  name=$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)
  case $(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release) in
    bookworm | trixie | noble) ok system "$name, $(nproc) processors" ;;
    *) note system "$name: known to work on Debian 12 and 13 and Ubuntu 24.04" ;;
  esac
}

check_packages() {
  local missing
  if missing=$("$root/scripts/install-deps.sh" --check 2>&1); then
    ok packages "everything is installed"
  else
    problem packages "something is missing; \`make deps\` installs it:"
    while read -r line; do printf '%20s%s\n' '' "$line"; done <<<"$missing"
  fi
}

version_of() {
  local label=$1
  shift
  local line
  if line=$("$@" 2>&1 | head -n 1); then ok "$label" "$line"; else problem "$label" "not found; \`make deps\`"; fi
}

check_versions() {
  version_of compiler g++ --version
  version_of cmake cmake --version
  version_of nginx nginx -v
  version_of redis redis-server --version
  version_of supervisord /usr/bin/supervisord --version
  local servers
  servers=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1 || true)
  if [[ -n $servers ]]; then ok postgresql "$servers"; else problem postgresql "no server; \`make deps\`"; fi
}

check_build() {
  local bin=$root/build/${PRESET:-release}/bin
  if [[ -x $bin/api-gateway ]]; then ok build "$bin"; else note build "not built yet; \`make up\` builds (minutes)"; fi
}

check_memory() {
  local free_mb
  free_mb=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
  if ((free_mb < 500)); then
    problem memory "$free_mb MB available; the stack takes up to 400"
  elif ((free_mb < 3000)); then
    note memory "$free_mb MB available: enough to run; build with JOBS=1"
  else
    ok memory "$free_mb MB available"
  fi
}

check_disk() {
  local free_mb
  free_mb=$(df -Pm "$root" | awk 'NR == 2 { print $4 }')
  if ((free_mb < 2000)); then problem disk "$free_mb MB free; a build takes 2 GB"; else ok disk "$free_mb MB free"; fi
}

check_files() {
  local limit
  limit=$(ulimit -Hn)
  if [[ $limit != unlimited ]] && ((limit < 4096)); then
    note "open files" "at most $limit (ulimit -Hn): fewer connections than nginx is set up for"
  else
    ok "open files" "at most $limit"
  fi
}

check_ports() {
  local last=$((http_port + gateways)) taken
  if RUN_DIR=$run_dir "$root/scripts/stack.sh" url >/dev/null 2>&1; then
    ok ports "a stack is up at $(RUN_DIR=$run_dir "$root/scripts/stack.sh" url)"
    return
  fi
  taken=$(PYTHONPATH=$root/scripts PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 - "$http_port" "$last" <<'END'
import sys
from scaleout.native import processes
for port in range(int(sys.argv[1]), int(sys.argv[2]) + 1):
    if not processes.is_port_free(port):
        print(f"{port} is held by {processes.owner_of_port(port)}")
END
  )
  if [[ -z $taken ]]; then
    ok ports "$http_port (nginx) and up to $last (gateways) are free"
  else
    while read -r line; do problem ports "$line; choose others with HTTP_PORT=..."; done <<<"$taken"
  fi
}

check_leftovers() {
  local orphans
  orphans=$(PYTHONPATH=$root/scripts PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 - <<'END'
from scaleout.native import places
for away in places.away_directories():
    if away.orphaned:
        print(away.path)
END
  )
  if [[ -z $orphans ]]; then
    ok leftovers "none"
  else
    note leftovers "$(tr '\n' ' ' <<<"$orphans"): of deleted run directories; \`make reset\` removes them"
  fi
}

at_least() {
  [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]
}

# For the stack in containers; the native one needs none of it.
check_engine() {
  local engine compose
  if ! engine=$(timeout 5 docker version --format '{{.Server.Version}}' 2>/dev/null); then
    note docker "no engine answers; only \`make compose-up\` needs one"
    return
  fi
  if at_least "$engine" 20.10; then ok docker "engine $engine"; else note docker "engine $engine; 20.10 is wanted"; fi
  compose=$(docker compose version --short 2>/dev/null || true)
  if [[ -z $compose ]]; then
    note compose "not found; the package is called docker-compose-v2, docker-compose-plugin or docker-compose"
  elif at_least "${compose#v}" 2.20; then
    ok compose "$compose"
  else
    note compose "$compose; 2.20 is wanted"
  fi
  if docker buildx version >/dev/null 2>&1; then
    ok buildkit "$(docker buildx version 2>/dev/null)"
  else
    note buildkit "not found; \`make compose-up\` cannot build images without it"
  fi
}

main() {
  if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    usage
    exit 0
  fi
  check_system
  check_packages
  check_versions
  check_build
  check_memory
  check_disk
  check_files
  check_ports
  check_leftovers
  check_engine
  printf '\n'
  if ((problems > 0)); then
    printf '%s\n' "$(colour 31 "$problems problems prevent \`make up\`")"
    exit 1
  fi
  printf '%s\n' "$(colour 32 "Nothing prevents \`make up\`")"
}

main "$@"
