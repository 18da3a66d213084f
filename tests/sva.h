/* SPDX-License-Identifier: GPL-2.0 */
/* A driver that follows address spaces, writes down how it is called, and fails when it is told. */
#ifndef IOASID_TESTS_SVA_H
#define IOASID_TESTS_SVA_H

#include <kunit/device.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/ioasid_sva.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>

#include "events.h"

#define CALLS_TEXT 1024

struct driver {
	struct kunit *test;
	struct device_driver *model;
	raw_spinlock_t lock; /* text and at */
	char text[CALLS_TEXT];
	char read[CALLS_TEXT];
	int at;
	atomic_t faults;
	const char *fault;
	/* What these return, instead of 0. */
	int alloc_error;
	int attach_error;
	/* Whose user leaves when a device is attached. */
	struct mm_struct *leaves;
	ioasid_t pasid;
	/* A device was detached since the last context was freed. */
	bool detached;
	/* Invalidations, which are not written down: the kernel makes some of its own. */
	atomic_t ranges;
	struct device *range_dev;
	/* Of interest is what includes this address. */
	unsigned long watched;
	atomic_t watched_ranges;
	atomic_t whole;
};

/* The one of the case that runs. */
static struct driver *driver;

static void drv_fault(const char *what)
{
	atomic_inc(&driver->faults);
	WRITE_ONCE(driver->fault, what);
}

static __printf(1, 2) void drv_note(const char *format, ...)
{
	unsigned long flags;
	va_list args;

	raw_spin_lock_irqsave(&driver->lock, flags);
	if (driver->at)
		driver->at += scnprintf(driver->text + driver->at, CALLS_TEXT - driver->at, "; ");
	va_start(args, format);
	driver->at += vscnprintf(driver->text + driver->at, CALLS_TEXT - driver->at, format, args);
	va_end(args);
	raw_spin_unlock_irqrestore(&driver->lock, flags);
}

/* As the case has called it: KUnit puts the name of the case in front. */
static const char *short_name(struct device *dev)
{
	const char *dot = strrchr(dev_name(dev), '.');

	return dot ? dot + 1 : dev_name(dev);
}

static void check_sleeps(void)
{
	if (preempt_count() || irqs_disabled() || rcu_preempt_depth())
		drv_fault("called where it cannot sleep");
}

static void check_ctx(void *ctx)
{
	if (ctx != driver)
		drv_fault("called with another context");
}

static void *drv_alloc(struct mm_struct *mm)
{
	check_sleeps();
	if (atomic_read(&mm->mm_users) < 1)
		drv_fault("the address space exits");
	drv_note("alloc");
	return driver->alloc_error ? ERR_PTR(driver->alloc_error) : driver;
}

static int drv_attach(struct device *dev, ioasid_t pasid, void *ctx, bool first)
{
	check_sleeps();
	check_ctx(ctx);
	drv_note("attach(%s%s)", short_name(dev), first ? "" : " too");
	driver->pasid = pasid;
	if (driver->leaves)
		mm_exits(driver->test, driver->leaves);
	driver->leaves = NULL;
	return driver->attach_error;
}

static void drv_detach(struct device *dev, ioasid_t pasid, void *ctx, bool last)
{
	check_sleeps();
	check_ctx(ctx);
	if (pasid != driver->pasid)
		drv_fault("detached from another ID");
	/* B-174: the number cannot have been given to somebody else. */
	if (is_unknown(pasid))
		drv_fault("the ID is gone before the device");
	driver->detached = true;
	drv_note("detach(%s%s)", short_name(dev), last ? "" : " only");
}

static void drv_invalidate(struct device *dev, ioasid_t pasid, void *ctx, unsigned long vaddr,
			   size_t size)
{
	check_ctx(ctx);
	if (!rcu_read_lock_held())
		drv_fault("invalidated without RCU");
	atomic_inc(&driver->ranges);
	WRITE_ONCE(driver->range_dev, dev);
	if (!size) {
		atomic_inc(&driver->whole);
		return;
	}
	if (vaddr & ~PAGE_MASK || size & ~PAGE_MASK)
		drv_fault("a range is not in pages");
	if (driver->watched - vaddr < size)
		atomic_inc(&driver->watched_ranges);
}

static void drv_release(void *ctx)
{
	check_ctx(ctx);
	if (!rcu_read_lock_held())
		drv_fault("released without RCU");
	drv_note("release");
}

static void drv_free(void *ctx)
{
	check_sleeps();
	check_ctx(ctx);
	if (driver->detached && is_unknown(driver->pasid))
		drv_fault("the ID is gone before the context");
	driver->detached = false;
	drv_note("free");
}

static const struct io_mm_ops drv_ops = {
	.alloc = drv_alloc,
	.attach = drv_attach,
	.detach = drv_detach,
	.invalidate = drv_invalidate,
	.release = drv_release,
	.free = drv_free,
};

/* What was called since this was asked last: "alloc; attach(a); detach(a); free". */
static __maybe_unused const char *drv_calls(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&driver->lock, flags);
	memcpy(driver->read, driver->text, sizeof(driver->text));
	driver->text[0] = '\0';
	driver->at = 0;
	raw_spin_unlock_irqrestore(&driver->lock, flags);
	return driver->read;
}

#define expect_calls(test, expected)	KUNIT_EXPECT_STREQ(test, drv_calls(), expected)

static void drv_end(void *data)
{
	struct kunit *test = data;

	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&driver->faults), 0, "%s", driver->fault);
	driver = NULL;
}

static int sva_init(struct kunit *test)
{
	int err = clean_init(test);

	if (err)
		return err;
	driver = kunit_kzalloc(test, sizeof(*driver), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, driver);
	driver->test = test;
	raw_spin_lock_init(&driver->lock);
	return kunit_add_action_or_reset(test, drv_end, test);
}

static void disable(void *dev)
{
	ioasid_sva_disable_device(dev);
}

static __maybe_unused struct device *must_device(struct kunit *test, const char *name)
{
	struct device *dev;

	/* One for all, or a device would lose its driver with another one. */
	if (!driver->model) {
		driver->model = kunit_driver_create(test, "driver");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, driver->model);
	}
	dev = kunit_device_register_with_driver(test, name, driver->model);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	return dev;
}

static __maybe_unused void bare(void *data)
{
	struct device *dev = data;

	ioasid_remove_device(dev);
	dev->iommu = NULL;
	put_device(dev);
}

/* A device with so many PASIDs, 0 included. */
static __maybe_unused struct device *
must_have_pasids(struct kunit *test, const char *name, unsigned int count)
{
	struct dev_iommu *iommu = kunit_kzalloc(test, sizeof(*iommu), GFP_KERNEL);
	struct device *dev = must_device(test, name);

	KUNIT_ASSERT_NOT_NULL(test, iommu);
	iommu->max_pasids = count;
	get_device(dev);
	dev->iommu = iommu;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bare, dev), 0);
	return dev;
}

static __maybe_unused struct device *
must_enable_with(struct kunit *test, const char *name, ioasid_t min, ioasid_t max, unsigned int nr)
{
	struct ioasid_sva_params params = {
		.ops = &drv_ops, .min_pasid = min, .max_pasid = max, .nr_pasids = nr,
	};
	struct device *dev = must_device(test, name);

	KUNIT_ASSERT_EQ(test, ioasid_sva_enable_device(dev, &params), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, disable, dev), 0);
	return dev;
}

/* A device on which SVA is enabled until the end of the case. */
static __maybe_unused struct device *must_enable(struct kunit *test, const char *name)
{
	return must_enable_with(test, name, 0, 0, 0);
}

static __maybe_unused struct ioasid_bond *must_bind(struct kunit *test, struct device *dev,
						    struct mm_struct *mm)
{
	struct ioasid_bond *bond = ioasid_sva_bind_device(dev, mm, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bond);
	return bond;
}

/* With "s", who is told of everything. */
static __maybe_unused struct story *story_of_all(struct kunit *test)
{
	struct story *story = story_new(test);

	subscribe(story, "s", 0, NULL);
	return story;
}

/* Why there is no bond. */
static __maybe_unused int bind_error(struct device *dev, struct mm_struct *mm, void *drvdata)
{
	struct ioasid_bond *bond = ioasid_sva_bind_device(dev, mm, drvdata);

	if (!IS_ERR(bond))
		ioasid_sva_unbind_device(bond);
	return PTR_ERR_OR_ZERO(bond);
}

static __maybe_unused bool finds(ioasid_t id, struct mm_struct *mm)
{
	struct mm_struct *found = ioasid_sva_find(id);

	if (found)
		mmput(found);
	return found == mm;
}

#endif /* IOASID_TESTS_SVA_H */
