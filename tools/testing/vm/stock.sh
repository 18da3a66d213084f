#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs inside the stock Debian kernel: load, use, unload, and all of it once more.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

suite=stock_load_use_unload

slabs() { [ ! -e /proc/slabinfo ] || grep '^ioasid' /proc/slabinfo; }

round() {
	try "$suite" "load$1" insmod /vm/modules/ioasid.ko || return 1
	try "$suite" "loaded$1" loaded ioasid
	if [ -e /samples/demo.sh ]; then
		echo "samples/demo.sh$1"
		if (cd /samples && sh ./demo.sh) >/tmp/demo 2>&1; then
			case_ok "$suite" "use$1"
		else
			code=$?
			# What it has marked; its last lines if it did not come to that.
			why=$(grep 'FAILED$' /tmp/demo || tail -n 3 /tmp/demo)
			why=$(echo "$why" | tr -s ' \n' ' ')
			case_failed "$suite" "use$1" "demo.sh: exit $code: $why"
			cat /tmp/demo
		fi
	fi
	try "$suite" "unload$1" unload_all
	try "$suite" "gone$1" absent ioasid
	if left=$(slabs); then
		case_failed "$suite" "no_cache_left$1" "$left"
	else
		case_ok "$suite" "no_cache_left$1"
	fi
}

round ''
round _again
exit 0
