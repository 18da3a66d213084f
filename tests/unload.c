// SPDX-License-Identifier: GPL-2.0
/*
 * A module that forgets to unregister its allocator and its subscribers. What counts happens when
 * it is unloaded: its exit function frees an ID, whose number goes back through a callback in code
 * that is about to vanish: that has to be waited for, and no further one may run. The same goes for
 * handlers; the module that is loaded after this one sees to it that there are events all the time.
 * Loaded last but that one, see the Makefile: other suites find no empty space any more.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/module.h>

#include "sets.h"
#include "unload.h"

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

static atomic_t told;
static struct mm_struct *mm;
static struct ioasid_set *set;

/* Takes long enough for one to be on its way most of the time. */
static int forgotten_call(struct notifier_block *nb, unsigned long val, void *data)
{
	atomic_inc(&told);
	mdelay(1);
	return NOTIFY_OK;
}

static struct notifier_block forgotten_blocks[] = {
	{ .notifier_call = forgotten_call },
	{ .notifier_call = forgotten_call, .priority = IOASID_PRIO_CPU },
	{ .notifier_call = forgotten_call, .priority = IOASID_PRIO_DEVICE },
};

/* B-145, B-150, B-162: of all, of a set, of an mm. */
static void subscribers_are_left_registered(struct kunit *test)
{
	ioasid_t id;

	if (mm)
		kunit_skip(test, "runs once, until the module is unloaded");
	mm = mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, mm);
	set = ioasid_alloc_set(mm, 0, IOASID_SET_TYPE_MM);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(NULL, &forgotten_blocks[0]), 0);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(set, &forgotten_blocks[1]), 0);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier_mm(mm, &forgotten_blocks[2]), 0);
	id = ioasid_alloc(set, UNLOAD_ID, UNLOAD_ID, NULL);
	KUNIT_EXPECT_EQ(test, id, UNLOAD_ID);
	KUNIT_EXPECT_EQ(test, atomic_read(&told), 3);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(allocator_is_left_registered),
	KUNIT_CASE(subscribers_are_left_registered),
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
	if (mm) {
		/* The last of what there is to hear for two of the subscribers. */
		ioasid_set_free(set);
		mmput(mm);
	}
	WRITE_ONCE(left, true);
}
module_exit(unload_exit);

MODULE_DESCRIPTION("IOASID: test of a module that leaves its allocator and subscribers registered");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
