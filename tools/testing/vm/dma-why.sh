#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A machine on which SVA does not turn on: one line of the kernel log has to say why, and so has the
# driver when a process is refused.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

# From the kernel's command line.
case $VM_WHY in
iommu_off) because="no IOMMU translates for the device" ;;
mode) because="the IOMMU has not switched on PASIDs for the device" ;;
paging) because='' bind="lacks a paging mode or page size of the CPU (try no5lvl)" ;;
group) because='' bind="ATS, PRI or PASID of the device are off" ;;
in_use) because="IOASIDs exist that may clash with those of the IOMMU core" ;;
esac
suite=dma_why_$VM_WHY
device=/sys/bus/pci/devices/0000:01:00.0
refusal=/sys/kernel/debug/ioasid_dma/ioasid_dma0/why

said() { dmesg | sed -n 's/.*no shared virtual addressing: //p'; }

try "$suite" load_ioasid insmod /vm/modules/ioasid.ko || exit 1
if [ "$VM_WHY" = in_use ]; then
	insmod /samples/ioasid_demo.ko
	exec 9<>/dev/ioasid_demo
fi
insmod /samples/ioasid_dma.ko
if [ -n "$because" ]; then
	try "$suite" says_why sh -c "[ \"$(said | wc -l)\" = 1 ] && echo \"$(said)\" | grep \"$because\""
	try "$suite" has_no_driver [ ! -e $device/driver ]
	said
else
	try "$suite" has_driver [ -e $device/driver ]
	try "$suite" nothing_known_yet [ -z "$(cat $refusal)" ]
	# It tells by itself that it was refused.
	/samples/ioasid_dma_user share >/tmp/said 2>&1
	try "$suite" bind_is_refused grep "No such device" /tmp/said
	try "$suite" says_why grep "$bind" $refusal
	try "$suite" log_is_silent [ -z "$(said)" ]
	cat $refusal
fi
[ "$VM_WHY" != in_use ] || exec 9>&-
if [ "$VM_WHY" = in_use ]; then
	# What was in the way has gone.
	try "$suite" then_works sh -c "echo 0000:01:00.0 >/sys/bus/pci/drivers/ioasid_dma/bind"
fi
try "$suite" unload unload_all
exit 0
