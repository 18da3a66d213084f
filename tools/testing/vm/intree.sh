#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs inside the kernel that has IOASID built in, from the series in patches/. The suites that are
# built in have run when it booted; that of the Intel IOMMU driver runs here. Then it looks for
# leaks.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

suite=boot
kmemleak=/sys/kernel/debug/kmemleak

no_leak() {
	sleep 6
	echo scan >$kmemleak
	echo scan >$kmemleak
	# What the boot has lost (swapper) is not ours, unless its trace says so.
	awk 'function flush() {
			if (text != "" && (text !~ /comm "swapper/ || text ~ /ioasid/))
				printf "%s", text
			text = ""
		}
		/^unreferenced/ { flush() }
		{ text = text $0 "\n" }
		END { flush() }' $kmemleak >/tmp/leaks
	while read -r line; do in_log "leak: $line"; done </tmp/leaks
	[ ! -s /tmp/leaks ]
}

try $suite is_no_module absent ioasid
try $suite index_can_be_seen test -e /sys/kernel/debug/ioasid
try $suite load_vtd_test insmod /tools/testing/intree/ioasid_vtd_test.ko
try $suite unload_vtd_test rmmod ioasid_vtd_test
if no_leak; then
	case_ok $suite no_leak
else
	case_failed $suite no_leak "see the kernel log"
fi
if grep -q 'debug_locks: *1' /proc/lockdep_stats; then
	case_ok $suite lockdep_still_on
else
	case_failed $suite lockdep_still_on "lockdep has switched itself off"
fi
exit 0
