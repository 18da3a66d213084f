// SPDX-License-Identifier: GPL-2.0
/* The beginning and the end of sets, as their subscribers see it. */
#include "events.h"

static bool set_is_told_gone(struct story *story, unsigned int times)
{
	return story_count(story, NULL, IOASID_NOTIFY_SET_FREE) >= times;
}

/* B-153: one event at each end, and what is between them is between them. */
static void begin_and_end_are_told(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	int i;

	subscribe(story, "a", 0, NULL);
	subscribe(story, "b", 1, NULL);
	for (i = 0; i < 4; i++) {
		struct ioasid_set *set = must_set_of(test, i & 1 ? mm : NULL, i);

		expect_story(story, "b:SET_ALLOC; a:SET_ALLOC");
		must_alloc_number(test, set, 5, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
		expect_story(story, "b:ALLOC(5); a:ALLOC(5); b:FREE(5); a:FREE(5)");
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
		KUNIT_EXPECT_TRUE(test, eventually(set_is_told_gone(story, 2)));
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), -EINVAL);
		expect_story(story, "b:SET_FREE; a:SET_FREE");
	}
}

/* B-121: no ID, no SPID, no data; the set is the one that the caller gets. */
static void fields_of_set_events_are_filled(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct ioasid_set *set;
	unsigned int i;

	subscribe(story, "a", 0, NULL);
	subscribe_mm(story, "b", 0, mm);
	set = must_set_of(test, mm, 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(set_is_told_gone(story, 2)));
	KUNIT_EXPECT_EQ(test, story->n, 4);
	for (i = 0; i < 4; i++) {
		const struct line *line = &story->lines[i];

		KUNIT_EXPECT_EQ(test, line->val,
				i < 2 ? IOASID_NOTIFY_SET_ALLOC : IOASID_NOTIFY_SET_FREE);
		KUNIT_EXPECT_EQ(test, line->args.id, INVALID_IOASID);
		KUNIT_EXPECT_EQ(test, line->args.spid, INVALID_IOASID);
		KUNIT_EXPECT_PTR_EQ(test, line->args.set, set);
		KUNIT_EXPECT_PTR_EQ(test, line->args.pdata, NULL);
	}
}

/* B-046, B-153: each of its IDs is freed first. */
static void ids_end_before_their_set(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct ioasid_set *set;
	int i;

	subscribe(story, "a", 0, NULL);
	subscribe_mm(story, "b", 0, mm);
	set = must_set_of(test, mm, 0);
	for (i = 0; i < 20; i++) {
		ioasid_t id = must_alloc_in(test, set, NULL);

		if (i & 1)
			KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, i), 0);
		if (!(i % 4))
			KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 0);
	}
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(set_is_told_gone(story, 2)));
	KUNIT_EXPECT_EQ(test, story->n, 2 * 15 + 2);
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_FREE), 15);
	KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_FREE), 15);
	KUNIT_EXPECT_EQ(test, story->lines[story->n - 2].val, IOASID_NOTIFY_SET_FREE);
	KUNIT_EXPECT_EQ(test, story->lines[story->n - 1].val, IOASID_NOTIFY_SET_FREE);
}

/* B-047, B-153: neither with an ID that is held, nor with a reference. */
static void set_ends_after_its_last_holder(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);

	subscribe(story, "a", 0, NULL);
	must_alloc_number(test, set, 5, NULL);
	must_alloc_number(test, set, 6, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_get(set), 0);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_FREE), 2);
	KUNIT_EXPECT_EQ(test, story->n, 2);
	story_forget(story);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, 5));
	msleep(50);
	expect_story(story, "");
	ioasid_set_put(set);
	KUNIT_EXPECT_TRUE(test, eventually(set_is_told_gone(story, 1)));
	expect_story(story, "a:SET_FREE");
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* B-046: a creator that puts, as clients of the first series do. */
static void last_put_of_a_set_is_told(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);

	subscribe(story, "a", 0, NULL);
	must_alloc_number(test, set, 5, NULL);
	story_forget(story);
	ioasid_set_put(set);
	KUNIT_EXPECT_TRUE(test, eventually(set_is_told_gone(story, 1)));
	expect_story(story, "a:FREE(5); a:SET_FREE");
}

static int use_handle(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	struct ioasid_set_usage usage = {};
	int at = val == IOASID_NOTIFY_SET_ALLOC ? 0 : 4;

	sub->ret[at] = ioasid_set_query(args->set, &usage);
	sub->ret[at + 1] = ioasid_set_get(args->set);
	if (!sub->ret[at + 1])
		ioasid_set_put(args->set);
	sub->ret[at + 2] = ioasid_set_policy(args->set, IOASID_ALLOC_TOP_DOWN);
	sub->ret[at + 3] = usage.use + usage.spids;
	return NOTIFY_OK;
}

/* B-153: the set is complete when it is told of, and still there when its end is. */
static void handle_is_good_in_handlers(struct kunit *test)
{
	struct story *story = story_new(test);
	struct subscriber *a = subscribe(story, "a", 0, NULL);
	struct ioasid_set *set;

	a->answer = use_handle;
	set = must_set(test, 20);
	KUNIT_EXPECT_EQ(test, a->ret[0], 0);
	KUNIT_EXPECT_EQ(test, a->ret[1], 0);
	KUNIT_EXPECT_EQ(test, a->ret[2], 0);
	KUNIT_EXPECT_EQ(test, a->ret[3], 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(set_is_told_gone(story, 1)));
	unsubscribe(a);
	KUNIT_EXPECT_EQ(test, a->ret[4], 0);
	KUNIT_EXPECT_EQ(test, a->ret[5], -EBUSY);
	KUNIT_EXPECT_EQ(test, a->ret[6], 0);
	KUNIT_EXPECT_EQ(test, a->ret[7], 0);
}

static int answer_badly(struct subscriber *sub, unsigned long val,
			const struct ioasid_nb_args *args)
{
	static const int answers[] = {
		NOTIFY_BAD, NOTIFY_STOP, NOTIFY_DONE, NOTIFY_STOP_MASK, -EPERM, -1, INT_MIN,
		INT_MAX,
	};

	if (val == IOASID_NOTIFY_BIND)
		return NOTIFY_OK;
	return answers[sub->calls++ % ARRAY_SIZE(answers)];
}

/* B-151: an answer to anything but BIND counts for nothing. */
static void answers_do_not_count(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct subscriber *rude = subscribe(story, "rude", 1, NULL);
	struct ioasid_set *set;
	int i;

	subscribe(story, "a", 0, NULL);
	subscribe_mm(story, "b", 0, mm);
	rude->answer = answer_badly;
	for (i = 0; i < 8; i++) {
		set = must_set_of(test, mm, 0);
		expect_story(story, "rude:SET_ALLOC; a:SET_ALLOC; b:SET_ALLOC");
		must_alloc_number(test, set, 5, NULL);
		expect_story(story, "rude:ALLOC(5); a:ALLOC(5); b:ALLOC(5)");
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
		story_forget(story);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
		expect_story(story, "rude:UNBIND(5=1); a:UNBIND(5=1); b:UNBIND(5=1)");
		KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, IOASID_NOTIFY_ALL |
						    IOASID_NOTIFY_SET), 0);
		expect_story(story, "rude:UNBIND(5); a:UNBIND(5); b:UNBIND(5)");
		KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
		expect_story(story, "rude:FREE(5); a:FREE(5); b:FREE(5)");
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
		KUNIT_EXPECT_TRUE(test, eventually(set_is_told_gone(story, 3)));
		expect_story(story, "rude:SET_FREE; a:SET_FREE; b:SET_FREE");
	}
	/* Six in each round: they were not all the same. */
	KUNIT_EXPECT_EQ(test, rude->calls, 48);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(begin_and_end_are_told),
	KUNIT_CASE(fields_of_set_events_are_filled),
	KUNIT_CASE(ids_end_before_their_set),
	KUNIT_CASE(set_ends_after_its_last_holder),
	KUNIT_CASE(last_put_of_a_set_is_told),
	KUNIT_CASE(handle_is_good_in_handlers),
	KUNIT_CASE(answers_do_not_count),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_set",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
