// SPDX-License-Identifier: GPL-2.0
/* Address spaces, devices and drivers that go while they are bound. */
#include <linux/platform_device.h>

#include "log.h"
#include "sva.h"

/* Also if the late lane has yet to do it: then a reference can be had, and is put again. */
static bool is_freed(ioasid_t id)
{
	int err = ioasid_get(NULL, id);

	if (!err)
		ioasid_put(NULL, id);
	return err == -EBUSY;
}

/* B-171, B-172, B-174: its DMA faults, and nobody else gets its number before it is unbound. */
static void exited_mm_keeps_its_id_until_unbind(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0), *b = must_enable(test, "b");
	struct mm_struct *mm = must_mm(test), *next = must_mm(test);
	struct ioasid_bond *first = must_bind(test, a, mm), *second = must_bind(test, b, mm);

	drv_calls();
	mm_exits(test, mm);
	expect_calls(test, "release");
	KUNIT_EXPECT_TRUE(test, eventually(is_freed(5)));
	KUNIT_EXPECT_NULL(test, ioasid_sva_find(5));
	KUNIT_EXPECT_EQ(test, ioasid_sva_get_pasid(first), 5);
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -ESRCH);
	KUNIT_EXPECT_EQ(test, bind_error(a, next, NULL), -ENOSPC);
	ioasid_sva_unbind_device(first);
	expect_calls(test, "alloc; free; detach(a)");
	KUNIT_EXPECT_FALSE(test, is_unknown(5));
	ioasid_sva_unbind_device(second);
	expect_calls(test, "detach(b); free");
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
	KUNIT_EXPECT_EQ(test, bind_error(a, next, NULL), 0);
}

/* B-175: the bind has the last user then, which leaves when others can bind again. */
static void mm_may_exit_at_the_end_of_a_bind(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct ioasid_bond *bond;

	driver->leaves = must_mm(test);
	bond = must_bind(test, a, driver->leaves);
	expect_calls(test, "alloc; attach(a); release");
	KUNIT_EXPECT_TRUE(test, eventually(is_freed(5)));
	ioasid_sva_unbind_device(bond);
	expect_calls(test, "detach(a); free");
	KUNIT_EXPECT_TRUE(test, is_unknown(5));

	driver->leaves = must_mm(test);
	driver->attach_error = -EXDEV;
	KUNIT_EXPECT_EQ(test, bind_error(a, driver->leaves, NULL), -EXDEV);
	expect_calls(test, "alloc; attach(a); free");
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
}

/* B-203: freed by itself, and FREE is the last that is told. */
static void exit_is_told_as_free(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	struct story *story = story_of_all(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);

	story_forget(story);
	mm_exits(test, mm);
	KUNIT_EXPECT_TRUE(test, eventually(story_count(story, "s", IOASID_NOTIFY_FREE)));
	ioasid_sva_unbind_device(bond);
	expect_story(story, "s:FREE(5)");
}

/* B-206: whoever has a reference keeps the number as well. */
static void reference_outlives_mm_and_bond(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 5, 5, 0);
	struct mm_struct *mm = must_mm(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, 5), 0);
	mm_exits(test, mm);
	ioasid_sva_unbind_device(bond);
	KUNIT_EXPECT_FALSE(test, is_unknown(5));
	KUNIT_EXPECT_TRUE(test, eventually(is_freed(5)));
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, 5));
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
}

/* B-171: not at all if nobody is bound. */
static void exit_after_unbind_is_not_told(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);

	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), 0);
	drv_calls();
	mm_exits(test, mm);
	expect_calls(test, "");
}

/* The set of the address space goes by the same exit, whichever is first. */
static void exit_ends_set_and_bond(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = ioasid_alloc_set(mm, 10, IOASID_SET_TYPE_MM);
	struct ioasid_bond *bond;
	ioasid_t id;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	bond = must_bind(test, a, mm);
	id = ioasid_sva_get_pasid(bond);
	mm_exits(test, mm);
	KUNIT_EXPECT_TRUE(test, eventually(is_freed(id)));
	ioasid_sva_unbind_device(bond);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* B-214: the driver is made to leave, and its bonds can still be dropped. */
static void device_that_goes_is_detached(struct kunit *test)
{
	struct ioasid_sva_params params = { .ops = &drv_ops, .min_pasid = 5 };
	struct device *a = must_device(test, "a"), *b = must_enable(test, "b");
	struct mm_struct *mm = must_mm(test), *lone = must_mm(test);
	struct log_watch *log = log_listen(test);
	struct ioasid_bond *bond, *other, *alone;

	KUNIT_ASSERT_EQ(test, ioasid_sva_enable_device(a, &params), 0);
	bond = must_bind(test, a, mm);
	other = must_bind(test, b, mm);
	drv_calls();
	get_device(a);
	kunit_device_unregister(test, a);
	expect_calls(test, "detach(a)");
	KUNIT_EXPECT_EQ(test, log_lines(log), 0);
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -ENODEV);
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(a), -ENODEV);
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(5));
	KUNIT_EXPECT_EQ(test, ioasid_sva_get_pasid(bond), 5);
	ioasid_sva_unbind_device(other);
	expect_calls(test, "detach(b); free");
	/* The number is kept for the bond. */
	KUNIT_EXPECT_FALSE(test, is_unknown(5));
	alone = must_bind(test, b, lone);
	KUNIT_EXPECT_NE(test, ioasid_sva_get_pasid(alone), 5);
	ioasid_sva_unbind_device(alone);
	ioasid_sva_unbind_device(bond);
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
	put_device(a);
}

/* The device is gone, its record too: enabled again it starts anew. */
static void device_without_bonds_is_forgotten(struct kunit *test)
{
	struct ioasid_sva_params params = { .ops = &drv_ops };
	struct device *a = must_device(test, "a");

	KUNIT_ASSERT_EQ(test, ioasid_sva_enable_device(a, &params), 0);
	get_device(a);
	kunit_device_unregister(test, a);
	KUNIT_EXPECT_TRUE(test, eventually(kref_read(&a->kobj.kref) == 1));
	put_device(a);
}

struct witness {
	struct notifier_block nb;
	struct device *dev;
	bool seen;
	bool detached;
};

/* The IOMMU core has forgotten the device when those without a priority are told of this. */
static int witness_removal(struct notifier_block *nb, unsigned long action, void *data)
{
	struct witness *witness = container_of(nb, struct witness, nb);

	if (action == BUS_NOTIFY_REMOVED_DEVICE && data == witness->dev) {
		witness->seen = true;
		witness->detached = driver->detached;
	}
	return NOTIFY_DONE;
}

/* B-214: nobody's driver is unbound, so the departure of the device is all there is to see. */
static void device_without_driver_is_detached_in_time(struct kunit *test)
{
	struct witness witness = { .nb = { .notifier_call = witness_removal, .priority = INT_MAX }};
	struct ioasid_sva_params params = { .ops = &drv_ops };
	struct device *b = must_enable(test, "b");
	struct mm_struct *mm = must_mm(test);
	struct platform_device *pdev;
	struct ioasid_bond *bond, *other;

	pdev = platform_device_register_simple("ioasid-no-driver", PLATFORM_DEVID_NONE, NULL, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pdev);
	witness.dev = &pdev->dev;
	KUNIT_EXPECT_EQ(test, bus_register_notifier(&platform_bus_type, &witness.nb), 0);
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(&pdev->dev, &params), 0);
	bond = ioasid_sva_bind_device(&pdev->dev, mm, NULL);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, bond);
	other = ioasid_sva_bind_device(b, mm, NULL);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, other);
	platform_device_unregister(pdev);
	bus_unregister_notifier(&platform_bus_type, &witness.nb);
	KUNIT_EXPECT_TRUE(test, witness.seen);
	KUNIT_EXPECT_TRUE(test, witness.detached);
	ioasid_sva_unbind_device(bond);
	ioasid_sva_unbind_device(other);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(exited_mm_keeps_its_id_until_unbind),
	KUNIT_CASE(mm_may_exit_at_the_end_of_a_bind),
	KUNIT_CASE(exit_is_told_as_free),
	KUNIT_CASE(reference_outlives_mm_and_bond),
	KUNIT_CASE(exit_after_unbind_is_not_told),
	KUNIT_CASE(exit_ends_set_and_bond),
	KUNIT_CASE(device_that_goes_is_detached),
	KUNIT_CASE(device_without_bonds_is_forgotten),
	KUNIT_CASE(device_without_driver_is_detached_in_time),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_sva_exit",
	.init = sva_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
