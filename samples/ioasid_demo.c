// SPDX-License-Identifier: GPL-2.0
/*
 * A device driver that gives each process that opens its device an IOASID.
 *
 * What is pretended is the hardware only: page requests are raised by an ioctl() and arrive as
 * hard interrupts, and a queue that has to drain is a timer.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/ioasid.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "ioasid_demo.h"

/* What the device can put into a request: its PASIDs are 16 bits wide. */
#define DEMO_PASID_MAX ((ioasid_t)U16_MAX)

#define DEMO_QUEUE "ioasid_demo queue"

#define DEMO_DRAIN_MS_MAX 60000

static unsigned int drain_ms = 300;
module_param(drain_ms, uint, 0444);
MODULE_PARM_DESC(drain_ms, "Time in ms that a queue needs to drain after its owner has gone");

/*
 * An open file, and the private data of its IOASID. It outlives the file while others hold
 * references to the IOASID, because it can be found for as long.
 */
struct demo_ctx {
	struct list_head node;
	struct mm_struct *mm; /* pinned by mm_count: the address cannot come back for another */
	ioasid_t pasid;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	/* Under demo_lock: */
	bool freed;
	bool running;
	unsigned int requests;

	struct timer_list drain;
	struct rcu_work free;
};

/* A page request on its way: ioctl -> interrupt -> work item -> ioctl. */
struct demo_request {
	refcount_t refs;
	struct demo_ctx *ctx;
	struct mm_struct *mm;
	u64 addr;
	u32 size;
	u32 flags;
	int status;
	struct irq_work irq;
	struct work_struct work;
	struct completion done;
	struct rcu_head rcu;
	u8 data[IOASID_DEMO_DATA];
};

static LIST_HEAD(demo_contexts);
static DEFINE_SPINLOCK(demo_lock);
static DECLARE_WAIT_QUEUE_HEAD(demo_idle);
static atomic_t demo_late = ATOMIC_INIT(0);
static struct workqueue_struct *demo_wq;
static struct dentry *demo_dir;

static void demo_ctx_destroy(struct demo_ctx *ctx)
{
	timer_shutdown_sync(&ctx->drain);
	mmdrop(ctx->mm);
	kfree(ctx);
}

static void demo_ctx_free(struct work_struct *work)
{
	demo_ctx_destroy(container_of(to_rcu_work(work), struct demo_ctx, free));
}

/*
 * Nobody can find the IOASID any more; who has just found it may still look at the context.
 * demo_exit() goes on as soon as the lock is dropped.
 */
static void demo_reclaimed(struct demo_ctx *ctx)
{
	spin_lock_bh(&demo_lock);
	list_del(&ctx->node);
	queue_rcu_work(demo_wq, &ctx->free);
	if (list_empty(&demo_contexts))
		wake_up(&demo_idle);
	spin_unlock_bh(&demo_lock);
}

/* ioasid_find() calls this under RCU, from the interrupt. */
static bool demo_get_mm(void *data)
{
	struct demo_ctx *ctx = data;

	return mmget_not_zero(ctx->mm);
}

/*
 * The queue is empty. The last thing that came out of it was a page request of an owner who
 * may not be there any more.
 */
static void demo_drained(struct timer_list *timer)
{
	struct demo_ctx *ctx = timer_container_of(ctx, timer, drain);
	struct demo_ctx *found = ioasid_find(NULL, ctx->pasid, demo_get_mm);

	if (IS_ERR_OR_NULL(found))
		atomic_inc(&demo_late);
	else
		mmput_async(found->mm);

	spin_lock_bh(&demo_lock);
	ctx->running = false;
	spin_unlock_bh(&demo_lock);
	if (ioasid_put_named(NULL, ctx->pasid, DEMO_QUEUE))
		demo_reclaimed(ctx);
}

static int demo_open(struct inode *inode, struct file *file)
{
	struct demo_ctx *ctx;
	char *c;
	int ret;

	/* A kernel thread. */
	if (!current->mm)
		return -EPERM;

	ctx = kzalloc_obj(*ctx, GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return -ENOMEM;
	INIT_RCU_WORK(&ctx->free, demo_ctx_free);
	timer_setup(&ctx->drain, demo_drained, 0);
	ctx->mm = current->mm;
	mmgrab(ctx->mm);
	ctx->pid = task_tgid_nr(current);
	get_task_comm(ctx->comm, current);
	for (c = ctx->comm; *c; c++) {
		if (!isprint(*c))
			*c = '?';
	}

	ret = ioasid_alloc_range(NULL, 1, min(DEMO_PASID_MAX, ioasid_get_capacity() - 1),
				 IOASID_ALLOC_LOWEST, ctx, &ctx->pasid);
	if (ret) {
		demo_ctx_destroy(ctx);
		return ret;
	}

	spin_lock_bh(&demo_lock);
	list_add_tail(&ctx->node, &demo_contexts);
	spin_unlock_bh(&demo_lock);
	file->private_data = ctx;
	return 0;
}

static int demo_release(struct inode *inode, struct file *file)
{
	struct demo_ctx *ctx = file->private_data;
	bool running;
	int left;

	spin_lock_bh(&demo_lock);
	ctx->freed = true;
	running = ctx->running;
	spin_unlock_bh(&demo_lock);

	/*
	 * 0: nobody else holds the IOASID. Else who drops the last reference, the queue or a
	 * page request under way, goes on with demo_reclaimed(): the context may be gone here
	 * unless the queue holds it.
	 */
	left = ioasid_free(NULL, ctx->pasid);
	if (!left)
		demo_reclaimed(ctx);
	else if (running)
		mod_timer(&ctx->drain, jiffies + msecs_to_jiffies(drain_ms));
	return 0;
}

static void demo_request_put(struct demo_request *req)
{
	/* The interrupt still touches req->irq when its handler has returned: RCU waits for it. */
	if (refcount_dec_and_test(&req->refs))
		kfree_rcu(req, rcu);
}

static void demo_resolve(struct work_struct *work)
{
	struct demo_request *req = container_of(work, struct demo_request, work);
	struct demo_ctx *ctx = req->ctx;

	if (req->mm) {
		kthread_use_mm(req->mm);
		if (copy_from_user(req->data, u64_to_user_ptr(req->addr), req->size))
			req->status = -EFAULT;
		kthread_unuse_mm(req->mm);
		mmput(req->mm);
	}

	spin_lock_bh(&demo_lock);
	ctx->requests--;
	spin_unlock_bh(&demo_lock);
	if (ioasid_put(NULL, ctx->pasid))
		demo_reclaimed(ctx);
	complete(&req->done);
	demo_request_put(req);
}

/* The interrupt: all that the hardware tells is a PASID and an address. */
static void demo_interrupt(struct irq_work *irq)
{
	struct demo_request *req = container_of(irq, struct demo_request, irq);
	struct demo_ctx *ctx = ioasid_find(NULL, req->ctx->pasid, demo_get_mm);

	if (IS_ERR_OR_NULL(ctx))
		req->status = ctx ? PTR_ERR(ctx) : -ESRCH;
	else
		req->mm = ctx->mm;
	if (in_hardirq())
		req->flags |= IOASID_DEMO_FAULT_HARDIRQ;
	queue_work(demo_wq, &req->work);
}

/*
 * Whether the caller may name this PASID. Numbers from user space must not go to ioasid_find()
 * as they are: they could belong to another driver, whose private data is not ours.
 */
static struct demo_ctx *demo_claim(ioasid_t pasid)
{
	struct demo_ctx *ctx;
	int ret = -ENOENT;

	spin_lock_bh(&demo_lock);
	list_for_each_entry(ctx, &demo_contexts, node) {
		if (ctx->pasid != pasid || ctx->freed)
			continue;
		/* The number means the same until the page request is answered. */
		ret = ctx->mm == current->mm ? ioasid_get(NULL, pasid) : -EACCES;
		if (!ret)
			ctx->requests++;
		break;
	}
	spin_unlock_bh(&demo_lock);
	return ret ? ERR_PTR(ret) : ctx;
}

static int demo_fault(struct ioasid_demo_fault __user *arg)
{
	struct ioasid_demo_fault fault;
	struct demo_request *req;
	struct demo_ctx *ctx;
	int ret;

	if (copy_from_user(&fault, arg, sizeof(fault)))
		return -EFAULT;
	if (fault.flags || fault.reserved || !fault.size || fault.size > sizeof(fault.data))
		return -EINVAL;

	req = kzalloc_obj(*req, GFP_KERNEL_ACCOUNT);
	if (!req)
		return -ENOMEM;
	ctx = demo_claim(fault.pasid);
	if (IS_ERR(ctx)) {
		kfree(req);
		return PTR_ERR(ctx);
	}
	refcount_set(&req->refs, 2);
	req->ctx = ctx;
	req->addr = fault.addr;
	req->size = fault.size;
	req->irq = IRQ_WORK_INIT_HARD(demo_interrupt);
	INIT_WORK(&req->work, demo_resolve);
	init_completion(&req->done);

	irq_work_queue(&req->irq);
	/* Killable: what the work item reads may be supplied by the process itself. */
	ret = wait_for_completion_killable(&req->done);
	if (!ret)
		ret = req->status;
	if (!ret) {
		fault.flags = req->flags;
		memset(fault.data, 0, sizeof(fault.data));
		memcpy(fault.data, req->data, req->size);
		if (copy_to_user(arg, &fault, sizeof(fault)))
			ret = -EFAULT;
	}
	demo_request_put(req);
	return ret;
}

static int demo_start(struct demo_ctx *ctx)
{
	int ret = -EALREADY;

	spin_lock_bh(&demo_lock);
	if (!ctx->running) {
		ret = ioasid_get_named(NULL, ctx->pasid, DEMO_QUEUE);
		ctx->running = !ret;
	}
	spin_unlock_bh(&demo_lock);
	return ret;
}

static int demo_stop(struct demo_ctx *ctx)
{
	bool stopped;

	spin_lock_bh(&demo_lock);
	stopped = ctx->running;
	ctx->running = false;
	spin_unlock_bh(&demo_lock);
	if (!stopped)
		return -EALREADY;
	/* Never the last one: the file is open. */
	ioasid_put_named(NULL, ctx->pasid, DEMO_QUEUE);
	return 0;
}

static long demo_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct demo_ctx *ctx = file->private_data;
	void __user *argp = (void __user *)arg;

	if (ctx->mm != current->mm)
		return -EACCES;

	switch (cmd) {
	case IOASID_DEMO_GET_PASID:
		return put_user(ctx->pasid, (u32 __user *)argp);
	case IOASID_DEMO_FAULT:
		return demo_fault(argp);
	case IOASID_DEMO_START:
		return demo_start(ctx);
	case IOASID_DEMO_STOP:
		return demo_stop(ctx);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations demo_fops = {
	.owner = THIS_MODULE,
	.open = demo_open,
	.release = demo_release,
	.unlocked_ioctl = demo_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice demo_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ioasid_demo",
	.fops = &demo_fops,
};

static int pasids_show(struct seq_file *s, void *unused)
{
	struct demo_ctx *ctx;

	seq_puts(s, "PASID     PID  COMMAND          STATE    HELD BY\n");
	spin_lock_bh(&demo_lock);
	list_for_each_entry(ctx, &demo_contexts, node)
		seq_printf(s, "%5u  %6d  %-15s  %-7s %s%s%s\n", ctx->pasid, ctx->pid, ctx->comm,
			   ctx->freed ? "pending" : "live", ctx->freed ? "" : " owner",
			   ctx->running ? " queue" : "", ctx->requests ? " request" : "");
	spin_unlock_bh(&demo_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pasids);

static int __init demo_init(void)
{
	int ret;

	if (drain_ms > DEMO_DRAIN_MS_MAX)
		return -EINVAL;
	demo_wq = alloc_workqueue("ioasid_demo", WQ_UNBOUND, 0);
	if (!demo_wq)
		return -ENOMEM;
	demo_dir = debugfs_create_dir("ioasid_demo", NULL);
	debugfs_create_file("pasids", 0444, demo_dir, NULL, &pasids_fops);
	debugfs_create_atomic_t("late_requests_refused", 0444, demo_dir, &demo_late);

	ret = misc_register(&demo_misc);
	if (ret) {
		debugfs_remove(demo_dir);
		destroy_workqueue(demo_wq);
	}
	return ret;
}
module_init(demo_init);

static bool demo_is_idle(void)
{
	bool idle;

	spin_lock_bh(&demo_lock);
	idle = list_empty(&demo_contexts);
	spin_unlock_bh(&demo_lock);
	return idle;
}

static void __exit demo_exit(void)
{
	misc_deregister(&demo_misc);
	debugfs_remove(demo_dir);
	/* No file is open, but queues may be draining. */
	wait_event(demo_idle, demo_is_idle());
	/* demo_ctx_free() is queued after a grace period. */
	rcu_barrier();
	destroy_workqueue(demo_wq);
}
module_exit(demo_exit);

MODULE_AUTHOR("the IOASID developers");
MODULE_DESCRIPTION("Sample driver: an IOASID for each process that opens the device");
MODULE_LICENSE("GPL");
