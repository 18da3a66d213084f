// SPDX-License-Identifier: GPL-2.0
/* Invalidations that reach a driver, from an address space that is in use. */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include "sva.h"

#define AREA (4 * PAGE_SIZE)

static unsigned long must_map(struct kunit *test)
{
	unsigned long at;

	at = kunit_vm_mmap(test, NULL, 0, AREA, PROT_READ | PROT_WRITE,
			   MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, at, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(at));
	return at;
}

static void touch(struct kunit *test, unsigned long at)
{
	unsigned long page;

	for (page = at; page < at + AREA; page += PAGE_SIZE)
		KUNIT_ASSERT_EQ(test, put_user(1, (char __user *)page), 0);
}

static int times_told(void)
{
	return atomic_read(&driver->watched_ranges) + atomic_read(&driver->whole);
}

/* B-197: pages that go are told, to each device, before they are used for something else. */
static void unmapped_pages_are_told(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	unsigned long at = must_map(test);
	struct ioasid_bond *bond;

	touch(test, at);
	bond = must_bind(test, a, current->mm);
	driver->watched = at + PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, vm_munmap(at, 2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_GT(test, times_told(), 0);
	KUNIT_EXPECT_PTR_EQ(test, driver->range_dev, a);
	ioasid_sva_unbind_device(bond);
}

/* B-197: each device of the address space. */
static void each_device_is_told(struct kunit *test)
{
	struct device *a = must_enable(test, "a"), *b = must_enable(test, "b");
	struct ioasid_bond *first, *second;
	unsigned long at = must_map(test);
	int told;

	touch(test, at);
	first = must_bind(test, a, current->mm);
	second = must_bind(test, b, current->mm);
	driver->watched = at;
	KUNIT_EXPECT_EQ(test, vm_munmap(at, PAGE_SIZE), 0);
	told = times_told();
	KUNIT_EXPECT_GE(test, told, 2);
	KUNIT_EXPECT_EQ(test, told % 2, 0);
	ioasid_sva_unbind_device(first);
	ioasid_sva_unbind_device(second);
}

/* B-171: nothing is in flight after an unbind. */
static void nothing_is_told_after_unbind(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	unsigned long at = must_map(test);
	struct ioasid_bond *bond;
	int told;

	touch(test, at);
	bond = must_bind(test, a, current->mm);
	ioasid_sva_unbind_device(bond);
	told = atomic_read(&driver->ranges);
	KUNIT_EXPECT_EQ(test, vm_munmap(at, AREA), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&driver->ranges), told);
}

/* Those of other address spaces are not heard. */
static void other_mm_is_not_told(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct mm_struct *mm = must_mm(test);
	unsigned long at = must_map(test);
	struct ioasid_bond *bond;

	touch(test, at);
	bond = must_bind(test, a, mm);
	KUNIT_EXPECT_EQ(test, vm_munmap(at, AREA), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&driver->ranges), 0);
	ioasid_sva_unbind_device(bond);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(unmapped_pages_are_told),
	KUNIT_CASE(each_device_is_told),
	KUNIT_CASE(nothing_is_told_after_unbind),
	KUNIT_CASE(other_mm_is_not_told),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_sva_range",
	.init = sva_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
