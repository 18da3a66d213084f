#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs inside a test machine, with ioasid.ko loaded: what tracers see. To be sourced by look.sh.

suite=look_trace
tracing=/sys/kernel/tracing
module=/vm/look/ioasid_scene.ko

[ -e $tracing/trace ] || mount -t tracefs tracefs $tracing

# seen WORDS...: a line of the trace has it.
seen() { grep -qE "$*" $tracing/trace || { echo "not seen: $*"; cp $tracing/trace /tmp/trace; return 1; }; }
unseen() { ! grep -E "$*" $tracing/trace; }

all_there() {
	for event in alloc free reclaim get put attach detach bind unbind notify_start notify_end \
		set_create set_destroy allocator_switch; do
		[ -e "$tracing/events/ioasid/ioasid_$event/enable" ] || { echo "no $event"; return 1; }
	done
	[ "$(ls $tracing/events/ioasid | grep -c ioasid_)" = 14 ]
}

off_is_silent() {
	echo >$tracing/trace
	insmod $module && rmmod ioasid_scene && unseen ioasid_
}

life() {
	echo >$tracing/trace
	echo 1 >$tracing/events/ioasid/enable || return 1
	insmod $module || return 1
	seen 'ioasid_alloc: ioasid=1 set=0 min=1 max=1048575 ret=0$' || return 1
	seen 'ioasid_notify_start: event=ALLOC ioasid=1 set=0 subscriber=scene_first' || return 1
	seen 'ioasid_notify_end: event=ALLOC ioasid=1 set=0 subscriber=scene_last.* ret=0$' || return 1
	seen 'ioasid_get: ioasid=2 set=0 refs=1 ret=0$' && seen 'ioasid_get: ioasid=2 set=0 refs=2 ret=0$' || return 1
	seen 'ioasid_free: ioasid=2 set=0 refs=2 ret=1$' || return 1
	seen 'ioasid_notify_end: event=FREE ioasid=2 set=0 subscriber=scene_last' || return 1
	unseen 'ioasid_reclaim: ioasid=2' || return 1
	seen 'ioasid_set_create: set=1 quota=3 pid=[1-9][0-9]* ret=0$' || return 1
	seen 'ioasid_notify_end: event=SET_ALLOC ioasid=-1 set=1 ' || return 1
	seen 'ioasid_attach: ioasid=5 spid=1 ret=0$' || return 1
	# Functions have names for as long as their module is there.
	cp $tracing/trace /tmp/life
	rmmod ioasid_scene || return 1
	seen 'ioasid_put: ioasid=2 set=0 refs=1 ret=0$' && seen 'ioasid_put: ioasid=2 set=0 refs=0 ret=1$' || return 1
	seen 'ioasid_reclaim: ioasid=2 set=0$' && seen 'ioasid_reclaim: ioasid=5 set=1$' || return 1
	sleep 1
	seen 'ioasid_set_destroy: set=1$' || return 1
	echo 0 >$tracing/events/ioasid/enable
}

# The end of one event of one subscriber comes before the next subscriber's.
in_order() {
	grep -o 'ioasid_notify_.* event=FREE ioasid=2 .*subscriber=scene_[a-z]*' /tmp/life |
		sed 's/ioasid_notify_\([a-z]*\):.*=scene_/\1 /' | tr '\n' ' ' | grep -q '^start first end first start last end last $'
}

subscriber_of() { grep "ioasid_notify_$1" $tracing/trace | sed 's/^.*subscriber=\([^ ]*\).*$/\1/'; }

refusal() {
	echo >$tracing/trace
	echo 1 >$tracing/events/ioasid/enable
	if insmod $module refuse=1 2>/dev/null; then
		rmmod ioasid_scene
		return 1
	fi
	echo 0 >$tracing/events/ioasid/enable
	seen 'ioasid_notify_end: event=BIND ioasid=5 set=1 .* ret=-1$' || return 1
	# Only who has accepted it is told that it is over.
	accepted=$(subscriber_of 'end: event=BIND ioasid=5 .* ret=0$')
	[ -n "$accepted" ] && [ "$(subscriber_of 'start: event=UNBIND ioasid=5')" = "$accepted" ] || return 1
	seen 'ioasid_attach: ioasid=5 spid=1 ret=-1$'
}

filtered() {
	echo >$tracing/trace
	echo 'ioasid == 3' >$tracing/events/ioasid/ioasid_alloc/filter || return 1
	echo 1 >$tracing/events/ioasid/ioasid_alloc/enable
	insmod $module && rmmod ioasid_scene || return 1
	echo 0 >$tracing/events/ioasid/ioasid_alloc/enable
	echo 0 >$tracing/events/ioasid/ioasid_alloc/filter
	[ "$(grep -c ioasid_ $tracing/trace)" = 1 ] && seen 'ioasid_alloc: ioasid=3 '
}

try "$suite" events all_there
try "$suite" off_is_silent off_is_silent
try "$suite" life life
grep -v "^#" /tmp/life
try "$suite" order in_order
try "$suite" refusal refusal
try "$suite" filter filtered
[ ! -e /tmp/trace ] || cat /tmp/trace
