# SPDX-License-Identifier: GPL-2.0
#
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317
#
# A part of tools/testing/vm/neighbours.sh: what an unprivileged user sees, and module parameters.

suite=security_$kernel

as_user() { su -s /bin/sh nobody -c "$1" 2>&1; }

# files_are_roots: also where somebody has opened /sys/kernel/debug for all.
files_are_roots() {
	chmod 755 /sys/kernel/debug || return 1
	for file in "$dir"/*; do
		if as_user "cat $file" >/tmp/seen; then
			echo "$file can be read"
			return 1
		fi
		case $(stat -c %a "$file") in
		400 | 600) ;;
		*) stat -c '%a %n' "$file"; return 1 ;;
		esac
	done
	chmod 700 /sys/kernel/debug
}

user_is_nobody() { [ "$(as_user 'id -u')" = 65534 ]; }

# no_address: nothing that looks like an address of the kernel, in the files or the log.
no_address() {
	! grep -rE '[^0-9a-f][0-9a-f]{12,16}([^0-9a-f]|$)' "$dir" || return 1
	! dmesg | grep 'ioasid: ' | grep -E '[^0-9a-f](0x)?ffff[0-9a-f]{12}'
}

# parameter NAME VALUE: whether the module loads with it.
parameter() { insmod /vm/modules/ioasid.ko "$1=$2" 2>/dev/null && rmmod ioasid; }
refused() { ! parameter "$1" "$2"; }

# Nobody writes it once it is loaded.
parameter_is_fixed() {
	file=/sys/module/ioasid/parameters/quarantine_ms
	[ ! -e $file ] || ! echo 5 2>/dev/null >$file
}

mkdir -p /etc
echo 'root:x:0:0::/root:/bin/sh
nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
try "$suite" user_is_nobody user_is_nobody
try "$suite" scene insmod "$place"/ioasid_good.ko
try "$suite" files_are_roots files_are_roots
try "$suite" no_address no_address
try "$suite" parameter_is_fixed parameter_is_fixed
try "$suite" scene_ends rmmod ioasid_good
try "$suite" free rmmod ioasid
for value in 0 1 86400000; do
	try "$suite" "quarantine_${value}_is_taken" parameter quarantine_ms $value
done
for value in -1 86400001 2147483648 4294967295 4294967296 18446744073709551616 x 1x 1.5 ''; do
	try "$suite" "quarantine_${value:-empty}_is_refused" refused quarantine_ms "$value"
done
try "$suite" load_after_all insmod /vm/modules/ioasid.ko
