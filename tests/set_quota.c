// SPDX-License-Identifier: GPL-2.0
/* How many IDs a set may have, and what it is told about it. */
#include "fake.h"
#include "sets.h"
#include "threads.h"

FAKE_KIND(a)

/* B-055, B-062: as many as were agreed on; a number that comes back can be had again. */
static void quota_is_a_ceiling(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 5);
	ioasid_t id = INVALID_IOASID;
	int i;

	for (i = 0; i < 5; i++)
		id = must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(set, 1, TEST_MAX, NULL), INVALID_IOASID);
	expect_usage(test, set, .quota = 5, .use = 5, .peak = 5, .failures = 2);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 0);
	expect_usage(test, set, .quota = 5, .use = 4, .peak = 5, .failures = 2);
	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -ENOSPC);
	expect_usage(test, set, .quota = 5, .use = 5, .peak = 5, .failures = 3);
}

/* B-055, B-064, B-069: whoever uses up his own hurts nobody. */
static void exhausted_set_hurts_no_other(struct kunit *test)
{
	struct ioasid_set *greedy = must_set(test, 2), *modest = must_set(test, 2);
	struct ioasid_set *unlimited = must_set(test, 0);
	int i;

	must_alloc_in(test, greedy, NULL);
	must_alloc_in(test, greedy, NULL);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, alloc_error(greedy), -ENOSPC);
	must_alloc_in(test, modest, NULL);
	must_alloc_in(test, unlimited, NULL);
	must_alloc_in(test, modest, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, must_alloc(test, 1, TEST_MAX, NULL)), 0);
	expect_usage(test, greedy, .quota = 2, .use = 2, .peak = 2, .failures = 10);
	expect_usage(test, modest, .quota = 2, .use = 2, .peak = 2);
	expect_usage(test, unlimited, .use = 1, .peak = 1);
}

/* B-062, B-081: freed is not reclaimed; what is held counts. */
static void pending_ids_count(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 2);
	ioasid_t held = must_alloc_in(test, set, NULL);

	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, held), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, held), 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, held), 1);
	expect_usage(test, set, .quota = 2, .use = 2, .peak = 2);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, held));
	expect_usage(test, set, .quota = 2, .use = 1, .peak = 2, .failures = 1);
	KUNIT_EXPECT_EQ(test, alloc_error(set), 0);
}

/* B-058, B-064: no ceiling of its own, first come, first served, and nothing set aside. */
static void quota_zero_reserves_nothing(struct kunit *test)
{
	struct ioasid_set *a = must_set(test, 0), *b = must_set(test, 0);
	int i;

	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all());
	for (i = 0; i < 200; i++)
		must_alloc_in(test, i % 3 ? a : b, NULL);
	expect_usage(test, a, .use = 133, .peak = 133);
	expect_usage(test, b, .use = 67, .peak = 67);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 200);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(a), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 67);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(b), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all());
}

/* B-060: up and down. */
static void quota_can_be_changed(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 2);

	must_alloc_in(test, set, NULL);
	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 3), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 3);
	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 100), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 100);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 100), 0);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 3), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 3);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -ENOSPC);
	expect_usage(test, set, .quota = 3, .use = 3, .peak = 3, .failures = 2);
}

/* B-060, B-062, B-067: not below what there is, what is held included. */
static void quota_below_use_is_refused(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 5);
	ioasid_t held = must_alloc_in(test, set, NULL);
	ioasid_t quota;

	must_alloc_in(test, set, NULL);
	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, held), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, held), 1);
	for (quota = 1; quota < 3; quota++) {
		KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, quota), -EINVAL);
		expect_usage(test, set, .quota = 5, .use = 3, .peak = 3);
		KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 5);
	}
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, held));
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 2), 0);
	expect_usage(test, set, .quota = 2, .use = 2, .peak = 3);
}

/* B-060: it is the difference that has to be there. */
static void quota_beyond_capacity_is_refused(struct kunit *test)
{
	struct ioasid_set *other = must_set(test, capacity_in_all() - 10);
	struct ioasid_set *set = must_set(test, 6);

	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 11), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, capacity_in_all()), -ENOSPC);
	expect_usage(test, set, .quota = 6);
	expect_usage(test, other, .quota = capacity_in_all() - 10);
	KUNIT_EXPECT_EQ(test, capacity_left(), 4);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 10), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), 0);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 10), 0);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 9), 0);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(other, capacity_in_all() - 9), 0);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 10), -ENOSPC);
	KUNIT_EXPECT_EQ(test, capacity_left(), 0);
}

/* B-058, B-060: without a limit only what is in use is taken; and back. */
static void limit_is_lifted_and_set_again(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 3);
	int i;

	for (i = 0; i < 3; i++)
		must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 8), 0);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 0), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 3);
	must_alloc_in(test, set, NULL);
	expect_usage(test, set, .use = 4, .peak = 4);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 4);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 0), 0);

	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, capacity_in_all() + 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 4);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, capacity_in_all()), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), 0);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 4), 0);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -ENOSPC);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 4);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, capacity_returns());
}

/* B-060, B-061: no sum or difference of these is small by chance. */
static void huge_quotas_do_not_wrap(struct kunit *test)
{
	const ioasid_t huge[] = {
		capacity_in_all() + 1, capacity_in_all() + 2, BIT(20), BIT(21), INT_MAX,
		(ioasid_t)INT_MAX + 1, (ioasid_t)INT_MAX + 2, (ioasid_t)-4, INVALID_IOASID - 1,
		INVALID_IOASID,
	};
	struct ioasid_set *set = must_set(test, 4);
	size_t i;

	must_alloc_in(test, set, NULL);
	for (i = 0; i < ARRAY_SIZE(huge); i++) {
		KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENOSPC),
				    ioasid_alloc_set(NULL, huge[i], IOASID_SET_TYPE_NULL));
		KUNIT_EXPECT_EQ_MSG(test, ioasid_adjust_set(set, huge[i]), -ENOSPC, "%u", huge[i]);
	}
	expect_usage(test, set, .quota = 4, .use = 1, .peak = 1);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 4);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, capacity_in_all()), 0);
}

/* B-063, B-085, B-086, B-087: an allocation that fails leaves no charge, a number or not. */
static void failed_allocation_leaves_no_charge(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 3);
	ioasid_t id = must_alloc(test, 9, 9, NULL), none;
	int i;

	for (i = 0; i < 10; i++) {
		none = 1;
		KUNIT_EXPECT_EQ(test, -ENOSPC,
				ioasid_alloc_range(set, 9, 9, i % 3, NULL, &none));
		KUNIT_EXPECT_EQ(test, none, INVALID_IOASID);
		KUNIT_EXPECT_EQ(test, -EINVAL, ioasid_alloc_range(set, 9, 8, i % 3, NULL, &none));
		KUNIT_EXPECT_EQ(test, -EINVAL, ioasid_alloc_range(set, 1, 9, 3, NULL, &none));
		KUNIT_EXPECT_EQ(test, -EINVAL, ioasid_alloc_range(set, 1, 9, 0, NULL, NULL));
		KUNIT_EXPECT_EQ(test, -EINVAL, ioasid_alloc_range(set, 1, INVALID_IOASID, 0, NULL,
								  &none));
	}
	/* Mistakes are no want. */
	expect_usage(test, set, .quota = 3, .failures = 10);
	for (i = 0; i < 3; i++)
		must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-009, B-010, B-063, B-086: nor when a custom allocator fails, in whichever way. */
static void failed_custom_allocation_leaves_no_charge(struct kunit *test)
{
	static const ioasid_t bad[] = { INVALID_IOASID, 700, 5, 5 };
	static const int errors[] = { -ENOSPC, -ENOSPC, 0, -EEXIST };
	struct fake *fake = fake_new(test, a);
	struct ioasid_set *set = must_set(test, 2), *unlimited = must_set(test, 0);
	struct ioasid_set_usage usage;
	ioasid_t id;
	size_t i;

	fake_plug(test, fake);
	fake_answers(fake, bad, ARRAY_SIZE(bad));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, errors[i],
				    ioasid_alloc_range(set, 1, 600, IOASID_ALLOC_LOWEST, NULL, &id),
				    "answer %u", bad[i]);
	KUNIT_EXPECT_EQ(test, ioasid_set_query(set, &usage), 0);
	KUNIT_EXPECT_EQ(test, usage.use, 1);
	KUNIT_EXPECT_EQ(test, usage.peak, 1);
	fake_answers(fake, bad, ARRAY_SIZE(bad) - 2);
	for (i = 0; i < ARRAY_SIZE(bad) - 2; i++)
		KUNIT_EXPECT_EQ(test, ioasid_alloc(unlimited, 1, 600, NULL), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 2);
	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(fake)));
	KUNIT_EXPECT_TRUE(test, capacity_returns());
}

/* B-068, B-227: what can be asked for; the kernel's own set is one too. */
static void figures_are_exact(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 4);
	struct ioasid_set_usage before, after;
	ioasid_t ids[4], own[3];
	int i;

	KUNIT_EXPECT_EQ(test, ioasid_set_query(NULL, &before), 0);
	KUNIT_EXPECT_EQ(test, before.quota, 0);
	KUNIT_EXPECT_EQ(test, before.use, 0);
	KUNIT_EXPECT_EQ(test, before.spids, 0);
	expect_usage(test, set, .quota = 4);
	for (i = 0; i < 4; i++) {
		ids[i] = must_alloc_in(test, set, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(ids[i], i), 0);
		expect_usage(test, set, .quota = 4, .use = i + 1, .peak = i + 1, .spids = i + 1);
	}
	for (i = 0; i < 3; i++)
		own[i] = must_alloc(test, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(own[0], 1), 0);
	KUNIT_EXPECT_EQ(test, -ENOSPC, ioasid_alloc_range(NULL, own[0], own[0], 0, NULL, &ids[3]));
	KUNIT_EXPECT_EQ(test, ioasid_set_query(NULL, &after), 0);
	KUNIT_EXPECT_EQ(test, after.use, 3);
	KUNIT_EXPECT_EQ(test, after.peak, max(before.peak, 3U));
	KUNIT_EXPECT_EQ(test, after.failures, before.failures + 1);
	KUNIT_EXPECT_EQ(test, after.spids, 1);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, own[i]), 0);

	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(ids[0]), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, ids[1]), 0);
	expect_usage(test, set, .quota = 4, .use = 3, .peak = 4, .spids = 2);
	KUNIT_EXPECT_EQ(test, ioasid_set_query(set, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_query(NULL, NULL), -EINVAL);
}

#define RACERS 4
#define RACE_QUOTA 50

struct race {
	struct ioasid_set *set;
	struct completion start;
	atomic_t got;
	atomic_t refused;
	atomic_t strange;
};

static void race_for_ids(void *data)
{
	struct race *race = data;
	ioasid_t id;
	int i;

	wait_for_completion(&race->start);
	for (i = 0; i < RACE_QUOTA; i++) {
		switch (ioasid_alloc_range(race->set, 1, TEST_MAX, i % 3, NULL, &id)) {
		case 0:
			atomic_inc(&race->got);
			break;
		case -ENOSPC:
			atomic_inc(&race->refused);
			break;
		default:
			atomic_inc(&race->strange);
		}
	}
}

/* B-055: check and charge are one step, so that several do not get the last one. */
static void quota_is_exact_among_threads(struct kunit *test)
{
	struct helper *racers[RACERS];
	int i, round;

	for (round = 0; round < 5; round++) {
		struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, race);
		race->set = must_set(test, RACE_QUOTA);
		init_completion(&race->start);
		for (i = 0; i < RACERS; i++)
			racers[i] = helper_start(test, race_for_ids, race);
		complete_all(&race->start);
		for (i = 0; i < RACERS; i++)
			helper_join(test, racers[i]);
		KUNIT_EXPECT_EQ(test, atomic_read(&race->got), RACE_QUOTA);
		KUNIT_EXPECT_EQ(test, atomic_read(&race->refused), (RACERS - 1) * RACE_QUOTA);
		KUNIT_EXPECT_EQ(test, atomic_read(&race->strange), 0);
		expect_usage(test, race->set, .quota = RACE_QUOTA, .use = RACE_QUOTA,
			     .peak = RACE_QUOTA, .failures = (RACERS - 1) * RACE_QUOTA);
		KUNIT_EXPECT_EQ(test, ioasid_set_free(race->set), 0);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(quota_is_a_ceiling),
	KUNIT_CASE(exhausted_set_hurts_no_other),
	KUNIT_CASE(pending_ids_count),
	KUNIT_CASE(quota_zero_reserves_nothing),
	KUNIT_CASE(quota_can_be_changed),
	KUNIT_CASE(quota_below_use_is_refused),
	KUNIT_CASE(quota_beyond_capacity_is_refused),
	KUNIT_CASE(limit_is_lifted_and_set_again),
	KUNIT_CASE(huge_quotas_do_not_wrap),
	KUNIT_CASE(failed_allocation_leaves_no_charge),
	KUNIT_CASE(failed_custom_allocation_leaves_no_charge),
	KUNIT_CASE(figures_are_exact),
	KUNIT_CASE(quota_is_exact_among_threads),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_quota",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
