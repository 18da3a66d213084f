// SPDX-License-Identifier: GPL-2.0
/* No memory: subscriptions, and events. */
#include "events.h"
#include "oom.h"

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

struct place {
	struct mm_struct *mm;
	struct ioasid_set *set;
	/* An mm without a set. */
	struct mm_struct *bare;
};

struct scope {
	const char *name;
	int (*begin)(struct place *place, struct notifier_block *nb);
	void (*end)(struct place *place, struct notifier_block *nb);
	/* What it is told while it is registered. */
	const char *replay;
};

static int begin_global(struct place *place, struct notifier_block *nb)
{
	return ioasid_register_notifier(NULL, nb);
}

static int replay_global(struct place *place, struct notifier_block *nb)
{
	return ioasid_register_notifier_replay(NULL, nb);
}

static void end_global(struct place *place, struct notifier_block *nb)
{
	ioasid_unregister_notifier(NULL, nb);
}

static int begin_set(struct place *place, struct notifier_block *nb)
{
	return ioasid_register_notifier(place->set, nb);
}

static int replay_set(struct place *place, struct notifier_block *nb)
{
	return ioasid_register_notifier_replay(place->set, nb);
}

static void end_set(struct place *place, struct notifier_block *nb)
{
	ioasid_unregister_notifier(place->set, nb);
}

static int replay_mm(struct place *place, struct notifier_block *nb)
{
	return ioasid_register_notifier_mm_replay(place->mm, nb);
}

static void end_mm(struct place *place, struct notifier_block *nb)
{
	ioasid_unregister_notifier_mm(place->mm, nb);
}

static int begin_pending(struct place *place, struct notifier_block *nb)
{
	return ioasid_register_notifier_mm(place->bare, nb);
}

static void end_pending(struct place *place, struct notifier_block *nb)
{
	ioasid_unregister_notifier_mm(place->bare, nb);
}

#define REPLAYED "a:ALLOC(5=1); a:BIND(5=1)"

static const struct scope scopes[] = {
	{ "global", begin_global, end_global, "" },
	{ "global with replay", replay_global, end_global, REPLAYED },
	{ "set", begin_set, end_set, "" },
	{ "set with replay", replay_set, end_set, REPLAYED },
	{ "mm with replay", replay_mm, end_mm, REPLAYED },
	{ "mm without set", begin_pending, end_pending, "" },
};

KUNIT_ARRAY_PARAM_DESC(scopes, scopes, name)

/* B-086, B-141, B-158: no subscription and no trace of one; it can be made later. */
static void register_without_memory_is_enomem(struct kunit *test)
{
	const struct scope *scope = test->param_value;
	struct sweep sweep = { .test = test, .what = scope->name };
	struct place place = { .mm = must_mm(test), .bare = must_mm(test) };
	struct story *story = story_new(test);
	struct subscriber *sub = subscriber_new(story, "a", 0);
	int err, count, bare_count = atomic_read(&place.bare->mm_count);

	need_injection(test);
	place.set = must_set_of(test, place.mm, 0);
	count = atomic_read(&place.mm->mm_count);
	must_alloc_number(test, place.set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	while (sweep_next(&sweep)) {
		err = scope->begin(&place, &sub->nb);
		sweep_done(&sweep, err);
		if (!err) {
			expect_story(story, scope->replay);
			/* Which needs no memory. */
			fail_from(1);
			scope->end(&place, &sub->nb);
			fail_end();
		}
		/* What was told before it failed was the last. */
		story_forget(story);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
		expect_story(story, "");
		/* With memory everything of it goes, with the next one at the latest. */
		unsubscribe(subscribe(story, "next", 0, NULL));
		KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&place.mm->mm_count) == count));
		KUNIT_EXPECT_TRUE(test,
				  eventually(atomic_read(&place.bare->mm_count) == bare_count));
	}
	KUNIT_EXPECT_GT(test, sweep.refused, 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(place.set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(place.set)));
}

/* B-086, B-128: an allocation that fails is not told of, or it has ended as well. */
static void failed_alloc_is_not_told(struct kunit *test)
{
	struct sweep sweep = { .test = test, .what = "alloc with subscribers" };
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	ioasid_t id;
	int err;

	need_injection(test);
	subscribe(story, "a", 1, NULL);
	subscribe(story, "b", 0, set);
	while (sweep_next(&sweep)) {
		err = ioasid_alloc_range(set, 0x34560, 0x34560, IOASID_ALLOC_LOWEST, NULL, &id);
		sweep_done(&sweep, err);
		if (err) {
			expect_story(story, "");
		} else {
			expect_story(story, "a:ALLOC(214368); b:ALLOC(214368)");
			KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 0);
			expect_story(story, "a:FREE(214368); b:FREE(214368)");
		}
		KUNIT_EXPECT_TRUE(test, eventually(is_unknown(0x34560)));
	}
	KUNIT_EXPECT_GT(test, sweep.refused, 0);
}

/* B-063, B-144: nor is a set; those who wait for it wait for the next one. */
static void failed_set_is_not_told(struct kunit *test)
{
	struct sweep sweep = { .test = test, .what = "set with subscribers" };
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct ioasid_set *set;

	need_injection(test);
	subscribe_mm(story, "a", 1, mm);
	subscribe(story, "b", 0, NULL);
	subscribe_mm(story, "c", -1, mm);
	while (sweep_next(&sweep)) {
		set = ioasid_alloc_set(mm, 20, IOASID_SET_TYPE_MM);
		sweep_done(&sweep, PTR_ERR_OR_ZERO(set));
		if (IS_ERR(set)) {
			expect_story(story, "");
			continue;
		}
		must_alloc_number(test, set, 5, NULL);
		expect_story(story, "a:SET_ALLOC; b:SET_ALLOC; c:SET_ALLOC; "
				    "a:ALLOC(5); b:ALLOC(5); c:ALLOC(5)");
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
		KUNIT_EXPECT_TRUE(test,
				  eventually(story_count(story, "c", IOASID_NOTIFY_SET_FREE)));
		expect_story(story, "a:FREE(5); b:FREE(5); c:FREE(5); a:SET_FREE; b:SET_FREE; "
				    "c:SET_FREE");
	}
	KUNIT_EXPECT_GT(test, sweep.refused, 0);
}

/* B-128, B-152: a BIND that could not be made is told of to nobody, or is taken back from all. */
static void failed_attach_is_not_told(struct kunit *test)
{
	static const ioasid_t spids[] = { 0, 5, BIT(19), 0xfffffffe };
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	unsigned int injected = 0;
	size_t i;
	int err;

	need_injection(test);
	subscribe(story, "a", 0, set);
	must_alloc_number(test, set, 5, NULL);
	story_forget(story);
	for (i = 0; i < ARRAY_SIZE(spids); i++) {
		unsigned int points = 0;
		bool failed = true;

		while (failed && points < MAX_POINTS) {
			fail_from(++points);
			err = ioasid_attach_spid(5, spids[i]);
			failed = fail_end();
			if (err) {
				KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			} else {
				KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
				KUNIT_EXPECT_EQ(test, 1,
						story_count(story, "a", IOASID_NOTIFY_BIND));
			}
			KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_BIND),
					story_count(story, "a", IOASID_NOTIFY_UNBIND));
			story_forget(story);
			injected += failed;
		}
		KUNIT_EXPECT_LT(test, points, MAX_POINTS);
	}
	KUNIT_EXPECT_GT(test, injected, 0);
}

static int detach_in_bind(struct subscriber *sub, unsigned long val,
			  const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_BIND)
		sub->ret[0] = sub->calls++ & 1 ? ioasid_detach_spid(args->id) :
				ioasid_notify(args->id, IOASID_NOTIFY_UNBIND, BOTH);
	return NOTIFY_OK;
}

/* B-084, B-136: what cannot be refused needs no memory, nor does what has to wait its turn. */
static void events_need_no_memory(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe(story, "a", 0, set);
	int ret[6], n, i;

	need_injection(test);
	for (n = 1; n <= 4; n++) {
		must_alloc_number(test, set, 5, NULL);
		must_alloc_number(test, set, 6, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
		a->answer = detach_in_bind;
		a->calls = 0;
		story_forget(story);
		fail_from(n);
		ret[0] = ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH);
		ret[1] = a->ret[0];
		ret[2] = ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH);
		ret[3] = a->ret[0];
		ret[4] = ioasid_free(set, 5);
		ret[5] = ioasid_set_free(set);
		fail_end();
		for (i = 0; i < ARRAY_SIZE(ret); i++)
			KUNIT_EXPECT_EQ_MSG(test, ret[i], 0, "call %d at %d", i, n);
		unsubscribe(a);
		KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
		if (story_count(story, "a", IOASID_NOTIFY_SET_FREE))
			story->n--;
		expect_story(story, "a:BIND(5=1); a:UNBIND(5=1); a:BIND(5=1); a:UNBIND(5=1); "
				    "a:FREE(5); a:FREE(6)");
		set = must_set(test, 0);
		must_subscribe(a, set);
		a->answer = NULL;
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(register_without_memory_is_enomem, scopes_gen_params),
	KUNIT_CASE(failed_alloc_is_not_told),
	KUNIT_CASE(failed_set_is_not_told),
	KUNIT_CASE(failed_attach_is_not_told),
	KUNIT_CASE(events_need_no_memory),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_oom",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
