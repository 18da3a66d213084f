#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What "make run" shows, with ioasid.ko loaded: processes that share a device by PASID, first one
# that does DMA and then one whose driver pretends it; a virtual IOMMU that takes the numbers over
# and leaves again, virtual machines with quotas, and the life of a guest's PASID step by step. Each
# expected fact has a mark at the end of its line; exit code 1 when one did not hold.

cd "$(dirname "$0")" || exit 1
debug=/sys/kernel/debug
grep -q " $debug " /proc/mounts || mount -t debugfs none $debug
number=0
failed=0

step() { number=$((number + 1)); printf '\n%d. %s\n' $number "$1"; }
mark() { printf '  %-71s %s\n' "$1" "$2"; [ "$2" = ok ] || failed=1; }
scene() { ./ioasid_user "$@" || failed=1; }
vms() { ./ioasid_vmm "$@" || failed=1; }
dma() { ./ioasid_dma_user "$@" || failed=1; }
flow() { ./ioasid_flow "$@" || failed=1; }

# logged MODULE PATTERN: the last line of a module in the kernel log, which has to match.
logged() {
	said=$(dmesg | sed -n "s/^.*$1: //p" | tail -n 1)
	echo "$said" | grep -qx "$2" && result=ok || result=FAILED
	mark "log: $said" "$result"
}

# succeeds COMMAND..., busy COMMAND...: shows the command; it has to work, to fail with EAGAIN.
succeeds() {
	if said=$("$@" 2>&1); then mark "# $*" ok; else mark "# $*: ${said##*: }" FAILED; fi
}
busy() {
	said=$("$@" 2>&1) && said="was not refused"
	[ "${said##*: }" = "Resource temporarily unavailable" ] && result=ok || result=FAILED
	mark "# $*: ${said##*: }" "$result"
}

# The callbacks that take numbers back run a little after the last reference has gone.
returned() {
	tries=50
	while [ $tries != 0 ] && [ "$(cat $debug/ioasid_vcmd/outstanding)" != 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	text=$(cd $debug/ioasid_vcmd && echo "asked $(cat allocs) times, got $(cat frees) back")
	case $text in
	"asked 3 times, got 3 back") mark "the host was $text" ok ;;
	*) mark "the host was $text" FAILED ;;
	esac
}

echo "IOASID on Linux $(uname -r)"

step "Two processes share a DMA engine: their own addresses, their own PASIDs"
succeeds insmod ioasid_dma.ko
dma share
succeeds rmmod ioasid_dma

step "A driver that gives each process a PASID"
succeeds insmod ioasid_demo.ko drain_ms=1000
busy rmmod ioasid

step "Three processes share the device; page requests arrive as hard interrupts"
scene share

step "Processes that die without closing"
scene death

step "A virtual IOMMU's allocator comes while default PASIDs are live: refused"
scene hold 1 1 4095 busy "insmod ioasid_vcmd.ko" 1 4095

step "It comes before the first open: the host gives the PASIDs"
succeeds insmod ioasid_vcmd.ko first=4096
scene hold 2 4096 8191 busy "rmmod ioasid_demo" 4096 8191
returned

step "It is unplugged while its PASIDs are live: they stay usable"
scene hold 2 4096 8191 succeeds "rmmod ioasid_vcmd" 1 4095
logged ioasid_vcmd "unplugged: 5 allocated, 3 freed, 2 still live"

step "A client written for Linux 5.5 to 6.3"
succeeds insmod ioasid_legacy.ko
logged ioasid_legacy ".*, free, allocator: as in .*"

step "Two virtual machines, each a set of PASIDs with a quota of 4"
succeeds insmod ioasid_vms.ko quota=4
vms quota

step "What is one machine's, the other cannot reach"
vms owner

step "One is killed while another process holds its file"
vms death

step "What the machines' quotas leave is there for everybody else"
vms rest

step "A guest's PASID and its consumers, in the 24 steps of the 2021 documentation"
succeeds insmod ioasid_flows.ko
flow normal

step "The guest frees it before it unbinds"
flow early

step "The device refuses a PASID: who was told before is told again"
flow refused

step "The end"
succeeds rmmod ioasid_flows ioasid_legacy ioasid_vms ioasid_demo

echo
if [ $failed = 0 ]; then echo "All as expected."; else echo "FAILED: see the marks."; fi
exit $failed
