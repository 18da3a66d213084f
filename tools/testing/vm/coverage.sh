#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs what there is of tests with an ioasid.ko that notes which of its code has run, and prints
# that: lines with a number between two marks.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

tests=/tools/testing/selftests/ioasid
torture=/tools/testing/torture

# Whatever comes later adds to it; so a run that does not come to its end tells something, too.
print_seen() {
	echo "coverage begins"
	cat /sys/kernel/debug/ioasid_coverage/seen
	echo "coverage ends"
}

# look_at_tables: what an operator looks at, all the time: a line is for what is there just then.
look_at_tables() {
	while sleep 2; do
		for file in /sys/kernel/debug/ioasid/*; do cat "$file" >/dev/null; done
	done
}

let_any_allocation_fail
echo 0 >/proc/sys/debug/exception-trace
echo "loading ioasid.ko"
insmod /vm/modules/ioasid.ko || exit 1
insmod /tools/testing/coverage/ioasid_coverage.ko || exit 1
look_at_tables &
tables=$!
for module in /vm/tests/*.ko; do
	name=$(basename "$module" .ko)
	echo "$name"
	# To reach a line once is enough.
	case $name in *stress*) seconds=seconds=5 ;; *) seconds= ;; esac
	# shellcheck disable=SC2086  # nothing it may be
	insmod "$module" $seconds && rmmod "$name"
done
print_seen
insmod /samples/ioasid_dma.ko
insmod $tests/test_modules/ioasid_dma_test.ko
for program in dma_memory dma_process dma_others dma_fail_nth; do
	echo "$program"
	$tests/$program >/dev/null 2>&1
done
rmmod ioasid_dma_test
rmmod ioasid_dma
echo "what an operator sees"
for ids in 4 3000; do
	insmod /tools/testing/look/ioasid_scene.ko ids=$ids
	echo 1 >/sys/kernel/debug/ioasid/stuck_secs
	sleep 12
	rmmod ioasid_scene
done
echo "drivers that make mistakes"
sh /vm/neighbours.sh >/dev/null 2>&1
echo "torture"
insmod $torture/ioasid_torture.ko seconds=20
$torture/torture_mms 6 &
mms=$!
while grep -q ^running /sys/kernel/debug/ioasid_torture/result; do sleep 1; done
kill $mms $tables
wait
rmmod ioasid_torture
print_seen
rmmod ioasid_coverage
rmmod ioasid
exit 0
