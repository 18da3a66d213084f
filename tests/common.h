/* SPDX-License-Identifier: GPL-2.0 */
/* What every suite needs: a wait with a limit, and a check that a case left nothing behind. */
#ifndef IOASID_TESTS_COMMON_H
#define IOASID_TESTS_COMMON_H

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/ioasid.h>
#include <linux/jiffies.h>
#include <linux/poison.h>

#include "capacity.h"

/* The suites allocate up to here, the compat and capacity suites excepted. */
#define TEST_MAX 1023U

/* A set that owns nothing, at an address that faults when it is read. */
#define WRONG_SET ((struct ioasid_set *)LIST_POISON1)

/* Whether a condition comes true. What reclaim defers takes milliseconds. */
#define eventually(condition)						\
({									\
	unsigned long give_up = jiffies + 10 * HZ;			\
	bool reached;							\
									\
	while (!(reached = (condition)) && time_before(jiffies, give_up)) \
		usleep_range(1000, 2000);				\
	reached;							\
})

static inline bool is_unknown(ioasid_t id)
{
	return ioasid_find(NULL, id, NULL) == ERR_PTR(-ENOENT);
}

static inline ioasid_t probe_alloc(ioasid_t min, ioasid_t max, void *data)
{
	++*(int *)data;
	return max;
}

static inline void probe_free(ioasid_t id, void *data)
{
	--*(int *)data;
}

/*
 * No ID is left of the default allocator (or ours would be refused), no other custom allocator is
 * registered (or ours would not be asked), none of its numbers is parked, and no set, reservation
 * or failed call has kept capacity.
 */
static inline bool space_is_clean(void)
{
	int named = 0;
	struct ioasid_allocator_ops probe = {
		.alloc = probe_alloc,
		.free = probe_free,
		.pdata = &named,
	};
	bool clean;
	ioasid_t id;

	for (id = 1; id <= TEST_MAX; id++) {
		if (!is_unknown(id))
			return false;
	}
	if (ioasid_register_allocator(&probe))
		return false;
	id = ioasid_alloc(NULL, 1, TEST_MAX, NULL);
	clean = id == TEST_MAX && named == 1;
	if (clean)
		clean = ioasid_free(NULL, id) >= 0;
	ioasid_unregister_allocator(&probe);
	/* The default allocator: no number has been lost at the lower end. */
	id = ioasid_alloc(NULL, 1, TEST_MAX, NULL);
	if (id != 1)
		clean = false;
	ioasid_free(NULL, id);
	if (capacity_left() != capacity_in_all())
		clean = false;
	return clean && !named;
}

/* Waits longer the first time only: what one case has lost does not come back in the next ones. */
static inline bool space_gets_clean(void)
{
	static bool lost;
	bool clean = lost ? space_is_clean() : eventually(space_is_clean());

	lost = !clean;
	return clean;
}

/* Runs after everything else of the case, and leaves the next one a clean space. */
static inline void check_clean(void *data)
{
	struct kunit *test = data;
	ioasid_t id;
	int puts;

	if (space_gets_clean())
		return;
	KUNIT_FAIL(test, "left behind: an ID, an allocator, or %u numbers that are set aside",
		   capacity_in_all() - capacity_left());
	for (id = 1; id <= TEST_MAX; id++) {
		if (is_unknown(id))
			continue;
		kunit_err(test, "ID %u is left\n", id);
		ioasid_free(NULL, id);
		for (puts = 0; puts < 100 && !is_unknown(id); puts++)
			ioasid_put(NULL, id);
	}
}

static inline int clean_init(struct kunit *test)
{
	bool clean = space_gets_clean();

	KUNIT_ASSERT_TRUE_MSG(test, clean, "an earlier case, or somebody else, has left IDs");
	return kunit_add_action(test, check_clean, test);
}

/* An ID that can be had. */
static inline ioasid_t must_alloc(struct kunit *test, ioasid_t min, ioasid_t max, void *private)
{
	ioasid_t id = INVALID_IOASID;

	KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(NULL, min, max, IOASID_ALLOC_LOWEST, private,
						    &id));
	KUNIT_ASSERT_GE(test, id, min ?: 1);
	KUNIT_ASSERT_LE(test, id, max);
	return id;
}

#endif /* IOASID_TESTS_COMMON_H */
