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
# The list is words on purpose.
# shellcheck disable=SC2086
sh "$(dirname "$0")/apt-install.sh" "some of what the integrations with CI are tested with" $packages
