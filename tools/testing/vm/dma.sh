#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs the selftests of the DMA device, on whichever kernel it is started; on one with kmemleak it
# then looks for leaks.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

# From the kernel's command line.
kernel=$VM_KERNEL
tests=/tools/testing/selftests/ioasid

# Some tests end processes by a fault, which is no news.
echo 0 >/proc/sys/debug/exception-trace

# selftest PROGRAM: has the host count its results.
selftest() {
	tested=dma_${1#dma_}_$kernel
	"$tests/$1" >/tmp/tap 2>&1
	code=$?
	number=0
	while read -r line; do
		# shellcheck disable=SC2086  # words it is
		set -- $line
		case $line in
		"ok "*"# SKIP "*) case_skipped "$tested" "${3#*.}" ;;
		"ok "*) case_ok "$tested" "${3#*.}" ;;
		"not ok "*) case_failed "$tested" "${4#*.}" "$said" ;;
		"# dma"* | "# bytes"* | "# fail_nth"*) in_log "$line"; echo "${line#\# }" ;;
		esac
		case $line in
		*ok\ [0-9]*) number=$((number + 1)) said= ;;
		*Expected*) said="$said ${line##*/}" ;;
		esac
	done </tmp/tap
	plan=$(sed -n 's/^1\.\.//p' /tmp/tap)
	if [ "$number" != "$plan" ]; then
		case_failed "$tested" plan "$number of $plan tests have run, exit $code"
		tail -n 20 /tmp/tap
	fi
}

# KUnit has its own run.
kunit=/sys/module/kunit/parameters/filter_glob
[ ! -e $kunit ] || echo none >$kunit

let_any_allocation_fail

suite=dma_driver_$kernel
try "$suite" load_ioasid insmod /vm/modules/ioasid.ko || exit 1
try "$suite" load insmod /samples/ioasid_dma.ko || exit 1
try "$suite" load_others insmod $tests/test_modules/ioasid_dma_test.ko
echo "memory that changes under DMA"
selftest dma_memory
echo "processes that come and go under DMA"
selftest dma_process
echo "what others do in the kernel meanwhile"
selftest dma_others
echo "processes that have no memory"
selftest dma_fail_nth
[ ! -e /sys/kernel/debug/kmemleak ] || try "$suite" no_leak no_leak
try "$suite" unload_others rmmod ioasid_dma_test
try "$suite" unload rmmod ioasid_dma
try "$suite" load_again insmod /samples/ioasid_dma.ko
try "$suite" works_again "$tests/dma_memory" -t copy_to_absent
try "$suite" unload_again rmmod ioasid_dma
try "$suite" unload_ioasid rmmod ioasid
exit 0
