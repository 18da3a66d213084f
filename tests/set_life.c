// SPDX-License-Identifier: GPL-2.0
/* The end of a set: who brings it about, what becomes of its IDs, and how long it takes. */
#include <linux/ioasid_compat.h>

#include "fake.h"
#include "log.h"
#include "sets.h"

FAKE_KIND(a)

/* B-049, B-050: without IDs it is over at once; only once. */
static void empty_set_is_freed_at_once(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);

	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), -EINVAL);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_get(set), -EINVAL);
}

/* B-049: it was 2021 that a set went with its last ID. */
static void set_outlives_its_last_id(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	int i;

	for (i = 0; i < 3; i++) {
		ioasid_t id = must_alloc_in(test, set, NULL);

		KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 0);
		expect_usage(test, set, .peak = 1);
	}
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
}

/* B-050, B-092, B-093: IDs that nobody holds go with it, those of others stay. */
static void ids_are_freed_with_their_set(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0), *other = must_set(test, 0);
	ioasid_t ids[20], others[20];
	int i;

	for (i = 0; i < 20; i++) {
		ids[i] = must_alloc_in(test, set, NULL);
		others[i] = must_alloc_in(test, other, NULL);
	}
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	for (i = 0; i < 20; i++) {
		KUNIT_EXPECT_TRUE(test, is_unknown(ids[i]));
		KUNIT_EXPECT_FALSE(test, is_unknown(others[i]));
		KUNIT_EXPECT_EQ(test, must_alloc(test, ids[i], ids[i], NULL), ids[i]);
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, ids[i]), 0);
	}
	expect_usage(test, other, .use = 20, .peak = 20);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(other), 0);
}

/* B-050, B-051, B-075, B-081, B-092: what is held stays until it is put, and is for nobody new. */
static void held_ids_outlive_the_owner(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 9);
	ioasid_t id = must_alloc_in(test, set, test);
	struct ioasid_set_usage usage;

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), 0);
	/* One that goes at once, one that was freed before. */
	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, must_alloc_in(test, set, NULL)), 0);

	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, true), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, find_set_error(id), -ENOENT);
	KUNIT_EXPECT_FALSE(test, ioasid_is_active(id));
	/* Its holder still has what it needs to clean up. */
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, id, NULL), (void *)test);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), 5);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
	KUNIT_EXPECT_TRUE(test, eventually(ioasid_set_query(set, &usage) == -EINVAL));
}

/* B-050, B-051: as it looks to somebody who has a reference to the set. */
static void dying_set_is_busy(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 9);
	ioasid_t id = must_alloc_in(test, set, NULL), none;

	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_get(set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	KUNIT_EXPECT_EQ(test, set_get_error(set), -EBUSY);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(set, 1, 9, NULL), INVALID_IOASID);
	/* The arguments come first. */
	KUNIT_EXPECT_EQ(test, -EINVAL, ioasid_alloc_range(set, 2, 1, IOASID_ALLOC_LOWEST, NULL,
							  &none));
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 12), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 0), -EBUSY);
	/* Its quota is taken as long as there are IDs. */
	expect_usage(test, set, .quota = 9, .use = 1, .peak = 1);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 9);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
	/* Our reference does not keep it from others. */
	KUNIT_EXPECT_TRUE(test, capacity_returns());

	KUNIT_EXPECT_EQ(test, set_get_error(set), -EBUSY);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -EBUSY);
	ioasid_set_put(set);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* B-079, B-092, B-093, B-094: every ID is freed as if alone, in whatever state it was. */
static void ids_in_all_states_are_freed(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t ids[40];
	int i, last = 0;

	/* By i % 4: nobody's; held; held twice; held and freed before. */
	for (i = 0; i < 40; i++) {
		ids[i] = must_alloc_in(test, set, NULL);
		if (i % 4)
			KUNIT_EXPECT_EQ(test, ioasid_get(set, ids[i]), 0);
		if (i % 4 == 2)
			KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, ids[i], "second"), 0);
		if (i % 4 == 3)
			KUNIT_EXPECT_EQ(test, ioasid_free(set, ids[i]), 1);
	}
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	for (i = 0; i < 40; i++) {
		KUNIT_EXPECT_EQ(test, is_unknown(ids[i]), i % 4 == 0);
		if (i % 4 == 2)
			KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, ids[i], "second"));
		if (i % 4 && ioasid_put(set, ids[i]))
			last++;
		KUNIT_EXPECT_TRUE(test, is_unknown(ids[i]));
	}
	KUNIT_EXPECT_EQ(test, last, 30);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* B-045: the new set of the same owner is another one, and has nothing to do with the old IDs. */
static void token_is_free_while_ids_are_pending(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *old = must_set_of(test, mm, 5), *new;
	ioasid_t id = must_alloc_in(test, old, NULL), other;

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 3), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(old, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(old), 1);
	new = must_set_of(test, mm, 6);
	KUNIT_EXPECT_PTR_NE(test, new, old);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), new);
	ioasid_set_put(new);
	expect_usage(test, new, .quota = 6);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(new, 3, false), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_get(new, id), -EACCES);
	other = must_alloc_in(test, new, NULL);
	KUNIT_EXPECT_NE(test, other, id);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(other, 3), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 11);

	KUNIT_EXPECT_FALSE(test, ioasid_put(new, id));
	KUNIT_EXPECT_TRUE(test, ioasid_put(old, id));
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(new, 3, false), other);
	expect_usage(test, new, .quota = 6, .use = 1, .peak = 1, .spids = 1);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(new), 0);
}

/* B-046, B-049: clients of 2020-08-25 have no set_free: the creator's put is the last. */
static void last_put_frees_the_set(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 5);
	ioasid_t free = must_alloc_in(test, set, NULL), held = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get(set, held), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), set);
	ioasid_set_put(set);
	KUNIT_EXPECT_FALSE(test, is_unknown(free));
	ioasid_set_put(set);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(free)));
	KUNIT_EXPECT_TRUE(test, eventually(ioasid_get(NULL, held) == -EBUSY ||
					   ioasid_put(NULL, held)));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), -EINVAL);
	KUNIT_EXPECT_TRUE(test, put_reclaims(held));
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	KUNIT_EXPECT_TRUE(test, capacity_returns());
	/* Nothing keeps the mm from having another one. */
	must_set_of(test, mm, 0);
}

/* B-042, B-072: found references hold the handle, after the owner has gone too. */
static void reference_keeps_the_handle_good(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 5);
	int i;

	for (i = 0; i < 1000; i++)
		KUNIT_ASSERT_EQ(test, ioasid_set_get(set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, capacity_returns());
	for (i = 0; i < 1000; i++) {
		KUNIT_ASSERT_EQ(test, set_get_error(set), -EBUSY);
		ioasid_set_put(set);
	}
	KUNIT_EXPECT_TRUE(test, eventually(set_get_error(set) == -EINVAL));
}

/* B-046, B-047, B-048: a handle that was refused once is refused for ever. */
static void handle_does_not_come_back(struct kunit *test)
{
	unsigned int back = 0;
	int i;

	for (i = 0; i < 40; i++) {
		struct ioasid_set *set = must_set_of(test, i & 1 ? must_mm(test) : NULL, 0);
		unsigned long end = jiffies + msecs_to_jiffies(40);
		bool refused = false;

		must_alloc_in(test, set, NULL);
		if (i & 2)
			ioasid_set_put(set);
		else
			KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
		while (time_before(jiffies, end)) {
			if (is_gone(set))
				refused = true;
			else
				back += refused;
			cond_resched();
		}
		KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	}
	KUNIT_EXPECT_EQ(test, back, 0);
}

/* B-083, B-246: the owner's reference is gone with set_free, and there is no other. */
static void over_put_of_set_is_reported(struct kunit *test)
{
	struct log_watch *watch = log_listen(test);
	struct ioasid_set *set = must_set(test, 5);
	ioasid_t id = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	/* Other cases may have used up what may be said. */
	KUNIT_EXPECT_TRUE(test, eventually((ioasid_set_put(set), log_lines(watch))));
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, KBUILD_MODNAME), "%s", watch->last);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 5);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, id, NULL), NULL);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	watch->lines = 0;
	KUNIT_EXPECT_TRUE(test, eventually((ioasid_set_put(set), log_lines(watch))));
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, KBUILD_MODNAME), "%s", watch->last);
}

/* B-083, B-226: nobody floods the log with sets that are none, or says why an ID was not given. */
static void set_messages_are_limited(struct kunit *test)
{
	struct log_watch *watch = log_listen(test);
	struct ioasid_set *full = must_set(test, 1), *set = must_set(test, 0);
	int i;

	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	must_alloc_in(test, full, NULL);
	watch->lines = 0;
	for (i = 0; i < 300; i++) {
		ioasid_set_put(set);
		ioasid_set_put(WRONG_SET);
	}
	KUNIT_EXPECT_LE(test, log_lines(watch), 20);

	/* Those from before may come late. */
	msleep(100);
	watch->lines = 0;
	for (i = 0; i < 300; i++) {
		ioasid_set_free(set);
		ioasid_set_get(set);
		ioasid_alloc_set(NULL, INVALID_IOASID, IOASID_SET_TYPE_NULL);
		ioasid_alloc_set(NULL, 0, 0);
		ioasid_alloc(full, 1, TEST_MAX, NULL);
		ioasid_alloc(set, 1, TEST_MAX, NULL);
		ioasid_adjust_set(full, INVALID_IOASID);
		ioasid_find_mm_set(NULL);
		ioasid_attach_spid(TEST_MAX, 5);
		ioasid_detach_spid(TEST_MAX);
		ioasid_cancel_capacity(INVALID_IOASID);
		ioasid_set_put(NULL);
	}
	KUNIT_EXPECT_EQ_MSG(test, log_lines(watch), 0, "%s", watch->last);
}

/* B-003, B-085: a custom allocator gets back what it named for a set. */
static void set_returns_numbers_to_custom_allocator(struct kunit *test)
{
	struct fake *fake = fake_new(test, a);
	struct ioasid_set *set = must_set(test, 20);
	ioasid_t held = INVALID_IOASID;
	int i;

	fake->first = 300;
	fake_plug(test, fake);
	for (i = 0; i < 20; i++) {
		held = must_alloc_in(test, set, NULL);
		KUNIT_EXPECT_EQ(test, held, 300 + i);
	}
	KUNIT_EXPECT_EQ(test, alloc_error(set), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, eventually(READ_ONCE(fake->frees) + 20 == fake->allocs));
	KUNIT_EXPECT_EQ(test, ioasid_get(set, held), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	KUNIT_EXPECT_TRUE(test, eventually(READ_ONCE(fake->frees) + 1 == fake->allocs));
	KUNIT_EXPECT_FALSE(test, is_unknown(held));
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, held));
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(fake)));
}

static int client_set;

/* B-052, B-076: a static set of the old interface is told apart from every other one. */
static void static_set_is_no_handle(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t theirs = ioasid_compat_alloc(&client_set, 1, TEST_MAX, &client_set);
	ioasid_t own = must_alloc_in(test, set, NULL);

	KUNIT_ASSERT_NE(test, theirs, INVALID_IOASID);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_set(theirs), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, ioasid_get(set, theirs), -EACCES);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, theirs), -EACCES);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_compat_find(&client_set, own, NULL), ERR_PTR(-EACCES));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_compat_find(&client_set, theirs, NULL),
			    (void *)&client_set);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_FALSE(test, is_unknown(theirs));
	ioasid_compat_free(theirs);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(theirs)));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(empty_set_is_freed_at_once),
	KUNIT_CASE(set_outlives_its_last_id),
	KUNIT_CASE(ids_are_freed_with_their_set),
	KUNIT_CASE(held_ids_outlive_the_owner),
	KUNIT_CASE(dying_set_is_busy),
	KUNIT_CASE(ids_in_all_states_are_freed),
	KUNIT_CASE(token_is_free_while_ids_are_pending),
	KUNIT_CASE(last_put_frees_the_set),
	KUNIT_CASE(reference_keeps_the_handle_good),
	KUNIT_CASE_SLOW(handle_does_not_come_back),
	KUNIT_CASE_SLOW(over_put_of_set_is_reported),
	KUNIT_CASE(set_messages_are_limited),
	KUNIT_CASE(set_returns_numbers_to_custom_allocator),
	KUNIT_CASE(static_set_is_no_handle),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_set_life",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
