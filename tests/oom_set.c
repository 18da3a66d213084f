// SPDX-License-Identifier: GPL-2.0
/* No memory: sets, their quotas and SPIDs. */
#include "fake.h"
#include "oom.h"
#include "sets.h"

FAKE_KIND(a)

/* B-056, B-063: no set, and no trace of one: capacity, mm, and the mm's right to a set. */
static void set_without_memory_is_enomem(struct kunit *test)
{
	static const char * const names[] = { "set without token", "set of an mm" };
	struct mm_struct *mm = must_mm(test);
	int count = atomic_read(&mm->mm_count), i;

	need_injection(test);
	for (i = 0; i < 2; i++) {
		struct sweep sweep = { .test = test, .what = names[i] };

		while (sweep_next(&sweep)) {
			struct ioasid_set *set;

			set = ioasid_alloc_set(i ? mm : NULL, 100,
					       i ? IOASID_SET_TYPE_MM : IOASID_SET_TYPE_NULL);
			sweep_done(&sweep, PTR_ERR_OR_ZERO(set));
			if (!IS_ERR(set))
				KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
			KUNIT_EXPECT_TRUE(test, capacity_returns());
			KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), ERR_PTR(-ENOENT));
			KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), 1);
			KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count));
		}
		KUNIT_EXPECT_GT(test, sweep.refused, 0);
	}
}

static void sweep_alloc_in(struct kunit *test, const char *what, struct ioasid_set *set,
			   ioasid_t quota, ioasid_t min)
{
	struct sweep sweep = { .test = test, .what = what };
	ioasid_t left = capacity_left(), id;
	struct ioasid_set_usage usage;
	unsigned int peak = 0;
	int err;

	while (sweep_next(&sweep)) {
		id = 5;
		err = ioasid_alloc_range(set, min, min + 3, IOASID_ALLOC_LOWEST, NULL, &id);
		sweep_done(&sweep, err);
		if (err) {
			KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
		} else {
			KUNIT_EXPECT_GE(test, ioasid_free(set, id), 0);
			KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
			peak = 1;
		}
		KUNIT_EXPECT_EQ(test, capacity_left(), left);
		/* It was not for want of a number. */
		KUNIT_EXPECT_EQ(test, ioasid_set_query(set, &usage), 0);
		KUNIT_EXPECT_EQ(test, usage.quota, quota);
		KUNIT_EXPECT_EQ(test, usage.use, 0);
		KUNIT_EXPECT_EQ(test, usage.peak, peak);
		KUNIT_EXPECT_EQ(test, usage.failures, 0);
	}
	KUNIT_EXPECT_GT(test, sweep.refused, 0);
}

/* B-063, B-086: the charge is undone, from the quota or from what is left for all. */
static void failed_allocation_leaves_no_charge(struct kunit *test)
{
	struct fake *fake = fake_new(test, a);

	need_injection(test);
	sweep_alloc_in(test, "alloc with a quota", must_set(test, 1), 1, 0x21230);
	sweep_alloc_in(test, "alloc without one", must_set(test, 0), 0, 0x32340);
	fake_plug(test, fake);
	sweep_alloc_in(test, "alloc from a custom allocator", must_set(test, 1), 1, 0x200);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(fake)));
}

/* B-063, B-102, B-106: an SPID that could not be kept is not there, and can be given later. */
static void attach_without_memory_is_enomem(struct kunit *test)
{
	static const ioasid_t spids[] = { 0, 5, 1 << 19, 0xfffffffe };
	struct ioasid_set *set = must_set(test, 0);
	size_t i;
	int err;

	need_injection(test);
	for (i = 0; i < ARRAY_SIZE(spids); i++) {
		ioasid_t id = must_alloc_in(test, set, NULL);
		unsigned int points = 0;
		bool failed = true;

		/* Not all of them need memory of their own, and some try twice to get it. */
		while (failed && points < MAX_POINTS) {
			fail_from(++points);
			err = ioasid_attach_spid(id, spids[i]);
			failed = fail_end();
			if (!err) {
				KUNIT_EXPECT_EQ(test, id,
						ioasid_find_by_spid(set, spids[i], false));
				KUNIT_EXPECT_EQ(test, ioasid_detach_spid(id), 0);
				continue;
			}
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			KUNIT_EXPECT_TRUE(test, failed);
			KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), INVALID_IOASID);
			KUNIT_EXPECT_FALSE(test, ioasid_is_active(id));
			KUNIT_EXPECT_EQ(test, INVALID_IOASID,
					ioasid_find_by_spid(set, spids[i], false));
			KUNIT_EXPECT_EQ(test, ioasid_detach_spid(id), -ENOENT);
			expect_usage(test, set, .use = i + 1, .peak = i + 1, .spids = i);
		}
		KUNIT_EXPECT_LT(test, points, MAX_POINTS);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, spids[i]), 0);
	}
}

/* B-102, B-119: nor is it taken from the pending ID that has it. */
static void failed_takeover_leaves_the_spid(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t old = must_alloc_in(test, set, NULL), new = must_alloc_in(test, set, NULL);
	unsigned int points = 0;
	int err;

	need_injection(test);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(old, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, old), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, old), 1);
	do {
		fail_from(++points);
		err = ioasid_attach_spid(new, 5);
		fail_end();
		if (err) {
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), old);
		}
	} while (err && points < MAX_POINTS);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), new);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(old), 5);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, old));
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), new);
}

/* B-078, B-083, B-084, B-101: what cannot fail does not need memory that it may not get. */
static void end_of_set_needs_no_memory(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	int count = atomic_read(&mm->mm_count), n, i;

	need_injection(test);
	for (n = 1; n <= 6; n++) {
		struct ioasid_set *set = must_set_of(test, mm, 20);
		ioasid_t held = must_alloc_in(test, set, NULL);

		for (i = 0; i < 10; i++)
			KUNIT_EXPECT_EQ(test, 0,
					ioasid_attach_spid(must_alloc_in(test, set, NULL), i));
		KUNIT_EXPECT_EQ(test, ioasid_get(set, held), 0);
		fail_from(n);
		if (n & 1)
			ioasid_free_all_in_set(set);
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
		KUNIT_EXPECT_TRUE(test, ioasid_put(set, held));
		fail_end();
		KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
		KUNIT_EXPECT_TRUE(test, capacity_returns());
		KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count));
	}
	for (n = 1; n <= 3; n++) {
		struct ioasid_set *set = must_set_of(test, mm, 20);
		ioasid_t id = must_alloc_in(test, set, NULL);

		fail_from(n);
		ioasid_set_put(set);
		fail_end();
		KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
		KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	}
}

/* B-060, B-083, B-114: none of these can say that it has no memory. */
static void other_calls_need_no_memory(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 5), *found[2] = {};
	ioasid_t id = must_alloc_in(test, set, test);
	struct ioasid_set_usage usage;
	int ret[12], visits = 0, n, i;
	ioasid_t by_spid;

	need_injection(test);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), 0);
	for (n = 1; n <= 3; n++) {
		fail_from(n);
		ret[0] = ioasid_adjust_set(set, 5 + n);
		ret[1] = ioasid_set_query(set, &usage);
		ret[2] = ioasid_set_policy(set, IOASID_ALLOC_CYCLIC);
		ret[3] = ioasid_set_get(set);
		ret[4] = ioasid_get_if_owned_by(id, mm);
		ret[5] = ioasid_set_for_each_ioasid(set, count_visit, &visits);
		ret[6] = ioasid_detach_data(id);
		ret[7] = ioasid_attach_data(id, test);
		ret[8] = ioasid_detach_spid(id);
		ret[9] = ioasid_reserve_capacity(1) - 1;
		ret[10] = ioasid_cancel_capacity(1) != capacity_in_all() - 5 - n;
		ret[11] = ioasid_set_wait_reclaimed(set, 1) != -ETIMEDOUT;
		found[0] = ioasid_find_mm_set(mm);
		found[1] = ioasid_find_set(id);
		by_spid = ioasid_find_by_spid(set, 5, false);
		fail_end();
		for (i = 0; i < ARRAY_SIZE(ret); i++)
			KUNIT_EXPECT_EQ_MSG(test, ret[i], 0, "call %d at %d", i, n);
		KUNIT_EXPECT_EQ(test, by_spid, INVALID_IOASID);
		KUNIT_EXPECT_EQ(test, visits, n);
		for (i = 0; i < 2; i++) {
			KUNIT_EXPECT_PTR_EQ(test, found[i], set);
			ioasid_set_put(set);
		}
		ioasid_set_put(set);
		KUNIT_EXPECT_FALSE(test, ioasid_put(set, id));
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), 0);
	}
	expect_usage(test, set, .quota = 8, .use = 1, .peak = 1, .spids = 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(set_without_memory_is_enomem),
	KUNIT_CASE(failed_allocation_leaves_no_charge),
	KUNIT_CASE(attach_without_memory_is_enomem),
	KUNIT_CASE(failed_takeover_leaves_the_spid),
	KUNIT_CASE(end_of_set_needs_no_memory),
	KUNIT_CASE(other_calls_need_no_memory),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_oom_set",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
