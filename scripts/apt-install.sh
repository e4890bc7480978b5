#!/bin/sh
# Installs packages of Debian or Ubuntu, for the other scripts here: "sh apt-install.sh WHAT PACKAGE...". WHAT begins the
# sentence about what is missing. As root or with sudo; exits with 75 where there is no apt-get or no right to use it,
# after saying so. Nothing that it installs is started as a service.
set -eu

what=$1
shift
if ! command -v apt-get >/dev/null; then
  echo "$what is missing, and there is no apt-get on this system; install by its own means what Debian has as: $*" >&2
  exit 75
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "$what is missing, and apt-get needs root or sudo to install: $*" >&2
    exit 75
  fi
  as_root=sudo
fi
# Packages of servers start them; policy-rc.d is asked first, and says no. One that is there is left alone.
policy=/usr/sbin/policy-rc.d
made=
cleanup() {
  [ -z "$made" ] || $as_root rm -f "$policy"
}
# Left behind, it would keep every service of this machine from starting.
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ! -e "$policy" ]; then
  made=yes
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
fi
status=0
$as_root apt-get update -qq &&
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" || status=$?
exit "$status"
