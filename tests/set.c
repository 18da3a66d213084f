// SPDX-License-Identifier: GPL-2.0
/* Sets are made and found, told apart from what is none, and own their IDs. */
#include <linux/mm.h>

#include "sets.h"

/* Somebody else's ID, as expect_refused() wants it. */
static ioasid_t must_alloc_foreign(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, TEST_MAX, NULL);

	KUNIT_ASSERT_EQ(test, ioasid_attach_spid(id, 7), 0);
	return id;
}

/* B-040: 0 and negative types too, and nothing is left of the attempt. */
static void unknown_type_is_refused(struct kunit *test)
{
	static const int bad[] = { 0, IOASID_SET_TYPE_NR, 4, -1, INT_MAX, INT_MIN };
	struct mm_struct *mm = must_mm(test);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(NULL, 1, bad[i]), ERR_PTR(-EINVAL));
		KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, 1, bad[i]), ERR_PTR(-EINVAL));
		/* The arguments come before the capacity. */
		KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(NULL, INVALID_IOASID, bad[i]),
				    ERR_PTR(-EINVAL));
	}
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all());
}

/* B-039: a token where there is one, none where there is none. */
static void token_has_to_fit_the_type(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);

	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(NULL, 1, IOASID_SET_TYPE_MM), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, 1, IOASID_SET_TYPE_NULL), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(&mm, 1, IOASID_SET_TYPE_NULL),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), ERR_PTR(-ENOENT));
}

/* B-036, B-038: sets without a token are as many as one likes. */
static void sets_without_token_are_independent(struct kunit *test)
{
	struct ioasid_set *a = must_set(test, 0);
	struct ioasid_set *b = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, a, NULL);

	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(b), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(a, id), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(a, id));
	KUNIT_EXPECT_EQ(test, ioasid_set_free(a), 0);
}

/* B-038, B-041: an mm has one, and the second who asks does not get the first one's. */
static void second_set_of_mm_is_refused(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *other = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 3);
	struct ioasid_set *others;

	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, 3, IOASID_SET_TYPE_MM), ERR_PTR(-EEXIST));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, 0, IOASID_SET_TYPE_MM), ERR_PTR(-EEXIST));
	others = must_set_of(test, other, 3);
	KUNIT_EXPECT_PTR_NE(test, others, set);
	expect_usage(test, set, .quota = 3);
	/* The refused ones have kept no capacity. */
	KUNIT_EXPECT_EQ(test, capacity_left(), capacity_in_all() - 6);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(others), 0);

	/* B-045: free for reuse as soon as the set is gone. */
	set = must_set_of(test, mm, 3);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
}

/* B-037, B-042: KVM and VFIO find the VM's set by its mm, and hold what they found. */
static void found_set_is_referenced(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *other = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	struct ioasid_set *others = must_set_of(test, other, 0);
	struct ioasid_set *found = ioasid_find_mm_set(mm);

	KUNIT_ASSERT_PTR_EQ(test, found, set);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(mm), ERR_PTR(-ENOENT));
	/* Being freed is not gone. */
	KUNIT_EXPECT_EQ(test, set_get_error(found), -EBUSY);
	KUNIT_EXPECT_EQ(test, alloc_error(found), -EBUSY);
	ioasid_set_put(found);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(found)));

	found = ioasid_find_mm_set(other);
	KUNIT_EXPECT_PTR_EQ(test, found, others);
	ioasid_set_put(found);
	KUNIT_EXPECT_FALSE(test, is_gone(others));
}

/* B-044: the mm is compared, never looked at. */
static void unknown_mm_has_no_set(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	void * const unknown[] = {
		(void *)1, LIST_POISON1, ERR_PTR(-1), set, (void *)mm + 1, (void *)mm - 64, test,
		must_mm(test),
	};
	size_t i;

	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(NULL), ERR_PTR(-EINVAL));
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(unknown[i]), ERR_PTR(-ENOENT));
}

/* B-036: it says nothing of where the set is, and cannot be followed. */
static void handle_is_no_address(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);

	KUNIT_EXPECT_FALSE(test, virt_addr_valid(set));
	KUNIT_EXPECT_FALSE(test, is_vmalloc_addr(set));
}

static int somewhere;

/* B-047, B-048, B-077: anything that is no set, in every function that takes one. */
static void garbage_is_refused(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 10);
	void *heap = kunit_kzalloc(test, 64, GFP_KERNEL);
	ioasid_t id = must_alloc_foreign(test), own = must_alloc_in(test, set, NULL);
	void * const bad[] = {
		(void *)1, (void *)2, (void *)3, (void *)8, (void *)64, (void *)0x1000,
		(void *)0x100000, (void *)INT_MAX, (void *)UINT_MAX, (void *)LONG_MAX,
		(void *)LONG_MIN, LIST_POISON1, LIST_POISON2, (void *)-1, ERR_PTR(-ENOMEM),
		ERR_PTR(-ENOENT), &somewhere, heap, test, current, &heap, expect_refused,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		expect_refused(test, bad[i], id);
		KUNIT_EXPECT_EQ_MSG(test, ioasid_get(bad[i], own), -EACCES, "handle %zu", i);
	}
	expect_usage(test, set, .quota = 10, .use = 1, .peak = 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-047, B-048: nor is what looks nearly like one. */
static void damaged_handle_is_refused(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 10);
	unsigned long handle = (unsigned long)set;
	ioasid_t id = must_alloc_foreign(test), own = must_alloc_in(test, set, NULL);
	int bit;

	for (bit = 0; bit < BITS_PER_LONG; bit++) {
		void *damaged = (void *)(handle ^ BIT(bit));

		/* With one bit only that may leave NULL, which is the kernel's own. */
		if (!damaged)
			continue;
		expect_refused(test, damaged, id);
		KUNIT_EXPECT_EQ_MSG(test, ioasid_get(damaged, own), -EACCES, "bit %d", bit);
	}
	expect_usage(test, set, .quota = 10, .use = 1, .peak = 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

#define STALE 300

/* B-046, B-047, B-048, B-049: the set that has the place of one that is gone is another one. */
static void stale_handle_is_no_other_set(struct kunit *test)
{
	struct ioasid_set **old = kunit_kcalloc(test, STALE, sizeof(*old), GFP_KERNEL);
	struct ioasid_set *newer;
	ioasid_t id = must_alloc_foreign(test), own;
	int i, j;

	KUNIT_ASSERT_NOT_NULL(test, old);
	for (i = 0; i < STALE; i++) {
		old[i] = ioasid_alloc_set(NULL, 3, IOASID_SET_TYPE_NULL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, old[i]);
		must_alloc_in(test, old[i], NULL);
		KUNIT_EXPECT_EQ(test, ioasid_set_free(old[i]), 0);
		KUNIT_ASSERT_TRUE(test, eventually(is_gone(old[i])));
		for (j = 0; j < i; j++)
			KUNIT_ASSERT_PTR_NE(test, old[i], old[j]);
	}
	newer = must_set(test, 3);
	own = must_alloc_in(test, newer, NULL);
	for (i = 0; i < STALE; i++) {
		KUNIT_ASSERT_PTR_NE(test, newer, old[i]);
		KUNIT_EXPECT_EQ(test, ioasid_set_free(old[i]), -EINVAL);
		ioasid_free_all_in_set(old[i]);
		KUNIT_EXPECT_EQ(test, ioasid_free(old[i], own), -EACCES);
	}
	expect_refused(test, old[0], id);
	expect_refused(test, old[STALE - 1], id);
	expect_usage(test, newer, .quota = 3, .use = 1, .peak = 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

#define MANY 500

/* B-059, B-070: how many sets there are has nothing to do with how many IDs there are. */
static void many_sets_live_side_by_side(struct kunit *test)
{
	struct ioasid_set **sets = kunit_kcalloc(test, MANY, sizeof(*sets), GFP_KERNEL);
	ioasid_t *ids = kunit_kcalloc(test, MANY, sizeof(*ids), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, sets);
	KUNIT_ASSERT_NOT_NULL(test, ids);
	for (i = 0; i < MANY; i++) {
		sets[i] = must_set(test, i & 1);
		ids[i] = must_alloc_in(test, sets[i], &sets[i]);
	}
	for (i = 0; i < MANY; i++) {
		struct ioasid_set *found = ioasid_find_set(ids[i]);

		KUNIT_EXPECT_PTR_EQ(test, found, sets[i]);
		ioasid_set_put(found);
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find(sets[i], ids[i], NULL), (void *)&sets[i]);
		KUNIT_EXPECT_EQ(test, ioasid_get(sets[i], ids[(i + 1) % MANY]), -EACCES);
	}
	for (i = MANY - 1; i >= 0; i--)
		KUNIT_EXPECT_EQ(test, ioasid_set_free(sets[i]), 0);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_TRUE(test, is_unknown(ids[i]));
}

static bool getter_called;

static bool note_call(void *data)
{
	getter_called = true;
	return true;
}

/* B-074, B-076, B-077, B-221: another set's ID, alive, freed and gone. */
static void wrong_set_has_no_access(struct kunit *test)
{
	struct ioasid_set *owner = must_set(test, 0), *thief = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, owner, test);

	getter_called = false;
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(thief, id), -EACCES);
	KUNIT_EXPECT_EQ(test, ioasid_get_locked(thief, id), -EACCES);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(thief, id, "thief"), -EACCES);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(thief, id, note_call), ERR_PTR(-EACCES));
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(thief, 5, true), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_free(thief, id), -EACCES);
	ioasid_free_all_in_set(thief);
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(id));

	KUNIT_EXPECT_EQ(test, ioasid_get(owner, id), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(thief, id));
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(thief, id, "thief"));
	KUNIT_EXPECT_EQ(test, ioasid_free(owner, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_get(thief, id), -EACCES);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(thief, id, note_call), ERR_PTR(-EACCES));
	KUNIT_EXPECT_EQ(test, ioasid_free(thief, id), -EACCES);
	KUNIT_EXPECT_FALSE(test, ioasid_put(thief, id));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(owner, id, NULL), (void *)test);
	KUNIT_EXPECT_TRUE(test, ioasid_put(owner, id));

	KUNIT_EXPECT_EQ(test, ioasid_get(thief, id), -EINVAL);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(thief, id, note_call), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, ioasid_free(thief, id), -ENOENT);
	KUNIT_EXPECT_FALSE(test, getter_called);
}

/* B-052: NULL allocates for the kernel, and asks for no owner everywhere else. */
static void null_is_the_kernels_own_or_anyones(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t kernels = must_alloc(test, 1, TEST_MAX, set);
	ioasid_t sets = must_alloc_in(test, set, &set);

	KUNIT_EXPECT_EQ(test, ioasid_get(set, kernels), -EACCES);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, kernels), -EACCES);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, kernels, NULL), ERR_PTR(-EACCES));

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, sets), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, sets, NULL), (void *)&set);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, sets), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, sets));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, kernels), 0);

	/* There is no set that NULL could be where one is made use of. */
	KUNIT_EXPECT_EQ(test, ioasid_set_get(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(NULL, 5), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_policy(NULL, IOASID_ALLOC_CYCLIC), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(NULL, 0), -EINVAL);
	ioasid_set_put(NULL);
}

/* B-031, B-035: each set for itself, and a caller who asks for another policy gets it. */
static void policy_is_the_sets_own(struct kunit *test)
{
	struct ioasid_set *a = must_set(test, 0), *b = must_set(test, 0);
	ioasid_t id;

	KUNIT_EXPECT_EQ(test, ioasid_set_policy(a, IOASID_ALLOC_TOP_DOWN), 0);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(a, 1, 9, NULL), 9);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(a, 1, 9, NULL), 8);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(b, 1, 9, NULL), 1);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, 1, 9, NULL), 2);
	KUNIT_EXPECT_EQ(test, 0, ioasid_alloc_range(a, 1, 9, IOASID_ALLOC_LOWEST, NULL, &id));
	KUNIT_EXPECT_EQ(test, id, 3);

	KUNIT_EXPECT_EQ(test, ioasid_set_policy(a, IOASID_ALLOC_CYCLIC), 0);
	id = ioasid_alloc(a, 100, 200, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(a, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(a, 100, 200, NULL), id + 1);
	KUNIT_EXPECT_EQ(test, ioasid_set_policy(a, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_policy(a, INT_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_policy(a, (enum ioasid_alloc_policy)-1), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(a, 100, 200, NULL), id + 2);
	KUNIT_EXPECT_EQ(test, ioasid_set_policy(a, IOASID_ALLOC_LOWEST), 0);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(a, 1, 9, NULL), 4);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 2), 0);
}

/* B-159: what the series of 2020 and 2021 called them. */
static void old_names_are_the_same_functions(struct kunit *test)
{
	struct ioasid_set *set = ioasid_set_alloc(NULL, 4, IOASID_SET_TYPE_NULL);
	ioasid_t id;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_set_alloc(NULL, 4, 0), ERR_PTR(-EINVAL));
	expect_usage(test, set, .quota = 4);
	id = must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get_locked(set, id), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put_locked(set, id));
	ioasid_set_get_locked(set);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_FALSE(test, is_gone(set));
	ioasid_set_put_locked(set);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(unknown_type_is_refused),
	KUNIT_CASE(token_has_to_fit_the_type),
	KUNIT_CASE(sets_without_token_are_independent),
	KUNIT_CASE(second_set_of_mm_is_refused),
	KUNIT_CASE(found_set_is_referenced),
	KUNIT_CASE(unknown_mm_has_no_set),
	KUNIT_CASE(handle_is_no_address),
	KUNIT_CASE(garbage_is_refused),
	KUNIT_CASE(damaged_handle_is_refused),
	KUNIT_CASE(stale_handle_is_no_other_set),
	KUNIT_CASE(many_sets_live_side_by_side),
	KUNIT_CASE(wrong_set_has_no_access),
	KUNIT_CASE(null_is_the_kernels_own_or_anyones),
	KUNIT_CASE(policy_is_the_sets_own),
	KUNIT_CASE(old_names_are_the_same_functions),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_set",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests of sets");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
