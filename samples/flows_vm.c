// SPDX-License-Identifier: GPL-2.0
/*
 * The consumers of a virtual machine's PASIDs as in the documentation of the 2021 series: KVM with
 * its PASID translation table, an IOMMU driver, and the driver of a mediated device. What is
 * pretended is the hardware only, and it takes its time: until the program says "finish".
 *
 * Who opens debugfs ioasid_flows/vm is a VM. What its VMM or its guest does is written there, one
 * command a write; a read gives one line for each thing that was done since the last one, with the
 * number of references to the PASID that there are after it, the owner's included.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "flows.h"

static struct dentry *flows_dir;

static int vmm_alloc(struct flows_vm *vm)
{
	ioasid_t pasid;
	int ret;

	if (!vm->set) {
		struct ioasid_set *set = ioasid_alloc_set(vm->mm, 0, IOASID_SET_TYPE_MM);

		if (IS_ERR(set))
			return PTR_ERR(set);
		vm->set = set;
	}
	/* The flows are those of one PASID. */
	if (vm->refs)
		return -EBUSY;
	ret = ioasid_alloc_range(vm->set, 1, ioasid_get_capacity() - 1, IOASID_ALLOC_LOWEST, NULL,
				 &pasid);
	if (ret)
		return ret;
	spin_lock_bh(&flows_lock);
	vm->refs++;
	flows_log(vm, "vmm ioasid_alloc() = %u\n", pasid);
	spin_unlock_bh(&flows_lock);
	return 0;
}

static int vmm_free(struct flows_vm *vm, ioasid_t host)
{
	int ret;

	spin_lock_bh(&flows_lock);
	flows_log(vm, "vmm ioasid_free()\n");
	spin_unlock_bh(&flows_lock);
	ret = ioasid_free(vm->set, host);
	if (ret < 0)
		return ret;
	spin_lock_bh(&flows_lock);
	vm->refs--;
	flows_log(vm, "vmm ioasid_free() = %d\n", ret);
	spin_unlock_bh(&flows_lock);
	return 0;
}

/* A submission goes through all three. */
static int guest_submit(struct flows_vm *vm, ioasid_t guest)
{
	const char *stop = NULL;
	ioasid_t host;

	if (guest >= FLOWS_KVM_PASIDS)
		return -ERANGE;
	spin_lock_bh(&flows_lock);
	host = vm->table[guest];
	if (host == INVALID_IOASID)
		stop = "CPU";
	else if (vm->queue != host || vm->draining)
		stop = "device";
	else if (vm->entry != host || !vm->present)
		stop = "IOMMU";
	if (stop)
		flows_log(vm, "guest submits with %u: stopped by the %s\n", guest, stop);
	else
		flows_log(vm, "guest submits with %u: DMA with host %u\n", guest, host);
	spin_unlock_bh(&flows_lock);
	return 0;
}

static int hardware_finish(struct flows_vm *vm)
{
	bool busy;

	spin_lock_bh(&flows_lock);
	busy = vm->leaving || vm->draining;
	spin_unlock_bh(&flows_lock);
	if (!busy)
		return -ENOENT;
	complete(&vm->hardware);
	return wait_for_completion_timeout(&vm->finished, 5 * HZ) ? 0 : -ETIMEDOUT;
}

static int flows_command(struct flows_vm *vm, const char *verb, u32 number, u32 guest)
{
	if (!strcmp(verb, "alloc"))
		return vmm_alloc(vm);
	if (!strcmp(verb, "finish"))
		return hardware_finish(vm);
	if (!vm->set)
		return -ENOENT;
	if (!strcmp(verb, "bind"))
		return iommu_bind(vm, number, guest);
	if (!strcmp(verb, "unbind"))
		return iommu_unbind(vm, number);
	if (!strcmp(verb, "notify")) /* as an IOMMU driver that does not look */
		return ioasid_notify(number, IOASID_NOTIFY_UNBIND,
				     IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET);
	if (!strcmp(verb, "program"))
		return device_program(vm, number);
	if (!strcmp(verb, "clear"))
		return device_clear(vm);
	if (!strcmp(verb, "submit"))
		return guest_submit(vm, number);
	if (!strcmp(verb, "free"))
		return vmm_free(vm, number);
	return -EINVAL;
}

static ssize_t flows_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	struct flows_vm *vm = file->private_data;
	u32 number = INVALID_IOASID;
	u32 guest = INVALID_IOASID;
	char verb[16], text[48];
	int ret;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	text[count] = '\0';
	if (sscanf(text, "%15s %u %u", verb, &number, &guest) < 1)
		return -EINVAL;

	mutex_lock(&vm->mutex);
	ret = flows_command(vm, verb, number, guest);
	mutex_unlock(&vm->mutex);
	return ret ?: count;
}

static ssize_t flows_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	struct flows_vm *vm = file->private_data;
	const size_t room = sizeof(vm->log);
	size_t length;
	char *log;

	log = kmalloc(room, GFP_KERNEL);
	if (!log)
		return -ENOMEM;
	spin_lock_bh(&flows_lock);
	length = min(vm->length, count);
	memcpy(log, vm->log, length);
	vm->length -= length;
	memmove(vm->log, vm->log + length, vm->length);
	spin_unlock_bh(&flows_lock);
	if (copy_to_user(to, log, length))
		length = -EFAULT;
	kfree(log);
	return length;
}

static int flows_open(struct inode *inode, struct file *file)
{
	struct flows_vm *vm;
	int i, ret;

	if (!current->mm)
		return -EPERM;
	vm = kzalloc_obj(*vm, GFP_KERNEL_ACCOUNT);
	if (!vm)
		return -ENOMEM;
	mutex_init(&vm->mutex);
	vm->mm = current->mm;
	for (i = 0; i < FLOWS_KVM_PASIDS; i++)
		vm->table[i] = INVALID_IOASID;
	vm->entry = INVALID_IOASID;
	vm->queue = INVALID_IOASID;
	INIT_WORK(&vm->teardown, iommu_teardown);
	INIT_WORK(&vm->drain, device_drain);
	init_completion(&vm->hardware);
	init_completion(&vm->finished);
	vm->kvm.notifier_call = kvm_event;
	vm->kvm.priority = IOASID_PRIO_CPU;
	vm->device.notifier_call = device_event;
	vm->device.priority = IOASID_PRIO_DEVICE;

	/* Lowest priority first: it is not the order of registration that counts. */
	ret = ioasid_register_notifier_mm(vm->mm, &vm->device);
	if (ret)
		goto err_free;
	ret = ioasid_register_notifier_mm(vm->mm, &vm->kvm);
	if (ret)
		goto err_unregister;

	spin_lock_bh(&flows_lock);
	list_add_tail(&vm->node, &flows_vms);
	spin_unlock_bh(&flows_lock);
	file->private_data = vm;
	return 0;

err_unregister:
	ioasid_unregister_notifier_mm(vm->mm, &vm->device);
err_free:
	kfree(vm);
	return ret;
}

/* The VM goes, at whatever point: nobody waits for a FREE that may be on its way. */
static int flows_release(struct inode *inode, struct file *file)
{
	struct flows_vm *vm = file->private_data;
	ioasid_t guest;

	complete_all(&vm->hardware);
	if (vm->set)
		ioasid_set_free(vm->set);

	ioasid_unregister_notifier_mm(vm->mm, &vm->kvm);
	for (guest = 0; guest < FLOWS_KVM_PASIDS; guest++) {
		if (vm->table[guest] != INVALID_IOASID)
			kvm_remove(vm, guest, vm->table[guest]);
	}

	spin_lock_bh(&flows_lock);
	list_del(&vm->node);
	spin_unlock_bh(&flows_lock);
	iommu_end(vm);

	ioasid_unregister_notifier_mm(vm->mm, &vm->device);
	flush_work(&vm->drain);
	device_clear(vm);
	kfree(vm);
	return 0;
}

static const struct file_operations flows_fops = {
	.owner = THIS_MODULE,
	.open = flows_open,
	.release = flows_release,
	.read = flows_read,
	.write = flows_write,
};

static int __init flows_init(void)
{
	int ret;

	ret = ioasid_register_notifier(NULL, &iommu_nb);
	if (ret)
		return ret;
	flows_dir = debugfs_create_dir("ioasid_flows", NULL);
	debugfs_create_file("vm", 0600, flows_dir, NULL, &flows_fops);
	return 0;
}
module_init(flows_init);

static void __exit flows_exit(void)
{
	debugfs_remove(flows_dir);
	ioasid_unregister_notifier(NULL, &iommu_nb);
}
module_exit(flows_exit);

MODULE_AUTHOR("the IOASID developers");
MODULE_DESCRIPTION("Sample driver: KVM, IOMMU and device keep in step with a PASID");
MODULE_LICENSE("GPL");
