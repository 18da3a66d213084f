#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck disable=SC2317 # what "try" calls is called
#
# Runs inside a test machine that has trace-cmd, bpftrace and lsioasid: the commands that the
# documents show, as they stand there. To be sourced by tracers.sh, which has made /tmp/come_and_go.

# From "check-documents --commands": a document, whether the command succeeds, and the command.
commands=/tools/testing/look/commands
scene=/tools/testing/look/ioasid_scene.ko
tracing=/sys/kernel/tracing

# set_up DOCUMENT: what it takes for granted when it begins.
set_up() {
	cd / && unload_all || return 1
	case $1 in
	README.md)
		insmod /vm/modules/ioasid.ko && insmod /samples/ioasid_vcmd.ko || return 1
		cd /samples || return 1
		;;
	ioasid-operator.rst)
		insmod /vm/modules/ioasid.ko && insmod /samples/ioasid_dma.ko && insmod $scene
		;;
	*)
		cd /vm/modules || return 1
		;;
	esac
}

# before COMMAND: what its place in the text takes for granted.
before() {
	case $1 in
	"insmod ioasid.ko "*) absent ioasid || rmmod ioasid ;;
	"cat trace") rmmod ioasid_scene ;;
	"trace-cmd record"*)
		cd /
		echo 0 >$tracing/events/ioasid/enable
		echo 0 >$tracing/events/ioasid/ioasid_free/filter
		;;
	bpftrace*) cd / ;;
	lsioasid*) loaded ioasid_scene || insmod $scene ;;
	esac
}

# as_shown DOCUMENT
as_shown() {
	set_up "$1" || return 1
	tab=$(printf '\t')
	grep "^$1$tab" $commands >/tmp/shown
	while IFS="$tab" read -r _ wanted command <&4; do
		before "$command" || { echo "not ready for: $command"; return 1; }
		echo "# $command" >>/tmp/documents
		if eval "$command" >/tmp/said 2>&1 </dev/null; then ended=yes; else ended=no; fi
		cat /tmp/said >>/tmp/documents
		[ $ended = "$wanted" ] || { echo "$command: $(tail -n 1 /tmp/said)"; return 1; }
	done 4</tmp/shown
}

PATH=$PATH:/tools/testing/look
cut -f1 $commands | sort -u >/tmp/names
while read -r name <&3; do
	try look_documents "$(echo "${name%.*}" | tr -c 'A-Za-z\n' _)" as_shown "$name"
done 3</tmp/names
cat /tmp/documents
cd /
