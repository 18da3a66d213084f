#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck disable=SC2317 # what "try" calls is called
#
# Runs inside a test machine: the programs that have found something once, then the fuzzer as long
# as VM_FUZZ_SECONDS or VM_FUZZ_CALLS on the kernel's command line say.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

place=/tools/testing/fuzz
kunit=/sys/module/kunit/parameters/filter_glob
[ ! -e $kunit ] || echo none >$kunit

# What fails an allocation is not to say so each time.
for fault in failslab fail_page_alloc; do
	[ -e /sys/kernel/debug/$fault ] || continue
	echo 0 >/sys/kernel/debug/$fault/verbose
	echo N >/sys/kernel/debug/$fault/ignore-gfp-wait
done

lockdep_is_on() { [ ! -e /proc/lockdep_stats ] || grep -q 'debug_locks: *1' /proc/lockdep_stats; }

# all_has_gone: what was freed goes by and by; what stays is shown.
all_has_gone() {
	for _ in $(seq 20); do
		left=$(awk 'FNR > 1 && $1 != 0 { print FILENAME ": " $0 }' \
			/sys/kernel/debug/ioasid/ids /sys/kernel/debug/ioasid/sets)
		[ -n "$left" ] || return 0
		sleep 1
	done
	echo "$left" | while read -r line; do in_log "$line"; done
	echo "$left" | head -n 3
	return 1
}

corpus() {
	for program in "$place"/corpus/*.txt; do
		[ -e "$program" ] || continue
		name=$(basename "$program" .txt)
		try ioasid_fuzz "corpus_$name" $place/ioasid_fuzz --replay "$program"
	done
}

try ioasid_fuzz load insmod /vm/modules/ioasid.ko || exit 1
try ioasid_fuzz load_device insmod $place/ioasid_fuzz_dev.ko || exit 1
corpus
try ioasid_fuzz corpus_has_gone all_has_gone
if $place/ioasid_fuzz --seconds "${VM_FUZZ_SECONDS:-30}" --workers "${VM_FUZZ_WORKERS:-2}" \
	${VM_FUZZ_CALLS:+--calls "$VM_FUZZ_CALLS"} ${VM_FUZZ_SEED:+--seed "$VM_FUZZ_SEED"}; then
	case_ok ioasid_fuzz no_findings
else
	case_failed ioasid_fuzz no_findings "see its output"
fi
try ioasid_fuzz unload_device rmmod ioasid_fuzz_dev
try ioasid_fuzz all_has_gone all_has_gone
try ioasid_fuzz unload unload_ioasid
try ioasid_fuzz lockdep_still_on lockdep_is_on
exit 0
