#!/bin/sh
# Installs what the tests hold the device side against, as far as it is not there: the tools of the boot loaders.
# Needs Debian's or Ubuntu's apt-get, and root or sudo. One line for each program and its package.
set -eu

packages=
while read -r program package; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || packages="$packages $package"
done <<'END'
fw_setenv libubootenv-tool
grub-editenv grub-common
losetup mount
sfdisk fdisk
flock util-linux
dpkg-deb dpkg
systemd-analyze systemd
END
if [ -z "$packages" ]; then
  echo "all that the device side is tested with is here" >&2
  exit 0
fi
# The list is words on purpose.
# shellcheck disable=SC2086
sh "$(dirname "$0")/apt-install.sh" "some of what the device side is tested with" $packages
