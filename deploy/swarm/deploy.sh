#!/usr/bin/env bash
# The suite on the Swarm that this machine manages: what is missing is made, what changed is updated.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: deploy/swarm/deploy.sh [up|down|purge|rotate-keys]

  up     (default) makes missing passwords and keys, deploys stack.yaml, returns when every service has converged
  down   removes the stack; data, passwords and keys stay
  purge  removes the stack, its data on this node, its passwords and keys
  rotate-keys  has access tokens signed with a new key; those of the one before stay good until the next rotation

  STACK_NAME     the stack's name (scaleout)
  IMAGE_PREFIX   registry and path of the images; without it, this node's own images are used (scaleout/...:dev)
  SCALEOUT_TAG   their tag (dev)
  GATEWAYS       how many gateways (3)
  HTTP_PORT      nginx's port on every node (8080)
  and what else stack.yaml has in ${}, such as LAB_ENDPOINTS=on, SERVICE_SEED_DEMO_DATA=on, LB_STRATEGY=least_conn
EOF
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export STACK_NAME=${STACK_NAME:-scaleout}
# What has a password there.
mapfile -t parts < <(sed -n 's/^  \([a-z-]*\)-password: {external: true.*/\1/p' "$here/stack.yaml")
readonly parts
readonly converge_seconds=180

die() {
  printf 'swarm: %s\n' "$*" >&2
  exit 1
}

need_manager() {
  [[ $(docker info --format '{{.Swarm.ControlAvailable}}' 2>/dev/null) == true ]] ||
    die "this engine manages no Swarm; \`docker swarm init\` makes one of this machine"
}

make_passwords() {
  local part
  for part in "${parts[@]}"; do
    docker secret inspect "$STACK_NAME-$part-password" >/dev/null 2>&1 ||
      od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n' | docker secret create "$STACK_NAME-$part-password" - >/dev/null
  done
}

# A secret cannot be read again, so the public key is made with it; a config can, so a rotation can add to it.
make_keys() {
  ! docker secret inspect "$STACK_NAME-signing-key-$SIGNING_KEY" >/dev/null 2>&1 || return 0
  command -v openssl >/dev/null || die "openssl is not installed; it makes the keys of access tokens"
  local key known=()
  key=$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)
  if docker config inspect "$STACK_NAME-public-keys-$((PUBLIC_KEYS - 1))" >/dev/null 2>&1; then
    known=("$STACK_NAME-public-keys-$((PUBLIC_KEYS - 1))")
  fi
  {
    # Of the keys that gateways know, the newest: the last 4 lines.
    ((${#known[@]} == 0)) ||
      docker config inspect --format '{{json .Spec.Data}}' "${known[@]}" | tr -d '"' | base64 -d | tail -n 4
    openssl pkey -pubout <<<"$key"
  } | docker config create "$STACK_NAME-public-keys-$PUBLIC_KEYS" - >/dev/null
  docker secret create "$STACK_NAME-signing-key-$SIGNING_KEY" - <<<"$key" >/dev/null
}

# The largest number of those of a kind that there are, or 1.
newest() {
  docker "$1" ls --format '{{.Name}}' | sed -n "s/^$STACK_NAME-$2-\([0-9][0-9]*\)$/\1/p" | sort -n | tail -n 1 | grep . || echo 1
}

choose_keys() {
  SIGNING_KEY=$(newest secret signing-key) PUBLIC_KEYS=$(newest config public-keys)
  export SIGNING_KEY PUBLIC_KEYS
}

# Two updates: gateways that know both keys, then a user service that signs with the new one.
rotate_keys() {
  need_manager
  choose_keys
  local old=$SIGNING_KEY
  ((++SIGNING_KEY, ++PUBLIC_KEYS))
  make_keys
  SIGNING_KEY=$old deploy
  deploy
}

# Data stays where it is: on the node with the label, this one if none has it yet.
choose_data_node() {
  local nodes
  nodes=$(docker node ls -q)
  # shellcheck disable=SC2086
  if ! docker node inspect --format '{{index .Spec.Labels "scaleout-data"}}' $nodes | grep -qx true; then
    docker node update --label-add scaleout-data=true "$(docker info --format '{{.Swarm.NodeID}}')" >/dev/null
  fi
}

replicas() {
  docker stack services --format '{{.Name}} {{.Replicas}}' "$STACK_NAME"
}

await_converged() {
  local deadline=$((SECONDS + converge_seconds)) name behind
  while behind=$(replicas | awk '{ split($2, n, "/"); if (n[1] != n[2] || n[2] == 0) print $1 " " $2 }'); [[ -n $behind ]]; do
    if ((SECONDS > deadline)); then
      name=${behind%% *}
      docker service ps --no-trunc "$name" >&2 || true
      docker service logs --tail 10 "$name" >&2 || true
      die "not converged after $converge_seconds s: ${behind//$'\n'/, }"
    fi
    sleep 0.5
  done
}

up() {
  need_manager
  make_passwords
  choose_keys
  make_keys
  choose_data_node
  deploy
  echo "Up: http://localhost:${HTTP_PORT:-8080}/api/count on every node"
}

deploy() {
  CONFIGS=$(cat "$here"/../nginx/nginx.conf.template "$here"/../nginx/balance/*.conf "$here"/../nginx/proxy_cache/* \
    "$here"/../compose/postgres/* "$here"/../redis/* |
    sha256sum | cut -c 1-10)
  export CONFIGS
  local images=(--resolve-image never)
  if [[ -n ${IMAGE_PREFIX:-} ]]; then images=(--with-registry-auth); fi
  docker stack deploy --detach=true --prune "${images[@]}" --compose-file "$here/stack.yaml" "$STACK_NAME"
  await_converged
}

down() {
  need_manager
  docker stack rm "$STACK_NAME"
  local mine=label=com.docker.stack.namespace=$STACK_NAME
  while [[ -n $(docker ps -aq --filter "$mine")$(docker network ls -q --filter "$mine") ]]; do sleep 0.5; done
}

purge() {
  down
  local part volumes
  volumes=$(docker volume ls -q --filter "label=com.docker.stack.namespace=$STACK_NAME")
  # shellcheck disable=SC2086
  [[ -z $volumes ]] || docker volume rm $volumes >/dev/null
  for part in "${parts[@]}"; do
    docker secret rm "$STACK_NAME-$part-password" >/dev/null
  done
  docker secret ls --format '{{.Name}}' | grep "^$STACK_NAME-signing-key-" | xargs -r docker secret rm >/dev/null
  docker config ls --format '{{.Name}}' | grep "^$STACK_NAME-public-keys-" | xargs -r docker config rm >/dev/null
}

case ${1:-up} in
  up) up ;;
  down) down ;;
  purge) purge ;;
  rotate-keys) rotate_keys ;;
  -h | --help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
