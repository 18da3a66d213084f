// SPDX-License-Identifier: GPL-2.0
/*
 * The host allocator. The devices look as if an IOMMU had switched on PASIDs for them; their
 * numbers are the real ones of the IOMMU core, which must be left none the wiser.
 */
#include "log.h"
#include "sva.h"

/* Whether the IOMMU core still has a number to give. */
static bool core_has(struct device *dev, ioasid_t id)
{
	ioasid_t got[8];
	bool has = false;
	int n = 0;

	while (n < ARRAY_SIZE(got) && !has) {
		ioasid_t next = iommu_alloc_global_pasid(dev);

		if (next == IOMMU_PASID_INVALID)
			break;
		has = next == id;
		got[n++] = next;
	}
	while (n)
		iommu_free_global_pasid(got[--n]);
	return has;
}

/* B-233: one pool. What we give, the IOMMU core does not. */
static void numbers_come_from_the_core(struct kunit *test)
{
	struct device *a = must_have_pasids(test, "a", 6);
	ioasid_t ours, theirs;

	KUNIT_ASSERT_EQ(test, ioasid_add_device(a), 0);
	theirs = iommu_alloc_global_pasid(a);
	KUNIT_EXPECT_NE(test, theirs, IOMMU_PASID_INVALID);
	ours = must_alloc(test, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_NE(test, ours, theirs);
	KUNIT_EXPECT_FALSE(test, core_has(a, ours));
	iommu_free_global_pasid(theirs);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, ours), 0);
	KUNIT_EXPECT_TRUE(test, eventually(core_has(a, ours)));
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), 0);
}

/* B-009: returned, and no fault of anybody's. */
static void number_outside_the_range_is_returned(struct kunit *test)
{
	struct device *a = must_have_pasids(test, "a", 6);
	struct log_watch *log = log_listen(test);
	ioasid_t id;

	KUNIT_ASSERT_EQ(test, ioasid_add_device(a), 0);
	KUNIT_EXPECT_EQ(test, ioasid_alloc_range(NULL, 500, 600, IOASID_ALLOC_LOWEST, NULL, &id),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, log_lines(log), 0);
	KUNIT_EXPECT_TRUE(test, core_has(a, 1));
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), 0);
}

/* B-031, B-219: in the width of the device. */
static void width_of_the_device_is_the_end(struct kunit *test)
{
	struct device *a = must_have_pasids(test, "a", 3);
	ioasid_t id;

	KUNIT_ASSERT_EQ(test, ioasid_add_device(a), 0);
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, TEST_MAX, NULL), 1);
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, TEST_MAX, NULL), 2);
	KUNIT_EXPECT_EQ(test, ioasid_alloc_range(NULL, 1, TEST_MAX, IOASID_ALLOC_LOWEST, NULL, &id),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 2), 0);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), 0);
}

/* B-016: one message, and nothing has changed. */
static void ids_in_use_refuse_the_host(struct kunit *test)
{
	struct device *a = must_have_pasids(test, "a", 6);
	ioasid_t id = must_alloc(test, 1, TEST_MAX, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_add_device(a), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), -ENODEV);
	KUNIT_EXPECT_EQ(test, must_alloc(test, 2, 2, NULL), 2);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 2), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_add_device(a), 0);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), 0);
}

/* B-013: it does not wait behind others. */
static void custom_allocator_refuses_the_host(struct kunit *test)
{
	struct device *a = must_have_pasids(test, "a", 6);
	int named = 0;
	struct ioasid_allocator_ops ops = {
		.alloc = probe_alloc, .free = probe_free, .pdata = &named,
	};

	KUNIT_ASSERT_EQ(test, ioasid_register_allocator(&ops), 0);
	KUNIT_EXPECT_EQ(test, ioasid_add_device(a), -EBUSY);
	ioasid_unregister_allocator(&ops);
	KUNIT_EXPECT_EQ(test, ioasid_add_device(a), 0);
	/* The other way round it does. */
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&ops), 0);
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, TEST_MAX, NULL), 1);
	KUNIT_EXPECT_EQ(test, named, 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), 0);
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, TEST_MAX, NULL), TEST_MAX);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, TEST_MAX), 0);
	ioasid_unregister_allocator(&ops);
}

/* B-015, B-019, B-214: IDs stay when a device goes, and the next one is asked. */
static void next_device_takes_over(struct kunit *test)
{
	struct device *a = must_have_pasids(test, "a", 3), *b = must_have_pasids(test, "b", 6);
	ioasid_t id;

	KUNIT_ASSERT_EQ(test, ioasid_add_device(a), 0);
	id = must_alloc(test, 1, TEST_MAX, NULL);
	/* IDs are no reason to refuse a device of the same space. */
	KUNIT_EXPECT_EQ(test, ioasid_add_device(b), 0);
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, TEST_MAX, NULL), 2);
	kunit_device_unregister(test, a);
	KUNIT_EXPECT_FALSE(test, is_unknown(id));
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, TEST_MAX, NULL), 3);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), -ENODEV);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 2), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 3), 0);
	KUNIT_EXPECT_TRUE(test, eventually(core_has(b, id)));
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(b), 0);
}

/* B-214: free needs no device, not even a next one. */
static void number_returns_after_the_last_device(struct kunit *test)
{
	struct device *a = must_have_pasids(test, "a", 6);
	ioasid_t first, second;

	KUNIT_ASSERT_EQ(test, ioasid_add_device(a), 0);
	first = must_alloc(test, 1, TEST_MAX, NULL);
	second = must_alloc(test, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), 0);
	KUNIT_EXPECT_FALSE(test, is_unknown(first));
	KUNIT_EXPECT_FALSE(test, core_has(a, first));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, first), 0);
	KUNIT_EXPECT_TRUE(test, eventually(core_has(a, first)));
	/* B-016: the one that is left keeps its number, and the host allocator out. */
	KUNIT_EXPECT_FALSE(test, core_has(a, second));
	KUNIT_EXPECT_EQ(test, ioasid_add_device(a), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, second), 0);
	KUNIT_EXPECT_EQ(test, ioasid_add_device(a), 0);
	KUNIT_EXPECT_TRUE(test, eventually(core_has(a, second)));
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), 0);
}

static void each_add_has_its_remove(struct kunit *test)
{
	struct device *a = must_have_pasids(test, "a", 3);

	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), -ENODEV);
	KUNIT_EXPECT_EQ(test, ioasid_add_device(a), 0);
	KUNIT_EXPECT_EQ(test, ioasid_add_device(a), 0);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), 0);
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, TEST_MAX, NULL), 1);
	KUNIT_EXPECT_FALSE(test, core_has(a, 1));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 1), 0);
	KUNIT_EXPECT_TRUE(test, eventually(core_has(a, 1)));
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), 0);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), -ENODEV);
}

/* Not a device's business: it has no PASIDs. B-225: said where it was tried, in one line. */
static void device_without_pasids_is_refused(struct kunit *test)
{
	struct device *plain = must_device(test, "plain"), *none = must_have_pasids(test, "n", 0);

	KUNIT_EXPECT_EQ(test, ioasid_add_device(plain), -ENODEV);
	KUNIT_EXPECT_EQ(test, ioasid_add_device(none), -ENODEV);
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(plain, NULL), -ENODEV);
	KUNIT_EXPECT_NOT_NULL(test, ioasid_sva_why(plain));
	KUNIT_EXPECT_NOT_NULL(test, strstr(ioasid_sva_why(plain), "no IOMMU translates"));
	KUNIT_EXPECT_NOT_NULL(test, ioasid_sva_why(NULL));
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, 1, NULL), 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 1), 0);
}

/* The IOMMU of the device has no driver that could share. */
static void iommu_without_sva_is_refused(struct kunit *test)
{
	struct device *a = must_have_pasids(test, "a", 6);

	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(a, NULL), -EOPNOTSUPP);
	KUNIT_EXPECT_NOT_NULL(test, ioasid_sva_why(a));
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(a), -ENODEV);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), -ENODEV);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(numbers_come_from_the_core),
	KUNIT_CASE(number_outside_the_range_is_returned),
	KUNIT_CASE(width_of_the_device_is_the_end),
	KUNIT_CASE(ids_in_use_refuse_the_host),
	KUNIT_CASE(custom_allocator_refuses_the_host),
	KUNIT_CASE(next_device_takes_over),
	KUNIT_CASE(number_returns_after_the_last_device),
	KUNIT_CASE(each_add_has_its_remove),
	KUNIT_CASE(device_without_pasids_is_refused),
	KUNIT_CASE(iommu_without_sva_is_refused),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_sva_host",
	.init = sva_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
