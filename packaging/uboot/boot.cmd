# U-Boot for silt's "bootLoader: { type: uboot }": starts the first slot of BOOT_ORDER that has starts left in
# BOOT_<slot>_LEFT, and counts the start before it does. Names are those of "boot:" in the configuration of the
# device. Adapt what the two parts for this board say, then make the script that U-Boot reads:
#
#     mkimage -A arm64 -T script -C none -d boot.cmd boot.scr
#
# It needs CONFIG_HUSH_PARSER, CONFIG_CMD_SETEXPR, CONFIG_CMD_SAVEENV and the redundant environment. It belongs where
# no update writes: beside the environment, not into a slot.

# This board: the disk as U-Boot calls it, partition and root of each slot, and starts of a new system until U-Boot
# falls back, 1 to 9; "tries" of the configuration is the same number.
disk=mmc
unit=0
A_partition=2
A_root=PARTLABEL=root-a
B_partition=3
B_root=PARTLABEL=root-b
tries=3

# What a new environment leaves.
if test -z "${BOOT_ORDER}"; then setenv BOOT_ORDER "A B"; fi
if test -z "${BOOT_A_LEFT}"; then setenv BOOT_A_LEFT ${tries}; fi
if test -z "${BOOT_B_LEFT}"; then setenv BOOT_B_LEFT ${tries}; fi

slot=none
for name in ${BOOT_ORDER}; do
  if test "${slot}" = none; then
    if test "${name}" = A; then
      if test 0x${BOOT_A_LEFT} -gt 0; then
        slot=A
        partition=${A_partition}
        root=${A_root}
        setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1
      fi
    elif test "${name}" = B; then
      if test 0x${BOOT_B_LEFT} -gt 0; then
        slot=B
        partition=${B_partition}
        root=${B_root}
        setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1
      fi
    fi
  fi
done

# The power failed in the first moments of each start, or all slots are broken: all get their starts again, so that
# none is given up for ever. One that is being written, or was found bad, is not in BOOT_ORDER, and stays out.
if test "${slot}" = none; then
  echo "no slot has starts left, starting over"
  setenv BOOT_A_LEFT ${tries}
  setenv BOOT_B_LEFT ${tries}
  saveenv
else
  # Before the start, or nothing would be counted. A medium that cannot be written starts all the same.
  saveenv

  # This board: the kernel and its device tree, out of the slot. panic= makes a kernel that gives up restart; against
  # one that hangs only a watchdog helps.
  setenv bootargs "root=${root} rootwait ro panic=10 silt.slot=${slot}"
  echo "starting slot ${slot}"
  if load ${disk} ${unit}:${partition} ${kernel_addr_r} /boot/Image; then
    if load ${disk} ${unit}:${partition} ${fdt_addr_r} /boot/board.dtb; then
      booti ${kernel_addr_r} - ${fdt_addr_r}
    fi
  fi

  # Its start is counted, so that another slot is next in the end.
  echo "slot ${slot} cannot be started"
  sleep 5
fi
reset
