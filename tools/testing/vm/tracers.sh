#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck disable=SC2317 # what "try" calls is called
#
# Runs inside a test machine that has trace-cmd and bpftrace: the life of an ID as they tell it.
# Then the commands of the documents.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

suite=look_tracers
scene=/tools/testing/look/ioasid_scene.ko
life=/tools/ioasid/life.bt

# tells FILE WORDS...: a line of it ends like that.
tells() {
	file=$1
	shift
	grep -qE "$*\$" "$file" && return
	echo "not told: $*"
	return 1
}

# in_turn FILE WORDS...: lines with these words come one after the other, in this order.
in_turn() {
	file=$1
	shift
	reached=0
	for words in "$@"; do
		at=$(awk -v from="$reached" -v words="$words" '
			NR > from && $0 ~ words { print NR; exit }' "$file")
		[ -n "$at" ] || { echo "not behind line $reached: $words"; return 1; }
		reached=$at
	done
}

# Loads the scene and removes it: its IDs come and go.
cat >/tmp/come_and_go <<-END
	#!/bin/sh
	insmod $scene && rmmod ioasid_scene
END
chmod +x /tmp/come_and_go

recorded() {
	trace-cmd record -q -e ioasid -o /tmp/trace.dat /tmp/come_and_go >/dev/null 2>/tmp/said ||
		{ cat /tmp/said; return 1; }
	trace-cmd report -i /tmp/trace.dat >/tmp/report 2>/tmp/said || { cat /tmp/said; return 1; }
}

report_is_right() {
	tells /tmp/report 'ioasid_alloc: +ioasid=1 set=0 min=1 max=1048575 ret=0' || return 1
	tells /tmp/report 'ioasid_attach: +ioasid=5 spid=1 ret=0' || return 1
	tells /tmp/report 'ioasid_set_create: +set=1 quota=3 pid=[1-9][0-9]* ret=0' || return 1
	in_turn /tmp/report 'ioasid_alloc: +ioasid=2 ' \
		'ioasid_notify_start: +event=ALLOC ioasid=2 set=0 ' \
		'ioasid_get: +ioasid=2 set=0 refs=1 ret=0' \
		'ioasid_get: +ioasid=2 set=0 refs=2 ret=0' \
		'ioasid_notify_start: +event=FREE ioasid=2 set=0 ' \
		'ioasid_notify_end: +event=FREE ioasid=2 set=0 .* ret=0' \
		'ioasid_put: +ioasid=2 set=0 refs=1 ret=0' \
		'ioasid_put: +ioasid=2 set=0 refs=0 ret=1' \
		'ioasid_reclaim: +ioasid=2 set=0' || return 1
	# Nobody is waited for, though FREE has yet to be told.
	tells /tmp/report 'ioasid_free: +ioasid=5 set=1 refs=0 ret=0'
}

only_some() {
	trace-cmd record -q -e ioasid:ioasid_free -f 'ioasid == 2' -o /tmp/some.dat \
		/tmp/come_and_go >/dev/null 2>/tmp/said || { cat /tmp/said; return 1; }
	trace-cmd report -i /tmp/some.dat >/tmp/some 2>/dev/null
	[ "$(grep -c 'ioasid_' /tmp/some)" = 1 ] &&
		tells /tmp/some 'ioasid_free: +ioasid=2 set=0 refs=2 ret=1'
}

# Functions have names for as long as their module is there.
names_are_told() {
	trace-cmd record -q -e ioasid:ioasid_notify_start -o /tmp/names.dat insmod "$scene" \
		>/dev/null 2>/tmp/said || { cat /tmp/said; return 1; }
	trace-cmd report -i /tmp/names.dat >/tmp/names 2>/dev/null
	rmmod ioasid_scene
	tells /tmp/names 'event=ALLOC ioasid=1 set=0 subscriber=scene_first.*' &&
		tells /tmp/names 'event=BIND ioasid=6 set=1 subscriber=scene_last.*'
}

counted() {
	bpftrace -o /tmp/counted -c "/bin/sh /tmp/come_and_go" "$life" >/tmp/said 2>&1 ||
		{ cat /tmp/said /tmp/counted; return 1; }
}

count_is_right() {
	tells /tmp/counted 'insmod +alloc +5 of set 1' || return 1
	in_turn /tmp/counted '^insmod +alloc +2 of set 0$' '^insmod +free +2, held by 2$' \
		'^rmmod +reclaim +2 after [0-9]+ us$' || return 1
	tells /tmp/counted '^rmmod +free +5, held by 0' || return 1
	tells /tmp/counted '@reclaimed: 6' && ! grep '^@born' /tmp/counted
}

try "$suite" load insmod /vm/modules/ioasid.ko || exit 1
try "$suite" trace_cmd recorded
try "$suite" trace_cmd_report report_is_right
cat /tmp/report
try "$suite" trace_cmd_filter only_some
try "$suite" trace_cmd_names names_are_told
try "$suite" bpftrace counted
try "$suite" bpftrace_output count_is_right
cat /tmp/counted
# shellcheck source=tools/testing/look/documents.sh
. /tools/testing/look/documents.sh
try "$suite" unload unload_all
exit 0
