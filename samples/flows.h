/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual machine and the consumers of its PASID.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#ifndef _FLOWS_H
#define _FLOWS_H

#include <linux/compiler_attributes.h>
#include <linux/completion.h>
#include <linux/ioasid.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/* Guest PASIDs that KVM's table has room for, and those that the device can be given. */
#define FLOWS_KVM_PASIDS 16
#define FLOWS_DEVICE_PASIDS 8

struct flows_vm {
	struct list_head node;
	/* One command at a time. */
	struct mutex mutex;
	struct mm_struct *mm; /* pinned by the subscriptions */
	struct ioasid_set *set; /* there once a PASID was asked for */

	/* All below under flows_lock. */
	int refs; /* counted here, for ioasid/ids to be compared with */
	size_t length;
	char log[2048];

	struct notifier_block kvm;
	ioasid_t table[FLOWS_KVM_PASIDS];

	ioasid_t entry; /* of the IOMMU's PASID table, with a reference */
	bool present;
	bool leaving;
	struct work_struct teardown;

	struct notifier_block device;
	ioasid_t queue; /* what the device works for, with a reference */
	bool draining;
	struct work_struct drain;

	struct completion hardware;
	struct completion finished;
};

extern struct list_head flows_vms;
extern spinlock_t flows_lock;

__printf(2, 3) void flows_log(struct flows_vm *vm, const char *format, ...);

int kvm_event(struct notifier_block *nb, unsigned long event, void *data);
void kvm_remove(struct flows_vm *vm, ioasid_t guest, ioasid_t host);

extern struct notifier_block iommu_nb;
int iommu_bind(struct flows_vm *vm, ioasid_t host, ioasid_t guest);
int iommu_unbind(struct flows_vm *vm, ioasid_t host);
void iommu_teardown(struct work_struct *work);
void iommu_end(struct flows_vm *vm);

int device_event(struct notifier_block *nb, unsigned long event, void *data);
int device_program(struct flows_vm *vm, ioasid_t guest);
int device_clear(struct flows_vm *vm);
void device_drain(struct work_struct *work);

#endif /* _FLOWS_H */
