#!/usr/bin/env bash
# Installs what the project needs from the distribution's own packages, and leaves the machine's servers alone: none is
# started, restarted or switched on, and no PostgreSQL cluster is made.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/install-deps.sh [--check] [--with-lint] [--help]

Installs what is missing to build, run, load and test the suite on Debian 12 (bookworm), Debian 13 (trixie) or
Ubuntu 24.04 (noble), with apt-get, as root or through sudo. Says what it installs and why. Does nothing, in well
under a second, where everything is there.

  --check      only list what is missing; exit 1 if anything is
  --with-lint  also clang-format and clang-tidy, which `make format` and the tidy preset need
END
}

# Group, package (or several, any of which will do; the first that the release has is installed), what for.
packages() {
  cat <<'END'
build      g++                            compiler
build      cmake                          build description
build      ninja-build                    build
build      make                           the verbs, such as `make up`
build      pkg-config                     finds the libraries
build      ccache                         second builds in seconds
build      git                            versions
libraries  libpistache-dev                HTTP: requests, connections, reactor
libraries  libgrpc++-dev                  RPC between gateway and services
libraries  libprotobuf-dev                messages
libraries  protobuf-compiler              code for messages
libraries  protobuf-compiler-grpc         code for RPCs
libraries  libpqxx-dev                    PostgreSQL client
libraries  libpq-dev                      PostgreSQL client: connecting within a limit
libraries  libabsl-dev                    status values, strings, synchronization
libraries  rapidjson-dev                  JSON
libraries  prometheus-cpp-dev             Prometheus text format
libraries  libhiredis-dev                 Redis client
libraries  libssl-dev                     signatures of tokens; SHA-1, the name of a Redis script
libraries  libsodium-dev                  argon2id, the hash of passwords
libraries  libutf8proc-dev                Unicode: two spellings of one address
libraries  libxxhash-dev                 hash of an answer's content, for its ETag
libraries  libjemalloc-dev                memory allocator
servers    supervisor                     runs the native stack's processes
servers    nginx-light|nginx|nginx-core|nginx-full|nginx-extras  load balancer
servers    postgresql|postgresql-15|postgresql-16|postgresql-17|postgresql-18  database server, for a private cluster
servers    redis-server                   shared state, for a private instance
servers    openssl                        the certificate for HTTPS
servers    python3-psutil                 the scripts' view of processes: CPU time, memory, ports
load       wrk                            closed-loop load
load       hey                            fixed-rate load
load       nghttp2-client                 h2load, fixed-rate load
tests      libgtest-dev                   GoogleTest
tests      libgmock-dev                   GoogleMock's matchers
tests      python3                        end-to-end tests, house rules
tests      python3-pytest                 end-to-end tests
tests      python3-httpx                  end-to-end tests
tests      curl                           README's commands
tests      shellcheck                     checks the shell scripts
tests      black                          checks the format of the Python files
tests      procps                         ps, for drills and the bench
END
  if [[ $with_lint == yes ]]; then
    cat <<'END'
lint       clang-format                   source format
lint       clang-tidy                     static checks
END
  fi
}

# What CMake asks pkg-config for. Their packages name all that these need in turn.
readonly pkg_config_modules=(libpistache grpc++ libpqxx libpq hiredis libcrypto jemalloc libsodium libutf8proc)

say() { printf 'install-deps: %s\n' "$*"; }
fail() {
  printf 'install-deps: %s\n' "$*" >&2
  exit 1
}

check_distribution() {
  local name codename
  name=$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release 2>/dev/null || true)
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || true)
  case $codename in
    bookworm | trixie | noble) return ;;
  esac
  printf '%s\n' \
    "install-deps: this is ${name:-an unknown system}. The package names here are those of Debian 12 (bookworm), Debian 13 (trixie) and" \
    "install-deps: Ubuntu 24.04 (noble). Use one of them, or the containers: docker compose up --build. Needed:" >&2
  packages | awk '{ print "  " $2 }' >&2
  exit 1
}

# Lines of packages() of which nothing is installed.
missing_packages() {
  local -A installed=()
  local status name line names
  # An unknown package is an error to dpkg-query, and what we are here to find. The ${} are its own.
  # shellcheck disable=SC2016
  while read -r status name; do
    if [[ $status == installed ]]; then installed[$name]=yes; fi
  done < <(packages | awk '{ print $2 }' | tr '|' '\n' |
    xargs dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' 2>/dev/null || true)
  while read -r line; do
    read -r _ names _ <<<"$line"
    for name in ${names//|/ }; do
      if [[ -n ${installed[$name]:-} ]]; then continue 2; fi
    done
    printf '%s\n' "$line"
  done < <(packages)
}

show() {
  awk '{ group = $1; name = $2; sub(/\|.*/, "", name); $1 = $2 = ""; sub(/^ +/, "")
         printf "  %-10s %-24s %s\n", group, name, $0 }'
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# The first name of each row that the release knows.
available_names() {
  local names name
  while read -r _ names _; do
    for name in ${names//|/ }; do
      if apt-cache show "$name" >/dev/null 2>&1; then break; fi
    done
    printf '%s\n' "$name"
  done
}

readonly policy=/usr/sbin/policy-rc.d
readonly cluster_conf_dir=/etc/postgresql-common/createcluster.d
readonly cluster_conf=$cluster_conf_dir/scaleout-install-deps.conf
made=()

restore() {
  local path
  for path in "${made[@]}"; do
    if [[ -d $path ]]; then
      as_root rmdir --ignore-fail-on-non-empty "$path" || true
    else
      as_root rm -f "$path" || true
    fi
  done
}

# Debian's packages start their servers and make a first PostgreSQL cluster as they are installed. Both can be refused
# in a file, which is there only while we install.
hold_servers_back() {
  trap restore EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [[ -e $policy ]]; then
    say "$policy exists and decides whether servers start; it is left as it is"
  else
    made+=("$policy")
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  made+=("$cluster_conf")
  if [[ ! -d $cluster_conf_dir ]]; then
    made+=("$cluster_conf_dir")
    as_root mkdir -p "$cluster_conf_dir"
  fi
  echo 'create_main_cluster = false' | as_root tee "$cluster_conf" >/dev/null
}

# What was refused now would start with the next boot.
keep_new_servers_off() {
  local unit
  command -v systemctl >/dev/null || return 0
  for unit in "$@"; do
    as_root systemctl disable --quiet "$unit" 2>/dev/null || true
  done
}

# Units of the servers among the packages given.
units_of() {
  local name
  for name in "$@"; do
    case $name in
      nginx*) echo nginx ;;
      postgresql | redis-server | supervisor) echo "$name" ;;
    esac
  done
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get --quiet --yes -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@"
}

install_missing() {
  local missing=$1 names units
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    fail "needs root, and there is no sudo; run as root: $0"
  fi
  hold_servers_back
  say 'apt-get update'
  apt_get update >/dev/null || fail 'apt-get update failed; is there a network, and are the sources right?'
  mapfile -t names < <(available_names <<<"$missing")
  mapfile -t units < <(units_of "${names[@]}")
  say "apt-get install ${names[*]}"
  apt_get install --no-install-recommends "${names[@]}" >/dev/null ||
    fail 'apt-get install failed; its reasons are above'
  if ((${#units[@]} > 0)); then
    keep_new_servers_off "${units[@]}"
  fi
}

check_pkg_config() {
  pkg-config --exists --print-errors "${pkg_config_modules[@]}" ||
    fail 'pkg-config does not find what CMake will ask it for (above); is PKG_CONFIG_PATH or PKG_CONFIG_LIBDIR set?'
}

main() {
  local check=no missing
  with_lint=no
  while (($# > 0)); do
    case $1 in
      --check) check=yes ;;
      --with-lint) with_lint=yes ;;
      -h | --help)
        usage
        return
        ;;
      *)
        usage >&2
        exit 2
        ;;
    esac
    shift
  done

  check_distribution
  missing=$(missing_packages)
  if [[ -z $missing ]]; then
    if [[ $check == yes ]]; then say 'everything is there'; fi
  else
    say "missing: $(wc -l <<<"$missing") packages"
    show <<<"$missing"
    if [[ $check == yes ]]; then
      exit 1
    fi
    install_missing "$missing"
    say 'installed; no server was started'
  fi
  check_pkg_config
}

main "$@"
