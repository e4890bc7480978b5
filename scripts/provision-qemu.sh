#!/bin/sh
# Installs what "npm run qemu" needs, as far as it is not there: QEMU, a kernel of Debian with its modules, GRUB for
# BIOS machines, and what makes file systems without root. Needs Debian's or Ubuntu's apt-get, and root or sudo.
# Exits with 75 where there is no apt-get or no right to use it, after saying so.
set -eu

packages=
need() {
  packages="$packages $1"
}
# A line each: what must be there, and its package.
while read -r what package; do
  case $what in
  /*) [ -e "$what" ] || need "$package" ;;
  *) PATH="$PATH:/usr/sbin:/sbin" command -v "$what" >/dev/null || need "$package" ;;
  esac
done <<'END'
qemu-system-x86_64 qemu-system-x86
qemu-img qemu-utils
/usr/lib/grub/i386-pc/boot.img grub-pc-bin
grub-mkimage grub-common
mksquashfs squashfs-tools
mke2fs e2fsprogs
debugfs e2fsprogs
mkfs.fat dosfstools
mcopy mtools
/bin/busybox busybox-static
cpio cpio
strip binutils
xz xz-utils
END
# A busybox that is linked dynamically is of no use before its libraries are there.
if [ -e /bin/busybox ] && ldd /bin/busybox >/dev/null 2>&1; then need busybox-static; fi

has_kernel() {
  for kernel in /boot/vmlinuz-*; do
    [ -r "$kernel" ] && [ -e "/lib/modules/${kernel#/boot/vmlinuz-}/modules.dep" ] && return 0
  done
  return 1
}
if ! has_kernel; then
  case $(. /etc/os-release 2>/dev/null && echo "$ID") in
  ubuntu) need linux-image-generic ;;
  *) need linux-image-cloud-amd64 ;;
  esac
fi

if [ -z "$packages" ]; then
  echo "all that QEMU's stories need is here" >&2
  exit 0
fi
if [ "$(uname -m)" != x86_64 ]; then
  echo "missing:$packages; the machine in QEMU is a PC, which is prepared on a PC only" >&2
  exit 75
fi
# The list is words on purpose.
# shellcheck disable=SC2086
sh "$(dirname "$0")/apt-install.sh" "some of what QEMU's stories need" $packages
# Ubuntu keeps kernels from ordinary users.
if ! has_kernel && [ "$(id -u)" -ne 0 ]; then
  for kernel in /boot/vmlinuz-*; do
    if [ -e "$kernel" ]; then sudo chmod a+r "$kernel"; fi
  done
fi
