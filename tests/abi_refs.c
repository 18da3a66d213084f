// SPDX-License-Identifier: GPL-2.0
/* References, the life of an ID, and lookup. */
#include <linux/rcupdate.h>

#include "common.h"

/* B-073, B-082: a reference more, a reference less; the owner's stays. */
static void get_and_put_leave_id_alive(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	int i;

	for (i = 0; i < 1000; i++)
		KUNIT_ASSERT_EQ(test, ioasid_get(NULL, id), 0);
	for (i = 0; i < 1000; i++)
		KUNIT_ASSERT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_FALSE(test, is_unknown(id));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
}

/* B-073: the owner's reference is not for put, before and after others came and went. */
static void over_put_changes_nothing(struct kunit *test)
{
	int data;
	ioasid_t id = must_alloc(test, 1, 9, &data);

	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), &data);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), &data);

	/* Nothing is owed: one reference is one reference. */
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
}

/* B-078, B-081, B-082: whoever drops the last reference is told. */
static void last_put_of_freed_id_reclaims(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_FALSE(test, is_unknown(id));
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
}

/* B-091: nobody gets a number that somebody still holds. */
static void number_is_not_reused_while_held(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 9, 9, NULL);
	ioasid_t none;

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_EQ(test, -ENOSPC, ioasid_alloc_range(NULL, 9, 9, IOASID_ALLOC_LOWEST, NULL,
							  &none));
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_EQ(test, must_alloc(test, 9, 9, NULL), id);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-074, B-075: no reference to a freed ID, by whatever name. */
static void get_of_pending_id_is_busy(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "late"), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_get_locked(NULL, id), -EBUSY);
	/* None of the three has counted. */
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
}

static bool grant(void *data)
{
	++*(int *)data;
	return true;
}

static bool refuse(void *data)
{
	++*(int *)data;
	return false;
}

/* B-167: the fault path needs the data of a freed ID as long as it is held. */
static void pending_id_is_found(struct kunit *test)
{
	int calls = 0;
	ioasid_t id = must_alloc(test, 1, 9, &calls);

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), &calls);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, grant), &calls);
	KUNIT_EXPECT_EQ(test, calls, 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, grant), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, calls, 1);
}

/* B-078, B-079: free is idempotent; it takes the owner's reference and nobody else's. */
static void second_free_drops_nothing(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	int i;

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_FALSE(test, is_unknown(id));
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), -ENOENT);
}

/* B-074, B-083: what is gone is gone, for every function. */
static void reclaimed_id_is_unknown(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "late"), -EINVAL);
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, "late"));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), -ENOENT);
}

/* B-159: the old names for callers inside the lock are the same functions. */
static void locked_names_are_get_and_put(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get_locked(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get_locked(WRONG_SET, id), -EACCES);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_FALSE(test, ioasid_put_locked(WRONG_SET, id));
	KUNIT_EXPECT_TRUE(test, ioasid_put_locked(NULL, id));
	KUNIT_EXPECT_EQ(test, ioasid_get_locked(NULL, id), -EINVAL);
}

/* B-167: the data is handed out as it is. */
static void find_does_not_look_at_data(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, LIST_POISON2);

	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), (void *)LIST_POISON2);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-167: the getter decides, for every lookup anew. */
static void getter_may_refuse(struct kunit *test)
{
	int calls = 0;
	ioasid_t id = must_alloc(test, 1, 9, &calls);

	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, refuse), NULL);
	KUNIT_EXPECT_EQ(test, calls, 1);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, grant), &calls);
	KUNIT_EXPECT_EQ(test, calls, 2);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), &calls);
	KUNIT_EXPECT_EQ(test, calls, 2);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

static bool getter_called;

static bool note_call(void *data)
{
	getter_called = true;
	return true;
}

/* B-167: an ID without data is found, and the getter has nothing to get. */
static void null_data_is_found_without_getter(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	getter_called = false;
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), NULL);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, note_call), NULL);
	KUNIT_EXPECT_FALSE(test, getter_called);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

struct context {
	bool rcu;
	unsigned int preempt;
	bool irqs_off;
};

static bool note_context(void *data)
{
	struct context *context = data;

	context->rcu = IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC) ? rcu_read_lock_held() : true;
	context->preempt = preempt_count();
	context->irqs_off = irqs_disabled();
	return true;
}

/* B-157, B-160, B-161: the getter runs under RCU and under nothing else. */
static void getter_runs_under_rcu_only(struct kunit *test)
{
	struct context context = { .irqs_off = true, .preempt = 1 };
	ioasid_t id = must_alloc(test, 1, 9, &context);
	unsigned int expected;

	rcu_read_lock();
	expected = preempt_count();
	rcu_read_unlock();
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, note_context), &context);
	KUNIT_EXPECT_TRUE(test, context.rcu);
	KUNIT_EXPECT_FALSE(test, context.irqs_off);
	KUNIT_EXPECT_EQ(test, context.preempt, expected);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

static bool get_by_number(void *data)
{
	return !ioasid_get(NULL, *(ioasid_t *)data);
}

/* B-160: a getter may call back, to take its reference to the ID itself for one. */
static void getter_may_take_reference(struct kunit *test)
{
	ioasid_t number = 9;
	ioasid_t id = must_alloc(test, 9, 9, &number);

	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, get_by_number), &number);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	/* Refused by the getter, for get is refused. */
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, get_by_number), NULL);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(get_and_put_leave_id_alive),
	KUNIT_CASE(over_put_changes_nothing),
	KUNIT_CASE(last_put_of_freed_id_reclaims),
	KUNIT_CASE(number_is_not_reused_while_held),
	KUNIT_CASE(get_of_pending_id_is_busy),
	KUNIT_CASE(pending_id_is_found),
	KUNIT_CASE(second_free_drops_nothing),
	KUNIT_CASE(reclaimed_id_is_unknown),
	KUNIT_CASE(locked_names_are_get_and_put),
	KUNIT_CASE(find_does_not_look_at_data),
	KUNIT_CASE(getter_may_refuse),
	KUNIT_CASE(null_data_is_found_without_getter),
	KUNIT_CASE(getter_runs_under_rcu_only),
	KUNIT_CASE(getter_may_take_reference),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_abi_refs",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
