// SPDX-License-Identifier: GPL-2.0
/* Allocators that come and go while the threads are at work. */
#include "plugger.h"
#include "stress.h"

struct plugging {
	struct plugger plugger;
	struct stress *stress;
};

static void plug_fault(void *data, const char *what, ioasid_t id)
{
	stress_fault(data, what, id);
}

/* Whether enough has happened for the test to mean something. */
static bool is_enough(const struct plugger *plugger)
{
	return plugger->changes > 10 && atomic_read(&plugger->sources[0].frees) > 10 &&
	       atomic_read(&plugger->sources[1].frees) > 10;
}

static void plug_and_unplug(void *data)
{
	struct plugging *plugging = data;
	unsigned long patience = jiffies + 60 * HZ;
	unsigned long *end = &plugging->stress->end;

	while (time_before(jiffies, *end - HZ)) {
		msleep(5 + below(&plugging->plugger.rnd, 30));
		plug_or_unplug(&plugging->plugger);
		/* A slow machine gets more time. */
		if (!is_enough(&plugging->plugger) && time_before(jiffies, patience))
			WRITE_ONCE(*end, max(*end, jiffies + 2 * HZ));
	}
	/* The last second is the default one's, with numbers parked all over the place. */
	unplug_all(&plugging->plugger);
}

/* B-013, B-014, B-015, B-019, B-021, B-022, B-028 and what holds without custom allocators. */
void ids_are_handed_out_once_by_custom_allocators(struct kunit *test)
{
	struct plugging *plugging = kunit_kzalloc(test, sizeof(*plugging), GFP_KERNEL);
	struct helper *helpers[STRESS_THREADS], *helper;
	struct stress *stress = stress_new(test);
	struct plugger *plugger;

	KUNIT_ASSERT_NOT_NULL(test, plugging);
	plugger = &plugging->plugger;
	plugging->stress = stress;
	plugger_init(plugger, stress->seed + STRESS_THREADS, plug_fault, stress);
	KUNIT_ASSERT_EQ(test, plug(&plugger->members[0]), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unplug_all, plugger), 0);

	stress_start(stress, helpers);
	helper = helper_start(test, plug_and_unplug, plugging);
	helper_join(test, helper);
	stress_finish(stress, helpers);
	kunit_info(test, "%u changes; numbers named and given back: %d and %d, %d and %d\n",
		   plugger->changes,
		   atomic_read(&plugger->sources[0].allocs),
		   atomic_read(&plugger->sources[0].frees),
		   atomic_read(&plugger->sources[1].allocs),
		   atomic_read(&plugger->sources[1].frees));
	KUNIT_EXPECT_TRUE(test, is_enough(plugger));
}
