// SPDX-License-Identifier: GPL-2.0
/* Callers that cannot sleep: preemption, softirqs or interrupts off, in softirq, in hard IRQ. */
#include <linux/ioasid_compat.h>

#include "common.h"
#include "context.h"

#define MANY 64

struct call {
	ioasid_t id;
	unsigned int n;
	int ret[4];
	bool put[4];
	void *found;
};

static void do_nothing_lasting(void *data)
{
	struct call *call = data;

	call->ret[0] = ioasid_get(NULL, call->id);
	call->ret[1] = ioasid_get(NULL, call->id);
	call->found = ioasid_find(NULL, call->id, NULL);
	call->put[0] = ioasid_put(NULL, call->id);
	call->put[1] = ioasid_put(NULL, call->id);
	call->ret[2] = ioasid_get(WRONG_SET, call->id);
	call->ret[3] = ioasid_get(NULL, TEST_MAX);
	/* Over-puts are reported here as well. */
	call->put[2] = ioasid_put(NULL, call->id);
	call->put[3] = ioasid_put(NULL, TEST_MAX);
}

/* B-157, B-159, B-167: get, put and find are the same everywhere. */
static void get_put_and_find_work(struct kunit *test)
{
	struct call call = { .found = NULL };

	call.id = must_alloc(test, 1, 9, &call);
	run_in(context_of(test), do_nothing_lasting, &call);
	KUNIT_EXPECT_EQ(test, call.ret[0], 0);
	KUNIT_EXPECT_EQ(test, call.ret[1], 0);
	KUNIT_EXPECT_PTR_EQ(test, call.found, &call);
	KUNIT_EXPECT_FALSE(test, call.put[0]);
	KUNIT_EXPECT_FALSE(test, call.put[1]);
	KUNIT_EXPECT_EQ(test, call.ret[2], -EACCES);
	KUNIT_EXPECT_EQ(test, call.ret[3], -EINVAL);
	KUNIT_EXPECT_FALSE(test, call.put[2]);
	KUNIT_EXPECT_FALSE(test, call.put[3]);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, call.id), 0);
}

static void do_named(void *data)
{
	struct call *call = data;

	call->ret[0] = ioasid_get_named(NULL, call->id, "context");
	call->ret[1] = ioasid_get_named(NULL, call->id, "context");
	call->ret[2] = ioasid_get_named(NULL, call->id, "other");
	call->put[0] = ioasid_put_named(NULL, call->id, "context");
	call->put[1] = ioasid_put_named(NULL, call->id, "other");
}

/* B-096, B-157: so are named references; the last one is held from here to there. */
static void named_references_work(struct kunit *test)
{
	struct call call = {};

	call.id = must_alloc(test, 1, 9, NULL);
	run_in(context_of(test), do_named, &call);
	KUNIT_EXPECT_EQ(test, call.ret[0], 0);
	KUNIT_EXPECT_EQ(test, call.ret[1], 0);
	KUNIT_EXPECT_EQ(test, call.ret[2], 0);
	KUNIT_EXPECT_FALSE(test, call.put[0]);
	KUNIT_EXPECT_FALSE(test, call.put[1]);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, call.id), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put_named(NULL, call.id, "context"));
	KUNIT_EXPECT_TRUE(test, is_unknown(call.id));
}

static void do_free(void *data)
{
	struct call *call = data;

	call->ret[0] = ioasid_free(NULL, call->id);
	call->ret[1] = ioasid_get(NULL, call->id);
	call->ret[2] = ioasid_free(NULL, call->id);
	call->found = ioasid_find(NULL, call->id, NULL);
}

/* Whether a number that is on its way back can be allocated. */
static bool returned(ioasid_t id)
{
	return ioasid_alloc(NULL, id, id, NULL) == id && !ioasid_free(NULL, id);
}

/* B-081, B-101: a free without references, from an mmu notifier or a last mmdrop for one. */
static void free_returns_number(struct kunit *test)
{
	const struct context *context = context_of(test);
	struct call call = {};

	call.id = must_alloc(test, 9, 9, &call);
	run_in(context, do_free, &call);
	if (context->deferred) {
		KUNIT_EXPECT_EQ(test, call.ret[0], 1);
	} else if (!IS_ENABLED(CONFIG_PREEMPT_RT)) {
		KUNIT_EXPECT_EQ(test, call.ret[0], 0);
		KUNIT_EXPECT_TRUE(test, is_unknown(call.id));
	}
	if (!call.ret[0]) {
		KUNIT_EXPECT_EQ(test, call.ret[1], -EINVAL);
		KUNIT_EXPECT_EQ(test, call.ret[2], -ENOENT);
		KUNIT_EXPECT_PTR_EQ(test, call.found, ERR_PTR(-ENOENT));
	} else if (call.ret[1] == -EBUSY) {
		KUNIT_EXPECT_EQ(test, call.ret[2], 1);
		KUNIT_EXPECT_PTR_EQ(test, call.found, (void *)&call);
	} else {
		KUNIT_EXPECT_EQ(test, call.ret[1], -EINVAL);
		KUNIT_EXPECT_EQ(test, call.ret[2], -ENOENT);
	}
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(call.id)));
	KUNIT_EXPECT_TRUE(test, eventually(returned(9)));
}

static void do_put(void *data)
{
	struct call *call = data;

	call->put[0] = ioasid_put(NULL, call->id);
	call->put[1] = ioasid_put(NULL, call->id);
}

/* B-082, B-101: the last holder cannot sleep either, and is told that it was the last. */
static void last_put_returns_number(struct kunit *test)
{
	struct call call = {};

	call.id = must_alloc(test, 9, 9, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, call.id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, call.id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, call.id), 1);
	run_in(context_of(test), do_put, &call);
	KUNIT_EXPECT_FALSE(test, call.put[0]);
	KUNIT_EXPECT_TRUE(test, call.put[1]);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(call.id)));
	KUNIT_EXPECT_TRUE(test, eventually(returned(9)));
}

static void do_free_then_put(void *data)
{
	struct call *call = data;

	call->ret[0] = ioasid_free(NULL, call->id);
	call->put[0] = ioasid_put(NULL, call->id);
}

/* B-080, B-101: owner and holder in one go. The holder was there first: the ID is pending. */
static void free_then_put_returns_number(struct kunit *test)
{
	struct call call = {};

	call.id = must_alloc(test, 9, 9, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, call.id), 0);
	run_in(context_of(test), do_free_then_put, &call);
	KUNIT_EXPECT_EQ(test, call.ret[0], 1);
	if (!context_of(test)->deferred)
		KUNIT_EXPECT_TRUE(test, call.put[0]);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(call.id)));
	KUNIT_EXPECT_TRUE(test, eventually(returned(9)));
}

static void do_last_named_put(void *data)
{
	struct call *call = data;

	call->put[0] = ioasid_put_named(NULL, call->id, "first");
	call->put[1] = ioasid_put_named(NULL, call->id, "second");
}

/* B-096, B-101: the names go too. */
static void last_named_put_returns_number(struct kunit *test)
{
	struct call call = {};

	call.id = must_alloc(test, 9, 9, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, call.id, "first"), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, call.id, "second"), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, call.id), 1);
	run_in(context_of(test), do_last_named_put, &call);
	KUNIT_EXPECT_FALSE(test, call.put[0]);
	KUNIT_EXPECT_TRUE(test, call.put[1]);
	KUNIT_EXPECT_TRUE(test, eventually(returned(9)));
}

static void do_free_many(void *data)
{
	struct call *call = data;
	ioasid_t id;

	/* Back and forth, so that the order of the frees is none of the numbers. */
	for (id = call->id; id < call->id + call->n; id += 2)
		ioasid_free(NULL, id);
	for (id = call->id + call->n - 1; id > call->id; id -= 2)
		ioasid_free(NULL, id);
	/* Twice each: those that wait must not be queued again. */
	for (id = call->id; id < call->id + call->n; id++)
		ioasid_free(NULL, id);
}

/* B-078, B-101, B-168: many at once, each one returns. */
static void many_frees_return_all_numbers(struct kunit *test)
{
	struct call call = { .id = 100, .n = MANY };
	ioasid_t id;

	for (id = call.id; id < call.id + MANY; id++)
		KUNIT_ASSERT_EQ(test, must_alloc(test, call.id, call.id + MANY - 1, NULL), id);
	run_in(context_of(test), do_free_many, &call);
	for (id = call.id; id < call.id + MANY; id++)
		KUNIT_EXPECT_TRUE(test, eventually(returned(id)));
	for (id = call.id; id < call.id + MANY; id++)
		KUNIT_EXPECT_EQ(test, must_alloc(test, call.id, call.id + MANY - 1, NULL), id);
	for (id = call.id; id < call.id + MANY; id++)
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

static void do_free_twice(void *data)
{
	struct call *call = data;
	ioasid_t id;

	for (id = call->id; id < call->id + call->n; id++) {
		ioasid_free(NULL, id);
		/* A client of the old interface does not know that there is another owner. */
		ioasid_compat_free(id);
		ioasid_free(NULL, id);
	}
}

/* B-078, B-079, B-101: freed and put through both interfaces; what is queued is queued once. */
static void id_freed_through_both_interfaces_returns(struct kunit *test)
{
	struct call call = { .id = 20, .n = 10 };
	ioasid_t id;

	for (id = call.id; id < call.id + call.n; id++)
		KUNIT_ASSERT_EQ(test, must_alloc(test, 20, 29, NULL), id);
	run_in(context_of(test), do_free_twice, &call);
	for (id = call.id; id < call.id + call.n; id++)
		KUNIT_EXPECT_TRUE_MSG(test, eventually(is_unknown(id)), "ID %u", id);
}

static void do_free_and_over_put(void *data)
{
	struct call *call = data;
	int i;

	call->ret[0] = ioasid_free(NULL, call->id);
	for (i = 0; i < ARRAY_SIZE(call->put); i++)
		call->put[i] = ioasid_compat_put(call->id);
}

/* B-073, B-083: the owner's reference is dropped once, by the free that may still be under way. */
static void over_put_of_freed_id_drops_nothing(struct kunit *test)
{
	struct call call = {};

	call.id = must_alloc(test, 9, 9, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, call.id), 0);
	run_in(context_of(test), do_free_and_over_put, &call);
	KUNIT_EXPECT_EQ(test, call.ret[0], 1);
	KUNIT_EXPECT_EQ(test, call.put[0], !context_of(test)->deferred);
	KUNIT_EXPECT_FALSE(test, call.put[1]);
	KUNIT_EXPECT_FALSE(test, call.put[2]);
	KUNIT_EXPECT_FALSE(test, call.put[3]);
	KUNIT_EXPECT_TRUE(test, eventually(returned(9)));
}

struct round {
	struct call call;
	unsigned int lost;
};

static void do_get_and_put(void *data)
{
	struct round *round = data;

	if (ioasid_get(NULL, round->call.id) || ioasid_put(NULL, round->call.id))
		round->lost++;
}

/* B-101, B-164: nothing piles up when it goes on and on; every round gets the number again. */
static void number_comes_back_again_and_again(struct kunit *test)
{
	struct round round = {};
	int i;

	for (i = 0; i < 50; i++) {
		KUNIT_ASSERT_TRUE(test, eventually(ioasid_alloc(NULL, 9, 9, NULL) == 9));
		round.call.id = 9;
		run_in(context_of(test), do_get_and_put, &round);
		run_in(context_of(test), do_free, &round.call);
	}
	KUNIT_EXPECT_EQ(test, round.lost, 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(9)));
}

static bool grant_if_atomic(void *data)
{
	return rcu_read_lock_held() || !IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC);
}

static void do_find(void *data)
{
	struct call *call = data;

	call->found = ioasid_find(NULL, call->id, grant_if_atomic);
}

/* B-167: a fault handler. */
static void find_with_getter_works(struct kunit *test)
{
	struct call call = {};

	call.id = must_alloc(test, 1, 9, &call);
	run_in(context_of(test), do_find, &call);
	KUNIT_EXPECT_PTR_EQ(test, call.found, (void *)&call);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, call.id), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(get_put_and_find_work, contexts_gen_params),
	KUNIT_CASE_PARAM(named_references_work, contexts_gen_params),
	KUNIT_CASE_PARAM(find_with_getter_works, contexts_gen_params),
	KUNIT_CASE_PARAM(free_returns_number, contexts_gen_params),
	KUNIT_CASE_PARAM(last_put_returns_number, contexts_gen_params),
	KUNIT_CASE_PARAM(free_then_put_returns_number, contexts_gen_params),
	KUNIT_CASE_PARAM(last_named_put_returns_number, contexts_gen_params),
	KUNIT_CASE_PARAM(many_frees_return_all_numbers, contexts_gen_params),
	KUNIT_CASE_PARAM(id_freed_through_both_interfaces_returns, contexts_gen_params),
	KUNIT_CASE_PARAM(over_put_of_freed_id_drops_nothing, contexts_gen_params),
	KUNIT_CASE_PARAM(number_comes_back_again_and_again, contexts_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_context",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests of the C interface in atomic context");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
