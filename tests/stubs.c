// SPDX-License-Identifier: GPL-2.0
/* The header in a kernel without IOASID: every function is there, and none does anything. */
#include <kunit/test.h>

#undef CONFIG_IOASID
#undef CONFIG_IOASID_MODULE
#include "prototypes.h"
#include "stubs.h"

static ioasid_t nothing_alloc(ioasid_t min, ioasid_t max, void *data)
{
	return min;
}

static void nothing_free(ioasid_t ioasid, void *data)
{
}

static bool getter(void *data)
{
	return true;
}

/* B-236, B-237: what a caller gets without IOASID is a failure that it knows how to handle. */
static void stubs_report_failure(struct kunit *test)
{
	struct ioasid_allocator_ops ops = { .alloc = nothing_alloc, .free = nothing_free };
	ioasid_t id = 5;

	KUNIT_EXPECT_EQ(test, interface.alloc(NULL, 1, 9, NULL), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			interface.alloc_range(NULL, 1, 9, IOASID_ALLOC_LOWEST, NULL, &id));
	KUNIT_EXPECT_EQ(test, interface.free(NULL, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, interface.get(NULL, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, interface.put(NULL, 1));
	KUNIT_EXPECT_EQ(test, interface.get_named(NULL, 1, "name"), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, interface.put_named(NULL, 1, "name"));
	KUNIT_EXPECT_PTR_EQ(test, interface.find(NULL, 1, getter), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, interface.register_allocator(&ops), -EOPNOTSUPP);
	interface.unregister_allocator(&ops);
	KUNIT_EXPECT_EQ(test, interface.install_capacity(1024), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.get_capacity(), 0);
	KUNIT_EXPECT_EQ(test, interface.get_locked(NULL, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, interface.put_locked(NULL, 1));
}

static void visit(ioasid_t ioasid, void *data)
{
	++*(int *)data;
}

/* B-236, B-237, B-238: as well where it is about sets. */
static void set_stubs_report_failure(struct kunit *test)
{
	struct ioasid_set *set = interface.alloc_set(NULL, 1, IOASID_SET_TYPE_NULL);
	struct ioasid_set_usage usage;
	int visits = 0;

	KUNIT_EXPECT_PTR_EQ(test, set, ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, interface.set_alloc(NULL, 1, IOASID_SET_TYPE_NULL),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, interface.set_free(set), -EINVAL);
	KUNIT_EXPECT_EQ(test, interface.set_get(set), -EOPNOTSUPP);
	interface.set_put(set);
	interface.set_get_locked(set);
	interface.set_put_locked(set);
	KUNIT_EXPECT_EQ(test, interface.adjust_set(set, 5), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.set_policy(set, IOASID_ALLOC_CYCLIC), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.set_query(set, &usage), -EOPNOTSUPP);
	KUNIT_EXPECT_PTR_EQ(test, interface.find_mm_set(NULL), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_PTR_EQ(test, interface.find_set(1), ERR_PTR(-ENOENT));
	interface.free_all_in_set(set);
	KUNIT_EXPECT_EQ(test, interface.set_for_each_ioasid(set, visit, &visits), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, visits, 0);
	KUNIT_EXPECT_EQ(test, interface.get_if_owned_by(1, NULL), -ENOENT);
	KUNIT_EXPECT_EQ(test, interface.get_if_owned(1), -ENOENT);
	KUNIT_EXPECT_EQ(test, interface.set_wait_reclaimed(set, 60000), -EINVAL);
	KUNIT_EXPECT_EQ(test, interface.reserve_capacity(0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.cancel_capacity(0), -EOPNOTSUPP);
}

/* B-111, B-236, B-237: and about what is attached to an ID. */
static void id_stubs_report_failure(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, interface.is_active(1));
	KUNIT_EXPECT_EQ(test, interface.attach_spid(1, 5), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.detach_spid(1), -ENOENT);
	KUNIT_EXPECT_EQ(test, interface.find_spid(1), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, interface.find_by_spid(NULL, 5, false), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, interface.find_by_spid(NULL, 5, true), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, interface.attach_data(1, test), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.detach_data(1), -ENOENT);
	KUNIT_EXPECT_EQ(test, interface.wait_reclaimed(1, 60000), -ENOENT);
}

/* B-007: the contract of the real function holds for the stub: an ID on success only. */
static void failed_alloc_range_gives_invalid_id(struct kunit *test)
{
	ioasid_t id = 5;

	KUNIT_EXPECT_NE(test, 0,
			interface.alloc_range(NULL, 1, 9, IOASID_ALLOC_LOWEST, NULL, &id));
	KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
}

static int handler(struct notifier_block *nb, unsigned long val, void *data)
{
	return NOTIFY_OK;
}

static void do_work(struct work_struct *work)
{
}

/* B-236, B-237: nobody is subscribed, and nothing is told or done. */
static void event_stubs_report_failure(struct kunit *test)
{
	struct notifier_block nb = { .notifier_call = handler };
	struct work_struct work;

	INIT_WORK_ONSTACK(&work, do_work);
	KUNIT_EXPECT_EQ(test, interface.register_notifier(NULL, &nb), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.register_notifier_replay(NULL, &nb), -EOPNOTSUPP);
	interface.unregister_notifier(NULL, &nb);
	KUNIT_EXPECT_EQ(test, interface.register_notifier_mm(NULL, &nb), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.register_notifier_mm_replay(NULL, &nb), -EOPNOTSUPP);
	interface.unregister_notifier_mm(NULL, &nb);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			interface.notify(1, IOASID_NOTIFY_BIND, IOASID_NOTIFY_ALL));
	KUNIT_EXPECT_FALSE(test, interface.queue_work(&work));
	destroy_work_on_stack(&work);
}

/* B-236, B-237: nothing is bound, and nothing could be. */
static void sva_stubs_report_failure(struct kunit *test)
{
	struct ioasid_bond *bond = interface.sva_bind_device(NULL, NULL, NULL);

	KUNIT_EXPECT_PTR_EQ(test, bond, ERR_PTR(-EOPNOTSUPP));
	interface.sva_unbind_device(bond);
	KUNIT_EXPECT_EQ(test, interface.sva_get_pasid(bond), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, interface.sva_enable_device(NULL, NULL), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.sva_disable_device(NULL), -ENODEV);
	KUNIT_EXPECT_NOT_NULL(test, interface.sva_why(NULL));
	KUNIT_EXPECT_NULL(test, interface.sva_find(1));
	KUNIT_EXPECT_EQ(test, interface.add_device(NULL), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, interface.remove_device(NULL), -ENODEV);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(stubs_report_failure),
	KUNIT_CASE(set_stubs_report_failure),
	KUNIT_CASE(id_stubs_report_failure),
	KUNIT_CASE(failed_alloc_range_gives_invalid_id),
	KUNIT_CASE(event_stubs_report_failure),
	KUNIT_CASE(sva_stubs_report_failure),
	KUNIT_CASE(compat_stubs_report_failure),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_stubs",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests of the interface in a kernel without it");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
