# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For scripts that run inside the test machine.

# in_log WORDS...: a line for the kernel log, to tell its parts from one another. It takes no line
# of more than about 1000 characters.
in_log() { printf 'ioasid-vm: %.900s\n' "$*" >/dev/kmsg; }

# case_ok SUITE CASE, case_failed SUITE CASE [WHY]: one result; the host counts these lines.
case_ok() { in_log "case ok $1 $2"; }
case_skipped() { in_log "case skipped $1 $2"; }
case_failed() { in_log "case failed $1 $2${3:+: $3}"; }

# try SUITE CASE COMMAND...: the case passes when the command does.
try() {
	try_suite=$1 try_case=$2
	shift 2
	if why=$("$@" 2>&1); then
		case_ok "$try_suite" "$try_case"
	else
		case_failed "$try_suite" "$try_case" "$(echo "$why" | tr '\n' ' ')"
		return 1
	fi
}

loaded() { grep -q "^$1 " /proc/modules; }
absent() { ! loaded "$1"; }

# unload_ioasid: and everybody has given back what he had, which the module would tell of.
unload_ioasid() {
	in_log "unloading ioasid"
	rmmod ioasid || return 1
	dmesg | awk '/ioasid-vm: unloading ioasid/ { seen = 1; left = "" }
		/ioasid: .* were never / { left = left $0 "\n" }
		END { printf "%s", left; exit !seen || left != "" }'
}

# unload_all: removes every module, users first; says which would not go.
unload_all() {
	turns=6
	while grep -q . /proc/modules; do
		if [ $turns = 0 ]; then
			left=$(cut -d' ' -f1 /proc/modules | tr '\n' ' ')
			echo "still loaded: $left($(cat /tmp/rmmod))"
			return 1
		fi
		turns=$((turns - 1))
		cut -d' ' -f1 /proc/modules | xargs -n 1 rmmod 2>/tmp/rmmod
	done
	return 0
}

# unplug DEVICE, plug DEVICE: has the host pull out or put in a test device (dma0); takes a moment.
unplug() { in_log "unplug $1"; }
plug() { in_log "plug $1"; }

# dump_memory: ends the machine with success, its memory in the file that "vm --dump" has named.
# Needs qemu_fw_cfg.ko, by which the kernel tells QEMU where its notes for crash dumps are.
dump_memory() {
	in_log "exit 0"
	in_log "dump"
	sleep 1000
}

# selftest SUITE PROGRAM: has the host count the results of one that speaks TAP.
selftest() {
	tested=$1
	"$2" >/tmp/tap 2>&1
	code=$?
	number=0
	while read -r line; do
		# shellcheck disable=SC2086  # words it is
		set -- $line
		case $line in
		"ok "*"# SKIP "*) case_skipped "$tested" "${3#*.}" ;;
		"ok "*) case_ok "$tested" "${3#*.}" ;;
		"not ok "*) case_failed "$tested" "${4#*.}" "$said" ;;
		"# dma"* | "# bytes"* | "# fail_nth"*) in_log "$line"; echo "${line#\# }" ;;
		esac
		case $line in
		*ok\ [0-9]*) number=$((number + 1)) said= ;;
		*Expected*) said="$said ${line##*/}" ;;
		"# "*": Test terminated "*) said="$said ${line#*: }" ;;
		esac
	done </tmp/tap
	plan=$(sed -n 's/^1\.\.//p' /tmp/tap)
	if [ "$number" != "$plan" ]; then
		case_failed "$tested" plan "$number of $plan tests have run, exit $code"
		tail -n 20 /tmp/tap
	fi
}

# let_any_allocation_fail: those that may wait, and single pages, when a task asks for it. What
# fails says so in the report of its test, not with a call trace each time.
let_any_allocation_fail() {
	for fault in failslab fail_page_alloc; do
		fault=/sys/kernel/debug/$fault
		[ -d $fault ] || continue
		echo 0 >$fault/verbose
		echo N >$fault/ignore-gfp-wait
		[ ! -e $fault/min-order ] || echo 0 >$fault/min-order
	done
}

# no_leak: kmemleak finds nothing but what the boot has lost (swapper). It does not look at what is
# younger than five seconds; the second scan tells whether what the first one noted has changed.
no_leak() {
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	echo scan >/sys/kernel/debug/kmemleak
	awk 'function flush() {
			if (text != "" && text !~ /comm "swapper/) printf "%s", text
			text = ""
		}
		/^unreferenced/ { flush() }
		{ text = text $0 "\n" }
		END { flush() }' /sys/kernel/debug/kmemleak >/tmp/leaks
	while read -r line; do in_log "leak: $line"; done </tmp/leaks
	[ ! -s /tmp/leaks ] || { echo "see the kernel log"; return 1; }
}
