// SPDX-License-Identifier: GPL-2.0
/* Subscriptions to the set of an mm, which may come later, and more than once. */
#include "events.h"

/* The set that somebody was told of last. */
static int note_set(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	sub->data = args->set;
	return NOTIFY_OK;
}

static void end_set(struct kunit *test, struct ioasid_set *set)
{
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* B-141: there is no set that NULL could be the mm of. */
static void mm_has_to_be_given(struct kunit *test)
{
	struct story *story = story_new(test);
	struct subscriber *sub = subscriber_new(story, "a", 0);

	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(NULL, &sub->nb), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm_replay(NULL, &sub->nb), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(NULL, NULL), -EINVAL);
	end_set(test, must_set(test, 0));
	must_alloc_number(test, NULL, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	expect_story(story, "");
}

/* B-143: a subscriber that would miss what there is is told so. */
static void set_with_ids_is_refused(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	struct story *story = story_new(test);
	struct subscriber *sub = subscriber_new(story, "a", 0);
	int count = atomic_read(&mm->mm_count);

	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(mm, &sub->nb), -EBUSY);
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count));
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	expect_story(story, "");
	/* It has none any more. */
	must_subscribe_mm(sub, mm);
	must_alloc_number(test, set, 6, NULL);
	expect_story(story, "a:ALLOC(6)");
	/* Who is there already has missed nothing. */
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(mm, &sub->nb), -EEXIST);
}

/* B-143: a set without IDs has nothing that could be missed. */
static void empty_set_is_subscribed_at_once(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	struct story *story = story_new(test);

	subscribe_mm(story, "a", 0, mm);
	expect_story(story, "");
	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	expect_story(story, "a:ALLOC(5); a:BIND(5=1); a:UNBIND(5=1); a:FREE(5)");
}

/* B-141, B-144: KVM and VFIO begin in any order. */
static void pending_subscription_becomes_active(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *other = must_mm(test);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe_mm(story, "a", 0, mm);
	struct ioasid_set *set;

	subscribe_mm(story, "b", 0, other);
	a->answer = note_set;
	/* What goes on elsewhere is none of theirs. */
	must_alloc_number(test, NULL, 5, NULL);
	must_alloc_number(test, must_set(test, 0), 6, NULL);
	must_alloc_number(test, must_set_of(test, must_mm(test), 0), 7, NULL);
	expect_story(story, "");
	set = must_set_of(test, mm, 0);
	expect_story(story, "a:SET_ALLOC");
	KUNIT_EXPECT_PTR_EQ(test, a->data, (void *)set);
	must_alloc_number(test, set, 8, NULL);
	expect_story(story, "a:ALLOC(8)");
	must_alloc_number(test, must_set_of(test, other, 0), 9, NULL);
	expect_story(story, "b:SET_ALLOC; b:ALLOC(9)");
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 8), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 9), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	expect_story(story, "a:FREE(8); b:FREE(9)");
}

/* B-144: exactly once each, round by round, and the set is not kept from going. */
static void subscription_outlives_its_sets(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe_mm(story, "a", IOASID_PRIO_IOMMU, mm);
	struct subscriber *b = subscribe_mm(story, "b", IOASID_PRIO_CPU, mm);
	int i;

	for (i = 0; i < 6; i++) {
		struct ioasid_set *set = must_set_of(test, mm, 0);

		must_alloc_number(test, set, 5, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, i), 0);
		story_forget(story);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
		KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_UNBIND), 1);
		KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_UNBIND), 1);
		story_forget(story);
		if (i & 1)
			KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
		end_set(test, set);
		KUNIT_EXPECT_TRUE(test,
				  eventually(story_count(story, "a", IOASID_NOTIFY_SET_FREE)));
		expect_story(story, "b:FREE(5); a:FREE(5); b:SET_FREE; a:SET_FREE");
		must_alloc_number(test, NULL, 5, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
		expect_story(story, "");
	}
	/* One of them leaves between two sets. */
	unsubscribe(b);
	must_alloc_number(test, must_set_of(test, mm, 0), 5, NULL);
	expect_story(story, "a:SET_ALLOC; a:ALLOC(5)");
	unsubscribe(a);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	expect_story(story, "");
}

/* B-144: the token is free for the next set while somebody still holds an ID of the last. */
static void sets_of_one_mm_overlap(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe_mm(story, "a", 0, mm);
	struct ioasid_set *old = must_set_of(test, mm, 0), *new;

	a->answer = note_set;
	must_alloc_number(test, old, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(old, 5), 0);
	expect_story(story, "a:SET_ALLOC; a:ALLOC(5)");
	KUNIT_EXPECT_EQ(test, ioasid_set_free(old), 1);
	expect_story(story, "a:FREE(5)");
	new = must_set_of(test, mm, 0);
	must_alloc_number(test, new, 6, NULL);
	expect_story(story, "a:SET_ALLOC; a:ALLOC(6)");
	KUNIT_EXPECT_PTR_EQ(test, a->data, (void *)new);
	/* Now the old one goes, and takes nothing of the new one along. */
	KUNIT_EXPECT_TRUE(test, ioasid_put(old, 5));
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(old)));
	KUNIT_EXPECT_TRUE(test, eventually(story_count(story, "a", IOASID_NOTIFY_SET_FREE)));
	expect_story(story, "a:SET_FREE");
	KUNIT_EXPECT_PTR_EQ(test, a->data, (void *)old);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(new, 6), 0);
	expect_story(story, "a:BIND(6=1); a:FREE(6=1)");
	end_set(test, new);
	KUNIT_EXPECT_TRUE(test, eventually(story_count(story, "a", IOASID_NOTIFY_SET_FREE)));
	expect_story(story, "a:SET_FREE");
}

/* B-043, B-175: the address is not used again; the address space is not kept alive. */
static void subscription_pins_the_address(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	int users = atomic_read(&mm->mm_users), count = atomic_read(&mm->mm_count);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe_mm(story, "a", 0, mm);
	struct subscriber *b = subscribe_mm(story, "b", 0, mm);

	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), users);
	KUNIT_EXPECT_GT(test, atomic_read(&mm->mm_count), count);
	/* No trace of a refused one. */
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(mm, &a->nb), -EEXIST);
	unsubscribe(a);
	KUNIT_EXPECT_GT(test, atomic_read(&mm->mm_count), count);
	unsubscribe(b);
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count));
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), users);
	end_set(test, must_set_of(test, mm, 0));
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count));
}

/* B-144: what was pending and has left is not made active. */
static void unregistered_while_pending_is_not_told(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe_mm(story, "a", 0, mm);
	struct subscriber *b = subscribe_mm(story, "b", 0, mm);
	struct subscriber *c = subscribe_mm(story, "c", 0, mm);

	unsubscribe(b);
	must_alloc_number(test, must_set_of(test, mm, 0), 5, NULL);
	expect_story(story, "a:SET_ALLOC; c:SET_ALLOC; a:ALLOC(5); c:ALLOC(5)");
	unsubscribe(a);
	unsubscribe(c);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	expect_story(story, "");
}

/* B-037, B-078, B-144: nobody calls anything, and they are told all the same. */
static void death_of_the_mm_is_told(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe_mm(story, "a", 0, mm);
	struct ioasid_set *set = must_set_of(test, mm, 0);

	subscribe(story, "global", 0, NULL);
	must_alloc_number(test, set, 5, NULL);
	must_alloc_number(test, set, 6, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 6), 0);
	story_forget(story);
	mm_exits(test, mm);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
	KUNIT_EXPECT_TRUE(test, eventually(story_count(story, NULL, IOASID_NOTIFY_FREE) == 4));
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_FREE), 2);
	KUNIT_EXPECT_EQ(test, story_count(story, "global", IOASID_NOTIFY_FREE), 2);
	KUNIT_EXPECT_EQ(test, story_count(story, NULL, IOASID_NOTIFY_SET_FREE), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, 6), -EBUSY);
	KUNIT_EXPECT_TRUE(test, put_reclaims(6));
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 10000), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	KUNIT_EXPECT_TRUE(test,
			  eventually(story_count(story, NULL, IOASID_NOTIFY_SET_FREE) == 2));
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_SET_FREE), 1);
	unsubscribe(a);
	KUNIT_EXPECT_EQ(test, story_count(story, NULL, IOASID_NOTIFY_FREE), 4);
	/* Only our own pin is left, and that of the users is gone. */
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == 1));
}

/* B-147: the process is gone, the subscription is found by its address all the same. */
static void subscription_ends_after_the_process(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *bare = must_mm(test);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe_mm(story, "a", 0, mm);
	struct subscriber *pending = subscribe_mm(story, "pending", 0, bare);
	struct ioasid_set *set = must_set_of(test, mm, 0);

	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "a:SET_ALLOC; a:ALLOC(5)");
	mm_exits(test, mm);
	mm_exits(test, bare);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_FREE), 1);
	KUNIT_EXPECT_GT(test, atomic_read(&mm->mm_count), 1);
	KUNIT_EXPECT_GT(test, atomic_read(&bare->mm_count), 1);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(bare, &pending->nb), -EEXIST);
	unsubscribe(pending);
	unsubscribe(a);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(set, 10000), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == 1));
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&bare->mm_count) == 1));
	expect_story(story, "");
}

/* B-063, B-144: an attempt to make a set tells nothing and makes nothing active. */
static void failed_set_is_not_told(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct ioasid_set *set;

	subscribe_mm(story, "a", 0, mm);
	subscribe(story, "global", 0, NULL);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, INVALID_IOASID, IOASID_SET_TYPE_MM),
			    ERR_PTR(-ENOSPC));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, 0, 0), ERR_PTR(-EINVAL));
	expect_story(story, "");
	set = must_set_of(test, mm, 0);
	expect_story(story, "a:SET_ALLOC; global:SET_ALLOC");
	KUNIT_EXPECT_PTR_EQ(test, ioasid_alloc_set(mm, 0, IOASID_SET_TYPE_MM), ERR_PTR(-EEXIST));
	expect_story(story, "");
	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "a:ALLOC(5); global:ALLOC(5)");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(mm_has_to_be_given),
	KUNIT_CASE(set_with_ids_is_refused),
	KUNIT_CASE(empty_set_is_subscribed_at_once),
	KUNIT_CASE(pending_subscription_becomes_active),
	KUNIT_CASE(subscription_outlives_its_sets),
	KUNIT_CASE(sets_of_one_mm_overlap),
	KUNIT_CASE(subscription_pins_the_address),
	KUNIT_CASE(unregistered_while_pending_is_not_told),
	KUNIT_CASE(death_of_the_mm_is_told),
	KUNIT_CASE(subscription_ends_after_the_process),
	KUNIT_CASE(failed_set_is_not_told),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_mm",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
