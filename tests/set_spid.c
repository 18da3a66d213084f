// SPDX-License-Identifier: GPL-2.0
/* The numbers by which the owner of a set knows its IDs. */
#include <linux/vmalloc.h>

#include "sets.h"
#include "threads.h"

/* B-107, B-119: there and back, and what comes from it. */
static void spid_is_attached_and_detached(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), INVALID_IOASID);
	KUNIT_EXPECT_FALSE(test, ioasid_is_active(id));
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(id), -ENOENT);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 42), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), 42);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 42, false), id);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 41, false), INVALID_IOASID);
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(id));
	expect_usage(test, set, .use = 1, .peak = 1, .spids = 1);

	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 42, false), INVALID_IOASID);
	KUNIT_EXPECT_FALSE(test, ioasid_is_active(id));
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(id), -ENOENT);
	expect_usage(test, set, .use = 1, .peak = 1);
}

/* B-102: one ID of a set for one SPID, and the other way round. */
static void duplicate_is_refused(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t a = must_alloc_in(test, set, NULL), b = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(a, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(b, 5), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), a);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(b), INVALID_IOASID);
	KUNIT_EXPECT_FALSE(test, ioasid_is_active(b));
	expect_usage(test, set, .use = 2, .peak = 2, .spids = 1);
	/* Free again, for the other one. */
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(a), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(b, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), b);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(a, 5), -EEXIST);
}

/* B-104: no silent change of what is there. */
static void second_spid_is_refused(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 6), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), 5);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 6, false), INVALID_IOASID);
	expect_usage(test, set, .use = 1, .peak = 1, .spids = 1);
}

/* B-103: detach is a call of its own; INVALID_IOASID is what none looks like. */
static void invalid_spid_is_refused(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, INVALID_IOASID), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(TEST_MAX, INVALID_IOASID), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, INVALID_IOASID), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), 5);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, INVALID_IOASID, false), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, INVALID_IOASID, true), INVALID_IOASID);
}

/* B-083, B-105: nothing there to attach to. */
static void unknown_id_has_no_spid(struct kunit *test)
{
	const ioasid_t unknown[] = {
		0, TEST_MAX, ioasid_get_capacity(), INT_MAX, INVALID_IOASID - 1, INVALID_IOASID,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(unknown[i], 5), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(unknown[i]), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(unknown[i]), INVALID_IOASID);
		KUNIT_EXPECT_FALSE(test, ioasid_is_active(unknown[i]));
	}
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(NULL, 5, false), INVALID_IOASID);
}

/* B-075, B-105, B-107, B-110: freed, it can be read and that is all. */
static void pending_id_keeps_its_spid(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL), bare = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, bare), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, bare), 1);

	KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), 5);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), id);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, true), INVALID_IOASID);
	KUNIT_EXPECT_FALSE(test, ioasid_is_active(id));
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(bare, 6), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 6), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(id), -EBUSY);
	expect_usage(test, set, .use = 2, .peak = 2, .spids = 1);

	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, bare));
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), INVALID_IOASID);
	expect_usage(test, set, .peak = 2);
}

/* B-119: by itself, and the next life of the number has none. */
static void spid_goes_with_its_id(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), INVALID_IOASID);
	expect_usage(test, set, .peak = 1);
	KUNIT_EXPECT_EQ(test, must_alloc_in(test, set, NULL), id);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), INVALID_IOASID);
	KUNIT_EXPECT_FALSE(test, ioasid_is_active(id));
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), 0);
}

/* B-108, B-110: a reference if one is asked for, and none behind anybody's back. */
static void only_a_wanted_reference_is_taken(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL), other = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(other, 5), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), id);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, true), id);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
	KUNIT_EXPECT_EQ(test, ioasid_free(set, other), 0);
}

/* B-107, B-119: the guest gives a number to somebody else while the host still cleans up. */
static void pending_ids_spid_can_be_taken_over(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t old = must_alloc_in(test, set, NULL), new = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(old, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, old), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(new, 5), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, old), 1);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(new, 5), 0);

	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), new);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, true), new);
	KUNIT_EXPECT_FALSE(test, ioasid_put(set, new));
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(old), 5);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(new), 5);
	expect_usage(test, set, .use = 2, .peak = 2, .spids = 2);

	/* The end of the old one is nothing to the new one. */
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, old));
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(old), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, true), new);
	KUNIT_EXPECT_FALSE(test, ioasid_put(set, new));
	expect_usage(test, set, .use = 1, .peak = 2, .spids = 1);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(new), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), INVALID_IOASID);
	expect_usage(test, set, .use = 1, .peak = 2);
}

/* B-107, B-119: again and again, and they go in any order. */
static void spid_is_taken_over_many_times(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t ids[8], last;
	int i;

	for (i = 0; i < 8; i++) {
		ids[i] = must_alloc_in(test, set, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(ids[i], 5), 0);
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), ids[i]);
		KUNIT_EXPECT_EQ(test, ioasid_get(set, ids[i]), 0);
		KUNIT_EXPECT_EQ(test, ioasid_free(set, ids[i]), 1);
	}
	last = must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(last, 5), 0);
	for (i = 0; i < 8; i++) {
		ioasid_t id = ids[i * 3 % 8];

		KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), 5);
		KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), last);
	}
	KUNIT_EXPECT_EQ(test, ioasid_free(set, last), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), INVALID_IOASID);
	expect_usage(test, set, .peak = 9);
}

/* B-102: guests do not know of each other, nor of the kernel. */
static void spids_of_sets_are_their_own(struct kunit *test)
{
	struct ioasid_set *a = must_set(test, 0), *b = must_set(test, 0);
	ioasid_t of_a = must_alloc_in(test, a, NULL), of_b = must_alloc_in(test, b, NULL);
	ioasid_t kernels = must_alloc(test, 1, TEST_MAX, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(of_a, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(of_b, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(kernels, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(a, 5, false), of_a);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(b, 5, false), of_b);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(NULL, 5, false), kernels);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(kernels), 0);
	/* NULL is the kernel's own here, not anybody's. */
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(NULL, 5, false), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(a), 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(b, 5, true), of_b);
	KUNIT_EXPECT_FALSE(test, ioasid_put(b, of_b));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, kernels), 0);
}

/* B-109: any number but INVALID_IOASID, as far apart as they can be. */
static void sparse_spids_are_found(struct kunit *test)
{
	static const ioasid_t spids[] = {
		0, 1, 0xff, 0x100, 0xfff, 0x1000, 1 << 19, 1 << 20, (1 << 20) + 1, INT_MAX,
		(ioasid_t)INT_MAX + 1, (ioasid_t)INT_MAX + 2, 0xfffffffd, 0xfffffffe,
	};
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t ids[ARRAY_SIZE(spids)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spids); i++) {
		ids[i] = must_alloc_in(test, set, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(ids[i], spids[i]), 0);
	}
	for (i = 0; i < ARRAY_SIZE(spids); i++) {
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, spids[i], false), ids[i]);
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(ids[i]), spids[i]);
		KUNIT_EXPECT_TRUE(test, ioasid_is_active(ids[i]));
	}
	for (i = 0; i < ARRAY_SIZE(spids); i += 2)
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(ids[i]), 0);
	for (i = 0; i < ARRAY_SIZE(spids); i++)
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, spids[i], false),
				i % 2 ? ids[i] : INVALID_IOASID);
	expect_usage(test, set, .use = ARRAY_SIZE(spids), .peak = ARRAY_SIZE(spids),
		     .spids = ARRAY_SIZE(spids) / 2);
}

#define MANY 5000U

static void free_array(void *array)
{
	vfree(array);
}

/* B-109: a guest's PASID table. */
static void many_spids_are_found(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, MANY), *other = must_set(test, MANY);
	ioasid_t *ids = vcalloc(MANY, sizeof(*ids)), id;
	unsigned int wrong = 0, i;

	KUNIT_ASSERT_NOT_NULL(test, ids);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_array, ids), 0);
	for (i = 0; i < MANY; i++) {
		ids[i] = ioasid_alloc(set, 1, ioasid_get_capacity() - 1, NULL);
		wrong += !!ioasid_attach_spid(ids[i], MANY - i);
		/* The same numbers, in the other order. */
		id = ioasid_alloc(other, 1, ioasid_get_capacity() - 1, NULL);
		wrong += !!ioasid_attach_spid(id, i + 1);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	expect_usage(test, set, .quota = MANY, .use = MANY, .peak = MANY, .spids = MANY);
	for (i = 0; i < MANY; i++) {
		wrong += ioasid_find_by_spid(set, MANY - i, false) != ids[i];
		wrong += ioasid_find_spid(ids[i]) != MANY - i;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	for (i = 0; i < MANY; i += 3)
		wrong += !!ioasid_detach_spid(ids[i]);
	for (i = 1; i < MANY; i += 3)
		wrong += !!ioasid_free(set, ids[i]);
	for (i = 0; i < MANY; i++)
		wrong += ioasid_find_by_spid(set, MANY - i, false) !=
			 (i % 3 == 2 ? ids[i] : INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	for (i = 1; i <= MANY; i++)
		wrong += ioasid_find_by_spid(other, i, false) == INVALID_IOASID;
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(other), 0);
}

/* B-120: on another machine the guest's numbers are given to IDs anew, in whatever order. */
static void mapping_is_reestablished(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t ids[10];
	int i, round;

	for (i = 0; i < 10; i++) {
		ids[i] = must_alloc_in(test, set, &ids[i]);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(ids[i], i), 0);
		KUNIT_EXPECT_EQ(test, ioasid_get(set, ids[i]), 0);
	}
	for (round = 1; round < 10; round += 2) {
		for (i = 0; i < 10; i++)
			KUNIT_EXPECT_EQ(test, ioasid_detach_spid(ids[i]), 0);
		for (i = 0; i < 10; i++)
			KUNIT_EXPECT_EQ(test, ioasid_attach_spid(ids[i], (i * 7 + round) % 10), 0);
		for (i = 0; i < 10; i++) {
			KUNIT_EXPECT_EQ(test, ids[i],
					ioasid_find_by_spid(set, (i * 7 + round) % 10, false));
			KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, ids[i], NULL), (void *)&ids[i]);
		}
	}
	/* The references are where they were. */
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_EQ(test, ioasid_free(set, ids[i]), 1);
		KUNIT_EXPECT_TRUE(test, ioasid_put(set, ids[i]));
	}
}

/* B-106: what to do when a later step of a bind fails. */
static void attach_is_rolled_back(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL);
	int i;

	for (i = 0; i < 100; i++) {
		KUNIT_ASSERT_EQ(test, ioasid_attach_spid(id, i), 0);
		KUNIT_ASSERT_EQ(test, ioasid_attach_spid(id, i + 1), -EBUSY);
		KUNIT_ASSERT_EQ(test, ioasid_detach_spid(id), 0);
	}
	for (i = 0; i < 101; i++)
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, i, false), INVALID_IOASID);
	expect_usage(test, set, .use = 1, .peak = 1);
}

struct contest {
	struct ioasid_set *set;
	ioasid_t id;
	unsigned long end;
	unsigned long won;
	unsigned long lost;
	unsigned long wrong;
	int last_error;
};

static void compete(void *data)
{
	struct contest *contest = data;
	int err;

	while (time_before(jiffies, contest->end)) {
		err = ioasid_attach_spid(contest->id, 5);
		if (err) {
			contest->lost++;
			if (err != -EEXIST) {
				contest->wrong++;
				contest->last_error = err;
			}
			continue;
		}
		contest->won++;
		contest->wrong += ioasid_find_by_spid(contest->set, 5, true) != contest->id;
		contest->wrong += ioasid_put(contest->set, contest->id);
		contest->wrong += !!ioasid_detach_spid(contest->id);
	}
}

/* B-102, B-108, B-109: of those who want the same one has it, for as long as it likes. */
static void one_of_many_gets_the_spid(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct contest *contests[3];
	struct helper *helpers[3];
	int i;

	for (i = 0; i < 3; i++) {
		contests[i] = kunit_kzalloc(test, sizeof(*contests[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, contests[i]);
		contests[i]->set = set;
		contests[i]->id = must_alloc_in(test, set, NULL);
		contests[i]->end = jiffies + HZ;
	}
	for (i = 0; i < 3; i++)
		helpers[i] = helper_start(test, compete, contests[i]);
	for (i = 0; i < 3; i++) {
		helper_join(test, helpers[i]);
		kunit_info(test, "ID %u: %lu won, %lu lost\n", contests[i]->id, contests[i]->won,
			   contests[i]->lost);
		KUNIT_EXPECT_GT(test, contests[i]->won, 0);
		KUNIT_EXPECT_EQ_MSG(test, contests[i]->wrong, 0, "%d", contests[i]->last_error);
	}
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 5, false), INVALID_IOASID);
	expect_usage(test, set, .use = 3, .peak = 3);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(spid_is_attached_and_detached),
	KUNIT_CASE(duplicate_is_refused),
	KUNIT_CASE(second_spid_is_refused),
	KUNIT_CASE(invalid_spid_is_refused),
	KUNIT_CASE(unknown_id_has_no_spid),
	KUNIT_CASE(pending_id_keeps_its_spid),
	KUNIT_CASE(spid_goes_with_its_id),
	KUNIT_CASE(only_a_wanted_reference_is_taken),
	KUNIT_CASE(pending_ids_spid_can_be_taken_over),
	KUNIT_CASE(spid_is_taken_over_many_times),
	KUNIT_CASE(spids_of_sets_are_their_own),
	KUNIT_CASE(sparse_spids_are_found),
	KUNIT_CASE(many_spids_are_found),
	KUNIT_CASE(mapping_is_reestablished),
	KUNIT_CASE(attach_is_rolled_back),
	KUNIT_CASE_SLOW(one_of_many_gets_the_spid),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_spid",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
