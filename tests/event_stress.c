// SPDX-License-Identifier: GPL-2.0
/*
 * Events, registration with and without replay, and unregistration race; what each subscriber was
 * told of each ID has to be a history of it, and all have to be told of all.
 */
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/vmalloc.h>

#include "event_stress.h"

static unsigned int seed;
module_param(seed, uint, 0644);
MODULE_PARM_DESC(seed, "What the threads do; 0: other things each time");

static unsigned int seconds = 30;
module_param(seconds, uint, 0644);
MODULE_PARM_DESC(seconds, "How long it takes");

/* What a handler may do to the ID of which it is told; all can happen to shared ones only. */
static int meddle(struct notifier_block *nb, unsigned long val, void *data)
{
	struct stress *stress = container_of(nb, struct stress, meddler);
	unsigned int what = atomic_inc_return(&stress->meddled) % 64;
	const struct ioasid_nb_args *args = data;

	if (args->id < FIRST_SHARED || args->id >= FIRST_SHARED + SHARED)
		return NOTIFY_OK;
	if (what < 8 && !ioasid_get(NULL, args->id))
		ioasid_put(NULL, args->id);
	else if (what < 16 && val == IOASID_NOTIFY_BIND)
		ioasid_detach_spid(args->id);
	else if (what < 20)
		ioasid_free(NULL, args->id);
	else if (what < 24)
		ioasid_free(NULL, FIRST_SHARED + (args->id + 1) % SHARED);
	else if (what < 28 && ioasid_attach_spid(args->id, 1000) != -EBUSY)
		stress_fault(stress, "attached while it is busy", args->id);
	return NOTIFY_OK;
}

static void stress_cleanup(void *data)
{
	struct stress *stress = data;
	int i;

	ioasid_unregister_notifier(NULL, &stress->first.history.nb);
	ioasid_unregister_notifier(NULL, &stress->last.history.nb);
	ioasid_unregister_notifier(NULL, &stress->refuser.nb);
	ioasid_unregister_notifier(NULL, &stress->meddler);
	for (i = 0; i < ACTORS; i++)
		ioasid_unregister_notifier_mm(stress->slots[i * SETS_EACH].mm,
					      &stress->of_mm[i].nb);
	vfree(stress);
}

static void stress_watch(struct stress *stress)
{
	struct kunit *test = stress->test;
	int i;

	watcher_init(&stress->first, "first", true, &stress->span);
	watcher_init(&stress->last, "last", false, &stress->span);
	history_init(&stress->refuser, "refuser", IOASID_PRIO_IOMMU, true);
	stress->refuser.refuses = 40;
	stress->meddler.notifier_call = meddle;
	stress->meddler.priority = IOASID_PRIO_DEVICE;
	KUNIT_ASSERT_EQ(test, ioasid_register_notifier(NULL, &stress->first.history.nb), 0);
	KUNIT_ASSERT_EQ(test, ioasid_register_notifier(NULL, &stress->last.history.nb), 0);
	KUNIT_ASSERT_EQ(test, ioasid_register_notifier(NULL, &stress->refuser.nb), 0);
	KUNIT_ASSERT_EQ(test, ioasid_register_notifier(NULL, &stress->meddler), 0);
	for (i = 0; i < ACTORS; i++) {
		history_init(&stress->of_mm[i], "mm's watcher", IOASID_PRIO_CPU, true);
		KUNIT_ASSERT_EQ(test, 0,
				ioasid_register_notifier_mm(stress->slots[i * SETS_EACH].mm,
							    &stress->of_mm[i].nb));
	}
}

static struct stress *stress_new(struct kunit *test)
{
	struct stress *stress = vzalloc(sizeof(*stress));
	u32 first = seed ?: get_random_u32();
	int i;

	KUNIT_ASSERT_NOT_NULL(test, stress);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stress_cleanup, stress), 0);
	stress->test = test;
	kunit_info(test, "seed=%u, %u s\n", first, seconds);
	for (i = 0; i < ACTORS; i++) {
		stress->actors[i].stress = stress;
		stress->actors[i].index = i;
		prandom_seed_state(&stress->actors[i].rnd, first + i);
		stress->slots[i * SETS_EACH].mm = must_mm(test);
	}
	for (i = 0; i < REGISTRARS; i++) {
		stress->registrars[i].stress = stress;
		prandom_seed_state(&stress->registrars[i].rnd, first + ACTORS + i);
	}
	return stress;
}

static bool all_unknown(void)
{
	ioasid_t id;

	for (id = 1; id < HISTORY_IDS; id++) {
		if (!is_unknown(id))
			return false;
	}
	return true;
}

/* What is left at the end of the threads. */
static void stress_empty(struct stress *stress)
{
	struct ioasid_set_usage usage = {};
	struct kunit *test = stress->test;
	unsigned int i;
	ioasid_t id;

	for (i = 0; i < SETS; i++) {
		if (stress->slots[i].set)
			stress_end_set(&stress->actors[i / SETS_EACH], i);
	}
	for (i = 0; i < ACTORS; i++) {
		while (stress->actors[i].n_owned)
			stress_free_own(&stress->actors[i], 0);
	}
	for (id = FIRST_SHARED; id < FIRST_SHARED + SHARED; id++)
		ioasid_free(NULL, id);
	for (id = FIRST_PERMANENT; id < FIRST_PERMANENT + PERMANENT; id++)
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, eventually(all_unknown()));
	KUNIT_EXPECT_TRUE(test, eventually(!ioasid_set_query(NULL, &usage) && !usage.use));
	KUNIT_EXPECT_EQ(test, usage.spids, 0);
	KUNIT_EXPECT_TRUE(test, eventually(history_told(&stress->last.history,
							IOASID_NOTIFY_SET_FREE) ==
					   atomic_read(&stress->sets)));
}

static void check_history(struct stress *stress, struct history *history, bool all)
{
	struct kunit *test = stress->test;

	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&history->faults), 0, "%s", history->name);
	KUNIT_EXPECT_EQ_MSG(test, history_live(history), 0, "%s", history->name);
	KUNIT_EXPECT_EQ_MSG(test, history_told(history, IOASID_NOTIFY_ALLOC),
			    history_told(history, IOASID_NOTIFY_FREE), "%s", history->name);
	KUNIT_EXPECT_EQ_MSG(test, history_told(history, IOASID_NOTIFY_SET_ALLOC),
			    history_told(history, IOASID_NOTIFY_SET_FREE), "%s", history->name);
	KUNIT_EXPECT_GT(test, history_told(history, IOASID_NOTIFY_SET_ALLOC), 2);
	if (!all)
		return;
	KUNIT_EXPECT_EQ_MSG(test, history_told(history, IOASID_NOTIFY_ALLOC),
			    atomic_read(&stress->allocs), "%s", history->name);
	KUNIT_EXPECT_EQ_MSG(test, history_told(history, IOASID_NOTIFY_SET_FREE),
			    atomic_read(&stress->sets), "%s", history->name);
}

/* B-128, B-130, B-138, B-143, B-144, B-145, B-149, B-152, B-162. */
static void every_history_is_complete(struct kunit *test)
{
	struct helper *helpers[ACTORS + REGISTRARS];
	struct stress *stress = stress_new(test);
	unsigned int rounds = 0, i;
	ioasid_t id;

	stress_watch(stress);
	for (id = FIRST_PERMANENT; id < FIRST_PERMANENT + PERMANENT; id++) {
		KUNIT_ASSERT_EQ(test, must_alloc(test, id, id, (void *)(BIT(40) + 2UL * id)), id);
		atomic_inc(&stress->allocs);
	}
	stress->end = jiffies + seconds * HZ;
	for (i = 0; i < ACTORS; i++)
		helpers[i] = helper_start(test, stress_act, &stress->actors[i]);
	for (i = 0; i < REGISTRARS; i++)
		helpers[ACTORS + i] = helper_start(test, stress_register, &stress->registrars[i]);
	msleep(1000 * seconds);
	for (i = 0; i < ACTORS + REGISTRARS; i++)
		helper_join(test, helpers[i]);
	stress_empty(stress);
	check_history(stress, &stress->first.history, true);
	check_history(stress, &stress->last.history, true);
	check_history(stress, &stress->refuser, true);
	for (i = 0; i < ACTORS; i++)
		check_history(stress, &stress->of_mm[i], false);
	/* The last one is told of a BIND if nobody has refused it, and never of a roll-back. */
	KUNIT_EXPECT_EQ(test, history_told(&stress->last.history, IOASID_NOTIFY_BIND),
			atomic_read(&stress->binds));
	KUNIT_EXPECT_GT(test, history_told(&stress->first.history, IOASID_NOTIFY_BIND),
			atomic_read(&stress->binds));
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->faults), 0);
	for (i = 0; i < REGISTRARS; i++)
		rounds += stress->registrars[i].rounds;
	kunit_info(test, "%d IDs, %d BIND, %d sets; %u subscriptions, %d with all replayed\n",
		   atomic_read(&stress->allocs), atomic_read(&stress->binds),
		   atomic_read(&stress->sets), rounds, atomic_read(&stress->replays));
	KUNIT_EXPECT_GT(test, rounds, 10);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->replays), 2);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->allocs), 1000);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(every_history_is_complete),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_stress",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: events and subscribers that race");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
