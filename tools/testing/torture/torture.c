// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that IOASIDs are for, at random and at once. It goes in turns: in each, threads work
 * for a few seconds with whatever allocators there are; then they stop, all figures have to add up;
 * what is left is freed, and nothing may be left.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "plugger.h"
#include "torture.h"

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "What the threads do; 0: other things each time");

static unsigned int seconds;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "How long it takes; 0: until the module is removed");

static unsigned long operations;
module_param(operations, ulong, 0444);
MODULE_PARM_DESC(operations, "After how many operations it ends; 0: does not matter");

static unsigned int actors = 4;
module_param(actors, uint, 0444);
MODULE_PARM_DESC(actors, "How many threads use IDs and sets");

static bool hotplug = true;
module_param(hotplug, bool, 0444);
MODULE_PARM_DESC(hotplug, "Whether CPUs go offline and online");

static unsigned int fail_one_in = 64;
module_param(fail_one_in, uint, 0444);
MODULE_PARM_DESC(fail_one_in, "One call in so many has no memory, with fault injection; 0: none");

#define SUBSCRIBERS 2
#define BINDERS 2
#define OTHERS (SUBSCRIBERS + BINDERS)
#define TELL_SECONDS 15

struct torture torture;
static struct task_struct *conductor;
static struct plugger plugger;
static struct rnd_state rnd;
static struct dentry *dir;
static bool done;
static unsigned int turns;
static unsigned long began;
static u32 first_seed;

static const char * const count_names[COUNTS] = {
	"IDs", "refused", "references", "events", "sets", "subscriptions", "replays",
	"allocator changes", "processes", "exits", "bonds", "hard interrupts", "softirqs",
	"CPU changes", "calls without memory",
};

void torture_fault(const char *what, long which)
{
	if (atomic_inc_return(&torture.faults) <= 10)
		pr_err("FAULT: %s: %ld (seed=%u, turn %u)\n", what, which, first_seed, turns);
}

static unsigned long operations_done(void)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < actors + OTHERS; i++)
		sum += READ_ONCE(torture.actors[i].operations);
	return sum;
}

/* In one line, to the log or to who reads the file. */
static int tell(char *text, size_t size)
{
	const char *state = !READ_ONCE(done) ? "running" :
			    atomic_read(&torture.faults) ? "FAILURE" : "SUCCESS";
	int at, i;

	at = scnprintf(text, size, "%s: %lu operations in %u turns, %lu s, seed=%u, %d faults",
		       state, operations_done(), turns, (jiffies - began) / HZ, first_seed,
		       atomic_read(&torture.faults));
	for (i = 0; i < COUNTS; i++)
		at += scnprintf(text + at, size - at, ", %lld %s",
				(s64)atomic64_read(&torture.counts[i]), count_names[i]);
	return at;
}

static void tell_log(void)
{
	static char text[512];

	tell(text, sizeof(text));
	pr_info("%s\n", text);
}

/* ---- the other threads ---- */

static void plug_fault(void *data, const char *what, ioasid_t id)
{
	torture_fault(what, id);
}

static int plug_at_random(void *data)
{
	while (torture_goes_on()) {
		msleep(5 + prandom_u32_state(&plugger.rnd) % 30);
		plug_or_unplug(&plugger);
		torture_count(COUNT_PLUGS);
	}
	return torture_thread_ends();
}

/* All but the first, which cannot always go; not in the way of what else the machine does. */
static int hotplug_at_random(void *data)
{
	struct rnd_state own;
	unsigned int cpu;

	prandom_seed_state(&own, first_seed + turns + 1000);
	while (torture_goes_on()) {
		cpu = cpumask_next(below(&own, nr_cpu_ids - 1), cpu_present_mask);
		if (cpu < nr_cpu_ids && !remove_cpu(cpu)) {
			msleep(20 + below(&own, 300));
			if (add_cpu(cpu))
				torture_fault("a CPU does not come back", cpu);
			torture_count(COUNT_HOTPLUGS);
		}
		msleep(100 + below(&own, 1000));
	}
	return torture_thread_ends();
}

/* ---- a turn ---- */

static struct task_struct *start(int (*fn)(void *), void *data, const char *name)
{
	struct task_struct *task = kthread_create(fn, data, "torture_%s", name);

	if (IS_ERR(task)) {
		torture_fault("no thread", PTR_ERR(task));
		return NULL;
	}
	get_task_struct(task);
	atomic_inc(&torture.running);
	wake_up_process(task);
	return task;
}

static void join(struct task_struct *task)
{
	if (task)
		kthread_stop_put(task);
}

static void run_threads(bool custom)
{
	struct task_struct *plugging = NULL, *hotplugging = NULL;
	unsigned int i;

	for (i = 0; i < actors + OTHERS; i++) {
		struct actor *actor = &torture.actors[i];

		if (i < BINDERS)
			actor->task = start(torture_bind, actor, "bind");
		else if (i < OTHERS)
			actor->task = start(torture_subscribe, actor, "subscribe");
		else
			actor->task = start(torture_act, actor, "act");
	}
	if (custom)
		plugging = start(plug_at_random, NULL, "plug");
	if (hotplug && num_possible_cpus() > 1)
		hotplugging = start(hotplug_at_random, NULL, "hotplug");
	while (torture_goes_on()) {
		if (kthread_should_stop() || (operations && operations_done() >= operations))
			WRITE_ONCE(torture.stopped, true);
		schedule_timeout_uninterruptible(HZ / 10);
	}
	while (atomic_read(&torture.running))
		schedule_timeout_uninterruptible(1);
	for (i = 0; i < actors + OTHERS; i++)
		join(torture.actors[i].task);
	join(plugging);
	join(hotplugging);
}

static void end_all(void)
{
	unsigned long give_up = jiffies + 30 * HZ;
	unsigned int i;

	for (i = 0; i < actors + OTHERS; i++)
		torture_free_all_own(&torture.actors[i]);
	for (i = 0; i < SLOTS; i++) {
		mutex_lock(&torture.slots[i].lock);
		torture_end_era(&torture.actors[0], i);
		mutex_unlock(&torture.slots[i].lock);
	}
	while (torture_is_any_known() && time_before(jiffies, give_up))
		usleep_range(1000, 2000);
	if (torture_is_any_known())
		torture_fault("IDs are left", 0);
}

static void one_turn(void)
{
	bool custom = below(&rnd, 3);

	turns++;
	if (custom) {
		/* Resting numbers may be in the way for a moment. */
		unsigned long give_up = jiffies + 10 * HZ;

		plugger_init(&plugger, first_seed + turns, plug_fault, NULL);
		while (plug(&plugger.members[0]) && time_before(jiffies, give_up))
			msleep(20);
		if (!plugger.members[0].registered)
			torture_fault("no allocator can be registered in an empty space", 0);
	}
	WRITE_ONCE(torture.end, jiffies + HZ + below(&rnd, 3 * HZ));
	run_threads(custom);
	torture_check_sums();
	/* In one turn of two they go first, and leave numbers parked. */
	if (custom && below(&rnd, 2))
		unplug_all(&plugger);
	end_all();
	if (custom)
		unplug_all(&plugger);
	torture_check_sums();
	torture_watch_check();
	torture_devices_check();
}

static bool has_ended(void)
{
	return kthread_should_stop() || torture.stopped || atomic_read(&torture.faults) ||
	       (seconds && time_after(jiffies, began + seconds * HZ)) ||
	       (operations && operations_done() >= operations);
}

static int conduct(void *data)
{
	unsigned long told = jiffies;

	do {
		one_turn();
		if (time_after(jiffies, told + TELL_SECONDS * HZ)) {
			told = jiffies;
			tell_log();
		}
	} while (!has_ended());
	WRITE_ONCE(done, true);
	tell_log();
	pr_info("End of test: %s\n", atomic_read(&torture.faults) ? "FAILURE" : "SUCCESS");
	/* Of faults there is more to be seen as long as nothing is cleaned up. */
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(HZ / 10);
	return 0;
}

/* ---- what user space sees ---- */

static int offer_open(struct inode *inode, struct file *file)
{
	if (current->mm)
		torture_offer_mm(current->mm);
	return 0;
}

static const struct file_operations offer_fops = {
	.owner = THIS_MODULE,
	.open = offer_open,
};

static ssize_t result_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	char *text = kmalloc(640, GFP_KERNEL);
	ssize_t ret;
	int n;

	if (!text)
		return -ENOMEM;
	n = tell(text, 639);
	text[n++] = '\n';
	ret = simple_read_from_buffer(buf, count, pos, text, n);
	kfree(text);
	return ret;
}

static const struct file_operations result_fops = {
	.owner = THIS_MODULE,
	.read = result_read,
};

static int set_aside(void)
{
	int nr = capacity_in_all() - TORTURE_LEFT;

	nr = ioasid_reserve_capacity(nr);
	if (nr < 0)
		return nr;
	torture.aside = nr;
	return 0;
}

static void clean_up(void)
{
	torture_devices_end();
	torture_watch_end();
	torture_drop_mms();
	ioasid_cancel_capacity(torture.aside);
	kvfree(torture.actors);
	debugfs_remove(dir);
}

static int __init torture_init(void)
{
	unsigned int i;
	int err;

	if (!actors || actors > MAX_ACTORS)
		return -EINVAL;
	first_seed = seed ?: get_random_u32();
	torture.fail_one_in = fail_one_in;
	began = jiffies;
	refcount_set(&torture.kernel.refs, 1);
	for (i = 0; i < SLOTS; i++)
		mutex_init(&torture.slots[i].lock);
	torture.actors = kvcalloc(actors + OTHERS, sizeof(*torture.actors), GFP_KERNEL);
	if (!torture.actors)
		return -ENOMEM;
	for (i = 0; i < actors + OTHERS; i++)
		prandom_seed_state(&torture.actors[i].rnd, first_seed + i);
	prandom_seed_state(&rnd, first_seed + i);
	err = set_aside();
	if (!err)
		err = torture_watch_begin();
	if (!err)
		err = torture_devices_begin();
	if (err) {
		clean_up();
		return err;
	}
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("mm", 0200, dir, NULL, &offer_fops);
	debugfs_create_file("result", 0400, dir, NULL, &result_fops);
	pr_info("Start of test: seed=%u seconds=%u operations=%lu actors=%u\n", first_seed, seconds,
		operations, actors);
	conductor = kthread_run(conduct, NULL, "torture");
	if (IS_ERR(conductor)) {
		clean_up();
		return PTR_ERR(conductor);
	}
	return 0;
}
module_init(torture_init);

static void __exit torture_exit(void)
{
	kthread_stop(conductor);
	clean_up();
	pr_info("removed\n");
}
module_exit(torture_exit);

MODULE_DESCRIPTION("IOASID: torture");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
