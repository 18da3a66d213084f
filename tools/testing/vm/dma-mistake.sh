#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The driver of the DMA device makes the mistake that it must not make: it unbinds without stopping
# the device. Tests and kernel log have to tell; the host looks whether they did. What is said here
# is no result: the machine may not live to its end.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

tests=/tools/testing/selftests/ioasid
kunit=/sys/module/kunit/parameters/filter_glob
[ ! -e $kunit ] || echo none >$kunit
insmod /vm/modules/ioasid.ko
insmod /samples/ioasid_dma.ko no_stop=1

# told TEST PROGRAM: whether a test fails as it should.
told() {
	"$tests/$2" -t "$1" >/tmp/tap 2>&1
	if grep -q '^not ok 1 ' /tmp/tap; then in_log "mistake: told by $1"; fi
	sed 's/^# //; /orphans\|Expected/!d' /tmp/tap
}

told unbind_in_flight dma_memory
told forty_killed_in_flight dma_process
exit 0
