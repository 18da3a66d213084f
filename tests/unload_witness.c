// SPDX-License-Identifier: GPL-2.0
/*
 * Makes events while another module is unloaded that has left subscribers registered. What is wrong
 * shows as a crash there and then, or as a warning when this module goes, which has to be later.
 */
#include <linux/kthread.h>
#include <linux/module.h>

#include "log.h"
#include "sets.h"
#include "unload.h"

static struct log_watch watch;
static bool listening;
static unsigned int reports;
static struct task_struct *task;
static struct ioasid_set *set;
static atomic_t told;
static unsigned int rounds;

static void report_line(void *data, const char *text, size_t len)
{
	if (strnstr(text, "ioasid_unload_test left", len) && strnstr(text, "subscribers", len))
		reports++;
	log_line(data, text, len);
}

static int witness_call(struct notifier_block *nb, unsigned long val, void *data)
{
	atomic_inc(&told);
	return NOTIFY_OK;
}

static struct notifier_block witness = { .notifier_call = witness_call };

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

static int make_events(void *data)
{
	while (!kthread_should_stop()) {
		ioasid_attach_spid(WITNESS_ID, 1);
		ioasid_notify(UNLOAD_ID, IOASID_NOTIFY_BIND, BOTH);
		ioasid_detach_spid(WITNESS_ID);
		ioasid_notify(UNLOAD_ID, IOASID_NOTIFY_UNBIND, BOTH);
		rounds++;
		usleep_range(100, 300);
	}
	return 0;
}

static int __init witness_init(void)
{
	int err;

	set = ioasid_find_set(UNLOAD_ID);
	/* The other module is not there, or its suite was not run: nothing to witness. */
	if (IS_ERR_OR_NULL(set))
		return 0;
	/* From here on the handle is compared only. */
	ioasid_set_put(set);
	raw_spin_lock_init(&watch.lock);
	listening = !register_trace_console(report_line, &watch);
	err = ioasid_register_notifier(NULL, &witness);
	if (err)
		goto ignore;
	err = -ENOSPC;
	if (ioasid_alloc(NULL, WITNESS_ID, WITNESS_ID, NULL) != WITNESS_ID)
		goto unregister;
	task = kthread_run(make_events, NULL, "ioasid-witness");
	if (!IS_ERR(task))
		return 0;
	err = PTR_ERR(task);
	ioasid_free(NULL, WITNESS_ID);
unregister:
	ioasid_unregister_notifier(NULL, &witness);
ignore:
	if (listening)
		unregister_trace_console(report_line, &watch);
	tracepoint_synchronize_unregister();
	return err;
}
module_init(witness_init);

static void __exit witness_exit(void)
{
	unsigned int before;

	if (IS_ERR_OR_NULL(set))
		return;
	/* Some more events with nobody else there. */
	before = atomic_read(&told);
	WARN(!eventually(atomic_read(&told) > before + 20), "there are no events any more");
	kthread_stop(task);
	if (listening)
		unregister_trace_console(report_line, &watch);
	tracepoint_synchronize_unregister();
	pr_info("ioasid_unload_witness: %u rounds, told %d times, %u reports\n", rounds,
		atomic_read(&told), reports);
	WARN(listening && reports != 1, "%u reports of subscribers that were left", reports);
	WARN(!is_unknown(UNLOAD_ID), "the ID of the other module is still there");
	WARN(!eventually(is_gone(set)), "its subscriber still has a reference to its set");
	WARN(ioasid_free(NULL, WITNESS_ID) < 0, "the ID has been lost");
	ioasid_unregister_notifier(NULL, &witness);
}
module_exit(witness_exit);

MODULE_DESCRIPTION("IOASID: events while a module goes that has left subscribers registered");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
