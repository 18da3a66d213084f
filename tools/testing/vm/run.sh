#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# "make run" inside the stock Debian kernel: loads the module, runs the demonstration, unloads.
# What is printed here is what the user reads.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

iommu=$(ls /sys/class/iommu 2>/dev/null | tr '\n' ' ')
iommu=${iommu% }
echo "Linux $(uname -r), stock Debian, with an emulated IOMMU: ${iommu:-none}"
in_log start
if ! insmod /vm/modules/ioasid.ko; then
	echo "ioasid.ko could not be loaded:"
	dmesg | tail -n 5
	exit 1
fi
echo "ioasid.ko loaded: $(grep '^ioasid ' /proc/modules | cut -d' ' -f2) bytes"
echo
code=0
if [ -e /samples/demo.sh ]; then
	(cd /samples && sh ./demo.sh) || {
		code=$?
		echo
		echo "The demonstration failed (exit $code)."
	}
	echo
fi
if left=$(unload_all); then
	echo "All modules unloaded."
else
	echo "Modules that could not be unloaded: $left"
	code=1
fi
exit $code
