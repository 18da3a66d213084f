// SPDX-License-Identifier: GPL-2.0
/* Hot-unplug of custom allocators: with callbacks running, with numbers out. */
#include "fake.h"
#include "log.h"
#include "threads.h"

FAKE_KIND(a)
FAKE_KIND(b)

struct job {
	struct fake *fake;
	ioasid_t id;
	int ret;
	/* Callbacks that were running when unregistration returned. */
	int left_running;
};

static void do_alloc(void *data)
{
	struct job *job = data;

	job->ret = ioasid_alloc_range(NULL, 1, 9, IOASID_ALLOC_LOWEST, job, &job->id);
}

static void do_unregister(void *data)
{
	struct job *job = data;

	ioasid_unregister_allocator(&job->fake->ops);
	job->left_running = atomic_read(&job->fake->inside);
	WRITE_ONCE(job->fake->registered, false);
}

/* B-014: IDs outlive the allocator that named them; nobody is told when they return. */
static void live_id_survives_its_allocator(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	ioasid_t id;

	fake_plug(test, a);
	a->first = 40;
	id = must_alloc(test, 1, TEST_MAX, a);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	fake_unplug(test, a);

	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), (void *)a);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), -EBUSY);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
	KUNIT_EXPECT_EQ(test, a->frees, 0);
}

/* B-014: the default allocator goes around parked numbers, until they are free. */
static void parked_number_is_not_handed_out_twice(struct kunit *test)
{
	static const ioasid_t answers[] = { 2, 3, 1 };
	struct fake *a = fake_new(test, a);
	ioasid_t id, none;
	int policy;

	fake_plug(test, a);
	fake_answers(a, answers, ARRAY_SIZE(answers));
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, 4, a), 2);
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, 4, a), 3);
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, 4, a), 1);
	fake_unplug(test, a);

	for (policy = IOASID_ALLOC_LOWEST; policy <= IOASID_ALLOC_TOP_DOWN; policy++) {
		KUNIT_EXPECT_EQ(test, -ENOSPC, ioasid_alloc_range(NULL, 1, 3, policy, NULL, &none));
		KUNIT_EXPECT_EQ(test, 0, ioasid_alloc_range(NULL, 1, 4, policy, NULL, &id));
		KUNIT_EXPECT_EQ(test, id, 4);
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 4), 0);
	}
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, 2), 0);
	KUNIT_EXPECT_TRUE(test, eventually(ioasid_alloc(NULL, 1, 3, NULL) == 2));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, 2, NULL), NULL);
	for (id = 1; id <= 3; id++)
		KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
}

/* B-014, B-016: with parked IDs the space is not empty. */
static void parked_id_blocks_registration(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	struct fake *b = fake_new(test, b);
	ioasid_t id;

	fake_plug(test, a);
	id = must_alloc(test, 1, 9, a);
	fake_unplug(test, a);
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&b->ops), -EAGAIN);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
	fake_plug(test, b);
}

/* B-019, B-022: one that comes back does not get numbers of its earlier life. */
static void registering_again_starts_anew(struct kunit *test)
{
	static const ioasid_t five[] = { 5 };
	struct fake *a = fake_new(test, a);
	struct fake *b = fake_new(test, b);
	ioasid_t id;

	fake_plug(test, a);
	fake_plug(test, b);
	fake_answers(a, five, 1);
	id = must_alloc(test, 1, 9, a);
	fake_unplug(test, a);
	fake_plug(test, a);
	fake_unplug(test, b);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
	fake_unplug(test, a);
	KUNIT_EXPECT_EQ(test, a->frees, 0);
	KUNIT_EXPECT_EQ(test, b->allocs, 0);
}

/* Unregistration of one whose callback has been told to stop waits for it. */
static void expect_unregister_waits(struct kunit *test, struct fake *fake)
{
	struct job unplug = { .fake = fake };
	struct helper *unplugging;

	fake_entered(test, fake);
	unplugging = helper_start(test, do_unregister, &unplug);
	KUNIT_EXPECT_TRUE_MSG(test, helper_waits(unplugging, 300), "callback is running");
	KUNIT_EXPECT_TRUE(test, READ_ONCE(fake->registered));
	complete_all(&fake->leave);
	helper_join(test, unplugging);
	KUNIT_EXPECT_EQ(test, unplug.left_running, 0);
}

/* B-022: the owner is about to free what the running callback uses. */
static void unregister_waits_for_alloc(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	struct job alloc = { .fake = a };
	struct helper *allocating;

	fake_plug(test, a);
	WRITE_ONCE(a->hold_alloc, true);
	allocating = helper_start(test, do_alloc, &alloc);
	expect_unregister_waits(test, a);
	helper_join(test, allocating);

	/* Whatever became of the number, it is in one place only. */
	if (alloc.ret) {
		KUNIT_EXPECT_EQ(test, alloc.id, INVALID_IOASID);
		KUNIT_EXPECT_TRUE(test, fake_has_all_back(a));
	} else {
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, alloc.id, NULL), (void *)&alloc);
		KUNIT_EXPECT_GE(test, ioasid_free(NULL, alloc.id), 0);
	}
}

/* B-022, B-029: the same for a number on its way back. */
static void unregister_waits_for_free(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	ioasid_t id;

	fake_plug(test, a);
	id = must_alloc(test, 1, 9, NULL);
	WRITE_ONCE(a->hold_free, true);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	expect_unregister_waits(test, a);
	KUNIT_EXPECT_TRUE(test, fake_has_all_back(a));
}

/* B-015, B-022: a member's own callback is waited for, even if its group stays. */
static void member_waits_for_its_own_callback(struct kunit *test)
{
	struct fake *first = fake_new(test, a);
	struct fake *second = fake_new(test, a);
	struct job alloc = { .fake = first };
	struct helper *allocating;

	fake_plug(test, first);
	fake_plug(test, second);
	WRITE_ONCE(first->hold_alloc, true);
	allocating = helper_start(test, do_alloc, &alloc);
	expect_unregister_waits(test, first);
	helper_join(test, allocating);

	/* The space stays, and so does the ID; its number goes back to the other member. */
	KUNIT_ASSERT_EQ(test, alloc.ret, 0);
	__set_bit(alloc.id, second->named);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, alloc.id), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(second)));
	KUNIT_EXPECT_EQ(test, second->frees, 1);
	KUNIT_EXPECT_EQ(test, first->frees, 0);
}

/* B-015, B-022: the same for a number that goes back while its member leaves. */
static void member_waits_for_its_own_free(struct kunit *test)
{
	struct fake *first = fake_new(test, a);
	struct fake *second = fake_new(test, a);
	ioasid_t id;

	fake_plug(test, first);
	fake_plug(test, second);
	id = must_alloc(test, 1, 9, NULL);
	WRITE_ONCE(first->hold_free, true);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	expect_unregister_waits(test, first);
	KUNIT_EXPECT_TRUE(test, fake_has_all_back(first));
	KUNIT_EXPECT_EQ(test, second->frees, 0);
}

/* B-022, B-029: numbers of IDs that are reclaimed go back before the allocator goes. */
static void unregister_runs_queued_frees_first(struct kunit *test)
{
	const ioasid_t n = 30;
	struct fake *a = fake_new(test, a);
	unsigned long flags;
	ioasid_t id;

	fake_plug(test, a);
	a->delay_ms = 2;
	for (id = 1; id <= n; id++)
		KUNIT_ASSERT_EQ(test, must_alloc(test, 1, n, NULL), id);
	for (id = 1; id <= n / 2; id++)
		KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	local_irq_save(flags);
	for (; id <= n; id++)
		ioasid_free(NULL, id);
	local_irq_restore(flags);
	fake_unplug(test, a);
	KUNIT_EXPECT_EQ(test, a->frees, n);
	KUNIT_EXPECT_TRUE(test, fake_has_all_back(a));
}

/* B-022: and when another one goes, they still go where they belong. */
static void leaving_of_another_loses_no_number(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	struct fake *b = fake_new(test, b);
	ioasid_t id;

	fake_plug(test, a);
	fake_plug(test, b);
	id = must_alloc(test, 1, 9, NULL);
	a->delay_ms = 20;
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	fake_unplug(test, b);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
	KUNIT_EXPECT_EQ(test, a->frees, 1);
}

/* B-017, B-083: what is not registered cannot be unregistered; nobody suffers from the attempt. */
static void unregister_of_unknown_is_harmless(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	struct fake *twin = fake_new(test, a);
	struct fake *b = fake_new(test, b);
	ioasid_t id;

	ioasid_unregister_allocator(NULL);
	ioasid_unregister_allocator(&a->ops);
	fake_plug(test, a);
	ioasid_unregister_allocator(NULL);
	/* Equal callbacks, another address. */
	ioasid_unregister_allocator(&twin->ops);
	ioasid_unregister_allocator(&b->ops);
	/* The address alone counts: it is not looked at. */
	ioasid_unregister_allocator((struct ioasid_allocator_ops *)LIST_POISON1);
	id = must_alloc(test, 1, 9, NULL);
	KUNIT_EXPECT_EQ(test, a->allocs, 1);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	fake_unplug(test, a);
	ioasid_unregister_allocator(&a->ops);
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, 9, NULL), 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 1), 0);
	KUNIT_EXPECT_EQ(test, a->frees, 1);
}

/* B-014, B-022, B-246: IDs that are left are told once, as a number. */
static void ids_left_behind_are_told(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	struct log_watch *watch = log_listen(test);
	ioasid_t id;

	fake_plug(test, a);
	for (id = 1; id <= 3; id++)
		KUNIT_ASSERT_EQ(test, must_alloc(test, 1, 9, NULL), id);
	KUNIT_EXPECT_EQ(test, log_lines(watch), 0);
	fake_unplug(test, a);
	KUNIT_EXPECT_EQ(test, log_lines(watch), 1);
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, "3 IDs"), "%s", watch->last);
	for (id = 1; id <= 3; id++)
		KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(live_id_survives_its_allocator),
	KUNIT_CASE(parked_number_is_not_handed_out_twice),
	KUNIT_CASE(parked_id_blocks_registration),
	KUNIT_CASE(registering_again_starts_anew),
	KUNIT_CASE(unregister_waits_for_alloc),
	KUNIT_CASE(unregister_waits_for_free),
	KUNIT_CASE(member_waits_for_its_own_callback),
	KUNIT_CASE(member_waits_for_its_own_free),
	KUNIT_CASE(unregister_runs_queued_frees_first),
	KUNIT_CASE(leaving_of_another_loses_no_number),
	KUNIT_CASE(unregister_of_unknown_is_harmless),
	KUNIT_CASE(ids_left_behind_are_told),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_custom_unplug",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
