// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel tree has of us before the first device_initcall, and what the IOMMU core takes
 * from us.
 */
#include <kunit/test.h>
#include <kunit/device.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/ioasid_core.h>
#include <linux/ioasid_sva.h>
#include <linux/iommu.h>
#include <linux/sched/mm.h>

#define TEST_FROM 1000
#define TEST_TO 1010

/* ---- early ---- */

static struct {
	int registered;
	int allocated;
	ioasid_t id;
	int found;
	int allocs;
	int frees;
} early;

static int early_notify(struct notifier_block *nb, unsigned long event, void *data)
{
	struct ioasid_nb_args *args = data;

	if (args->id < TEST_FROM || args->id > TEST_TO)
		return NOTIFY_DONE;
	if (event == IOASID_NOTIFY_ALLOC)
		early.allocs++;
	if (event == IOASID_NOTIFY_FREE)
		early.frees++;
	return NOTIFY_OK;
}

static struct notifier_block early_nb = { .notifier_call = early_notify };

/* The first level at which somebody may come. Rust's module! is two behind the IOMMU drivers. */
static int __init early_init(void)
{
	early.registered = ioasid_register_notifier(NULL, &early_nb);
	early.allocated = ioasid_alloc_range(NULL, TEST_FROM, TEST_TO, IOASID_ALLOC_LOWEST,
					     &early, &early.id);
	scoped_guard(rcu)
		early.found = ioasid_find(NULL, early.id, NULL) == &early;
	return 0;
}
postcore_initcall(early_init);

/* B-012, B-163 */
static void early_caller_can_subscribe_and_allocate(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, early.registered, 0);
	KUNIT_EXPECT_EQ(test, early.allocated, 0);
	KUNIT_EXPECT_EQ(test, early.id, TEST_FROM);
	KUNIT_EXPECT_EQ(test, early.found, 1);
	KUNIT_EXPECT_EQ(test, early.allocs, 1);
}

/* The device_initcall has not begun anew. */
static void early_id_is_still_there(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, early.allocated, 0);
	scoped_guard(rcu)
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, early.id, NULL), &early);
	KUNIT_EXPECT_EQ(test, early.frees, 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, early.id), 0);
	KUNIT_EXPECT_EQ(test, early.frees, 1);
	ioasid_unregister_notifier(NULL, &early_nb);
}

static struct kunit_case early_cases[] = {
	KUNIT_CASE(early_caller_can_subscribe_and_allocate),
	KUNIT_CASE(early_id_is_still_there),
	{}
};

static struct kunit_suite early_suite = {
	.name = "ioasid_early",
	.test_cases = early_cases,
};

/* ---- the IOMMU core ---- */

static void bare(void *data)
{
	struct device *dev = data;

	dev->iommu = NULL;
	put_device(dev);
}

/* A device with so many PASIDs, 0 included. */
static struct device *must_have_pasids(struct kunit *test, const char *name, unsigned int count)
{
	struct dev_iommu *iommu = kunit_kzalloc(test, sizeof(*iommu), GFP_KERNEL);
	struct device *dev = kunit_device_register(test, name);

	KUNIT_ASSERT_NOT_NULL(test, iommu);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	iommu->max_pasids = count;
	get_device(dev);
	dev->iommu = iommu;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bare, dev), 0);
	return dev;
}

static bool is_known(ioasid_t id)
{
	guard(rcu)();
	return !IS_ERR(ioasid_find(NULL, id, NULL));
}

/* B-233: one pool, for whoever allocates. */
static void global_pasid_is_in_the_index(struct kunit *test)
{
	struct device *dev = must_have_pasids(test, "dev", 8);
	ioasid_t theirs = iommu_alloc_global_pasid(dev), ours;

	KUNIT_ASSERT_NE(test, theirs, IOMMU_PASID_INVALID);
	KUNIT_EXPECT_TRUE(test, is_known(theirs));
	KUNIT_EXPECT_EQ(test, ioasid_alloc_range(NULL, theirs, theirs, IOASID_ALLOC_LOWEST, NULL,
						 &ours), -ENOSPC);
	KUNIT_ASSERT_EQ(test, ioasid_alloc_range(NULL, 1, 8, IOASID_ALLOC_LOWEST, NULL, &ours), 0);
	KUNIT_EXPECT_NE(test, ours, theirs);
	iommu_free_global_pasid(theirs);
	KUNIT_EXPECT_FALSE(test, is_known(theirs));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, ours), 0);
}

/* The contract of iommu_alloc_global_pasid(): in the width of the device, or none. */
static void width_of_the_device_is_the_end(struct kunit *test)
{
	struct device *none = must_have_pasids(test, "none", 0);
	struct device *one = must_have_pasids(test, "one", 1);
	struct device *dev = must_have_pasids(test, "dev", 4);
	ioasid_t got[3];
	int i;

	KUNIT_EXPECT_EQ(test, iommu_alloc_global_pasid(none), IOMMU_PASID_INVALID);
	KUNIT_EXPECT_EQ(test, iommu_alloc_global_pasid(one), IOMMU_PASID_INVALID);
	for (i = 0; i < ARRAY_SIZE(got); i++) {
		got[i] = iommu_alloc_global_pasid(dev);
		KUNIT_EXPECT_EQ(test, got[i], i + 1);
	}
	KUNIT_EXPECT_EQ(test, iommu_alloc_global_pasid(dev), IOMMU_PASID_INVALID);
	iommu_free_global_pasid(2);
	KUNIT_EXPECT_EQ(test, iommu_alloc_global_pasid(dev), 2);
	for (i = 0; i < ARRAY_SIZE(got); i++)
		iommu_free_global_pasid(got[i]);
}

/* B-031: minimum and maximum work for all, now that there is one index. */
static void limits_work_beside_global_pasids(struct kunit *test)
{
	struct device *dev = must_have_pasids(test, "dev", 1 << 20);
	ioasid_t theirs = iommu_alloc_global_pasid(dev), ours;

	KUNIT_ASSERT_NE(test, theirs, IOMMU_PASID_INVALID);
	KUNIT_ASSERT_EQ(test, ioasid_alloc_range(NULL, 500, 600, IOASID_ALLOC_TOP_DOWN, NULL,
						 &ours), 0);
	KUNIT_EXPECT_EQ(test, ours, 600);
	KUNIT_EXPECT_EQ(test, ioasid_add_device(dev), 0);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(dev), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, ours), 0);
	iommu_free_global_pasid(theirs);
}

/* B-013: a virtual IOMMU names the kernel's own numbers as well. */
static ioasid_t name_900(ioasid_t min, ioasid_t max, void *data)
{
	return min <= 900 && 900 <= max ? 900 : INVALID_IOASID;
}

static void name_free(ioasid_t id, void *data)
{
	(*(int *)data)++;
}

static void custom_allocator_names_global_pasids(struct kunit *test)
{
	struct device *dev = must_have_pasids(test, "dev", 1000);
	int freed = 0, turns = 100;
	struct ioasid_allocator_ops ops = {
		.alloc = name_900, .free = name_free, .pdata = &freed,
	};

	KUNIT_ASSERT_EQ(test, ioasid_register_allocator(&ops), 0);
	KUNIT_EXPECT_EQ(test, iommu_alloc_global_pasid(dev), 900);
	iommu_free_global_pasid(900);
	while (!READ_ONCE(freed) && turns--)
		msleep(20);
	KUNIT_EXPECT_EQ(test, freed, 1);
	ioasid_unregister_allocator(&ops);
}

/* B-055: its quota applies, and the number is the mm's when the set has gone. */
static void pasid_of_an_mm_is_in_its_set_and_outlives_it(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc();
	struct ioasid_set_usage usage;
	struct ioasid_set *set, *found;
	ioasid_t id, other;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	set = ioasid_alloc_set(mm, 1, IOASID_SET_TYPE_MM);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	KUNIT_ASSERT_EQ(test, ioasid_core_alloc(mm, 1, 100, &id), 0);
	found = ioasid_find_set(id);
	KUNIT_EXPECT_PTR_EQ(test, found, set);
	if (!IS_ERR_OR_NULL(found))
		ioasid_set_put(found);
	KUNIT_EXPECT_EQ(test, ioasid_set_query(set, &usage), 0);
	KUNIT_EXPECT_EQ(test, usage.use, 1);
	KUNIT_EXPECT_EQ(test, ioasid_core_alloc(mm, 1, 100, &other), -ENOSPC);

	ioasid_set_free(set);
	/* Freed, and nobody else's. */
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_alloc_range(NULL, id, id, IOASID_ALLOC_LOWEST, NULL, &other),
			-ENOSPC);
	ioasid_core_free(id, true);
	KUNIT_EXPECT_FALSE(test, is_known(id));
	mmput(mm);
}

/* Whoever holds it keeps it from being used again, though the IOMMU core has freed it. */
static void reference_keeps_a_global_pasid(struct kunit *test)
{
	struct device *dev = must_have_pasids(test, "dev", 2);
	ioasid_t id = iommu_alloc_global_pasid(dev);

	KUNIT_ASSERT_NE(test, id, IOMMU_PASID_INVALID);
	KUNIT_ASSERT_EQ(test, ioasid_get(NULL, id), 0);
	iommu_free_global_pasid(id);
	KUNIT_EXPECT_EQ(test, iommu_alloc_global_pasid(dev), IOMMU_PASID_INVALID);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_EQ(test, iommu_alloc_global_pasid(dev), id);
	iommu_free_global_pasid(id);
}

static struct kunit_case core_cases[] = {
	KUNIT_CASE(global_pasid_is_in_the_index),
	KUNIT_CASE(width_of_the_device_is_the_end),
	KUNIT_CASE(limits_work_beside_global_pasids),
	KUNIT_CASE(custom_allocator_names_global_pasids),
	KUNIT_CASE(pasid_of_an_mm_is_in_its_set_and_outlives_it),
	KUNIT_CASE(reference_keeps_a_global_pasid),
	{}
};

static struct kunit_suite core_suite = {
	.name = "ioasid_core",
	.test_cases = core_cases,
};

kunit_test_suites(&early_suite, &core_suite);
