#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck disable=SC2317 # what "try" calls is called
#
# Runs inside a test machine, with ioasid.ko loaded: what tracers see. To be sourced by look.sh.

trace_suite=look_trace_${VM_KERNEL:-stock}
tracing=/sys/kernel/tracing
events=$tracing/events/ioasid
module=/tools/testing/look/ioasid_scene.ko

[ -e $tracing/trace ] || mount -t tracefs tracefs $tracing

# seen WORDS...: a line of the trace has it.
seen() {
	grep -qE "$*" $tracing/trace && return
	echo "not seen: $*"
	cp $tracing/trace /tmp/trace
	return 1
}
unseen() { ! grep -E "$*" $tracing/trace; }

all_there() {
	for event in alloc free reclaim get put attach detach bind unbind notify_start notify_end \
		set_create set_destroy allocator_switch; do
		[ -e "$events/ioasid_$event/enable" ] || { echo "no $event"; return 1; }
	done
	[ "$(find $events -name "ioasid_*" | wc -l)" = 14 ]
}

off_is_silent() {
	echo >$tracing/trace
	insmod $module && rmmod ioasid_scene && unseen ioasid_
}

life() {
	echo >$tracing/trace
	echo 1 >$events/enable || return 1
	insmod $module || return 1
	seen 'ioasid_alloc: ioasid=1 set=0 min=1 max=1048575 ret=0$' || return 1
	seen 'notify_start: event=ALLOC ioasid=1 set=0 subscriber=scene_first' || return 1
	seen 'notify_end: event=ALLOC ioasid=1 set=0 subscriber=scene_last.* ret=0$' || return 1
	seen 'ioasid_get: ioasid=2 set=0 refs=1 ret=0$' || return 1
	seen 'ioasid_get: ioasid=2 set=0 refs=2 ret=0$' || return 1
	seen 'ioasid_free: ioasid=2 set=0 refs=2 ret=1$' || return 1
	seen 'notify_end: event=FREE ioasid=2 set=0 subscriber=scene_last' || return 1
	unseen 'ioasid_reclaim: ioasid=2' || return 1
	seen 'ioasid_set_create: set=1 quota=3 pid=[1-9][0-9]* ret=0$' || return 1
	seen 'ioasid_notify_end: event=SET_ALLOC ioasid=-1 set=1 ' || return 1
	seen 'ioasid_attach: ioasid=5 spid=1 ret=0$' || return 1
	# Functions have names for as long as their module is there.
	cp $tracing/trace /tmp/life
	rmmod ioasid_scene || return 1
	seen 'ioasid_put: ioasid=2 set=0 refs=1 ret=0$' || return 1
	seen 'ioasid_put: ioasid=2 set=0 refs=0 ret=1$' || return 1
	seen 'ioasid_reclaim: ioasid=2 set=0$' && seen 'ioasid_reclaim: ioasid=5 set=1$' || return 1
	# Nobody is waited for, though FREE has yet to be told.
	seen 'ioasid_free: ioasid=5 set=1 refs=0 ret=0$' || return 1
	sleep 1
	seen 'ioasid_set_destroy: set=1$' || return 1
	echo 0 >$events/enable
}

# The end of one event of one subscriber comes before the next subscriber's.
in_order() {
	grep -o 'notify_.* event=FREE ioasid=2 .*subscriber=scene_[a-z]*' /tmp/life |
		sed 's/notify_\([a-z]*\):.*=scene_/\1 /' | tr '\n' ' ' >/tmp/order
	[ "$(cat /tmp/order)" = 'start first end first start last end last ' ]
}

subscriber_of() { grep "ioasid_notify_$1" $tracing/trace | sed 's/^.*subscriber=\([^ ]*\).*$/\1/'; }

refusal() {
	echo >$tracing/trace
	echo 1 >$events/enable
	if insmod $module refuse=1 2>/dev/null; then
		rmmod ioasid_scene
		return 1
	fi
	echo 0 >$events/enable
	seen 'ioasid_notify_end: event=BIND ioasid=5 set=1 .* ret=-1$' || return 1
	# Only who has accepted it is told that it is over.
	accepted=$(subscriber_of 'end: event=BIND ioasid=5 .* ret=0$')
	told=$(subscriber_of 'start: event=UNBIND ioasid=5')
	[ -n "$accepted" ] && [ "$told" = "$accepted" ] || return 1
	seen 'ioasid_attach: ioasid=5 spid=1 ret=-1$'
}

filtered() {
	echo >$tracing/trace
	echo 'ioasid == 3' >$events/ioasid_alloc/filter || return 1
	echo 1 >$events/ioasid_alloc/enable
	insmod $module && rmmod ioasid_scene || return 1
	echo 0 >$events/ioasid_alloc/enable
	echo 0 >$events/ioasid_alloc/filter
	[ "$(grep -c ioasid_ $tracing/trace)" = 1 ] && seen 'ioasid_alloc: ioasid=3 '
}

try "$trace_suite" events all_there
try "$trace_suite" off_is_silent off_is_silent
try "$trace_suite" life life
grep -v "^#" /tmp/life
try "$trace_suite" order in_order
try "$trace_suite" refusal refusal
try "$trace_suite" filter filtered
[ ! -e /tmp/trace ] || cat /tmp/trace
