// SPDX-License-Identifier: GPL-2.0
/* What subscribers are told of address spaces that devices are bound to. */
#include "sva.h"

/* B-202: not once for each device. */
static void bind_is_told_at_the_first_device(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0), *b = must_enable(test, "b");
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_of_all(test);
	struct ioasid_bond *first, *second;

	first = must_bind(test, a, mm);
	expect_story(story, "s:ALLOC(5); s:BIND(5)");
	second = must_bind(test, b, mm);
	must_bind(test, b, mm);
	expect_story(story, "");
	ioasid_sva_unbind_device(first);
	ioasid_sva_unbind_device(second);
	expect_story(story, "");
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(5));
	ioasid_sva_unbind_device(second);
	expect_story(story, "s:UNBIND(5); s:FREE(5)");
}

/* B-202: those who subscribed to the set of the address space, or to the mm. */
static void subscribers_of_the_set_are_told(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test), *other = must_mm(test);
	struct story *story = story_new(test);
	struct ioasid_bond *bond;

	subscribe_mm(story, "mm", 0, mm);
	must_set_of(test, mm, 10);
	story_forget(story);
	bond = must_bind(test, a, mm);
	expect_story(story, "mm:ALLOC(5); mm:BIND(5)");
	ioasid_sva_unbind_device(bond);
	expect_story(story, "mm:UNBIND(5); mm:FREE(5)");
	KUNIT_EXPECT_EQ(test, bind_error(a, other, NULL), 0);
	expect_story(story, "");
}

/* B-203 */
static void unbind_is_not_told_after_free(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_of_all(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);

	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 1);
	expect_story(story, "s:ALLOC(5); s:BIND(5); s:FREE(5)");
	KUNIT_EXPECT_FALSE(test, is_unknown(5));
	/* B-110: no new references. */
	drv_calls();
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -EBUSY);
	expect_calls(test, "");
	/* B-174: the bond keeps the number until the driver has forgotten it. */
	ioasid_sva_unbind_device(bond);
	expect_calls(test, "detach(a); free");
	expect_story(story, "");
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
	KUNIT_EXPECT_NULL(test, ioasid_sva_find(5));
}

static int refuse(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	return val == IOASID_NOTIFY_BIND ? notifier_from_errno(-EDQUOT) : NOTIFY_OK;
}

/* B-177, B-205: as if it had never been tried, and whoever refused is heard. */
static void refused_bind_is_rolled_back(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 1);
	struct mm_struct *mm = must_mm(test);
	int count = atomic_read(&mm->mm_count);
	struct story *story = story_new(test);
	struct subscriber *no;

	subscribe(story, "first", IOASID_PRIO_CPU, NULL);
	no = subscriber_new(story, "no", IOASID_PRIO_DEVICE);
	no->answer = refuse;
	must_subscribe(no, NULL);
	subscribe(story, "last", IOASID_PRIO_LAST, NULL);
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -EDQUOT);
	expect_calls(test, "alloc; attach(a); detach(a); free");
	expect_story(story, "first:ALLOC(5); no:ALLOC(5); last:ALLOC(5); first:BIND(5); "
			    "no:BIND(5); first:UNBIND(5); first:FREE(5); no:FREE(5); last:FREE(5)");
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
	KUNIT_EXPECT_NULL(test, ioasid_sva_find(5));
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count));
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(a), 0);
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(a, &(struct ioasid_sva_params)
						       { .ops = &drv_ops }), 0);
	no->answer = NULL;
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), 0);
}

/* B-107, B-202: two causes, each with its own pair of events. */
static void spid_and_device_are_told_apart(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_of_all(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);
	struct subscriber *late;

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 8), -EBUSY);
	expect_story(story, "s:ALLOC(5); s:BIND(5); s:BIND(5=7)");
	late = subscriber_new(story, "late", 0);
	KUNIT_ASSERT_EQ(test, ioasid_register_notifier_replay(NULL, &late->nb), 0);
	expect_story(story, "late:ALLOC(5=7); late:BIND(5=7); late:BIND(5=7)");
	ioasid_unregister_notifier(NULL, &late->nb);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(5));
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), -ENOENT);
	expect_story(story, "s:UNBIND(5=7)");
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, 5), 0);
	ioasid_sva_unbind_device(bond);
	expect_story(story, "s:BIND(5=7); s:UNBIND(5=7); s:FREE(5=7)");
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, 5));
}

/* A subscriber that came later is told as well. */
static void replay_tells_of_a_bond(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);
	struct story *story = story_new(test);
	struct subscriber *sub = subscriber_new(story, "s", 0);

	KUNIT_ASSERT_EQ(test, ioasid_register_notifier_replay(NULL, &sub->nb), 0);
	expect_story(story, "s:ALLOC(5); s:BIND(5)");
	ioasid_sva_unbind_device(bond);
	expect_story(story, "s:UNBIND(5); s:FREE(5)");
	ioasid_unregister_notifier(NULL, &sub->nb);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(bind_is_told_at_the_first_device),
	KUNIT_CASE(subscribers_of_the_set_are_told),
	KUNIT_CASE(unbind_is_not_told_after_free),
	KUNIT_CASE(refused_bind_is_rolled_back),
	KUNIT_CASE(spid_and_device_are_told_apart),
	KUNIT_CASE(replay_tells_of_a_bond),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_sva_event",
	.init = sva_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
