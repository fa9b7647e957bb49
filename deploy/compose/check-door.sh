#!/bin/sh
# The first step of nginx' start on Compose: the image runs what is in /docker-entrypoint.d. Where HTTP_BIND opens the door to
# other machines, AUTH_MODE must be said. Left out it is `optional`, for a lab's sake, and then anyone out there is an admin.
set -eu

case $HTTP_BIND in
  127.* | localhost | ::1 | "[::1]") exit 0 ;;
esac
if [ -z "$AUTH_MODE" ]; then
  echo "refused: HTTP_BIND=$HTTP_BIND opens the door to other machines, and anyone there would be an admin without a token." \
    "Say AUTH_MODE=required; or AUTH_MODE=optional, if that is meant." >&2
  exit 1
fi
if [ "$AUTH_MODE" != required ]; then
  echo "warning: HTTP_BIND=$HTTP_BIND with AUTH_MODE=$AUTH_MODE: anyone who reaches this port is an admin" >&2
fi
if [ "$LAB_ENDPOINTS" != off ]; then
  echo "warning: HTTP_BIND=$HTTP_BIND with LAB_ENDPOINTS=$LAB_ENDPOINTS: anyone who reaches this port can block a gateway" >&2
fi
