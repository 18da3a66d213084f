// SPDX-License-Identifier: GPL-2.0
/* Who may subscribe to what. */
#include "events.h"
#include "log.h"

/* B-141: what cannot be called is not registered. */
static void block_without_callback_is_refused(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct mm_struct *mm = must_mm(test);
	struct notifier_block none = {}, *refused[] = { NULL, &none };
	ioasid_t id;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier(NULL, refused[i]), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier(set, refused[i]), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_replay(NULL, refused[i]), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_replay(set, refused[i]), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(mm, refused[i]), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm_replay(mm, refused[i]), -EINVAL);
	}
	/* Nothing of it is called. */
	id = must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* B-145, B-150: nobody can subscribe to what is not there any more, or never was. */
static void stale_set_is_refused(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct ioasid_set *none[] = {
		set, WRONG_SET, (struct ioasid_set *)1, ERR_PTR(-ENOENT), (void *)test,
	};
	struct story *story = story_new(test);
	struct subscriber *sub = subscriber_new(story, "a", 0);
	size_t i;

	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	for (i = 0; i < ARRAY_SIZE(none); i++) {
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier(none[i], &sub->nb), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_replay(none[i], &sub->nb), -EINVAL);
		ioasid_unregister_notifier(none[i], &sub->nb);
	}
	must_alloc_number(test, NULL, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	expect_story(story, "");
}

/* B-150: nor to what is about to go. */
static void freed_set_is_refused(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *sub = subscriber_new(story, "a", 0);

	KUNIT_EXPECT_EQ(test, ioasid_set_get(set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(set, &sub->nb), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_replay(set, &sub->nb), -EBUSY);
	ioasid_unregister_notifier(set, &sub->nb);
	ioasid_set_put(set);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(set, &sub->nb), -EINVAL);
	expect_story(story, "");
}

/* B-142: once for each scope; the second attempt changes nothing, whatever becomes of it. */
static void second_registration_is_refused(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *later = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	struct story *story = story_new(test);
	struct subscriber *global = subscribe(story, "global", 0, NULL);
	struct subscriber *own = subscribe(story, "set", 0, set);
	struct subscriber *active = subscribe_mm(story, "mm", 0, mm);
	struct subscriber *pending = subscribe_mm(story, "later", 0, later);
	int i;

	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier(NULL, &global->nb), -EEXIST);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_replay(NULL, &global->nb), -EEXIST);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier(set, &own->nb), -EEXIST);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_replay(set, &own->nb), -EEXIST);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(mm, &active->nb), -EEXIST);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm_replay(mm, &active->nb), -EEXIST);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(later, &pending->nb), -EEXIST);
		KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm_replay(later, &pending->nb),
				-EEXIST);
	}
	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "global:ALLOC(5); set:ALLOC(5); mm:ALLOC(5)");
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	expect_story(story, "global:FREE(5); set:FREE(5); mm:FREE(5)");
	unsubscribe(global);
	unsubscribe(active);
	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "set:ALLOC(5)");
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	expect_story(story, "set:FREE(5)");
	/* And again. */
	must_subscribe(global, NULL);
	must_subscribe_mm(active, mm);
	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "set:ALLOC(5); global:ALLOC(5); mm:ALLOC(5)");
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
}

/* B-142, B-148: one block in several scopes is as many subscriptions. */
static void block_may_be_in_several_scopes(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *later = must_mm(test);
	struct ioasid_set *a = must_set_of(test, mm, 0), *b = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *sub = subscribe(story, "x", 0, a);

	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(b, &sub->nb), 0);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(mm, &sub->nb), 0);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(later, &sub->nb), 0);
	must_alloc_number(test, a, 5, NULL);
	expect_story(story, "x:ALLOC(5); x:ALLOC(5)");
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(NULL, &sub->nb), 0);
	must_alloc_number(test, b, 6, NULL);
	expect_story(story, "x:ALLOC(6); x:ALLOC(6)");
	must_alloc_number(test, NULL, 7, NULL);
	expect_story(story, "x:ALLOC(7)");
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	expect_story(story, "x:BIND(5=1); x:BIND(5=1); x:BIND(5=1)");
	/* Each of them for itself. */
	ioasid_unregister_notifier(NULL, &sub->nb);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 7), 0);
	expect_story(story, "");
	KUNIT_EXPECT_EQ(test, ioasid_free(a, 5), 0);
	expect_story(story, "x:FREE(5=1); x:FREE(5=1)");
	ioasid_unregister_notifier_mm(mm, &sub->nb);
	must_alloc_number(test, a, 5, NULL);
	expect_story(story, "x:ALLOC(5)");
	unsubscribe(sub);
	KUNIT_EXPECT_EQ(test, ioasid_free(a, 5), 0);
	expect_story(story, "");
	KUNIT_EXPECT_EQ(test, ioasid_free(b, 6), 0);
	expect_story(story, "x:FREE(6)");
	ioasid_unregister_notifier(b, &sub->nb);
	ioasid_unregister_notifier_mm(later, &sub->nb);
	must_set_of(test, later, 0);
	expect_story(story, "");
}

/* B-146: nothing happens, and nothing is said. */
static void unregister_of_unknown_is_quiet(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *other = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0), *gone = must_set(test, 0);
	struct log_watch *watch = log_listen(test);
	struct story *story = story_new(test);
	struct subscriber *stranger = subscriber_new(story, "stranger", 0);
	struct subscriber *sub = subscribe(story, "a", 0, set);
	unsigned int before;
	int i;

	KUNIT_EXPECT_EQ(test, ioasid_set_free(gone), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(gone)));
	before = log_lines(watch);
	for (i = 0; i < 3; i++) {
		struct notifier_block *nb = i == 2 ? NULL : i ? &stranger->nb : &sub->nb;

		ioasid_unregister_notifier(NULL, nb);
		ioasid_unregister_notifier(gone, nb);
		ioasid_unregister_notifier(WRONG_SET, nb);
		ioasid_unregister_notifier_mm(mm, nb);
		ioasid_unregister_notifier_mm(other, nb);
		ioasid_unregister_notifier_mm(NULL, nb);
	}
	ioasid_unregister_notifier(set, &stranger->nb);
	ioasid_unregister_notifier(set, NULL);
	KUNIT_EXPECT_EQ(test, log_lines(watch), before);
	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "a:ALLOC(5)");
	/* Twice is once too often. */
	unsubscribe(sub);
	ioasid_unregister_notifier(set, &sub->nb);
	KUNIT_EXPECT_EQ(test, log_lines(watch), before);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	expect_story(story, "");
}

/* B-148: a subscription ends as it began, per scope and block. */
static void unregister_finds_its_own_scope_only(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *later = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0), *other = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *global = subscribe(story, "global", 0, NULL);
	struct subscriber *own = subscribe(story, "set", 0, set);
	struct subscriber *active = subscribe_mm(story, "mm", 0, mm);
	struct subscriber *pending = subscribe_mm(story, "later", 0, later);

	ioasid_unregister_notifier(set, &global->nb);
	ioasid_unregister_notifier_mm(mm, &global->nb);
	ioasid_unregister_notifier(NULL, &own->nb);
	ioasid_unregister_notifier(other, &own->nb);
	ioasid_unregister_notifier_mm(mm, &own->nb);
	ioasid_unregister_notifier(NULL, &active->nb);
	ioasid_unregister_notifier(set, &active->nb);
	ioasid_unregister_notifier_mm(later, &active->nb);
	ioasid_unregister_notifier(NULL, &pending->nb);
	ioasid_unregister_notifier(set, &pending->nb);
	ioasid_unregister_notifier_mm(mm, &pending->nb);
	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "global:ALLOC(5); set:ALLOC(5); mm:ALLOC(5)");
	set = must_set_of(test, later, 0);
	expect_story(story, "global:SET_ALLOC; later:SET_ALLOC");
	ioasid_unregister_notifier(set, &pending->nb);
	must_alloc_number(test, set, 6, NULL);
	expect_story(story, "global:ALLOC(6); later:ALLOC(6)");
}

/* B-150: a subscription does not keep the set from ending, and its end can be told to it, too. */
static void set_ends_with_subscribers(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 5), *next;
	struct story *story = story_new(test);
	struct subscriber *a, *b;

	subscribe(story, "global", 1, NULL);
	a = subscribe(story, "a", 0, set);
	b = subscribe(story, "b", 0, set);
	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 5), 0);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	expect_story(story, "global:FREE(5); a:FREE(5); b:FREE(5)");
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(set, &a->nb), -EINVAL);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, 5));
	KUNIT_EXPECT_TRUE(test, eventually(story_count(story, "b", IOASID_NOTIFY_SET_FREE)));
	expect_story(story, "global:SET_FREE; a:SET_FREE; b:SET_FREE");
	KUNIT_EXPECT_TRUE(test, eventually(capacity_left() == capacity_in_all()));
	/* A later set is another one, wherever it lies. */
	next = must_set(test, 5);
	must_alloc_number(test, next, 5, NULL);
	expect_story(story, "global:SET_ALLOC; global:ALLOC(5)");
	unsubscribe(a);
	unsubscribe(b);
	KUNIT_EXPECT_EQ(test, ioasid_free(next, 5), 0);
	expect_story(story, "global:FREE(5)");
}

static int vanishing_call(struct notifier_block *nb, unsigned long val, void *data)
{
	return NOTIFY_OK;
}

/* B-138, B-162: the memory of the block is the caller's again as soon as unregister returns. */
static void block_may_vanish_after_unregister(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	int i;

	for (i = 0; i < 60; i++) {
		struct notifier_block *nb = kzalloc(sizeof(*nb), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, nb);
		nb->notifier_call = vanishing_call;
		nb->priority = i % 4;
		KUNIT_EXPECT_EQ(test, 0, i % 3 == 2 ? ioasid_register_notifier_mm(mm, nb) :
				ioasid_register_notifier(i % 3 ? set : NULL, nb));
		must_alloc_number(test, set, 5, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
		if (i % 3 == 2)
			ioasid_unregister_notifier_mm(mm, nb);
		else
			ioasid_unregister_notifier(i % 3 ? set : NULL, nb);
		memset(nb, 0x6b, sizeof(*nb));
		kfree(nb);
		must_alloc_number(test, set, 5, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	}
}

#define MANY 60

/* B-132, B-150: there is no limit but memory, and each is told once. */
static void many_subscribe_and_leave(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *subs[MANY];
	int i;

	for (i = 0; i < MANY; i++)
		subs[i] = subscribe(story, i & 1 ? "odd" : "even", i % 5, i & 1 ? set : NULL);
	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, story_count(story, "odd", IOASID_NOTIFY_ALLOC), MANY / 2);
	KUNIT_EXPECT_EQ(test, story_count(story, "even", IOASID_NOTIFY_ALLOC), MANY / 2);
	story_forget(story);
	/* From the middle, not from an end. */
	for (i = 0; i < MANY; i++) {
		if (i % 3 != 1)
			unsubscribe(subs[i]);
	}
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	KUNIT_EXPECT_EQ(test, story_count(story, NULL, IOASID_NOTIFY_FREE), MANY / 3);
	story_forget(story);
	for (i = 1; i < MANY; i += 3)
		unsubscribe(subs[i]);
	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(block_without_callback_is_refused),
	KUNIT_CASE(stale_set_is_refused),
	KUNIT_CASE(freed_set_is_refused),
	KUNIT_CASE(second_registration_is_refused),
	KUNIT_CASE(block_may_be_in_several_scopes),
	KUNIT_CASE(unregister_of_unknown_is_quiet),
	KUNIT_CASE(unregister_finds_its_own_scope_only),
	KUNIT_CASE(set_ends_with_subscribers),
	KUNIT_CASE(block_may_vanish_after_unregister),
	KUNIT_CASE(many_subscribe_and_leave),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_register",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests of notifications");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
