// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that are bound to the address spaces of processes which come and go. Who offers an
 * address space opens a file of this module; it is kept by mm_count only, so that it exits with its
 * process, or with the last actor that has it in use.
 */
#include <linux/delay.h>
#include <linux/device/faux.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "torture.h"

#define DEVICES 2

/* What the driver has for an address space. */
struct context {
	ioasid_t pasid;
	atomic_t devices;
	atomic_t releases;
};

static struct faux_device *devices[DEVICES];
static struct mm_struct *mms[MMS];
static DEFINE_SPINLOCK(mms_lock);
/* Who has the number, as the driver sees it. */
static struct context *users[HISTORY_IDS];
static atomic_t contexts;

/* ---- address spaces ---- */

void torture_offer_mm(struct mm_struct *mm)
{
	static unsigned int next;
	struct mm_struct *old;

	mmgrab(mm);
	spin_lock(&mms_lock);
	old = mms[next];
	mms[next] = mm;
	next = (next + 1) % MMS;
	spin_unlock(&mms_lock);
	torture_count(COUNT_MMS);
	if (old)
		mmdrop(old);
}

void torture_drop_mms(void)
{
	unsigned int i;

	for (i = 0; i < MMS; i++) {
		if (mms[i])
			mmdrop(mms[i]);
		mms[i] = NULL;
	}
}

struct mm_struct *torture_any_mm(struct rnd_state *rnd)
{
	struct mm_struct *mm;

	spin_lock(&mms_lock);
	mm = mms[below(rnd, MMS)];
	if (mm && !mmget_not_zero(mm)) {
		mm = NULL;
		torture_count(COUNT_EXITS);
	}
	spin_unlock(&mms_lock);
	return mm;
}

/* ---- a driver with page tables of its own ---- */

static void *torture_ctx_alloc(struct mm_struct *mm)
{
	struct context *context = kzalloc(sizeof(*context), GFP_KERNEL);

	if (!context)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&contexts);
	return context;
}

static int torture_attach(struct device *dev, ioasid_t pasid, void *ctx, bool first)
{
	struct context *context = ctx, *user;

	if (get_random_u32_below(20) == 0)
		return -EXDEV;
	user = cmpxchg(&users[pasid], NULL, context);
	if (user && user != context)
		torture_fault("two address spaces with one number", pasid);
	context->pasid = pasid;
	atomic_inc(&context->devices);
	return 0;
}

static void torture_detach(struct device *dev, ioasid_t pasid, void *ctx, bool last)
{
	struct context *context = ctx;

	if (READ_ONCE(users[pasid]) != context)
		torture_fault("detached from another address space", pasid);
	if (atomic_dec_return(&context->devices) < 0)
		torture_fault("detached once too often", pasid);
}

static void torture_invalidate(struct device *dev, ioasid_t pasid, void *ctx, unsigned long vaddr,
			       size_t size)
{
	struct context *context = ctx;

	if (context->pasid && context->pasid != pasid)
		torture_fault("invalidated for another number", pasid);
}

static void torture_release(void *ctx)
{
	struct context *context = ctx;

	if (atomic_inc_return(&context->releases) != 1)
		torture_fault("released twice", context->pasid);
}

static void torture_ctx_free(void *ctx)
{
	struct context *context = ctx;

	if (atomic_read(&context->devices))
		torture_fault("freed with a device", context->pasid);
	if (context->pasid && cmpxchg(&users[context->pasid], context, NULL) != context)
		torture_fault("freed after somebody else has got the number", context->pasid);
	atomic_dec(&contexts);
	kfree(context);
}

static const struct io_mm_ops torture_ops = {
	.alloc = torture_ctx_alloc,
	.attach = torture_attach,
	.detach = torture_detach,
	.invalidate = torture_invalidate,
	.release = torture_release,
	.free = torture_ctx_free,
};

static const struct ioasid_sva_params torture_params = {
	.ops = &torture_ops, .min_pasid = FIRST_SVA_ID, .max_pasid = LAST_SVA_ID,
};

int torture_devices_begin(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < DEVICES; i++) {
		devices[i] = faux_device_create(i ? "ioasid_torture1" : "ioasid_torture0", NULL,
						NULL);
		if (!devices[i])
			return -ENODEV;
		err = ioasid_sva_enable_device(&devices[i]->dev, &torture_params);
		if (err)
			return err;
	}
	return 0;
}

void torture_devices_end(void)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		if (!devices[i])
			continue;
		ioasid_sva_disable_device(&devices[i]->dev);
		faux_device_destroy(devices[i]);
		devices[i] = NULL;
	}
}

/* When nothing is bound. */
void torture_devices_check(void)
{
	unsigned int id;

	if (atomic_read(&contexts))
		torture_fault("a context that was not freed", atomic_read(&contexts));
	for (id = 0; id < HISTORY_IDS; id++) {
		if (READ_ONCE(users[id]))
			torture_fault("a number with a user, and not bound", id);
	}
}

/* ---- who binds and unbinds ---- */

static bool finds(ioasid_t id, struct mm_struct *mm)
{
	struct mm_struct *found = ioasid_sva_find(id);

	if (found)
		mmput_async(found);
	return found == mm;
}

static void bind_and_unbind(struct actor *actor, struct device *dev, struct mm_struct *mm)
{
	u32 chance = below(&actor->rnd, 8);
	struct ioasid_bond *bond;
	ioasid_t id;
	int err;

	torture_fail_one(actor);
	bond = ioasid_sva_bind_device(dev, mm, NULL);
	torture_has_failed_one();
	if (IS_ERR(bond)) {
		err = PTR_ERR(bond);
		/* No number or quota is left, or somebody refuses, disables or frees. */
		if (err == -ENOMEM && torture.fail_one_in)
			torture_count(COUNT_NO_MEMORY);
		else if (err != -ENODEV && err != -EXDEV && err != -EBUSY && err != -ENOSPC)
			torture_fault("a bind has failed in an odd way", err);
		mmput(mm);
		return;
	}
	torture_count(COUNT_BONDS);
	id = ioasid_sva_get_pasid(bond);
	if (!finds(id, mm))
		torture_fault("the number stands for another address space", id);
	/* Before or after the process and its address space have gone. */
	if (chance < 4)
		mmput(mm);
	if (chance < 2)
		usleep_range(100, 5000);
	ioasid_sva_unbind_device(bond);
	if (chance >= 4)
		mmput(mm);
}

static void disable_and_enable(struct device *dev)
{
	int err = ioasid_sva_disable_device(dev);

	if (!err)
		err = ioasid_sva_enable_device(dev, &torture_params);
	if (err && err != -EBUSY)
		torture_fault("a device is not as it was left", err);
}

/* One of them also disables. */
int torture_bind(void *data)
{
	struct actor *actor = data;
	struct mm_struct *mm;
	struct device *dev;

	while (torture_goes_on()) {
		dev = &devices[below(&actor->rnd, DEVICES)]->dev;
		if (actor == torture.actors && !below(&actor->rnd, 8))
			disable_and_enable(dev);
		mm = torture_any_mm(&actor->rnd);
		if (mm)
			bind_and_unbind(actor, dev, mm);
		else
			usleep_range(200, 2000);
		WRITE_ONCE(actor->operations, actor->operations + 1);
		cond_resched();
	}
	return torture_thread_ends();
}
