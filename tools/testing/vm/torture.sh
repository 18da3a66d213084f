#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs ioasid_torture on whichever kernel it is started. From the kernel's command line:
# VM_KERNEL, TORTURE_SECONDS, and optionally TORTURE_SEED and TORTURE_ARGS for the module. On the
# sanitizer kernel it then looks for leaks.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

suite=torture_$VM_KERNEL
place=/tools/testing/torture
result=/sys/kernel/debug/ioasid_torture/result

let_any_allocation_fail
# KUnit has its own run.
kunit=/sys/module/kunit/parameters/filter_glob
[ ! -e $kunit ] || echo none >$kunit

try "$suite" load_ioasid insmod /vm/modules/ioasid.ko || exit 1
# shellcheck disable=SC2086  # words they are
try "$suite" load insmod $place/ioasid_torture.ko "seconds=$TORTURE_SECONDS" \
	"seed=${TORTURE_SEED:-0}" $TORTURE_ARGS || exit 1
$place/torture_mms 6 &
mms=$!

# A turn may go on for a while after the time is up, and what is left is freed.
patience=$((TORTURE_SECONDS + 120))
told=0
while sleep 1; do
	line=$(cat $result)
	case $line in running*) ;; *) break ;; esac
	told=$((told + 1))
	[ $((told % 60)) -ne 0 ] || echo "$line"
	patience=$((patience - 1))
	[ $patience -gt 0 ] || break
done
kill $mms
wait $mms 2>/dev/null
echo "$line"
# ends_well: says what was wrong first.
# shellcheck disable=SC2317  # called by try
ends_well() {
	case $line in SUCCESS*) return ;; esac
	dmesg | sed -n 's/.*ioasid_torture: \(FAULT: .*\)/\1/p' | head -n 3
	echo "$line"
	return 1
}
try "$suite" ends_well ends_well
# did WHAT AT-LEAST: a torture that does nothing finds nothing.
# shellcheck disable=SC2317  # called by try
did() {
	count=$(echo "$line" | sed -n "s/.*, \([0-9]*\) $1\(,.*\|\)\$/\1/p")
	[ "${count:-0}" -ge "$2" ] || { echo "$1: ${count:-none}"; return 1; }
}
for what in IDs references events sets subscriptions replays bonds exits "hard interrupts" \
	softirqs; do
	try "$suite" "does_$(echo "$what" | tr 'A-Z ' 'a-z_')" did "$what" 1
done
try "$suite" unload rmmod ioasid_torture
try "$suite" unload_ioasid unload_ioasid
[ ! -e /sys/kernel/debug/kmemleak ] || try "$suite" no_leak no_leak
if [ -e /proc/lockdep_stats ]; then
	try "$suite" lockdep_still_on grep -q 'debug_locks: *1' /proc/lockdep_stats
fi
exit 0
