// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that do at random whatever may be done with sets. What has to hold at any time they check
 * as they go; every few seconds they stop, and all figures have to add up.
 */
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/vmalloc.h>

#include "stress_set.h"

static unsigned int seed;
module_param(seed, uint, 0644);
MODULE_PARM_DESC(seed, "What the threads do; 0: other things each time");

static unsigned int seconds = 30;
module_param(seconds, uint, 0644);
MODULE_PARM_DESC(seconds, "How long it takes");

/* What a set is said to have is what it has. Returns what it takes of the capacity. */
static ioasid_t check_era(struct stress *stress, struct era *era)
{
	struct kunit *test = stress->test;
	struct ioasid_set_usage usage = {};
	struct census census = {};

	KUNIT_EXPECT_EQ(test, ioasid_set_query(era->set, &usage), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_for_each_ioasid(era->set, take_census, &census), 0);
	KUNIT_EXPECT_EQ(test, usage.use, census.ids);
	KUNIT_EXPECT_EQ(test, usage.spids, census.spids);
	KUNIT_EXPECT_GE(test, usage.peak, usage.use);
	if (usage.quota)
		KUNIT_EXPECT_LE(test, usage.use, usage.quota);
	era->ceiling = usage.quota;
	return usage.quota ?: usage.use;
}

static unsigned int count_ids(void)
{
	unsigned int n = 0, id;

	for (id = 1; id <= IDS; id++)
		n += !is_unknown(id);
	return n;
}

/* Without holders what is freed is on its way back. */
static bool is_any_pending(void)
{
	ioasid_t id;
	int err;

	for (id = 1; id <= IDS; id++) {
		err = ioasid_get(NULL, id);
		if (!err)
			ioasid_put(NULL, id);
		else if (err == -EBUSY)
			return true;
	}
	return false;
}

/* IDs of the sets that are there, and no other ones. */
static unsigned int known_ids(struct stress *stress)
{
	struct census census = {};
	unsigned int i;

	ioasid_set_for_each_ioasid(NULL, take_census, &census);
	for (i = 0; i < SLOTS; i++) {
		if (stress->slots[i].era)
			ioasid_set_for_each_ioasid(stress->slots[i].era->set, take_census, &census);
	}
	return census.ids;
}

static void check_sums(struct stress *stress)
{
	struct kunit *test = stress->test;
	unsigned int i, j, owned;
	ioasid_t taken;

	KUNIT_EXPECT_TRUE(test, eventually(!is_any_pending()));
	/* With the last holders the last of the sets that were ended have gone. */
	KUNIT_EXPECT_TRUE(test, eventually(count_ids() == known_ids(stress)));
	taken = check_era(stress, stress->eras);
	for (i = 0; i < SLOTS; i++) {
		if (stress->slots[i].era)
			taken += check_era(stress, stress->slots[i].era);
	}
	KUNIT_EXPECT_TRUE(test, eventually(capacity_left() + taken + stress->aside ==
					   capacity_in_all()));
	for (i = 0; i < WORKERS; i++) {
		struct worker *worker = &stress->workers[i];

		for (owned = 0, j = 0; j < worker->owned.n; j++) {
			struct life *life = &stress->lives[worker->owned.at[j]];

			if (is_ending(life->era))
				continue;
			if (stress_find(stress, life->era->set, life->id) != life)
				stress_fault(stress, "lost by its owner", life->id);
			worker->owned.at[owned++] = worker->owned.at[j];
		}
		worker->owned.n = owned;
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->faults), 0);
}

static void stress_cleanup(void *data)
{
	struct stress *stress = data;

	ioasid_cancel_capacity(stress->aside);
	vfree(stress->lives);
	vfree(stress->eras);
	vfree(stress);
}

/*
 * B-046, B-048, B-054, B-055, B-056, B-057, B-060, B-063, B-071, B-073, B-075, B-091, B-093,
 * B-109.
 */
static void figures_add_up_under_stress(struct kunit *test)
{
	struct stress *stress = vzalloc(sizeof(*stress));
	struct helper *helpers[WORKERS];
	unsigned long end;
	u32 first;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, stress);
	stress->test = test;
	stress->eras = vcalloc(ERAS, sizeof(*stress->eras));
	stress->lives = vcalloc(LIVES, sizeof(*stress->lives));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stress_cleanup, stress), 0);
	KUNIT_ASSERT_NOT_NULL(test, stress->eras);
	KUNIT_ASSERT_NOT_NULL(test, stress->lives);
	atomic_set(&stress->n_eras, 1);
	first = seed ?: get_random_u32();
	kunit_info(test, "seed=%u, %u s\n", first, seconds);
	KUNIT_ASSERT_EQ(test, capacity_in_all() - LEFT,
			ioasid_reserve_capacity(capacity_in_all() - LEFT));
	stress->aside = capacity_in_all() - LEFT;
	for (i = 0; i < SLOTS; i++)
		mutex_init(&stress->slots[i].lock);
	for (i = 0; i < WORKERS; i++) {
		stress->workers[i].stress = stress;
		prandom_seed_state(&stress->workers[i].rnd, first + i);
	}
	end = jiffies + seconds * HZ;
	while (time_before(jiffies, end) && !atomic_read(&stress->faults)) {
		stress->end = min(end, jiffies + PHASE * HZ);
		for (i = 0; i < WORKERS; i++)
			helpers[i] = helper_start(test, stress_work, &stress->workers[i]);
		for (i = 0; i < WORKERS; i++)
			helper_join(test, helpers[i]);
		check_sums(stress);
	}
	for (i = 0; i < SLOTS; i++) {
		if (stress->slots[i].era)
			stress_end_era(&stress->workers[0], i);
	}
	for (i = 0; i < WORKERS; i++) {
		while (stress->workers[i].owned.n)
			stress_free_own(&stress->workers[i]);
	}
	check_sums(stress);
	KUNIT_EXPECT_EQ(test, count_ids(), 0);
	KUNIT_EXPECT_EQ(test, capacity_left(), LEFT);
	kunit_info(test, "%d sets; %d IDs, %d refused; %d references, %d SPIDs\n",
		   atomic_read(&stress->n_eras), atomic_read(&stress->allocs),
		   atomic_read(&stress->refused), atomic_read(&stress->gets),
		   atomic_read(&stress->spids));
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&stress->faults), 0, "seed=%u", first);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->n_eras), 20);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->allocs), 100);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->gets), 100);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->spids), 100);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(figures_add_up_under_stress),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_set_stress",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: random use of sets from several threads");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
