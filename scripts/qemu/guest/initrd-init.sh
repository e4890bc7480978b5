#!/bin/busybox sh
# Process 1 of the initial RAM disk: loads what the kernel needs, and starts the slot that GRUB has chosen.
# Whatever fails ends it, and so the kernel; with panic= on its command line that is a restart.
set -e
bb=/bin/busybox
$bb mkdir -p /proc /dev /slot
$bb mount -t proc proc /proc
$bb mount -t devtmpfs devtmpfs /dev
while read -r module; do $bb insmod "/modules/$module"; done </modules/order
root=
for word in $($bb cat /proc/cmdline); do
  case $word in root=*) root=${word#root=} ;; esac
done
for _ in 1 2 3 4 5 6 7 8 9 10; do
  [ -b "$root" ] && break
  $bb sleep 0.2
done
$bb mount -t squashfs -o ro "$root" /slot
$bb umount /proc
$bb mount -o move /dev /slot/dev
exec $bb switch_root /slot /sbin/init
