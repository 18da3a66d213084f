// SPDX-License-Identifier: GPL-2.0
/*
 * What two CPUs can do at once, in parts of what one can: get and put, beside the same under one
 * spinlock. On a machine with two CPUs that do run at once.
 *
 * Of windows so short that a busy host leaves some of them alone, the best counts.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/ioasid.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/smp.h>

#define IDS 1024
/* A window, in us, and how many of each kind. */
#define WINDOW_US 2000
static unsigned int windows = 150;
module_param(windows, uint, 0444);
MODULE_PARM_DESC(windows, "of so many of each kind, the best counts");

static u32 ids[IDS];

/* As somebody would write it who has a lock already. */
static struct locked {
	unsigned int references;
	bool freed;
} *locked;
static DEFINE_SPINLOCK(lock);

static noinline int locked_get(u32 id)
{
	unsigned long flags;
	int ret = -EBUSY;

	spin_lock_irqsave(&lock, flags);
	if (!locked[id].freed) {
		locked[id].references++;
		ret = 0;
	}
	spin_unlock_irqrestore(&lock, flags);
	return ret;
}

static noinline void locked_put(u32 id)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	locked[id].references--;
	spin_unlock_irqrestore(&lock, flags);
}

static int ours_get(u32 id)
{
	return ioasid_get(NULL, ids[id]);
}

static void ours_put(u32 id)
{
	ioasid_put(NULL, ids[id]);
}

static const struct kind {
	const char *name;
	int (*get)(u32 id);
	void (*put)(u32 id);
	/* The IDs of each CPU: other ones, or one for both. */
	bool same;
} kinds[] = {
	{ "getput2", ours_get, ours_put, false },
	{ "getput2same", ours_get, ours_put, true },
	{ "lock2", locked_get, locked_put, false },
	{ "lock2same", locked_get, locked_put, true },
};

struct worker {
	const struct kind *kind;
	u32 first;
	unsigned int cpus;
	u64 rate;
	unsigned long errors;
	struct completion ended;
} ____cacheline_aligned_in_smp;

static struct worker workers[2];
static atomic_t ready;
static int end;

static int work(void *data)
{
	struct worker *worker = data;
	const struct kind *kind = worker->kind;
	u64 done = 0, time;
	u32 i = 0;

	atomic_inc(&ready);
	while (atomic_read(&ready) < worker->cpus)
		cpu_relax();
	time = ktime_get_ns();
	while (!READ_ONCE(end)) {
		u32 id = kind->same ? 0 : worker->first + i;
		int step;

		for (step = 0; step < 32; step++) {
			if (kind->get(id))
				worker->errors++;
			kind->put(id);
		}
		done += 32;
		i = (i + 1) % (IDS / 2);
	}
	time = ktime_get_ns() - time;
	worker->rate = div64_u64(done * NSEC_PER_MSEC, time);
	complete(&worker->ended);
	return 0;
}

/* Pairs per ms of so many CPUs at once, or an errno. */
static s64 window(const struct kind *kind, unsigned int cpus)
{
	struct task_struct *tasks[2];
	unsigned int cpu;
	u64 rate = 0;

	atomic_set(&ready, 0);
	end = 0;
	for (cpu = 0; cpu < cpus; cpu++) {
		workers[cpu].kind = kind;
		workers[cpu].first = cpu * IDS / 2;
		workers[cpu].cpus = cpus;
		workers[cpu].errors = 0;
		init_completion(&workers[cpu].ended);
		tasks[cpu] = kthread_create_on_cpu(work, &workers[cpu], cpu, "ioasid_bench/%u");
		if (IS_ERR(tasks[cpu])) {
			while (cpu)
				kthread_stop(tasks[--cpu]);
			return -ENOMEM;
		}
	}
	for (cpu = 0; cpu < cpus; cpu++)
		wake_up_process(tasks[cpu]);
	while (atomic_read(&ready) < cpus)
		usleep_range(100, 200);
	usleep_range(WINDOW_US, WINDOW_US + 100);
	WRITE_ONCE(end, 1);
	for (cpu = 0; cpu < cpus; cpu++)
		wait_for_completion(&workers[cpu].ended);
	for (cpu = 0; cpu < cpus; cpu++) {
		if (workers[cpu].errors)
			return -EIO;
		rate += workers[cpu].rate;
	}
	return rate;
}

static int __init both_init(void)
{
	s64 best[ARRAY_SIZE(kinds)][2] = {}, rate;
	unsigned int i, k, cpus, left = 0;
	int ret = 0;

	if (num_online_cpus() < 2)
		return -ENODEV;
	locked = kcalloc(IDS, sizeof(*locked), GFP_KERNEL);
	if (!locked)
		return -ENOMEM;
	for (i = 0; i < IDS; i++) {
		ids[i] = ioasid_alloc(NULL, 1, U16_MAX, NULL);
		if (ids[i] == INVALID_IOASID)
			ret = -ENOSPC;
	}
	for (i = 0; i < windows && !ret; i++) {
		for (k = 0; k < ARRAY_SIZE(kinds); k++) {
			for (cpus = 1; cpus <= 2; cpus++) {
				rate = window(&kinds[k], cpus);
				if (rate < 0)
					ret = rate;
				best[k][cpus - 1] = max(best[k][cpus - 1], rate);
			}
		}
	}
	for (k = 0; k < ARRAY_SIZE(kinds) && !ret; k++)
		if (!best[k][0] || !best[k][1])
			ret = -EAGAIN;
	for (k = 0; k < ARRAY_SIZE(kinds) && !ret; k++)
		pr_info("ioasid_bench: figure ours %u %s ratio %llu.%02llu\n", IDS, kinds[k].name,
			div64_u64(best[k][1], best[k][0]),
			div64_u64(best[k][1] * 100, best[k][0]) % 100);
	/* A get or a put that was lost or done twice leaves a reference, or is reported. */
	for (i = 0; i < IDS; i++) {
		if (ids[i] != INVALID_IOASID && ioasid_free(NULL, ids[i]))
			left++;
		if (locked[i].references)
			left++;
	}
	if (left) {
		pr_err("ioasid_bench: %u IDs have references left\n", left);
		ret = -EIO;
	}
	kfree(locked);
	if (!ret)
		pr_info("ioasid_bench: references are right\n");
	return ret;
}

static void __exit both_exit(void)
{
}

module_init(both_init);
module_exit(both_exit);

MODULE_AUTHOR("the IOASID developers");
MODULE_DESCRIPTION("References on two CPUs at once");
MODULE_LICENSE("GPL");
