// SPDX-License-Identifier: GPL-2.0
/* Binds, unbinds, exits, frees and disables that meet. */
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "sva.h"
#include "threads.h"

#define BINDERS 3
#define DEVICES 2
#define MMS 3
#define IDS 8
#define SECONDS 5

/* What the driver has for an address space. */
struct context {
	ioasid_t pasid;
	atomic_t devices;
	atomic_t releases;
};

static struct crowd {
	struct device *devices[DEVICES];
	struct {
		struct mutex lock; /* mm */
		struct mm_struct *mm;
	} slots[MMS];
	/* Who has the number, as the driver sees it. */
	struct context *users[IDS + 1];
	unsigned long end;
	atomic_t contexts;
	atomic_t bonds;
	atomic_t busy;
	atomic_t exits;
	atomic_t faults;
	const char *fault;
} crowd;

static void fault(const char *what)
{
	atomic_inc(&crowd.faults);
	WRITE_ONCE(crowd.fault, what);
}

static void *crowd_alloc(struct mm_struct *mm)
{
	struct context *context = kzalloc(sizeof(*context), GFP_KERNEL);

	if (!context)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&crowd.contexts);
	return context;
}

static int crowd_attach(struct device *dev, ioasid_t pasid, void *ctx, bool first)
{
	struct context *context = ctx, *user;

	if (get_random_u32_below(20) == 0)
		return -EXDEV;
	user = cmpxchg(&crowd.users[pasid], NULL, context);
	if (user && user != context)
		fault("two address spaces with one number");
	context->pasid = pasid;
	atomic_inc(&context->devices);
	return 0;
}

static void crowd_detach(struct device *dev, ioasid_t pasid, void *ctx, bool last)
{
	struct context *context = ctx;

	if (READ_ONCE(crowd.users[pasid]) != context)
		fault("detached from another address space");
	if (atomic_dec_return(&context->devices) < 0)
		fault("detached once too often");
}

static void crowd_invalidate(struct device *dev, ioasid_t pasid, void *ctx, unsigned long vaddr,
			     size_t size)
{
}

static void crowd_release(void *ctx)
{
	struct context *context = ctx;

	if (atomic_inc_return(&context->releases) != 1)
		fault("released twice");
}

static void crowd_free(void *ctx)
{
	struct context *context = ctx;

	if (atomic_read(&context->devices))
		fault("freed with a device");
	if (context->pasid && cmpxchg(&crowd.users[context->pasid], context, NULL) != context)
		fault("freed after somebody else has got the number");
	atomic_dec(&crowd.contexts);
	kfree(context);
}

static const struct io_mm_ops crowd_ops = {
	.alloc = crowd_alloc,
	.attach = crowd_attach,
	.detach = crowd_detach,
	.invalidate = crowd_invalidate,
	.release = crowd_release,
	.free = crowd_free,
};

static const struct ioasid_sva_params crowd_params = {
	.ops = &crowd_ops, .min_pasid = 1, .max_pasid = IDS,
};

static void bind_and_unbind(struct mm_struct *mm)
{
	struct device *dev = crowd.devices[get_random_u32_below(DEVICES)];
	struct ioasid_bond *bond = ioasid_sva_bind_device(dev, mm, NULL);
	u32 chance = get_random_u32_below(8);
	ioasid_t id;

	if (IS_ERR(bond)) {
		int err = PTR_ERR(bond);

		/* No number is left while those of address spaces that have exited are bound. */
		if (err != -ENODEV && err != -EXDEV && err != -EBUSY && err != -ENOSPC)
			fault("a bind has failed in an odd way");
		if (err == -EBUSY)
			atomic_inc(&crowd.busy);
		mmput(mm);
		return;
	}
	atomic_inc(&crowd.bonds);
	id = ioasid_sva_get_pasid(bond);
	if (!finds(id, mm))
		fault("the number stands for another address space");
	if (chance == 0)
		ioasid_free(NULL, id);
	if (chance < 4)
		mmput(mm);
	if (chance < 2)
		usleep_range(100, 2000);
	ioasid_sva_unbind_device(bond);
	if (chance >= 4)
		mmput(mm);
}

static void bind_at_random(void *data)
{
	while (time_before(jiffies, crowd.end)) {
		unsigned int slot = get_random_u32_below(MMS);
		struct mm_struct *mm;

		mutex_lock(&crowd.slots[slot].lock);
		mm = crowd.slots[slot].mm;
		if (mm)
			mmget(mm);
		mutex_unlock(&crowd.slots[slot].lock);
		if (mm)
			bind_and_unbind(mm);
		cond_resched();
	}
}

static void exchange_mm(unsigned int slot, struct mm_struct *mm)
{
	mutex_lock(&crowd.slots[slot].lock);
	swap(crowd.slots[slot].mm, mm);
	mutex_unlock(&crowd.slots[slot].lock);
	if (mm)
		mmput(mm);
}

static void exit_and_disable_at_random(void *data)
{
	while (time_before(jiffies, crowd.end)) {
		struct device *dev = crowd.devices[get_random_u32_below(DEVICES)];
		int err;

		exchange_mm(get_random_u32_below(MMS), mm_alloc());
		atomic_inc(&crowd.exits);
		err = ioasid_sva_disable_device(dev);
		if (!err)
			err = ioasid_sva_enable_device(dev, &crowd_params);
		if (err && err != -EBUSY)
			fault("a device is not as it was left");
		usleep_range(500, 5000);
	}
}

/* B-172, B-174, B-180: whatever meets, each number has one user, and each call its counterpart. */
static void users_and_numbers_match(struct kunit *test)
{
	struct helper *helpers[BINDERS + 1];
	unsigned int i;
	int err;

	memset(&crowd, 0, sizeof(crowd));
	for (i = 0; i < MMS; i++)
		mutex_init(&crowd.slots[i].lock);
	for (i = 0; i < DEVICES; i++) {
		crowd.devices[i] = must_device(test, i ? "b" : "a");
		KUNIT_ASSERT_EQ(test, 0, ioasid_sva_enable_device(crowd.devices[i], &crowd_params));
		err = kunit_add_action_or_reset(test, disable, crowd.devices[i]);
		KUNIT_ASSERT_EQ(test, err, 0);
	}
	crowd.end = jiffies + SECONDS * HZ;
	for (i = 0; i < BINDERS; i++)
		helpers[i] = helper_start(test, bind_at_random, NULL);
	helpers[i] = helper_start(test, exit_and_disable_at_random, NULL);
	for (i = 0; i <= BINDERS; i++)
		helper_join(test, helpers[i]);
	for (i = 0; i < MMS; i++)
		exchange_mm(i, NULL);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&crowd.faults), 0, "%s", crowd.fault);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd.contexts), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&crowd.bonds), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&crowd.exits), 0);
	kunit_info(test, "%d bonds, %d busy, %d exits\n", atomic_read(&crowd.bonds),
		   atomic_read(&crowd.busy), atomic_read(&crowd.exits));
	for (i = 1; i <= IDS; i++)
		KUNIT_EXPECT_TRUE(test, eventually(is_unknown(i)));
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(users_and_numbers_match),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_sva_stress",
	.init = sva_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
