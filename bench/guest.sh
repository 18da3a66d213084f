#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Inside the test machine: loading a module is the benchmark, its figures go to the kernel log.
# What is loaded must go again.

figure() { echo "ioasid_bench: figure $*" >/dev/kmsg; }

# held: bytes that the module holds, with the pages of its caches.
held() {
	pages=$(awk '/^ioasid/ { sum += $15 * $6 } END { print sum * 4096 }' /proc/slabinfo)
	echo $((pages + $(cat /sys/module/ioasid_weigh/parameters/bytes)))
}

# weigh IDS: with so many of them, and when they have gone.
weigh() {
	insmod /bench/ioasid_bench.ko sizes=100000 "hold=$1" || exit 1
	figure ours "$1" memory held "$(held)"
	grep '^ioasid' /proc/slabinfo >/dev/kmsg
	rmmod ioasid_bench || exit 1
	figure ours "$1" memory after "$(held)"
}

if [ -e /bench/ioasid_bench_smp.ko ]; then
	insmod /bench/ioasid.ko && insmod /bench/ioasid_bench_smp.ko || exit 1
	rmmod ioasid_bench_smp && rmmod ioasid
	exit
fi
if ! grep -q profile= /bench/arguments; then
	for name in ioasid_weigh c61_ioasid ioasid; do
		insmod "/bench/$name.ko" || exit 1
	done
	figure ours 10 memory before "$(held)"
	weigh 10
	weigh 100000
	rmmod ioasid && rmmod c61_ioasid && rmmod ioasid_weigh || exit 1
fi
for name in ioasid c61_ioasid ioasid_bench; do
	[ -e "/bench/$name.ko" ] || continue
	# shellcheck disable=SC2046
	insmod "/bench/$name.ko" $([ $name = ioasid_bench ] && cat /bench/arguments) || exit 1
done
if grep -q profile= /bench/arguments; then
	grep -F '[' /proc/kallsyms
fi
for name in ioasid_bench c61_ioasid ioasid; do
	[ ! -e "/sys/module/$name" ] || rmmod "$name" || exit 1
done
