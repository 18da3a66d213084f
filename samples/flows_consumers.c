// SPDX-License-Identifier: GPL-2.0
/*
 * KVM, the IOMMU driver and the driver of the device: each takes a reference with what it keeps,
 * and drops it last.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sprintf.h>
#include <linux/stdarg.h>

#include "flows.h"

#define FLOWS_IOMMU "iommu"

LIST_HEAD(flows_vms);
DEFINE_SPINLOCK(flows_lock);

void flows_log(struct flows_vm *vm, const char *format, ...)
{
	size_t room = sizeof(vm->log) - vm->length;
	va_list args;

	lockdep_assert_held(&flows_lock);
	vm->length += scnprintf(vm->log + vm->length, room, "%d ", vm->refs);
	room = sizeof(vm->log) - vm->length;
	va_start(args, format);
	vm->length += vscnprintf(vm->log + vm->length, room, format, args);
	va_end(args);
}

static const char *flows_event_name(unsigned long event)
{
	switch (event) {
	case IOASID_NOTIFY_FREE:
		return "FREE";
	case IOASID_NOTIFY_BIND:
		return "BIND";
	case IOASID_NOTIFY_UNBIND:
		return "UNBIND";
	default:
		return NULL;
	}
}

/* After the put: a reference that is counted here is there. */
static void flows_dropped(struct flows_vm *vm, const char *who, bool last)
{
	spin_lock_bh(&flows_lock);
	vm->refs--;
	flows_log(vm, "%s ioasid_put()%s\n", who, last ? ", the last" : "");
	spin_unlock_bh(&flows_lock);
}

/* ---- KVM: which host PASID a CPU puts in when the guest submits with one of its own ---- */

static int kvm_bind(struct flows_vm *vm, struct ioasid_nb_args *args)
{
	int ret;

	if (args->spid >= FLOWS_KVM_PASIDS)
		return -ERANGE;

	spin_lock_bh(&flows_lock);
	flows_log(vm, "kvm told of BIND\n");
	ret = ioasid_get(args->set, args->id);
	if (!ret) {
		vm->refs++;
		flows_log(vm, "kvm ioasid_get()\n");
		vm->table[args->spid] = args->id;
		flows_log(vm, "kvm enters guest %u -> host %u\n", args->spid, args->id);
	}
	spin_unlock_bh(&flows_lock);
	return ret;
}

/* The guest may have given the number to another PASID after this one was freed. */
void kvm_remove(struct flows_vm *vm, ioasid_t guest, ioasid_t host)
{
	bool there;

	spin_lock_bh(&flows_lock);
	there = guest < FLOWS_KVM_PASIDS && vm->table[guest] == host;
	if (there) {
		vm->table[guest] = INVALID_IOASID;
		flows_log(vm, "kvm removes guest %u -> host %u\n", guest, host);
	}
	spin_unlock_bh(&flows_lock);
	if (there)
		flows_dropped(vm, "kvm", ioasid_put(vm->set, host));
}

int kvm_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct flows_vm *vm = container_of(nb, struct flows_vm, kvm);
	struct ioasid_nb_args *args = data;

	switch (event) {
	case IOASID_NOTIFY_BIND:
		return notifier_from_errno(kvm_bind(vm, args));
	case IOASID_NOTIFY_UNBIND:
	case IOASID_NOTIFY_FREE:
		spin_lock_bh(&flows_lock);
		flows_log(vm, "kvm told of %s\n", flows_event_name(event));
		spin_unlock_bh(&flows_lock);
		kvm_remove(vm, args->spid, args->id);
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

/* ---- the IOMMU driver: binds guest PASIDs, which the others learn from the event ---- */

/* Only one caller: who has set @leaving. */
static void iommu_drop(struct flows_vm *vm)
{
	ioasid_t pasid;
	bool last;

	spin_lock_bh(&flows_lock);
	pasid = vm->entry;
	vm->present = false;
	flows_log(vm, "iommu takes the entry of host %u down\n", pasid);
	spin_unlock_bh(&flows_lock);

	last = ioasid_put_named(vm->set, pasid, FLOWS_IOMMU);
	flows_dropped(vm, "iommu", last);
	spin_lock_bh(&flows_lock);
	vm->entry = INVALID_IOASID;
	vm->leaving = false;
	spin_unlock_bh(&flows_lock);
}

static bool iommu_claim(struct flows_vm *vm)
{
	bool claimed;

	spin_lock_bh(&flows_lock);
	claimed = vm->entry != INVALID_IOASID && !vm->leaving;
	if (claimed)
		vm->leaving = true;
	spin_unlock_bh(&flows_lock);
	return claimed;
}

void iommu_teardown(struct work_struct *work)
{
	struct flows_vm *vm = container_of(work, struct flows_vm, teardown);

	wait_for_completion_timeout(&vm->hardware, 5 * HZ);
	iommu_drop(vm);
	complete(&vm->finished);
}

/* No event finds the VM any more. */
void iommu_end(struct flows_vm *vm)
{
	flush_work(&vm->teardown);
	if (iommu_claim(vm))
		iommu_drop(vm);
}

int iommu_bind(struct flows_vm *vm, ioasid_t host, ioasid_t guest)
{
	int ret = -EBUSY;

	/* FREE waits for the lock if it comes after the reference. */
	spin_lock_bh(&flows_lock);
	if (vm->entry == INVALID_IOASID) {
		ret = ioasid_get_named(vm->set, host, FLOWS_IOMMU);
		if (!ret) {
			vm->refs++;
			vm->entry = host;
			vm->present = true;
			flows_log(vm, "iommu ioasid_get_named()\n");
		}
	}
	spin_unlock_bh(&flows_lock);
	if (ret)
		return ret;

	ret = ioasid_attach_spid(host, guest);
	if (ret && iommu_claim(vm))
		iommu_drop(vm);
	return ret;
}

/* The reference stays until FREE. */
int iommu_unbind(struct flows_vm *vm, ioasid_t host)
{
	int ret = ioasid_get_if_owned_by(host, vm->mm);

	if (ret)
		return ret;
	spin_lock_bh(&flows_lock);
	if (vm->entry == host && vm->present && !vm->leaving) {
		vm->present = false;
		flows_log(vm, "iommu unbinds host %u\n", host);
	} else {
		ret = -ENOENT;
	}
	spin_unlock_bh(&flows_lock);
	if (!ret)
		ret = ioasid_detach_spid(host);
	ioasid_put(vm->set, host);
	return ret;
}

static int iommu_event(struct notifier_block *nb, unsigned long event, void *data)
{
	const char *name = flows_event_name(event);
	struct ioasid_nb_args *args = data;
	struct flows_vm *vm;

	if (!name)
		return NOTIFY_DONE;

	/* Of all IDs in the system: most are of others. */
	spin_lock_bh(&flows_lock);
	list_for_each_entry(vm, &flows_vms, node) {
		if (vm->entry != args->id)
			continue;
		flows_log(vm, "iommu told of %s\n", name);
		if (event == IOASID_NOTIFY_FREE && !vm->leaving) {
			vm->leaving = true;
			ioasid_queue_work(&vm->teardown);
		}
		break;
	}
	spin_unlock_bh(&flows_lock);
	return NOTIFY_OK;
}

struct notifier_block iommu_nb = {
	.notifier_call = iommu_event,
	.priority = IOASID_PRIO_IOMMU,
};

/* ---- the driver of the mediated device: tells it the host's number for the guest's ---- */

static void device_drop(struct flows_vm *vm)
{
	ioasid_t pasid;

	spin_lock_bh(&flows_lock);
	pasid = vm->queue;
	flows_log(vm, "device drains and forgets host %u\n", pasid);
	spin_unlock_bh(&flows_lock);

	flows_dropped(vm, "device", ioasid_put(vm->set, pasid));
	spin_lock_bh(&flows_lock);
	vm->queue = INVALID_IOASID;
	vm->draining = false;
	spin_unlock_bh(&flows_lock);
}

static bool device_claim(struct flows_vm *vm)
{
	bool claimed;

	spin_lock_bh(&flows_lock);
	claimed = vm->queue != INVALID_IOASID && !vm->draining;
	if (claimed)
		vm->draining = true;
	spin_unlock_bh(&flows_lock);
	return claimed;
}

void device_drain(struct work_struct *work)
{
	struct flows_vm *vm = container_of(work, struct flows_vm, drain);

	wait_for_completion_timeout(&vm->hardware, 5 * HZ);
	device_drop(vm);
	complete(&vm->finished);
}

int device_program(struct flows_vm *vm, ioasid_t guest)
{
	ioasid_t host;
	int ret = 0;

	/* As in iommu_bind(). */
	spin_lock_bh(&flows_lock);
	host = ioasid_find_by_spid(vm->set, guest, true);
	if (host == INVALID_IOASID) {
		ret = -ENOENT;
	} else if (vm->queue != INVALID_IOASID) {
		ioasid_put(vm->set, host);
		ret = -EBUSY;
	} else {
		vm->refs++;
		flows_log(vm, "device ioasid_find_by_spid()\n");
		vm->queue = host;
		flows_log(vm, "device is given host %u\n", host);
	}
	spin_unlock_bh(&flows_lock);
	return ret;
}

int device_clear(struct flows_vm *vm)
{
	if (!device_claim(vm))
		return -ENOENT;
	device_drop(vm);
	return 0;
}

int device_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct flows_vm *vm = container_of(nb, struct flows_vm, device);
	const char *name = flows_event_name(event);
	struct ioasid_nb_args *args = data;
	int ret = 0;

	if (!name)
		return NOTIFY_DONE;

	spin_lock_bh(&flows_lock);
	flows_log(vm, "device told of %s\n", name);
	if (event == IOASID_NOTIFY_BIND && args->spid >= FLOWS_DEVICE_PASIDS) {
		flows_log(vm, "device refuses guest %u\n", args->spid);
		ret = -ERANGE;
	}
	if (event == IOASID_NOTIFY_FREE && vm->queue == args->id && !vm->draining) {
		vm->draining = true;
		ioasid_queue_work(&vm->drain);
	}
	spin_unlock_bh(&flows_lock);
	return notifier_from_errno(ret);
}
