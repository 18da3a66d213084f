/* SPDX-License-Identifier: GPL-2.0 */
/* Listens to the kernel log for the messages of the IOASID module. */
#ifndef IOASID_TESTS_LOG_H
#define IOASID_TESTS_LOG_H

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <trace/events/printk.h>

struct log_watch {
	raw_spinlock_t lock;
	unsigned int lines;
	char last[256];
};

static inline void log_line(void *data, const char *text, size_t len)
{
	struct log_watch *watch = data;
	unsigned long flags;

	if (!strnstr(text, "ioasid: ", len))
		return;
	raw_spin_lock_irqsave(&watch->lock, flags);
	watch->lines++;
	len = min(len, sizeof(watch->last) - 1);
	memcpy(watch->last, text, len);
	watch->last[len] = '\0';
	raw_spin_unlock_irqrestore(&watch->lock, flags);
}

static inline void log_ignore(void *data)
{
	unregister_trace_console(log_line, data);
	tracepoint_synchronize_unregister();
}

/* Skips the case when the kernel has no tracepoints. */
static inline struct log_watch *log_listen(struct kunit *test)
{
	struct log_watch *watch = kunit_kzalloc(test, sizeof(*watch), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, watch);
	raw_spin_lock_init(&watch->lock);
	if (register_trace_console(log_line, watch))
		kunit_skip(test, "no tracepoint to listen to the kernel log");
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, log_ignore, watch), 0);
	return watch;
}

static inline unsigned int log_lines(struct log_watch *watch)
{
	return READ_ONCE(watch->lines);
}

/* Whether the last message holds some words. */
static inline bool log_tells(struct log_watch *watch, const char *words)
{
	unsigned long flags;
	bool tells;

	raw_spin_lock_irqsave(&watch->lock, flags);
	tells = strstr(watch->last, words);
	raw_spin_unlock_irqrestore(&watch->lock, flags);
	return tells;
}

#endif /* IOASID_TESTS_LOG_H */
