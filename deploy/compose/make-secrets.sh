#!/bin/sh
# Gives every part of the stack a password of its own, once: /secrets/PART/password, a volume each, seen only by the part
# itself and by what it connects to or serves. The parts are the directories that there are. What exists is kept. A file
# /provided/PART.password is taken instead of a random one.
#
# The parts `signing-key` and `public-keys` are those of access tokens, ES256: the user service's key.pem (or
# /provided/signing-key.pem), and the gateways' keys.pem with the public half of it. They rotate in steps, so that no token is
# refused: `make-secrets.sh next-key` makes next.pem and lets the gateways know both, who have to be started anew; then
# `take-key` has the user service sign with the new one, once it is started anew, and `end-rotation` follows that. A rotation
# that broke off is repeated from next-key on. `drop-key` leaves the gateways the new one alone.
#
# The part `tls`, if it has a volume (deploy/compose/tls.yaml), gets certificate.pem and key.pem for nginx: those in /provided
# (tls.certificate.pem, tls.key.pem) or, for localhost and signed by itself, new ones.
set -eu
# Its readers run as other users; who may read it is who has the volume.
umask 022

make_password() {
  if [ -f "/provided/$1.password" ]; then
    cat "/provided/$1.password"
  else
    od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n'
  fi
}

give_password() {
  file=/secrets/$1/password
  if [ -s "$file" ]; then
    return
  fi
  make_password "$1" >"$file.new"
  mv "$file.new" "$file"
  echo "made a password for $1"
}

give_certificate() {
  certificate=/secrets/tls/certificate.pem tls_key=/secrets/tls/key.pem
  if [ -f /provided/tls.certificate.pem ]; then
    cp /provided/tls.certificate.pem "$certificate.new"
    cp /provided/tls.key.pem "$tls_key.new"
  elif openssl x509 -in "$certificate" -noout -checkend 2592000 >/dev/null 2>&1; then
    return
  else
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 365 -subj /CN=localhost \
      -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 -addext basicConstraints=critical,CA:FALSE \
      -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=serverAuth \
      -out "$certificate.new" -keyout "$tls_key.new" 2>/dev/null
    echo "made a certificate for localhost"
  fi
  chmod 0644 "$certificate.new" "$tls_key.new"
  rm -f "$certificate"
  mv "$tls_key.new" "$tls_key"
  mv "$certificate.new" "$certificate"
}

key=/secrets/signing-key/key.pem next=/secrets/signing-key/next.pem public=/secrets/public-keys/keys.pem
# Is there from before the next key is taken until the service that runs has it, too.
taken=/secrets/signing-key/taken

make_key() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.new"
  # openssl gives it to its owner alone.
  chmod 0644 "$1.new"
  mv "$1.new" "$1"
  echo "made a key for access tokens"
}

# The public halves of the keys, in one file.
publish() {
  for each in "$@"; do openssl pkey -in "$each" -pubout; done >"$public.new"
  mv "$public.new" "$public"
}

give_keys() {
  if [ ! -s "$key" ]; then
    # First, so that never one is beside the key of another.
    rm -f "$public"
    if [ -f /provided/signing-key.pem ]; then
      cp /provided/signing-key.pem "$key.new"
      mv "$key.new" "$key"
    else
      make_key "$key"
    fi
  fi
  [ -s "$public" ] || publish "$key"
}

next_key() {
  if [ -e "$taken" ]; then
    echo "the next key is taken already; its rotation has not ended"
    return
  fi
  [ -s "$next" ] || make_key "$next"
  publish "$key" "$next"
}

take_key() {
  if [ ! -e "$next" ] && [ ! -e "$taken" ]; then
    echo "there is no next key" >&2
    exit 1
  fi
  : >"$taken"
  [ ! -e "$next" ] || mv "$next" "$key"
}

drop_key() {
  if [ -e "$next" ] || [ -e "$taken" ]; then
    echo "a rotation has not ended" >&2
    exit 1
  fi
  publish "$key"
}

give_everything() {
  give_keys
  for directory in /secrets/*/; do
    part=$(basename "$directory")
    case $part in
      signing-key | public-keys) ;;
      # Without a volume this is a directory of the image, which is read-only.
      tls) [ ! -w "$directory" ] || give_certificate ;;
      *) give_password "$part" ;;
    esac
  done
}

case ${1:-} in
  "") give_everything ;;
  next-key) next_key ;;
  take-key) take_key ;;
  end-rotation) rm -f "$taken" ;;
  drop-key) drop_key ;;
  *)
    echo "usage: make-secrets.sh [next-key|take-key|end-rotation|drop-key]" >&2
    exit 2
    ;;
esac
