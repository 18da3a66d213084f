// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that makes one mistake, over and over: which one, its parameter "mistake" says, and
 * when, "go". What others have of it, and what the kernel log says, is looked at from outside.
 */
#include <linux/delay.h>
#include <linux/ioasid.h>
#include <linux/ioasid_sva.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#define OFTEN 1000
#define LEAKS 30

static char *mistake = "";
module_param(mistake, charp, 0444);
MODULE_PARM_DESC(mistake, "What it does wrong");

static unsigned int victim;
module_param(victim, uint, 0644);
MODULE_PARM_DESC(victim, "An ID of a set of somebody else");

static unsigned int victim_kernel;
module_param(victim_kernel, uint, 0644);
MODULE_PARM_DESC(victim_kernel, "An ID of the kernel's own set, of somebody else");

static unsigned long bond;
module_param(bond, ulong, 0400);
MODULE_PARM_DESC(bond, "The bond that it leaves");

static ioasid_t id = INVALID_IOASID;
static struct ioasid_set *set;
static unsigned int answers;
static bool goes;

/* ------------------------------------------------------------------ references and IDs */

/* Its queue never lets go; the ID can be explained but not used again. */
static int leak(void)
{
	if (ioasid_get_named(NULL, id, "bad queue"))
		return -EINVAL;
	return ioasid_free(NULL, id) == 1 ? 0 : -EINVAL;
}

/* Afterwards, so that the machine can be cleaned up. */
static void leak_exit(void)
{
	ioasid_put_named(NULL, id, "bad queue");
}

static ioasid_t many[LEAKS];

static int leak_many(void)
{
	unsigned int i;

	for (i = 0; i < LEAKS; i++) {
		many[i] = ioasid_alloc(NULL, 1, 1023, NULL);
		if (ioasid_get(NULL, many[i]) || ioasid_free(NULL, many[i]) != 1)
			return -EINVAL;
	}
	return 0;
}

static void leak_many_exit(void)
{
	unsigned int i;

	for (i = 0; i < LEAKS; i++)
		ioasid_put(NULL, many[i]);
}

static int over_put(void)
{
	int i;

	for (i = 0; i < OFTEN; i++) {
		if (ioasid_put(NULL, id))
			return -EINVAL;
	}
	return 0;
}

/* With its set it reaches nothing; what it does not say whose it is, is its own mistake. */
static int foreign(void)
{
	struct ioasid_set_usage usage;
	int i;

	for (i = 0; i < OFTEN; i++) {
		if (ioasid_free(set, victim) != -EACCES ||
		    ioasid_free(set, victim_kernel) != -EACCES ||
		    ioasid_get(set, victim) != -EACCES ||
		    ioasid_find(set, victim, NULL) != ERR_PTR(-EACCES) ||
		    ioasid_find_by_spid(set, victim, true) != INVALID_IOASID)
			return -EINVAL;
		ioasid_free_all_in_set(set);
	}
	return ioasid_set_query(set, &usage) ?: usage.use ? -EINVAL : 0;
}

static int foreign_put(void)
{
	int i;

	for (i = 0; i < OFTEN; i++) {
		if (ioasid_put(set, victim))
			return -EINVAL;
	}
	return 0;
}

static int free_twice(void)
{
	int i;

	if (ioasid_free(NULL, id))
		return -EINVAL;
	for (i = 0; i < OFTEN; i++) {
		if (ioasid_free(NULL, id) != -ENOENT)
			return -EINVAL;
	}
	return 0;
}

/* ------------------------------------------------------------------ subscribers */

static DEFINE_MUTEX(lock);

static int bad_call(struct notifier_block *nb, unsigned long event, void *data)
{
	if (!strcmp(mistake, "sleep")) {
		guard(mutex)(&lock);
		msleep(20);
	}
	return -12345;
}

static struct notifier_block block = {
	.notifier_call = bad_call,
	.priority = IOASID_PRIO_CPU,
};

static int twice(void)
{
	int i;

	if (ioasid_register_notifier(NULL, &block) ||
	    ioasid_register_notifier(NULL, &block) != -EEXIST)
		return -EINVAL;
	for (i = 0; i < OFTEN; i++)
		ioasid_unregister_notifier(NULL, &block);
	if (ioasid_set_free(set) || ioasid_set_free(set) != -EINVAL)
		return -EINVAL;
	return 0;
}

static int sleeps(void)
{
	int err = ioasid_register_notifier(set, &block);
	ioasid_t one;

	if (err)
		return err;
	one = ioasid_alloc(set, 1, 1023, NULL);
	ioasid_free(set, one);
	ioasid_unregister_notifier(set, &block);
	return one == INVALID_IOASID ? -EINVAL : 0;
}

static int stay_subscribed(void)
{
	return ioasid_register_notifier(NULL, &block) ?: ioasid_register_notifier(set, &block);
}

/* ------------------------------------------------------------------ allocators */

/* Until it is told to go on it names one number after the other, as it should. */
static ioasid_t bad_alloc(ioasid_t min, ioasid_t max, void *data)
{
	answers++;
	if (goes && !strcmp(mistake, "duplicates"))
		return victim;
	if (goes && !strcmp(mistake, "garbage"))
		return answers % 2 ? max + answers : min - 1;
	if (goes && !strcmp(mistake, "slow"))
		msleep(4000);
	return clamp(min + answers, min, max);
}

static void bad_free(ioasid_t number, void *data)
{
}

static struct ioasid_allocator_ops ops = { .alloc = bad_alloc, .free = bad_free };

/* They are recognised by the callbacks: the rest is not in the module. */
static int leave_allocator(void)
{
	struct ioasid_allocator_ops *left = kmemdup(&ops, sizeof(ops), GFP_KERNEL);

	return left ? ioasid_register_allocator(left) : -ENOMEM;
}

static int names_wrongly(int expected)
{
	ioasid_t none;
	int i;

	for (i = 0; i < OFTEN; i++) {
		if (ioasid_alloc_range(NULL, 1, 1023, 0, NULL, &none) != expected ||
		    none != INVALID_IOASID)
			return -EINVAL;
	}
	return 0;
}

static int duplicates(void)
{
	return names_wrongly(-EEXIST);
}

static int garbage(void)
{
	return names_wrongly(-ENOSPC);
}

/* Meanwhile others go on, which they say themselves. */
static int slow(void)
{
	id = ioasid_alloc(NULL, 1, 1023, NULL);
	return id == INVALID_IOASID ? -EINVAL : 0;
}

static int unregister_unknown(void)
{
	int i;

	for (i = 0; i < OFTEN; i++)
		ioasid_unregister_allocator(&ops);
	return 0;
}

static int nothing(void)
{
	return 0;
}

/* ------------------------------------------------------------------ devices */

static int bad_attach(struct device *dev, ioasid_t pasid, void *ctx, bool attach_domain)
{
	return 0;
}

static void bad_detach(struct device *dev, ioasid_t pasid, void *ctx, bool detach_domain)
{
}

static void bad_invalidate(struct device *dev, ioasid_t pasid, void *ctx, unsigned long vaddr,
			   size_t size)
{
}

static void bad_release(void *ctx)
{
}

/* Without its context, which has been given up with the module, this is not called. */
static void bad_free_ctx(void *ctx)
{
	pr_err("ioasid_bad: called for a device that was given up\n");
}

static const struct io_mm_ops mm_ops = {
	.attach = bad_attach,
	.detach = bad_detach,
	.invalidate = bad_invalidate,
	.release = bad_release,
	.free = bad_free_ctx,
};

static int has_driver(struct device *dev, const void *unused)
{
	return !!dev->driver;
}

/* A device of somebody else, bound to the process that asks for the mistake and goes on. */
static int stay_enabled(void)
{
	struct ioasid_sva_params params = {
		.ops = kmemdup(&mm_ops, sizeof(mm_ops), GFP_KERNEL),
	};
	struct device *dev = bus_find_device(&platform_bus_type, NULL, NULL, has_driver);
	int err = dev && params.ops ? ioasid_sva_enable_device(dev, &params) : -ENODEV;

	if (!err) {
		struct ioasid_bond *left = ioasid_sva_bind_device(dev, current->mm, NULL);

		err = PTR_ERR_OR_ZERO(left);
		bond = (unsigned long)left;
	}
	put_device(dev);
	return err;
}

static const struct mistake {
	const char *name;
	enum { HAS_NOTHING, HAS_ID, HAS_SET, HAS_ALLOCATOR, LEAVES_ALLOCATOR } has;
	int (*make)(void);
} mistakes[] = {
	{ "leak", HAS_ID, leak },
	{ "leak_many", HAS_NOTHING, leak_many },
	{ "over_put", HAS_ID, over_put },
	{ "foreign", HAS_SET, foreign },
	{ "foreign_put", HAS_SET, foreign_put },
	{ "free_twice", HAS_ID, free_twice },
	{ "twice", HAS_SET, twice },
	{ "sleep", HAS_SET, sleeps },
	{ "stay_subscribed", HAS_SET, stay_subscribed },
	{ "duplicates", HAS_ALLOCATOR, duplicates },
	{ "garbage", HAS_ALLOCATOR, garbage },
	{ "slow", HAS_ALLOCATOR, slow },
	{ "unregister_unknown", HAS_NOTHING, unregister_unknown },
	{ "stay_allocator", LEAVES_ALLOCATOR, nothing },
	{ "stay_enabled", HAS_NOTHING, stay_enabled },
};

static const struct mistake *it;

static int go_set(const char *value, const struct kernel_param *param)
{
	int err;

	if (goes || !it)
		return -EBUSY;
	WRITE_ONCE(goes, true);
	err = it->make();
	if (err)
		pr_err("ioasid_bad: %s: unexpected answers\n", mistake);
	return err;
}

static const struct kernel_param_ops go_ops = { .set = go_set };
module_param_cb(go, &go_ops, NULL, 0200);
MODULE_PARM_DESC(go, "Written to have it make its mistake");

static int __init bad_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		if (!strcmp(mistake, mistakes[i].name))
			it = &mistakes[i];
	}
	if (!it)
		return -EINVAL;
	switch (it->has) {
	case HAS_ID:
		id = ioasid_alloc(NULL, 1, 1023, NULL);
		return id == INVALID_IOASID ? -ENOSPC : 0;
	case HAS_SET:
		set = ioasid_alloc_set(NULL, 0, IOASID_SET_TYPE_NULL);
		return PTR_ERR_OR_ZERO(set);
	case HAS_ALLOCATOR:
		return ioasid_register_allocator(&ops);
	case LEAVES_ALLOCATOR:
		return leave_allocator();
	default:
		return 0;
	}
}
module_init(bad_init);

static void __exit bad_exit(void)
{
	if (it->make == leak && goes)
		leak_exit();
	else if (it->make == leak_many && goes)
		leak_many_exit();
	else if (id != INVALID_IOASID && it->make != free_twice)
		ioasid_free(NULL, id);
	if (set && it->make != twice)
		ioasid_set_free(set);
	if (it->has == HAS_ALLOCATOR)
		ioasid_unregister_allocator(&ops);
}
module_exit(bad_exit);

MODULE_DESCRIPTION("IOASID: a driver that makes mistakes");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
