// SPDX-License-Identifier: GPL-2.0
/*
 * Hands out PASIDs to virtual machines, as VFIO was to do it in 2020: a set with a quota for the
 * address space of each VMM, and in the set the numbers by which the guest knows its PASIDs.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/ioasid.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioasid_vms.h"

static unsigned int quota = 1000;
module_param(quota, uint, 0644);
MODULE_PARM_DESC(quota, "Quota of a VM that starts, 0 for no limit");

/* An open file. */
struct vms_vm {
	struct list_head node;
	struct ioasid_set *set;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

static LIST_HEAD(vms_list);
static DEFINE_MUTEX(vms_lock);
static struct dentry *vms_dir;

static int vms_open(struct inode *inode, struct file *file)
{
	struct vms_vm *vm;
	char *c;
	int ret;

	vm = kzalloc_obj(*vm, GFP_KERNEL_ACCOUNT);
	if (!vm)
		return -ENOMEM;
	vm->pid = task_tgid_nr(current);
	get_task_comm(vm->comm, current);
	for (c = vm->comm; *c; c++) {
		if (!isprint(*c))
			*c = '?';
	}

	vm->set = ioasid_alloc_set(current->mm, READ_ONCE(quota), IOASID_SET_TYPE_MM);
	if (IS_ERR(vm->set)) {
		ret = PTR_ERR(vm->set);
		kfree(vm);
		return ret;
	}

	mutex_lock(&vms_lock);
	list_add_tail(&vm->node, &vms_list);
	mutex_unlock(&vms_lock);
	file->private_data = vm;
	return 0;
}

static int vms_release(struct inode *inode, struct file *file)
{
	struct vms_vm *vm = file->private_data;

	mutex_lock(&vms_lock);
	list_del(&vm->node);
	mutex_unlock(&vms_lock);
	ioasid_set_free(vm->set);
	kfree(vm);
	return 0;
}

/* The set knows whose it is: no pointer to an mm has to be kept here. */
static int vms_check_caller(struct vms_vm *vm)
{
	struct ioasid_set *set = ioasid_find_mm_set(current->mm);

	if (IS_ERR(set))
		return -EACCES;
	ioasid_set_put(set);
	return set == vm->set ? 0 : -EACCES;
}

static int vms_alloc(struct vms_vm *vm, struct ioasid_vms_pasid *pasid)
{
	int ret;

	ret = ioasid_alloc_range(vm->set, 1, ioasid_get_capacity() - 1, IOASID_ALLOC_LOWEST, NULL,
				 &pasid->host);
	if (ret)
		return ret;
	ret = ioasid_attach_spid(pasid->host, pasid->guest);
	if (ret)
		ioasid_free(vm->set, pasid->host);
	return ret;
}

static int vms_free(struct vms_vm *vm, struct ioasid_vms_pasid *pasid)
{
	/* With a reference, so that the number is nobody else's meanwhile. */
	pasid->host = ioasid_find_by_spid(vm->set, pasid->guest, true);
	if (pasid->host == INVALID_IOASID)
		return -ENOENT;
	ioasid_free(vm->set, pasid->host);
	ioasid_put(vm->set, pasid->host);
	return 0;
}

static int vms_lookup(struct vms_vm *vm, struct ioasid_vms_pasid *pasid)
{
	/* With a reference: only one that is not freed gives it. */
	pasid->host = ioasid_find_by_spid(vm->set, pasid->guest, true);
	if (pasid->host == INVALID_IOASID)
		return -ENOENT;
	ioasid_put(vm->set, pasid->host);
	return 0;
}

static int vms_guest(struct vms_vm *vm, struct ioasid_vms_pasid *pasid)
{
	int ret;

	ret = ioasid_get_if_owned(pasid->host);
	if (ret)
		return ret;
	pasid->guest = ioasid_find_spid(pasid->host);
	ioasid_put(vm->set, pasid->host);
	/* Another thread is about to give it a number. */
	return pasid->guest == INVALID_IOASID ? -ENOENT : 0;
}

static int vms_query(struct vms_vm *vm, struct ioasid_vms_usage __user *arg)
{
	struct ioasid_vms_usage usage;
	struct ioasid_set_usage is;
	int ret;

	ret = ioasid_set_query(vm->set, &is);
	if (ret)
		return ret;
	usage = (struct ioasid_vms_usage) {
		.quota = is.quota,
		.use = is.use,
		.peak = is.peak,
		.refused = is.failures,
	};
	return copy_to_user(arg, &usage, sizeof(usage)) ? -EFAULT : 0;
}

static long vms_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	int (*verb)(struct vms_vm *vm, struct ioasid_vms_pasid *pasid);
	void __user *argp = (void __user *)arg;
	struct vms_vm *vm = file->private_data;
	struct ioasid_vms_pasid pasid;
	int ret;

	ret = vms_check_caller(vm);
	if (ret)
		return ret;

	switch (cmd) {
	case IOASID_VMS_ALLOC:
		verb = vms_alloc;
		break;
	case IOASID_VMS_FREE:
		verb = vms_free;
		break;
	case IOASID_VMS_LOOKUP:
		verb = vms_lookup;
		break;
	case IOASID_VMS_GUEST:
		verb = vms_guest;
		break;
	case IOASID_VMS_QUERY:
		return vms_query(vm, argp);
	default:
		return -ENOTTY;
	}

	if (copy_from_user(&pasid, argp, sizeof(pasid)))
		return -EFAULT;
	ret = verb(vm, &pasid);
	if (ret || cmd == IOASID_VMS_FREE)
		return ret;
	if (copy_to_user(argp, &pasid, sizeof(pasid))) {
		if (cmd == IOASID_VMS_ALLOC)
			vms_free(vm, &pasid);
		return -EFAULT;
	}
	return 0;
}

static const struct file_operations vms_fops = {
	.owner = THIS_MODULE,
	.open = vms_open,
	.release = vms_release,
	.unlocked_ioctl = vms_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice vms_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ioasid_vms",
	.fops = &vms_fops,
};

static void table_show_pasid(ioasid_t pasid, void *data)
{
	ioasid_t guest = ioasid_find_spid(pasid);

	if (guest != INVALID_IOASID)
		seq_printf(data, "  %u:%u", guest, pasid);
}

static int table_show(struct seq_file *s, void *unused)
{
	struct vms_vm *vm;

	seq_puts(s, "    PID  COMMAND            QUOTA  USE  PEAK  REFUSED  GUEST:HOST\n");
	mutex_lock(&vms_lock);
	list_for_each_entry(vm, &vms_list, node) {
		struct ioasid_set_usage usage = {};

		ioasid_set_query(vm->set, &usage);
		seq_printf(s, "%7d  %-15s  %7u  %3u  %4u  %7u", vm->pid, vm->comm, usage.quota,
			   usage.use, usage.peak, usage.failures);
		ioasid_set_for_each_ioasid(vm->set, table_show_pasid, s);
		seq_putc(s, '\n');
	}
	mutex_unlock(&vms_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(table);

static int __init vms_init(void)
{
	int ret;

	vms_dir = debugfs_create_dir("ioasid_vms", NULL);
	debugfs_create_file("vms", 0444, vms_dir, NULL, &table_fops);
	ret = misc_register(&vms_misc);
	if (ret)
		debugfs_remove(vms_dir);
	return ret;
}
module_init(vms_init);

static void __exit vms_exit(void)
{
	misc_deregister(&vms_misc);
	debugfs_remove(vms_dir);
}
module_exit(vms_exit);

MODULE_AUTHOR("the IOASID developers");
MODULE_DESCRIPTION("Sample driver: IOASIDs for virtual machines, with quotas");
MODULE_LICENSE("GPL");
