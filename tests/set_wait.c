// SPDX-License-Identifier: GPL-2.0
/* Waiting for the last holder. */
#include <linux/ktime.h>

#include "sets.h"
#include "threads.h"

struct waiter {
	ioasid_t id;
	struct ioasid_set *set;
	unsigned int ms;
	int ret;
};

static void wait_for_id(void *data)
{
	struct waiter *waiter = data;

	WRITE_ONCE(waiter->ret, ioasid_wait_reclaimed(waiter->id, waiter->ms));
}

static void wait_for_set(void *data)
{
	struct waiter *waiter = data;

	WRITE_ONCE(waiter->ret, ioasid_set_wait_reclaimed(waiter->set, waiter->ms));
}

static struct waiter *waiter_new(struct kunit *test, ioasid_t id, struct ioasid_set *set)
{
	struct waiter *waiter = kunit_kzalloc(test, sizeof(*waiter), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, waiter);
	waiter->id = id;
	waiter->set = set;
	waiter->ms = 30000;
	waiter->ret = 1;
	return waiter;
}

/* B-081: there is nothing to wait for. */
static void unknown_id_is_not_waited_for(struct kunit *test)
{
	const ioasid_t unknown[] = {
		0, TEST_MAX, ioasid_get_capacity(), INT_MAX, INVALID_IOASID,
	};
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(unknown[i], 60000), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(id, 60000), -ENOENT);
}

/* B-081: the time that was given, not less, and not for ever. */
static void wait_ends_with_its_time(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	ktime_t before = ktime_get();
	s64 ms;

	/* The owner is a holder too. */
	KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(id, 0), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(id, 1), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(id, 0), -ETIMEDOUT);
	before = ktime_get();
	KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(id, 200), -ETIMEDOUT);
	ms = ktime_ms_delta(ktime_get(), before);
	KUNIT_EXPECT_GE(test, ms, 195);
	KUNIT_EXPECT_LT(test, ms, 10000);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(id, 0), -ENOENT);
}

/* B-081: several wait, and the last put tells all of them. */
static void last_put_ends_the_wait(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	struct waiter *waiters[3];
	struct helper *helpers[3];
	int i;

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	for (i = 0; i < 3; i++) {
		waiters[i] = waiter_new(test, id, NULL);
		helpers[i] = helper_start(test, wait_for_id, waiters[i]);
	}
	KUNIT_EXPECT_TRUE(test, helper_waits(helpers[0], 100));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_TRUE(test, helper_waits(helpers[1], 50));
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_TRUE(test, helper_waits(helpers[2], 50));
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_FALSE(test, helper_waits(helpers[i], 10000));
		helper_join(test, helpers[i]);
		KUNIT_EXPECT_EQ(test, waiters[i]->ret, 0);
	}
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
}

/* B-081, B-101: as well if nobody holds it and the owner's free is deferred. */
static void free_ends_the_wait(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	struct waiter *waiter = waiter_new(test, id, NULL);
	struct helper *helper = helper_start(test, wait_for_id, waiter);
	unsigned long flags;

	KUNIT_EXPECT_TRUE(test, helper_waits(helper, 100));
	local_irq_save(flags);
	ioasid_free(NULL, id);
	local_irq_restore(flags);
	KUNIT_EXPECT_FALSE(test, helper_waits(helper, 10000));
	helper_join(test, helper);
	KUNIT_EXPECT_EQ(test, waiter->ret, 0);
}

/* Whoever waits for an ID that is reclaimed may keep its number from being used until he wakes. */
static bool number_is_back(ioasid_t id)
{
	return eventually(ioasid_alloc(NULL, id, id, NULL) == id);
}

/* B-081, B-091: the next life of the number is not what was waited for. */
static void next_life_is_not_waited_for(struct kunit *test)
{
	int i;

	for (i = 0; i < 30; i++) {
		struct waiter *waiter = waiter_new(test, 9, NULL);
		struct helper *helper;

		KUNIT_ASSERT_TRUE(test, number_is_back(9));
		helper = helper_start(test, wait_for_id, waiter);
		if (i % 3)
			usleep_range(100, 5000);
		else
			KUNIT_EXPECT_TRUE(test, helper_waits(helper, 100));
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 9), 0);
		KUNIT_ASSERT_TRUE(test, number_is_back(9));
		/* One that came late waits for the new one, and rightly so. */
		if (i % 3 == 0)
			KUNIT_EXPECT_FALSE(test, helper_waits(helper, 10000));
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 9), 0);
		helper_join(test, helper);
		KUNIT_EXPECT_TRUE(test, waiter->ret == 0 || waiter->ret == -ENOENT);
	}
}

/* B-081: a set without IDs has none to wait for. */
static void empty_set_is_not_waited_for(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);

	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 0), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 60000), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_get(set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 60000), 0);
	ioasid_set_put(set);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 60000), -EINVAL);
}

/* B-081: the IDs of a set, those of others do not matter. */
static void wait_for_set_ends_with_its_time(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0), *other = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL);

	must_alloc_in(test, other, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 0), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 50), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 50), -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 60000), 0);
}

/* B-050, B-081: what a driver does before it goes: free the set, wait for the holders. */
static void holders_end_the_wait_for_dying_set(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t a = must_alloc_in(test, set, NULL), b = must_alloc_in(test, set, NULL);
	struct waiter *waiter = waiter_new(test, 0, set);
	struct helper *helper;

	KUNIT_EXPECT_EQ(test, ioasid_get(set, a), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, b), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_get(set), 0);
	helper = helper_start(test, wait_for_set, waiter);
	KUNIT_EXPECT_TRUE(test, helper_waits(helper, 50));
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	KUNIT_EXPECT_TRUE(test, helper_waits(helper, 50));
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, a));
	KUNIT_EXPECT_TRUE(test, helper_waits(helper, 50));
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, b));
	KUNIT_EXPECT_FALSE(test, helper_waits(helper, 10000));
	helper_join(test, helper);
	KUNIT_EXPECT_EQ(test, waiter->ret, 0);
	ioasid_set_put(set);
}

/* B-081: many who wait, many IDs, all at the same time. */
static void every_waiter_is_told(struct kunit *test)
{
	struct helper *helpers[20];
	struct waiter *waiters[20];
	ioasid_t ids[20];
	int i;

	for (i = 0; i < 20; i++) {
		ids[i] = must_alloc(test, 1, TEST_MAX, NULL);
		waiters[i] = waiter_new(test, ids[i], NULL);
		helpers[i] = helper_start(test, wait_for_id, waiters[i]);
	}
	msleep(100);
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, ids[i * 7 % 20]), 0);
	for (i = 0; i < 20; i++) {
		helper_join(test, helpers[i]);
		/* -ENOENT if it was too late. */
		KUNIT_EXPECT_TRUE(test, waiters[i]->ret == 0 || waiters[i]->ret == -ENOENT);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(unknown_id_is_not_waited_for),
	KUNIT_CASE(wait_ends_with_its_time),
	KUNIT_CASE(last_put_ends_the_wait),
	KUNIT_CASE(free_ends_the_wait),
	KUNIT_CASE(next_life_is_not_waited_for),
	KUNIT_CASE(empty_set_is_not_waited_for),
	KUNIT_CASE(wait_for_set_ends_with_its_time),
	KUNIT_CASE(holders_end_the_wait_for_dying_set),
	KUNIT_CASE(every_waiter_is_told),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_wait",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
