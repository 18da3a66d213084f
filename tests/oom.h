/* SPDX-License-Identifier: GPL-2.0 */
/*
 * No memory, at each allocation in turn: the nth one of a call fails, for n from 1 until the call
 * gets by with fewer. Needs fault injection into allocations that may wait (ignore-gfp-wait N).
 */
#ifndef IOASID_TESTS_OOM_H
#define IOASID_TESTS_OOM_H

#include <linux/fault-inject.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "common.h"

#define MAX_POINTS 100

#ifdef CONFIG_FAULT_INJECTION
static inline void fail_from(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/* Whether the failure has happened. */
static inline bool fail_end(void)
{
	bool failed = !READ_ONCE(current->fail_nth);

	WRITE_ONCE(current->fail_nth, 0);
	return failed;
}
#else
static inline void fail_from(unsigned int nth)
{
}

static inline bool fail_end(void)
{
	return false;
}
#endif

static inline void need_injection(struct kunit *test)
{
	void *probe;

	fail_from(1);
	probe = kmalloc(64, GFP_KERNEL);
	OPTIMIZER_HIDE_VAR(probe);
	fail_end();
	kfree(probe);
	if (probe)
		kunit_skip(test, "no fault injection, or debugfs failslab/ignore-gfp-wait is Y");
}

struct sweep {
	struct kunit *test;
	const char *what;
	unsigned int points;
	unsigned int refused;
	unsigned int survived;
	bool failed;
};

/* One round: true as long as there are allocations to fail. Bounded, for a call that never ends. */
static inline bool sweep_next(struct sweep *sweep)
{
	if (sweep->points && !sweep->failed) {
		sweep->points--;
		kunit_info(sweep->test, "%s: %u allocations failed, %u calls refused, %u went on\n",
			   sweep->what, sweep->points, sweep->refused, sweep->survived);
		KUNIT_EXPECT_GT_MSG(sweep->test, sweep->points, 0, "nothing to fail");
		return false;
	}
	if (sweep->points == MAX_POINTS) {
		KUNIT_FAIL(sweep->test, "%s: no end of allocations", sweep->what);
		return false;
	}
	fail_from(++sweep->points);
	return true;
}

/* Right after the call, which has returned @err. */
static inline void sweep_done(struct sweep *sweep, int err)
{
	sweep->failed = fail_end();
	if (err)
		sweep->refused++;
	else if (sweep->failed)
		sweep->survived++;
	if (!sweep->failed)
		KUNIT_EXPECT_EQ_MSG(sweep->test, err, 0, "%s fails with memory", sweep->what);
	else if (err)
		KUNIT_EXPECT_EQ_MSG(sweep->test, err, -ENOMEM, "%s at %u", sweep->what,
				    sweep->points);
}

#endif /* IOASID_TESTS_OOM_H */
