// SPDX-License-Identifier: GPL-2.0
/* Which free number is taken. */
#include "common.h"

#define FIRST 200U
#define LAST 207U

static ioasid_t take(struct kunit *test, enum ioasid_alloc_policy policy)
{
	ioasid_t id;

	KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(NULL, FIRST, LAST, policy, NULL, &id));
	KUNIT_ASSERT_GE(test, id, FIRST);
	KUNIT_ASSERT_LE(test, id, LAST);
	return id;
}

static void give(struct kunit *test, ioasid_t id)
{
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

static ioasid_t after(ioasid_t id)
{
	return id == LAST ? FIRST : id + 1;
}

/* B-035: from the top of the range, so that low numbers stay for narrow devices. */
static void top_down_takes_highest_number(struct kunit *test)
{
	ioasid_t id;

	for (id = LAST; id >= FIRST; id--)
		KUNIT_EXPECT_EQ(test, take(test, IOASID_ALLOC_TOP_DOWN), id);
	give(test, FIRST + 3);
	give(test, FIRST + 5);
	KUNIT_EXPECT_EQ(test, take(test, IOASID_ALLOC_TOP_DOWN), FIRST + 5);
	KUNIT_EXPECT_EQ(test, take(test, IOASID_ALLOC_TOP_DOWN), FIRST + 3);
	for (id = FIRST; id <= LAST; id++)
		give(test, id);
}

/* B-035: the whole space has a top as well. */
static void top_down_starts_at_capacity(struct kunit *test)
{
	ioasid_t last = ioasid_get_capacity() - 1;
	ioasid_t first, second;

	KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(NULL, 1, last, IOASID_ALLOC_TOP_DOWN, NULL,
						    &first));
	KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(NULL, 1, last, IOASID_ALLOC_TOP_DOWN, NULL,
						    &second));
	KUNIT_EXPECT_EQ(test, first, last);
	KUNIT_EXPECT_EQ(test, second, last - 1);
	give(test, first);
	give(test, second);
}

/* B-097: a number that was just freed is the last one to be used again. */
static void cyclic_goes_on_after_last_number(struct kunit *test)
{
	ioasid_t last = take(test, IOASID_ALLOC_CYCLIC);
	ioasid_t id;
	int i;

	give(test, last);
	for (i = 0; i < 20; i++) {
		id = take(test, IOASID_ALLOC_CYCLIC);
		KUNIT_EXPECT_EQ(test, id, after(last));
		give(test, id);
		last = id;
	}
}

/* B-097: numbers in use are skipped, and all of the range is used before it is full. */
static void cyclic_fills_range(struct kunit *test)
{
	ioasid_t ids[LAST - FIRST + 1];
	ioasid_t none;
	size_t i;

	ids[0] = take(test, IOASID_ALLOC_CYCLIC);
	for (i = 1; i < ARRAY_SIZE(ids); i++) {
		ids[i] = take(test, IOASID_ALLOC_CYCLIC);
		KUNIT_EXPECT_EQ(test, ids[i], after(ids[i - 1]));
	}
	KUNIT_EXPECT_EQ(test, -ENOSPC, ioasid_alloc_range(NULL, FIRST, LAST, IOASID_ALLOC_CYCLIC,
							  NULL, &none));
	KUNIT_EXPECT_EQ(test, none, INVALID_IOASID);
	give(test, ids[4]);
	KUNIT_EXPECT_EQ(test, take(test, IOASID_ALLOC_CYCLIC), ids[4]);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		give(test, ids[i]);
}

/* B-097: the other policies do not move it. */
static void cyclic_ignores_other_policies(struct kunit *test)
{
	ioasid_t last = take(test, IOASID_ALLOC_CYCLIC);
	ioasid_t low, high, id;

	give(test, last);
	low = take(test, IOASID_ALLOC_LOWEST);
	high = take(test, IOASID_ALLOC_TOP_DOWN);
	KUNIT_EXPECT_EQ(test, low, FIRST);
	KUNIT_EXPECT_EQ(test, high, LAST);
	give(test, low);
	give(test, high);
	id = take(test, IOASID_ALLOC_CYCLIC);
	KUNIT_EXPECT_EQ(test, id, after(last));
	give(test, id);
}

/* B-032: another range in between is served from its own numbers. */
static void cyclic_stays_inside_range(struct kunit *test)
{
	ioasid_t id, i;

	for (i = 0; i < 12; i++) {
		KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(NULL, 300 + 10 * (i & 1),
							    303 + 10 * (i & 1),
							    IOASID_ALLOC_CYCLIC, NULL, &id));
		KUNIT_EXPECT_GE(test, id, 300 + 10 * (i & 1));
		KUNIT_EXPECT_LE(test, id, 303 + 10 * (i & 1));
		give(test, id);
	}
}

/* B-030: no policy reaches 0. */
static void no_policy_hands_out_zero(struct kunit *test)
{
	int policy;
	ioasid_t id;

	for (policy = IOASID_ALLOC_LOWEST; policy <= IOASID_ALLOC_TOP_DOWN; policy++) {
		KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(NULL, 0, 1, policy, NULL, &id));
		KUNIT_EXPECT_EQ(test, id, 1);
		KUNIT_EXPECT_EQ(test, -ENOSPC, ioasid_alloc_range(NULL, 0, 1, policy, NULL, &id));
		KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
		give(test, 1);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(top_down_takes_highest_number),
	KUNIT_CASE(top_down_starts_at_capacity),
	KUNIT_CASE(cyclic_goes_on_after_last_number),
	KUNIT_CASE(cyclic_fills_range),
	KUNIT_CASE(cyclic_ignores_other_policies),
	KUNIT_CASE(cyclic_stays_inside_range),
	KUNIT_CASE(no_policy_hands_out_zero),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_abi_policy",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
