#!/bin/busybox sh
# The preReboot hook: everything is activated, and the restart is next. Shows how that looks, and gives the host
# time to cut the power where it asked for that.
{
  echo "qemu: status before the restart begins"
  /usr/bin/silt status --config /data/device.yaml
  echo "qemu: status before the restart ended with $?"
  [ -e /run/hold ] || exit 0
  echo "qemu: holding before the restart"
} >/dev/console 2>&1
exec /bin/busybox sleep 600
