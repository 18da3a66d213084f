// SPDX-License-Identifier: GPL-2.0
/*
 * A module that forgets to unregister its allocator. What counts happens when it is unloaded: its
 * exit function frees an ID, whose number then goes back through a callback in code that is about
 * to vanish. Loaded last, see the Makefile: other suites find no empty space any more.
 */
#include <linux/module.h>

#include "common.h"

static ioasid_t id = INVALID_IOASID;

static ioasid_t forgotten_alloc(ioasid_t min, ioasid_t max, void *data)
{
	return min;
}

/* Without anybody who waits for it, it returns to where nothing is any more. */
static void forgotten_free(ioasid_t number, void *data)
{
	msleep(500);
	pr_info("ID %u came back in time\n", number);
}

static struct ioasid_allocator_ops forgotten = {
	.alloc = forgotten_alloc,
	.free = forgotten_free,
};

/* B-022, B-024, B-162. */
static void allocator_is_left_registered(struct kunit *test)
{
	if (id != INVALID_IOASID)
		kunit_skip(test, "runs once, until the module is unloaded");
	KUNIT_ASSERT_EQ(test, ioasid_register_allocator(&forgotten), 0);
	id = ioasid_alloc(NULL, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, id, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(allocator_is_left_registered),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_unload",
	.test_cases = cases,
};

kunit_test_suite(suite);

static int __init unload_init(void)
{
	return 0;
}
module_init(unload_init);

static void __exit unload_exit(void)
{
	if (id != INVALID_IOASID)
		ioasid_free(NULL, id);
}
module_exit(unload_exit);

MODULE_DESCRIPTION("IOASID: test of a module that leaves its allocator registered");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
