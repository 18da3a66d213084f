// SPDX-License-Identifier: GPL-2.0
/* Events of an ID that meet its other events: passes never overlap, and nothing is lost. */
#include "events.h"

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

struct busy {
	struct story *story;
	struct ioasid_set *set;
	/* "a" is told first. */
	struct subscriber *a, *b;
};

static void busy_init(struct kunit *test, struct busy *busy,
		      int (*answer)(struct subscriber *sub, unsigned long val,
				    const struct ioasid_nb_args *args))
{
	busy->set = must_set(test, 0);
	busy->story = story_new(test);
	busy->a = subscribe(busy->story, "a", 1, NULL);
	busy->b = subscribe(busy->story, "b", 0, busy->set);
	busy->a->answer = answer;
}

static int free_this(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	if (val == (unsigned long)sub->data) {
		sub->ret[0] = ioasid_free(args->set, args->id);
		sub->ret[1] = ioasid_free(args->set, args->id);
		sub->ret[2] = ioasid_get(args->set, args->id);
		sub->calls++;
	}
	return NOTIFY_OK;
}

static void expect_freed_in_handler(struct kunit *test, struct busy *busy)
{
	KUNIT_EXPECT_EQ(test, busy->a->calls, 1);
	KUNIT_EXPECT_EQ(test, busy->a->ret[0], 1);
	KUNIT_EXPECT_EQ(test, busy->a->ret[1], 1);
	KUNIT_EXPECT_EQ(test, busy->a->ret[2], -EBUSY);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
	busy->a->calls = 0;
	busy->a->data = NULL;
}

/* B-128, B-137, B-149: FREE is handed to the pass that runs, which all are told of first. */
static void handler_frees_its_own_id(struct kunit *test)
{
	struct busy busy;
	unsigned int i;

	busy_init(test, &busy, free_this);
	busy.a->data = (void *)(unsigned long)IOASID_NOTIFY_ALLOC;
	must_alloc_number(test, busy.set, 5, test);
	expect_freed_in_handler(test, &busy);
	expect_story(busy.story, "a:ALLOC(5); b:ALLOC(5); a:FREE(5); b:FREE(5)");

	must_alloc_number(test, busy.set, 5, test);
	story_forget(busy.story);
	busy.a->data = (void *)(unsigned long)IOASID_NOTIFY_BIND;
	ioasid_attach_spid(5, 7);
	expect_freed_in_handler(test, &busy);
	expect_story(busy.story, "a:BIND(5=7); b:BIND(5=7); a:FREE(5=7); b:FREE(5=7)");
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(busy.set, 7, false), INVALID_IOASID);

	must_alloc_number(test, busy.set, 5, test);
	story_forget(busy.story);
	busy.a->data = (void *)(unsigned long)IOASID_NOTIFY_UNBIND;
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, BOTH), 0);
	expect_freed_in_handler(test, &busy);
	expect_story(busy.story, "a:UNBIND(5); b:UNBIND(5); a:FREE(5); b:FREE(5)");

	must_alloc_number(test, busy.set, 5, test);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	story_forget(busy.story);
	busy.a->data = (void *)(unsigned long)IOASID_NOTIFY_UNBIND;
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	expect_freed_in_handler(test, &busy);
	KUNIT_EXPECT_EQ(test, busy.story->n, 4);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, busy.story->lines[i].val,
				i < 2 ? IOASID_NOTIFY_UNBIND : IOASID_NOTIFY_FREE);
}

static int free_and_put_this(struct subscriber *sub, unsigned long val,
			     const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_UNBIND) {
		sub->ret[0] = ioasid_free(args->set, args->id);
		sub->ret[1] = ioasid_put(args->set, args->id);
		sub->ret[2] = is_unknown(args->id);
	}
	return NOTIFY_OK;
}

/* B-149: nothing else holds the ID any more, but the pass does. */
static void pass_holds_its_id(struct kunit *test)
{
	struct busy busy;

	busy_init(test, &busy, free_and_put_this);
	/* Told before the other one that may see to it that the ID goes, and after. */
	subscribe(busy.story, "c", 2, busy.set);
	must_alloc_number(test, busy.set, 5, test);
	KUNIT_EXPECT_EQ(test, ioasid_get(busy.set, 5), 0);
	story_forget(busy.story);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, BOTH), 0);
	KUNIT_EXPECT_EQ(test, busy.a->ret[0], 1);
	KUNIT_EXPECT_FALSE(test, busy.a->ret[2]);
	expect_story(busy.story,
		     "c:UNBIND(5); a:UNBIND(5); b:UNBIND(5); c:FREE(5); a:FREE(5); b:FREE(5)");
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
}

static int bind_this(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	sub->ret[0] |= ioasid_attach_spid(args->id, 9) != -EBUSY;
	sub->ret[1] |= ioasid_notify(args->id, IOASID_NOTIFY_BIND, BOTH) != -EBUSY;
	sub->ret[2] |= ioasid_notify(args->id, IOASID_NOTIFY_BIND, IOASID_NOTIFY_ALL) != -EBUSY;
	sub->calls++;
	return NOTIFY_OK;
}

/* B-137: what can be refused is not queued: its caller is told so at once. */
static void handler_cannot_bind_its_own_id(struct kunit *test)
{
	struct busy busy;

	busy_init(test, &busy, bind_this);
	must_alloc_number(test, busy.set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH), 0);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, BOTH), 0);
	expect_story(busy.story,
		     "a:ALLOC(5); b:ALLOC(5); a:BIND(5); b:BIND(5); a:UNBIND(5); b:UNBIND(5)");
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(busy.set, 5), 0);
	expect_story(busy.story, "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7); b:UNBIND(5=7); "
				 "a:FREE(5); b:FREE(5)");
	KUNIT_EXPECT_EQ(test, busy.a->calls, 6);
	KUNIT_EXPECT_FALSE(test, busy.a->ret[0]);
	KUNIT_EXPECT_FALSE(test, busy.a->ret[1]);
	KUNIT_EXPECT_FALSE(test, busy.a->ret[2]);
}

static int detach_this(struct subscriber *sub, unsigned long val,
		       const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_BIND) {
		sub->ret[0] = ioasid_detach_spid(args->id);
		sub->ret[1] = ioasid_find_spid(args->id);
	}
	return NOTIFY_OK;
}

/* B-107, B-137: delivered after the pass, with the SPID that was there all the time. */
static void handler_detaches_its_own_id(struct kunit *test)
{
	struct busy busy;
	int i;

	busy_init(test, &busy, detach_this);
	must_alloc_number(test, busy.set, 5, NULL);
	for (i = 0; i < 3; i++) {
		story_forget(busy.story);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
		KUNIT_EXPECT_EQ(test, busy.a->ret[0], 0);
		KUNIT_EXPECT_EQ(test, busy.a->ret[1], 7);
		expect_story(busy.story, "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7); b:UNBIND(5=7)");
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), INVALID_IOASID);
		KUNIT_EXPECT_EQ(test, INVALID_IOASID, ioasid_find_by_spid(busy.set, 7, false));
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), -ENOENT);
		expect_usage(test, busy.set, .use = 1, .peak = 1);
	}
	expect_story(busy.story, "");
}

static int detach_twice(struct subscriber *sub, unsigned long val,
			const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_BIND || val == IOASID_NOTIFY_UNBIND) {
		ioasid_detach_spid(args->id);
		ioasid_detach_spid(args->id);
	}
	return NOTIFY_OK;
}

/* B-128: one SPID, one UNBIND, from wherever it is taken a second time. */
static void detached_twice_is_told_once(struct kunit *test)
{
	struct busy busy;

	busy_init(test, &busy, detach_twice);
	busy.b->answer = detach_twice;
	must_alloc_number(test, busy.set, 5, NULL);
	story_forget(busy.story);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	expect_story(busy.story, "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7); b:UNBIND(5=7)");
	busy.a->answer = NULL;
	busy.b->answer = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	busy.a->answer = detach_twice;
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	expect_story(busy.story, "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7); b:UNBIND(5=7)");
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), INVALID_IOASID);
}

static int unbind_this(struct subscriber *sub, unsigned long val,
		       const struct ioasid_nb_args *args)
{
	if (sub->calls++ == 0)
		sub->ret[0] = ioasid_notify(args->id, IOASID_NOTIFY_UNBIND,
					    (unsigned long)sub->data);
	return NOTIFY_OK;
}

/* B-126, B-137: and to those for whom it was meant. */
static void handler_notifies_unbind_of_its_own_id(struct kunit *test)
{
	static const struct {
		unsigned int flags;
		const char *alloc, *bind;
	} rounds[] = {
		{ BOTH, "a:ALLOC(5); b:ALLOC(5); a:UNBIND(5); b:UNBIND(5)",
		  "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7); b:UNBIND(5=7)" },
		{ IOASID_NOTIFY_ALL, "a:ALLOC(5); b:ALLOC(5); a:UNBIND(5)",
		  "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7)" },
		{ IOASID_NOTIFY_SET, "a:ALLOC(5); b:ALLOC(5); b:UNBIND(5)",
		  "a:BIND(5=7); b:BIND(5=7); b:UNBIND(5=7)" },
	};
	struct busy busy;
	size_t i;

	busy_init(test, &busy, unbind_this);
	for (i = 0; i < ARRAY_SIZE(rounds); i++) {
		busy.a->data = (void *)(unsigned long)rounds[i].flags;
		busy.a->calls = 0;
		must_alloc_number(test, busy.set, 5, NULL);
		KUNIT_EXPECT_EQ(test, busy.a->ret[0], 0);
		expect_story(busy.story, rounds[i].alloc);
		busy.a->calls = 0;
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
		KUNIT_EXPECT_EQ(test, busy.a->ret[0], 0);
		expect_story(busy.story, rounds[i].bind);
		/* Nobody has taken it. */
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), 7);
		KUNIT_EXPECT_EQ(test, ioasid_free(busy.set, 5), 0);
		story_forget(busy.story);
	}
}

static int unbind_twice(struct subscriber *sub, unsigned long val,
			const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_BIND) {
		sub->ret[0] += ioasid_notify(args->id, IOASID_NOTIFY_UNBIND, BOTH);
		sub->ret[1] += ioasid_notify(args->id, IOASID_NOTIFY_UNBIND, BOTH);
	}
	return NOTIFY_OK;
}

/* B-128: two who say it are two; if it was taken from both, both are told of. */
static void each_unbind_that_waits_is_told(struct kunit *test)
{
	struct busy busy;

	busy_init(test, &busy, unbind_twice);
	must_alloc_number(test, busy.set, 5, NULL);
	story_forget(busy.story);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH), 0);
	KUNIT_EXPECT_EQ(test, busy.a->ret[0], 0);
	KUNIT_EXPECT_EQ(test, busy.a->ret[1], 0);
	expect_story(busy.story, "a:BIND(5); b:BIND(5); a:UNBIND(5); b:UNBIND(5); a:UNBIND(5); "
				 "b:UNBIND(5)");
}

static int unbind_and_detach(struct subscriber *sub, unsigned long val,
			     const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_BIND) {
		sub->ret[0] = ioasid_notify(args->id, IOASID_NOTIFY_UNBIND, BOTH);
		sub->ret[1] = ioasid_detach_spid(args->id);
	}
	return NOTIFY_OK;
}

/* B-107: an UNBIND that was sent is told with the SPID, though that is to be taken away. */
static void sent_unbind_is_told_before_detach(struct kunit *test)
{
	struct busy busy;

	busy_init(test, &busy, unbind_and_detach);
	must_alloc_number(test, busy.set, 5, NULL);
	story_forget(busy.story);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	KUNIT_EXPECT_EQ(test, busy.a->ret[0], 0);
	KUNIT_EXPECT_EQ(test, busy.a->ret[1], 0);
	expect_story(busy.story, "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7); b:UNBIND(5=7); "
				 "a:UNBIND(5=7); b:UNBIND(5=7)");
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), INVALID_IOASID);
}

static int detach_and_free(struct subscriber *sub, unsigned long val,
			   const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_BIND) {
		sub->ret[0] = ioasid_detach_spid(args->id);
		sub->ret[1] = ioasid_free(args->set, args->id);
		sub->ret[2] = ioasid_detach_spid(args->id);
		sub->ret[3] = ioasid_notify(args->id, IOASID_NOTIFY_UNBIND, BOTH);
	}
	return NOTIFY_OK;
}

/* B-128: UNBIND may be told or not, FREE is told once and is the last. */
static void free_comes_last_of_all_that_waits(struct kunit *test)
{
	struct busy busy;
	unsigned int i;
	size_t n;

	busy_init(test, &busy, detach_and_free);
	must_alloc_number(test, busy.set, 5, NULL);
	story_forget(busy.story);
	ioasid_attach_spid(5, 7);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
	KUNIT_EXPECT_EQ(test, busy.a->ret[0], 0);
	KUNIT_EXPECT_EQ(test, busy.a->ret[1], 1);
	KUNIT_EXPECT_EQ(test, busy.a->ret[2], -EBUSY);
	KUNIT_EXPECT_EQ(test, busy.a->ret[3], -EBUSY);
	n = busy.story->n;
	KUNIT_ASSERT_GE(test, n, 4);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, busy.story->lines[i].val == IOASID_NOTIFY_FREE, i >= n - 2);
	KUNIT_EXPECT_EQ(test, story_count(busy.story, "a", IOASID_NOTIFY_FREE), 1);
	KUNIT_EXPECT_EQ(test, story_count(busy.story, "b", IOASID_NOTIFY_FREE), 1);
	KUNIT_EXPECT_EQ(test, story_count(busy.story, "a", IOASID_NOTIFY_BIND), 1);
	KUNIT_EXPECT_EQ(test, story_count(busy.story, "b", IOASID_NOTIFY_BIND), 1);
	KUNIT_EXPECT_LE(test, story_count(busy.story, "a", IOASID_NOTIFY_UNBIND), 1);
	KUNIT_EXPECT_EQ(test, story_count(busy.story, "a", IOASID_NOTIFY_UNBIND),
			story_count(busy.story, "b", IOASID_NOTIFY_UNBIND));
}

static int refuse(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	return val == IOASID_NOTIFY_BIND ? notifier_from_errno(-EXDEV) : NOTIFY_OK;
}

/* B-128, B-152: what is taken back has been detached; it is not told of twice. */
static void refused_bind_is_not_detached_again(struct kunit *test)
{
	struct busy busy;

	busy_init(test, &busy, detach_this);
	busy.b->answer = refuse;
	must_alloc_number(test, busy.set, 5, NULL);
	story_forget(busy.story);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), -EXDEV);
	expect_story(busy.story, "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7)");
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), INVALID_IOASID);
	busy.a->answer = NULL;
	busy.b->answer = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	expect_story(busy.story, "a:BIND(5=7); b:BIND(5=7)");
}

/* B-149, B-152: those who were not asked about the BIND are told of the end all the same. */
static void handler_frees_its_own_id_in_rollback(struct kunit *test)
{
	struct busy busy;

	busy_init(test, &busy, free_this);
	busy.a->data = (void *)(unsigned long)IOASID_NOTIFY_UNBIND;
	busy.b->answer = refuse;
	subscribe(busy.story, "c", -1, NULL);
	must_alloc_number(test, busy.set, 5, NULL);
	story_forget(busy.story);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH), -EXDEV);
	expect_freed_in_handler(test, &busy);
	expect_story(busy.story,
		     "a:BIND(5); b:BIND(5); a:UNBIND(5); a:FREE(5); b:FREE(5); c:FREE(5)");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(handler_frees_its_own_id),
	KUNIT_CASE(pass_holds_its_id),
	KUNIT_CASE(handler_cannot_bind_its_own_id),
	KUNIT_CASE(handler_detaches_its_own_id),
	KUNIT_CASE(detached_twice_is_told_once),
	KUNIT_CASE(handler_notifies_unbind_of_its_own_id),
	KUNIT_CASE(each_unbind_that_waits_is_told),
	KUNIT_CASE(sent_unbind_is_told_before_detach),
	KUNIT_CASE(free_comes_last_of_all_that_waits),
	KUNIT_CASE(refused_bind_is_not_detached_again),
	KUNIT_CASE(handler_frees_its_own_id_in_rollback),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_busy",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
