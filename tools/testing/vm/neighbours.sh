#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck disable=SC2317 # what "try" calls is called
#
# Runs inside a test machine: drivers that make mistakes beside one that makes none. The system
# stays up, the kernel log names who made the mistake, once, and the other driver does not notice.
# Then what an unprivileged user can see and do, and what module parameters take.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

kernel=${VM_KERNEL:-sanitizer}
suite=neighbours_$kernel
place=/tools/testing/neighbours
dir=/sys/kernel/debug/ioasid
bad=/sys/module/ioasid_bad/parameters
good=/sys/module/ioasid_good/parameters
kunit=/sys/module/kunit/parameters/filter_glob
[ ! -e $kunit ] || echo none >$kunit

# said: what the kernel has said since the last mark.
mark() {
	marked="mark $1"
	in_log "$marked"
}
said() { dmesg | sed -n "/ioasid-vm: $marked\$/,\$p" | grep -v ioasid-vm; }

# told_once WORDS: one line has the words, and no other line is from the module.
told_once() {
	lines=$(said | grep 'ioasid: ')
	if [ "$(echo "$lines" | grep -c -e "$1")" != 1 ] ||
		[ "$(echo "$lines" | grep -c .)" != 1 ]; then
		echo "not one line with '$1': $lines"
		return 1
	fi
}

told_nothing() {
	lines=$(said | grep 'ioasid: ')
	[ -z "$lines" ] || { echo "$lines"; return 1; }
}

# well LIMIT: the good driver has what it should have, and no call of it took so many ms.
well() {
	took=$(cat "$good"/well) || { echo "it is not well: $(dmesg | tail -n 1)"; return 1; }
	[ "$took" -lt "$1" ] || { echo "a call took $took ms"; return 1; }
}

load() {
	insmod "$place"/ioasid_bad.ko mistake="$1" || return 1
	insmod "$place"/ioasid_good.ko || return 1
	cat "$good"/shown >"$bad"/victim && cat "$good"/shown_kernel >"$bad"/victim_kernel
}

go() { echo 1 >"$bad"/go; }

unload() {
	rmmod ioasid_bad || return 1
	well 3000 || return 1
	rmmod ioasid_good
}

# What is left: nothing, and all can be had again.
is_clean() {
	turns=0
	while ! awk '$1 == "live" || $1 == "resting" { n += $2 }
		END { exit n != 0 }' "$dir"/stats; do
		turns=$((turns + 1))
		[ "$turns" -lt 50 ] || { cat "$dir"/ids; return 1; }
		sleep 0.1
	done
	awk '$1 == "capacity" { all = $2 } $1 == "left" { left = $2 }
		END {
			if (left != all)
				print left " of " all " left"
			exit left != all
		}' "$dir"/stats
}

# neighbour MISTAKE COMMAND...: what has to be so after it was made.
neighbour() {
	name=$1
	shift
	mark "$name"
	try "$suite" "${name}_loads" load "$name" || return 1
	try "$suite" "${name}_is_made" go
	try "$suite" "${name}_does_not_reach_others" well 3000
	try "$suite" "${name}_is_told" "$@"
	try "$suite" "${name}_unloads" unload
	try "$suite" "${name}_leaves_nothing" is_clean
}

by='(ID [0-9]*) by .*\[ioasid_bad\]'

told_of_leak() {
	turns=0
	until said | grep -q 'is held: '; do
		turns=$((turns + 1))
		[ "$turns" -lt 30 ] || return 1
		sleep 1
	done
	sleep 3
	told_once 'ioasid: ID [0-9]* of process .* is held: bad.040queue:1 unnamed:0$'
}

# All of them are told of, but a few at a look have lines of their own. Two looks may share them.
told_of_leaks() {
	turns=0
	until [ "$(said | awk '/ioasid: ID .* is held: / { n++ }
		/ more IDs wait for their/ { sub(/ more IDs.*/, ""); n += $NF }
		END { print (n >= 30) }')" = 1 ]; do
		turns=$((turns + 1))
		[ "$turns" -lt 30 ] || { said | grep 'ioasid: '; return 1; }
		sleep 1
	done
	[ "$(said | grep -c 'ioasid: ')" -le 18 ] || { said | grep 'ioasid: '; return 1; }
}

loaded ioasid || try "$suite" load insmod /vm/modules/ioasid.ko || exit 1
echo 1 >"$dir"/stuck_secs
neighbour leak told_of_leak
neighbour leak_many told_of_leaks
echo 60 >"$dir"/stuck_secs
neighbour over_put told_once "put without a reference $by"
neighbour foreign told_nothing
neighbour foreign_put told_once "put of an ID of another set $by"
neighbour free_twice told_nothing
neighbour twice told_nothing
neighbour unregister_unknown told_once "unknown allocator unregistered $by"
neighbour duplicates told_once "number named twice (ID [0-9]*) by bad_alloc.*\[ioasid_bad\]"
neighbour garbage told_once "number outside the requested range (ID [0-9]*) by bad_alloc.*bad\]"
neighbour slow told_nothing

# Those that are still there when their module goes: they are told of as it does.
stays() {
	name=$1
	mark "$name"
	try "$suite" "${name}_loads" load "$name" || return 1
	try "$suite" "${name}_is_made" go
	try "$suite" "${name}_does_not_reach_others" well 3000
	bond=$(cat "$bad"/bond)
	try "$suite" "${name}_unloads" rmmod ioasid_bad
	try "$suite" "${name}_is_told" told_once "$2"
	try "$suite" "${name}_is_survived" well 3000
	[ "$bond" = 0 ] || echo "$bond" >"$good"/bond
	try "$suite" "${name}_good_unloads" rmmod ioasid_good
	try "$suite" "${name}_leaves_nothing" is_clean
}

stays stay_subscribed 'ioasid_bad left 2 subscribers registered, removed'
stays stay_allocator 'ioasid_bad left 1 allocators registered, removed'
stays stay_enabled 'ioasid_bad left SVA enabled on 1 devices, disabled'

# shellcheck source=tools/testing/neighbours/security.sh
. "$place"/security.sh

suite=neighbours_$kernel

# The kernel itself tells of this one, and names the handler; only a kernel that looks for it does.
# Last, for lockdep looks no further.
sleeper_is_named() {
	[ "$(said | grep -c 'sleeping function called from invalid context')" = 1 ] &&
		said | grep -q 'bad_call.*\[ioasid_bad\]'
}
if [ "$kernel" = sanitizer ]; then
	in_log "expect sleep in atomic context"
	neighbour sleep sleeper_is_named
	in_log "expect nothing"
fi

# Where coverage is measured it stays.
loaded ioasid_coverage || try "$suite" unload unload_all
exit 0
