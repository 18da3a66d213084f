#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs the selftests of the DMA device, on whichever kernel it is started; on one with kmemleak it
# then looks for leaks.

# shellcheck source=tools/testing/vm/guest.sh
. /vm/guest.sh

# From the kernel's command line.
kernel=$VM_KERNEL
tests=/tools/testing/selftests/ioasid

# Some tests end processes by a fault, which is no news.
echo 0 >/proc/sys/debug/exception-trace

# KUnit has its own run.
kunit=/sys/module/kunit/parameters/filter_glob
[ ! -e $kunit ] || echo none >$kunit

let_any_allocation_fail

suite=dma_driver_$kernel
# Not where it is built in.
module=/vm/modules/ioasid.ko
[ ! -e $module ] || try "$suite" load_ioasid insmod $module || exit 1
try "$suite" load insmod /samples/ioasid_dma.ko || exit 1
try "$suite" load_others insmod $tests/test_modules/ioasid_dma_test.ko
echo "memory that changes under DMA"
selftest "dma_memory_$kernel" $tests/dma_memory
echo "processes that come and go under DMA"
selftest "dma_process_$kernel" $tests/dma_process
echo "what others do in the kernel meanwhile"
selftest "dma_others_$kernel" $tests/dma_others
echo "processes that have no memory"
selftest "dma_fail_nth_$kernel" $tests/dma_fail_nth
[ ! -e /sys/kernel/debug/kmemleak ] || try "$suite" no_leak no_leak
try "$suite" unload_others rmmod ioasid_dma_test
try "$suite" unload rmmod ioasid_dma
try "$suite" load_again insmod /samples/ioasid_dma.ko
try "$suite" works_again "$tests/dma_memory" -t copy_to_absent
try "$suite" unload_again rmmod ioasid_dma
[ ! -e $module ] || try "$suite" unload_ioasid unload_ioasid
exit 0
