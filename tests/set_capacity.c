// SPDX-License-Identifier: GPL-2.0
/* What all sets share: reservations, and capacity that comes back. */
#include "sets.h"

static void cancel_rest(void *nr)
{
	ioasid_cancel_capacity((unsigned long)nr);
}

/* Leaves @left, until the end of the case. */
static ioasid_t reserve_all_but(struct kunit *test, ioasid_t left)
{
	ioasid_t nr = capacity_left() - left;

	KUNIT_ASSERT_EQ(test, ioasid_reserve_capacity(nr), nr);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, cancel_rest,
							   (void *)(unsigned long)nr));
	return nr;
}

/* B-056, B-061: as many as there are, to the last one. */
static void set_may_have_everything(struct kunit *test)
{
	ioasid_t all = capacity_in_all();
	struct ioasid_set *set;

	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(NULL, all + 1, IOASID_SET_TYPE_NULL),
			    ERR_PTR(-ENOSPC));
	set = must_set(test, all);
	KUNIT_EXPECT_EQ(test, capacity_left(), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(NULL, 1, IOASID_SET_TYPE_NULL),
			    ERR_PTR(-ENOSPC));
	/* Nothing is asked for, so there is nothing to refuse. */
	must_set(test, 0);
	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, capacity_returns());
}

/* B-064: what is set aside for a set is not there for those without a quota, the kernel too. */
static void quota_is_kept_for_its_set(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, capacity_in_all() - 2);
	struct ioasid_set *unlimited = must_set(test, 0);
	ioasid_t id = must_alloc(test, 1, TEST_MAX, NULL);

	must_alloc_in(test, unlimited, NULL);
	KUNIT_EXPECT_EQ(test, alloc_error(NULL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, alloc_error(unlimited), -ENOSPC);
	expect_usage(test, unlimited, .use = 1, .peak = 1, .failures = 1);
	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	must_alloc_in(test, unlimited, NULL);
	KUNIT_EXPECT_EQ(test, alloc_error(NULL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 10), 0);
	KUNIT_EXPECT_EQ(test, alloc_error(NULL), 0);
}

/* B-056, B-057: a VM that is restarted again and again does not run the host dry. */
static void quota_comes_back_with_every_set(struct kunit *test)
{
	ioasid_t quota = capacity_in_all() / 2 + 1;
	struct mm_struct *mm = must_mm(test);
	int i;

	for (i = 0; i < 50; i++) {
		struct ioasid_set *set = must_set_of(test, i % 3 ? NULL : mm, quota);

		KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(NULL, quota, IOASID_SET_TYPE_NULL),
				    ERR_PTR(-ENOSPC));
		must_alloc_in(test, set, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	}
	KUNIT_EXPECT_TRUE(test, capacity_returns());
}

/* B-057: from a work item it may be a little later. */
static void quota_comes_back_with_the_last_put(struct kunit *test)
{
	ioasid_t quota = capacity_in_all() / 2 + 1;
	int i;

	for (i = 0; i < 50; i++) {
		struct ioasid_set *set = must_set(test, quota);

		must_alloc_in(test, set, NULL);
		ioasid_set_put(set);
		KUNIT_ASSERT_TRUE(test, capacity_returns());
	}
}

/* B-057, B-062: an ID that is held keeps the whole quota from others. */
static void quota_comes_back_with_the_last_id(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 100);
	ioasid_t first = must_alloc_in(test, set, NULL), second = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get(set, first), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, second), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 100);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, first));
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 100);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, second));
	KUNIT_EXPECT_TRUE(test, capacity_returns());
}

/*
 * B-057, B-062: for others, when the last ID is reclaimed. Not all of them can wait for it, and the
 * kernel's next ID is not refused because of a set that is no more.
 */
static void quota_is_free_when_no_id_is_left(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, capacity_in_all());
	ioasid_t id = must_alloc_in(test, set, NULL);
	unsigned int early = 0;
	int i;

	KUNIT_EXPECT_EQ(test, alloc_error(NULL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_EQ(test, alloc_error(NULL), 0);
	KUNIT_EXPECT_TRUE(test, capacity_returns());

	set = must_set(test, capacity_in_all());
	id = must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	KUNIT_EXPECT_EQ(test, alloc_error(NULL), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
	KUNIT_EXPECT_EQ(test, alloc_error(NULL), 0);
	KUNIT_EXPECT_TRUE(test, capacity_returns());

	/* To set numbers aside is as good as to allocate them. */
	for (i = 0; i < 50; i++) {
		set = must_set(test, capacity_in_all());
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
		early += capacity_left() != capacity_in_all();
		KUNIT_EXPECT_TRUE(test, capacity_returns());
	}
	KUNIT_EXPECT_EQ(test, early, 0);
}

/* B-061: some, all, and all again. */
static void numbers_are_set_aside_and_given_back(struct kunit *test)
{
	int all = capacity_in_all();

	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(0), all);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(10), 10);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(1), 1);
	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(0), all - 11);
	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(4), all - 7);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(0), all - 7);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(1), 1);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(2), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(1), 1);
	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(all), all);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(all), all);
	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(all), all);
}

/* B-061: nobody gives back what is not his, nor gets it by a sum that wraps. */
static void too_much_is_refused(struct kunit *test)
{
	int all = capacity_in_all();
	const ioasid_t huge[] = {
		all + 1, all + 2, BIT(21), INT_MAX, (ioasid_t)INT_MAX + 1, (ioasid_t)-10,
		INVALID_IOASID - 1, INVALID_IOASID,
	};
	size_t i;

	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(1), -EINVAL);
	must_set(test, 50);
	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(1), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(10), 10);
	for (i = 0; i < ARRAY_SIZE(huge); i++) {
		KUNIT_EXPECT_EQ_MSG(test, ioasid_reserve_capacity(huge[i]), -ENOSPC, "%u", huge[i]);
		KUNIT_EXPECT_EQ_MSG(test, ioasid_cancel_capacity(huge[i]), -EINVAL, "%u", huge[i]);
	}
	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(11), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(60), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(all - 59), -ENOSPC);
	KUNIT_EXPECT_EQ(test, capacity_left(), all - 60);
	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(10), all - 50);
	KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(1), -EINVAL);
}

/* B-058, B-064: for sets with a quota and for those without; an old quota stays good. */
static void reserved_numbers_are_left_alone(struct kunit *test)
{
	struct ioasid_set *limited = must_set(test, 2), *unlimited = must_set(test, 0);
	ioasid_t id;
	int i;

	reserve_all_but(test, 3);
	for (i = 0; i < 2; i++)
		must_alloc_in(test, limited, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(limited, 6), -ENOSPC);
	must_alloc_in(test, unlimited, NULL);
	must_alloc_in(test, unlimited, NULL);
	id = must_alloc(test, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, alloc_error(unlimited), -ENOSPC);
	KUNIT_EXPECT_EQ(test, alloc_error(NULL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(limited, 3), -ENOSPC);
	/* It has 2 and they are all that it can be held to. */
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(unlimited, 2), 0);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(unlimited, 3), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(unlimited, 3), 0);
	KUNIT_EXPECT_EQ(test, alloc_error(NULL), -ENOSPC);
}

/* B-064: IDs of the kernel and of sets without a quota are taken from what is left. */
static void ids_without_quota_take_capacity(struct kunit *test)
{
	struct ioasid_set *unlimited = must_set(test, 0);
	ioasid_t all = capacity_in_all();
	ioasid_t id = must_alloc(test, 1, TEST_MAX, NULL), held;

	KUNIT_EXPECT_EQ(test, capacity_left(), all - 1);
	held = must_alloc_in(test, unlimited, NULL);
	KUNIT_EXPECT_EQ(test, capacity_left(), all - 2);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(NULL, all - 1, IOASID_SET_TYPE_NULL),
			    ERR_PTR(-ENOSPC));
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, held), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, held), 1);
	KUNIT_EXPECT_EQ(test, capacity_left(), all - 2);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, held));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), all);
}

/* B-065, B-067: sets change nothing about when the capacity can be set. */
static void capacity_is_not_set_behind_sets(struct kunit *test)
{
	ioasid_t before = ioasid_get_capacity();

	must_set(test, capacity_in_all());
	KUNIT_EXPECT_EQ(test, ioasid_install_capacity(100), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_get_capacity(), before);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(set_may_have_everything),
	KUNIT_CASE(quota_is_kept_for_its_set),
	KUNIT_CASE(quota_comes_back_with_every_set),
	KUNIT_CASE(quota_comes_back_with_the_last_put),
	KUNIT_CASE(quota_comes_back_with_the_last_id),
	KUNIT_CASE(quota_is_free_when_no_id_is_left),
	KUNIT_CASE(numbers_are_set_aside_and_given_back),
	KUNIT_CASE(too_much_is_refused),
	KUNIT_CASE(reserved_numbers_are_left_alone),
	KUNIT_CASE(ids_without_quota_take_capacity),
	KUNIT_CASE(capacity_is_not_set_behind_sets),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_capacity",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
