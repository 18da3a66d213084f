// SPDX-License-Identifier: GPL-2.0
/* BIND, which may be refused, and ioasid_notify(), which tells of it without an SPID. */
#include "events.h"

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

/* Answers BIND with what @data points to. */
static int answer_bind(struct subscriber *sub, unsigned long val,
		       const struct ioasid_nb_args *args)
{
	return val == IOASID_NOTIFY_BIND && sub->data ? *(int *)sub->data : NOTIFY_OK;
}

struct bound {
	struct story *story;
	struct ioasid_set *set;
	struct subscriber *subs[5];
};

/* Five subscribers who may refuse, in the order in which they are told, and an ID. */
static void bound_init(struct kunit *test, struct bound *bound)
{
	int i;

	bound->set = must_set(test, 0);
	bound->story = story_new(test);
	bound->subs[4] = subscribe(bound->story, "e", IOASID_PRIO_LAST, NULL);
	bound->subs[0] = subscribe(bound->story, "a", IOASID_PRIO_CPU, bound->set);
	bound->subs[2] = subscribe(bound->story, "c", IOASID_PRIO_IOMMU, NULL);
	bound->subs[1] = subscribe(bound->story, "b", IOASID_PRIO_CPU, NULL);
	bound->subs[3] = subscribe(bound->story, "d", IOASID_PRIO_DEVICE, bound->set);
	for (i = 0; i < 5; i++)
		bound->subs[i]->answer = answer_bind;
	must_alloc_number(test, bound->set, 5, test);
	must_alloc_number(test, bound->set, 6, NULL);
	story_forget(bound->story);
}

/* B-152: those who were told get UNBIND, last one first; the SPID is gone, the caller knows why. */
static void refused_attach_is_rolled_back(struct kunit *test)
{
	static const char * const stories[] = {
		"a:BIND(5=7)",
		"a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7)",
		"a:BIND(5=7); b:BIND(5=7); c:BIND(5=7); b:UNBIND(5=7); a:UNBIND(5=7)",
		"a:BIND(5=7); b:BIND(5=7); c:BIND(5=7); d:BIND(5=7); c:UNBIND(5=7); b:UNBIND(5=7); "
		"a:UNBIND(5=7)",
		"a:BIND(5=7); b:BIND(5=7); c:BIND(5=7); d:BIND(5=7); e:BIND(5=7); d:UNBIND(5=7); "
		"c:UNBIND(5=7); b:UNBIND(5=7); a:UNBIND(5=7)",
	};
	struct bound bound;
	int refuse = notifier_from_errno(-ENODEV), i;

	bound_init(test, &bound);
	for (i = 0; i < 5; i++) {
		bound.subs[i]->data = &refuse;
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), -ENODEV);
		expect_story(bound.story, stories[i]);
		bound.subs[i]->data = NULL;
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), INVALID_IOASID);
		KUNIT_EXPECT_FALSE(test, ioasid_is_active(5));
		KUNIT_EXPECT_EQ(test, INVALID_IOASID, ioasid_find_by_spid(bound.set, 7, false));
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), -ENOENT);
		expect_usage(test, bound.set, .use = 2, .peak = 2);
		/* Nobody keeps the SPID from another one, nor the ID from another SPID. */
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 7), 0);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 8), 0);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(6), 0);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
		story_forget(bound.story);
	}
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	expect_story(bound.story,
		     "a:BIND(5=7); b:BIND(5=7); c:BIND(5=7); d:BIND(5=7); e:BIND(5=7)");
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(5));
}

/* B-152: the first one to refuse says why; nobody after him is asked. */
static void first_refusal_counts(struct kunit *test)
{
	int first = notifier_from_errno(-ENOSPC), second = notifier_from_errno(-EIO);
	struct bound bound;

	bound_init(test, &bound);
	bound.subs[2]->data = &first;
	bound.subs[3]->data = &second;
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), -ENOSPC);
	expect_story(bound.story,
		     "a:BIND(5=7); b:BIND(5=7); c:BIND(5=7); b:UNBIND(5=7); a:UNBIND(5=7)");
}

/* B-151, B-152: what refuses is what notifier_to_errno() takes for an error, and nothing else. */
static void errno_of_refusal_is_returned(struct kunit *test)
{
	static const int errnos[] = {
		-EPERM, -EINTR, -ENOMEM, -EBUSY, -EEXIST, -ENOSPC, -EOPNOTSUPP, -MAX_ERRNO,
	};
	static const int accepted[] = { NOTIFY_DONE, NOTIFY_OK, NOTIFY_STOP, NOTIFY_STOP_MASK };
	struct bound bound;
	int answer;
	size_t i;

	bound_init(test, &bound);
	bound.subs[1]->data = &answer;
	for (i = 0; i < ARRAY_SIZE(errnos); i++) {
		answer = notifier_from_errno(errnos[i]);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), errnos[i]);
		expect_story(bound.story, "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7)");
		KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH), errnos[i]);
		expect_story(bound.story, "a:BIND(5); b:BIND(5); a:UNBIND(5)");
	}
	/* The same number, so the same meaning. */
	answer = NOTIFY_BAD;
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), notifier_to_errno(NOTIFY_BAD));
	expect_story(bound.story, "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7)");
	for (i = 0; i < ARRAY_SIZE(accepted); i++) {
		answer = accepted[i];
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
		expect_story(bound.story,
			     "a:BIND(5=7); b:BIND(5=7); c:BIND(5=7); d:BIND(5=7); e:BIND(5=7)");
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), 7);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
		story_forget(bound.story);
	}
}

static int refuse_all(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	return notifier_from_errno(-EIO);
}

/* B-151, B-152: an UNBIND that takes back a BIND is an UNBIND: nobody can refuse it. */
static void rollback_cannot_be_refused(struct kunit *test)
{
	int refuse = notifier_from_errno(-ENODEV);
	struct subscriber *rude;
	struct bound bound;

	bound_init(test, &bound);
	rude = subscribe(bound.story, "rude", IOASID_PRIO_DEVICE, NULL);
	bound.subs[4]->data = &refuse;
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), -ENODEV);
	expect_story(bound.story, "a:BIND(5=7); b:BIND(5=7); c:BIND(5=7); d:BIND(5=7); "
				  "rude:BIND(5=7); e:BIND(5=7); rude:UNBIND(5=7); d:UNBIND(5=7); "
				  "c:UNBIND(5=7); b:UNBIND(5=7); a:UNBIND(5=7)");
	rude->answer = refuse_all;
	bound.subs[4]->data = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), -EIO);
	expect_story(bound.story, "a:BIND(5=7); b:BIND(5=7); c:BIND(5=7); d:BIND(5=7); "
				  "rude:BIND(5=7); d:UNBIND(5=7); c:UNBIND(5=7); b:UNBIND(5=7); "
				  "a:UNBIND(5=7)");
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), INVALID_IOASID);
}

/* B-126, B-152: ioasid_notify() is refused as an attach is, and leaves the SPID as it was. */
static void refused_notify_is_rolled_back(struct kunit *test)
{
	int refuse = notifier_from_errno(-ENODEV);
	struct bound bound;

	bound_init(test, &bound);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	story_forget(bound.story);
	bound.subs[3]->data = &refuse;
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH), -ENODEV);
	expect_story(bound.story, "a:BIND(5=7); b:BIND(5=7); c:BIND(5=7); d:BIND(5=7); "
				  "c:UNBIND(5=7); b:UNBIND(5=7); a:UNBIND(5=7)");
	/* Only those who are asked can refuse, and only those who were asked are told again. */
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, IOASID_NOTIFY_SET), -ENODEV);
	expect_story(bound.story, "a:BIND(5=7); d:BIND(5=7); a:UNBIND(5=7)");
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, IOASID_NOTIFY_ALL), 0);
	expect_story(bound.story, "b:BIND(5=7); c:BIND(5=7); e:BIND(5=7)");
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(5));
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(bound.set, 7, false), 5);
}

/* B-126: one call, one or two scopes, one order. */
static void notify_reaches_the_scopes_that_are_named(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	struct story *story = story_new(test);

	subscribe_mm(story, "m", 1, mm);
	subscribe(story, "g", 1, NULL);
	subscribe(story, "s", 2, set);
	must_alloc_number(test, set, 5, NULL);
	must_alloc_number(test, NULL, 6, NULL);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, IOASID_NOTIFY_ALL), 0);
	expect_story(story, "g:BIND(5)");
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, IOASID_NOTIFY_SET), 0);
	expect_story(story, "s:BIND(5); m:BIND(5)");
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH), 0);
	expect_story(story, "s:BIND(5); m:BIND(5); g:BIND(5)");
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, IOASID_NOTIFY_ALL), 0);
	expect_story(story, "g:UNBIND(5)");
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, IOASID_NOTIFY_SET), 0);
	expect_story(story, "s:UNBIND(5); m:UNBIND(5)");
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, BOTH), 0);
	expect_story(story, "s:UNBIND(5); m:UNBIND(5); g:UNBIND(5)");
	/* Nobody subscribes to the kernel's own set as such. */
	KUNIT_EXPECT_EQ(test, ioasid_notify(6, IOASID_NOTIFY_BIND, IOASID_NOTIFY_SET), 0);
	expect_story(story, "");
	KUNIT_EXPECT_EQ(test, ioasid_notify(6, IOASID_NOTIFY_BIND, BOTH), 0);
	expect_story(story, "g:BIND(6)");
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 6), 0);
}

/* B-124: what the caller may not say is told to nobody; arguments come before the ID. */
static void notify_is_checked(struct kunit *test)
{
	static const int cmds[] = {
		0, IOASID_NOTIFY_ALLOC, IOASID_NOTIFY_FREE, IOASID_NOTIFY_SET_ALLOC,
		IOASID_NOTIFY_SET_FREE, IOASID_NOTIFY_SET_FREE + 1, 259, INT_MAX, -1,
	};
	static const unsigned int flags[] = { 0, BIT(2), BIT(2) | BOTH, BIT(31) | BOTH, UINT_MAX };
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	size_t i;

	must_alloc_number(test, set, 5, NULL);
	must_alloc_number(test, set, 6, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 6), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 6), 1);
	subscribe(story, "a", 0, NULL);
	subscribe(story, "b", 0, set);
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		enum ioasid_notify_val cmd = cmds[i];

		KUNIT_EXPECT_EQ(test, ioasid_notify(5, cmd, IOASID_NOTIFY_ALL), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_notify(5, cmd, IOASID_NOTIFY_SET), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_notify(6, cmd, BOTH), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_notify(7, cmd, BOTH), -EINVAL);
	}
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, flags[i]), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, flags[i]), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_notify(6, IOASID_NOTIFY_BIND, flags[i]), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_notify(7, IOASID_NOTIFY_UNBIND, flags[i]), -EINVAL);
	}
	for (i = IOASID_NOTIFY_BIND; i <= IOASID_NOTIFY_UNBIND; i++) {
		static const ioasid_t unknown[] = { 0, 7, TEST_MAX, BIT(20), INVALID_IOASID };
		size_t j;

		for (j = 0; j < ARRAY_SIZE(unknown); j++)
			KUNIT_EXPECT_EQ(test, ioasid_notify(unknown[j], i, BOTH), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_notify(6, i, IOASID_NOTIFY_ALL), -EBUSY);
		KUNIT_EXPECT_EQ(test, ioasid_notify(6, i, IOASID_NOTIFY_SET), -EBUSY);
	}
	expect_story(story, "");
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, 6));
}

/* B-128: it tells, and changes nothing; nobody has to listen. */
static void notify_changes_no_state(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	int i;

	must_alloc_number(test, set, 5, test);
	for (i = 0; i < 3; i++) {
		struct story *story = story_new(test);

		if (i)
			subscribe(story, "a", 0, i == 1 ? set : NULL);
		KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH), 0);
		KUNIT_EXPECT_FALSE(test, ioasid_is_active(5));
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), INVALID_IOASID);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
		KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, BOTH), 0);
		KUNIT_EXPECT_TRUE(test, ioasid_is_active(5));
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), 1);
		/* Not level sensitive: whoever says it twice has two reasons. */
		KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, BOTH), 0);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, 5, NULL), (void *)test);
		if (i)
			expect_story(story, "a:BIND(5); a:BIND(5=1); a:UNBIND(5=1); a:UNBIND(5=1); "
					    "a:UNBIND(5=1)");
	}
	expect_usage(test, set, .use = 1, .peak = 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(refused_attach_is_rolled_back),
	KUNIT_CASE(first_refusal_counts),
	KUNIT_CASE(errno_of_refusal_is_returned),
	KUNIT_CASE(rollback_cannot_be_refused),
	KUNIT_CASE(refused_notify_is_rolled_back),
	KUNIT_CASE(notify_reaches_the_scopes_that_are_named),
	KUNIT_CASE(notify_is_checked),
	KUNIT_CASE(notify_changes_no_state),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_bind",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
