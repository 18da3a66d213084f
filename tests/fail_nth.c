// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of every public call fails once: in the space of the default allocator, in that
 * of a custom one, and in that of the IOMMU core. Whatever has failed leaves everything as it was,
 * and the same call works right after it.
 */
#include "fail_nth.h"
#include "oom.h"
#include "sva.h"

#define ROOM 20

FAKE_KIND(first)

/* What must be the same before and after. */
struct picture {
	ioasid_t left;
	struct ioasid_set_usage of_kernel;
	struct ioasid_set_usage of_set;
	int ids;
	int ids_of_set;
	int mm_users;
	int mm_count;
	int fresh_users;
	int fresh_count;
	/* What a subscriber was told, and not told the end of. */
	int live;
	int bound;
	int sets;
	bool active;
	bool plain_active;
	ioasid_t spid;
	ioasid_t plain_spid;
	int named;
};

static atomic_t live, bound, sets_told;
/* Of all calls. */
static unsigned int all_points, all_refused, all_went_on, all_calls;

static int count_events(struct notifier_block *nb, unsigned long val, void *data)
{
	const struct ioasid_nb_args *args = data;

	switch (val) {
	case IOASID_NOTIFY_ALLOC:
		atomic_inc(&live);
		break;
	case IOASID_NOTIFY_FREE:
		atomic_dec(&live);
		/* No UNBIND follows. */
		if (args->spid != INVALID_IOASID)
			atomic_dec(&bound);
		break;
	case IOASID_NOTIFY_BIND:
		atomic_inc(&bound);
		break;
	case IOASID_NOTIFY_UNBIND:
		atomic_dec(&bound);
		break;
	case IOASID_NOTIFY_SET_ALLOC:
		atomic_inc(&sets_told);
		break;
	case IOASID_NOTIFY_SET_FREE:
		atomic_dec(&sets_told);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block counter = { .notifier_call = count_events };

static int ignore_event(struct notifier_block *nb, unsigned long val, void *data)
{
	return NOTIFY_OK;
}

static void count_no_more(void *data)
{
	ioasid_unregister_notifier(NULL, &counter);
}

static void ignore_work(struct work_struct *work)
{
}

static struct picture take_picture(struct scene *scene)
{
	struct picture now;

	/* Compared as bytes. */
	memset(&now, 0, sizeof(now));
	now.left = capacity_left();
	ioasid_set_query(NULL, &now.of_kernel);
	/* The most it ever had is no state, but a failure for want of a number would be wrong. */
	now.of_kernel.peak = 0;
	ioasid_set_for_each_ioasid(NULL, count_visit, &now.ids);
	if (scene->set) {
		ioasid_set_query(scene->set, &now.of_set);
		now.of_set.peak = 0;
		ioasid_set_for_each_ioasid(scene->set, count_visit, &now.ids_of_set);
		now.active = ioasid_is_active(scene->id);
		now.plain_active = ioasid_is_active(scene->plain);
		now.spid = ioasid_find_spid(scene->id);
		now.plain_spid = ioasid_find_spid(scene->plain);
	}
	now.mm_users = atomic_read(&scene->mm->mm_users);
	now.mm_count = atomic_read(&scene->mm->mm_count);
	now.fresh_users = atomic_read(&scene->fresh->mm_users);
	now.fresh_count = atomic_read(&scene->fresh->mm_count);
	now.live = atomic_read(&live);
	now.bound = atomic_read(&bound);
	now.sets = atomic_read(&sets_told);
	now.named = atomic_read(&fakes_have_out);
	return now;
}

static bool looks_like(struct scene *scene, const struct picture *before)
{
	struct picture now = take_picture(scene);

	return !memcmp(&now, before, sizeof(now));
}

/* Says what has changed: is, and was. */
static void expect_picture(struct scene *scene, const struct picture *before, const char *when)
{
	struct kunit *test = scene->test;
	struct picture now;

	if (eventually(looks_like(scene, before)))
		return;
	now = take_picture(scene);
	KUNIT_FAIL(test,
		   "%s: capacity %u/%u, kernel's %u/%u IDs %u/%u SPIDs, set's %u/%u IDs %u/%u SPIDs, seen %d/%d %d/%d IDs, failures %u/%u %u/%u, users %d/%d %d/%d, counts %d/%d %d/%d, told %d/%d live %d/%d bound %d/%d sets, SPID %u/%u %u/%u, named %d/%d",
		   when, now.left, before->left, now.of_kernel.use, before->of_kernel.use,
		   now.of_kernel.spids, before->of_kernel.spids, now.of_set.use,
		   before->of_set.use, now.of_set.spids, before->of_set.spids, now.ids,
		   before->ids, now.ids_of_set, before->ids_of_set, now.of_kernel.failures,
		   before->of_kernel.failures, now.of_set.failures, before->of_set.failures,
		   now.mm_users, before->mm_users, now.fresh_users, before->fresh_users,
		   now.mm_count, before->mm_count, now.fresh_count, before->fresh_count,
		   now.live, before->live, now.bound, before->bound, now.sets, before->sets,
		   now.spid, before->spid, now.plain_spid, before->plain_spid, now.named,
		   before->named);
}

static void make_ids(struct scene *scene)
{
	struct kunit *test = scene->test;

	scene->set = must_set_of(test, scene->mm, ROOM);
	scene->id = must_alloc_in(test, scene->set, scene);
	scene->plain = must_alloc_in(test, scene->set, NULL);
	KUNIT_ASSERT_EQ(test, ioasid_attach_spid(scene->id, 5), 0);
}

static struct scene *make_scene(struct kunit *test, enum world world, bool with_ids)
{
	static const struct ioasid_sva_params params = { .ops = &drv_ops };
	struct scene *scene = kunit_kzalloc(test, sizeof(*scene), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, scene);
	scene->test = test;
	scene->world = world;
	scene->mm = must_mm(test);
	scene->host_dev = must_have_pasids(test, "host", 64);
	if (world == WORLD_CUSTOM)
		fake_plug(test, fake_new(test, first));
	else if (world == WORLD_HOST)
		KUNIT_ASSERT_EQ(test, ioasid_add_device(scene->host_dev), 0);
	scene->fake = fake_new(test, first);
	scene->nb.notifier_call = ignore_event;
	INIT_WORK(&scene->work, ignore_work);
	scene->params = &params;
	scene->dev = must_enable(test, "a");
	scene->other_dev = must_device(test, "b");
	if (with_ids)
		make_ids(scene);
	atomic_set(&live, 0);
	atomic_set(&bound, 0);
	atomic_set(&sets_told, 0);
	KUNIT_ASSERT_EQ(test, ioasid_register_notifier(NULL, &counter), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, count_no_more, NULL), 0);
	return scene;
}

/* The index of the default allocator has to grow for each; the other two have few numbers. */
static void set_range(struct scene *scene, unsigned int round)
{
	scene->min = scene->world == WORLD_DEFAULT ? (round + 1) << 12 : 1;
	scene->max = scene->world == WORLD_DEFAULT ? scene->min + 9 : 63;
}

static int run_once(struct scene *scene, const struct call *call, unsigned int nth, bool *failed)
{
	int ret;

	if (call->before)
		call->before(scene);
	fail_from(nth);
	ret = call->run(scene);
	*failed = fail_end();
	if (!ret && call->undo)
		call->undo(scene);
	if (call->after)
		call->after(scene);
	return ret;
}

/* The nth allocation of the call fails, then none does. Returns whether there was an nth one. */
static bool call_at(struct scene *scene, const struct call *call, unsigned int nth)
{
	struct kunit *test = scene->test;
	struct picture before;
	bool failed, again;
	int ret;

	scene->fresh = mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, scene->fresh);
	/* Its counts are looked at to the end. */
	mmgrab(scene->fresh);
	set_range(scene, nth);
	before = take_picture(scene);
	ret = run_once(scene, call, nth, &failed);
	if (failed && ret == -ENOMEM && !call->certain)
		all_refused++;
	else
		KUNIT_EXPECT_EQ_MSG(test, ret, call->expected, "%s at %u", call->name, nth);
	all_went_on += failed && ret == call->expected;
	if (!call->late || !failed)
		expect_picture(scene, &before, "after it has failed");

	ret = run_once(scene, call, 0, &again);
	KUNIT_EXPECT_EQ_MSG(test, ret, call->expected, "%s again, at %u", call->name, nth);
	expect_picture(scene, &before, "after it has worked");
	mmput(scene->fresh);
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&scene->fresh->mm_count) == 1));
	mmdrop(scene->fresh);
	return failed;
}

static void sweep_call(struct kunit *test, enum world world)
{
	static const char * const worlds[] = { "default", "custom", "host" };
	const struct call *call = test->param_value;
	unsigned int points = 0;
	struct scene *scene;

	need_injection(test);
	scene = make_scene(test, world, !call->empty);
	while (points < MAX_POINTS && call_at(scene, call, points + 1))
		points++;
	KUNIT_EXPECT_LT_MSG(test, points, MAX_POINTS, "no end of allocations");
	kunit_info(test, "swept %s: %u points, %s allocator\n", call->name, points, worlds[world]);
	all_points += points;
	all_calls++;
}

/* B-063, B-083, B-086, B-158. */
static void every_call_survives(struct kunit *test)
{
	sweep_call(test, WORLD_DEFAULT);
}

static void every_call_survives_with_custom_allocator(struct kunit *test)
{
	sweep_call(test, WORLD_CUSTOM);
}

static void every_call_survives_with_host_allocator(struct kunit *test)
{
	sweep_call(test, WORLD_HOST);
}

static const void *next_call(const struct call *prev, bool all, char *desc)
{
	const struct call *call = prev ? prev + 1 : fail_nth_calls;

	while (call < fail_nth_calls + fail_nth_n_calls && !all && !call->numbers)
		call++;
	if (call == fail_nth_calls + fail_nth_n_calls)
		return NULL;
	strscpy(desc, call->name, KUNIT_PARAM_DESC_SIZE);
	return call;
}

static const void *all_gen_params(struct kunit *test, const void *prev, char *desc)
{
	return next_call(prev, true, desc);
}

static const void *numbers_gen_params(struct kunit *test, const void *prev, char *desc)
{
	return next_call(prev, false, desc);
}

static void print_totals(struct kunit_suite *suite)
{
	pr_info("fail_nth: %u points in %u sweeps: %u calls refused, %u went on\n", all_points,
		all_calls, all_refused, all_went_on);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(every_call_survives, all_gen_params),
	KUNIT_CASE_PARAM(every_call_survives_with_custom_allocator, numbers_gen_params),
	KUNIT_CASE_PARAM(every_call_survives_with_host_allocator, numbers_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_fail_nth",
	.init = sva_init,
	.suite_exit = print_totals,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: every allocation fails once");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
