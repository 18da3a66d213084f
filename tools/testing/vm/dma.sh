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
kmemleak=/sys/kernel/debug/kmemleak

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
		"# dma"* | "# bytes"*) in_log "$line"; echo "${line#\# }" ;;
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

no_leak() {
	sleep 6
	echo scan >"$kmemleak"
	echo scan >"$kmemleak"
	# What the boot has lost (swapper) is not ours.
	awk 'function flush() {
			if (text != "" && text !~ /comm "swapper/) printf "%s", text
			text = ""
		}
		/^unreferenced/ { flush() }
		{ text = text $0 "\n" }
		END { flush() }' "$kmemleak" >/tmp/leaks
	while read -r line; do in_log "leak: $line"; done </tmp/leaks
	[ ! -s /tmp/leaks ]
}

# KUnit has its own run.
kunit=/sys/module/kunit/parameters/filter_glob
[ ! -e $kunit ] || echo none >$kunit

suite=dma_driver_$kernel
# Not where it is built in.
module=/vm/modules/ioasid.ko
[ ! -e $module ] || try "$suite" load_ioasid insmod $module || exit 1
try "$suite" load insmod /samples/ioasid_dma.ko || exit 1
try "$suite" load_others insmod $tests/test_modules/ioasid_dma_test.ko
echo "memory that changes under DMA"
selftest dma_memory
echo "processes that come and go under DMA"
selftest dma_process
echo "what others do in the kernel meanwhile"
selftest dma_others
if [ -e "$kmemleak" ]; then
	if no_leak; then
		case_ok "$suite" no_leak
	else
		case_failed "$suite" no_leak "see the kernel log"
	fi
fi
try "$suite" unload_others rmmod ioasid_dma_test
try "$suite" unload rmmod ioasid_dma
try "$suite" load_again insmod /samples/ioasid_dma.ko
try "$suite" works_again "$tests/dma_memory" -t copy_to_absent
try "$suite" unload_again rmmod ioasid_dma
[ ! -e $module ] || try "$suite" unload_ioasid rmmod ioasid
exit 0
