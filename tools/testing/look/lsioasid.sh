#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck disable=SC2317 # what "try" calls is called
#
# Runs inside a test machine, with ioasid.ko loaded: lsioasid on what is there. To be sourced by
# look.sh.

list_suite=look_lsioasid_${VM_KERNEL:-stock}
ls=/tools/testing/look/lsioasid
module=/tools/testing/look/ioasid_scene.ko

# says WORDS COMMAND...: the output has a line like that.
says() {
	words=$1
	shift
	"$@" >/tmp/said 2>&1
	code=$?
	grep -qE "$words" /tmp/said || { echo "not said by $*: $words"; cat /tmp/said; return 1; }
}

# ends CODE COMMAND...
ends() {
	wanted=$1
	shift
	"$@" >/tmp/said 2>&1
	code=$?
	[ $code = "$wanted" ] || { echo "$* ends with $code"; cat /tmp/said; return 1; }
}

shown() {
	echo "# lsioasid $*"
	"$ls" "$@"
	echo
}

table() {
	says '^ *2  pending +[0-9]+  - +0  - +queue 1, 1 unnamed +[0-9]+s$' $ls || return 1
	says '^ *5  active +[0-9]+  insmod +1  SPID 1 +- +[0-9]+s$' $ls || return 1
	[ "$($ls | wc -l)" = 7 ]
}

filters() {
	[ "$($ls --set 1 | wc -l)" = 3 ] && [ "$($ls --state pending | wc -l)" = 2 ] || return 1
	[ "$($ls --state idle --state active | wc -l)" = 6 ] || return 1
	[ "$($ls --device none | wc -l)" = 1 ] || return 1
	pid=$($ls --set 1 | awk 'NR == 2 { print $3 }')
	[ "$($ls --pid "$pid" | wc -l)" = 7 ] && [ "$($ls --pid 1 | wc -l)" = 1 ]
}

owner() {
	says 'PASID 2: pending: freed by its owner [0-9]+s ago, and held' $ls owner 2 || return 1
	says 'owner: +process [0-9]+, which has ended' $ls owner 0x2 || return 1
	says 'held by: +queue 1, 1 unnamed' $ls owner 2 || return 1
	says 'owner: +insmod \([0-9]+\)' $ls owner 5 || return 1
	says 'set: +1 \(null, live\)' $ls owner 5 || return 1
	ends 1 $ls owner 4242 && ends 2 $ls owner nobody
}

tree() {
	says '^└─ set 1 \(null\), 2 of 3 in use' $ls --tree || return 1
	says '└─ PASID 6 active, bound to SPID 2' $ls --tree || return 1
	says '^insmod \([0-9]+\): set 1 \(null\), 2 of 3 in use' $ls --tree=vm || return 1
	says '^├─ PASID 2 pending, .*, of process [0-9]+, which has ended' $ls --tree=set
}

top() {
	says '^ *1  null +live +[0-9]+  insmod +3 +2 +2 +66% +0 +2$' $ls top || return 1
	[ "$($ls top -n 1 | wc -l)" = 2 ]
}

json() {
	says '"ioasid": 2,' $ls --json && says '"name": "queue 1",' $ls --json || return 1
	says '^null$' $ls --json owner 4242 && says '"quota": 3' $ls --json top
}

# A process that is bound to a device: found by the device, and no more when it has let go.
bonds() {
	insmod /samples/ioasid_dma.ko || return 1
	/tools/testing/look/hold_bond >/tmp/pasid 2>&1 &
	holder=$!
	turns=100
	while [ ! -s /tmp/pasid ] && [ $turns -gt 0 ]; do
		turns=$((turns - 1))
		sleep 0.1
	done
	pasid=$(cat /tmp/pasid)
	bound && kill $holder && wait $holder 2>/dev/null
	[ "$($ls --device "$device" | wc -l)" = 1 ] && rmmod ioasid_dma
}

bound() {
	held='ioasid_dma queue, 1 unnamed'
	says "^ *$pasid  active +$holder  hold_bond +0  $device  $held +[0-9]+s\$" \
		$ls --device "$device" || return 1
	[ "$($ls --device "$device" | wc -l)" = 2 ] || return 1
	[ "$($ls --device 0000:ff:00.0 | wc -l)" = 1 ] || return 1
	all="--device $device --pid $holder --state active --set 0"
	# shellcheck disable=SC2086  # words they are
	[ "$($ls $all | wc -l)" = 2 ] || return 1
	[ "$($ls --device "$device" --state pending | wc -l)" = 1 ] || return 1
	says "bound to: +$device\$" $ls owner "$pasid" || return 1
	says "owner: +hold_bond \($holder\)" $ls owner "$pasid" || return 1
	says "^hold_bond \($holder\)\$" $ls --tree --device "$device" || return 1
	says "PASID $pasid active, bound to $device, held by" $ls --tree || return 1
	says "^ +\"$device\"\$" $ls --json owner "$pasid" || return 1
	says 'PASIDs 1 to [0-9]+, 1 bound' $ls why "$device" || return 1
	$ls --device "$device" >/tmp/bound
}

escape=$(printf '\033')
terminal=/tools/testing/look/on_terminal

# Neither a file nor a pipe gets colours unless they are asked for.
colours() {
	! $ls | grep -q "$escape" && $ls --color always | grep -q "$escape"
}

# A terminal gets them, unless it or its user wants none; and a screen that is made anew.
on_terminal() {
	TERM=linux $terminal $ls | grep -q "$escape\\[33m" || return 1
	! TERM=linux $terminal $ls --color never | grep -q "$escape" || return 1
	! TERM=linux NO_COLOR=1 $terminal $ls | grep -q "$escape" || return 1
	! TERM=dumb $terminal $ls | grep -q "$escape" || return 1
	TERM=linux timeout 3 $terminal $ls --watch=1 >/tmp/screens
	[ "$(grep -c "$escape\\[H$escape\\[2J" /tmp/screens)" -ge 2 ]
}

watched() {
	timeout 3 $ls --json --watch=1 >/tmp/watched
	[ "$(grep -c '^{"ids":\[{"ioasid":1,' /tmp/watched)" -ge 2 ]
}

# by_nobody ARGUMENT...
by_nobody() { su -s /bin/sh nobody -c "$ls $*"; }

unprivileged() {
	says 'is not for you to read: .* only root may see' by_nobody || return 1
	ends 2 by_nobody top || return 1
	# What is known without root is told.
	says '^\?   ioasid +.*is not for you to read' by_nobody why "$device" || return 1
	says '^yes +group' by_nobody why "$device" || return 1
	says 'is not there: is the module' $ls --debugfs /nowhere
}

obstacles() {
	ends 1 $ls why 0000:00:00.0 && ends 1 $ls why nothing || return 1
	ends 2 $ls why ../kernel || return 1
	says '^NO +PASID capability' $ls why 0000:00:00.0 || return 1
	says 'there is no nothing' $ls why nothing
}

# The driver has enabled sharing on it.
enabled() {
	insmod /samples/ioasid_dma.ko || return 1
	says '^yes +ioasid +enabled \(core\), PASIDs 1 to' $ls why "$device" || return 1
	says '^yes +PASID capability +20 bits, switched on' $ls why "$device" || return 1
	says '^yes +scalable mode' $ls why "$device" || return 1
	says '^yes +CONFIG_IOMMU_SVA +yes' $ls why "$device" || return 1
	says '^- +kernel options +intel_iommu=on,sm_on' $ls why "$device" || return 1
	shown why "$device" >/tmp/why
	rmmod ioasid_dma
}

help() {
	says '^\.TH lsioasid' $ls man && says '_lsioasid\(\)' $ls completions bash || return 1
	ends 0 $ls --help || return 1
	ends 0 sh -c "$ls | head -n 1"
}

grep -q nobody /etc/passwd 2>/dev/null || {
	echo 'root:x:0:0::/:/bin/sh' >/etc/passwd
	echo 'nobody:x:65534:65534::/:/bin/sh' >>/etc/passwd
}
device=$(grep -l 0x10a5 /sys/bus/pci/devices/*/device | sed -n '1s|.*/\([^/]*\)/device|\1|p')

try "$list_suite" scene insmod $module
for case in table filters owner tree top json colours on_terminal watched obstacles help; do
	try "$list_suite" "$case" "$case"
done
for arguments in '' --tree --tree=vm 'owner 2' 'owner 5' top '--json owner 2'; do
	# shellcheck disable=SC2086  # words they are
	shown $arguments
done
try "$list_suite" scene_end rmmod ioasid_scene
if [ -n "$device" ] && [ -e /samples/ioasid_dma.ko ]; then
	try "$list_suite" unprivileged unprivileged
	try "$list_suite" enabled enabled
	cat /tmp/why
	try "$list_suite" bonds bonds
	cat /tmp/bound
	shown why 0000:00:00.0
fi
