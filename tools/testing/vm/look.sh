#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck disable=SC2317 # what "try" calls is called
#
# Runs inside a test machine: what debugfs shows of IDs in every state, and of very many: VM_IDS on
# the command line of the kernel says of how many.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

suite=look_debugfs_${VM_KERNEL:-stock}
dir=/sys/kernel/debug/ioasid
place=/tools/testing/look
held='queue\0401:1'

# column FILE FIRST NAME: what the line that begins with FIRST has in the column of that name.
column() {
	awk -v first="$2" -v name="$3" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next }
		$1 == first && at { print $at; exit }' "$dir/$1"
}

# shows FILE FIRST NAME WANTED
shows() {
	is=$(column "$1" "$2" "$3")
	[ "$is" = "$4" ] || { echo "$1: $2 has $3 $is, not $4"; return 1; }
}

# even FILE: every line has as many columns as the heading.
even() {
	awk 'NR == 1 { n = NF } NF != n { print FILENAME ": " $0; bad = 1 }
		END { exit bad }' "$dir/$1"
}

all_shown() {
	for file in ids sets quarantine allocators subscribers stats devices bonds; do
		echo "# cat $dir/$file"
		cat "$dir/$file" || return 1
	done >/tmp/shown
	for file in ids sets quarantine allocators subscribers stats; do
		even "$file" || return 1
	done
}

few() {
	shows ids 1 state idle &&
		shows ids 2 state pending && shows ids 2 refs 2 || return 1
	shows ids 2 holders "$held" || return 1
	shows ids 5 bound spid && shows ids 5 spid 1 && shows ids 5 state active || return 1
	shows ids 5 set 1 && shows ids 5 comm insmod || return 1
	shows sets 1 quota 3 && shows sets 1 use 2 && shows sets 1 comm insmod || return 1
	shows quarantine 2 state pending && shows quarantine 2 holders "$held" || return 1
	shows stats live value 6 && shows allocators default state active || return 1
	shows subscribers 100 module ioasid_scene &&
		shows subscribers 100 function scene_first || return 1
	shows subscribers 0 function scene_last || return 1
	[ "$(wc -l <"$dir"/quarantine)" = 2 ]
}

# The process that allocated has ended: its number is told, and no name of another one.
owner_is_gone() {
	[ "$(column ids 1 pid)" -gt 1 ] && shows ids 1 comm -
}

# no_address: nothing that looks like an address of the kernel is in any file.
no_address() { ! grep -rE '[0-9a-f]{12}' "$dir"; }

told_of_stuck() {
	line='ioasid: ID 2 of process [0-9]* (.*), freed [0-9]* s ago, is held: '
	line="$line"'queue.0401:1 unnamed:1'
	echo 1 >"$dir"/stuck_secs || return 1
	waited=0
	while ! dmesg | grep -q "$line"; do
		[ "$waited" -lt 30 ] || { dmesg | grep 'ioasid: ' | tail -n 1; return 1; }
		waited=$((waited + 1))
		sleep 1
	done
	sleep 3
	[ "$(dmesg | grep -c 'ioasid: ID 2 of')" = 1 ] && shows stats stuck value 1
}

# A file that is open keeps the module.
open_file_pins() {
	exec 3<"$dir"/ids
	if rmmod ioasid 2>/dev/null; then
		exec 3<&-
		return 1
	fi
	exec 3<&-
}

many() {
	began=$(cut -d. -f1 /proc/uptime)
	lines=$(wc -l <"$dir"/ids) || return 1
	in_log "$lines lines in $(($(cut -d. -f1 /proc/uptime) - began)) s"
	[ "$lines" = $((ids + 3)) ] || { echo "$lines lines"; return 1; }
	even ids
}

try "$suite" load insmod /vm/modules/ioasid.ko || exit 1
try "$suite" scene insmod $place/ioasid_scene.ko || exit 1
try "$suite" all_shown all_shown
cat /tmp/shown
try "$suite" states few
try "$suite" owner_is_gone owner_is_gone
try "$suite" no_address no_address
try "$suite" told_of_stuck told_of_stuck
try "$suite" end rmmod ioasid_scene
try "$suite" open_file_pins open_file_pins
ids=${VM_IDS:-100000}
try "$suite" crowd insmod $place/ioasid_scene.ko ids="$ids"
try "$suite" many many
try "$suite" crowd_end rmmod ioasid_scene
# shellcheck source=tools/testing/look/trace.sh
. $place/trace.sh
# shellcheck source=tools/testing/look/lsioasid.sh
[ ! -e $place/lsioasid ] || . $place/lsioasid.sh
try "$suite" unload unload_all
exit 0
