#!/bin/sh
# Installs nginx, through which the tests of CDNs fetch, unless one with the slice module is there. Needs Debian's or
# Ubuntu's apt-get, and root or sudo. nginx-light has both modules that are needed, slice and cache; it is not started
# as a service.
set -eu

has_slice() {
  found=$(PATH="$PATH:/usr/sbin:/sbin" command -v nginx) && "$found" -V 2>&1 | grep -q -- --with-http_slice_module
}

if has_slice; then
  echo "nginx is already there: $found" >&2
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "no nginx with the slice module in the PATH, and no apt-get to install it with" >&2
  exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "nginx is installed by apt-get, which needs root or sudo" >&2
    exit 1
  fi
  as_root=sudo
fi
# Its package would start it on port 80; policy-rc.d is asked first, and says no. One that is there is left alone.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
  made=yes
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
fi
status=0
$as_root apt-get update -qq &&
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light || status=$?
[ -z "$made" ] || $as_root rm -f "$policy"
[ "$status" -eq 0 ] || exit "$status"
has_slice || {
  echo "the nginx that apt-get has installed lacks the slice module" >&2
  exit 1
}
echo "nginx is at $found" >&2
