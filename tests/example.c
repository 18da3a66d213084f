// SPDX-License-Identifier: GPL-2.0
/*
 * The driver of README.md and Documentation/driver-api/ioasid-c.rst: scripts/check-documents
 * compares them with what is between the marks.
 */
#include <kunit/test.h>
#include <linux/ioasid.h>
#include <linux/slab.h>
#include <linux/wait.h>

/* begin */
struct ctx { ioasid_t pasid; wait_queue_head_t events; struct rcu_head rcu; };

static int ctx_open(struct ctx *ctx)		/* the device sends PASIDs of 16 bits */
{
	init_waitqueue_head(&ctx->events);
	return ioasid_alloc_range(NULL, 1, U16_MAX, IOASID_ALLOC_LOWEST, ctx, &ctx->pasid);
}

static int ctx_start(struct ctx *ctx)		/* a queue starts to work with the number */
{
	return ioasid_get(NULL, ctx->pasid);
}

static void ctx_interrupt(ioasid_t pasid)	/* whose is it? */
{
	struct ctx *ctx;

	rcu_read_lock();
	ctx = ioasid_find(NULL, pasid, NULL);
	if (!IS_ERR_OR_NULL(ctx))
		wake_up(&ctx->events);
	rcu_read_unlock();
}

static void ctx_drained(struct ctx *ctx)	/* the queue has let go of the number */
{
	if (ioasid_put(NULL, ctx->pasid))	/* the last one: the owner has gone */
		kfree_rcu(ctx, rcu);
}

static void ctx_close(struct ctx *ctx)		/* interrupts are on */
{
	if (!ioasid_free(NULL, ctx->pasid))	/* 1: ctx_drained() will free it */
		kfree_rcu(ctx, rcu);
}

/* end */

static struct ctx *open_one(struct kunit *test)
{
	struct ctx *ctx = kzalloc_obj(*ctx);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	KUNIT_ASSERT_EQ(test, ctx_open(ctx), 0);
	return ctx;
}

static int note_wake(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	*(bool *)entry->private = true;
	return 0;
}

static void interrupt_finds_the_context(struct kunit *test)
{
	struct ctx *ctx = open_one(test);
	ioasid_t id = ctx->pasid;
	bool woken = false;
	struct wait_queue_entry entry = { .func = note_wake, .private = &woken };

	add_wait_queue(&ctx->events, &entry);
	ctx_interrupt(id + 1);
	KUNIT_EXPECT_FALSE(test, woken);
	ctx_interrupt(id);
	KUNIT_EXPECT_TRUE(test, woken);
	remove_wait_queue(&ctx->events, &entry);
	ctx_close(ctx);
	/* Nobody is found any more. */
	ctx_interrupt(id);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), ERR_PTR(-ENOENT));
}

static void queue_is_the_last_holder(struct kunit *test)
{
	struct ctx *ctx = open_one(test);
	ioasid_t id = ctx->pasid;

	KUNIT_ASSERT_EQ(test, ctx_start(ctx), 0);
	ctx_close(ctx);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), (void *)ctx);
	ctx_interrupt(id);
	ctx_drained(ctx);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), ERR_PTR(-ENOENT));
}

static void owner_is_the_last_holder(struct kunit *test)
{
	struct ctx *ctx = open_one(test);
	ioasid_t id = ctx->pasid;

	KUNIT_ASSERT_EQ(test, ctx_start(ctx), 0);
	ctx_drained(ctx);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), (void *)ctx);
	ctx_close(ctx);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), ERR_PTR(-ENOENT));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(interrupt_finds_the_context),
	KUNIT_CASE(queue_is_the_last_holder),
	KUNIT_CASE(owner_is_the_last_holder),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_example",
	.test_cases = cases,
};

kunit_test_suite(suite);
