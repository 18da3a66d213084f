// SPDX-License-Identifier: GPL-2.0
/* The header in a kernel without IOASID: every function is there, and none does anything. */
#include <kunit/test.h>

#undef CONFIG_IOASID
#undef CONFIG_IOASID_MODULE
#include "prototypes.h"
#include "stubs.h"

static ioasid_t nothing_alloc(ioasid_t min, ioasid_t max, void *data)
{
	return min;
}

static void nothing_free(ioasid_t ioasid, void *data)
{
}

static bool getter(void *data)
{
	return true;
}

/* B-236, B-237: what a caller gets without IOASID is a failure that it knows how to handle. */
static void stubs_report_failure(struct kunit *test)
{
	struct ioasid_allocator_ops ops = { .alloc = nothing_alloc, .free = nothing_free };
	ioasid_t id = 5;

	KUNIT_EXPECT_EQ(test, interface.alloc(NULL, 1, 9, NULL), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			interface.alloc_range(NULL, 1, 9, IOASID_ALLOC_LOWEST, NULL, &id));
	KUNIT_EXPECT_EQ(test, interface.free(NULL, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, interface.get(NULL, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, interface.put(NULL, 1));
	KUNIT_EXPECT_EQ(test, interface.get_named(NULL, 1, "name"), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, interface.put_named(NULL, 1, "name"));
	KUNIT_EXPECT_PTR_EQ(test, interface.find(NULL, 1, getter), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, interface.register_allocator(&ops), -EOPNOTSUPP);
	interface.unregister_allocator(&ops);
	KUNIT_EXPECT_EQ(test, interface.install_capacity(1024), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.get_capacity(), 0);
	KUNIT_EXPECT_EQ(test, interface.get_locked(NULL, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, interface.put_locked(NULL, 1));
}

/* B-007: the contract of the real function holds for the stub: an ID on success only. */
static void failed_alloc_range_gives_invalid_id(struct kunit *test)
{
	ioasid_t id = 5;

	KUNIT_EXPECT_NE(test, 0,
			interface.alloc_range(NULL, 1, 9, IOASID_ALLOC_LOWEST, NULL, &id));
	KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(stubs_report_failure),
	KUNIT_CASE(failed_alloc_range_gives_invalid_id),
	KUNIT_CASE(compat_stubs_report_failure),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_stubs",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests of the interface in a kernel without it");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
