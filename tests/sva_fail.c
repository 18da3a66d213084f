// SPDX-License-Identifier: GPL-2.0
/* Binds that fail: each undoes what it did, and nothing else. */
#include "oom.h"
#include "sva.h"

/* B-177, B-205: no trace of it, and the next one succeeds. */
static void expect_untouched(struct kunit *test, struct device *dev, struct mm_struct *mm,
			     int count)
{
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), 1);
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count));
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
	KUNIT_EXPECT_NULL(test, ioasid_sva_find(5));
	KUNIT_EXPECT_TRUE(test, capacity_returns());
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(dev), 0);
}

static struct ioasid_sva_params five = { .ops = &drv_ops, .min_pasid = 5, .max_pasid = 5 };

static void failed_alloc_is_undone(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	int count = atomic_read(&mm->mm_count);
	struct story *story = story_of_all(test);

	driver->alloc_error = -EXDEV;
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -EXDEV);
	expect_calls(test, "alloc");
	expect_story(story, "");
	expect_untouched(test, a, mm, count);
}

static void failed_allocation_of_the_id_is_undone(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	int count = atomic_read(&mm->mm_count);
	ioasid_t id = must_alloc(test, 5, 5, NULL);

	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -ENOSPC);
	expect_calls(test, "alloc; free");
	KUNIT_EXPECT_FALSE(test, ioasid_is_active(id));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	expect_untouched(test, a, mm, count);
}

static void failed_attach_is_undone(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	int count = atomic_read(&mm->mm_count);
	struct story *story = story_of_all(test);

	driver->attach_error = -EXDEV;
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -EXDEV);
	expect_calls(test, "alloc; attach(a); free");
	/* Nobody was ever bound. */
	expect_story(story, "s:ALLOC(5); s:FREE(5)");
	expect_untouched(test, a, mm, count);
}

/* What is no errno is a failure all the same. */
static void odd_attach_result_is_a_failure(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	int count = atomic_read(&mm->mm_count);

	driver->attach_error = 1;
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -EINVAL);
	expect_untouched(test, a, mm, count);
}

/* B-177: the first device does not notice. */
static void failed_attach_leaves_the_others_alone(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0), *b = must_enable(test, "b");
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_of_all(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);

	drv_calls();
	story_forget(story);
	driver->attach_error = -EXDEV;
	KUNIT_EXPECT_EQ(test, bind_error(b, mm, NULL), -EXDEV);
	expect_calls(test, "attach(b)");
	expect_story(story, "");
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(5));
	KUNIT_EXPECT_TRUE(test, finds(5, mm));
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(b), 0);
	ioasid_sva_unbind_device(bond);
	expect_calls(test, "detach(a); free");
	expect_story(story, "s:UNBIND(5); s:FREE(5)");
}

/* B-042: the set is there as before. */
static void failed_bind_keeps_no_set(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = ioasid_alloc_set(mm, 1, IOASID_SET_TYPE_MM);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	driver->attach_error = -EXDEV;
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -EXDEV);
	expect_usage(test, set, .quota = 1, .peak = 1);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

static void exited_mm_is_not_bound(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);

	mm_exits(test, mm);
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -ESRCH);
	expect_calls(test, "");
}

static void enable_without_memory_is_enomem(struct kunit *test)
{
	struct device *a = must_device(test, "a");
	struct sweep sweep = { .test = test, .what = "enable" };
	int err;

	need_injection(test);
	while (sweep_next(&sweep)) {
		err = ioasid_sva_enable_device(a, &five);
		sweep_done(&sweep, err);
		KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(a), err ? -ENODEV : 0);
	}
	KUNIT_EXPECT_GT(test, sweep.refused, 0);
}

/* B-063, B-169, B-205: at each allocation of the first bind, and of the second. */
static void bind_without_memory_is_enomem(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0), *b = must_enable(test, "b");
	struct mm_struct *mm = must_mm(test), *warm = must_mm(test);
	struct sweep sweep = { .test = test, .what = "first bind" };
	struct ioasid_bond *bond, *first;

	need_injection(test);
	/* What is allocated once and stays with the mm. */
	KUNIT_EXPECT_EQ(test, bind_error(b, warm, NULL), 0);
	while (sweep_next(&sweep)) {
		bond = ioasid_sva_bind_device(a, mm, NULL);
		sweep_done(&sweep, PTR_ERR_OR_ZERO(bond));
		ioasid_sva_unbind_device(bond);
		KUNIT_EXPECT_TRUE(test, is_unknown(5));
		KUNIT_EXPECT_NULL(test, ioasid_sva_find(5));
		KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), 1);
	}
	KUNIT_EXPECT_GT(test, sweep.refused, 0);

	first = must_bind(test, a, mm);
	sweep = (struct sweep){ .test = test, .what = "second bind" };
	while (sweep_next(&sweep)) {
		bond = ioasid_sva_bind_device(b, mm, NULL);
		sweep_done(&sweep, PTR_ERR_OR_ZERO(bond));
		ioasid_sva_unbind_device(bond);
		KUNIT_EXPECT_TRUE(test, ioasid_is_active(5));
	}
	KUNIT_EXPECT_GT(test, sweep.refused, 0);
	ioasid_sva_unbind_device(first);
}

/* B-180: what needs no memory cannot fail. */
static void unbind_needs_no_memory(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	struct ioasid_bond *bond;

	need_injection(test);
	bond = must_bind(test, a, mm);
	drv_calls();
	fail_from(1);
	ioasid_sva_unbind_device(bond);
	KUNIT_EXPECT_FALSE(test, fail_end());
	expect_calls(test, "detach(a); free");
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(failed_alloc_is_undone),
	KUNIT_CASE(failed_allocation_of_the_id_is_undone),
	KUNIT_CASE(failed_attach_is_undone),
	KUNIT_CASE(odd_attach_result_is_a_failure),
	KUNIT_CASE(failed_attach_leaves_the_others_alone),
	KUNIT_CASE(failed_bind_keeps_no_set),
	KUNIT_CASE(exited_mm_is_not_bound),
	KUNIT_CASE(enable_without_memory_is_enomem),
	KUNIT_CASE(bind_without_memory_is_enomem),
	KUNIT_CASE(unbind_needs_no_memory),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_sva_fail",
	.init = sva_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
