// SPDX-License-Identifier: GPL-2.0
/*
 * The others in the kernel, for the tests of the DMA device: another user of
 * iommu_sva_bind_device(), other users of IOASIDs, subscribers that do not wish a process well.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/ioasid_sva.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "../../../../../samples/ioasid_dma_regs.h"
#include "ioasid_dma_test.h"

#define TEST_HOLDER "ioasid_dma_test"

struct test_file {
	struct list_head node;
	struct mutex lock;	/* what follows */
	struct iommu_sva *bond;
	ioasid_t ids[DMA_TEST_IDS];
	ioasid_t held[DMA_TEST_IDS];
	struct ioasid_set *set;
	struct mm_struct *replayed;
	struct notifier_block nb;
	/* Under test_files_lock: */
	struct pid *victim;
	unsigned long event;
	ioasid_t pasid;
	struct ioasid_set *told; /* never looked into */
};

static DEFINE_SPINLOCK(test_files_lock);
static LIST_HEAD(test_files);
static struct pci_dev *test_pdev;

/* ---- events ---- */

static void test_meet(struct test_file *file, unsigned long event, struct ioasid_nb_args *args)
{
	bool mine;

	if (!file->victim)
		return;
	mine = task_tgid(current) == file->victim;
	if (mine && event == IOASID_NOTIFY_BIND)
		file->pasid = args->id;
	if (mine && event == IOASID_NOTIFY_SET_ALLOC)
		file->told = args->set;
	/* These may be told by whoever. */
	if (event == IOASID_NOTIFY_FREE)
		mine |= args->id == file->pasid;
	if (event == IOASID_NOTIFY_SET_FREE)
		mine |= args->set == file->told;
	if (!mine)
		return;
	if (event == file->event) {
		file->event = 0;
		kill_pid(file->victim, SIGKILL, 1);
	}
}

static int test_notify(struct notifier_block *nb, unsigned long event, void *data)
{
	struct test_file *file;

	spin_lock_bh(&test_files_lock);
	list_for_each_entry(file, &test_files, node)
		test_meet(file, event, data);
	spin_unlock_bh(&test_files_lock);
	return NOTIFY_OK;
}

/* In the middle, so that others are told before and after. */
static struct notifier_block test_nb = {
	.notifier_call = test_notify,
	.priority = IOASID_PRIO_IOMMU,
};

/* Beside the one above, which is told only of what is new. */
static int test_replayed(struct notifier_block *nb, unsigned long event, void *data)
{
	struct test_file *file = container_of(nb, struct test_file, nb);

	spin_lock_bh(&test_files_lock);
	test_meet(file, event, data);
	spin_unlock_bh(&test_files_lock);
	return NOTIFY_OK;
}

static int test_kill_at(struct test_file *file, unsigned long event)
{
	struct pid *victim = get_task_pid(current, PIDTYPE_TGID);

	spin_lock_bh(&test_files_lock);
	swap(victim, file->victim);
	file->event = event;
	spin_unlock_bh(&test_files_lock);
	put_pid(victim);
	return 0;
}

static int test_replay(struct test_file *file)
{
	int ret;

	if (file->replayed)
		return -EALREADY;
	file->nb.notifier_call = test_replayed;
	file->nb.priority = IOASID_PRIO_CPU;
	ret = ioasid_register_notifier_mm_replay(current->mm, &file->nb);
	if (ret)
		return ret;
	file->replayed = current->mm;
	mmgrab(file->replayed);
	return 0;
}

/* ---- IOASIDs ---- */

static int test_slot(const ioasid_t *slots, ioasid_t id)
{
	int i;

	for (i = 0; i < DMA_TEST_IDS; i++) {
		if (slots[i] == id)
			return i;
	}
	return -ENOENT;
}

static int test_alloc(struct test_file *file, u32 __user *arg)
{
	int slot = test_slot(file->ids, INVALID_IOASID), ret;

	if (slot < 0)
		return -ENOSPC;
	ret = ioasid_alloc_range(NULL, 1, ioasid_get_capacity() - 1, IOASID_ALLOC_LOWEST, NULL,
				 &file->ids[slot]);
	if (ret) {
		file->ids[slot] = INVALID_IOASID;
		return ret;
	}
	return put_user(file->ids[slot], arg);
}

static int test_get(struct test_file *file, ioasid_t id)
{
	int slot = test_slot(file->held, INVALID_IOASID), ret;

	if (slot < 0)
		return -ENOSPC;
	ret = ioasid_get_named(NULL, id, TEST_HOLDER);
	if (!ret)
		file->held[slot] = id;
	return ret;
}

static int test_put(struct test_file *file, ioasid_t id)
{
	int slot = test_slot(file->held, id);

	if (id == INVALID_IOASID || slot < 0)
		return -ENOENT;
	file->held[slot] = INVALID_IOASID;
	ioasid_put_named(NULL, id, TEST_HOLDER);
	return 0;
}

static int test_set(struct test_file *file)
{
	struct ioasid_set *set;

	if (file->set)
		return -EALREADY;
	set = ioasid_alloc_set(current->mm, DMA_TEST_IDS, IOASID_SET_TYPE_MM);
	if (IS_ERR(set))
		return PTR_ERR(set);
	file->set = set;
	return 0;
}

static int test_set_free(struct test_file *file)
{
	if (!file->set)
		return -ENOENT;
	ioasid_set_free(file->set);
	file->set = NULL;
	return 0;
}

/* ---- the device ---- */

static int test_bind(struct test_file *file, u32 __user *arg)
{
	struct iommu_sva *bond;

	if (file->bond)
		return -EALREADY;
	bond = iommu_sva_bind_device(&test_pdev->dev, current->mm);
	if (IS_ERR(bond))
		return PTR_ERR(bond);
	file->bond = bond;
	return put_user(iommu_sva_get_pasid(bond), arg);
}

static int test_unbind(struct test_file *file)
{
	if (!file->bond)
		return -ENXIO;
	iommu_sva_unbind_device(file->bond);
	file->bond = NULL;
	return 0;
}

static int test_enable(struct ioasid_dma_test_enable __user *arg)
{
	struct ioasid_dma_test_enable *enable __free(kfree) = memdup_user(arg, sizeof(*arg));
	const char *why;
	struct device *dev;

	if (IS_ERR(enable))
		return PTR_ERR(no_free_ptr(enable));
	enable->device[sizeof(enable->device) - 1] = '\0';
	dev = bus_find_device_by_name(&pci_bus_type, NULL, enable->device);
	if (!dev)
		return -ENODEV;
	enable->error = ioasid_sva_enable_device(dev, NULL);
	if (!enable->error)
		ioasid_sva_disable_device(dev);
	why = ioasid_sva_why(dev);
	strscpy_pad(enable->why, why ?: "");
	put_device(dev);
	return copy_to_user(arg, enable, sizeof(*arg)) ? -EFAULT : 0;
}

/* ---- memory that takes its time ---- */

static DECLARE_WAIT_QUEUE_HEAD(test_wait);
static atomic_t test_answers = ATOMIC_INIT(0);

static vm_fault_t test_fault(struct vm_fault *vmf)
{
	struct page *page = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
	int seen = atomic_read(&test_answers);

	if (!page)
		return VM_FAULT_OOM;
	/* Not even by a signal: who asks for the device has none. */
	wait_event_timeout(test_wait, atomic_read(&test_answers) != seen, DMA_TEST_FAULT_S * HZ);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct test_vm_ops = {
	.fault = test_fault,
};

static int test_mmap(struct file *filp, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_ops = &test_vm_ops;
	return 0;
}

/* ---- the file ---- */

static long test_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct test_file *file = filp->private_data;
	void __user *argp = (void __user *)arg;
	int ret;

	if (!current->mm)
		return -EPERM;
	ret = mutex_lock_killable(&file->lock);
	if (ret)
		return ret;
	switch (cmd) {
	case IOASID_DMA_TEST_BIND:
		ret = test_bind(file, argp);
		break;
	case IOASID_DMA_TEST_UNBIND:
		ret = test_unbind(file);
		break;
	case IOASID_DMA_TEST_ALLOC:
		ret = test_alloc(file, argp);
		break;
	case IOASID_DMA_TEST_GET:
		ret = test_get(file, arg);
		break;
	case IOASID_DMA_TEST_PUT:
		ret = test_put(file, arg);
		break;
	case IOASID_DMA_TEST_FREE:
		ret = ioasid_free(NULL, arg);
		break;
	case IOASID_DMA_TEST_SET:
		ret = test_set(file);
		break;
	case IOASID_DMA_TEST_SET_FREE:
		ret = test_set_free(file);
		break;
	case IOASID_DMA_TEST_KILL_AT:
		ret = test_kill_at(file, arg);
		break;
	case IOASID_DMA_TEST_REPLAY:
		ret = test_replay(file);
		break;
	case IOASID_DMA_TEST_ANSWER:
		atomic_inc(&test_answers);
		wake_up_all(&test_wait);
		break;
	case IOASID_DMA_TEST_ENABLE:
		ret = test_enable(argp);
		break;
	default:
		ret = -ENOTTY;
	}
	mutex_unlock(&file->lock);
	return ret;
}

static int test_open(struct inode *inode, struct file *filp)
{
	struct test_file *file = kzalloc_obj(*file);

	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	memset(file->ids, 0xff, sizeof(file->ids));
	memset(file->held, 0xff, sizeof(file->held));
	file->pasid = INVALID_IOASID;
	spin_lock_bh(&test_files_lock);
	list_add_tail(&file->node, &test_files);
	spin_unlock_bh(&test_files_lock);
	filp->private_data = file;
	return 0;
}

static int test_release(struct inode *inode, struct file *filp)
{
	struct test_file *file = filp->private_data;
	int i;

	if (file->replayed) {
		ioasid_unregister_notifier_mm(file->replayed, &file->nb);
		mmdrop(file->replayed);
	}
	spin_lock_bh(&test_files_lock);
	list_del(&file->node);
	spin_unlock_bh(&test_files_lock);
	put_pid(file->victim);
	test_unbind(file);
	test_set_free(file);
	for (i = 0; i < DMA_TEST_IDS; i++) {
		if (file->held[i] != INVALID_IOASID)
			ioasid_put_named(NULL, file->held[i], TEST_HOLDER);
		if (file->ids[i] != INVALID_IOASID)
			ioasid_free(NULL, file->ids[i]);
	}
	kfree(file);
	return 0;
}

static const struct file_operations test_fops = {
	.owner = THIS_MODULE,
	.open = test_open,
	.release = test_release,
	.unlocked_ioctl = test_ioctl,
	.mmap = test_mmap,
};

static struct miscdevice test_misc = {
	.name = "ioasid_dma_test",
	.minor = MISC_DYNAMIC_MINOR,
	.fops = &test_fops,
};

static int __init test_init(void)
{
	int ret;

	test_pdev = pci_get_device(DMA_PCI_VENDOR, DMA_PCI_DEVICE, NULL);
	if (!test_pdev)
		return -ENODEV;
	ret = ioasid_register_notifier(NULL, &test_nb);
	if (ret)
		goto put;
	ret = misc_register(&test_misc);
	if (ret)
		goto unregister;
	return 0;

unregister:
	ioasid_unregister_notifier(NULL, &test_nb);
put:
	pci_dev_put(test_pdev);
	return ret;
}
module_init(test_init);

static void __exit test_exit(void)
{
	misc_deregister(&test_misc);
	ioasid_unregister_notifier(NULL, &test_nb);
	pci_dev_put(test_pdev);
}
module_exit(test_exit);

MODULE_AUTHOR("IOASID developers");
MODULE_DESCRIPTION("The others in the kernel, for the tests of the DMA device");
MODULE_LICENSE("GPL");
