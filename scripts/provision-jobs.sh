#!/bin/sh
# Installs redis-server, through which the tests of "silt publish --jobs" share work, unless it is there. Needs Debian's
# or Ubuntu's apt-get, and root or sudo. It is not started as a service.
set -eu

if command -v redis-server >/dev/null; then
  echo "redis-server is already there" >&2
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "no redis-server in the PATH, and no apt-get to install it with" >&2
  exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "redis-server is installed by apt-get, which needs root or sudo" >&2
    exit 1
  fi
  as_root=sudo
fi
# Its package would start it; policy-rc.d is asked first, and says no. One that is there is left alone.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
  made=yes
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
fi
status=0
$as_root apt-get update -qq &&
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server || status=$?
[ -z "$made" ] || $as_root rm -f "$policy"
exit "$status"
