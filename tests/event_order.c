// SPDX-License-Identifier: GPL-2.0
/* Who is told first. */
#include "events.h"

/* B-130, B-131, B-132: a device is stopped before its tables are taken down, whoever registered. */
static void highest_priority_is_told_first(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);

	subscribe(story, "LAST", IOASID_PRIO_LAST, NULL);
	subscribe(story, "iommu", IOASID_PRIO_IOMMU, set);
	subscribe(story, "CPU", IOASID_PRIO_CPU, NULL);
	subscribe(story, "device", IOASID_PRIO_DEVICE, set);
	subscribe(story, "IOMMU", IOASID_PRIO_IOMMU, NULL);
	subscribe(story, "last", IOASID_PRIO_LAST, set);
	subscribe(story, "cpu", IOASID_PRIO_CPU, set);
	subscribe(story, "DEVICE", IOASID_PRIO_DEVICE, NULL);
	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "CPU:ALLOC(5); cpu:ALLOC(5); iommu:ALLOC(5); IOMMU:ALLOC(5); "
			    "device:ALLOC(5); DEVICE:ALLOC(5); LAST:ALLOC(5); last:ALLOC(5)");
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	expect_story(story, "CPU:BIND(5=1); cpu:BIND(5=1); iommu:BIND(5=1); IOMMU:BIND(5=1); "
			    "device:BIND(5=1); DEVICE:BIND(5=1); LAST:BIND(5=1); last:BIND(5=1)");
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	expect_story(story, "CPU:UNBIND(5=1); cpu:UNBIND(5=1); iommu:UNBIND(5=1); "
			    "IOMMU:UNBIND(5=1); device:UNBIND(5=1); DEVICE:UNBIND(5=1); "
			    "LAST:UNBIND(5=1); last:UNBIND(5=1)");
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	expect_story(story, "CPU:FREE(5); cpu:FREE(5); iommu:FREE(5); IOMMU:FREE(5); "
			    "device:FREE(5); DEVICE:FREE(5); LAST:FREE(5); last:FREE(5)");
	must_alloc_number(test, NULL, 6, NULL);
	expect_story(story, "CPU:ALLOC(6); IOMMU:ALLOC(6); DEVICE:ALLOC(6); LAST:ALLOC(6)");
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 6), 0);
	expect_story(story, "CPU:FREE(6); IOMMU:FREE(6); DEVICE:FREE(6); LAST:FREE(6)");
}

/* B-131, B-133: the values are part of the interface; a forgotten priority is the lowest named. */
static void priorities_have_their_values(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, IOASID_PRIO_LAST, 0);
	KUNIT_EXPECT_EQ(test, IOASID_PRIO_DEVICE, 1);
	KUNIT_EXPECT_EQ(test, IOASID_PRIO_IOMMU, 2);
	KUNIT_EXPECT_EQ(test, IOASID_PRIO_CPU, 3);
	KUNIT_EXPECT_EQ(test, IOASID_NOTIFY_ALLOC, 1);
	KUNIT_EXPECT_EQ(test, IOASID_NOTIFY_FREE, 2);
	KUNIT_EXPECT_EQ(test, IOASID_NOTIFY_BIND, 3);
	KUNIT_EXPECT_EQ(test, IOASID_NOTIFY_UNBIND, 4);
	KUNIT_EXPECT_EQ(test, IOASID_NOTIFY_SET_ALLOC, 5);
	KUNIT_EXPECT_EQ(test, IOASID_NOTIFY_SET_FREE, 6);
	KUNIT_EXPECT_EQ(test, IOASID_NOTIFY_ALL, 1);
	KUNIT_EXPECT_EQ(test, IOASID_NOTIFY_SET, 2);
	KUNIT_EXPECT_EQ(test, IOASID_NOTIFY_FLAG_ALL, 1);
	KUNIT_EXPECT_EQ(test, IOASID_NOTIFY_FLAG_SET, 2);
}

/* B-132: any number will do. */
static void priority_may_be_any_number(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);

	subscribe(story, "min", INT_MIN, set);
	subscribe(story, "max", INT_MAX, NULL);
	subscribe(story, "zero", 0, set);
	subscribe(story, "cpu", IOASID_PRIO_CPU, NULL);
	subscribe(story, "four", 4, set);
	subscribe(story, "minus", -1, NULL);
	subscribe(story, "MIN", INT_MIN, NULL);
	subscribe(story, "MAX", INT_MAX, set);
	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "max:ALLOC(5); MAX:ALLOC(5); four:ALLOC(5); cpu:ALLOC(5); "
			    "zero:ALLOC(5); minus:ALLOC(5); min:ALLOC(5); MIN:ALLOC(5)");
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
}

/* B-132: among equals the one that came first, whatever the scope. */
static void equals_are_told_in_order_of_registration(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	struct story *story = story_new(test);
	struct subscriber *b, *d;

	subscribe(story, "a", 2, set);
	b = subscribe(story, "b", 2, NULL);
	subscribe_mm(story, "c", 2, mm);
	d = subscribe(story, "d", 2, set);
	subscribe(story, "e", 2, NULL);
	must_alloc_number(test, set, 5, NULL);
	expect_story(story, "a:ALLOC(5); b:ALLOC(5); c:ALLOC(5); d:ALLOC(5); e:ALLOC(5)");
	/* Who comes again comes last. */
	unsubscribe(b);
	must_subscribe(b, NULL);
	unsubscribe(d);
	must_subscribe(d, set);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	expect_story(story, "a:BIND(5=1); c:BIND(5=1); e:BIND(5=1); b:BIND(5=1); d:BIND(5=1)");
	/* With another priority, too. */
	unsubscribe(b);
	b->nb.priority = 3;
	must_subscribe(b, set);
	unsubscribe(d);
	d->nb.priority = 1;
	must_subscribe(d, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	expect_story(story, "b:FREE(5=1); a:FREE(5=1); c:FREE(5=1); e:FREE(5=1); d:FREE(5=1)");
}

/* B-132, B-144: a subscription that waits for its set has its place already. */
static void pending_subscription_keeps_its_place(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_new(test);
	struct ioasid_set *set;
	int i;

	subscribe_mm(story, "m", 2, mm);
	subscribe(story, "g", 2, NULL);
	subscribe_mm(story, "n", 2, mm);
	subscribe(story, "h", 3, NULL);
	subscribe_mm(story, "o", 3, mm);
	for (i = 0; i < 3; i++) {
		set = must_set_of(test, mm, 0);
		expect_story(story,
			     "h:SET_ALLOC; o:SET_ALLOC; m:SET_ALLOC; g:SET_ALLOC; n:SET_ALLOC");
		must_alloc_number(test, set, 5, NULL);
		expect_story(story, "h:ALLOC(5); o:ALLOC(5); m:ALLOC(5); g:ALLOC(5); n:ALLOC(5)");
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
		KUNIT_EXPECT_TRUE(test,
				  eventually(story_count(story, "n", IOASID_NOTIFY_SET_FREE)));
		expect_story(story, "h:FREE(5); o:FREE(5); m:FREE(5); g:FREE(5); n:FREE(5); "
				    "h:SET_FREE; o:SET_FREE; m:SET_FREE; g:SET_FREE; n:SET_FREE");
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(highest_priority_is_told_first),
	KUNIT_CASE(priorities_have_their_values),
	KUNIT_CASE(priority_may_be_any_number),
	KUNIT_CASE(equals_are_told_in_order_of_registration),
	KUNIT_CASE(pending_subscription_keeps_its_place),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_order",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
