// SPDX-License-Identifier: GPL-2.0
/* Which allocator is asked: precedence, queue, allocators that share a number space. */
#include "fake.h"

FAKE_KIND(a)
FAKE_KIND(b)
FAKE_KIND(c)

/* Who names the next number? Each has numbers of its own to tell by. */
static ioasid_t next_number(struct kunit *test)
{
	int out = atomic_read(&fakes_have_out);
	ioasid_t id = must_alloc(test, 1, TEST_MAX, NULL);

	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	/* It goes back from a work item. */
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&fakes_have_out) == out));
	return id;
}

/* B-001, B-003, B-013: it is asked instead of the default one, with the range and its data. */
static void custom_allocator_has_precedence(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	ioasid_t id;

	a->first = 300;
	fake_plug(test, a);
	KUNIT_EXPECT_EQ(test, a->allocs, 0);
	id = must_alloc(test, 7, 500, a);
	KUNIT_EXPECT_EQ(test, id, 300);
	KUNIT_EXPECT_EQ(test, a->allocs, 1);
	KUNIT_EXPECT_EQ(test, a->min, 7);
	KUNIT_EXPECT_EQ(test, a->max, 500);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), (void *)a);
	KUNIT_EXPECT_EQ(test, a->frees, 0);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
	KUNIT_EXPECT_EQ(test, a->frees, 1);
	KUNIT_EXPECT_EQ(test, a->last_freed, 300);

	fake_unplug(test, a);
	KUNIT_EXPECT_EQ(test, next_number(test), 1);
	KUNIT_EXPECT_EQ(test, a->allocs, 1);
}

/* B-034: the callback sees valid ranges only. */
static void callback_gets_valid_ranges_only(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	ioasid_t capacity = ioasid_get_capacity();
	ioasid_t id;

	fake_plug(test, a);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, 2, 1, NULL), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, 0, 0, NULL), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, 1, capacity, NULL), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, 1, INVALID_IOASID, NULL), INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, -EINVAL, ioasid_alloc_range(NULL, 1, 9, 77, NULL, &id));
	KUNIT_EXPECT_EQ(test, -EINVAL, ioasid_alloc_range(NULL, 1, 9, IOASID_ALLOC_LOWEST, NULL,
							  NULL));
	KUNIT_EXPECT_EQ(test, a->allocs, 0);

	id = must_alloc(test, 0, capacity - 1, NULL);
	KUNIT_EXPECT_EQ(test, a->min, 1);
	KUNIT_EXPECT_EQ(test, a->max, capacity - 1);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	fake_unplug(test, a);
	KUNIT_EXPECT_TRUE(test, fake_has_all_back(a));
}

/* Three that wait for each other, and can be told apart by the first number that each one names. */
static void queue(struct kunit *test, struct fake *a, struct fake *b, struct fake *c)
{
	a->first = 100;
	b->first = 200;
	c->first = 300;
	fake_plug(test, a);
	fake_plug(test, b);
	fake_plug(test, c);
}

/* B-002, B-013: first come, first asked; the others in their order; the default one in the end. */
static void allocators_take_over_in_order(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	struct fake *b = fake_new(test, b);
	struct fake *c = fake_new(test, c);

	queue(test, a, b, c);
	KUNIT_EXPECT_EQ(test, next_number(test), 100);
	fake_unplug(test, a);
	KUNIT_EXPECT_EQ(test, next_number(test), 200);
	/* Who was there before queues again. */
	fake_plug(test, a);
	KUNIT_EXPECT_EQ(test, next_number(test), 200);
	fake_unplug(test, b);
	KUNIT_EXPECT_EQ(test, next_number(test), 300);
	fake_unplug(test, c);
	KUNIT_EXPECT_EQ(test, next_number(test), 100);
	fake_unplug(test, a);
	KUNIT_EXPECT_EQ(test, next_number(test), 1);
	KUNIT_EXPECT_EQ(test, a->allocs, 2);
	KUNIT_EXPECT_EQ(test, b->allocs, 2);
	KUNIT_EXPECT_EQ(test, c->allocs, 1);
}

/* B-002, B-005: one that waits in the queue may leave it. */
static void waiting_allocator_may_leave(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	struct fake *b = fake_new(test, b);
	struct fake *c = fake_new(test, c);
	ioasid_t id;

	queue(test, a, b, c);
	id = must_alloc(test, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, id, 100);
	fake_unplug(test, b);
	KUNIT_EXPECT_EQ(test, next_number(test), 101);
	fake_unplug(test, c);
	KUNIT_EXPECT_EQ(test, next_number(test), 101);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	fake_unplug(test, a);
	KUNIT_EXPECT_TRUE(test, fake_has_all_back(a));
	KUNIT_EXPECT_EQ(test, b->allocs + c->allocs, 0);
	KUNIT_EXPECT_EQ(test, b->frees + c->frees, 0);
}

/*
 * B-003, B-015, B-019, B-023, B-026: equal callbacks share one number space. IDs survive the member
 * that named them, and from then on the next member's data is used, for frees too.
 */
static void shared_space_survives_its_member(struct kunit *test)
{
	struct fake *first = fake_new(test, a);
	struct fake *second = fake_new(test, a);
	struct fake *other = fake_new(test, b);
	ioasid_t ids[3];

	fake_plug(test, first);
	fake_plug(test, other);
	fake_plug(test, second);
	other->first = 500;
	ids[0] = must_alloc(test, 1, TEST_MAX, NULL);
	ids[1] = must_alloc(test, 1, TEST_MAX, first);
	KUNIT_EXPECT_EQ(test, first->allocs, 2);
	KUNIT_EXPECT_EQ(test, second->allocs, 0);

	/* One back end: the second member knows what the first one named. */
	bitmap_copy(second->named, first->named, TEST_MAX + 1);
	fake_unplug(test, first);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, ids[1], NULL), (void *)first);
	ids[2] = must_alloc(test, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, ids[2], 3);
	KUNIT_EXPECT_EQ(test, second->allocs, 1);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, ids[0]), 0);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, ids[1]), 0);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, ids[2]), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(second)));
	KUNIT_EXPECT_EQ(test, second->frees, 3);
	KUNIT_EXPECT_EQ(test, first->frees, 0);
	KUNIT_EXPECT_EQ(test, other->allocs, 0);

	/* The group is gone with its last member, not before. */
	fake_unplug(test, second);
	KUNIT_EXPECT_EQ(test, next_number(test), 500);
}

/* B-015, B-019: members that are not asked come and go unnoticed. */
static void second_member_leaves_unnoticed(struct kunit *test)
{
	struct fake *first = fake_new(test, a);
	struct fake *second = fake_new(test, a);
	struct fake *third = fake_new(test, a);
	ioasid_t id;

	fake_plug(test, first);
	fake_plug(test, second);
	fake_plug(test, third);
	id = must_alloc(test, 1, TEST_MAX, NULL);
	fake_unplug(test, second);
	KUNIT_EXPECT_EQ(test, next_number(test), 2);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(first)));
	fake_unplug(test, first);
	KUNIT_EXPECT_EQ(test, next_number(test), 1);
	KUNIT_EXPECT_EQ(test, second->allocs, 0);
	KUNIT_EXPECT_EQ(test, third->allocs, 1);
	fake_unplug(test, third);
	KUNIT_EXPECT_EQ(test, third->frees, 1);
}

/* B-020: half a match is no match. */
static void one_equal_callback_shares_nothing(struct kunit *test)
{
	struct fake *first = fake_new(test, a);
	struct fake *half = fake_make(test, a_alloc, b_free);
	ioasid_t id;

	fake_plug(test, first);
	fake_plug(test, half);
	id = must_alloc(test, 1, TEST_MAX, NULL);
	fake_unplug(test, first);
	/* It was the last one of its space: its ID is parked, and nobody's callback is called. */
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(id)));
	fake_unplug(test, half);
	KUNIT_EXPECT_EQ(test, first->frees, 0);
	KUNIT_EXPECT_EQ(test, half->frees, 0);
}

/* B-017, B-018: for every member, in the group that is asked and in one that waits. */
static void registered_twice_is_refused(struct kunit *test)
{
	struct fake *first = fake_new(test, a);
	struct fake *second = fake_new(test, a);
	struct fake *waiting = fake_new(test, b);
	struct fake *last = fake_new(test, b);
	struct fake *all[] = { first, second, waiting, last };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		fake_plug(test, all[i]);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&all[i]->ops), -EEXIST);

	/* One registration each is there to be undone. */
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		KUNIT_EXPECT_EQ(test, next_number(test), 1);
		KUNIT_EXPECT_EQ(test, all[i]->allocs, 1);
		/* Or it would go back to the other member. */
		KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(all[i])));
		fake_unplug(test, all[i]);
	}
	KUNIT_EXPECT_EQ(test, next_number(test), 1);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		KUNIT_EXPECT_EQ(test, all[i]->allocs, 1);
}

/* B-025: nothing to call. */
static void incomplete_ops_are_refused(struct kunit *test)
{
	struct fake *a = fake_new(test, a);

	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(NULL), -EINVAL);
	a->ops.free = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&a->ops), -EINVAL);
	a->ops.free = a_free;
	a->ops.alloc = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&a->ops), -EINVAL);
	a->ops.free = NULL;
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&a->ops), -EINVAL);
	KUNIT_EXPECT_EQ(test, next_number(test), 1);
}

static unsigned int null_calls;

static ioasid_t null_alloc(ioasid_t min, ioasid_t max, void *data)
{
	null_calls += !data;
	return min;
}

static void null_free(ioasid_t id, void *data)
{
	null_calls += !data;
}

/* B-003: an allocator may do without data. */
static void null_pdata_is_handed_on(struct kunit *test)
{
	static struct ioasid_allocator_ops ops = { .alloc = null_alloc, .free = null_free };
	ioasid_t id;

	null_calls = 0;
	KUNIT_ASSERT_EQ(test, ioasid_register_allocator(&ops), 0);
	id = ioasid_alloc(NULL, 70, 80, &ops);
	KUNIT_EXPECT_EQ(test, id, 70);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	ioasid_unregister_allocator(&ops);
	KUNIT_EXPECT_EQ(test, null_calls, 2);
}

/* B-016, B-018, B-025: not while the default allocator has IDs; then with the same ops. */
static void default_ids_block_registration(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&a->ops), -EAGAIN);
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&a->ops), -EAGAIN);
	KUNIT_EXPECT_EQ(test, next_number(test), 2);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	/* Freed is not reclaimed. */
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&a->ops), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));

	fake_plug(test, a);
	KUNIT_EXPECT_EQ(test, next_number(test), 1);
	KUNIT_EXPECT_EQ(test, a->allocs, 1);
}

/* B-022: the members are read once; the ops may even be reused for something else. */
static void members_are_read_at_registration_only(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	ioasid_t id;

	fake_plug(test, a);
	a->ops.alloc = NULL;
	a->ops.free = NULL;
	a->ops.pdata = LIST_POISON1;
	id = must_alloc(test, 1, TEST_MAX, NULL);
	KUNIT_EXPECT_EQ(test, a->allocs, 1);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	fake_unplug(test, a);
	KUNIT_EXPECT_TRUE(test, fake_has_all_back(a));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(custom_allocator_has_precedence),
	KUNIT_CASE(callback_gets_valid_ranges_only),
	KUNIT_CASE(allocators_take_over_in_order),
	KUNIT_CASE(waiting_allocator_may_leave),
	KUNIT_CASE(shared_space_survives_its_member),
	KUNIT_CASE(second_member_leaves_unnoticed),
	KUNIT_CASE(one_equal_callback_shares_nothing),
	KUNIT_CASE(registered_twice_is_refused),
	KUNIT_CASE(incomplete_ops_are_refused),
	KUNIT_CASE(null_pdata_is_handed_on),
	KUNIT_CASE(default_ids_block_registration),
	KUNIT_CASE(members_are_read_at_registration_only),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_custom_order",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests of custom allocators through the C interface");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
