#!/bin/sh
# The first step of nginx' start on Compose: the image runs what is in /docker-entrypoint.d. Where HTTP_BIND or HTTPS_BIND opens
# the door to other machines, AUTH_MODE must be said. Left out it is `optional`, for a lab's sake, and then anyone out there is
# an admin.
set -eu

# There is no HTTPS_BIND where there is no HTTPS.
open=
for each in "HTTP_BIND=$HTTP_BIND" "HTTPS_BIND=${HTTPS_BIND:-127.0.0.1}"; do
  case ${each#*=} in
    127.* | localhost | ::1 | "[::1]") ;;
    *) open="$open${open:+ }$each" ;;
  esac
done
if [ -z "$open" ]; then
  exit 0
fi
if [ -z "$AUTH_MODE" ]; then
  echo "refused: $open opens the door to other machines, and anyone there would be an admin without a token." \
    "Say AUTH_MODE=required; or AUTH_MODE=optional, if that is meant." >&2
  exit 1
fi
if [ "$AUTH_MODE" != required ]; then
  echo "warning: $open with AUTH_MODE=$AUTH_MODE: anyone who reaches this port is an admin" >&2
fi
if [ "$LAB_ENDPOINTS" != off ]; then
  echo "warning: $open with LAB_ENDPOINTS=$LAB_ENDPOINTS: anyone who reaches this port can block a gateway" >&2
fi
