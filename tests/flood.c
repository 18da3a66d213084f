// SPDX-License-Identifier: GPL-2.0
/* What can be had printed over and over: little, and what others have to say is not lost in it. */
#include <kunit/device.h>
#include <linux/ioasid_sva.h>

#include "log.h"
#include "sets.h"

static noinline void put_too_often(ioasid_t id)
{
	int i;

	for (i = 0; i < 1000; i++)
		ioasid_put(NULL, id);
}

/* B-246, B-247: once, and how often it happened besides when it is told of again. */
static void culprit_is_told_of_once(struct kunit *test)
{
	struct log_watch *watch = log_listen(test);
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	/* Other cases may have used up what may be said. */
	KUNIT_EXPECT_TRUE(test, eventually((put_too_often(id), log_lines(watch))));
	put_too_often(id);
	KUNIT_EXPECT_EQ(test, log_lines(watch), 1);
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, "put_too_often"), "%s", watch->last);
	KUNIT_EXPECT_TRUE(test, eventually((put_too_often(id), log_lines(watch) > 1)));
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, " times before"), "%s", watch->last);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* One that makes a mistake all the time does not keep those of others from being seen. */
static void flood_does_not_hide_others(struct kunit *test)
{
	struct log_watch *watch = log_listen(test);
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_TRUE(test, eventually((put_too_often(id), ioasid_put(NULL, 77),
					    log_tells(watch, "ID 77"))));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

static atomic_t refusals;

static void count_refusal(void *data, const char *text, size_t len)
{
	if (strnstr(text, "no shared virtual addressing", len) ||
	    strnstr(text, "no part in the host's", len))
		atomic_inc(&refusals);
}

/* A driver may enable a device when a user opens it. */
static void refused_device_is_told_of_a_few_times(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "flood");
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	if (register_trace_console(count_refusal, NULL))
		kunit_skip(test, "no tracepoint to listen to the kernel log");
	atomic_set(&refusals, 0);
	for (i = 0; i < 300; i++) {
		KUNIT_EXPECT_LT(test, ioasid_sva_enable_device(dev, NULL), 0);
		KUNIT_EXPECT_LT(test, ioasid_add_device(dev), 0);
	}
	unregister_trace_console(count_refusal, NULL);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_LE(test, atomic_read(&refusals), 40);
	KUNIT_EXPECT_GT(test, atomic_read(&refusals), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(culprit_is_told_of_once),
	KUNIT_CASE_SLOW(flood_does_not_hide_others),
	KUNIT_CASE(refused_device_is_told_of_a_few_times),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_flood",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
