// SPDX-License-Identifier: GPL-2.0
/* Allocators that come and go while the threads are at work. */
#include <linux/bitmap.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/random.h>

#include "stress.h"

/* A number space. Knows nothing of what it named before its last member left. */
struct source {
	struct stress *stress;
	struct mutex lock; /* named */
	DECLARE_BITMAP(named, STRESS_IDS + 1);
	atomic_t allocs;
	atomic_t frees;
};

/* A registration. */
struct member {
	struct ioasid_allocator_ops ops;
	struct source *source;
	bool registered;
};

static void enter(struct member *member, ioasid_t id)
{
	if (!READ_ONCE(member->registered))
		stress_fault(member->source->stress, "callback of an unregistered allocator", id);
	usleep_range(10, 10 + get_random_u32_below(200));
	mutex_lock(&member->source->lock);
}

static ioasid_t source_alloc(ioasid_t min, ioasid_t max, void *data)
{
	struct member *member = data;
	ioasid_t id;

	enter(member, min);
	atomic_inc(&member->source->allocs);
	id = find_next_zero_bit(member->source->named, STRESS_IDS + 1, min);
	if (id <= max)
		__set_bit(id, member->source->named);
	else
		id = INVALID_IOASID;
	mutex_unlock(&member->source->lock);
	return id;
}

static void source_free(ioasid_t id, void *data)
{
	struct member *member = data;

	enter(member, id);
	atomic_inc(&member->source->frees);
	if (!__test_and_clear_bit(id, member->source->named))
		stress_fault(member->source->stress, "number back that was not named", id);
	mutex_unlock(&member->source->lock);
}

/* Of another space: callbacks of their own. */
static ioasid_t other_alloc(ioasid_t min, ioasid_t max, void *data)
{
	return source_alloc(min, max, data);
}

static void other_free(ioasid_t id, void *data)
{
	source_free(id, data);
}

struct plugger {
	struct stress *stress;
	struct source sources[2];
	/* The first two share a source. */
	struct member members[3];
	struct rnd_state rnd;
	unsigned int changes;
};

static unsigned int registered(struct plugger *plugger, struct source *source)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(plugger->members); i++) {
		struct member *member = &plugger->members[i];

		n += member->registered && (!source || member->source == source);
	}
	return n;
}

static int plug(struct member *member)
{
	int err;

	WRITE_ONCE(member->registered, true);
	err = ioasid_register_allocator(&member->ops);
	if (err)
		WRITE_ONCE(member->registered, false);
	return err;
}

static void unplug(struct plugger *plugger, struct member *member)
{
	ioasid_unregister_allocator(&member->ops);
	WRITE_ONCE(member->registered, false);
	if (!registered(plugger, member->source))
		bitmap_zero(member->source->named, STRESS_IDS + 1);
}

static void unplug_all(void *data)
{
	struct plugger *plugger = data;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(plugger->members); i++) {
		if (plugger->members[i].registered)
			unplug(plugger, &plugger->members[i]);
	}
}

/* At least one stays, or the default allocator takes over and does not let go while it has IDs. */
static void plug_and_unplug(void *data)
{
	struct plugger *plugger = data;
	struct member *member;

	while (time_before(jiffies, plugger->stress->end - HZ)) {
		msleep(5 + prandom_u32_state(&plugger->rnd) % 30);
		member = &plugger->members[prandom_u32_state(&plugger->rnd) %
					   ARRAY_SIZE(plugger->members)];
		if (!member->registered) {
			if (plug(member))
				stress_fault(plugger->stress, "cannot register", 0);
		} else if (registered(plugger, NULL) > 1) {
			unplug(plugger, member);
		}
		plugger->changes++;
	}
	/* The last second is the default one's, with numbers parked all over the place. */
	unplug_all(plugger);
}

/* B-013, B-014, B-015, B-019, B-021, B-022, B-028 and what holds without custom allocators. */
void ids_are_handed_out_once_by_custom_allocators(struct kunit *test)
{
	struct plugger *plugger = kunit_kzalloc(test, sizeof(*plugger), GFP_KERNEL);
	struct helper *helpers[STRESS_THREADS], *plugging;
	struct stress *stress = stress_new(test);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, plugger);
	plugger->stress = stress;
	prandom_seed_state(&plugger->rnd, stress->seed + STRESS_THREADS);
	for (i = 0; i < ARRAY_SIZE(plugger->sources); i++) {
		plugger->sources[i].stress = stress;
		mutex_init(&plugger->sources[i].lock);
	}
	for (i = 0; i < ARRAY_SIZE(plugger->members); i++) {
		struct member *member = &plugger->members[i];

		member->source = &plugger->sources[i / 2];
		member->ops.alloc = i / 2 ? other_alloc : source_alloc;
		member->ops.free = i / 2 ? other_free : source_free;
		member->ops.pdata = member;
	}
	KUNIT_ASSERT_EQ(test, plug(&plugger->members[0]), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unplug_all, plugger), 0);

	stress_start(stress, helpers);
	plugging = helper_start(test, plug_and_unplug, plugger);
	helper_join(test, plugging);
	stress_finish(stress, helpers);
	kunit_info(test, "%u changes; numbers named and given back: %d and %d, %d and %d\n",
		   plugger->changes,
		   atomic_read(&plugger->sources[0].allocs),
		   atomic_read(&plugger->sources[0].frees),
		   atomic_read(&plugger->sources[1].allocs),
		   atomic_read(&plugger->sources[1].frees));
	KUNIT_EXPECT_GT(test, plugger->changes, 10);
	KUNIT_EXPECT_GT(test, atomic_read(&plugger->sources[0].frees), 10);
	KUNIT_EXPECT_GT(test, atomic_read(&plugger->sources[1].frees), 10);
}
