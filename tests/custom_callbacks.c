// SPDX-License-Identifier: GPL-2.0
/* How callbacks of custom allocators are called. */
#include "context.h"
#include "fake.h"
#include "threads.h"

FAKE_KIND(a)

/* B-028: both may take their time. */
static void callbacks_may_sleep(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	ioasid_t id;

	fake_plug(test, a);
	a->delay_ms = 30;
	id = must_alloc(test, 1, 9, NULL);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
	KUNIT_EXPECT_EQ(test, a->allocs, 1);
	KUNIT_EXPECT_EQ(test, a->frees, 1);
}

/* B-081, B-091: the number goes back when the last holder is gone, not before. */
static void number_goes_back_after_last_put(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	ioasid_t id;

	fake_plug(test, a);
	id = must_alloc(test, 1, 9, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	msleep(50);
	KUNIT_EXPECT_EQ(test, a->frees, 0);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
	KUNIT_EXPECT_EQ(test, a->frees, 1);
	KUNIT_EXPECT_EQ(test, a->last_freed, id);
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
}

/* B-029, B-091: while its number is still on its way back, the ID does not exist any more. */
static void id_is_unknown_while_number_goes_back(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	ioasid_t id, other;

	fake_plug(test, a);
	id = must_alloc(test, 1, 9, a);
	WRITE_ONCE(a->hold_free, true);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	fake_entered(test, a);
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), -ENOENT);

	/* Others are served in the meantime, with another number. */
	other = must_alloc(test, 1, 9, NULL);
	KUNIT_EXPECT_NE(test, other, id);
	WRITE_ONCE(a->hold_free, false);
	complete_all(&a->leave);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, other), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
	/* What it gives back it may name again. */
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, 9, NULL), id);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
}

struct job {
	ioasid_t id;
	int ret;
};

static void do_put(void *data)
{
	struct job *job = data;

	job->ret = ioasid_put(NULL, job->id);
}

static void do_free(void *data)
{
	struct job *job = data;

	job->ret = ioasid_free(NULL, job->id);
}

/* B-028, B-101: whoever drops the last reference, the callback may sleep (it takes a mutex). */
static void number_goes_back_from_any_context(struct kunit *test)
{
	const struct context *context = context_of(test);
	struct fake *a = fake_new(test, a);
	struct job job;

	fake_plug(test, a);
	job.id = must_alloc(test, 1, 9, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, job.id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, job.id), 1);
	run_in(context, do_put, &job);
	KUNIT_EXPECT_TRUE(test, job.ret);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
	KUNIT_EXPECT_EQ(test, a->frees, 1);

	job.id = must_alloc(test, 1, 9, NULL);
	run_in(context, do_free, &job);
	KUNIT_EXPECT_GE(test, job.ret, 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
	KUNIT_EXPECT_EQ(test, a->frees, 2);
	KUNIT_EXPECT_EQ(test, a->in_atomic, 0);
}

struct meeting {
	struct completion first, second;
	atomic_t inside;
	bool met;
};

static ioasid_t meet_alloc(ioasid_t min, ioasid_t max, void *data)
{
	struct meeting *meeting = data;

	/* Each waits for the other. */
	if (atomic_inc_return(&meeting->inside) == 1) {
		meeting->met = wait_for_completion_timeout(&meeting->first, 20 * HZ);
		complete(&meeting->second);
		return min;
	}
	complete(&meeting->first);
	wait_for_completion_timeout(&meeting->second, 20 * HZ);
	return max;
}

static void meet_free(ioasid_t id, void *data)
{
}

static void unregister(void *ops)
{
	ioasid_unregister_allocator(ops);
}

static void alloc_any(void *data)
{
	struct job *job = data;

	job->id = ioasid_alloc(NULL, 10, 11, NULL);
}

/* B-028, B-160: no lock is held around a callback, so two allocations meet in it. */
static void alloc_runs_concurrently_with_itself(struct kunit *test)
{
	struct meeting *meeting = kunit_kzalloc(test, sizeof(*meeting), GFP_KERNEL);
	struct ioasid_allocator_ops *ops = kunit_kzalloc(test, sizeof(*ops), GFP_KERNEL);
	struct helper *helper;
	struct job other = {};
	ioasid_t id;

	KUNIT_ASSERT_NOT_NULL(test, meeting);
	KUNIT_ASSERT_NOT_NULL(test, ops);
	init_completion(&meeting->first);
	init_completion(&meeting->second);
	ops->alloc = meet_alloc;
	ops->free = meet_free;
	ops->pdata = meeting;
	KUNIT_ASSERT_EQ(test, ioasid_register_allocator(ops), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unregister, ops), 0);

	helper = helper_start(test, alloc_any, &other);
	id = ioasid_alloc(NULL, 10, 11, NULL);
	helper_join(test, helper);
	KUNIT_EXPECT_TRUE(test, meeting->met);
	KUNIT_EXPECT_EQ(test, id + other.id, 21);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, other.id), 0);
}

struct busybody {
	ioasid_t known;
	ioasid_t next;
	int get[2];
	bool put[2];
	void *found[2];
	int freed;
};

static void be_busy(struct busybody *busy, int n)
{
	busy->get[n] = ioasid_get(NULL, busy->known);
	busy->found[n] = ioasid_find(NULL, busy->known, NULL);
	busy->put[n] = ioasid_put(NULL, busy->known);
}

static ioasid_t busy_alloc(ioasid_t min, ioasid_t max, void *data)
{
	struct busybody *busy = data;

	if (busy->known)
		be_busy(busy, 0);
	return busy->next++;
}

static void busy_free(ioasid_t id, void *data)
{
	struct busybody *busy = data;

	if (id == busy->known) {
		busy->known = 0;
		return;
	}
	be_busy(busy, 1);
	/* Queued behind the one that is running. */
	busy->freed = ioasid_free(NULL, busy->known);
}

/* B-160: callbacks may look after other IDs. */
static void callbacks_may_call_back(struct kunit *test)
{
	struct busybody *busy = kunit_kzalloc(test, sizeof(*busy), GFP_KERNEL);
	struct ioasid_allocator_ops *ops = kunit_kzalloc(test, sizeof(*ops), GFP_KERNEL);
	ioasid_t known, id;

	KUNIT_ASSERT_NOT_NULL(test, busy);
	KUNIT_ASSERT_NOT_NULL(test, ops);
	busy->next = 20;
	busy->get[1] = 1;
	busy->freed = -1;
	ops->alloc = busy_alloc;
	ops->free = busy_free;
	ops->pdata = busy;
	KUNIT_ASSERT_EQ(test, ioasid_register_allocator(ops), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unregister, ops), 0);

	known = must_alloc(test, 1, TEST_MAX, busy);
	busy->get[0] = 1;
	busy->known = known;
	id = must_alloc(test, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, busy->get[0], 0);
	KUNIT_EXPECT_PTR_EQ(test, busy->found[0], (void *)busy);
	KUNIT_EXPECT_FALSE(test, busy->put[0]);

	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, eventually(!READ_ONCE(busy->known)));
	KUNIT_EXPECT_EQ(test, busy->get[1], 0);
	KUNIT_EXPECT_PTR_EQ(test, busy->found[1], (void *)busy);
	KUNIT_EXPECT_FALSE(test, busy->put[1]);
	KUNIT_EXPECT_GE(test, busy->freed, 0);
	KUNIT_EXPECT_TRUE(test, is_unknown(known));
}

/* B-101, B-168: many numbers, each goes back once. */
static void every_number_goes_back_once(struct kunit *test)
{
	const ioasid_t n = 200;
	struct fake *a = fake_new(test, a);
	unsigned long flags;
	ioasid_t id;

	fake_plug(test, a);
	for (id = 1; id <= n; id++)
		KUNIT_ASSERT_EQ(test, must_alloc(test, 1, n, NULL), id);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, 1, n, NULL), INVALID_IOASID);
	for (id = 1; id <= n; id++) {
		if (id & 1) {
			KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
			continue;
		}
		local_irq_save(flags);
		ioasid_free(NULL, id);
		local_irq_restore(flags);
	}
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
	KUNIT_EXPECT_EQ(test, a->frees, n);
	KUNIT_EXPECT_EQ(test, a->not_named, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(callbacks_may_sleep),
	KUNIT_CASE(number_goes_back_after_last_put),
	KUNIT_CASE(id_is_unknown_while_number_goes_back),
	KUNIT_CASE_PARAM(number_goes_back_from_any_context, contexts_gen_params),
	KUNIT_CASE(alloc_runs_concurrently_with_itself),
	KUNIT_CASE(callbacks_may_call_back),
	KUNIT_CASE(every_number_goes_back_once),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_custom_callbacks",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
