// SPDX-License-Identifier: GPL-2.0
/*
 * A module that forgets to unregister its allocator. What counts happens when it is unloaded: its
 * exit function frees an ID, whose number goes back through a callback in code that is about to
 * vanish: that has to be waited for, and no further one may run. Loaded last, see the Makefile:
 * other suites find no empty space any more.
 */
#include <linux/completion.h>
#include <linux/module.h>

#include "common.h"

#define IDS 3

static unsigned int allocated;
static DECLARE_COMPLETION(entered);
static bool left;

static ioasid_t forgotten_alloc(ioasid_t min, ioasid_t max, void *data)
{
	return min;
}

/* Without anybody who waits for it, it returns to where nothing is any more. */
static void forgotten_free(ioasid_t number, void *data)
{
	WARN(READ_ONCE(left), "called after the exit function has freed what belongs to it");
	complete(&entered);
	msleep(500);
}

static struct ioasid_allocator_ops forgotten = {
	.alloc = forgotten_alloc,
	.free = forgotten_free,
};

/* B-022, B-024, B-162. */
static void allocator_is_left_registered(struct kunit *test)
{
	if (allocated)
		kunit_skip(test, "runs once, until the module is unloaded");
	KUNIT_ASSERT_EQ(test, ioasid_register_allocator(&forgotten), 0);
	while (allocated < IDS) {
		ioasid_t id = ioasid_alloc(NULL, allocated + 1, TEST_MAX, NULL);

		KUNIT_ASSERT_EQ(test, id, ++allocated);
	}
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
	ioasid_t id;

	if (!allocated)
		return;
	ioasid_free(NULL, 1);
	wait_for_completion(&entered);
	/* The first number is still on its way: these come after it. */
	for (id = 2; id <= allocated; id++)
		ioasid_free(NULL, id);
	WRITE_ONCE(left, true);
}
module_exit(unload_exit);

MODULE_DESCRIPTION("IOASID: test of a module that leaves its allocator registered");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
