// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that does all as it should, while others do not. It has a few IDs in a set and one of
 * the kernel's own, each with private data and a reference, and is told of events. A thread uses
 * them all the time. Reading its parameter "well" says whether it has what it should have, and how
 * long a call took; what is wrong is an error.
 */
#include <linux/delay.h>
#include <linux/ioasid.h>
#include <linux/ioasid_sva.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>

#define OWN 4

static struct ioasid_set *set;
static struct { ioasid_t id; int data; } own[OWN];
static struct task_struct *thread;
static atomic_t rounds = ATOMIC_INIT(0), told = ATOMIC_INIT(0), wrong = ATOMIC_INIT(0);
/* The longest call that does not allocate, since it was last asked. */
static atomic64_t longest = ATOMIC64_INIT(0);

static ioasid_t shown;
module_param(shown, uint, 0444);
MODULE_PARM_DESC(shown, "The ID of its set that others know");

static ioasid_t shown_kernel;
module_param(shown_kernel, uint, 0444);
MODULE_PARM_DESC(shown_kernel, "The ID of the kernel's own set that others know");

static int good_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct ioasid_nb_args *args = data;
	unsigned int i;

	atomic_inc(&told);
	for (i = 0; i < OWN; i++) {
		if (args->id == own[i].id && args->pdata != &own[i].data)
			atomic_inc(&wrong);
	}
	return NOTIFY_OK;
}

static struct notifier_block block = {
	.notifier_call = good_call,
	.priority = IOASID_PRIO_IOMMU,
};

static void note(ktime_t since)
{
	s64 took = ktime_ms_delta(ktime_get(), since);

	if (took > atomic64_read(&longest))
		atomic64_set(&longest, took);
}

static struct ioasid_set *set_of(unsigned int i)
{
	return i < OWN - 1 ? set : NULL;
}

/* What can be called whatever anybody's allocator does. */
static void use(void)
{
	ktime_t since = ktime_get();
	unsigned int i;

	for (i = 0; i < OWN; i++) {
		if (ioasid_find(set_of(i), own[i].id, NULL) != &own[i].data)
			atomic_inc(&wrong);
		if (ioasid_get(set_of(i), own[i].id))
			atomic_inc(&wrong);
		else if (ioasid_put(set_of(i), own[i].id))
			atomic_inc(&wrong);
	}
	if (ioasid_notify(own[0].id, IOASID_NOTIFY_UNBIND, IOASID_NOTIFY_SET))
		atomic_inc(&wrong);
	note(since);
}

static int good_thread(void *data)
{
	while (!kthread_should_stop()) {
		use();
		atomic_inc(&rounds);
		usleep_range(1000, 2000);
	}
	return 0;
}

static int well_get(char *buffer, const struct kernel_param *param)
{
	int before = atomic_read(&told), turns = 0, made = atomic_read(&rounds);
	s64 took;
	unsigned int i;

	while (atomic_read(&rounds) < made + 3 && turns++ < 2000)
		usleep_range(1000, 2000);
	for (i = 0; i < OWN; i++) {
		struct ioasid_set *owner = ioasid_find_set(own[i].id);

		if (owner != set_of(i)) {
			pr_err("ioasid_good: ID %u is somebody else's\n", own[i].id);
			atomic_inc(&wrong);
		}
		if (!IS_ERR_OR_NULL(owner))
			ioasid_set_put(owner);
	}
	if (atomic_read(&told) == before || turns >= 2000) {
		pr_err("ioasid_good: nothing happens any more\n");
		return -ESTALE;
	}
	if (atomic_read(&wrong)) {
		pr_err("ioasid_good: %d answers were wrong\n", atomic_read(&wrong));
		return -EUCLEAN;
	}
	took = atomic64_xchg(&longest, 0);
	return sysfs_emit(buffer, "%lld\n", took);
}

static const struct kernel_param_ops well_ops = { .get = well_get };
module_param_cb(well, &well_ops, NULL, 0400);
MODULE_PARM_DESC(well, "The longest call in ms since it was last read; or what is wrong");

static int bond_set(const char *value, const struct kernel_param *param)
{
	unsigned long bond;
	int err = kstrtoul(value, 0, &bond);

	if (!err)
		ioasid_sva_unbind_device((struct ioasid_bond *)bond);
	return err;
}

static const struct kernel_param_ops bond_ops = { .set = bond_set };
module_param_cb(bond, &bond_ops, NULL, 0200);
MODULE_PARM_DESC(bond, "A bond that somebody has left, to be dropped");

static void leave(void)
{
	unsigned int i;

	ioasid_unregister_notifier(set, &block);
	for (i = 0; i < OWN; i++) {
		if (!own[i].id || own[i].id == INVALID_IOASID)
			continue;
		ioasid_put(set_of(i), own[i].id);
		ioasid_free(set_of(i), own[i].id);
	}
	ioasid_set_free(set);
}

static int __init good_init(void)
{
	unsigned int i;
	int err;

	set = ioasid_alloc_set(NULL, OWN, IOASID_SET_TYPE_NULL);
	if (IS_ERR(set))
		return PTR_ERR(set);
	err = ioasid_register_notifier(set, &block);
	for (i = 0; !err && i < OWN; i++) {
		err = ioasid_alloc_range(set_of(i), 1, 1023, IOASID_ALLOC_LOWEST, &own[i].data,
					 &own[i].id);
		if (!err)
			err = ioasid_get(set_of(i), own[i].id);
	}
	if (!err) {
		thread = kthread_run(good_thread, NULL, "ioasid_good");
		err = PTR_ERR_OR_ZERO(thread);
	}
	if (err) {
		leave();
		return err;
	}
	shown = own[0].id;
	shown_kernel = own[OWN - 1].id;
	return 0;
}
module_init(good_init);

static void __exit good_exit(void)
{
	kthread_stop(thread);
	/* Private data is read under RCU. */
	leave();
	synchronize_rcu();
}
module_exit(good_exit);

MODULE_DESCRIPTION("IOASID: a driver that does as it should");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
