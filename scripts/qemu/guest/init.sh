#!/bin/busybox sh
# Process 1 of a system in a slot: does the steps that the host asks for (opt/silt-steps), in their order, then
# restarts if silt has asked for it, else powers off. The host reads the lines that begin with "qemu:".
export PATH=/usr/bin:/bin HOME=/run SILT_CONFIG=/data/device.yaml NODE_COMPILE_CACHE=/data/cache
bb=/bin/busybox
say() { echo "qemu: $*"; }

$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t tmpfs tmpfs /run
$bb mount -t tmpfs tmpfs /tmp
$bb mount -t ext4 /dev/vda4 /data
# "sync", since a rename on FAT is otherwise not on the disk when its directory is.
$bb mount -t vfat -o sync /dev/vda1 /boot/efi
$bb ip link set lo up
$bb ip link set eth0 up
$bb ip addr add 10.0.2.15/24 dev eth0

slot=none
for word in $($bb cat /proc/cmdline); do
  case $word in silt.slot=*) slot=${word#silt.slot=} ;; esac
done
version=$($bb cat /etc/version)
say "started slot=$slot version=$version"
if [ -e /etc/never-healthy ]; then
  say "$version gives up"
  exit 1
fi
steps=$($bb cat /sys/firmware/qemu_fw_cfg/by_name/opt/silt-steps/raw)
for step in $steps; do
  case $step in
  wait)
    say "waiting"
    $bb sleep 600
    ;;
  hold) >/run/hold ;;
  *)
    say "$step begins"
    case $step in
    update) silt agent --once ;;
    install) silt install ;;
    *) silt "$step" ;;
    esac
    say "$step ended with $?"
    ;;
  esac
  [ ! -e /run/restart ] || break
done
$bb umount /boot/efi
$bb umount /data
if [ -e /run/restart ]; then
  say "restarts"
  $bb reboot -f
fi
say "powers off"
$bb poweroff -f
