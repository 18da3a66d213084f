/* SPDX-License-Identifier: GPL-2.0 */
/* Sets and address spaces for a test case, and what a handle that is no set may do: nothing. */
#ifndef IOASID_TESTS_SETS_H
#define IOASID_TESTS_SETS_H

#include <linux/sched/mm.h>

#include "common.h"

static inline void set_cleanup(void *set)
{
	ioasid_set_free(set);
}

/* Freed at the end of the case at the latest: a handle that is stale by then is refused. */
static inline struct ioasid_set *must_set_of(struct kunit *test, void *token, ioasid_t quota)
{
	int type = token ? IOASID_SET_TYPE_MM : IOASID_SET_TYPE_NULL;
	struct ioasid_set *set = ioasid_alloc_set(token, quota, type);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, set_cleanup, set), 0);
	return set;
}

static inline struct ioasid_set *must_set(struct kunit *test, ioasid_t quota)
{
	return must_set_of(test, NULL, quota);
}

static inline ioasid_t must_alloc_in(struct kunit *test, struct ioasid_set *set, void *private)
{
	ioasid_t id = INVALID_IOASID;

	KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(set, 1, TEST_MAX, IOASID_ALLOC_LOWEST, private,
						    &id));
	KUNIT_ASSERT_GE(test, id, 1);
	KUNIT_ASSERT_LE(test, id, TEST_MAX);
	return id;
}

/* Why there is no other one. */
static inline int alloc_error(struct ioasid_set *set)
{
	ioasid_t id;
	int err = ioasid_alloc_range(set, 1, TEST_MAX, IOASID_ALLOC_LOWEST, NULL, &id);

	if (!err)
		ioasid_free(set, id);
	return err;
}

static inline bool is_gone(struct ioasid_set *set)
{
	struct ioasid_set_usage usage;

	return ioasid_set_query(set, &usage) == -EINVAL;
}

/* Why there is no reference for somebody new. */
static inline int set_get_error(struct ioasid_set *set)
{
	int err = ioasid_set_get(set);

	if (!err)
		ioasid_set_put(set);
	return err;
}

/* Why there is none of an ID. */
static inline int find_set_error(ioasid_t id)
{
	struct ioasid_set *set = ioasid_find_set(id);

	if (!IS_ERR(set))
		ioasid_set_put(set);
	return PTR_ERR_OR_ZERO(set);
}

/* All of it: nothing is set aside any more. */
static inline bool capacity_returns(void)
{
	return eventually(capacity_left() == capacity_in_all());
}

/*
 * Drops the last reference of an ID that is freed from a work item. That may not have dropped the
 * owner's yet, so this may not be the last one after all.
 */
static inline bool put_reclaims(ioasid_t id)
{
	ioasid_put(NULL, id);
	return eventually(is_unknown(id));
}

/* What is not listed is 0. */
#define expect_usage(test, set, ...)					\
do {									\
	const struct ioasid_set_usage expected = { __VA_ARGS__ };	\
	struct ioasid_set_usage usage = {};				\
	struct kunit *asking = (test);					\
									\
	KUNIT_EXPECT_EQ(asking, ioasid_set_query(set, &usage), 0);	\
	KUNIT_EXPECT_EQ(asking, usage.quota, expected.quota);		\
	KUNIT_EXPECT_EQ(asking, usage.use, expected.use);		\
	KUNIT_EXPECT_EQ(asking, usage.peak, expected.peak);		\
	KUNIT_EXPECT_EQ(asking, usage.failures, expected.failures);	\
	KUNIT_EXPECT_EQ(asking, usage.spids, expected.spids);		\
} while (0)

static inline void count_visit(ioasid_t id, void *data)
{
	++*(int *)data;
}

/* @set is none, whatever it was once; @id belongs to somebody else and has the SPID 7. */
static inline void expect_refused(struct kunit *test, struct ioasid_set *set, ioasid_t id)
{
	struct ioasid_set_usage usage;
	ioasid_t none = 1;
	int visits = 0;

	KUNIT_EXPECT_EQ(test, -EINVAL, ioasid_alloc_range(set, 1, TEST_MAX, IOASID_ALLOC_LOWEST,
							  NULL, &none));
	KUNIT_EXPECT_EQ(test, none, INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(set, 1, TEST_MAX, NULL), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_set_get(set), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 5), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_policy(set, IOASID_ALLOC_TOP_DOWN), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_query(set, &usage), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_for_each_ioasid(set, count_visit, &visits), -EINVAL);
	KUNIT_EXPECT_EQ(test, visits, 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 7, false), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 7, true), INVALID_IOASID);
	ioasid_free_all_in_set(set);
	ioasid_set_put(set);

	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), -EACCES);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(set, id, "thief"), -EACCES);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, id, NULL), ERR_PTR(-EACCES));
	KUNIT_EXPECT_EQ(test, ioasid_free(set, id), -EACCES);
	KUNIT_EXPECT_FALSE(test, ioasid_put(set, id));
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(set, id, "thief"));
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(id));
}

static inline void mm_put_user(void *mm)
{
	mmput(mm);
}

static inline void mm_unpin(void *mm)
{
	mmdrop(mm);
}

/* An address space with one user, which stays an address of its own until the end of the case. */
static inline struct mm_struct *must_mm(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc();

	KUNIT_ASSERT_NOT_NULL(test, mm);
	mmgrab(mm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mm_unpin, mm), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mm_put_user, mm), 0);
	return mm;
}

/* Its only user leaves. */
static inline void mm_exits(struct kunit *test, struct mm_struct *mm)
{
	kunit_release_action(test, mm_put_user, mm);
}

#endif /* IOASID_TESTS_SETS_H */
