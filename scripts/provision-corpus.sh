#!/bin/sh
# Installs what bench/corpus needs for the pairs made of Debian's packages, as far as it is not there. Without it
# those pairs are skipped, and the others need npm, and one of them pip, alone. Needs Debian's or Ubuntu's
# apt-get, and root or sudo.
set -eu

packages=
for pair in debootstrap:debootstrap mkfs.erofs:erofs-utils mksquashfs:squashfs-tools mke2fs:e2fsprogs xz:xz-utils; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || packages="$packages ${pair##*:}"
done
if [ -z "$packages" ]; then
  echo "all that the corpus needs is here" >&2
  exit 0
fi
# The pairs are skipped where that cannot be. The list is words on purpose.
# shellcheck disable=SC2086
sh "$(dirname "$0")/apt-install.sh" "some of what makes the corpus" $packages || [ $? = 75 ]
