// SPDX-License-Identifier: GPL-2.0
/*
 * Mediated devices over the test device (tools/testing/qemu): each is one of its queues, for a
 * virtual machine. The queue works with a PASID of that machine's set, in a paging domain of its
 * own, which has what the machine's container has and its jobs name.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/ioasid_sva.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

#include "ioasid_dma_pci.h"
#include "ioasid_mdev.h"

#define MDEV_HOLDER "ioasid_mdev queue"
#define MDEV_STOP_MS 10000

/* So long do jobs wait after an unmap. */
#define MDEV_UNMAP_MS 100

static unsigned int quota = 4;
module_param(quota, uint, 0644);
MODULE_PARM_DESC(quota, "How many PASIDs a VM may have that has none yet, 0 for no limit");

/* A process that has mediated devices open. */
struct mdev_vm {
	struct list_head node;
	unsigned int devices;
	struct mm_struct *mm;	/* pinned by mm_count: the address cannot come back for another */
	struct ioasid_set *set;
	bool owner;		/* of the set; otherwise somebody else has made it */
	atomic_t unmapping;
	unsigned long pin_after; /* jiffies; see mdev_may_pin() */
};

struct mdev_queue;

struct mdev_host {
	struct pci_dev *pdev;
	void __iomem *bar;
	struct mdev_parent parent;
	struct mdev_type type;
	struct mdev_type *types[1];
	struct dentry *dir;
	struct mutex lock;	/* queues do not come or go; taken before mdev_queue.lock */
	spinlock_t irq_lock;	/* what follows, and mdev_queue.trigger */
	struct mdev_queue *queues[DMA_QUEUES];
	/* Of a queue that does not stop: the PASID, with the reference. Nobody gets either. */
	ioasid_t lost[DMA_QUEUES];
};

struct mdev_queue {
	struct vfio_device vdev;
	struct mdev_host *host;
	unsigned int number;
	void __iomem *control;
	void __iomem *portal;
	struct eventfd_ctx *trigger;
	struct mdev_vm *vm;
	struct notifier_block nb;
	struct work_struct drain;

	struct mutex lock;	/* the registers, and what belongs to the PASID */
	u64 guest;
	u64 job[DMA_REG_SUBMIT / sizeof(u64)];
	u64 status;
	struct iommu_domain *domain;
	struct iommu_attach_handle handle;
	struct xarray pages;	/* pinned and in the domain, by their numbers in the container */
	unsigned long pinned;

	spinlock_t pasid_lock;	/* what follows; also in handlers of events */
	ioasid_t pasid;		/* with a reference; INVALID_IOASID while the queue is off */
	bool freed;
	u64 faults;
	u64 fault_pasid;
	u64 fault_address;
};

static LIST_HEAD(mdev_vms);
static DEFINE_MUTEX(mdev_vms_lock);
static struct dentry *mdev_dir;

static struct mdev_queue *to_queue(struct vfio_device *vdev)
{
	return container_of(vdev, struct mdev_queue, vdev);
}

/* ---- virtual machines ---- */

static struct mdev_vm *mdev_vm_make(struct mm_struct *mm)
{
	struct mdev_vm *vm = kzalloc_obj(*vm, GFP_KERNEL_ACCOUNT);
	int ret;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->set = ioasid_alloc_set(mm, READ_ONCE(quota), IOASID_SET_TYPE_MM);
	vm->owner = !IS_ERR(vm->set);
	if (vm->set == ERR_PTR(-EEXIST))
		vm->set = ioasid_find_mm_set(mm);
	if (IS_ERR(vm->set)) {
		ret = PTR_ERR(vm->set);
		kfree(vm);
		return ERR_PTR(ret);
	}
	vm->pin_after = jiffies;
	vm->mm = mm;
	mmgrab(mm);
	list_add(&vm->node, &mdev_vms);
	return vm;
}

static struct mdev_vm *mdev_vm_get(struct mm_struct *mm)
{
	struct mdev_vm *vm;

	mutex_lock(&mdev_vms_lock);
	list_for_each_entry(vm, &mdev_vms, node) {
		if (vm->mm == mm)
			goto found;
	}
	vm = mdev_vm_make(mm);
found:
	if (!IS_ERR(vm))
		vm->devices++;
	mutex_unlock(&mdev_vms_lock);
	return vm;
}

static void mdev_vm_put(struct mdev_vm *vm)
{
	mutex_lock(&mdev_vms_lock);
	if (--vm->devices) {
		mutex_unlock(&mdev_vms_lock);
		return;
	}
	list_del(&vm->node);
	mutex_unlock(&mdev_vms_lock);
	if (vm->owner)
		ioasid_set_free(vm->set);
	else
		ioasid_set_put(vm->set);
	mmdrop(vm->mm);
	kfree(vm);
}

static int mdev_alloc(struct mdev_queue *queue, u64 guest)
{
	struct ioasid_set *set = queue->vm->set;
	ioasid_t pasid;
	int ret;

	if (guest >= INVALID_IOASID)
		return -EINVAL;
	ret = ioasid_alloc_range(set, 1, ioasid_get_capacity() - 1, IOASID_ALLOC_LOWEST, NULL,
				 &pasid);
	if (ret)
		return ret;
	ret = ioasid_attach_spid(pasid, guest);
	if (ret)
		ioasid_free(set, pasid);
	return ret;
}

static int mdev_free(struct mdev_queue *queue, u64 guest)
{
	struct ioasid_set *set = queue->vm->set;
	ioasid_t pasid = INVALID_IOASID;

	/* With a reference, so that the number is nobody else's meanwhile. */
	if (guest < INVALID_IOASID)
		pasid = ioasid_find_by_spid(set, guest, true);
	if (pasid == INVALID_IOASID)
		return -ENOENT;
	ioasid_free(set, pasid);
	ioasid_put(set, pasid);
	return 0;
}

/* ---- memory, with queue->lock held ---- */

/* Writable if the container has it so; a job that was submitted before may be using the page. */
static void mdev_pin(struct mdev_queue *queue, unsigned long number)
{
	dma_addr_t iova = (dma_addr_t)number << PAGE_SHIFT;
	int prot = IOMMU_READ | IOMMU_WRITE;
	struct page *page;
	int ret;

	if (xa_load(&queue->pages, number))
		return;
	ret = vfio_pin_pages(&queue->vdev, iova, 1, prot, &page);
	if (ret == -EPERM) {
		prot = IOMMU_READ;
		ret = vfio_pin_pages(&queue->vdev, iova, 1, prot, &page);
	}
	/* The device will see. */
	if (ret != 1)
		return;
	if (xa_err(xa_store(&queue->pages, number, page, GFP_KERNEL_ACCOUNT)))
		goto unpin;
	if (iommu_map(queue->domain, iova, page_to_phys(page), PAGE_SIZE, prot | IOMMU_CACHE,
		      GFP_KERNEL_ACCOUNT))
		goto erase;
	queue->pinned++;
	return;

erase:
	xa_erase(&queue->pages, number);
unpin:
	vfio_unpin_pages(&queue->vdev, iova, 1);
}

static void mdev_pin_range(struct mdev_queue *queue, u64 start, u64 length)
{
	u64 last, number;

	if (!length || check_add_overflow(start, length - 1, &last))
		return;
	last = min(last >> PAGE_SHIFT, (start >> PAGE_SHIFT) + MDEV_JOB_PAGES - 1);
	for (number = start >> PAGE_SHIFT; number <= last; number++)
		mdev_pin(queue, number);
}

static void mdev_unpin(struct mdev_queue *queue, unsigned long first, unsigned long last)
{
	unsigned long number;
	struct page *page;

	xa_for_each_range(&queue->pages, number, page, first, last) {
		dma_addr_t iova = (dma_addr_t)number << PAGE_SHIFT;

		iommu_unmap(queue->domain, iova, PAGE_SIZE);
		vfio_unpin_pages(&queue->vdev, iova, 1);
		xa_erase(&queue->pages, number);
		queue->pinned--;
	}
}

/*
 * A job that is under way there is refused what it has not reached yet. This is called before
 * mdev_open() and after mdev_close() too.
 */
static void mdev_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	struct mdev_queue *queue = to_queue(vdev);

	mutex_lock(&queue->lock);
	if (queue->vm) {
		atomic_inc(&queue->vm->unmapping);
		mdev_unpin(queue, iova >> PAGE_SHIFT, (iova + length - 1) >> PAGE_SHIFT);
		WRITE_ONCE(queue->vm->pin_after, jiffies + msecs_to_jiffies(MDEV_UNMAP_MS));
		atomic_dec(&queue->vm->unmapping);
	}
	mutex_unlock(&queue->lock);
}

/*
 * In an unmap type1 goes round the devices until no page is pinned, and has a BUG_ON() for the
 * twelfth time. Who pins what a guest tells it has to see to it that a guest with several devices
 * cannot get there: while pages are let go of, and until type1 has looked, none of them pins any.
 */
static bool mdev_may_pin(struct mdev_vm *vm)
{
	return !atomic_read(&vm->unmapping) && time_after_eq(jiffies, READ_ONCE(vm->pin_after));
}

/* ---- the queue and its PASID, with queue->lock held ---- */

/* A device that was pulled out reads as all ones, and does nothing. */
static u64 mdev_state(struct mdev_queue *queue)
{
	u64 state = readq(queue->control + DMA_REG_STATE);

	return state == U64_MAX ? DMA_STATE_STOPPED : state;
}

static bool mdev_stop(struct mdev_queue *queue)
{
	unsigned long end = jiffies + msecs_to_jiffies(MDEV_STOP_MS);

	writeq(DMA_COMMAND_STOP, queue->control + DMA_REG_COMMAND);
	for (;;) {
		bool late = time_after(jiffies, end);
		u64 state = mdev_state(queue);

		if (state == DMA_STATE_STOPPED || state == DMA_STATE_OFF)
			return true;
		if (late)
			return false;
		usleep_range(50, 200);
	}
}

static ioasid_t mdev_take_pasid(struct mdev_queue *queue)
{
	struct ioasid_set *set = queue->vm->set;
	ioasid_t pasid;

	/* FREE waits for the lock if it comes after the reference. */
	spin_lock_bh(&queue->pasid_lock);
	pasid = ioasid_find_by_spid(set, queue->guest, true);
	if (pasid != INVALID_IOASID) {
		if (!ioasid_get_named(set, pasid, MDEV_HOLDER))
			queue->pasid = pasid;
		ioasid_put(set, pasid);
	}
	pasid = queue->pasid;
	spin_unlock_bh(&queue->pasid_lock);
	return pasid;
}

static void mdev_drop_pasid(struct mdev_queue *queue, bool stopped)
{
	struct mdev_host *host = queue->host;
	ioasid_t pasid = queue->pasid;

	spin_lock_bh(&queue->pasid_lock);
	queue->pasid = INVALID_IOASID;
	queue->freed = false;
	spin_unlock_bh(&queue->pasid_lock);
	if (stopped) {
		ioasid_put_named(queue->vm->set, pasid, MDEV_HOLDER);
		return;
	}
	dev_err(&host->pdev->dev, "queue %u does not stop, PASID %u is lost\n", queue->number,
		pasid);
	spin_lock_irq(&host->irq_lock);
	host->lost[queue->number] = pasid;
	spin_unlock_irq(&host->irq_lock);
}

static void mdev_signal(struct mdev_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->host->irq_lock, flags);
	if (queue->trigger)
		eventfd_signal(queue->trigger);
	spin_unlock_irqrestore(&queue->host->irq_lock, flags);
}

/* The device has asked for a page that is not in the domain: the machine has not given it. */
static int mdev_page_request(struct iopf_group *group)
{
	struct mdev_queue *queue = container_of(group->attach_handle, struct mdev_queue, handle);
	struct iommu_fault_page_request *request = &group->last_fault.fault.prm;

	spin_lock_bh(&queue->pasid_lock);
	queue->faults++;
	queue->fault_pasid = ioasid_find_spid(request->pasid);
	queue->fault_address = request->addr;
	spin_unlock_bh(&queue->pasid_lock);
	iopf_group_response(group, IOMMU_PAGE_RESP_INVALID);
	iopf_free_group(group);
	mdev_signal(queue);
	return 0;
}

static int mdev_start(struct mdev_queue *queue)
{
	struct mdev_host *host = queue->host;
	struct device *dev = &host->pdev->dev;
	ioasid_t pasid;
	int ret;

	if (queue->pasid != INVALID_IOASID || host->lost[queue->number] != INVALID_IOASID)
		return -EBUSY;
	if (queue->guest >= INVALID_IOASID)
		return -ENOENT;
	pasid = mdev_take_pasid(queue);
	if (pasid == INVALID_IOASID)
		return -ENOENT;
	queue->domain = iommu_paging_domain_alloc(dev);
	if (IS_ERR(queue->domain)) {
		ret = PTR_ERR(queue->domain);
		goto drop;
	}
	queue->domain->iopf_handler = mdev_page_request;
	ret = iommu_attach_device_pasid(queue->domain, dev, pasid, &queue->handle);
	if (ret)
		goto free_domain;
	dma_pci_renew(queue->control);
	writeq(pasid, queue->control + DMA_REG_PASID);
	writeq(DMA_COMMAND_START, queue->control + DMA_REG_COMMAND);
	if (mdev_state(queue) == DMA_STATE_RUNNING)
		return 0;
	ret = -EIO;
	writeq(0, queue->control + DMA_REG_PASID);
	iommu_detach_device_pasid(queue->domain, dev, pasid);
free_domain:
	iommu_domain_free(queue->domain);
drop:
	queue->domain = NULL;
	mdev_drop_pasid(queue, true);
	return ret;
}

/* The reference goes last: until then the number is nobody else's. */
static void mdev_off(struct mdev_queue *queue)
{
	bool stopped;

	if (queue->pasid == INVALID_IOASID)
		return;
	stopped = mdev_stop(queue);
	if (stopped)
		writeq(DMA_COMMAND_OFF, queue->control + DMA_REG_COMMAND);
	/* This keeps a device from the memory that does not stop. */
	iommu_detach_device_pasid(queue->domain, &queue->host->pdev->dev, queue->pasid);
	mdev_unpin(queue, 0, ULONG_MAX);
	iommu_domain_free(queue->domain);
	queue->domain = NULL;
	mdev_drop_pasid(queue, stopped);
}

static void mdev_drain(struct work_struct *work)
{
	struct mdev_queue *queue = container_of(work, struct mdev_queue, drain);

	mutex_lock(&queue->lock);
	if (queue->freed)
		mdev_off(queue);
	mutex_unlock(&queue->lock);
	mdev_signal(queue);
}

/* Atomic: the guest, or the exit of its VMM, has freed the PASID with the queue at work. */
static int mdev_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct mdev_queue *queue = container_of(nb, struct mdev_queue, nb);
	struct ioasid_nb_args *args = data;

	if (event != IOASID_NOTIFY_FREE)
		return NOTIFY_DONE;
	spin_lock_bh(&queue->pasid_lock);
	if (queue->pasid == args->id) {
		queue->freed = true;
		ioasid_queue_work(&queue->drain);
	}
	spin_unlock_bh(&queue->pasid_lock);
	return NOTIFY_OK;
}

/* ---- the registers ---- */

static u64 mdev_job_field(struct mdev_queue *queue, unsigned int reg)
{
	return queue->job[reg / sizeof(u64)];
}

static void mdev_submit(struct mdev_queue *queue, u64 cookie)
{
	u64 length = mdev_job_field(queue, DMA_REG_LENGTH);
	unsigned int reg;

	if (queue->pasid == INVALID_IOASID)
		return;
	if ((mdev_job_field(queue, DMA_REG_OPERATION) & DMA_OP_MASK) != DMA_OP_FILL)
		mdev_pin_range(queue, mdev_job_field(queue, DMA_REG_SOURCE), length);
	if ((mdev_job_field(queue, DMA_REG_OPERATION) & DMA_OP_MASK) != DMA_OP_CHECKSUM)
		mdev_pin_range(queue, mdev_job_field(queue, DMA_REG_TARGET), length);
	for (reg = 0; reg < DMA_REG_SUBMIT; reg += sizeof(u64))
		writeq(mdev_job_field(queue, reg), queue->portal + reg);
	writeq(cookie, queue->portal + DMA_REG_SUBMIT);
}

static u64 mdev_read_fault(struct mdev_queue *queue, const u64 *field)
{
	u64 value;

	spin_lock_bh(&queue->pasid_lock);
	value = *field;
	spin_unlock_bh(&queue->pasid_lock);
	return value;
}

static u64 mdev_read_reg(struct mdev_queue *queue, unsigned int reg)
{
	bool off = queue->pasid == INVALID_IOASID;

	switch (reg) {
	case MDEV_CONTROL + DMA_REG_PASID:
		return queue->guest;
	case MDEV_CONTROL + DMA_REG_STATE:
		return off ? DMA_STATE_OFF : mdev_state(queue);
	case MDEV_CONTROL + DMA_REG_PACE:
	case MDEV_CONTROL + DMA_REG_REQUESTS:
	case MDEV_CONTROL + DMA_REG_DONE_COUNT ... MDEV_CONTROL + DMA_REG_DONE_ADDRESS:
		return off ? 0 : readq(queue->control + reg);
	case MDEV_REG_STATUS:
		return queue->status;
	case MDEV_REG_FAULTS:
		return mdev_read_fault(queue, &queue->faults);
	case MDEV_REG_FAULT_PASID:
		return mdev_read_fault(queue, &queue->fault_pasid);
	case MDEV_REG_FAULT_ADDRESS:
		return mdev_read_fault(queue, &queue->fault_address);
	case MDEV_PORTAL + DMA_REG_OPERATION ... MDEV_PORTAL + DMA_REG_VALUE:
		return mdev_job_field(queue, reg - MDEV_PORTAL);
	case MDEV_PORTAL + DMA_REG_SPACE:
		return off ? 0 : readq(queue->portal + DMA_REG_SPACE);
	default:
		return 0;
	}
}

static void mdev_command(struct mdev_queue *queue, u64 command)
{
	switch (command) {
	case DMA_COMMAND_START:
		queue->status = -mdev_start(queue);
		break;
	case DMA_COMMAND_STOP:
		if (queue->pasid != INVALID_IOASID)
			writeq(DMA_COMMAND_STOP, queue->control + DMA_REG_COMMAND);
		break;
	case DMA_COMMAND_OFF:
		if (mdev_state(queue) == DMA_STATE_STOPPED)
			mdev_off(queue);
		break;
	}
}

static void mdev_write_reg(struct mdev_queue *queue, unsigned int reg, u64 value)
{
	bool off = queue->pasid == INVALID_IOASID;

	switch (reg) {
	case MDEV_CONTROL + DMA_REG_PASID:
		if (off)
			queue->guest = value;
		break;
	case MDEV_CONTROL + DMA_REG_COMMAND:
		mdev_command(queue, value);
		break;
	case MDEV_CONTROL + DMA_REG_PACE:
	case MDEV_CONTROL + DMA_REG_DONE_TAKE:
		if (!off)
			writeq(value, queue->control + reg);
		break;
	case MDEV_REG_ALLOC:
		queue->status = -mdev_alloc(queue, value);
		break;
	case MDEV_REG_FREE:
		queue->status = -mdev_free(queue, value);
		break;
	case MDEV_PORTAL + DMA_REG_OPERATION ... MDEV_PORTAL + DMA_REG_VALUE:
		queue->job[(reg - MDEV_PORTAL) / sizeof(u64)] = value;
		break;
	case MDEV_PORTAL + DMA_REG_SUBMIT:
		mdev_submit(queue, value);
		break;
	}
}

/* ---- VFIO ---- */

static bool mdev_is_register(size_t count, loff_t pos)
{
	return count == sizeof(u64) && pos >= 0 && pos < MDEV_REGION_SIZE &&
	       IS_ALIGNED(pos, sizeof(u64));
}

static ssize_t mdev_read(struct vfio_device *vdev, char __user *to, size_t count, loff_t *pos)
{
	struct mdev_queue *queue = to_queue(vdev);
	u64 value;

	if (!mdev_is_register(count, *pos))
		return -EINVAL;
	mutex_lock(&queue->lock);
	value = mdev_read_reg(queue, *pos);
	mutex_unlock(&queue->lock);
	if (copy_to_user(to, &value, sizeof(value)))
		return -EFAULT;
	*pos += count;
	return count;
}

static ssize_t mdev_write(struct vfio_device *vdev, const char __user *from, size_t count,
			  loff_t *pos)
{
	struct mdev_queue *queue = to_queue(vdev);
	u64 value;

	if (!mdev_is_register(count, *pos))
		return -EINVAL;
	if (copy_from_user(&value, from, sizeof(value)))
		return -EFAULT;
	mutex_lock(&queue->lock);
	while (*pos == MDEV_PORTAL + DMA_REG_SUBMIT && !mdev_may_pin(queue->vm)) {
		mutex_unlock(&queue->lock);
		msleep(MDEV_UNMAP_MS / 10);
		mutex_lock(&queue->lock);
	}
	mdev_write_reg(queue, *pos, value);
	mutex_unlock(&queue->lock);
	*pos += count;
	return count;
}

static int mdev_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			    struct vfio_info_cap *caps)
{
	if (info->index)
		return -EINVAL;
	info->size = MDEV_REGION_SIZE;
	info->offset = 0;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return 0;
}

static int mdev_info(void __user *arg)
{
	const size_t size = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = 1;
	info.num_irqs = 1;
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static int mdev_irq_info(void __user *arg)
{
	const size_t size = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, size))
		return -EFAULT;
	if (info.argsz < size || info.index)
		return -EINVAL;
	info.flags = VFIO_IRQ_INFO_EVENTFD;
	info.count = 1;
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static void mdev_set_trigger(struct mdev_queue *queue, struct eventfd_ctx *trigger)
{
	spin_lock_irq(&queue->host->irq_lock);
	swap(queue->trigger, trigger);
	spin_unlock_irq(&queue->host->irq_lock);
	if (trigger)
		eventfd_ctx_put(trigger);
}

static int mdev_set_irqs(struct mdev_queue *queue, void __user *arg)
{
	const size_t size = offsetofend(struct vfio_irq_set, count);
	struct eventfd_ctx *trigger = NULL;
	struct vfio_irq_set set;
	size_t data;
	s32 fd;
	int ret;

	if (copy_from_user(&set, arg, size))
		return -EFAULT;
	ret = vfio_set_irqs_validate_and_prepare(&set, 1, 1, &data);
	if (ret)
		return ret;
	if ((set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -ENOTTY;
	switch (set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		if (set.count) {
			mdev_signal(queue);
			return 0;
		}
		break;
	case VFIO_IRQ_SET_DATA_EVENTFD:
		if (!set.count)
			return -EINVAL;
		if (copy_from_user(&fd, arg + size, sizeof(fd)))
			return -EFAULT;
		if (fd >= 0)
			trigger = eventfd_ctx_fdget(fd);
		if (IS_ERR(trigger))
			return PTR_ERR(trigger);
		break;
	default:
		return -ENOTTY;
	}
	mdev_set_trigger(queue, trigger);
	return 0;
}

static void mdev_reset(struct mdev_queue *queue)
{
	mutex_lock(&queue->lock);
	mdev_off(queue);
	memset(queue->job, 0, sizeof(queue->job));
	queue->guest = 0;
	queue->status = 0;
	mutex_unlock(&queue->lock);
}

static long mdev_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct mdev_queue *queue = to_queue(vdev);

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return mdev_info((void __user *)arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return mdev_irq_info((void __user *)arg);
	case VFIO_DEVICE_SET_IRQS:
		return mdev_set_irqs(queue, (void __user *)arg);
	case VFIO_DEVICE_RESET:
		mdev_reset(queue);
		return 0;
	default:
		return -ENOTTY;
	}
}

static int mdev_open(struct vfio_device *vdev)
{
	struct mdev_queue *queue = to_queue(vdev);
	struct mdev_vm *vm;
	int ret;

	if (!current->mm)
		return -EPERM;
	vm = mdev_vm_get(current->mm);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	queue->nb.notifier_call = mdev_event;
	queue->nb.priority = IOASID_PRIO_DEVICE;
	ret = ioasid_register_notifier(vm->set, &queue->nb);
	if (ret) {
		mdev_vm_put(vm);
		return ret;
	}
	mutex_lock(&queue->lock);
	queue->vm = vm;
	mutex_unlock(&queue->lock);
	return 0;
}

static void mdev_close(struct vfio_device *vdev)
{
	struct mdev_queue *queue = to_queue(vdev);
	struct mdev_vm *vm = queue->vm;

	ioasid_unregister_notifier(vm->set, &queue->nb);
	cancel_work_sync(&queue->drain);
	mdev_reset(queue);
	mdev_set_trigger(queue, NULL);
	mutex_lock(&queue->lock);
	queue->vm = NULL;
	mutex_unlock(&queue->lock);
	mdev_vm_put(vm);
	queue->faults = 0;
	queue->fault_pasid = 0;
	queue->fault_address = 0;
}

static const struct vfio_device_ops mdev_ops = {
	.name = KBUILD_MODNAME,
	.open_device = mdev_open,
	.close_device = mdev_close,
	.read = mdev_read,
	.write = mdev_write,
	.ioctl = mdev_ioctl,
	.get_region_info_caps = mdev_region_info,
	.dma_unmap = mdev_dma_unmap,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
};

/* ---- the mediated device ---- */

static int mdev_take_queue(struct mdev_host *host, struct mdev_queue *queue)
{
	int ret = -EUSERS;
	unsigned int i;

	mutex_lock(&host->lock);
	spin_lock_irq(&host->irq_lock);
	for (i = 0; i < DMA_QUEUES && ret; i++) {
		if (host->queues[i] || host->lost[i] != INVALID_IOASID)
			continue;
		queue->number = i;
		queue->control = host->bar + DMA_CONTROL(i);
		queue->portal = host->bar + DMA_PORTAL(i);
		host->queues[i] = queue;
		ret = 0;
	}
	spin_unlock_irq(&host->irq_lock);
	mutex_unlock(&host->lock);
	return ret;
}

static void mdev_give_queue(struct mdev_queue *queue)
{
	struct mdev_host *host = queue->host;

	mutex_lock(&host->lock);
	spin_lock_irq(&host->irq_lock);
	host->queues[queue->number] = NULL;
	spin_unlock_irq(&host->irq_lock);
	mutex_unlock(&host->lock);
}

static int mdev_probe(struct mdev_device *mdev)
{
	struct mdev_host *host = container_of(mdev->type->parent, struct mdev_host, parent);
	struct mdev_queue *queue = vfio_alloc_device(mdev_queue, vdev, &mdev->dev, &mdev_ops);
	int ret;

	if (IS_ERR(queue))
		return PTR_ERR(queue);
	queue->host = host;
	queue->pasid = INVALID_IOASID;
	mutex_init(&queue->lock);
	spin_lock_init(&queue->pasid_lock);
	xa_init(&queue->pages);
	INIT_WORK(&queue->drain, mdev_drain);
	ret = mdev_take_queue(host, queue);
	if (ret)
		goto put;
	ret = vfio_register_emulated_iommu_dev(&queue->vdev);
	if (ret)
		goto give_queue;
	dev_set_drvdata(&mdev->dev, queue);
	return 0;

give_queue:
	mdev_give_queue(queue);
put:
	vfio_put_device(&queue->vdev);
	return ret;
}

static void mdev_remove(struct mdev_device *mdev)
{
	struct mdev_queue *queue = dev_get_drvdata(&mdev->dev);

	/* Waits until nobody has it open. */
	vfio_unregister_group_dev(&queue->vdev);
	mdev_give_queue(queue);
	vfio_put_device(&queue->vdev);
}

static struct mdev_driver mdev_driver = {
	.device_api = VFIO_DEVICE_API_PLATFORM_STRING,
	.max_instances = DMA_QUEUES,
	.probe = mdev_probe,
	.remove = mdev_remove,
	.driver = {
		.name = KBUILD_MODNAME,
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
};

/* ---- the device ---- */

static irqreturn_t mdev_interrupt(int irq, void *data)
{
	struct mdev_host *host = data;
	u64 bits = readq(host->bar + DMA_REG_INTERRUPT);
	unsigned int i;

	if (!bits || bits == U64_MAX)
		return IRQ_NONE;
	writeq(bits, host->bar + DMA_REG_INTERRUPT);
	spin_lock(&host->irq_lock);
	for (i = 0; i < DMA_QUEUES; i++) {
		if (bits & BIT_ULL(i) && host->queues[i] && host->queues[i]->trigger)
			eventfd_signal(host->queues[i]->trigger);
	}
	spin_unlock(&host->irq_lock);
	return IRQ_HANDLED;
}

static int queues_show(struct seq_file *s, void *unused)
{
	struct mdev_host *host = s->private;
	struct mdev_queue *queue;
	int i;

	seq_puts(s, "QUEUE  GUEST   HOST  PINNED  DEVICE\n");
	mutex_lock(&host->lock);
	for (i = 0; i < DMA_QUEUES; i++) {
		queue = host->queues[i];
		if (!queue)
			continue;
		mutex_lock(&queue->lock);
		if (queue->pasid == INVALID_IOASID)
			seq_printf(s, "%5d  %5s  %5s", i, "-", "-");
		else
			seq_printf(s, "%5d  %5llu  %5u", i, queue->guest, queue->pasid);
		seq_printf(s, "  %6lu  %s\n", queue->pinned, dev_name(queue->vdev.dev));
		mutex_unlock(&queue->lock);
	}
	mutex_unlock(&host->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queues);

static int mdev_host_start(struct mdev_host *host)
{
	int i;

	host->bar = dma_pci_start(host->pdev);
	if (IS_ERR(host->bar))
		return PTR_ERR(host->bar);
	for (i = 0; i < DMA_QUEUES; i++)
		host->lost[i] = INVALID_IOASID;
	return 0;
}

static int mdev_host_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct mdev_host *host = devm_kzalloc(&pdev->dev, sizeof(*host), GFP_KERNEL);
	int ret;

	if (!host)
		return -ENOMEM;
	mutex_init(&host->lock);
	spin_lock_init(&host->irq_lock);
	host->pdev = pdev;
	pci_set_drvdata(pdev, host);
	ret = mdev_host_start(host);
	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		goto clear_master;
	ret = request_irq(pci_irq_vector(pdev, 0), mdev_interrupt, 0, KBUILD_MODNAME, host);
	if (ret)
		goto free_vectors;
	/* From here on the numbers are none of those that the IOMMU core gives to others. */
	ret = ioasid_add_device(&pdev->dev);
	if (ret)
		goto free_irq;
	host->type.sysfs_name = "queue";
	host->type.pretty_name = "DMA queue with a PASID";
	host->types[0] = &host->type;
	ret = mdev_register_parent(&host->parent, &pdev->dev, &mdev_driver, host->types, 1);
	if (ret)
		goto remove_device;
	host->dir = debugfs_create_dir(pci_name(pdev), mdev_dir);
	debugfs_create_file("queues", 0444, host->dir, host, &queues_fops);
	return 0;

remove_device:
	ioasid_remove_device(&pdev->dev);
free_irq:
	free_irq(pci_irq_vector(pdev, 0), host);
free_vectors:
	pci_free_irq_vectors(pdev);
clear_master:
	pci_clear_master(pdev);
	return ret;
}

static void mdev_host_remove(struct pci_dev *pdev)
{
	struct mdev_host *host = pci_get_drvdata(pdev);
	int i;

	debugfs_remove(host->dir);
	mdev_unregister_parent(&host->parent);
	free_irq(pci_irq_vector(pdev, 0), host);
	pci_free_irq_vectors(pdev);
	pci_clear_master(pdev);
	for (i = 0; i < DMA_QUEUES; i++) {
		if (host->lost[i] != INVALID_IOASID)
			ioasid_put_named(NULL, host->lost[i], MDEV_HOLDER);
	}
	ioasid_remove_device(&pdev->dev);
}

/* A reset takes from all queues what they had; a guest may start its queue again after it. */
static void mdev_host_reset(struct pci_dev *pdev)
{
	struct mdev_host *host = pci_get_drvdata(pdev);
	int i;

	mutex_lock(&host->lock);
	for (i = 0; i < DMA_QUEUES; i++) {
		struct mdev_queue *queue = host->queues[i];

		if (!queue)
			continue;
		mutex_lock(&queue->lock);
		mdev_off(queue);
		mutex_unlock(&queue->lock);
		mdev_signal(queue);
	}
	mutex_unlock(&host->lock);
}

static const struct pci_error_handlers mdev_errors = {
	.reset_prepare = mdev_host_reset,
};

static const struct pci_device_id mdev_ids[] = {
	{ PCI_DEVICE(DMA_PCI_VENDOR, DMA_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, mdev_ids);

static struct pci_driver mdev_host_driver = {
	.name = KBUILD_MODNAME,
	.id_table = mdev_ids,
	.probe = mdev_host_probe,
	.remove = mdev_host_remove,
	.err_handler = &mdev_errors,
};

static int __init mdev_init(void)
{
	int ret;

	ret = mdev_register_driver(&mdev_driver);
	if (ret)
		return ret;
	mdev_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	ret = pci_register_driver(&mdev_host_driver);
	if (ret) {
		debugfs_remove(mdev_dir);
		mdev_unregister_driver(&mdev_driver);
	}
	return ret;
}
module_init(mdev_init);

static void __exit mdev_exit(void)
{
	pci_unregister_driver(&mdev_host_driver);
	mdev_unregister_driver(&mdev_driver);
	debugfs_remove(mdev_dir);
}
module_exit(mdev_exit);

MODULE_AUTHOR("IOASID developers");
MODULE_DESCRIPTION("Sample IOASID client: queues of a device as mediated devices for VFIO");
MODULE_LICENSE("GPL");
