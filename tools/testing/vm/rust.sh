#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The two drivers in Rust: PASIDs of virtual machines, and DMA in the memory of a process.

# shellcheck disable=SC2317  # what try runs
# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

# From the kernel's command line.
suite=rust_driver_$VM_KERNEL
dir=/sys/kernel/debug/ioasid_rust

# KUnit has its own run.
kunit=/sys/module/kunit/parameters/filter_glob
[ ! -e $kunit ] || echo none >$kunit

a() { echo "$*" >$dir/a; }
b() { echo "$*" >$dir/b; }
is() { [ "$(cat "$dir/$1")" = "$2" ] || { cat "$dir/$1"; return 1; }; }
told() { dmesg | grep -q "$1"; }
# refused ERROR COMMAND...: fails, and that is why.
refused() {
	error=$1
	shift
	if why=$("$@" 2>&1); then echo "not refused"; return 1; fi
	case $why in *"$error"*) ;; *) echo "$why"; return 1 ;; esac
}
ids() { sed 1d /sys/kernel/debug/ioasid/ids | grep -c .; }
none_left() {
	turns=20
	while [ "$(ids)" != 0 ]; do
		turns=$((turns - 1))
		[ "$turns" != 0 ] || { cat /sys/kernel/debug/ioasid/ids; return 1; }
		sleep 0.1
	done
}

try "$suite" load_ioasid insmod /vm/modules/ioasid.ko || exit 1
try "$suite" load insmod /samples/ioasid_rust.ko || exit 1
try "$suite" rmmod_ioasid_is_refused refused "emporarily unavailable" rmmod ioasid
try "$suite" closed is a closed
try "$suite" not_open refused "No such device" a alloc 7

# A shell for each machine: the PASIDs are those of the process that opens.
a open
try "$suite" open is a "used 0 working 0 allocated 0 bound 0 freed 0"
# Not in a subshell, which is a process of its own.
b open 2>/tmp/why
try "$suite" one_set_for_a_process grep "File exists" /tmp/why
try "$suite" alloc a alloc 7
try "$suite" told_alloc_and_bind is a "7:1 used 1 working 0 allocated 1 bound 1 freed 0"
try "$suite" veto refused "Operation not permitted" a alloc 0
try "$suite" veto_frees_the_id is a "7:1 used 1 working 0 allocated 2 bound 1 freed 1"
try "$suite" same_spid refused "File exists" a alloc 7
a alloc 8
a alloc 9
a alloc 10
try "$suite" quota refused "No space left" a alloc 11
a start 7
a start 7
a start 8
try "$suite" queues_work is a "7:1 8:2 9:3 10:4 used 4 working 3 allocated 6 bound 4 freed 2"
try "$suite" free_ends_its_queues a free 7
try "$suite" free_says_so told "ioasid_rust: PASID 1 is freed: Reclaimed"
try "$suite" others_work_on is a "8:2 9:3 10:4 used 3 working 1 allocated 6 bound 4 freed 3"
try "$suite" freed_is_not_found refused "No such file" a start 7
try "$suite" end a end
try "$suite" end_without_queue refused "No such file" a end

# Another machine, which dies.
mkfifo /tmp/go
sh -c "for c in open 'alloc 8' 'start 8'; do echo \$c >$dir/b; done
	echo ready >/tmp/go
	read -r _ </tmp/go" &
vm=$!
read -r _ </tmp/go
try "$suite" a_number_of_its_own is b "8:1 used 1 working 1 allocated 1 bound 1 freed 0"
try "$suite" not_the_other_ones is a "8:2 9:3 10:4 used 3 working 0 allocated 6 bound 4 freed 3"
kill -9 $vm
wait $vm 2>/dev/null
sleep 0.5
# The driver has its PASID still: the number is not given to another.
try "$suite" death_ends_its_queues is b "8:1 used 1 working 0 allocated 1 bound 1 freed 1"
a alloc 12
try "$suite" number_is_kept is a "8:2 9:3 10:4 12:5 used 4 working 0 allocated 7 bound 5 freed 3"
try "$suite" dead_machine_allocates_nothing refused "busy" b alloc 9
try "$suite" close_b b close
a free 12
a alloc 13
try "$suite" number_returns is a "8:2 9:3 10:4 13:1 used 4 working 0 allocated 8 bound 6 freed 4"
try "$suite" close a close
try "$suite" none_left none_left

# What is open when the driver goes is closed.
a open
a alloc 3
a start 3
try "$suite" unload_while_open rmmod ioasid_rust
try "$suite" none_left_after_unload none_left

# A device that reads in the memory of insmod. That is busybox as well as this shell, and without
# randomness it is at the same address.
echo 0 >/proc/sys/kernel/randomize_va_space
address=$(sh -c 'sed -n "1s/-.*//p" /proc/$$/maps')
dma=/samples/ioasid_rust_dma.ko
# FNV-1a of the magic number that ELF files begin with.
magic=0x28b265382f1249f3
try "$suite" dma_reads_the_process sh -c "exec insmod $dma address=0x$address"
try "$suite" dma_is_right told "ioasid_rust_dma .*: PASID [0-9]*: status 0, checksum $magic"
# Its process has died with the queue running.
try "$suite" dma_unload rmmod ioasid_rust_dma
try "$suite" dma_is_stopped told "ioasid_rust_dma .*: stopped"
try "$suite" dma_none_left none_left
dmesg -c >/dev/null
try "$suite" dma_to_nothing insmod $dma address=0x1000
try "$suite" dma_faults told "ioasid_rust_dma .*: PASID [0-9]*: status 1,"
unplug dma0
turns=50
while [ -e /sys/bus/pci/drivers/ioasid_rust_dma/0000:01:00.0 ] && [ "$turns" != 0 ]; do
	turns=$((turns - 1))
	sleep 0.1
done
try "$suite" dma_unplug test ! -e /sys/bus/pci/drivers/ioasid_rust_dma/0000:01:00.0
try "$suite" dma_unplug_stops told "stopped"
try "$suite" dma_unload_again rmmod ioasid_rust_dma
try "$suite" dma_none_left_again none_left
try "$suite" unload_ioasid unload_ioasid
exit 0
