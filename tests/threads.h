/* SPDX-License-Identifier: GPL-2.0 */
/* A second thread for a test case. */
#ifndef IOASID_TESTS_THREADS_H
#define IOASID_TESTS_THREADS_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>

struct helper {
	struct task_struct *task;
	struct completion done;
	void (*run)(void *data);
	void *data;
};

static inline int helper_fn(void *data)
{
	struct helper *helper = data;

	helper->run(helper->data);
	complete_all(&helper->done);
	return 0;
}

static inline struct helper *helper_start(struct kunit *test, void (*run)(void *data), void *data)
{
	struct helper *helper = kunit_kzalloc(test, sizeof(*helper), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, helper);
	init_completion(&helper->done);
	helper->run = run;
	helper->data = data;
	helper->task = kthread_create(helper_fn, helper, "ioasid-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, helper->task);
	get_task_struct(helper->task);
	wake_up_process(helper->task);
	return helper;
}

/* Gives the thread @ms to be stuck: true if it still is. */
static inline bool helper_waits(struct helper *helper, unsigned int ms)
{
	return !wait_for_completion_timeout(&helper->done, msecs_to_jiffies(ms));
}

static inline void helper_join(struct kunit *test, struct helper *helper)
{
	/* A thread that is stuck cannot be cleaned up after. */
	KUNIT_ASSERT_NE_MSG(test, 0UL, wait_for_completion_timeout(&helper->done, 60 * HZ),
			    "a thread hangs");
	kthread_stop_put(helper->task);
}

#endif /* IOASID_TESTS_THREADS_H */
