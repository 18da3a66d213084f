// SPDX-License-Identifier: GPL-2.0
/* One line for each exported symbol at least: the sanitizer run compares the two. */
#include <linux/ioasid_compat.h>

#include "fail_nth.h"

FAKE_KIND(other)

static int valid(ioasid_t id)
{
	return id == INVALID_IOASID ? -ENOMEM : 0;
}

/* ---- IDs ---- */

static void make_id(struct scene *scene)
{
	scene->got = INVALID_IOASID;
	KUNIT_EXPECT_EQ(scene->test, 0,
			ioasid_alloc_range(NULL, scene->min, scene->max, IOASID_ALLOC_LOWEST,
					   scene, &scene->got));
}

static void free_id(struct scene *scene)
{
	KUNIT_EXPECT_GE(scene->test, ioasid_free(NULL, scene->got), 0);
}

static int run_alloc(struct scene *scene)
{
	scene->got = ioasid_alloc(NULL, scene->min, scene->max, scene);
	return valid(scene->got);
}

static int run_alloc_range(struct scene *scene)
{
	return ioasid_alloc_range(scene->set, scene->min, scene->max, IOASID_ALLOC_TOP_DOWN, scene,
				  &scene->got);
}

static int run_free(struct scene *scene)
{
	return min(ioasid_free(NULL, scene->got), 0);
}

static int run_get(struct scene *scene)
{
	return ioasid_get(scene->set, scene->id);
}

static void get_id(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_get(scene), 0);
}

static int run_put(struct scene *scene)
{
	return ioasid_put(scene->set, scene->id) ? -EEXIST : 0;
}

static void put_id(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_put(scene), 0);
}

/* Freed, and held once. */
static void make_pending(struct scene *scene)
{
	make_id(scene);
	KUNIT_EXPECT_EQ(scene->test, ioasid_get(NULL, scene->got), 0);
	KUNIT_EXPECT_EQ(scene->test, ioasid_free(NULL, scene->got), 1);
}

static int run_put_last(struct scene *scene)
{
	return ioasid_put(NULL, scene->got) ? 0 : -EEXIST;
}

static void put_pending(struct scene *scene)
{
	KUNIT_EXPECT_TRUE(scene->test, ioasid_put(NULL, scene->got));
}

static int run_get_named(struct scene *scene)
{
	return ioasid_get_named(scene->set, scene->id, "unlucky");
}

static void get_named(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_get_named(scene), 0);
}

static int run_put_named(struct scene *scene)
{
	return ioasid_put_named(scene->set, scene->id, "unlucky") ? -EEXIST : 0;
}

static void put_named(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_put_named(scene), 0);
}

static bool take(void *data)
{
	return true;
}

static int run_find(struct scene *scene)
{
	return ioasid_find(scene->set, scene->id, take) == scene ? 0 : -ENOENT;
}

static int run_attach_data(struct scene *scene)
{
	return ioasid_attach_data(scene->plain, scene);
}

static int run_detach_data(struct scene *scene)
{
	return ioasid_detach_data(scene->plain);
}

static void attach_data(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_attach_data(scene), 0);
}

static void detach_data(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_detach_data(scene), 0);
}

static int run_is_active(struct scene *scene)
{
	return ioasid_is_active(scene->id) ? 0 : -ENOENT;
}

static int run_wait(struct scene *scene)
{
	return ioasid_wait_reclaimed(scene->got, 1);
}

/* ---- sets ---- */

static int run_alloc_set(struct scene *scene)
{
	scene->made = ioasid_alloc_set(NULL, 50, IOASID_SET_TYPE_NULL);
	return PTR_ERR_OR_ZERO(scene->made);
}

static int run_alloc_set_of_mm(struct scene *scene)
{
	scene->made = ioasid_alloc_set(scene->fresh, 50, IOASID_SET_TYPE_MM);
	return PTR_ERR_OR_ZERO(scene->made);
}

static int run_set_free(struct scene *scene)
{
	return min(ioasid_set_free(scene->made), 0);
}

static void free_set(struct scene *scene)
{
	KUNIT_EXPECT_GE(scene->test, ioasid_set_free(scene->made), 0);
}

static void make_set(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_alloc_set_of_mm(scene), 0);
}

/* With one ID that has an SPID, and one that has none. */
static void make_full_set(struct scene *scene)
{
	ioasid_t id;

	make_set(scene);
	id = ioasid_alloc(scene->made, scene->min, scene->max, scene);
	KUNIT_EXPECT_EQ(scene->test, ioasid_attach_spid(id, 5), 0);
	KUNIT_EXPECT_EQ(scene->test, 0,
			valid(ioasid_alloc(scene->made, scene->min, scene->max, NULL)));
}

static int run_set_get(struct scene *scene)
{
	return ioasid_set_get(scene->set);
}

static void get_set(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_set_get(scene), 0);
}

static void put_set(struct scene *scene)
{
	ioasid_set_put(scene->set);
}

static int run_set_put(struct scene *scene)
{
	ioasid_set_put(scene->set);
	return 0;
}

static int run_set_put_last(struct scene *scene)
{
	ioasid_set_put(scene->made);
	return 0;
}

static int run_adjust(struct scene *scene)
{
	return ioasid_adjust_set(scene->set, 30);
}

static void readjust(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, ioasid_adjust_set(scene->set, 20), 0);
}

static int run_policy(struct scene *scene)
{
	return ioasid_set_policy(scene->set, IOASID_ALLOC_CYCLIC);
}

static int run_query(struct scene *scene)
{
	struct ioasid_set_usage usage;

	return ioasid_set_query(scene->set, &usage);
}

static int run_find_mm_set(struct scene *scene)
{
	return PTR_ERR_OR_ZERO(ioasid_find_mm_set(scene->mm));
}

static int run_find_set(struct scene *scene)
{
	return PTR_ERR_OR_ZERO(ioasid_find_set(scene->id));
}

static int run_free_all(struct scene *scene)
{
	ioasid_free_all_in_set(scene->made);
	return 0;
}

static int run_for_each(struct scene *scene)
{
	int visits = 0;

	return ioasid_set_for_each_ioasid(scene->set, count_visit, &visits);
}

static int run_get_if_owned_by(struct scene *scene)
{
	return ioasid_get_if_owned_by(scene->id, scene->mm);
}

static int run_get_if_owned(struct scene *scene)
{
	return ioasid_get_if_owned(scene->id);
}

static int run_attach_spid(struct scene *scene)
{
	return ioasid_attach_spid(scene->plain, scene->min);
}

static int run_detach_spid(struct scene *scene)
{
	return ioasid_detach_spid(scene->plain);
}

static void attach_spid(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_attach_spid(scene), 0);
}

static void detach_spid(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_detach_spid(scene), 0);
}

static int run_find_spid(struct scene *scene)
{
	return ioasid_find_spid(scene->id) == 5 ? 0 : -ENOENT;
}

static int run_find_by_spid(struct scene *scene)
{
	return ioasid_find_by_spid(scene->set, 5, true) == scene->id ? 0 : -ENOENT;
}

static int run_set_wait(struct scene *scene)
{
	return ioasid_set_wait_reclaimed(scene->set, 1);
}

static int run_reserve(struct scene *scene)
{
	return ioasid_reserve_capacity(10) == 10 ? 0 : -ENOSPC;
}

static int run_cancel(struct scene *scene)
{
	return min(ioasid_cancel_capacity(10), 0);
}

static void reserve(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_reserve(scene), 0);
}

static void cancel(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_cancel(scene), 0);
}

static int run_capacity(struct scene *scene)
{
	return ioasid_install_capacity(1000);
}

static int run_get_capacity(struct scene *scene)
{
	return ioasid_get_capacity() ? 0 : -ENOENT;
}

/* ---- events ---- */

static int run_register(struct scene *scene)
{
	return ioasid_register_notifier(NULL, &scene->nb);
}

static int run_unregister(struct scene *scene)
{
	ioasid_unregister_notifier(NULL, &scene->nb);
	return 0;
}

static int run_register_replay(struct scene *scene)
{
	return ioasid_register_notifier_replay(NULL, &scene->nb);
}

static int run_register_set(struct scene *scene)
{
	return ioasid_register_notifier(scene->set, &scene->nb);
}

static int run_unregister_set(struct scene *scene)
{
	ioasid_unregister_notifier(scene->set, &scene->nb);
	return 0;
}

static int run_register_mm(struct scene *scene)
{
	return ioasid_register_notifier_mm(scene->fresh, &scene->nb);
}

static int run_register_mm_replay(struct scene *scene)
{
	return ioasid_register_notifier_mm_replay(scene->mm, &scene->nb);
}

static int run_unregister_mm(struct scene *scene)
{
	ioasid_unregister_notifier_mm(scene->fresh, &scene->nb);
	return 0;
}

static void subscribe_global(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_register(scene), 0);
}

static void unsubscribe_global(struct scene *scene)
{
	run_unregister(scene);
}

static void subscribe_set(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_register_set(scene), 0);
}

static void unsubscribe_set(struct scene *scene)
{
	run_unregister_set(scene);
}

static void subscribe_fresh(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_register_mm(scene), 0);
}

static void unsubscribe_fresh(struct scene *scene)
{
	run_unregister_mm(scene);
}

static void unsubscribe_mm(struct scene *scene)
{
	ioasid_unregister_notifier_mm(scene->mm, &scene->nb);
}

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

static int run_notify(struct scene *scene)
{
	return ioasid_notify(scene->plain, IOASID_NOTIFY_BIND, BOTH);
}

static void notify_unbind(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, ioasid_notify(scene->plain, IOASID_NOTIFY_UNBIND, BOTH), 0);
}

static int run_queue_work(struct scene *scene)
{
	return ioasid_queue_work(&scene->work) ? 0 : -EEXIST;
}

static void flush(struct scene *scene)
{
	flush_work(&scene->work);
}

/* ---- allocators ---- */

/* Of another number space, where there is one already. */
static int run_plug(struct scene *scene)
{
	WRITE_ONCE(scene->fake->registered, true);
	return ioasid_register_allocator(&scene->fake->ops);
}

static int run_unplug(struct scene *scene)
{
	ioasid_unregister_allocator(&scene->fake->ops);
	WRITE_ONCE(scene->fake->registered, false);
	return 0;
}

static void use_other(struct scene *scene)
{
	scene->fake->ops.alloc = other_alloc;
	scene->fake->ops.free = other_free;
}

static void plug(struct scene *scene)
{
	use_other(scene);
	KUNIT_EXPECT_EQ(scene->test, run_plug(scene), 0);
}

static void unplug(struct scene *scene)
{
	run_unplug(scene);
}

/* ---- SVA ---- */

static int run_enable(struct scene *scene)
{
	return ioasid_sva_enable_device(scene->other_dev, scene->params);
}

static int run_disable(struct scene *scene)
{
	return ioasid_sva_disable_device(scene->other_dev);
}

static void enable(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_enable(scene), 0);
}

static void disable(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_disable(scene), 0);
}

static int run_why(struct scene *scene)
{
	ioasid_sva_why(scene->dev);
	ioasid_sva_why(scene->other_dev);
	return 0;
}

static int run_bind(struct scene *scene)
{
	scene->bond = ioasid_sva_bind_device(scene->dev, scene->fresh, NULL);
	return PTR_ERR_OR_ZERO(scene->bond);
}

static int run_bind_to_mm_of_set(struct scene *scene)
{
	scene->bond = ioasid_sva_bind_device(scene->dev, scene->mm, NULL);
	return PTR_ERR_OR_ZERO(scene->bond);
}

static int run_unbind(struct scene *scene)
{
	ioasid_sva_unbind_device(scene->bond);
	return 0;
}

static void bind(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_bind(scene), 0);
}

static void unbind(struct scene *scene)
{
	run_unbind(scene);
}

static int run_get_pasid(struct scene *scene)
{
	return valid(ioasid_sva_get_pasid(scene->bond));
}

static int run_sva_find(struct scene *scene)
{
	struct mm_struct *mm = ioasid_sva_find(ioasid_sva_get_pasid(scene->bond));

	if (mm)
		mmput(mm);
	return mm == scene->fresh ? 0 : -ENOENT;
}

static int run_add_device(struct scene *scene)
{
	return ioasid_add_device(scene->host_dev);
}

static int run_remove_device(struct scene *scene)
{
	return ioasid_remove_device(scene->host_dev);
}

static void add_device(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_add_device(scene), 0);
}

static void remove_device(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_remove_device(scene), 0);
}

/* ---- the old interface ---- */

static int client_set;

static int run_compat_alloc(struct scene *scene)
{
	scene->got = ioasid_compat_alloc(&client_set, scene->min, scene->max, scene);
	return valid(scene->got);
}

static void compat_make(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_compat_alloc(scene), 0);
}

static int run_compat_put(struct scene *scene)
{
	return ioasid_compat_put(scene->got) ? 0 : -EEXIST;
}

static void compat_put(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_compat_put(scene), 0);
}

static int run_compat_free(struct scene *scene)
{
	ioasid_compat_free(scene->got);
	return 0;
}

static int run_compat_get(struct scene *scene)
{
	ioasid_compat_get(scene->got);
	return 0;
}

static void compat_unget(struct scene *scene)
{
	KUNIT_EXPECT_FALSE(scene->test, ioasid_compat_put(scene->got));
}

static int run_compat_find(struct scene *scene)
{
	return ioasid_compat_find(&client_set, scene->got, take) == scene ? 0 : -ENOENT;
}

static int run_compat_set_data(struct scene *scene)
{
	return ioasid_compat_set_data(scene->got, scene);
}

static int run_compat_plug(struct scene *scene)
{
	WRITE_ONCE(scene->fake->registered, true);
	return ioasid_compat_register_allocator(scene->fake, other_alloc, other_free, scene->fake);
}

static int run_compat_unplug(struct scene *scene)
{
	ioasid_compat_unregister_allocator(scene->fake);
	WRITE_ONCE(scene->fake->registered, false);
	return 0;
}

static void compat_plug(struct scene *scene)
{
	KUNIT_EXPECT_EQ(scene->test, run_compat_plug(scene), 0);
}

static void compat_unplug(struct scene *scene)
{
	run_compat_unplug(scene);
}

const struct call fail_nth_calls[] = {
	{ "ioasid_alloc", .numbers = true, .run = run_alloc, .undo = free_id },
	{ "ioasid_alloc_range", .numbers = true, .run = run_alloc_range, .undo = free_id },
	{ "ioasid_free", .numbers = true, .certain = true, .before = make_id, .run = run_free },
	{ "ioasid_get", .certain = true, .run = run_get, .undo = put_id },
	{ "ioasid_put", .certain = true, .before = get_id, .run = run_put },
	{ "ioasid_put (last)", .numbers = true, .certain = true, .before = make_pending,
	  .run = run_put_last },
	{ "ioasid_get_named", .certain = true, .run = run_get_named, .undo = put_named },
	{ "ioasid_put_named", .certain = true, .before = get_named, .run = run_put_named },
	{ "ioasid_find", .certain = true, .run = run_find },
	{ "ioasid_attach_data", .certain = true, .run = run_attach_data, .undo = detach_data },
	{ "ioasid_detach_data", .certain = true, .before = attach_data, .run = run_detach_data },
	{ "ioasid_is_active", .certain = true, .run = run_is_active },
	{ "ioasid_wait_reclaimed", .expected = -ETIMEDOUT, .before = make_pending, .run = run_wait,
	  .after = put_pending },
	{ "ioasid_alloc_set", .run = run_alloc_set, .undo = free_set },
	{ "ioasid_alloc_set (of an mm)", .run = run_alloc_set_of_mm, .undo = free_set },
	{ "ioasid_set_free", .numbers = true, .certain = true, .before = make_full_set,
	  .run = run_set_free },
	{ "ioasid_set_get", .certain = true, .run = run_set_get, .undo = put_set },
	{ "ioasid_set_put", .certain = true, .before = get_set, .run = run_set_put },
	{ "ioasid_set_put (last)", .numbers = true, .certain = true, .before = make_full_set,
	  .run = run_set_put_last },
	{ "ioasid_adjust_set", .certain = true, .run = run_adjust, .undo = readjust },
	{ "ioasid_set_policy", .certain = true, .run = run_policy },
	{ "ioasid_set_query", .certain = true, .run = run_query },
	{ "ioasid_find_mm_set", .certain = true, .run = run_find_mm_set, .undo = put_set },
	{ "ioasid_find_set", .certain = true, .run = run_find_set, .undo = put_set },
	{ "ioasid_free_all_in_set", .numbers = true, .certain = true, .before = make_full_set,
	  .run = run_free_all, .after = free_set },
	{ "ioasid_set_for_each_ioasid", .certain = true, .run = run_for_each },
	{ "ioasid_get_if_owned_by", .certain = true, .run = run_get_if_owned_by, .undo = put_id },
	/* This is a kernel thread. */
	{ "ioasid_get_if_owned", .expected = -EPERM, .run = run_get_if_owned },
	{ "ioasid_attach_spid", .run = run_attach_spid, .undo = detach_spid },
	{ "ioasid_detach_spid", .certain = true, .before = attach_spid, .run = run_detach_spid },
	{ "ioasid_find_spid", .certain = true, .run = run_find_spid },
	{ "ioasid_find_by_spid", .certain = true, .run = run_find_by_spid, .undo = put_id },
	{ "ioasid_set_wait_reclaimed", .expected = -ETIMEDOUT, .run = run_set_wait },
	{ "ioasid_reserve_capacity", .certain = true, .run = run_reserve, .undo = cancel },
	{ "ioasid_cancel_capacity", .certain = true, .before = reserve, .run = run_cancel },
	{ "ioasid_install_capacity", .expected = -EBUSY, .run = run_capacity },
	{ "ioasid_get_capacity", .certain = true, .run = run_get_capacity },
	{ "ioasid_register_notifier", .run = run_register, .undo = unsubscribe_global },
	{ "ioasid_register_notifier (of a set)", .run = run_register_set,
	  .undo = unsubscribe_set },
	{ "ioasid_register_notifier_replay", .run = run_register_replay,
	  .undo = unsubscribe_global },
	{ "ioasid_unregister_notifier", .certain = true, .before = subscribe_global,
	  .run = run_unregister },
	{ "ioasid_unregister_notifier (of a set)", .certain = true, .before = subscribe_set,
	  .run = run_unregister_set },
	{ "ioasid_register_notifier_mm", .run = run_register_mm, .undo = unsubscribe_fresh },
	{ "ioasid_register_notifier_mm_replay", .run = run_register_mm_replay,
	  .undo = unsubscribe_mm },
	{ "ioasid_unregister_notifier_mm", .late = true, .certain = true, .before = subscribe_fresh,
	  .run = run_unregister_mm },
	{ "ioasid_notify", .certain = true, .run = run_notify, .undo = notify_unbind },
	{ "ioasid_queue_work", .certain = true, .run = run_queue_work, .undo = flush },
	{ "ioasid_register_allocator", .numbers = true, .empty = true, .before = use_other,
	  .run = run_plug, .undo = unplug },
	{ "ioasid_unregister_allocator", .certain = true, .empty = true, .before = plug,
	  .run = run_unplug },
	{ "ioasid_sva_enable_device", .run = run_enable, .undo = disable },
	{ "ioasid_sva_disable_device", .certain = true, .before = enable, .run = run_disable },
	{ "ioasid_sva_why", .certain = true, .run = run_why },
	{ "ioasid_sva_bind_device", .numbers = true, .run = run_bind, .undo = unbind },
	{ "ioasid_sva_bind_device (mm with a set)", .numbers = true,
	  .run = run_bind_to_mm_of_set, .undo = unbind },
	{ "ioasid_sva_unbind_device", .numbers = true, .certain = true, .before = bind,
	  .run = run_unbind },
	{ "ioasid_sva_get_pasid", .certain = true, .before = bind, .run = run_get_pasid,
	  .after = unbind },
	{ "ioasid_sva_find", .certain = true, .before = bind, .run = run_sva_find,
	  .after = unbind },
	{ "ioasid_add_device", .empty = true, .run = run_add_device, .undo = remove_device },
	{ "ioasid_remove_device", .certain = true, .empty = true,
	  .before = add_device, .run = run_remove_device },
	{ "ioasid_compat_alloc", .numbers = true, .run = run_compat_alloc, .undo = compat_put },
	{ "ioasid_compat_put", .numbers = true, .certain = true, .before = compat_make,
	  .run = run_compat_put },
	{ "ioasid_compat_free", .certain = true, .before = compat_make, .run = run_compat_free },
	{ "ioasid_compat_get", .certain = true, .before = compat_make, .run = run_compat_get,
	  .undo = compat_unget, .after = compat_put },
	{ "ioasid_compat_find", .certain = true, .before = compat_make, .run = run_compat_find,
	  .after = compat_put },
	{ "ioasid_compat_set_data", .certain = true, .before = compat_make,
	  .run = run_compat_set_data, .after = compat_put },
	{ "ioasid_compat_register_allocator", .empty = true, .run = run_compat_plug,
	  .undo = compat_unplug },
	{ "ioasid_compat_unregister_allocator", .certain = true, .empty = true,
	  .before = compat_plug, .run = run_compat_unplug },
};

const unsigned int fail_nth_n_calls = ARRAY_SIZE(fail_nth_calls);
