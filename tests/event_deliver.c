// SPDX-License-Identifier: GPL-2.0
/* What subscribers are told of an ID: all of it, once, and when it is true. */
#include <linux/ioasid_compat.h>

#include "events.h"
#include "fake.h"

FAKE_KIND(a)

/* One event, in all its parts. */
static void expect_line(struct story *story, unsigned int at, unsigned long val, ioasid_t id,
			ioasid_t spid, struct ioasid_set *set, void *pdata)
{
	const struct line *line = &story->lines[at];
	struct kunit *test = story->test;

	KUNIT_ASSERT_LT(test, at, story->n);
	KUNIT_EXPECT_EQ(test, line->val, val);
	KUNIT_EXPECT_EQ(test, line->args.id, id);
	KUNIT_EXPECT_EQ(test, line->args.spid, spid);
	KUNIT_EXPECT_PTR_EQ(test, line->args.set, set);
	KUNIT_EXPECT_PTR_EQ(test, line->args.pdata, pdata);
}

/* B-121: for every event, of a set and of the kernel's own, to both kinds of subscribers. */
static void every_field_is_filled(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	const ioasid_t none = INVALID_IOASID;
	unsigned int i;

	subscribe(story, "global", 0, NULL);
	must_alloc_number(test, NULL, 4, NULL);
	must_alloc_number(test, NULL, 5, story);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 0), 0);
	KUNIT_EXPECT_EQ(test, ioasid_notify(4, IOASID_NOTIFY_BIND, IOASID_NOTIFY_ALL), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 4), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	KUNIT_EXPECT_EQ(test, story->n, 6);
	expect_line(story, 0, IOASID_NOTIFY_ALLOC, 4, none, NULL, NULL);
	expect_line(story, 1, IOASID_NOTIFY_ALLOC, 5, none, NULL, story);
	expect_line(story, 2, IOASID_NOTIFY_BIND, 5, 0, NULL, story);
	expect_line(story, 3, IOASID_NOTIFY_BIND, 4, none, NULL, NULL);
	expect_line(story, 4, IOASID_NOTIFY_FREE, 4, none, NULL, NULL);
	expect_line(story, 5, IOASID_NOTIFY_FREE, 5, 0, NULL, story);
	story_forget(story);

	subscribe(story, "set", 0, set);
	must_alloc_number(test, set, 6, test);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 0xfffffffe), 0);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(6), 0);
	KUNIT_EXPECT_EQ(test, ioasid_notify(6, IOASID_NOTIFY_UNBIND,
					    IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 6), 0);
	KUNIT_EXPECT_EQ(test, story->n, 10);
	for (i = 0; i < 2; i++) {
		expect_line(story, i, IOASID_NOTIFY_ALLOC, 6, none, set, test);
		expect_line(story, i + 2, IOASID_NOTIFY_BIND, 6, 0xfffffffe, set, test);
		expect_line(story, i + 4, IOASID_NOTIFY_UNBIND, 6, 0xfffffffe, set, test);
		expect_line(story, i + 6, IOASID_NOTIFY_UNBIND, 6, none, set, test);
		expect_line(story, i + 8, IOASID_NOTIFY_FREE, 6, none, set, test);
	}
}

/* B-121: whatever it is at that moment. */
static void data_is_that_of_the_moment(struct kunit *test)
{
	struct story *story = story_new(test);
	const ioasid_t none = INVALID_IOASID;

	subscribe(story, "a", 0, NULL);
	must_alloc_number(test, NULL, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(5, story), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_detach_data(5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(5, test), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	expect_line(story, 0, IOASID_NOTIFY_ALLOC, 5, none, NULL, NULL);
	expect_line(story, 1, IOASID_NOTIFY_BIND, 5, 1, NULL, story);
	expect_line(story, 2, IOASID_NOTIFY_UNBIND, 5, 1, NULL, NULL);
	expect_line(story, 3, IOASID_NOTIFY_FREE, 5, none, NULL, test);
	KUNIT_EXPECT_EQ(test, story->n, 4);
}

/* B-125, B-127, B-128: one event for each transition, to global and set subscribers alike. */
static void each_transition_is_told_once(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	int i;

	subscribe(story, "a", 0, NULL);
	subscribe(story, "b", 0, set);
	for (i = 0; i < 3; i++) {
		must_alloc_number(test, set, 5, NULL);
		expect_story(story, "a:ALLOC(5); b:ALLOC(5)");
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
		expect_story(story, "a:BIND(5=1); b:BIND(5=1)");
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
		expect_story(story, "a:UNBIND(5=1); b:UNBIND(5=1)");
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 2), 0);
		expect_story(story, "a:BIND(5=2); b:BIND(5=2)");
		KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
		expect_story(story, "a:FREE(5=2); b:FREE(5=2)");
	}
}

/* B-127: nobody else is told. */
static void other_sets_are_not_told(struct kunit *test)
{
	struct ioasid_set *a = must_set(test, 0), *b = must_set(test, 0);
	struct story *story = story_new(test);

	subscribe(story, "a", 0, a);
	subscribe(story, "b", 0, b);
	must_alloc_number(test, a, 5, NULL);
	must_alloc_number(test, NULL, 6, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 1), 0);
	expect_story(story, "a:ALLOC(5); a:BIND(5=1)");
	must_alloc_number(test, b, 7, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 6), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 7), 0);
	expect_story(story, "b:ALLOC(7); a:FREE(5=1); b:FREE(7)");
}

/* B-078, B-128: however often it is freed, and by whatever name. */
static void freed_twice_is_told_once(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);

	subscribe(story, "a", 0, NULL);
	subscribe(story, "b", 0, set);
	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 5), 0);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 1);
	expect_story(story, "a:FREE(5); b:FREE(5)");
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 1);
	ioasid_free_all_in_set(set);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	expect_story(story, "");
	/* Nor is it told that it is reclaimed. */
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, 5));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), -ENOENT);
	KUNIT_EXPECT_EQ(test, story_count(story, NULL, IOASID_NOTIFY_FREE), 0);
}

/* B-128: what is refused is no transition. */
static void failed_calls_are_not_told(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 2);
	struct story *story = story_new(test);
	ioasid_t id;

	must_alloc_number(test, set, 5, NULL);
	must_alloc_number(test, set, 6, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	subscribe(story, "a", 0, NULL);
	subscribe(story, "b", 0, set);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -ENOSPC);
	KUNIT_EXPECT_EQ(test, -ENOSPC, ioasid_alloc_range(NULL, 5, 6, IOASID_ALLOC_LOWEST, NULL,
							  &id));
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 1), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, INVALID_IOASID), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(7, 2), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(6), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(7), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 7), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_free(WRONG_SET, 5), -EACCES);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 5), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(set, 5));
	expect_story(story, "");
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(5));
	KUNIT_EXPECT_FALSE(test, ioasid_is_active(6));
}

/* What may be done with an ID that is freed is known to those who are told so. */
static int note_freed(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	if (val != IOASID_NOTIFY_FREE)
		return NOTIFY_OK;
	sub->ret[0] = ioasid_get(args->set, args->id);
	sub->ret[1] = ioasid_is_active(args->id);
	sub->ret[2] = ioasid_find(args->set, args->id, NULL) == args->pdata;
	sub->ret[3] = ioasid_find_by_spid(args->set, args->spid, false) == args->id;
	sub->ret[4] = ioasid_find_by_spid(args->set, args->spid, true) == INVALID_IOASID;
	sub->ret[5] = ioasid_free(args->set, args->id);
	return NOTIFY_OK;
}

/* B-091, B-119, B-129: before the number can come back, and also when nobody holds it. */
static void free_is_told_before_reclaim(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *subs[] = {
		subscribe(story, "a", 0, NULL), subscribe(story, "b", 0, set),
	};
	int i;

	subs[0]->answer = note_freed;
	subs[1]->answer = note_freed;
	must_alloc_number(test, set, 5, test);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	expect_story(story, "a:FREE(5=1); b:FREE(5=1)");
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, subs[i]->ret[0], -EBUSY);
		KUNIT_EXPECT_FALSE(test, subs[i]->ret[1]);
		KUNIT_EXPECT_TRUE(test, subs[i]->ret[2]);
		KUNIT_EXPECT_TRUE(test, subs[i]->ret[3]);
		KUNIT_EXPECT_TRUE(test, subs[i]->ret[4]);
		KUNIT_EXPECT_EQ(test, subs[i]->ret[5], 1);
	}
}

static int put_in_free(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_FREE) {
		sub->ret[0] = ioasid_put(args->set, args->id);
		sub->ret[1] = is_unknown(args->id);
	}
	return NOTIFY_OK;
}

/* B-149: the owner's reference is the last to be dropped, so all are told before it ends. */
static void owner_lets_go_after_all_are_told(struct kunit *test)
{
	static const char * const names[] = { "a", "b", "c" };
	struct story *story = story_new(test);
	struct subscriber *subs[3];
	int i;

	for (i = 0; i < 3; i++) {
		subs[i] = subscribe(story, names[i], 0, NULL);
		subs[i]->answer = put_in_free;
	}
	must_alloc_number(test, NULL, 5, test);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, ioasid_get(NULL, 5), 0);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	expect_story(story, "a:FREE(5); b:FREE(5); c:FREE(5)");
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_FALSE(test, subs[i]->ret[0]);
		KUNIT_EXPECT_FALSE(test, subs[i]->ret[1]);
	}
}

/* B-128: a guest that frees before it unbinds: no event follows the end. */
static void nothing_is_told_after_free(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);

	subscribe(story, "a", 0, NULL);
	subscribe(story, "b", 0, set);
	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 5), 0);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 1);
	expect_story(story, "a:FREE(5=1); b:FREE(5=1)");
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, IOASID_NOTIFY_ALL), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, IOASID_NOTIFY_SET), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, 5));
	expect_story(story, "");
}

static int note_spid(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_BIND || val == IOASID_NOTIFY_UNBIND) {
		sub->ret[0] += ioasid_find_by_spid(args->set, args->spid, false) == args->id;
		sub->ret[1] += ioasid_find_by_spid(args->set, args->spid, true) == args->id;
		ioasid_put(args->set, args->id);
	}
	return NOTIFY_OK;
}

/* B-107: KVM has to know which entry of its table is meant. */
static void spid_is_found_while_it_comes_and_goes(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0), *sets[] = { NULL, set };
	struct story *story = story_new(test);
	struct subscriber *a = subscribe(story, "a", 0, NULL);
	int i;

	a->answer = note_spid;
	for (i = 0; i < 2; i++) {
		must_alloc_number(test, sets[i], 5 + i, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5 + i, 77), 0);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5 + i), 0);
		KUNIT_EXPECT_EQ(test, a->ret[0], 2 * i + 2);
		KUNIT_EXPECT_EQ(test, a->ret[1], 2 * i + 2);
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(5 + i), INVALID_IOASID);
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(sets[i], 77, false), INVALID_IOASID);
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5 + i), 0);
	}
}

static int take_spid(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_FREE && args->id == 5)
		sub->ret[sub->calls++] = ioasid_attach_spid(6, args->spid);
	return NOTIFY_OK;
}

/* B-119: nobody is told of the next owner of an SPID before all know that the last has gone. */
static void spid_is_free_after_free_is_told(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe(story, "a", 1, NULL);

	subscribe(story, "b", 0, set);
	a->answer = take_spid;
	must_alloc_number(test, set, 5, NULL);
	must_alloc_number(test, set, 6, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 5), 0);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 1);
	KUNIT_EXPECT_EQ(test, a->calls, 1);
	KUNIT_EXPECT_EQ(test, a->ret[0], -EEXIST);
	expect_story(story, "a:FREE(5=1); b:FREE(5=1)");
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 1), 0);
	expect_story(story, "a:BIND(6=1); b:BIND(6=1)");
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 1, false), 6);
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, 5));
	expect_story(story, "");
}

/* B-078, B-128: as by ioasid_free(), for each. */
static void bulk_free_is_told_for_each(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	int i;

	subscribe(story, "a", 0, NULL);
	subscribe(story, "b", 0, set);
	for (i = 0; i < 20; i++)
		must_alloc_in(test, i & 1 ? set : must_set(test, 0), NULL);
	story_forget(story);
	ioasid_free_all_in_set(NULL);
	expect_story(story, "");
	ioasid_free_all_in_set(set);
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_FREE), 10);
	KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_FREE), 10);
	KUNIT_EXPECT_EQ(test, story->n, 20);
}

/* B-026: an ID is told of by the number that its allocator named, or not at all. */
static void custom_numbers_are_told(struct kunit *test)
{
	static const ioasid_t answers[] = { 77, INVALID_IOASID };
	struct story *story = story_new(test);
	struct fake *fake = fake_new(test, a);
	ioasid_t id;

	subscribe(story, "a", 0, NULL);
	fake_plug(test, fake);
	fake_answers(fake, answers, ARRAY_SIZE(answers));
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, TEST_MAX, NULL), 77);
	KUNIT_EXPECT_EQ(test, -ENOSPC, ioasid_alloc_range(NULL, 1, TEST_MAX, IOASID_ALLOC_LOWEST,
							  NULL, &id));
	expect_story(story, "a:ALLOC(77)");
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 77), 0);
	expect_story(story, "a:FREE(77)");
}

/* B-121, B-127: static sets of the old interface are no sets to subscribe to. */
static void clients_of_the_old_interface_are_told_of(struct kunit *test)
{
	static int static_set;
	struct story *story = story_new(test);
	ioasid_t id;

	subscribe(story, "a", 0, NULL);
	id = ioasid_compat_alloc(&static_set, 5, 5, test);
	KUNIT_EXPECT_EQ(test, id, 5);
	ioasid_compat_get(5);
	expect_line(story, 0, IOASID_NOTIFY_ALLOC, 5, INVALID_IOASID, NULL, test);
	expect_story(story, "a:ALLOC(5)");
	ioasid_compat_free(5);
	ioasid_compat_free(5);
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
	expect_line(story, 0, IOASID_NOTIFY_FREE, 5, INVALID_IOASID, NULL, test);
	expect_story(story, "a:FREE(5)");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_field_is_filled),
	KUNIT_CASE(data_is_that_of_the_moment),
	KUNIT_CASE(each_transition_is_told_once),
	KUNIT_CASE(other_sets_are_not_told),
	KUNIT_CASE(freed_twice_is_told_once),
	KUNIT_CASE(failed_calls_are_not_told),
	KUNIT_CASE(free_is_told_before_reclaim),
	KUNIT_CASE(owner_lets_go_after_all_are_told),
	KUNIT_CASE(nothing_is_told_after_free),
	KUNIT_CASE(spid_is_found_while_it_comes_and_goes),
	KUNIT_CASE(spid_is_free_after_free_is_told),
	KUNIT_CASE(bulk_free_is_told_for_each),
	KUNIT_CASE(custom_numbers_are_told),
	KUNIT_CASE(clients_of_the_old_interface_are_told_of),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_deliver",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
