// SPDX-License-Identifier: GPL-2.0
/*
 * Driver of the test device (tools/testing/qemu): processes share a DMA engine by PASID.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/ioasid_sva.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "ioasid_dma.h"
#include "ioasid_dma_pci.h"

#define DMA_HOLDER "ioasid_dma queue"

/*
 * For so long does somebody who lets go of a queue wait for it to stop. An answer to a page request
 * takes as long as it takes to get the page, which may be for ever: it may have to come from a file
 * system that the one who waits is to serve. What is left then is for a work item to look after.
 */
#define DMA_STOP_MS 10000
#define DMA_LATE_MS 100

static bool no_stop;
module_param(no_stop, bool, 0444);
MODULE_PARM_DESC(no_stop, "For tests: unbind without stopping the device, which is a mistake");

struct dma_file;

/* What is given back as soon as the device has stopped. */
struct dma_bound {
	struct ioasid_bond *bond;
	ioasid_t pasid;
	struct mm_struct *mm;
	bool users;		/* it is kept from its exit */
};

struct dma_queue {
	void __iomem *control;
	void __iomem *portal;
	/* Under dma_device.queue_lock: */
	struct dma_file *file;
	ioasid_t pasid;		/* INVALID_IOASID: none that events could be about */
	bool revoked;		/* the PASID was freed: the work item is to unbind the file */
	bool late;		/* its file has gone, and it has not stopped: nobody gets it */
	struct dma_bound bound;	/* if it is late */
};

struct dma_device {
	struct kref refs;
	struct list_head node;
	int number;
	struct pci_dev *pdev;
	void __iomem *bar;
	struct miscdevice misc;
	struct dentry *dir;
	struct work_struct revoke;
	struct delayed_work late;
	struct mutex late_lock;	/* who sees to the queues that are late */
	struct mutex lock;	/* files, gone; taken before dma_file.lock */
	struct list_head files;
	bool gone;
	spinlock_t queue_lock;	/* also from the interrupt */
	struct dma_queue queues[DMA_QUEUES];
};

/* An open file. */
struct dma_file {
	struct kref refs;
	struct list_head node;
	struct dma_device *dev;
	struct address_space *mapping;
	wait_queue_head_t wait;
	atomic_t events;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	struct mutex lock;	/* what follows, and the registers of the queue */
	struct dma_queue *queue;
	struct mm_struct *mm;	/* pinned by mm_count: the address cannot come back for another */
	struct ioasid_bond *bond;
	ioasid_t pasid;
	struct mmu_notifier exit;
	struct completion exited;
	u64 cookie;
	struct mutex portal_lock; /* what follows; taken under mmap_lock, so nothing is under it */
	struct mm_struct *portal_mm;
	unsigned long portal_page;
	unsigned long portal_offset;
	bool portal_mapped;
};

static DEFINE_SPINLOCK(dma_devices_lock);
static LIST_HEAD(dma_devices);
static DEFINE_IDA(dma_numbers);
static struct dentry *dma_dir;

static void dma_device_release(struct kref *refs)
{
	kfree(container_of(refs, struct dma_device, refs));
}

static void dma_file_release(struct kref *refs)
{
	struct dma_file *file = container_of(refs, struct dma_file, refs);

	kref_put(&file->dev->refs, dma_device_release);
	kfree(file);
}

static void dma_file_event(struct dma_file *file)
{
	atomic_inc(&file->events);
	wake_up(&file->wait);
}

/* ---- the queue of a file ---- */

/* For people who look. A name may hold anything. */
static void dma_note_owner(struct dma_file *file)
{
	char *c;

	file->pid = task_tgid_nr(current);
	get_task_comm(file->comm, current);
	for (c = file->comm; *c; c++) {
		if (!isprint(*c))
			*c = '?';
	}
}

static struct dma_queue *dma_queue_take(struct dma_file *file)
{
	struct dma_device *dev = file->dev;
	struct dma_queue *queue = NULL;
	int i;

	spin_lock_irq(&dev->queue_lock);
	for (i = 0; i < DMA_QUEUES; i++) {
		if (dev->queues[i].file || dev->queues[i].late)
			continue;
		queue = &dev->queues[i];
		queue->file = file;
		queue->pasid = INVALID_IOASID;
		queue->revoked = false;
		break;
	}
	spin_unlock_irq(&dev->queue_lock);
	return queue;
}

static void dma_queue_set_pasid(struct dma_file *file, ioasid_t pasid)
{
	spin_lock_irq(&file->dev->queue_lock);
	file->queue->pasid = pasid;
	spin_unlock_irq(&file->dev->queue_lock);
}

static bool dma_queue_has_pasid(struct dma_file *file)
{
	bool has;

	spin_lock_irq(&file->dev->queue_lock);
	has = file->queue->pasid != INVALID_IOASID;
	spin_unlock_irq(&file->dev->queue_lock);
	return has;
}

static void dma_queue_give_back(struct dma_file *file)
{
	spin_lock_irq(&file->dev->queue_lock);
	file->queue->file = NULL;
	file->queue->pasid = INVALID_IOASID;
	spin_unlock_irq(&file->dev->queue_lock);
	file->queue = NULL;
}

/*
 * If so, the device does nothing with the PASID, and no page request of it is left without an
 * answer. A device that was pulled out reads as all ones, and does nothing either.
 */
static bool dma_queue_has_stopped(struct dma_queue *queue)
{
	u64 state = readq(queue->control + DMA_REG_STATE);

	return state == DMA_STATE_STOPPED || state == DMA_STATE_OFF || state == U64_MAX;
}

/* @patient: the time that the kernel takes to answer does not count. */
static bool dma_queue_stop(struct dma_queue *queue, bool patient)
{
	unsigned long end = jiffies + msecs_to_jiffies(DMA_STOP_MS);

	writeq(DMA_COMMAND_STOP, queue->control + DMA_REG_COMMAND);
	for (;;) {
		bool late = time_after(jiffies, end);

		if (dma_queue_has_stopped(queue))
			return true;
		if (patient && readq(queue->control + DMA_REG_REQUESTS))
			end = jiffies + msecs_to_jiffies(DMA_STOP_MS);
		else if (late)
			return false;
		usleep_range(50, 200);
	}
}

static bool dma_queue_start(struct dma_file *file)
{
	void __iomem *control = file->queue->control;

	dma_pci_renew(control);
	writeq(file->pasid, control + DMA_REG_PASID);
	writeq(DMA_COMMAND_START, control + DMA_REG_COMMAND);
	return readq(control + DMA_REG_STATE) == DMA_STATE_RUNNING;
}

/*
 * The address space exits, and this comes before the IOMMU stops to translate for it. Who still
 * sends DMA then runs into faults, each a line in the log where the IOMMU does not know better. It
 * is only told to stop: that it has stopped is waited for where one may sleep.
 */
static void dma_mm_exit(struct mmu_notifier *exit, struct mm_struct *mm)
{
	struct dma_file *file = container_of(exit, struct dma_file, exit);

	writeq(DMA_COMMAND_STOP, file->queue->control + DMA_REG_COMMAND);
	complete_all(&file->exited);
}

static const struct mmu_notifier_ops dma_exit_ops = {
	.release = dma_mm_exit,
};

/* Where in the file the portal is to be mapped, in pages: all files share one address space. */
static unsigned long dma_portal_offset(struct dma_file *file)
{
	return file->queue - file->dev->queues;
}

static void dma_portal_open(struct dma_file *file)
{
	struct dma_device *dev = file->dev;
	phys_addr_t bar = pci_resource_start(dev->pdev, 0);

	mutex_lock(&file->portal_lock);
	file->portal_page = (bar + (file->queue->portal - dev->bar)) >> PAGE_SHIFT;
	file->portal_offset = dma_portal_offset(file);
	file->portal_mm = file->mm;
	WRITE_ONCE(file->portal_mapped, false);
	mutex_unlock(&file->portal_lock);
}

static void dma_portal_close(struct dma_file *file)
{
	mutex_lock(&file->portal_lock);
	file->portal_mm = NULL;
	mutex_unlock(&file->portal_lock);
	unmap_mapping_range(file->mapping, (loff_t)dma_portal_offset(file) << PAGE_SHIFT,
			    PAGE_SIZE, 1);
}

/*
 * On return the address space either does not exit until dma_let_mm_go(), or has done with all
 * who follow it. VT-d (7.2) warns of a PASID that it takes down in an unbind and at an exit at a
 * time. Only for who unbinds in another context than that of the process is there a way to meet
 * that.
 */
static bool dma_exit_forbid(struct dma_file *file)
{
	bool users = mmget_not_zero(file->mm);

	if (!users)
		wait_for_completion(&file->exited);
	/* This waits for the rest of them. */
	mmu_notifier_unregister(&file->exit, file->mm);
	return users;
}

/* With the device stopped, or else by mistake. */
static void dma_let_go(struct dma_queue *queue, struct dma_bound *bound)
{
	ioasid_sva_unbind_device(bound->bond);
	if (no_stop)
		dma_queue_stop(queue, false);
	writeq(DMA_COMMAND_OFF, queue->control + DMA_REG_COMMAND);
	ioasid_put_named(NULL, bound->pasid, DMA_HOLDER);
}

static void dma_let_mm_go(struct dma_bound *bound)
{
	if (bound->users)
		mmput_async(bound->mm);
	mmdrop(bound->mm);
}

static void dma_queue_leave(struct dma_file *file, struct dma_bound *bound)
{
	struct dma_queue *queue = file->queue;
	struct dma_device *dev = file->dev;

	dev_notice(&dev->pdev->dev, "queue %td has not stopped yet\n", queue - dev->queues);
	spin_lock_irq(&dev->queue_lock);
	queue->bound = *bound;
	queue->late = true;
	queue->file = NULL;
	queue->pasid = INVALID_IOASID;
	spin_unlock_irq(&dev->queue_lock);
	file->queue = NULL;
	queue_delayed_work(system_dfl_wq, &dev->late, msecs_to_jiffies(DMA_LATE_MS));
}

static bool dma_queue_is_late(struct dma_device *dev, struct dma_queue *queue)
{
	bool late;

	spin_lock_irq(&dev->queue_lock);
	late = queue->late;
	spin_unlock_irq(&dev->queue_lock);
	return late;
}

/* How many are still late. @wait: only those are that the device does not stop. */
static int dma_end_late(struct dma_device *dev, bool wait)
{
	struct dma_queue *queue;
	int i, left = 0;

	mutex_lock(&dev->late_lock);
	for (i = 0; i < DMA_QUEUES; i++) {
		queue = &dev->queues[i];
		if (!dma_queue_is_late(dev, queue))
			continue;
		if (!(wait ? dma_queue_stop(queue, true) : dma_queue_has_stopped(queue))) {
			left++;
			continue;
		}
		dma_let_go(queue, &queue->bound);
		dma_let_mm_go(&queue->bound);
		spin_lock_irq(&dev->queue_lock);
		queue->late = false;
		spin_unlock_irq(&dev->queue_lock);
	}
	mutex_unlock(&dev->late_lock);
	return left;
}

static void dma_late(struct work_struct *work)
{
	struct dma_device *dev = container_of(to_delayed_work(work), struct dma_device, late);

	if (dma_end_late(dev, false))
		queue_delayed_work(system_dfl_wq, &dev->late, msecs_to_jiffies(DMA_LATE_MS));
}

/* With file->lock held. Does nothing to a file that is not bound. */
static void dma_unbind(struct dma_file *file)
{
	struct dma_bound bound = { .bond = file->bond, .pasid = file->pasid, .mm = file->mm };
	struct dma_queue *queue = file->queue;

	if (!queue)
		return;
	dma_portal_close(file);
	if (!no_stop)
		bound.users = dma_exit_forbid(file);
	file->mm = NULL;
	if (!no_stop && !dma_queue_stop(queue, false)) {
		/* Better to do without the queue and the memory than to have it write there. */
		dma_queue_leave(file, &bound);
		return;
	}
	/* What is told of the PASID from here on is of no interest. */
	dma_queue_set_pasid(file, INVALID_IOASID);
	dma_let_go(queue, &bound);
	dma_queue_give_back(file);
	dma_let_mm_go(&bound);
}

static int dma_bind(struct dma_file *file)
{
	struct dma_device *dev = file->dev;
	struct ioasid_bond *bond;
	int ret;

	if (READ_ONCE(dev->gone))
		return -ENODEV;
	if (file->queue)
		return -EALREADY;
	/* A kernel thread. */
	if (!current->mm)
		return -EPERM;
	file->queue = dma_queue_take(file);
	if (!file->queue)
		return -EBUSY;
	dma_note_owner(file);

	bond = ioasid_sva_bind_device(&dev->pdev->dev, current->mm, dev);
	if (IS_ERR(bond)) {
		ret = PTR_ERR(bond);
		goto give_back;
	}
	file->pasid = ioasid_sva_get_pasid(bond);
	/* In this order: who frees the PASID from here on is either noticed or comes too early. */
	dma_queue_set_pasid(file, file->pasid);
	ret = ioasid_get_named(NULL, file->pasid, DMA_HOLDER);
	if (ret)
		goto unbind;
	/* After the bind: the last to come is the first to be told. */
	if (!no_stop) {
		init_completion(&file->exited);
		file->exit.ops = &dma_exit_ops;
		ret = mmu_notifier_register(&file->exit, current->mm);
		if (ret)
			goto put;
	}
	if (!dma_queue_start(file)) {
		ret = -EIO;
		goto unregister;
	}
	file->bond = bond;
	file->mm = current->mm;
	mmgrab(file->mm);
	dma_portal_open(file);
	return 0;

unregister:
	if (!no_stop)
		mmu_notifier_unregister(&file->exit, current->mm);
put:
	writeq(0, file->queue->control + DMA_REG_PASID);
	ioasid_put_named(NULL, file->pasid, DMA_HOLDER);
unbind:
	dma_queue_set_pasid(file, INVALID_IOASID);
	ioasid_sva_unbind_device(bond);
give_back:
	dma_queue_give_back(file);
	return ret;
}

/* ---- what happens to the PASID without the owner's doing ---- */

/* Which file has lost its PASID; with a reference. */
static struct dma_file *dma_next_revoked(struct dma_device *dev)
{
	struct dma_file *file = NULL;
	int i;

	spin_lock_irq(&dev->queue_lock);
	for (i = 0; i < DMA_QUEUES && !file; i++) {
		if (!dev->queues[i].revoked)
			continue;
		dev->queues[i].revoked = false;
		file = dev->queues[i].file;
		if (file)
			kref_get(&file->refs);
	}
	spin_unlock_irq(&dev->queue_lock);
	return file;
}

/*
 * The process has gone, or somebody has taken the PASID from it. The number can be given to another
 * as soon as the device has let go of it, whoever still has the file open.
 */
static void dma_revoke(struct work_struct *work)
{
	struct dma_device *dev = container_of(work, struct dma_device, revoke);
	struct dma_file *file;

	while ((file = dma_next_revoked(dev))) {
		mutex_lock(&file->lock);
		/* It may have been bound anew since. */
		if (file->queue && !dma_queue_has_pasid(file))
			dma_unbind(file);
		mutex_unlock(&file->lock);
		dma_file_event(file);
		kref_put(&file->refs, dma_file_release);
	}
}

/* Atomic: to wait for the device is left to the work item. The reference is held until then. */
static int dma_notify(struct notifier_block *nb, unsigned long event, void *data)
{
	struct ioasid_nb_args *args = data;
	struct dma_device *dev;
	unsigned long flags;
	bool found;
	int i;

	if (event != IOASID_NOTIFY_FREE && event != IOASID_NOTIFY_UNBIND)
		return NOTIFY_DONE;
	spin_lock_bh(&dma_devices_lock);
	list_for_each_entry(dev, &dma_devices, node) {
		found = false;
		spin_lock_irqsave(&dev->queue_lock, flags);
		for (i = 0; i < DMA_QUEUES; i++) {
			if (!dev->queues[i].file || dev->queues[i].pasid != args->id)
				continue;
			dev->queues[i].revoked = true;
			dev->queues[i].pasid = INVALID_IOASID;
			found = true;
		}
		spin_unlock_irqrestore(&dev->queue_lock, flags);
		/* In this queue it comes before what the IOMMU driver does about the same FREE. */
		if (found)
			ioasid_queue_work(&dev->revoke);
	}
	spin_unlock_bh(&dma_devices_lock);
	return NOTIFY_OK;
}

static struct notifier_block dma_nb = {
	.notifier_call = dma_notify,
	.priority = IOASID_PRIO_DEVICE,
};

static irqreturn_t dma_interrupt(int irq, void *data)
{
	struct dma_device *dev = data;
	u64 bits = readq(dev->bar + DMA_REG_INTERRUPT);
	int i;

	if (!bits || bits == U64_MAX)
		return IRQ_NONE;
	writeq(bits, dev->bar + DMA_REG_INTERRUPT);
	spin_lock(&dev->queue_lock);
	for (i = 0; i < DMA_QUEUES; i++) {
		if (bits & BIT_ULL(i) && dev->queues[i].file)
			dma_file_event(dev->queues[i].file);
	}
	spin_unlock(&dev->queue_lock);
	return IRQ_HANDLED;
}

/* ---- the calls of a process ---- */

/* Locks the file if the caller may use its queue. */
static int dma_enter(struct dma_file *file)
{
	int ret = mutex_lock_interruptible(&file->lock);

	if (ret)
		return ret;
	if (READ_ONCE(file->dev->gone))
		ret = -ENODEV;
	else if (!file->queue)
		ret = -ENXIO;
	else if (file->mm != current->mm)
		ret = -EACCES;
	if (ret)
		mutex_unlock(&file->lock);
	return ret;
}

static int dma_ioctl_bind(struct dma_file *file, struct ioasid_dma_bind __user *arg)
{
	struct ioasid_dma_bind bind;
	int ret;

	if (copy_from_user(&bind, arg, sizeof(bind)))
		return -EFAULT;
	if (bind.flags || bind.reserved)
		return -EINVAL;
	ret = mutex_lock_interruptible(&file->lock);
	if (ret)
		return ret;
	ret = dma_bind(file);
	if (!ret) {
		bind.queue = file->queue - file->dev->queues;
		bind.pasid = file->pasid;
		bind.portal = (u64)dma_portal_offset(file) << PAGE_SHIFT;
	}
	mutex_unlock(&file->lock);
	if (!ret && copy_to_user(arg, &bind, sizeof(bind))) {
		/* The caller could not know what it has. */
		mutex_lock(&file->lock);
		dma_unbind(file);
		mutex_unlock(&file->lock);
		ret = -EFAULT;
	}
	return ret;
}

static int dma_ioctl_unbind(struct dma_file *file)
{
	int ret = dma_enter(file);

	if (ret)
		return ret;
	dma_unbind(file);
	mutex_unlock(&file->lock);
	dma_file_event(file);
	return 0;
}

static int dma_check_job(const struct ioasid_dma_job *job)
{
	u32 operation = job->operation & DMA_OP_MASK;

	if (job->operation & ~(u32)(DMA_OP_MASK | DMA_FLAGS) || job->reserved || !job->length)
		return -EINVAL;
	if (operation < DMA_OP_COPY || operation > DMA_OP_COMPARE)
		return -EINVAL;
	if (job->length > TASK_SIZE_MAX)
		return -EFAULT;
	if (operation != DMA_OP_FILL && !access_ok(u64_to_user_ptr(job->source), job->length))
		return -EFAULT;
	if (operation != DMA_OP_CHECKSUM && !access_ok(u64_to_user_ptr(job->target), job->length))
		return -EFAULT;
	return 0;
}

static int dma_ioctl_submit(struct dma_file *file, struct ioasid_dma_job __user *arg)
{
	struct ioasid_dma_job job;
	void __iomem *portal;
	int ret;

	if (copy_from_user(&job, arg, sizeof(job)))
		return -EFAULT;
	ret = dma_check_job(&job);
	if (ret)
		return ret;
	ret = dma_enter(file);
	if (ret)
		return ret;
	portal = file->queue->portal;
	if (READ_ONCE(file->portal_mapped)) {
		ret = -EBUSY;
	} else if (!readq(portal + DMA_REG_SPACE)) {
		ret = -EAGAIN;
	} else {
		job.cookie = ++file->cookie;
		writeq(job.operation, portal + DMA_REG_OPERATION);
		writeq(job.source, portal + DMA_REG_SOURCE);
		writeq(job.target, portal + DMA_REG_TARGET);
		writeq(job.length, portal + DMA_REG_LENGTH);
		writeq(job.value, portal + DMA_REG_VALUE);
		writeq(job.cookie, portal + DMA_REG_SUBMIT);
	}
	mutex_unlock(&file->lock);
	if (!ret && put_user(job.cookie, &arg->cookie))
		ret = -EFAULT;
	return ret;
}

static bool dma_is_done(struct dma_queue *queue)
{
	u64 count = readq(queue->control + DMA_REG_DONE_COUNT);

	return count && count <= DMA_DEPTH;
}

/* The next result; -EAGAIN if there is none yet. */
static int dma_take_result(struct dma_file *file, struct ioasid_dma_done *done)
{
	void __iomem *control;
	int ret = dma_enter(file);

	if (ret)
		return ret;
	control = file->queue->control;
	if (dma_is_done(file->queue)) {
		done->cookie = readq(control + DMA_REG_DONE_COOKIE);
		done->status = readq(control + DMA_REG_DONE_STATUS);
		done->bytes = readq(control + DMA_REG_DONE_BYTES);
		done->result = readq(control + DMA_REG_DONE_RESULT);
		done->address = readq(control + DMA_REG_DONE_ADDRESS);
		writeq(0, control + DMA_REG_DONE_TAKE);
	} else {
		ret = -EAGAIN;
	}
	mutex_unlock(&file->lock);
	return ret;
}

static int dma_ioctl_wait(struct dma_file *file, struct ioasid_dma_done __user *arg, bool nonblock)
{
	struct ioasid_dma_done done;
	long left, ret;
	int seen;

	if (copy_from_user(&done, arg, sizeof(done)))
		return -EFAULT;
	left = done.timeout ? msecs_to_jiffies(done.timeout) : MAX_SCHEDULE_TIMEOUT;
	for (;;) {
		seen = atomic_read(&file->events);
		ret = dma_take_result(file, &done);
		if (ret != -EAGAIN || nonblock)
			break;
		ret = wait_event_interruptible_timeout(file->wait,
						       atomic_read(&file->events) != seen, left);
		if (ret < 0)
			/* The time would begin anew. */
			return -EINTR;
		if (!ret)
			return -ETIMEDOUT;
		left = ret;
	}
	if (!ret && copy_to_user(arg, &done, sizeof(done)))
		ret = -EFAULT;
	return ret;
}

static int dma_ioctl_counters(struct dma_file *file, struct ioasid_dma_counters __user *arg)
{
	struct ioasid_dma_counters counters;
	int i, ret;

	ret = mutex_lock_interruptible(&file->lock);
	if (ret)
		return ret;
	if (READ_ONCE(file->dev->gone))
		ret = -ENODEV;
	for (i = 0; i < DMA_REG_COUNTERS && !ret; i++)
		counters.values[i] = readq(file->dev->bar + DMA_REG_JOBS + 8 * i);
	mutex_unlock(&file->lock);
	if (!ret && copy_to_user(arg, &counters, sizeof(counters)))
		ret = -EFAULT;
	return ret;
}

static int dma_ioctl_pace(struct dma_file *file, u64 __user *arg)
{
	u64 pace;
	int ret;

	if (get_user(pace, arg))
		return -EFAULT;
	if (pace > IOASID_DMA_PACE_MAX)
		return -EINVAL;
	ret = dma_enter(file);
	if (ret)
		return ret;
	writeq(pace, file->queue->control + DMA_REG_PACE);
	mutex_unlock(&file->lock);
	return 0;
}

static long dma_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct dma_file *file = filp->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case IOASID_DMA_BIND:
		return dma_ioctl_bind(file, argp);
	case IOASID_DMA_UNBIND:
		return dma_ioctl_unbind(file);
	case IOASID_DMA_SUBMIT:
		return dma_ioctl_submit(file, argp);
	case IOASID_DMA_WAIT:
		return dma_ioctl_wait(file, argp, filp->f_flags & O_NONBLOCK);
	case IOASID_DMA_COUNTERS:
		return dma_ioctl_counters(file, argp);
	case IOASID_DMA_PACE:
		return dma_ioctl_pace(file, argp);
	default:
		return -ENOTTY;
	}
}

static __poll_t dma_poll(struct file *filp, struct poll_table_struct *table)
{
	struct dma_file *file = filp->private_data;
	__poll_t events = 0;

	poll_wait(filp, &file->wait, table);
	mutex_lock(&file->lock);
	/* Not before the device has let go of the memory, be it pulled out or not. */
	if (!file->queue)
		events = EPOLLHUP | EPOLLERR;
	else if (dma_is_done(file->queue))
		events = EPOLLIN | EPOLLRDNORM;
	mutex_unlock(&file->lock);
	return events;
}

static vm_fault_t dma_portal_fault(struct vm_fault *vmf)
{
	struct dma_file *file = vmf->vma->vm_file->private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	mutex_lock(&file->portal_lock);
	if (file->portal_mm == vmf->vma->vm_mm)
		ret = vmf_insert_pfn(vmf->vma, vmf->address & PAGE_MASK, file->portal_page);
	mutex_unlock(&file->portal_lock);
	return ret;
}

static const struct vm_operations_struct dma_portal_ops = {
	.fault = dma_portal_fault,
};

/*
 * The page comes with the first access. Only then is the mapping known to those who take it away
 * again when the queue is given back.
 */
static int dma_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct dma_file *file = filp->private_data;
	int ret;

	if (vma->vm_end - vma->vm_start != PAGE_SIZE || !(vma->vm_flags & VM_SHARED) ||
	    vma->vm_flags & VM_EXEC)
		return -EINVAL;
	mutex_lock(&file->portal_lock);
	if (!file->portal_mm)
		ret = -ENXIO;
	else if (file->portal_mm != current->mm)
		ret = -EACCES;
	else if (vma->vm_pgoff != file->portal_offset)
		ret = -EINVAL;
	else
		ret = 0;
	if (!ret) {
		vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY);
		vm_flags_clear(vma, VM_MAYEXEC);
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
		vma->vm_ops = &dma_portal_ops;
		WRITE_ONCE(file->portal_mapped, true);
	}
	mutex_unlock(&file->portal_lock);
	return ret;
}

static int dma_open(struct inode *inode, struct file *filp)
{
	struct dma_device *dev = container_of(filp->private_data, struct dma_device, misc);
	struct dma_file *file = kzalloc_obj(*file, GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	kref_init(&file->refs);
	mutex_init(&file->lock);
	mutex_init(&file->portal_lock);
	init_waitqueue_head(&file->wait);
	file->mapping = filp->f_mapping;
	file->dev = dev;
	kref_get(&dev->refs);
	mutex_lock(&dev->lock);
	list_add_tail(&file->node, &dev->files);
	mutex_unlock(&dev->lock);
	filp->private_data = file;
	return 0;
}

static int dma_release(struct inode *inode, struct file *filp)
{
	struct dma_file *file = filp->private_data;
	struct dma_device *dev = file->dev;

	mutex_lock(&file->lock);
	dma_unbind(file);
	mutex_unlock(&file->lock);
	/* Not before: dma_remove() waits for those that are in the list. */
	mutex_lock(&dev->lock);
	list_del(&file->node);
	mutex_unlock(&dev->lock);
	kref_put(&file->refs, dma_file_release);
	return 0;
}

static const struct file_operations dma_fops = {
	.owner = THIS_MODULE,
	.open = dma_open,
	.release = dma_release,
	.unlocked_ioctl = dma_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = dma_poll,
	.mmap = dma_mmap,
};

/* ---- debugfs ---- */

static const char * const dma_states[] = { "off", "running", "stopping", "stopped" };

static int queues_show(struct seq_file *s, void *unused)
{
	struct dma_device *dev = s->private;
	struct dma_queue *queue;
	u64 state;
	int i;

	seq_puts(s, "QUEUE  PASID     PID  COMMAND          STATE\n");
	spin_lock_irq(&dev->queue_lock);
	for (i = 0; i < DMA_QUEUES; i++) {
		queue = &dev->queues[i];
		if (!queue->late && (!queue->file || queue->pasid == INVALID_IOASID))
			continue;
		state = readq(queue->control + DMA_REG_STATE);
		if (queue->late) {
			seq_printf(s, "%5d  %5u  %6s  %-15s  %s\n", i, queue->bound.pasid, "-", "-",
				   state < ARRAY_SIZE(dma_states) ? dma_states[state] : "gone");
			continue;
		}
		seq_printf(s, "%5d  %5u  %6d  %-15s  %s\n", i, queue->pasid, queue->file->pid,
			   queue->file->comm,
			   state < ARRAY_SIZE(dma_states) ? dma_states[state] : "gone");
	}
	spin_unlock_irq(&dev->queue_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queues);

static const struct {
	const char *name;
	unsigned int reg;
} dma_counters[] = {
	{ "jobs", DMA_REG_JOBS },
	{ "operations", DMA_REG_OPERATIONS },
	{ "bytes_read", DMA_REG_BYTES_READ },
	{ "bytes_written", DMA_REG_BYTES_WRITTEN },
	{ "translations", DMA_REG_TRANSLATIONS },
	{ "cache_hits", DMA_REG_CACHE_HITS },
	{ "page_requests", DMA_REG_PAGE_REQUESTS },
	{ "page_responses", DMA_REG_PAGE_RESPONSES },
	{ "invalidations", DMA_REG_INVALIDATIONS },
	{ "dropped", DMA_REG_DROPPED },
	{ "faults", DMA_REG_FAULTS },
	{ "cancelled", DMA_REG_CANCELLED },
	{ "refused", DMA_REG_REFUSED },
	{ "orphans", DMA_REG_ORPHANS },
};

static_assert(ARRAY_SIZE(dma_counters) == DMA_REG_COUNTERS);

/* A failed bind tells a process one errno. Why it failed is for who looks after the machine. */
static int why_show(struct seq_file *s, void *unused)
{
	struct dma_device *dev = s->private;
	const char *why = ioasid_sva_why(&dev->pdev->dev);

	if (why)
		seq_printf(s, "%s\n", why);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(why);

static int counters_show(struct seq_file *s, void *unused)
{
	struct dma_device *dev = s->private;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dma_counters); i++)
		seq_printf(s, "%-14s %llu\n", dma_counters[i].name,
			   readq(dev->bar + dma_counters[i].reg));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

/* ---- the device ---- */

static int dma_device_start(struct dma_device *dev)
{
	int i;

	dev->bar = dma_pci_start(dev->pdev);
	if (IS_ERR(dev->bar))
		return PTR_ERR(dev->bar);
	for (i = 0; i < DMA_QUEUES; i++) {
		dev->queues[i].control = dev->bar + DMA_CONTROL(i);
		dev->queues[i].portal = dev->bar + DMA_PORTAL(i);
		dev->queues[i].pasid = INVALID_IOASID;
	}
	return 0;
}

static int dma_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct dma_device *dev = kzalloc_obj(*dev);
	char name[16];
	int ret;

	if (!dev)
		return -ENOMEM;
	kref_init(&dev->refs);
	mutex_init(&dev->lock);
	spin_lock_init(&dev->queue_lock);
	INIT_LIST_HEAD(&dev->files);
	INIT_WORK(&dev->revoke, dma_revoke);
	INIT_DELAYED_WORK(&dev->late, dma_late);
	mutex_init(&dev->late_lock);
	dev->pdev = pdev;
	pci_set_drvdata(pdev, dev);

	ret = dma_device_start(dev);
	if (ret)
		goto put;
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		goto clear_master;
	ret = request_irq(pci_irq_vector(pdev, 0), dma_interrupt, 0, KBUILD_MODNAME, dev);
	if (ret)
		goto free_vectors;
	ret = ioasid_sva_enable_device(&pdev->dev, NULL);
	if (ret)
		goto free_irq;
	ret = ida_alloc(&dma_numbers, GFP_KERNEL);
	if (ret < 0)
		goto disable;
	dev->number = ret;

	spin_lock_bh(&dma_devices_lock);
	list_add_tail(&dev->node, &dma_devices);
	spin_unlock_bh(&dma_devices_lock);

	snprintf(name, sizeof(name), "ioasid_dma%d", dev->number);
	dev->misc.name = devm_kstrdup(&pdev->dev, name, GFP_KERNEL);
	dev->misc.minor = MISC_DYNAMIC_MINOR;
	dev->misc.fops = &dma_fops;
	dev->misc.parent = &pdev->dev;
	ret = dev->misc.name ? misc_register(&dev->misc) : -ENOMEM;
	if (ret)
		goto leave;
	dev->dir = debugfs_create_dir(name, dma_dir);
	debugfs_create_file("queues", 0444, dev->dir, dev, &queues_fops);
	debugfs_create_file("counters", 0444, dev->dir, dev, &counters_fops);
	debugfs_create_file("why", 0444, dev->dir, dev, &why_fops);
	return 0;

leave:
	spin_lock_bh(&dma_devices_lock);
	list_del(&dev->node);
	spin_unlock_bh(&dma_devices_lock);
	ida_free(&dma_numbers, dev->number);
disable:
	ioasid_sva_disable_device(&pdev->dev);
free_irq:
	free_irq(pci_irq_vector(pdev, 0), dev);
free_vectors:
	pci_free_irq_vectors(pdev);
clear_master:
	pci_clear_master(pdev);
put:
	kref_put(&dev->refs, dma_device_release);
	return ret;
}

/* With dev->lock held. */
static void dma_unbind_all(struct dma_device *dev)
{
	struct dma_file *file;

	list_for_each_entry(file, &dev->files, node) {
		mutex_lock(&file->lock);
		dma_unbind(file);
		mutex_unlock(&file->lock);
		dma_file_event(file);
	}
	if (dma_end_late(dev, true))
		dev_err(&dev->pdev->dev, "the device does not stop\n");
}

/* Also when the device is pulled out: files may be open, and their queues at work. */
static void dma_remove(struct pci_dev *pdev)
{
	struct dma_device *dev = pci_get_drvdata(pdev);

	debugfs_remove(dev->dir);
	misc_deregister(&dev->misc);

	mutex_lock(&dev->lock);
	WRITE_ONCE(dev->gone, true);
	dma_unbind_all(dev);
	mutex_unlock(&dev->lock);

	spin_lock_bh(&dma_devices_lock);
	list_del(&dev->node);
	spin_unlock_bh(&dma_devices_lock);
	cancel_work_sync(&dev->revoke);
	cancel_delayed_work_sync(&dev->late);
	ioasid_sva_disable_device(&pdev->dev);
	free_irq(pci_irq_vector(pdev, 0), dev);
	pci_free_irq_vectors(pdev);
	pci_clear_master(pdev);
	ida_free(&dma_numbers, dev->number);
	kref_put(&dev->refs, dma_device_release);
}

/*
 * A reset takes from all queues what they had; a process may bind again when it is over. Until then
 * the IOMMU core refuses it.
 */
static void dma_reset_prepare(struct pci_dev *pdev)
{
	struct dma_device *dev = pci_get_drvdata(pdev);

	mutex_lock(&dev->lock);
	dma_unbind_all(dev);
	mutex_unlock(&dev->lock);
}

static const struct pci_error_handlers dma_errors = {
	.reset_prepare = dma_reset_prepare,
};

static const struct pci_device_id dma_ids[] = {
	{ PCI_DEVICE(DMA_PCI_VENDOR, DMA_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, dma_ids);

static struct pci_driver dma_driver = {
	.name = KBUILD_MODNAME,
	.id_table = dma_ids,
	.probe = dma_probe,
	.remove = dma_remove,
	.err_handler = &dma_errors,
};

static int __init dma_init(void)
{
	int ret;

	ret = ioasid_register_notifier(NULL, &dma_nb);
	if (ret)
		return ret;
	dma_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	ret = pci_register_driver(&dma_driver);
	if (ret) {
		debugfs_remove(dma_dir);
		ioasid_unregister_notifier(NULL, &dma_nb);
	}
	return ret;
}
module_init(dma_init);

static void __exit dma_exit(void)
{
	pci_unregister_driver(&dma_driver);
	debugfs_remove(dma_dir);
	ioasid_unregister_notifier(NULL, &dma_nb);
}
module_exit(dma_exit);

MODULE_AUTHOR("IOASID developers");
MODULE_DESCRIPTION("Sample IOASID client: a DMA engine that processes share by PASID");
MODULE_LICENSE("GPL");
