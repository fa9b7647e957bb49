#!/bin/sh
# Gives every part of the stack a password of its own, once: /secrets/PART/password, a volume each, seen only by the part
# itself and by what it connects to or serves. The parts are the directories that there are. What exists is kept. A file
# /provided/PART.password is taken instead of a random one.
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
  certificate=/secrets/tls/certificate.pem key=/secrets/tls/key.pem
  if [ -f /provided/tls.certificate.pem ]; then
    cp /provided/tls.certificate.pem "$certificate.new"
    cp /provided/tls.key.pem "$key.new"
  elif openssl x509 -in "$certificate" -noout -checkend 2592000 >/dev/null 2>&1; then
    return
  else
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 365 -subj /CN=localhost \
      -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 -addext basicConstraints=critical,CA:FALSE \
      -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=serverAuth \
      -out "$certificate.new" -keyout "$key.new" 2>/dev/null
    echo "made a certificate for localhost"
  fi
  chmod 0644 "$certificate.new" "$key.new"
  rm -f "$certificate"
  mv "$key.new" "$key"
  mv "$certificate.new" "$certificate"
}

for directory in /secrets/*/; do
  part=$(basename "$directory")
  if [ "$part" != tls ]; then
    give_password "$part"
  elif [ -w "$directory" ]; then
    # Without a volume this is a directory of the image, which is read-only.
    give_certificate
  fi
done
