// SPDX-License-Identifier: GPL-2.0
/* Subscribers who come later and are told what is there. */
#include <linux/vmalloc.h>

#include "events.h"
#include "history.h"
#include "threads.h"

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

enum scope { GLOBAL, SET, MM };

static const char * const scope_names[] = { "global", "set", "mm" };

static void scope_name(const enum scope *scope, char *name)
{
	strscpy(name, scope_names[*scope], KUNIT_PARAM_DESC_SIZE);
}

static const enum scope scopes[] = { GLOBAL, SET, MM };

KUNIT_ARRAY_PARAM(scopes, scopes, scope_name)

struct scene {
	struct mm_struct *mm;
	struct ioasid_set *set;
	struct ioasid_set *other;
	struct story *story;
	enum scope scope;
};

/*
 * 5: idle, 6: active, 7: freed and held, 8: active, freed and held, all of the set; 9: active, of
 * another one; 10: the kernel's.
 */
static void scene_init(struct kunit *test, struct scene *scene)
{
	ioasid_t id;

	scene->scope = *(const enum scope *)test->param_value;
	scene->mm = must_mm(test);
	scene->set = must_set_of(test, scene->mm, 0);
	scene->other = must_set(test, 0);
	scene->story = story_new(test);
	for (id = 5; id <= 8; id++)
		must_alloc_number(test, scene->set, id, (void *)(100UL + id));
	must_alloc_number(test, scene->other, 9, NULL);
	must_alloc_number(test, NULL, 10, test);
	KUNIT_ASSERT_EQ(test, ioasid_attach_spid(6, 1), 0);
	KUNIT_ASSERT_EQ(test, ioasid_attach_spid(8, 3), 0);
	KUNIT_ASSERT_EQ(test, ioasid_attach_spid(9, 1), 0);
	for (id = 7; id <= 8; id++) {
		KUNIT_ASSERT_EQ(test, ioasid_get(NULL, id), 0);
		KUNIT_ASSERT_EQ(test, ioasid_free(NULL, id), 1);
	}
}

/* What the sets do not take with them. */
static void scene_end(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, 7));
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, 8));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 10), 0);
}

static int replay_err(struct scene *scene, struct notifier_block *nb)
{
	switch (scene->scope) {
	case GLOBAL:
		return ioasid_register_notifier_replay(NULL, nb);
	case SET:
		return ioasid_register_notifier_replay(scene->set, nb);
	default:
		return ioasid_register_notifier_mm_replay(scene->mm, nb);
	}
}

static void replay_end(struct scene *scene, struct notifier_block *nb)
{
	if (scene->scope == MM)
		ioasid_unregister_notifier_mm(scene->mm, nb);
	else
		ioasid_unregister_notifier(scene->scope == SET ? scene->set : NULL, nb);
}

static struct subscriber *replay(struct scene *scene, const char *name,
				 int (*answer)(struct subscriber *sub, unsigned long val,
					       const struct ioasid_nb_args *args))
{
	struct subscriber *sub = subscriber_new(scene->story, name, 0);
	struct kunit *test = scene->story->test;

	sub->set = scene->scope == SET ? scene->set : NULL;
	sub->mm = scene->scope == MM ? scene->mm : NULL;
	sub->answer = answer;
	KUNIT_ASSERT_EQ(test, replay_err(scene, &sub->nb), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, subscriber_leave, sub), 0);
	return sub;
}

/* What was told of an ID, as letters: A, B, U, F. */
static const char *told_of(struct story *story, const char *who, ioasid_t id)
{
	static char letters[16];
	unsigned int i, n = 0;

	for (i = 0; i < story->n && n < sizeof(letters) - 1; i++) {
		if (story->lines[i].args.id == id && !strcmp(story->lines[i].who, who))
			letters[n++] = " AFBUSS"[story->lines[i].val];
	}
	letters[n] = '\0';
	return letters;
}

/* B-121, B-143: each that is there, once, before the call returns. */
static void what_is_there_is_told(struct kunit *test)
{
	struct scene scene;
	unsigned int i;

	scene_init(test, &scene);
	subscribe(scene.story, "old", 5, NULL);
	replay(&scene, "new", NULL);
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "new", 5), "A");
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "new", 6), "AB");
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "new", 7), "");
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "new", 8), "");
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "new", 9), scene.scope ? "" : "AB");
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "new", 10), scene.scope ? "" : "A");
	/* And nobody else, of nothing else. */
	KUNIT_EXPECT_EQ(test, scene.story->n, scene.scope ? 3 : 6);
	for (i = 0; i < scene.story->n; i++) {
		const struct line *line = &scene.story->lines[i];
		bool ours = line->args.id <= 6;

		KUNIT_EXPECT_STREQ(test, line->who, "new");
		KUNIT_EXPECT_PTR_EQ(test, line->args.pdata, ours ?
				    (void *)(100UL + line->args.id) :
				    line->args.id == 9 ? NULL : (void *)test);
		KUNIT_EXPECT_PTR_EQ(test, line->args.set,
				    ours ? scene.set : line->args.id == 9 ? scene.other : NULL);
		if (line->val == IOASID_NOTIFY_BIND)
			KUNIT_EXPECT_EQ(test, line->args.spid, 1);
	}
	story_forget(scene.story);
	/* From then on it is as any other one. */
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(6), 0);
	expect_story(scene.story, "old:UNBIND(6=1); new:UNBIND(6=1)");
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	expect_story(scene.story, "old:FREE(5); new:FREE(5)");
	scene_end(test);
	expect_story(scene.story, scene.scope ? "old:FREE(10)" : "old:FREE(10); new:FREE(10)");
	must_alloc_number(test, scene.set, 7, NULL);
	expect_story(scene.story, "old:ALLOC(7); new:ALLOC(7)");
}

/* B-142: the second time there is nothing to be told. */
static void replay_happens_once(struct kunit *test)
{
	struct scene scene;
	struct subscriber *new;
	unsigned int n;

	scene_init(test, &scene);
	new = replay(&scene, "new", NULL);
	n = scene.story->n;
	KUNIT_EXPECT_EQ(test, replay_err(&scene, &new->nb), -EEXIST);
	KUNIT_EXPECT_EQ(test, scene.story->n, n);
	unsubscribe(new);
	story_forget(scene.story);
	replay(&scene, "again", NULL);
	KUNIT_EXPECT_EQ(test, scene.story->n, n);
	scene_end(test);
}

static int refuse(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	return notifier_from_errno(-EXDEV);
}

/* B-152: what has happened already cannot be refused. */
static void refusals_do_not_count(struct kunit *test)
{
	struct scene scene;
	struct subscriber *new;

	scene_init(test, &scene);
	subscribe(scene.story, "old", 5, NULL);
	new = replay(&scene, "new", refuse);
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "new", 5), "A");
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "new", 6), "AB");
	KUNIT_EXPECT_EQ(test, story_count(scene.story, NULL, IOASID_NOTIFY_UNBIND), 0);
	KUNIT_EXPECT_EQ(test, story_count(scene.story, "old", IOASID_NOTIFY_BIND), 0);
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(6));
	story_forget(scene.story);
	/* What happens now can. */
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 4), -EXDEV);
	expect_story(scene.story, "old:BIND(5=4); new:BIND(5=4); old:UNBIND(5=4)");
	new->answer = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(6), 0);
	expect_story(scene.story, "old:UNBIND(6=1); new:UNBIND(6=1)");
	scene_end(test);
}

static int end_ids(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	if (args->id == 5 && val == IOASID_NOTIFY_ALLOC)
		sub->ret[0] = ioasid_free(NULL, 5);
	if (args->id == 6 && val == IOASID_NOTIFY_BIND)
		sub->ret[1] = ioasid_detach_spid(6);
	return NOTIFY_OK;
}

/* B-137, B-149: an ID is busy while it is replayed, so what is done to it comes after. */
static void handlers_may_change_what_is_replayed(struct kunit *test)
{
	struct scene scene;
	struct subscriber *new;

	scene_init(test, &scene);
	subscribe(scene.story, "old", 5, NULL);
	new = replay(&scene, "new", end_ids);
	KUNIT_EXPECT_EQ(test, new->ret[0], 1);
	KUNIT_EXPECT_EQ(test, new->ret[1], 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
	KUNIT_EXPECT_TRUE(test, eventually(ioasid_find_spid(6) == INVALID_IOASID));
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "new", 5), "AF");
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "old", 5), "F");
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "new", 6), "ABU");
	KUNIT_EXPECT_STREQ(test, told_of(scene.story, "old", 6), "U");
	scene_end(test);
}

/* B-143, B-144: what is not there yet is told of when it comes. */
static void replay_of_mm_without_set_is_empty(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct subscriber *sub = subscriber_new(story, "a", 0);
	int i;

	must_alloc_number(test, NULL, 4, NULL);
	sub->mm = mm;
	KUNIT_ASSERT_EQ(test, ioasid_register_notifier_mm_replay(mm, &sub->nb), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, subscriber_leave, sub), 0);
	expect_story(story, "");
	for (i = 0; i < 3; i++) {
		struct ioasid_set *set = must_set_of(test, mm, 0);

		must_alloc_number(test, set, 5, NULL);
		expect_story(story, "a:SET_ALLOC; a:ALLOC(5)");
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
		KUNIT_EXPECT_TRUE(test,
				  eventually(story_count(story, "a", IOASID_NOTIFY_SET_FREE)));
		expect_story(story, "a:FREE(5); a:SET_FREE");
	}
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 4), 0);
}

#define TRAFFIC_IDS 24

struct traffic {
	struct ioasid_set *sets[2];
	unsigned int rounds;
	bool stop;
};

/* Lives of IDs of a set and of the kernel's own, as fast as it goes. */
static void make_traffic(void *data)
{
	struct traffic *traffic = data;
	ioasid_t ids[TRAFFIC_IDS];
	unsigned long flags;
	int i;

	while (!READ_ONCE(traffic->stop)) {
		for (i = 0; i < TRAFFIC_IDS; i++) {
			ids[i] = ioasid_alloc(traffic->sets[i & 1], 50, 99, &ids[i]);
			if (i % 3)
				ioasid_attach_spid(ids[i], i);
			cond_resched();
		}
		for (i = 0; i < TRAFFIC_IDS; i++) {
			if (i % 3 == 1)
				ioasid_detach_spid(ids[i]);
			if (i % 5 == 1)
				local_irq_save(flags);
			ioasid_free(NULL, ids[i]);
			if (i % 5 == 1)
				local_irq_restore(flags);
		}
		traffic->rounds++;
	}
}

static void history_release(void *history)
{
	vfree(history);
}

/* B-128, B-143: no event is lost between the replay and what follows, and none is told twice. */
static void replay_agrees_with_racing_events(struct kunit *test)
{
	struct traffic traffic = {};
	unsigned int rounds = 0, told = 0, faults = 0;
	unsigned long end = jiffies + 4 * HZ;
	struct history *history = vmalloc(sizeof(*history));
	struct helper *helper;
	struct scene scene;

	KUNIT_ASSERT_NOT_NULL(test, history);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, history_release, history), 0);
	scene_init(test, &scene);
	traffic.sets[0] = scene.set;
	helper = helper_start(test, make_traffic, &traffic);
	while (time_before(jiffies, end)) {
		history_init(history, scope_names[scene.scope], rounds % 4, true);
		KUNIT_EXPECT_EQ(test, replay_err(&scene, &history->nb), 0);
		/* These are there all the time. */
		if (history->ids[5].chapter != CHAPTER_IDLE ||
		    history->ids[6].chapter != CHAPTER_BOUND ||
		    history->ids[7].chapter != CHAPTER_NONE)
			faults++;
		if (rounds & 1)
			usleep_range(100, 3000);
		replay_end(&scene, &history->nb);
		WRITE_ONCE(history->closed, true);
		told += history_told(history, IOASID_NOTIFY_FREE);
		faults += atomic_read(&history->faults);
		if (faults)
			break;
		rounds++;
	}
	WRITE_ONCE(traffic.stop, true);
	helper_join(test, helper);
	KUNIT_EXPECT_EQ(test, atomic_read(&history->faults), 0);
	KUNIT_EXPECT_EQ(test, faults, 0);
	KUNIT_EXPECT_GT(test, rounds, 10);
	KUNIT_EXPECT_GT(test, traffic.rounds, 10);
	KUNIT_EXPECT_GT(test, told, 10);
	kunit_info(test, "%u registrations, %u rounds of %u IDs\n", rounds, traffic.rounds,
		   TRAFFIC_IDS);
	scene_end(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(what_is_there_is_told, scopes_gen_params),
	KUNIT_CASE_PARAM(replay_happens_once, scopes_gen_params),
	KUNIT_CASE_PARAM(refusals_do_not_count, scopes_gen_params),
	KUNIT_CASE_PARAM(handlers_may_change_what_is_replayed, scopes_gen_params),
	KUNIT_CASE(replay_of_mm_without_set_is_empty),
	KUNIT_CASE_PARAM(replay_agrees_with_racing_events, scopes_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_replay",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
