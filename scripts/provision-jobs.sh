#!/bin/sh
# Installs redis-server, through which the tests of "silt publish --jobs" share work, unless it is there. Needs Debian's
# or Ubuntu's apt-get, and root or sudo. It is not started as a service.
set -eu

if command -v redis-server >/dev/null; then
  echo "redis-server is already there" >&2
  exit 0
fi
sh "$(dirname "$0")/apt-install.sh" redis-server redis-server
