// SPDX-License-Identifier: GPL-2.0
/* Ranges, and what is refused. */
#include "common.h"

static int lowest(ioasid_t min, ioasid_t max, ioasid_t *id)
{
	return ioasid_alloc_range(NULL, min, max, IOASID_ALLOC_LOWEST, NULL, id);
}

/* B-012, B-091: dense, and a number that came back is the next one. */
static void lowest_number_is_reused_first(struct kunit *test)
{
	ioasid_t ids[4];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		ids[i] = ioasid_alloc(NULL, 1, TEST_MAX, NULL);
		KUNIT_EXPECT_EQ(test, ids[i], i + 1);
	}
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, ids[2]), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, ids[1]), 0);
	ids[1] = ioasid_alloc(NULL, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, ids[1], 2);
	ids[2] = ioasid_alloc(NULL, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, ids[2], 3);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, ids[i]), 0);
}

/* B-032: both ends of a range belong to it. */
static void range_is_inclusive(struct kunit *test)
{
	ioasid_t seven, five, six, none;

	KUNIT_EXPECT_EQ(test, lowest(7, 7, &seven), 0);
	KUNIT_EXPECT_EQ(test, seven, 7);
	KUNIT_EXPECT_EQ(test, lowest(5, 6, &five), 0);
	KUNIT_EXPECT_EQ(test, five, 5);
	KUNIT_EXPECT_EQ(test, lowest(5, 7, &six), 0);
	KUNIT_EXPECT_EQ(test, six, 6);
	KUNIT_EXPECT_EQ(test, lowest(5, 7, &none), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, seven), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, five), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, six), 0);
}

/* B-006, B-007, B-033: a full range says so, gives the invalid ID and recovers. */
static void full_range_is_enospc(struct kunit *test)
{
	const ioasid_t first = 100, n = 40;
	ioasid_t id, i;

	for (i = 0; i < n; i++)
		KUNIT_ASSERT_EQ(test, lowest(first, first + n - 1, &id), 0);
	id = 5;
	KUNIT_EXPECT_EQ(test, lowest(first, first + n - 1, &id), -ENOSPC);
	KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, first, first + n - 1, NULL), INVALID_IOASID);

	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, first + 17), 0);
	KUNIT_EXPECT_EQ(test, lowest(first, first + n - 1, &id), 0);
	KUNIT_EXPECT_EQ(test, id, first + 17);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, first + i), 0);
}

/* B-030: 0 is not handed out, however small the range. */
static void zero_is_not_handed_out(struct kunit *test)
{
	ioasid_t id;

	KUNIT_EXPECT_EQ(test, lowest(0, 1, &id), 0);
	KUNIT_EXPECT_EQ(test, id, 1);
	KUNIT_EXPECT_EQ(test, lowest(0, 1, &id), -ENOSPC);
	KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
	KUNIT_EXPECT_TRUE(test, is_unknown(0));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 1), 0);
}

/* B-031, B-032, B-035: the largest ID is the capacity less one. */
static void highest_number_is_below_capacity(struct kunit *test)
{
	ioasid_t capacity = ioasid_get_capacity();
	ioasid_t id, none;

	KUNIT_EXPECT_EQ(test, lowest(capacity - 1, capacity - 1, &id), 0);
	KUNIT_EXPECT_EQ(test, id, capacity - 1);
	KUNIT_EXPECT_EQ(test, lowest(capacity - 1, capacity - 1, &none), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, is_unknown(capacity - 1));
}

/*
 * B-007, B-032, B-034: no such range. alloc(INVALID, INVALID) left a freed entry in the index of
 * Linux 6.1.
 */
static void bad_range_is_refused(struct kunit *test)
{
	const ioasid_t capacity = ioasid_get_capacity();
	const ioasid_t bad[][2] = {
		{ 2, 1 }, { capacity - 1, 1 },
		{ 0, 0 }, { 1, 0 },
		{ INVALID_IOASID, INVALID_IOASID }, { 1, INVALID_IOASID }, { INVALID_IOASID, 1 },
		{ 0, INVALID_IOASID }, { INVALID_IOASID, 0 },
		{ 1, capacity }, { capacity, capacity }, { 1, capacity + 1 }, { 1, INT_MAX },
		{ (ioasid_t)INT_MIN, (ioasid_t)INT_MIN }, { 1, INVALID_IOASID - 1 },
	};
	ioasid_t id;
	size_t i;
	int policy;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		for (policy = IOASID_ALLOC_LOWEST; policy <= IOASID_ALLOC_TOP_DOWN; policy++) {
			id = 5;
			KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
					    ioasid_alloc_range(NULL, bad[i][0], bad[i][1], policy,
							       NULL, &id),
					    "[%u, %u] by policy %d", bad[i][0], bad[i][1], policy);
			KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
		}
		KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, bad[i][0], bad[i][1], NULL),
				INVALID_IOASID);
	}
	KUNIT_EXPECT_TRUE(test, is_unknown(INVALID_IOASID));
	KUNIT_EXPECT_TRUE(test, is_unknown(capacity));
	id = must_alloc(test, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, id, 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-034: an unknown policy is not taken for another one. */
static void unknown_policy_is_refused(struct kunit *test)
{
	static const int bad[] = { IOASID_ALLOC_TOP_DOWN + 1, 100, -1, INT_MIN };
	ioasid_t id;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		id = 5;
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    ioasid_alloc_range(NULL, 1, 9, bad[i], NULL, &id),
				    "policy %d", bad[i]);
		KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
	}
}

/* B-007, B-034: nobody could free what has nowhere to go; so nothing is allocated. */
static void null_result_is_refused(struct kunit *test)
{
	ioasid_t id;

	KUNIT_EXPECT_EQ(test, lowest(1, 9, NULL), -EINVAL);
	id = must_alloc(test, 1, 9, NULL);
	KUNIT_EXPECT_EQ(test, id, 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-027: what was allocated is found with its data, what was not is not. */
static void id_is_found_from_alloc_to_free(struct kunit *test)
{
	int one, two;
	ioasid_t first, second;

	KUNIT_EXPECT_TRUE(test, is_unknown(1));
	first = must_alloc(test, 1, 9, &one);
	second = must_alloc(test, 1, 9, &two);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, first, NULL), &one);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, second, NULL), &two);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, first), 0);
	KUNIT_EXPECT_TRUE(test, is_unknown(first));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, second, NULL), &two);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, second), 0);
	KUNIT_EXPECT_TRUE(test, is_unknown(second));
}

/* B-091: a number that is used again brings nothing along. */
static void next_life_inherits_nothing(struct kunit *test)
{
	int one, two;
	ioasid_t id = must_alloc(test, 9, 9, &one);

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));

	KUNIT_ASSERT_EQ(test, must_alloc(test, 9, 9, &two), id);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), &two);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-168: sparse numbers, from one end of the space to the other. */
static void numbers_far_apart_are_kept_apart(struct kunit *test)
{
	ioasid_t last = ioasid_get_capacity() - 1;
	ioasid_t id;

	for (id = 1; id <= last / 2; id *= 2)
		KUNIT_EXPECT_EQ(test, must_alloc(test, id, last, (void *)(unsigned long)id), id);
	for (id = 1; id <= last / 2; id *= 2) {
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), (void *)(unsigned long)id);
		if (id > 4)
			KUNIT_EXPECT_TRUE(test, is_unknown(id - 1));
	}
	for (id = 1; id <= last / 2; id *= 2) {
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
		KUNIT_EXPECT_TRUE(test, is_unknown(id));
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(lowest_number_is_reused_first),
	KUNIT_CASE(range_is_inclusive),
	KUNIT_CASE(full_range_is_enospc),
	KUNIT_CASE(zero_is_not_handed_out),
	KUNIT_CASE(highest_number_is_below_capacity),
	KUNIT_CASE(bad_range_is_refused),
	KUNIT_CASE(unknown_policy_is_refused),
	KUNIT_CASE(null_result_is_refused),
	KUNIT_CASE(id_is_found_from_alloc_to_free),
	KUNIT_CASE(next_life_inherits_nothing),
	KUNIT_CASE(numbers_far_apart_are_kept_apart),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_abi_alloc",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
