#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs inside the kernel with all checkers: every KUnit suite, then the search for leaks.
#
# The Rust suites run when ioasid.ko is loaded, the C suites when their modules are. insmod tells
# nothing about them: the host counts what stands in the kernel log.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

kmemleak=/sys/kernel/debug/kmemleak

# kmemleak does not look at anything younger than five seconds.
leaks() {
	sleep 6
	# The first scan notes what an object holds, the second tells whether that has changed.
	echo scan >$kmemleak
	echo scan >$kmemleak
	cat $kmemleak
}

# expect_no_leak NAME: passes when nothing but the planted leak is in the report.
expect_no_leak() {
	leaks >/tmp/leaks
	# One report is a line "unreferenced object" and what is indented under it. What the boot
	# has lost (swapper) is not ours.
	awk 'function flush() {
			if (text != "" && text !~ /planted_leak|comm "swapper/) printf "%s", text
			text = ""
		}
		/^unreferenced/ { flush() }
		{ text = text $0 "\n" }
		END { flush() }' /tmp/leaks >/tmp/real
	while read -r line; do in_log "leak: $line"; done </tmp/real
	if [ -s /tmp/real ]; then
		count=$(grep -c ^unreferenced /tmp/real)
		case_failed sanitizer_checks "$1" "$count objects, see the kernel log"
	else
		case_ok sanitizer_checks "$1"
	fi
}

let_any_allocation_fail

try sanitizer_checks plant_leak insmod /vm/planted_leak.ko

echo "loading ioasid.ko"
try sanitizer_checks load insmod /vm/modules/ioasid.ko || exit 1
for module in /vm/tests/*.ko; do
	[ -e "$module" ] || continue
	name=$(basename "$module" .ko)
	echo "loading $name.ko"
	try sanitizer_checks "load_$name" insmod "$module"
done

# Each symbol that the module exports has a line of the suite ioasid_fail_nth.
# shellcheck disable=SC2317  # called by try
every_call_is_swept() {
	sed -n 's/.* __ksymtab_\(ioasid_[a-z_]*\)\>.*/\1/p' /proc/kallsyms | sort -u >/tmp/exported
	dmesg | sed -n 's/.*swept \(ioasid_[a-z_]*\).*/\1/p' | sort -u >/tmp/swept
	[ -s /tmp/exported ] && grep -vxFf /tmp/swept /tmp/exported && return 1
	[ -s /tmp/exported ]
}
try sanitizer_checks every_call_is_swept every_call_is_swept
dmesg | sed -n 's/.*\(fail_nth: .* points in .*\)/\1/p'

echo "looking for leaks"
expect_no_leak no_leak_while_loaded
if grep -q planted_leak /tmp/leaks; then
	case_ok sanitizer_checks planted_leak_is_seen
else
	# Then its other results are worth nothing.
	case_failed sanitizer_checks planted_leak_is_seen "kmemleak sees nothing at all"
fi

for module in /vm/tests/*.ko; do
	[ -e "$module" ] || continue
	name=$(basename "$module" .ko)
	try sanitizer_checks "unload_$name" rmmod "$name"
done
try sanitizer_checks unload unload_ioasid
expect_no_leak no_leak_after_unload

# A second time: nothing of the first may be left in the way.
echo "loading again"
echo none >/sys/module/kunit/parameters/filter_glob
try sanitizer_checks load_again insmod /vm/modules/ioasid.ko
try sanitizer_checks unload_again unload_ioasid
try sanitizer_checks unload_planted_leak rmmod planted_leak

# lockdep switches itself off at its first report and when its tables are full.
if grep -q 'debug_locks: *1' /proc/lockdep_stats; then
	case_ok sanitizer_checks lockdep_still_on
else
	case_failed sanitizer_checks lockdep_still_on "lockdep has switched itself off"
fi
# So does kmemleak when it runs out of memory.
try sanitizer_checks kmemleak_still_on sh -c "echo scan=off >$kmemleak"
exit 0
