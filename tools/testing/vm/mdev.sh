#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Virtual machines with mediated devices, by the VFIO of whichever kernel it is started on.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

# From the kernel's command line.
kernel=$VM_KERNEL
tests=/tools/testing/selftests/ioasid
suite=mdev_driver_$kernel

# KUnit has its own run.
kunit=/sys/module/kunit/parameters/filter_glob
[ ! -e $kunit ] || echo none >$kunit

for module in /kmod/*.ko; do
	insmod "$module" || in_log "$module does not load"
done
try "$suite" load_ioasid insmod /vm/modules/ioasid.ko || exit 1
try "$suite" load insmod /samples/ioasid_mdev.ko || exit 1
echo "virtual machines with mediated devices"
selftest "mdev_vms_$kernel" $tests/mdev_vms
# It switches itself off at its first report. In 7.2 the next test has it find one in VFIO.
[ ! -e /proc/lockdep_stats ] ||
	try "$suite" lockdep_still_on grep -q 'debug_locks: *1' /proc/lockdep_stats
echo "memory that is taken from them"
selftest "mdev_unmap_$kernel" $tests/mdev_unmap
[ ! -e /sys/kernel/debug/kmemleak ] || try "$suite" no_leak no_leak
try "$suite" unload rmmod ioasid_mdev
try "$suite" load_again insmod /samples/ioasid_mdev.ko
try "$suite" unload_again rmmod ioasid_mdev
try "$suite" unload_ioasid unload_ioasid
exit 0
