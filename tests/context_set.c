// SPDX-License-Identifier: GPL-2.0
/* Sets, SPIDs and data from callers that cannot sleep. */
#include "sets.h"
#include "soft_contexts.h"

struct call {
	struct ioasid_set *set;
	struct ioasid_set *stale;
	struct mm_struct *mm;
	ioasid_t id;
	ioasid_t bare;
	int ret[8];
	ioasid_t ids[4];
	bool active[2];
	struct ioasid_set *found[3];
	struct ioasid_set_usage usage;
	int visits;
};

static void do_references(void *data)
{
	struct call *call = data;

	call->ret[0] = ioasid_set_get(call->set);
	call->ret[1] = ioasid_set_get(call->set);
	ioasid_set_put(call->set);
	call->ret[2] = ioasid_set_get(call->stale);
	/* Reported here as well. */
	ioasid_set_put(call->stale);
	ioasid_set_put(NULL);
	ioasid_set_put(call->set);
	call->found[0] = ioasid_find_set(call->id);
	call->found[1] = ioasid_find_set(TEST_MAX);
	if (!IS_ERR_OR_NULL(call->found[0]))
		ioasid_set_put(call->found[0]);
}

/* B-042, B-047, B-157: references to sets come and go everywhere. */
static void set_references_work(struct kunit *test)
{
	struct call call = { .set = must_set(test, 0), .stale = must_set(test, 0) };

	call.id = must_alloc_in(test, call.set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(call.stale), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(call.stale)));
	run_in(context_of(test), do_references, &call);
	KUNIT_EXPECT_EQ(test, call.ret[0], 0);
	KUNIT_EXPECT_EQ(test, call.ret[1], 0);
	KUNIT_EXPECT_EQ(test, call.ret[2], -EINVAL);
	KUNIT_EXPECT_PTR_EQ(test, call.found[0], call.set);
	KUNIT_EXPECT_PTR_EQ(test, call.found[1], ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, ioasid_set_free(call.set), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(call.set)));
}

static void do_questions(void *data)
{
	struct call *call = data;

	call->ids[0] = ioasid_find_by_spid(call->set, 5, false);
	call->ids[1] = ioasid_find_by_spid(call->set, 5, true);
	call->ids[2] = ioasid_find_by_spid(call->set, 6, true);
	call->ids[3] = ioasid_find_spid(call->id);
	call->active[0] = ioasid_is_active(call->id);
	call->active[1] = ioasid_is_active(call->bare);
	call->ret[0] = ioasid_get_if_owned_by(call->id, call->mm);
	call->ret[1] = ioasid_get_if_owned_by(call->id, NULL);
	call->ret[2] = ioasid_set_query(call->set, &call->usage);
	call->ret[3] = ioasid_set_policy(call->set, IOASID_ALLOC_TOP_DOWN);
	call->ret[4] = ioasid_attach_data(call->bare, call);
	call->ret[5] = ioasid_attach_data(call->bare, call);
}

/* B-109, B-110, B-113, B-157: what takes no lock; a fault handler asks it. */
static void lookups_and_data_work(struct kunit *test)
{
	struct call call = { .mm = must_mm(test) };

	call.set = must_set_of(test, call.mm, 3);
	call.id = must_alloc_in(test, call.set, NULL);
	call.bare = must_alloc_in(test, call.set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(call.id, 5), 0);
	run_in(context_of(test), do_questions, &call);
	KUNIT_EXPECT_EQ(test, call.ids[0], call.id);
	KUNIT_EXPECT_EQ(test, call.ids[1], call.id);
	KUNIT_EXPECT_EQ(test, call.ids[2], INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, call.ids[3], 5);
	KUNIT_EXPECT_TRUE(test, call.active[0]);
	KUNIT_EXPECT_FALSE(test, call.active[1]);
	KUNIT_EXPECT_EQ(test, call.ret[0], 0);
	KUNIT_EXPECT_EQ(test, call.ret[1], -EPERM);
	KUNIT_EXPECT_EQ(test, call.ret[2], 0);
	KUNIT_EXPECT_EQ(test, call.usage.quota, 3);
	KUNIT_EXPECT_EQ(test, call.usage.use, 2);
	KUNIT_EXPECT_EQ(test, call.usage.spids, 1);
	KUNIT_EXPECT_EQ(test, call.ret[3], 0);
	KUNIT_EXPECT_EQ(test, call.ret[4], 0);
	KUNIT_EXPECT_EQ(test, call.ret[5], -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(call.set, call.bare, NULL), (void *)&call);
	KUNIT_EXPECT_EQ(test, ioasid_detach_data(call.bare), 0);
	/* The policy has arrived. */
	KUNIT_EXPECT_EQ(test, ioasid_alloc(call.set, 1, 99, NULL), 99);
	/* Two references were taken. */
	KUNIT_EXPECT_EQ(test, ioasid_free(call.set, call.id), 1);
	KUNIT_EXPECT_FALSE(test, ioasid_put(call.set, call.id));
	KUNIT_EXPECT_TRUE(test, ioasid_put(call.set, call.id));
}

static void do_last_set_put(void *data)
{
	struct call *call = data;

	ioasid_set_put(call->set);
}

/* B-046, B-101: the creator's last put, from wherever; IDs and quota come back soon. */
static void last_set_put_frees_the_set(struct kunit *test)
{
	struct call call = { .mm = must_mm(test) };

	call.set = must_set_of(test, call.mm, 20);
	call.id = must_alloc_in(test, call.set, NULL);
	call.bare = must_alloc_in(test, call.set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, call.bare), 0);
	run_in(context_of(test), do_last_set_put, &call);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(call.id)));
	KUNIT_EXPECT_TRUE(test, eventually(ioasid_get(NULL, call.bare) == -EBUSY ||
					   ioasid_put(NULL, call.bare)));
	KUNIT_EXPECT_TRUE(test, put_reclaims(call.bare));
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(call.set)));
	KUNIT_EXPECT_TRUE(test, eventually(capacity_left() == capacity_in_all()));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_mm_set(call.mm), ERR_PTR(-ENOENT));
}

static void do_found_set_put(void *data)
{
	struct call *call = data;

	/* The last ID, and then the last reference to the set that it kept. */
	call->active[0] = ioasid_put(call->set, call->id);
	ioasid_set_put(call->set);
}

/* B-050, B-057, B-101: a set that dies ends with its last holder, who cannot sleep. */
static void last_holder_ends_dying_set(struct kunit *test)
{
	struct call call = { .mm = must_mm(test) };
	int count = atomic_read(&call.mm->mm_count);

	call.set = must_set_of(test, call.mm, 20);
	call.id = must_alloc_in(test, call.set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(call.set, call.id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_get(call.set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(call.set), 1);
	run_in(context_of(test), do_found_set_put, &call);
	KUNIT_EXPECT_TRUE(test, call.active[0]);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(call.set)));
	KUNIT_EXPECT_TRUE(test, eventually(capacity_left() == capacity_in_all()));
	/* mmdrop() is nothing for these contexts either. */
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&call.mm->mm_count) == count));
}

static void do_free_in_set(void *data)
{
	struct call *call = data;

	call->ret[0] = ioasid_free(call->set, call->id);
	call->ret[1] = ioasid_free(call->set, call->bare);
	call->active[0] = ioasid_put(call->set, call->bare);
}

static ioasid_t alloc_when_there_is_one(struct ioasid_set *set)
{
	ioasid_t id;

	eventually((id = ioasid_alloc(set, 1, TEST_MAX, NULL)) != INVALID_IOASID);
	return id;
}

/* B-062, B-101: until the number is back it counts; then it is there for the set again. */
static void deferred_ids_return_to_quota(struct kunit *test)
{
	struct call call = { .set = must_set(test, 2) };
	int i;

	for (i = 0; i < 10; i++) {
		call.id = alloc_when_there_is_one(call.set);
		call.bare = alloc_when_there_is_one(call.set);
		KUNIT_ASSERT_EQ(test, ioasid_attach_spid(call.bare, 7), 0);
		KUNIT_EXPECT_EQ(test, ioasid_get(call.set, call.bare), 0);
		run_in(context_of(test), do_free_in_set, &call);
		KUNIT_EXPECT_GE(test, call.ret[0], 0);
		KUNIT_EXPECT_EQ(test, call.ret[1], 1);
	}
	KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(call.set, 10000), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_query(call.set, &call.usage), 0);
	KUNIT_EXPECT_EQ(test, call.usage.use, 0);
	KUNIT_EXPECT_EQ(test, call.usage.peak, 2);
	KUNIT_EXPECT_EQ(test, call.usage.spids, 0);
}

static void do_changes(void *data)
{
	struct call *call = data;

	call->ret[0] = ioasid_attach_spid(call->id, 5);
	call->ret[1] = ioasid_attach_spid(call->bare, 5);
	call->ret[2] = ioasid_detach_spid(call->id);
	call->ret[3] = ioasid_attach_spid(call->bare, 5);
	call->ret[4] = ioasid_adjust_set(call->set, 7);
	call->ret[5] = ioasid_reserve_capacity(10);
	call->ret[6] = ioasid_cancel_capacity(10);
	call->found[0] = ioasid_find_mm_set(call->mm);
	call->ret[7] = ioasid_set_for_each_ioasid(call->set, count_visit, &call->visits);
}

/* B-060, B-101, B-102, B-109: what takes a lock, up to softirq. */
static void changes_work_up_to_softirq(struct kunit *test)
{
	struct call call = { .mm = must_mm(test) };

	call.set = must_set_of(test, call.mm, 3);
	call.id = must_alloc_in(test, call.set, NULL);
	call.bare = must_alloc_in(test, call.set, NULL);
	run_in(context_of(test), do_changes, &call);
	KUNIT_EXPECT_EQ(test, call.ret[0], 0);
	KUNIT_EXPECT_EQ(test, call.ret[1], -EEXIST);
	KUNIT_EXPECT_EQ(test, call.ret[2], 0);
	KUNIT_EXPECT_EQ(test, call.ret[3], 0);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(call.set, 5, false), call.bare);
	KUNIT_EXPECT_EQ(test, call.ret[4], 0);
	expect_usage(test, call.set, .quota = 7, .use = 2, .peak = 2, .spids = 1);
	KUNIT_EXPECT_EQ(test, call.ret[5], 10);
	KUNIT_EXPECT_EQ(test, call.ret[6], capacity_in_all() - 7);
	KUNIT_EXPECT_PTR_EQ(test, call.found[0], call.set);
	ioasid_set_put(call.set);
	KUNIT_EXPECT_EQ(test, call.ret[7], 0);
	KUNIT_EXPECT_EQ(test, call.visits, 2);
}

static void free_visited(ioasid_t id, void *data)
{
	struct call *call = data;

	call->visits++;
	ioasid_free(call->set, id);
}

static void do_free_all(void *data)
{
	struct call *call = data;

	if (call->active[0])
		call->ret[0] = ioasid_set_for_each_ioasid(call->set, free_visited, call);
	else
		ioasid_free_all_in_set(call->set);
}

/* B-054, B-093, B-101: a whole set, by a visitor and in one call. */
static void all_ids_are_freed_up_to_softirq(struct kunit *test)
{
	struct call call = { .set = must_set(test, 30) };
	ioasid_t held = INVALID_IOASID;
	int i, turn;

	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < 30; i++)
			held = must_alloc_in(test, call.set, NULL);
		KUNIT_EXPECT_EQ(test, ioasid_get(NULL, held), 0);
		call.active[0] = turn;
		run_in(context_of(test), do_free_all, &call);
		KUNIT_EXPECT_EQ(test, ioasid_get(NULL, held), -EBUSY);
		KUNIT_EXPECT_TRUE(test, eventually(!ioasid_set_query(call.set, &call.usage) &&
						   call.usage.use == 1));
		KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, held));
		KUNIT_EXPECT_EQ(test, ioasid_set_wait_reclaimed(call.set, 10000), 0);
	}
	KUNIT_EXPECT_EQ(test, call.ret[0], 0);
	KUNIT_EXPECT_EQ(test, call.visits, 30);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(set_references_work, contexts_gen_params),
	KUNIT_CASE_PARAM(lookups_and_data_work, contexts_gen_params),
	KUNIT_CASE_PARAM(last_set_put_frees_the_set, contexts_gen_params),
	KUNIT_CASE_PARAM(last_holder_ends_dying_set, contexts_gen_params),
	KUNIT_CASE_PARAM(deferred_ids_return_to_quota, contexts_gen_params),
	KUNIT_CASE_PARAM(changes_work_up_to_softirq, soft_contexts_gen_params),
	KUNIT_CASE_PARAM(all_ids_are_freed_up_to_softirq, soft_contexts_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_context_set",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
