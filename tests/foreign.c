// SPDX-License-Identifier: GPL-2.0
/* No call that is given a set reaches an ID of another one, whatever either of them is. */
#include "sets.h"

#define SPID ((ioasid_t)7)
/* An mm that is compared only. */
#define WRONG_MM ((struct mm_struct *)LIST_POISON1)

static bool told;

static bool tell(void *data)
{
	told = true;
	return true;
}

/* What is left behind of an ID: nothing has changed, a reference and data included. */
static void expect_untouched(struct kunit *test, struct ioasid_set *owner, ioasid_t id, void *data,
			     bool pending)
{
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(owner, id, NULL), data);
	KUNIT_EXPECT_EQ(test, ioasid_get(owner, id), pending ? -EBUSY : 0);
	if (!pending)
		KUNIT_EXPECT_FALSE(test, ioasid_put(owner, id));
}

static void expect_out_of_reach(struct kunit *test, struct ioasid_set *thief, ioasid_t id)
{
	int visits = 0;

	told = false;
	KUNIT_EXPECT_EQ(test, ioasid_get(thief, id), -EACCES);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(thief, id, "thief"), -EACCES);
	KUNIT_EXPECT_FALSE(test, ioasid_put(thief, id));
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(thief, id, "holder"));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(thief, id, tell), ERR_PTR(-EACCES));
	KUNIT_EXPECT_EQ(test, ioasid_free(thief, id), -EACCES);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(thief, SPID, false), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(thief, SPID, true), INVALID_IOASID);
	ioasid_free_all_in_set(thief);
	ioasid_set_for_each_ioasid(thief, count_visit, &visits);
	KUNIT_EXPECT_EQ(test, visits, 0);
	KUNIT_EXPECT_FALSE(test, told);
}

/* B-076, B-077: every kind of owner, every kind of thief, in every state of the ID. */
static void nobody_reaches_what_is_anothers(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *other_mm = must_mm(test);
	struct ioasid_set *owners[] = { NULL, must_set(test, 0), must_set(test, 9),
					must_set_of(test, mm, 0) };
	struct ioasid_set *gone = must_set(test, 0), *dying = must_set(test, 0);
	struct ioasid_set *thieves[] = { must_set(test, 0), must_set(test, 3),
					 must_set_of(test, other_mm, 0), gone, dying, WRONG_SET,
					 (struct ioasid_set *)1UL, (struct ioasid_set *)-1UL };
	ioasid_t held = must_alloc_in(test, dying, NULL);
	unsigned int i, k;
	int data;

	KUNIT_EXPECT_EQ(test, ioasid_set_free(gone), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(gone)));
	for (i = 0; i < ARRAY_SIZE(owners); i++) {
		struct ioasid_set *owner = owners[i];
		ioasid_t id = INVALID_IOASID;

		KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(owner, 1, TEST_MAX,
							    IOASID_ALLOC_LOWEST, &data, &id));
		KUNIT_EXPECT_EQ(test, ioasid_get_named(owner, id, "holder"), 0);
		for (k = 0; k < ARRAY_SIZE(thieves); k++) {
			if (thieves[k] == dying)
				continue;
			expect_out_of_reach(test, thieves[k], id);
			expect_untouched(test, owner, id, &data, false);
			KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, SPID), 0);
			expect_out_of_reach(test, thieves[k], id);
			KUNIT_EXPECT_TRUE(test, ioasid_is_active(id));
			expect_untouched(test, owner, id, &data, false);
			KUNIT_EXPECT_EQ(test, ioasid_detach_spid(id), 0);
		}
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, SPID), 0);
		KUNIT_EXPECT_EQ(test, ioasid_free(owner, id), 1);
		for (k = 0; k < ARRAY_SIZE(thieves); k++) {
			if (thieves[k] == dying)
				continue;
			expect_out_of_reach(test, thieves[k], id);
			expect_untouched(test, owner, id, &data, true);
		}
		KUNIT_EXPECT_TRUE(test, ioasid_put_named(owner, id, "holder"));
		KUNIT_EXPECT_TRUE(test, is_unknown(id));
	}
	/* One that is dying has IDs of its own yet, and reaches no other. */
	KUNIT_EXPECT_EQ(test, ioasid_get(dying, held), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(dying), 1);
	for (i = 0; i < ARRAY_SIZE(owners); i++) {
		ioasid_t id = INVALID_IOASID;

		KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(owners[i], 1, TEST_MAX,
							    IOASID_ALLOC_LOWEST, &data, &id));
		KUNIT_EXPECT_EQ(test, ioasid_get(dying, id), -EACCES);
		KUNIT_EXPECT_EQ(test, ioasid_free(dying, id), -EACCES);
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find(dying, id, NULL), ERR_PTR(-EACCES));
		ioasid_free_all_in_set(dying);
		expect_untouched(test, owners[i], id, &data, false);
		KUNIT_EXPECT_EQ(test, ioasid_free(owners[i], id), 0);
	}
	KUNIT_EXPECT_TRUE(test, put_reclaims(held));
}

/* A process that names a number gets a reference only if it is one of its own. */
static void process_gets_only_its_own(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *other = must_mm(test), *without = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0), *null = must_set(test, 0);
	ioasid_t ids[] = { must_alloc_in(test, set, NULL), must_alloc_in(test, null, NULL),
			   must_alloc(test, 1, TEST_MAX, NULL) };
	unsigned int i;

	must_set_of(test, other, 0);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		int own = i ? -EINVAL : 0, foreign = i ? -EINVAL : -EPERM;

		KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(ids[i], other), foreign);
		KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(ids[i], without), foreign);
		KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(ids[i], WRONG_MM), foreign);
		KUNIT_EXPECT_LT(test, ioasid_get_if_owned_by(ids[i], NULL), 0);
		KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(ids[i], mm), own);
		if (!own)
			KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, ids[i]));
	}
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, ids[2]), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(nobody_reaches_what_is_anothers),
	KUNIT_CASE(process_gets_only_its_own),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_foreign",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
