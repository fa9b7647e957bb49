#!/bin/sh
# Gives every part of the stack a password of its own, once: /secrets/PART/password, a volume each, seen only by the part
# itself and by what it connects to or serves. The parts are the directories that there are. What exists is kept. A file
# /provided/PART.password is taken instead of a random one.
set -eu
umask 022

make_password() {
  if [ -f "/provided/$1.password" ]; then
    cat "/provided/$1.password"
  else
    od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n'
  fi
}

for directory in /secrets/*/; do
  part=$(basename "$directory")
  file=/secrets/$part/password
  if [ -s "$file" ]; then
    continue
  fi
  # Its readers run as other users; who may read it is who has the volume.
  make_password "$part" >"$file.new"
  mv "$file.new" "$file"
  echo "made a password for $part"
done
