#!/usr/bin/env bash
# Makes the file system of a runtime image: programs, the shared libraries that they load, and what says where those
# come from.
#
#   runtime-root.sh ROOT BASE PROGRAM...   BASE is a root that this one will lie on, so what it has is left out; or -
#
# Runs while the image is built, on Debian: with dpkg and ldd. For each package that a library comes from, its entry of
# the package database goes to var/lib/dpkg/status.d, where image scanners look for it, and its license to usr/share/doc.
set -euo pipefail

root=$1 base=$2
shift 2

# True if the lower root has the file already.
lies_below() {
  [[ $base != - && -e $base$1 ]]
}

# Under the name that the loader asks for; symbolic links are followed, so there is one file for each library.
put_library() {
  local name=$1 file path
  file=$(readlink -f "$name")
  path=$(readlink -f "$(dirname "$name")")/$(basename "$name")
  if lies_below "$path"; then return; fi
  install -D -m 0755 "$file" "$root$path"
  name_package "$file"
}

# Packages know their files by the path they were made with, with or without /usr in front.
package_of() {
  dpkg-query -S "$1" 2>/dev/null || dpkg-query -S "${1#/usr}"
}

name_package() {
  local package
  package=$(package_of "$1" | head -n 1)
  package=${package%%:*}
  if lies_below "/var/lib/dpkg/status.d/$package"; then return; fi
  install -d "$root/var/lib/dpkg/status.d"
  dpkg-query -s "$package" >"$root/var/lib/dpkg/status.d/$package"
  if [[ -e /usr/share/doc/$package/copyright ]]; then
    install -D -m 0644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
  fi
}

# What a program needs to find in /etc: who it runs as, and that names come from a file first and then from DNS.
put_system_files() {
  install -d "$root/etc" "$root/usr/lib" "$root/usr/lib64"
  # The loader's path is built into programs as /lib64.
  ln -sfn usr/lib "$root/lib"
  ln -sfn usr/lib64 "$root/lib64"
  printf 'root:x:0:0:root:/:/sbin/nologin\nscaleout:x:10001:10001:scaleout:/:/sbin/nologin\n' >"$root/etc/passwd"
  printf 'root:x:0:\nscaleout:x:10001:\n' >"$root/etc/group"
  printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
  install -m 0644 /etc/os-release "$root/etc/os-release"
}

if [[ $base == - ]]; then put_system_files; fi
for program in "$@"; do
  install -D -m 0755 "$program" "$root/usr/bin/$(basename "$program")"
  libraries=$(ldd "$program")
  if grep 'not found' <<<"$libraries" >&2; then
    exit 1
  fi
  while read -r library; do put_library "$library"; done < <(grep -o '/[^ ]*' <<<"$libraries")
done
