#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make shell" inside the stock Debian kernel: module and samples loaded, then a shell.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

insmod /vm/modules/ioasid.ko
for module in /samples/*.ko; do
	[ -e "$module" ] || continue
	insmod "$module" 2>/dev/null
done
# A second turn for those that need one another.
for module in /samples/*.ko; do
	[ -e "$module" ] || continue
	loaded "$(basename "$module" .ko | tr - _)" || insmod "$module"
done

cat <<MOTD

  Linux $(uname -r), stock Debian, in QEMU with the emulated VT-d in scalable mode.

  loaded      $(cut -d' ' -f1 /proc/modules | tr '\n' ' ')
  samples     $(find /samples -type f ! -name '*.ko' 2>/dev/null | tr '\n' ' ')
  devices     $(ls -d /dev/ioasid* 2>/dev/null | tr '\n' ' ')
  debugfs     $(ls -d /sys/kernel/debug/ioasid* 2>/dev/null || echo -)
  kernel log  dmesg

  Leave with: poweroff   (or Ctrl-A x)

MOTD
cd /root || exit 1
export PS1='ioasid# '
# The shell ends the machine, whichever way it is left.
sh -i
exit 0
