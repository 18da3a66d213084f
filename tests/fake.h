/* SPDX-License-Identifier: GPL-2.0 */
/* A custom allocator that keeps books of what it named and got back, and by whom it was called. */
#ifndef IOASID_TESTS_FAKE_H
#define IOASID_TESTS_FAKE_H

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/mutex.h>

#include "common.h"

/* How many numbers all of them have named and not got back. */
static atomic_t __maybe_unused fakes_have_out;

struct fake {
	struct ioasid_allocator_ops ops;
	struct kunit *test;
	struct mutex lock; /* all below */

	/* What it is to do. Answers that are prepared go first, then the lowest free number. */
	const ioasid_t *answers;
	size_t n_answers;
	ioasid_t first;
	unsigned int delay_ms;
	/* Callbacks that are to stop until told otherwise. */
	bool hold_alloc;
	bool hold_free;
	struct completion entered;
	struct completion leave;

	/* What it has seen. */
	DECLARE_BITMAP(named, TEST_MAX + 1);
	unsigned int allocs;
	unsigned int frees;
	ioasid_t min;
	ioasid_t max;
	ioasid_t last_freed;
	/* What must not happen: a number back that it has not named, or that is still found. */
	unsigned int not_named;
	unsigned int still_found;
	unsigned int in_atomic;
	unsigned int gone;
	atomic_t inside;
	bool registered;
};

static inline void fake_enter(struct fake *fake, bool hold)
{
	atomic_inc(&fake->inside);
	if (!in_task() || irqs_disabled() || preempt_count())
		fake->in_atomic++;
	else
		might_sleep();
	if (!READ_ONCE(fake->registered))
		fake->gone++;
	if (hold) {
		complete(&fake->entered);
		wait_for_completion(&fake->leave);
	}
	if (fake->delay_ms)
		msleep(fake->delay_ms);
	mutex_lock(&fake->lock);
}

static inline void fake_leave(struct fake *fake)
{
	mutex_unlock(&fake->lock);
	atomic_dec(&fake->inside);
}

static inline ioasid_t fake_alloc(ioasid_t min, ioasid_t max, void *data)
{
	struct fake *fake = data;
	ioasid_t id;

	fake_enter(fake, READ_ONCE(fake->hold_alloc));
	fake->allocs++;
	fake->min = min;
	fake->max = max;
	if (fake->n_answers) {
		id = *fake->answers++;
		fake->n_answers--;
	} else {
		id = find_next_zero_bit(fake->named, TEST_MAX + 1, max(min, fake->first));
		if (id > min(max, TEST_MAX))
			id = INVALID_IOASID;
	}
	if (id <= TEST_MAX)
		if (!__test_and_set_bit(id, fake->named))
			atomic_inc(&fakes_have_out);
	fake_leave(fake);
	return id;
}

static inline void fake_free(ioasid_t id, void *data)
{
	struct fake *fake = data;

	fake_enter(fake, READ_ONCE(fake->hold_free));
	fake->frees++;
	fake->last_freed = id;
	if (!is_unknown(id))
		fake->still_found++;
	if (id <= TEST_MAX) {
		if (__test_and_clear_bit(id, fake->named))
			atomic_dec(&fakes_have_out);
		else
			fake->not_named++;
	}
	fake_leave(fake);
}

/* Two kinds have different callbacks: different number spaces. */
#define FAKE_KIND(kind)							\
static ioasid_t kind ## _alloc(ioasid_t min, ioasid_t max, void *data)	\
{									\
	return fake_alloc(min, max, data);				\
}									\
									\
static void kind ## _free(ioasid_t id, void *data)			\
{									\
	fake_free(id, data);						\
}

#define fake_new(test, kind) fake_make(test, kind ## _alloc, kind ## _free)

static inline struct fake *fake_make(struct kunit *test, ioasid_alloc_fn_t alloc,
				     ioasid_free_fn_t free)
{
	struct fake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->ops.alloc = alloc;
	fake->ops.free = free;
	fake->ops.pdata = fake;
	fake->test = test;
	fake->first = 1;
	mutex_init(&fake->lock);
	init_completion(&fake->entered);
	init_completion(&fake->leave);
	return fake;
}

static inline void fake_answers(struct fake *fake, const ioasid_t *answers, size_t n)
{
	mutex_lock(&fake->lock);
	fake->answers = answers;
	fake->n_answers = n;
	mutex_unlock(&fake->lock);
}

static inline bool fake_has_all_back(struct fake *fake)
{
	bool empty;

	mutex_lock(&fake->lock);
	empty = bitmap_empty(fake->named, TEST_MAX + 1);
	mutex_unlock(&fake->lock);
	return empty;
}

static inline void fake_unregister(void *data)
{
	struct fake *fake = data;
	struct kunit *test = fake->test;

	ioasid_unregister_allocator(&fake->ops);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&fake->inside), 0, "unregistered with callbacks");
	WRITE_ONCE(fake->registered, false);
	KUNIT_EXPECT_EQ_MSG(test, fake->not_named, 0, "got numbers that it did not name");
	KUNIT_EXPECT_EQ_MSG(test, fake->still_found, 0, "got numbers that were in use");
	KUNIT_EXPECT_EQ_MSG(test, fake->in_atomic, 0, "called in atomic context");
	KUNIT_EXPECT_EQ_MSG(test, fake->gone, 0, "called while not registered");
}

/* It is unregistered at the end of the case at the latest. */
static inline void fake_plug(struct kunit *test, struct fake *fake)
{
	int err;

	WRITE_ONCE(fake->registered, true);
	err = ioasid_register_allocator(&fake->ops);
	if (err)
		WRITE_ONCE(fake->registered, false);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_unregister, fake), 0);
}

static inline void fake_unplug(struct kunit *test, struct fake *fake)
{
	kunit_release_action(test, fake_unregister, fake);
}

/* A callback that was told to stop has stopped. */
static inline void fake_entered(struct kunit *test, struct fake *fake)
{
	KUNIT_ASSERT_NE_MSG(test, 0UL, wait_for_completion_timeout(&fake->entered, 20 * HZ),
			    "the callback is not called");
}

#endif /* IOASID_TESTS_FAKE_H */
