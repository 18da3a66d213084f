// SPDX-License-Identifier: GPL-2.0
/* Processes that are killed while a set is theirs. */
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/umh.h>

#include "sets.h"
#include "threads.h"

struct victim {
	struct kunit *test;
	struct task_struct *task;
	struct mm_struct *mm;
	unsigned int rounds;
	unsigned int wrong;
};

/* Runs as the process, before it is the program. */
static int note_task(struct subprocess_info *info, struct cred *new)
{
	struct victim *victim = info->data;

	victim->task = get_task_struct(current);
	return 0;
}

static void victim_kill(struct victim *victim)
{
	send_sig(SIGKILL, victim->task, 1);
}

static void victim_cleanup(void *data)
{
	struct victim *victim = data;

	victim_kill(victim);
	mmdrop(victim->mm);
	put_task_struct(victim->task);
}

/* A process that does nothing for a long time; killed at the end of the case at the latest. */
static struct victim *victim_start(struct kunit *test)
{
	char *argv[3] = { "/bin/sleep", "1000", NULL };
	char *envp[2] = { "PATH=/bin", NULL };
	struct victim *victim = kunit_kzalloc(test, sizeof(*victim), GFP_KERNEL);
	struct subprocess_info *info;

	KUNIT_ASSERT_NOT_NULL(test, victim);
	victim->test = test;
	info = call_usermodehelper_setup(argv[0], argv, envp, GFP_KERNEL, note_task, NULL, victim);
	KUNIT_ASSERT_NOT_NULL(test, info);
	KUNIT_ASSERT_EQ(test, call_usermodehelper_exec(info, UMH_WAIT_EXEC), 0);
	KUNIT_ASSERT_NOT_NULL(test, victim->task);
	victim->mm = get_task_mm(victim->task);
	KUNIT_ASSERT_NOT_NULL(test, victim->mm);
	mmgrab(victim->mm);
	mmput(victim->mm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, victim_cleanup, victim), 0);
	return victim;
}

static bool is_dead(struct victim *victim)
{
	return !atomic_read(&victim->mm->mm_users);
}

/* B-037, B-043: nobody calls anything, and all is freed. */
static void killed_process_leaves_nothing(struct kunit *test)
{
	struct victim *victim = victim_start(test);
	struct ioasid_set *set = must_set_of(test, victim->mm, 10);
	ioasid_t ids[5];
	int i;

	KUNIT_EXPECT_FALSE(test, is_dead(victim));
	for (i = 0; i < 5; i++) {
		ids[i] = must_alloc_in(test, set, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(ids[i], victim->mm), 0);
		KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, ids[i]));
	}
	victim_kill(victim);
	KUNIT_EXPECT_TRUE(test, eventually(is_dead(victim)));
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_TRUE(test, eventually(is_unknown(ids[i])));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(victim->mm), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(victim->mm, 1, IOASID_SET_TYPE_MM),
			    ERR_PTR(-ESRCH));
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 10000), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* B-050, B-092, B-208: the device still has what it was given. */
static void killed_process_leaves_held_ids_pending(struct kunit *test)
{
	struct victim *victim = victim_start(test);
	struct ioasid_set *set = must_set_of(test, victim->mm, 10);
	ioasid_t held = must_alloc_in(test, set, NULL), other = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(held, victim->mm), 0);
	victim_kill(victim);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(other)));
	KUNIT_EXPECT_TRUE(test, eventually(ioasid_get(NULL, held) == -EBUSY ||
					   ioasid_put(NULL, held)));
	KUNIT_EXPECT_TRUE(test, put_reclaims(held));
	KUNIT_EXPECT_TRUE(test, eventually(capacity_left() == capacity_in_all()));
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
}

/* B-050: first the set, then the process. */
static void process_outlives_its_set(struct kunit *test)
{
	struct victim *victim = victim_start(test);
	struct ioasid_set *set = must_set_of(test, victim->mm, 10);

	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_FALSE(test, is_dead(victim));
	victim_kill(victim);
	KUNIT_EXPECT_TRUE(test, eventually(is_dead(victim)));
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

#define VICTIMS 20

/* What a VMM does all its life. */
static void live(void *data)
{
	struct victim *victim = data;
	struct mm_struct *mm;

	while ((mm = get_task_mm(victim->task))) {
		struct ioasid_set *set = ioasid_alloc_set(mm, 4, IOASID_SET_TYPE_MM);
		ioasid_t first, second;

		/* As a device that was opened by the process, and has no share in its life. */
		mmput(mm);
		if (IS_ERR(set)) {
			victim->wrong += set != ERR_PTR(-ESRCH);
			continue;
		}
		victim->rounds++;
		first = ioasid_alloc(set, 1, TEST_MAX, NULL);
		second = ioasid_alloc(set, 1, TEST_MAX, NULL);
		ioasid_attach_spid(first, victim->rounds);
		ioasid_attach_spid(second, 0);
		if (first != INVALID_IOASID && !ioasid_get(set, first)) {
			if (victim->rounds & 1)
				ioasid_free(set, first);
			ioasid_put(set, first);
		}
		if (victim->rounds & 2)
			ioasid_free(set, second);
		victim->wrong += ioasid_set_free(set) < 0;
		cond_resched();
	}
}

/* B-043, B-063, B-224: SIGKILL in the middle of whatever it is. */
static void processes_are_killed_at_random(struct kunit *test)
{
	struct victim *victims[VICTIMS];
	struct helper *helpers[VICTIMS];
	u32 seed = get_random_u32();
	struct rnd_state rnd;
	unsigned int rounds = 0;
	int i;

	kunit_info(test, "seed=%u\n", seed);
	prandom_seed_state(&rnd, seed);
	for (i = 0; i < VICTIMS; i++) {
		victims[i] = victim_start(test);
		helpers[i] = helper_start(test, live, victims[i]);
	}
	for (i = 0; i < VICTIMS; i++) {
		usleep_range(prandom_u32_state(&rnd) % 50000, 60000);
		victim_kill(victims[i]);
	}
	for (i = 0; i < VICTIMS; i++) {
		helper_join(test, helpers[i]);
		KUNIT_EXPECT_TRUE(test, eventually(is_dead(victims[i])));
		KUNIT_EXPECT_EQ(test, victims[i]->wrong, 0);
		KUNIT_EXPECT_TRUE(test, eventually(ioasid_find_mm_set(victims[i]->mm) ==
						   ERR_PTR(-ENOENT)));
		rounds += victims[i]->rounds;
	}
	kunit_info(test, "%u sets\n", rounds);
	KUNIT_EXPECT_GT(test, rounds, VICTIMS);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(killed_process_leaves_nothing),
	KUNIT_CASE(killed_process_leaves_held_ids_pending),
	KUNIT_CASE(process_outlives_its_set),
	KUNIT_CASE_SLOW(processes_are_killed_at_random),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_process",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
