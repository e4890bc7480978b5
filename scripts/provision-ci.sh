#!/bin/sh
# Installs what the tests hold the integrations with CI against, as far as it is not there. Needs Debian's or Ubuntu's
# apt-get, and root or sudo. One line for each program and its package.
#
# Not here, since no registry of packages has them: BitBake, whose checkout SILT_BITBAKE names, and mkosi 24 or later,
# whose program SILT_MKOSI names. Tests that need them are skipped without.
set -eu

packages=
while read -r program package; do
  command -v "$program" >/dev/null || packages="$packages $package"
done <<'END'
shellcheck shellcheck
python3 python3
END
if [ -z "$packages" ]; then
  echo "all that the integrations with CI are tested with is here" >&2
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "missing:$packages; there is no apt-get on this system, install them by its own means" >&2
  exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "missing:$packages; apt-get needs root or sudo" >&2
    exit 1
  fi
  as_root=sudo
fi
$as_root apt-get update -qq
# The list is words on purpose.
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
