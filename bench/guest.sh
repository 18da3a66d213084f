#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Inside the test machine: loading the module is the benchmark, its figures go to the kernel log.
# What is loaded must go again.

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
