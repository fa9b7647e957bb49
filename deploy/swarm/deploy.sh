#!/usr/bin/env bash
# The suite on the Swarm that this machine manages: what is missing is made, what changed is updated.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: deploy/swarm/deploy.sh [up|down|purge|rotate-keys [--drop-old]]

  up     (default) makes missing passwords and keys, deploys stack.yaml, returns when every service has converged
  down   removes the stack; data, passwords and keys stay
  purge  removes the stack, its data on this node, its passwords and keys
  rotate-keys  has access tokens signed with a new key; those of the one before stay good until the next rotation, or until
         --drop-old, which makes no new key. Interrupted, it goes on when it is asked again

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

# Keys of access tokens are numbered: key N is the secret signing-key-N. A secret cannot be read again, so its label has the
# public half. What gateways know is a config that is named by its keys: public-keys-N, or public-keys-M-N until those of key M
# are dropped.

# What services of the stack use: in_use user-service Secret signing-key. Nothing if there is no such service.
in_use() {
  local every="{{range .Spec.TaskTemplate.ContainerSpec.${2}s}}{{println .${2}Name}}{{end}}"
  { docker service inspect --format "$every" "${STACK_NAME}_$1" 2>/dev/null || true; } | sed -n "s/^$STACK_NAME-$3-//p"
}

# The keys of all the secrets, or configs, of a kind.
there_are() {
  docker "$1" ls --format '{{.Name}}' | sed -n "s/^$STACK_NAME-$2-\([0-9-]*\)$/\1/p" | sort -n
}

has_key() {
  docker secret inspect "$STACK_NAME-signing-key-$1" >/dev/null 2>&1
}

make_key() {
  command -v openssl >/dev/null || die "openssl is not installed; it makes the keys of access tokens"
  local key public
  key=$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)
  public=$(openssl pkey -pubout <<<"$key" | base64 | tr -d '\n')
  docker secret create --label "public-key=$public" "$STACK_NAME-signing-key-$1" - <<<"$key" >/dev/null
}

# The config that gateways get: made of what the secrets' labels say, if it is not there yet.
publish_keys() {
  local name=$STACK_NAME-public-keys-$PUBLIC_KEYS label='{{index .Spec.Labels "public-key"}}' each half halves=""
  ! docker config inspect "$name" >/dev/null 2>&1 || return 0
  for each in ${PUBLIC_KEYS//-/ }; do
    half=$(docker secret inspect --format "$label" "$STACK_NAME-signing-key-$each" | base64 -d)
    [[ $half == -----BEGIN* ]] || die "the secret $STACK_NAME-signing-key-$each has no label public-key"
    halves+=$half$'\n'
  done
  docker config create "$name" - <<<"${halves%$'\n'}" >/dev/null
}

# What the running stack has; without one the newest key, and for the gateways the one before too, unless it was dropped.
choose_keys() {
  SIGNING_KEY=$(in_use user-service Secret signing-key)
  [[ -n $SIGNING_KEY ]] || SIGNING_KEY=$(there_are secret signing-key | tail -n 1)
  SIGNING_KEY=${SIGNING_KEY:-1}
  PUBLIC_KEYS=$(in_use api-gateway Config public-keys)
  if [[ -$PUBLIC_KEYS- != *-$SIGNING_KEY-* ]]; then
    PUBLIC_KEYS=$(there_are config public-keys | grep -xE "([0-9]+-)?$SIGNING_KEY" | tail -n 1 || true)
  fi
  if [[ -z $PUBLIC_KEYS ]]; then
    PUBLIC_KEYS=$SIGNING_KEY
    ! has_key $((SIGNING_KEY - 1)) || PUBLIC_KEYS=$((SIGNING_KEY - 1))-$SIGNING_KEY
  fi
  export SIGNING_KEY PUBLIC_KEYS
}

# Of a rotation that has not ended there is a key that signs nothing yet, or what gateways knew before it.
rotation_has_ended() {
  (($(there_are secret signing-key | tail -n 1) == SIGNING_KEY)) &&
    there_are config public-keys | sed 's/.*-//' | awk -v key="$SIGNING_KEY" '$1 < key { exit 1 }'
}

forget_other_keys() {
  there_are secret signing-key | sed "/^$SIGNING_KEY$/d; s/^/$STACK_NAME-signing-key-/" | xargs -r docker secret rm >/dev/null
  there_are config public-keys | sed "/^$PUBLIC_KEYS$/d; s/^/$STACK_NAME-public-keys-/" | xargs -r docker config rm >/dev/null
}

# Updates of one service each, which leave the rest of the stack as it is; each returns when no task of before is left.
give_gateways() {
  local old
  old=$(in_use api-gateway Config public-keys)
  PUBLIC_KEYS=$1
  publish_keys
  if [[ $PUBLIC_KEYS != "$old" ]]; then
    forget_failure_of api-gateway
    docker service update --quiet --detach --config-rm "$STACK_NAME-public-keys-$old" \
      --config-add "source=$STACK_NAME-public-keys-$PUBLIC_KEYS,target=/run/secrets/public-keys/keys.pem" \
      "${STACK_NAME}_api-gateway" >/dev/null
  fi
  await_converged
}

sign_with() {
  local old
  old=$(in_use user-service Secret signing-key)
  SIGNING_KEY=$1
  if [[ $SIGNING_KEY != "$old" ]]; then
    forget_failure_of user-service
    docker service update --quiet --detach --secret-rm "$STACK_NAME-signing-key-$old" \
      --secret-add "source=$STACK_NAME-signing-key-$SIGNING_KEY,target=signing-key/key.pem" \
      "${STACK_NAME}_user-service" >/dev/null
  fi
  await_converged
}

need_stack() {
  need_manager
  choose_keys
  [[ -n $(in_use user-service Secret signing-key) && -n $(in_use api-gateway Config public-keys) ]] ||
    die "the stack is not deployed"
  earlier_failures=$(behind | grep -E "$failed" || true)
}

# Its next update is ours.
forget_failure_of() {
  earlier_failures=$(grep -v "^${STACK_NAME}_$1 " <<<"$earlier_failures" || true)
}

# Gateways that know both keys, then a user service that signs with the new one. Interrupted anywhere, it goes on from there.
rotate_keys() {
  need_stack
  if rotation_has_ended; then
    make_key $((SIGNING_KEY + 1))
  else
    echo "this ends a rotation that had broken off; run it again for another key" >&2
  fi
  local next
  next=$(there_are secret signing-key | tail -n 1)
  ((next == SIGNING_KEY)) || give_gateways "$SIGNING_KEY-$next"
  sign_with "$next"
  forget_other_keys
}

drop_old_key() {
  need_stack
  rotation_has_ended || die "a rotation has not ended; \`rotate-keys\` ends it"
  give_gateways "$SIGNING_KEY"
  forget_other_keys
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

# The services that are behind, a line each, with why: tasks are missing, or run as the service was before, or an update is not
# over. With start-first there are enough tasks at any time, and most of them may be old ones.
behind() {
  local services tasks spec='{{json .Spec.TaskTemplate.ContainerSpec}}' task='{{.ServiceID}} task - {{json .Spec.ContainerSpec}}'
  docker stack services --format '{{.Name}} {{.Replicas}}' "$STACK_NAME" |
    awk '{ split($2, n, "/"); if (n[1] != n[2] || n[2] == 0) print $1 " " $2 }'
  services=$(docker stack services -q "$STACK_NAME")
  tasks=$(docker stack ps -q --no-trunc --filter desired-state=running "$STACK_NAME" || true)
  {
    # shellcheck disable=SC2086
    docker service inspect --format "{{.ID}} {{.Spec.Name}} -{{with .UpdateStatus}}{{.State}}{{end}} $spec" $services
    # A task that is gone by now is none that is missed. What is empty (`"DNSConfig":{}`) the engine leaves out here.
    # shellcheck disable=SC2086
    docker inspect --type task --format "$task" $tasks 2>/dev/null || true
  } | awk '
    { id = $1; name = $2; state = $3; sub(/^[^ ]+ [^ ]+ [^ ]+ /, ""); gsub(/"[A-Za-z]+":[{][}],?/, "") }
    name != "task" { names[id] = name; specs[id] = $0; ++count }
    name != "task" && state != "-" && state != "-completed" { print name " " substr(state, 2) }
    name == "task" && $0 != specs[id] { print names[id] " old" }
    END { if (!count) print "everything unknown" }'
}

# What the engine says of an update that fails or has failed, until the service's next one; and what it said of earlier ones.
failed=' (paused|rollback_[a-z]+)$'
earlier_failures=""

await_converged() {
  local began=$SECONDS name behind
  while behind=$(behind | grep -vxF -- "$earlier_failures" || true); [[ -n $behind ]]; do
    if ((SECONDS > began + converge_seconds)) || grep -qE "$failed" <<<"$behind"; then
      name=$(grep -E "$failed" <<<"$behind" || cat <<<"$behind")
      name=${name%% *}
      docker service ps --no-trunc "$name" >&2 || true
      docker service logs --tail 10 "$name" >&2 || true
      die "not converged after $((SECONDS - began)) s: ${behind//$'\n'/, }"
    fi
    sleep 0.5
  done
}

up() {
  need_manager
  make_passwords
  choose_keys
  has_key "$SIGNING_KEY" || make_key "$SIGNING_KEY"
  publish_keys
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
  there_are secret signing-key | sed "s/^/$STACK_NAME-signing-key-/" | xargs -r docker secret rm >/dev/null
  there_are config public-keys | sed "s/^/$STACK_NAME-public-keys-/" | xargs -r docker config rm >/dev/null
}

case ${1:-up} in
  up) up ;;
  down) down ;;
  purge) purge ;;
  rotate-keys)
    case ${2:-} in
      "") rotate_keys ;;
      --drop-old) drop_old_key ;;
      *)
        usage >&2
        exit 2
        ;;
    esac
    ;;
  -h | --help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
