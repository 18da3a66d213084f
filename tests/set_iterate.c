// SPDX-License-Identifier: GPL-2.0
/* Every ID of a set: visited while others come and go, or freed all at once. */
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rcupdate.h>

#include "sets.h"
#include "threads.h"

/* What a visitor does, and what it has seen. */
struct visitor {
	struct ioasid_set *set;
	void (*act)(struct visitor *visitor, ioasid_t id);
	u8 seen[TEST_MAX + 1];
	unsigned int visits;
	unsigned int wrong;
	unsigned int acted;
};

static void visit(ioasid_t id, void *data)
{
	struct visitor *visitor = data;

	visitor->visits++;
	if (id > TEST_MAX || !id)
		visitor->wrong++;
	else
		visitor->seen[id]++;
	if (visitor->act)
		visitor->act(visitor, id);
}

static struct visitor *visitor_new(struct kunit *test, struct ioasid_set *set,
				   void (*act)(struct visitor *visitor, ioasid_t id))
{
	struct visitor *visitor = kunit_kzalloc(test, sizeof(*visitor), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, visitor);
	visitor->set = set;
	visitor->act = act;
	return visitor;
}

static void must_visit(struct kunit *test, struct visitor *visitor)
{
	memset(visitor->seen, 0, sizeof(visitor->seen));
	visitor->visits = 0;
	KUNIT_EXPECT_EQ(test, ioasid_set_for_each_ioasid(visitor->set, visit, visitor), 0);
	KUNIT_EXPECT_EQ(test, visitor->wrong, 0);
}

static unsigned int most_seen(struct visitor *visitor)
{
	unsigned int most = 0, i;

	for (i = 0; i <= TEST_MAX; i++)
		most = max_t(unsigned int, most, visitor->seen[i]);
	return most;
}

/* B-053: nothing to visit is no mistake. */
static void empty_set_is_iterated(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct visitor *visitor = visitor_new(test, set, NULL);

	must_visit(test, visitor);
	KUNIT_EXPECT_EQ(test, visitor->visits, 0);
	ioasid_free_all_in_set(set);
	KUNIT_EXPECT_EQ(test, ioasid_set_for_each_ioasid(set, NULL, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_set_for_each_ioasid(NULL, NULL, NULL), -EINVAL);
	expect_usage(test, set);
}

/* B-054, B-094: those that are pending too; nobody else's. */
static void all_ids_of_a_set_are_visited(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0), *other = must_set(test, 0);
	struct visitor *visitor = visitor_new(test, set, NULL);
	struct visitor *of_kernel = visitor_new(test, NULL, NULL);
	ioasid_t kernels = must_alloc(test, 1, TEST_MAX, NULL), ids[30];
	int i;

	for (i = 0; i < 30; i++) {
		must_alloc_in(test, other, NULL);
		ids[i] = must_alloc_in(test, set, NULL);
	}
	KUNIT_EXPECT_EQ(test, ioasid_get(set, ids[3]), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, ids[3]), 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, ids[4]), 0);
	must_visit(test, visitor);
	KUNIT_EXPECT_EQ(test, visitor->visits, 29);
	for (i = 0; i < 30; i++)
		KUNIT_EXPECT_EQ(test, visitor->seen[ids[i]], i != 4);
	must_visit(test, of_kernel);
	KUNIT_EXPECT_EQ(test, of_kernel->visits, 1);
	KUNIT_EXPECT_EQ(test, of_kernel->seen[kernels], 1);

	KUNIT_EXPECT_TRUE(test, ioasid_put(set, ids[3]));
	must_visit(test, visitor);
	KUNIT_EXPECT_EQ(test, visitor->visits, 28);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, kernels), 0);
	must_visit(test, of_kernel);
	KUNIT_EXPECT_EQ(test, of_kernel->visits, 0);
}

/* B-050, B-094: a set that dies is iterated as long as it has IDs. */
static void dying_set_is_iterated(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct visitor *visitor = visitor_new(test, set, NULL);
	ioasid_t held = must_alloc_in(test, set, NULL);

	must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, held), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_get(set), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	must_visit(test, visitor);
	KUNIT_EXPECT_EQ(test, visitor->visits, 1);
	KUNIT_EXPECT_EQ(test, visitor->seen[held], 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, held));
	must_visit(test, visitor);
	KUNIT_EXPECT_EQ(test, visitor->visits, 0);
	ioasid_set_put(set);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
}

/* The number is not for anybody else before the visitor has returned. */
static void free_visited(struct visitor *visitor, ioasid_t id)
{
	ioasid_t none;

	visitor->wrong += ioasid_free(visitor->set, id) < 0;
	visitor->wrong += ioasid_alloc_range(NULL, id, id, IOASID_ALLOC_LOWEST, NULL,
					     &none) != -ENOSPC;
	visitor->acted++;
}

/* B-054, B-093: the visitor may free the ID that it visits. */
static void visited_id_may_be_freed(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct visitor *visitor = visitor_new(test, set, free_visited);
	ioasid_t held;
	int i;

	for (i = 0; i < 30; i++)
		must_alloc_in(test, set, NULL);
	held = must_alloc_in(test, set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, held), 0);
	must_visit(test, visitor);
	KUNIT_EXPECT_EQ(test, visitor->visits, 31);
	expect_usage(test, set, .use = 1, .peak = 31);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, held));
	expect_usage(test, set, .peak = 31);
}

static void free_neighbours(struct visitor *visitor, ioasid_t id)
{
	ioasid_free(visitor->set, id + 1);
	if (id > 1)
		ioasid_free(visitor->set, id - 1);
	ioasid_free(visitor->set, id + 7);
}

static void free_all(struct visitor *visitor, ioasid_t id)
{
	ioasid_free_all_in_set(visitor->set);
}

static void free_set(struct visitor *visitor, ioasid_t id)
{
	/* The one that is visited is left. */
	if (!visitor->acted++)
		visitor->wrong += ioasid_set_free(visitor->set) != 1;
}

/* B-054: and any other one, and all. */
static void others_may_be_freed_by_visitor(struct kunit *test)
{
	static void (* const acts[])(struct visitor *visitor, ioasid_t id) = {
		free_neighbours, free_all, free_set,
	};
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		struct ioasid_set *set = must_set(test, 0);
		struct visitor *visitor = visitor_new(test, set, acts[i]);

		for (j = 0; j < 50; j++)
			must_alloc_in(test, set, NULL);
		must_visit(test, visitor);
		KUNIT_EXPECT_GE(test, visitor->visits, 1);
		KUNIT_EXPECT_LE(test, visitor->visits, 50);
		KUNIT_EXPECT_EQ(test, most_seen(visitor), 1);
		if (acts[i] == free_all)
			expect_usage(test, set, .peak = 50);
		KUNIT_EXPECT_EQ(test, ioasid_set_free(set), acts[i] == free_set ? -EINVAL : 0);
		KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));
	}
}

static void alloc_more(struct visitor *visitor, ioasid_t id)
{
	if (visitor->acted < 50 &&
	    ioasid_alloc(visitor->set, 1, TEST_MAX, NULL) != INVALID_IOASID)
		visitor->acted++;
}

/* B-054: new ones are visited or not, the old ones once in any case. */
static void ids_may_be_allocated_by_visitor(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct visitor *visitor = visitor_new(test, set, alloc_more);
	ioasid_t ids[10];
	int i;

	for (i = 0; i < 10; i++)
		ids[i] = must_alloc_in(test, set, NULL);
	must_visit(test, visitor);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, visitor->seen[ids[i]], 1);
	KUNIT_EXPECT_EQ(test, most_seen(visitor), 1);
	expect_usage(test, set, .use = 10 + visitor->acted, .peak = 10 + visitor->acted);
}

static struct visitor *inner;

static void iterate_again(struct visitor *visitor, ioasid_t id)
{
	visitor->wrong += !!ioasid_set_for_each_ioasid(inner->set, visit, inner);
}

/* B-054, B-157: iteration inside iteration, of the same set and of another one. */
static void iterations_nest(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0), *other = must_set(test, 0);
	struct visitor *visitor = visitor_new(test, set, iterate_again);
	int i;

	for (i = 0; i < 10; i++) {
		must_alloc_in(test, set, NULL);
		must_alloc_in(test, other, NULL);
	}
	inner = visitor_new(test, set, NULL);
	must_visit(test, visitor);
	KUNIT_EXPECT_EQ(test, visitor->visits, 10);
	KUNIT_EXPECT_EQ(test, inner->visits, 100);
	inner = visitor_new(test, other, NULL);
	must_visit(test, visitor);
	KUNIT_EXPECT_EQ(test, visitor->visits, 10);
	KUNIT_EXPECT_EQ(test, inner->visits, 100);
	KUNIT_EXPECT_EQ(test, most_seen(inner), 10);
}

static void note_context(struct visitor *visitor, ioasid_t id)
{
	visitor->wrong += !in_task() || irqs_disabled() || preempt_count();
	if (IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC))
		visitor->wrong += rcu_read_lock_held();
	visitor->acted += lockdep_depth(current);
	msleep(20);
}

/* B-054, B-157, B-160: no lock is held, so a visitor may do what its caller may. */
static void visitor_holds_no_lock(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct visitor *visitor = visitor_new(test, set, note_context);
	unsigned int depth = lockdep_depth(current);
	int i;

	for (i = 0; i < 3; i++)
		must_alloc_in(test, set, NULL);
	must_visit(test, visitor);
	KUNIT_EXPECT_EQ(test, visitor->visits, 3);
	KUNIT_EXPECT_EQ(test, visitor->acted, 3 * depth);
}

/* B-092, B-093, B-094, B-222: as if each had been freed alone; the set stays. */
static void all_ids_of_a_set_are_freed(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 40), *other = must_set(test, 40);
	struct visitor *visitor = visitor_new(test, set, NULL);
	ioasid_t kernels = must_alloc(test, 1, TEST_MAX, NULL), ids[30];
	int i;

	for (i = 0; i < 30; i++) {
		ids[i] = must_alloc_in(test, set, NULL);
		must_alloc_in(test, other, NULL);
		if (i % 3 == 1)
			KUNIT_EXPECT_EQ(test, ioasid_get(set, ids[i]), 0);
	}
	ioasid_free_all_in_set(set);
	for (i = 0; i < 30; i++)
		KUNIT_EXPECT_EQ(test, ioasid_get(set, ids[i]), i % 3 == 1 ? -EBUSY : -EINVAL);
	expect_usage(test, set, .quota = 40, .use = 10, .peak = 30);
	must_visit(test, visitor);
	KUNIT_EXPECT_EQ(test, visitor->visits, 10);
	ioasid_free_all_in_set(set);
	expect_usage(test, set, .quota = 40, .use = 10, .peak = 30);
	must_alloc_in(test, set, NULL);
	for (i = 1; i < 30; i += 3)
		KUNIT_EXPECT_TRUE(test, ioasid_put(set, ids[i]));
	expect_usage(test, set, .quota = 40, .use = 1, .peak = 30);
	expect_usage(test, other, .quota = 40, .use = 30, .peak = 30);

	/* The kernel's own have many owners: nobody frees them for others. */
	ioasid_free_all_in_set(NULL);
	expect_usage(test, set, .quota = 40, .use = 1, .peak = 30);
	expect_usage(test, other, .quota = 40, .use = 30, .peak = 30);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, kernels), 0);
}

#define STEADY 10
#define THREADS 2

struct traffic {
	struct ioasid_set *set;
	ioasid_t steady[STEADY];
	bool stop;
	u32 seed;
	struct visitor *visitors[THREADS];
	atomic_t passes;
	atomic_t next;
	unsigned int changes;
};

static void visit_in_traffic(void *data)
{
	struct traffic *traffic = data;
	struct visitor *visitor = traffic->visitors[atomic_inc_return(&traffic->next) - 1];
	int i;

	while (!READ_ONCE(traffic->stop)) {
		memset(visitor->seen, 0, sizeof(visitor->seen));
		visitor->wrong += !!ioasid_set_for_each_ioasid(traffic->set, visit, visitor);
		for (i = 0; i < STEADY; i++)
			visitor->wrong += visitor->seen[traffic->steady[i]] != 1;
		atomic_inc(&traffic->passes);
		cond_resched();
	}
}

/* Half of the time an ID comes, half of the time one goes. */
static void make_traffic(void *data)
{
	struct traffic *traffic = data;
	struct rnd_state rnd;
	ioasid_t ids[100];
	unsigned int n = 0, at;

	prandom_seed_state(&rnd, traffic->seed);
	while (!READ_ONCE(traffic->stop)) {
		at = prandom_u32_state(&rnd) % 100;
		if (at >= n) {
			ids[n++] = ioasid_alloc(traffic->set, 1, 200, NULL);
		} else {
			ioasid_free(traffic->set, ids[at]);
			ids[at] = ids[--n];
		}
		traffic->changes++;
		cond_resched();
	}
	while (n)
		ioasid_free(traffic->set, ids[--n]);
}

/* B-054, B-093: what is there all the time is seen once in every pass, whatever happens around. */
static void iteration_stands_traffic(struct kunit *test)
{
	struct traffic *traffic = kunit_kzalloc(test, sizeof(*traffic), GFP_KERNEL);
	struct helper *helpers[THREADS + 1];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, traffic);
	traffic->set = must_set(test, 0);
	traffic->seed = get_random_u32();
	kunit_info(test, "seed=%u\n", traffic->seed);
	for (i = 0; i < STEADY; i++)
		KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(traffic->set, i * 20 + 1, i * 20 + 20,
							    IOASID_ALLOC_LOWEST, NULL,
							    &traffic->steady[i]));
	for (i = 0; i < THREADS; i++)
		traffic->visitors[i] = visitor_new(test, traffic->set, NULL);
	for (i = 0; i < THREADS; i++)
		helpers[i] = helper_start(test, visit_in_traffic, traffic);
	helpers[i] = helper_start(test, make_traffic, traffic);
	/* A busy host may leave it little of the first two seconds. */
	for (i = 0; i < 600 && (i < 20 || READ_ONCE(traffic->changes) <= 100); i++)
		msleep(100);
	WRITE_ONCE(traffic->stop, true);
	for (i = 0; i <= THREADS; i++)
		helper_join(test, helpers[i]);
	kunit_info(test, "%d passes, %u changes\n", atomic_read(&traffic->passes),
		   traffic->changes);
	for (i = 0; i < THREADS; i++)
		KUNIT_EXPECT_EQ(test, traffic->visitors[i]->wrong, 0);
	KUNIT_EXPECT_GT(test, atomic_read(&traffic->passes), 10);
	KUNIT_EXPECT_GT(test, traffic->changes, 100);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(traffic->set), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(empty_set_is_iterated),
	KUNIT_CASE(all_ids_of_a_set_are_visited),
	KUNIT_CASE(dying_set_is_iterated),
	KUNIT_CASE(visited_id_may_be_freed),
	KUNIT_CASE(others_may_be_freed_by_visitor),
	KUNIT_CASE(ids_may_be_allocated_by_visitor),
	KUNIT_CASE(iterations_nest),
	KUNIT_CASE(visitor_holds_no_lock),
	KUNIT_CASE(all_ids_of_a_set_are_freed),
	KUNIT_CASE_SLOW(iteration_stands_traffic),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_iterate",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
