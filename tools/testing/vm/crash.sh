#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck disable=SC2317 # what "try" calls is called
#
# Runs inside a test machine with a DMA device: brings IDs into every state, copies what debugfs
# says of them to its output, and has the memory of the machine dumped.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

suite=look_crash
script=/tools/ioasid/ioasid_drgn.py
look=/tools/testing/look

bonded() {
	$look/hold_bond >/tmp/pasid 2>&1 &
	turns=50
	while [ ! -s /tmp/pasid ]; do
		[ $turns -gt 0 ] || return 1
		turns=$((turns - 1))
		sleep 0.1
	done
	grep -qx '[1-9][0-9]*' /tmp/pasid || { cat /tmp/pasid; return 1; }
}

# The script reads the machine that it runs on.
live() {
	python3 $script -m /vm/modules/ioasid.ko all >/tmp/live || return 1
	grep -v '^#' /tmp/shown >/tmp/wanted
	# Ages move on: the last column of sets, and the last but two of ids.
	for file in wanted live; do
		awk '{ $(NF - 2 * (NF == 11)) = ""; print }' /tmp/$file >/tmp/$file.ageless
	done
	diff /tmp/wanted.ageless /tmp/live.ageless
}

for module in /kmod/*.ko; do insmod "$module"; done
try "$suite" load insmod /vm/modules/ioasid.ko quarantine_ms=86400000 || exit 1
try "$suite" device insmod /samples/ioasid_dma.ko || exit 1
try "$suite" bond bonded || exit 1
try "$suite" come_and_go insmod $look/ioasid_scene.ko
rmmod ioasid_scene
try "$suite" scene insmod $look/ioasid_scene.ko || exit 1
sleep 2
for table in ids sets; do
	echo "# cat /sys/kernel/debug/ioasid/$table"
	cat /sys/kernel/debug/ioasid/$table
done >/tmp/shown
try "$suite" live live
for table in ids sets; do
	echo "# cat /sys/kernel/debug/ioasid/$table"
	cat /sys/kernel/debug/ioasid/$table
done
dump_memory
