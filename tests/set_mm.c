// SPDX-License-Identifier: GPL-2.0
/* The end of an address space is the end of its set. */
#include "sets.h"
#include "threads.h"

/* B-037, B-043, B-045: nothing is left when a VMM is gone, but the handle of the set's maker. */
static void ids_go_with_their_mm(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 10);
	ioasid_t ids[5];
	int i;

	for (i = 0; i < 5; i++)
		ids[i] = must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(ids[0], 7), 0);
	mm_exits(test, mm);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_TRUE(test, eventually(is_unknown(ids[i])));
	KUNIT_EXPECT_TRUE(test, capacity_returns());
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, alloc_error(set), -EBUSY);
	KUNIT_EXPECT_EQ(test, set_get_error(set), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), -EINVAL);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* B-050, B-075, B-092: what KVM still holds stays until KVM has cleaned up. */
static void held_ids_outlive_their_mm(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 10);
	ioasid_t held = must_alloc_in(test, set, test), other = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(held, 7), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, held), 0);
	mm_exits(test, mm);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(other)));
	/* Has an SPID, so this is what freed looks like. */
	KUNIT_EXPECT_TRUE(test, eventually(!ioasid_is_active(held)));
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, held), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(held, mm), -EBUSY);
	KUNIT_EXPECT_EQ(test, find_set_error(held), -ENOENT);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, held, NULL), (void *)test);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(held), 7);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 10);
	KUNIT_EXPECT_TRUE(test, put_reclaims(held));
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	KUNIT_EXPECT_TRUE(test, capacity_returns());
}

/* B-050: the owner had his turn first. */
static void mm_may_exit_after_its_set(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 10);
	ioasid_t held = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, held), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	mm_exits(test, mm);
	msleep(20);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, held), -EBUSY);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, held));
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* B-044: nothing begins any more. */
static void mm_that_exits_gets_no_set(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	int i;

	mm_exits(test, mm);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, 10, IOASID_SET_TYPE_MM),
				    ERR_PTR(-ESRCH));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_TRUE(test, capacity_returns());
}

/* B-043, B-175: the address is kept from being used again, the address space is not kept alive. */
static void mm_is_pinned_not_used(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	int users = atomic_read(&mm->mm_users), count = atomic_read(&mm->mm_count);
	struct ioasid_set *set = must_set_of(test, mm, 0);

	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), users);
	KUNIT_EXPECT_GT(test, atomic_read(&mm->mm_count), count);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count));

	/* Nor is there anything left of an attempt. */
	set = must_set_of(test, mm, 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, 0, IOASID_SET_TYPE_MM), ERR_PTR(-EEXIST));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, INVALID_IOASID, IOASID_SET_TYPE_NULL),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, INVALID_IOASID, IOASID_SET_TYPE_MM),
			    ERR_PTR(-ENOSPC));
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count));
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), users);

	set = must_set_of(test, mm, 0);
	mm_exits(test, mm);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	/* The users' own pin is gone with the last of them; ours is what is left. */
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count - 1));
}

/* B-042, B-043: a found set is the one that was found, dead or alive. */
static void found_reference_outlives_mm(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	ioasid_t id = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), set);
	mm_exits(test, mm);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 10000), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_EQ(test, set_get_error(set), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 0), 0);
	expect_usage(test, set, .peak = 1);
	ioasid_set_put(set);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* B-046, B-049: a creator that only puts, before the mm exits or after. */
static void put_and_exit_come_in_any_order(struct kunit *test)
{
	int i;

	for (i = 0; i < 10; i++) {
		struct mm_struct *mm = must_mm(test);
		struct ioasid_set *set = must_set_of(test, mm, 5);
		ioasid_t id = must_alloc_in(test, set, NULL);

		if (i & 1)
			ioasid_set_put(set);
		mm_exits(test, mm);
		if (i & 2)
			KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
		if (!(i & 1))
			ioasid_set_put(set);
		/* The handle went with the put, the rest follows. */
		KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
		KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
	}
	KUNIT_EXPECT_TRUE(test, capacity_returns());
}

/* B-057: a VM that crashes again and again does not run the host dry. */
static void quota_comes_back_with_every_exit(struct kunit *test)
{
	ioasid_t quota = capacity_in_all() / 2 + 1;
	int i;

	for (i = 0; i < 50; i++) {
		struct mm_struct *mm = must_mm(test);
		struct ioasid_set *set = must_set_of(test, mm, quota);

		must_alloc_in(test, set, NULL);
		mm_exits(test, mm);
		KUNIT_ASSERT_TRUE(test, capacity_returns());
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	}
}

struct race {
	struct mm_struct *mm;
	struct ioasid_set *set;
	struct completion start;
	int ret;
	unsigned int allocs;
};

static struct race *race_new(struct kunit *test, struct mm_struct *mm, struct ioasid_set *set)
{
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, race);
	race->mm = mm;
	race->set = set;
	init_completion(&race->start);
	return race;
}

static void race_set_free(void *data)
{
	struct race *race = data;

	wait_for_completion(&race->start);
	race->ret = ioasid_set_free(race->set);
}

/* B-049, B-093: the handle is good for one set_free, whenever the mm exits. */
static void set_free_meets_exit(struct kunit *test)
{
	int i;

	for (i = 0; i < 50; i++) {
		struct mm_struct *mm = must_mm(test);
		struct ioasid_set *set = must_set_of(test, mm, 5);
		struct race *race = race_new(test, mm, set);
		ioasid_t id = must_alloc_in(test, set, NULL);
		struct helper *helper;

		helper = helper_start(test, race_set_free, race);
		if (i & 1)
			KUNIT_EXPECT_EQ(test, ioasid_get(set, id), 0);
		complete(&race->start);
		usleep_range(i * 10, i * 10 + 1);
		mm_exits(test, mm);
		helper_join(test, helper);
		KUNIT_EXPECT_GE(test, race->ret, 0);
		if (i & 1) {
			KUNIT_EXPECT_EQ(test, race->ret, 1);
			KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), -EBUSY);
			KUNIT_EXPECT_TRUE(test, put_reclaims(id));
		}
		KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
		KUNIT_EXPECT_TRUE(test, is_unknown(id));
	}
	KUNIT_EXPECT_TRUE(test, capacity_returns());
}

static void race_alloc_set(void *data)
{
	struct race *race = data;
	struct ioasid_set *set;

	wait_for_completion(&race->start);
	set = ioasid_alloc_set(race->mm, 5, IOASID_SET_TYPE_MM);
	race->ret = PTR_ERR_OR_ZERO(set);
	if (IS_ERR(set))
		return;
	if (ioasid_alloc(set, 1, TEST_MAX, NULL) != INVALID_IOASID)
		race->allocs++;
	race->set = set;
}

/* B-043, B-044: just made, or too late. */
static void alloc_set_meets_exit(struct kunit *test)
{
	unsigned int made = 0;
	int i;

	for (i = 0; i < 50; i++) {
		struct mm_struct *mm = must_mm(test);
		struct race *race = race_new(test, mm, NULL);
		struct helper *helper = helper_start(test, race_alloc_set, race);

		complete(&race->start);
		usleep_range(i * 20, i * 20 + 1);
		mm_exits(test, mm);
		helper_join(test, helper);
		if (race->ret) {
			KUNIT_EXPECT_EQ(test, race->ret, -ESRCH);
		} else {
			made++;
			KUNIT_EXPECT_TRUE(test, eventually(alloc_error(race->set) == -EBUSY));
			KUNIT_EXPECT_GE(test, ioasid_set_free(race->set), 0);
			KUNIT_EXPECT_TRUE(test, eventually(is_gone(race->set)));
		}
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), ERR_PTR(-ENOENT));
	}
	kunit_info(test, "%u of 50 in time\n", made);
	KUNIT_EXPECT_TRUE(test, capacity_returns());
}

static void race_alloc(void *data)
{
	struct race *race = data;
	int i;

	wait_for_completion(&race->start);
	for (i = 0; !race->ret; i++) {
		ioasid_t id;

		race->ret = ioasid_alloc_range(race->set, 1, TEST_MAX, IOASID_ALLOC_LOWEST, NULL,
					       &id);
		race->allocs += !race->ret;
		if (!race->ret && i % 3)
			ioasid_free(race->set, id);
	}
}

/* B-051, B-063: whoever allocates is told; what he got before goes with the rest. */
static void alloc_meets_exit(struct kunit *test)
{
	int i;

	for (i = 0; i < 20; i++) {
		struct mm_struct *mm = must_mm(test);
		struct ioasid_set *set = must_set_of(test, mm, 1000);
		struct race *race = race_new(test, mm, set);
		struct helper *helper = helper_start(test, race_alloc, race);

		complete(&race->start);
		usleep_range(i * 100, i * 100 + 100);
		mm_exits(test, mm);
		helper_join(test, helper);
		KUNIT_EXPECT_TRUE(test, race->ret == -EBUSY || race->ret == -ENOSPC);
		KUNIT_EXPECT_TRUE(test, capacity_returns());
		KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 10000), 0);
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(ids_go_with_their_mm),
	KUNIT_CASE(held_ids_outlive_their_mm),
	KUNIT_CASE(mm_may_exit_after_its_set),
	KUNIT_CASE(mm_that_exits_gets_no_set),
	KUNIT_CASE(mm_is_pinned_not_used),
	KUNIT_CASE(found_reference_outlives_mm),
	KUNIT_CASE(put_and_exit_come_in_any_order),
	KUNIT_CASE(quota_comes_back_with_every_exit),
	KUNIT_CASE(set_free_meets_exit),
	KUNIT_CASE(alloc_set_meets_exit),
	KUNIT_CASE(alloc_meets_exit),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_mm",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
