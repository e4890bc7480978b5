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
sh "$(dirname "$0")/apt-install.sh" "nginx with the slice module" nginx-light
has_slice || {
  echo "the nginx that apt-get has installed lacks the slice module" >&2
  exit 1
}
echo "nginx is at $found" >&2
