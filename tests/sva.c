// SPDX-License-Identifier: GPL-2.0
/* Devices bound to address spaces, by a driver that follows them itself. */
#include <linux/workqueue.h>

#include "log.h"
#include "sva.h"

/* B-169, B-171, B-180: each callback in its turn, and the ID is there meanwhile. */
static void bind_attaches_and_unbind_detaches(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);
	struct ioasid_bond *bond;
	ioasid_t id;

	bond = must_bind(test, a, mm);
	expect_calls(test, "alloc; attach(a)");
	id = ioasid_sva_get_pasid(bond);
	KUNIT_EXPECT_EQ(test, id, driver->pasid);
	KUNIT_EXPECT_FALSE(test, is_unknown(id));
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(id));
	KUNIT_EXPECT_TRUE(test, finds(id, mm));
	ioasid_sva_unbind_device(bond);
	expect_calls(test, "detach(a); free");
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
	KUNIT_EXPECT_TRUE(test, finds(id, NULL));
}

/* B-180, B-183: one bond with two references, and no second call. */
static void same_device_gives_same_bond(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);
	ioasid_t id = ioasid_sva_get_pasid(bond);

	KUNIT_EXPECT_PTR_EQ(test, ioasid_sva_bind_device(a, mm, NULL), bond);
	expect_calls(test, "alloc; attach(a)");
	ioasid_sva_unbind_device(bond);
	expect_calls(test, "");
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(id));
	ioasid_sva_unbind_device(bond);
	expect_calls(test, "detach(a); free");
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
}

/* B-183: the data tells users of a device apart. */
static void other_drvdata_is_refused(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test), *other = must_mm(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);

	KUNIT_EXPECT_EQ(test, bind_error(a, mm, test), -EINVAL);
	KUNIT_EXPECT_EQ(test, bind_error(a, other, test), 0);
	expect_calls(test, "alloc; attach(a); alloc; attach(a); detach(a); free");
	/* Was not taken for one more reference. */
	driver->pasid = ioasid_sva_get_pasid(bond);
	ioasid_sva_unbind_device(bond);
	expect_calls(test, "detach(a); free");
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, test), 0);
}

/* B-184, B-187, B-193: one ID for all devices, and made and freed once. */
static void devices_of_one_mm_share_the_id(struct kunit *test)
{
	struct device *a = must_enable(test, "a"), *b = must_enable(test, "b");
	struct mm_struct *mm = must_mm(test), *other = must_mm(test);
	struct ioasid_bond *first = must_bind(test, a, mm), *second, *third;
	ioasid_t id = ioasid_sva_get_pasid(first);

	second = must_bind(test, b, mm);
	expect_calls(test, "alloc; attach(a); attach(b)");
	KUNIT_EXPECT_PTR_NE(test, first, second);
	KUNIT_EXPECT_EQ(test, ioasid_sva_get_pasid(second), id);
	third = must_bind(test, a, other);
	KUNIT_EXPECT_NE(test, ioasid_sva_get_pasid(third), id);
	ioasid_sva_unbind_device(third);
	expect_calls(test, "alloc; attach(a); detach(a); free");
	driver->pasid = id;
	ioasid_sva_unbind_device(first);
	expect_calls(test, "detach(a)");
	KUNIT_EXPECT_TRUE(test, finds(id, mm));
	ioasid_sva_unbind_device(second);
	expect_calls(test, "detach(b); free");
}

/* B-186: told which one is the first and which the last of an IOMMU group. */
static void devices_of_one_group_are_told_apart(struct kunit *test)
{
	struct device *a = must_enable(test, "a"), *b = must_enable(test, "b");
	struct iommu_group *group = (struct iommu_group *)test;
	struct mm_struct *mm = must_mm(test);
	struct ioasid_bond *first, *second;

	a->iommu_group = group;
	b->iommu_group = group;
	first = must_bind(test, a, mm);
	second = must_bind(test, b, mm);
	expect_calls(test, "alloc; attach(a); attach(b too)");
	ioasid_sva_unbind_device(first);
	ioasid_sva_unbind_device(second);
	expect_calls(test, "detach(a only); detach(b); free");
	a->iommu_group = NULL;
	b->iommu_group = NULL;
}

static void bad_arguments_change_nothing(struct kunit *test)
{
	struct device *a = must_enable(test, "a"), *plain = must_device(test, "plain");
	struct mm_struct *mm = must_mm(test);
	int count = atomic_read(&mm->mm_count);

	KUNIT_EXPECT_EQ(test, bind_error(NULL, mm, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, bind_error(a, NULL, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, bind_error(plain, mm, NULL), -ENODEV);
	ioasid_sva_unbind_device(NULL);
	ioasid_sva_unbind_device(ERR_PTR(-ENODEV));
	KUNIT_EXPECT_EQ(test, ioasid_sva_get_pasid(NULL), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_sva_get_pasid(ERR_PTR(-EBUSY)), INVALID_IOASID);
	KUNIT_EXPECT_NULL(test, ioasid_sva_find(0));
	KUNIT_EXPECT_NULL(test, ioasid_sva_find(INVALID_IOASID));
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(plain), -ENODEV);
	KUNIT_EXPECT_EQ(test, ioasid_add_device(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_remove_device(a), -ENODEV);
	expect_calls(test, "");
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_count), count);
}

static void enable_is_checked(struct kunit *test)
{
	struct ioasid_sva_params params = { .ops = &drv_ops };
	struct device *dev = must_device(test, "a");
	struct io_mm_ops ops = drv_ops;

	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(NULL, &params), -EINVAL);
	params.min_pasid = 9;
	params.max_pasid = 8;
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, &params), -EINVAL);
	params.max_pasid = INVALID_IOASID;
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, &params), -EINVAL);
	params.max_pasid = ioasid_get_capacity();
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, &params), -EINVAL);
	params.min_pasid = INVALID_IOASID;
	params.max_pasid = 0;
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, &params), -EINVAL);
	params.min_pasid = 0;
	params.ops = &ops;
	ops.attach = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, &params), -EINVAL);
	ops = drv_ops;
	ops.detach = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, &params), -EINVAL);
	ops = drv_ops;
	ops.invalidate = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, &params), -EINVAL);
	ops = drv_ops;
	ops.release = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, &params), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(dev), -ENODEV);

	ops = drv_ops;
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, &params), 0);
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, &params), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_sva_enable_device(dev, NULL), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(dev), 0);
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(dev), -ENODEV);
}

static int attach_plain(struct device *dev, ioasid_t pasid, void *ctx, bool first)
{
	return ctx ? -EINVAL : 0;
}

static void detach_plain(struct device *dev, ioasid_t pasid, void *ctx, bool last)
{
}

/* Neither what makes a context nor what frees it is needed. */
static void driver_without_context_is_served(struct kunit *test)
{
	struct io_mm_ops ops = {
		.attach = attach_plain,
		.detach = detach_plain,
		.invalidate = drv_invalidate,
		.release = drv_release,
	};
	struct ioasid_sva_params params = { .ops = &ops };
	struct device *dev = must_device(test, "a");
	struct mm_struct *mm = must_mm(test);

	KUNIT_ASSERT_EQ(test, ioasid_sva_enable_device(dev, &params), 0);
	KUNIT_EXPECT_EQ(test, bind_error(dev, mm, NULL), 0);
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(dev), 0);
	expect_calls(test, "");
}

/* B-031, B-032: the limits of a device are for its own address spaces. */
static void limits_choose_the_id(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 7, 8, 0);
	struct mm_struct *mm[3] = { must_mm(test), must_mm(test), must_mm(test) };
	struct ioasid_bond *bonds[2];

	bonds[0] = must_bind(test, a, mm[0]);
	bonds[1] = must_bind(test, a, mm[1]);
	KUNIT_EXPECT_EQ(test, ioasid_sva_get_pasid(bonds[0]), 7);
	KUNIT_EXPECT_EQ(test, ioasid_sva_get_pasid(bonds[1]), 8);
	drv_calls();
	KUNIT_EXPECT_EQ(test, bind_error(a, mm[2], NULL), -ENOSPC);
	expect_calls(test, "alloc; free");
	driver->pasid = 7;
	ioasid_sva_unbind_device(bonds[0]);
	KUNIT_EXPECT_EQ(test, bind_error(a, mm[2], NULL), 0);
	driver->pasid = 8;
	ioasid_sva_unbind_device(bonds[1]);
}

/* B-182: inclusive, and nobody else loses the ID. */
static void id_outside_the_limits_is_overflow(struct kunit *test)
{
	struct device *wide = must_enable_with(test, "wide", 9, 9, 0);
	struct device *narrow = must_enable_with(test, "narrow", 0, 8, 0);
	struct device *enough = must_enable_with(test, "enough", 0, 9, 0);
	struct mm_struct *mm = must_mm(test);
	struct ioasid_bond *bond = must_bind(test, wide, mm);

	drv_calls();
	KUNIT_EXPECT_EQ(test, bind_error(narrow, mm, NULL), -EOVERFLOW);
	expect_calls(test, "");
	KUNIT_EXPECT_NOT_NULL(test, ioasid_sva_why(narrow));
	KUNIT_EXPECT_EQ(test, bind_error(enough, mm, NULL), 0);
	expect_calls(test, "attach(enough); detach(enough)");
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(9));
	ioasid_sva_unbind_device(bond);
}

static void device_takes_as_many_as_it_says(struct kunit *test)
{
	struct device *a = must_enable_with(test, "a", 0, 0, 1);
	struct mm_struct *mm = must_mm(test), *other = must_mm(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);

	KUNIT_EXPECT_NULL(test, ioasid_sva_why(a));
	KUNIT_EXPECT_EQ(test, bind_error(a, other, NULL), -ENOSPC);
	KUNIT_EXPECT_NOT_NULL(test, ioasid_sva_why(a));
	/* Not one more. */
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), 0);
	KUNIT_EXPECT_NULL(test, ioasid_sva_why(a));
	ioasid_sva_unbind_device(bond);
	KUNIT_EXPECT_EQ(test, bind_error(a, other, NULL), 0);
}

/* B-188 */
static void disable_with_bonds_is_busy(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);

	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(a), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_sva_bind_device(a, mm, NULL), bond);
	ioasid_sva_unbind_device(bond);
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(a), -EBUSY);
	ioasid_sva_unbind_device(bond);
	KUNIT_EXPECT_EQ(test, ioasid_sva_disable_device(a), 0);
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -ENODEV);
}

/* B-230: whoever has the set of the mm pays, and sees what is paid for. */
static void id_belongs_to_the_set_of_the_mm(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 1), *found;
	struct ioasid_bond *bond = must_bind(test, a, mm);
	ioasid_t id = ioasid_sva_get_pasid(bond);

	found = ioasid_find_set(id);
	KUNIT_EXPECT_PTR_EQ(test, found, set);
	ioasid_set_put(found);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, mm), 0);
	ioasid_put(set, id);
	KUNIT_EXPECT_EQ(test, alloc_error(set), -ENOSPC);
	ioasid_sva_unbind_device(bond);

	id = must_alloc_in(test, set, NULL);
	drv_calls();
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), -ENOSPC);
	expect_calls(test, "alloc; free");
	KUNIT_EXPECT_GE(test, ioasid_free(set, id), 0);
	KUNIT_EXPECT_EQ(test, bind_error(a, mm, NULL), 0);
}

/* B-175, B-176: a bond pins memory, not users. */
static void bond_keeps_no_users(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);
	int count = atomic_read(&mm->mm_count);
	struct ioasid_bond *bond = must_bind(test, a, mm);

	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), 1);
	KUNIT_EXPECT_GT(test, atomic_read(&mm->mm_count), count);
	ioasid_sva_unbind_device(bond);
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), 1);
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&mm->mm_count) == count));
}

struct unbinder {
	struct work_struct work;
	struct ioasid_bond *bond;
};

static void unbind_in_work(struct work_struct *work)
{
	ioasid_sva_unbind_device(container_of(work, struct unbinder, work)->bond);
}

/* B-192: whose task it is does not matter. */
static void unbind_works_from_a_work_item(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);
	struct unbinder unbinder = { .bond = must_bind(test, a, mm) };

	INIT_WORK_ONSTACK(&unbinder.work, unbind_in_work);
	schedule_work(&unbinder.work);
	flush_work(&unbinder.work);
	destroy_work_on_stack(&unbinder.work);
	expect_calls(test, "alloc; attach(a); detach(a); free");
}

/* Told, with the name of the caller, and nothing happens. */
static void unknown_bond_is_reported(struct kunit *test)
{
	struct log_watch *log = log_listen(test);
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);

	ioasid_sva_unbind_device(bond);
	KUNIT_EXPECT_EQ(test, log_lines(log), 0);
	drv_calls();
	ioasid_sva_unbind_device((struct ioasid_bond *)test);
	KUNIT_EXPECT_TRUE(test, log_tells(log, "unbind of a bond that is not there"));
	expect_calls(test, "");
}

/* B-190: whoever can bind cannot write to the log. */
static void failed_bind_says_nothing(struct kunit *test)
{
	struct log_watch *log = log_listen(test);
	struct device *a = must_enable_with(test, "a", 5, 5, 1);
	struct mm_struct *mm = must_mm(test), *other = must_mm(test);
	struct ioasid_bond *bond = must_bind(test, a, mm);
	unsigned int lines = log_lines(log);

	KUNIT_EXPECT_EQ(test, bind_error(a, mm, test), -EINVAL);
	KUNIT_EXPECT_EQ(test, bind_error(a, other, NULL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, bind_error(must_device(test, "plain"), mm, NULL), -ENODEV);
	KUNIT_EXPECT_EQ(test, log_lines(log), lines);
	ioasid_sva_unbind_device(bond);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(bind_attaches_and_unbind_detaches),
	KUNIT_CASE(same_device_gives_same_bond),
	KUNIT_CASE(other_drvdata_is_refused),
	KUNIT_CASE(devices_of_one_mm_share_the_id),
	KUNIT_CASE(devices_of_one_group_are_told_apart),
	KUNIT_CASE(bad_arguments_change_nothing),
	KUNIT_CASE(enable_is_checked),
	KUNIT_CASE(driver_without_context_is_served),
	KUNIT_CASE(limits_choose_the_id),
	KUNIT_CASE(id_outside_the_limits_is_overflow),
	KUNIT_CASE(device_takes_as_many_as_it_says),
	KUNIT_CASE(disable_with_bonds_is_busy),
	KUNIT_CASE(id_belongs_to_the_set_of_the_mm),
	KUNIT_CASE(bond_keeps_no_users),
	KUNIT_CASE(unbind_works_from_a_work_item),
	KUNIT_CASE(unknown_bond_is_reported),
	KUNIT_CASE(failed_bind_says_nothing),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_sva",
	.init = sva_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests of shared virtual addressing");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
