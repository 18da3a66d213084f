// SPDX-License-Identifier: GPL-2.0
/* No memory: IDs and allocators. */
#include <linux/ioasid_compat.h>

#include "fake.h"
#include "oom.h"

FAKE_KIND(a)
FAKE_KIND(b)

/* B-007, B-086, B-158: a failed allocation leaves nothing, wherever in the index it failed. */
static void alloc_without_memory_is_enomem(struct kunit *test)
{
	static const char * const names[] = { "lowest", "cyclic", "top-down" };
	struct fake *taker = fake_new(test, a);
	ioasid_t min = 0x12345, max = 0x12348;
	int policy, err;
	ioasid_t id;

	need_injection(test);
	for (policy = IOASID_ALLOC_LOWEST; policy <= IOASID_ALLOC_TOP_DOWN; policy++) {
		struct sweep sweep = { .test = test, .what = names[policy] };

		/* Far from all others, so that every level of the index has to be made. */
		min += 0x10000;
		max += 0x10000;
		while (sweep_next(&sweep)) {
			id = 5;
			err = ioasid_alloc_range(NULL, min, max, policy, test, &id);
			sweep_done(&sweep, err);
			if (err) {
				ioasid_t n;

				KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
				for (n = min; n <= max; n++)
					KUNIT_EXPECT_TRUE(test, is_unknown(n));
				/* Nor does the index take itself for used. */
				fake_plug(test, taker);
				fake_unplug(test, taker);
				continue;
			}
			KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), (void *)test);
			if (policy != IOASID_ALLOC_CYCLIC)
				KUNIT_EXPECT_EQ(test, id, policy ? max : min);
			KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
		}
		KUNIT_EXPECT_GT(test, sweep.refused, 0);
	}
}

/* B-007: the short form fails as well. */
static void short_alloc_without_memory_is_invalid(struct kunit *test)
{
	ioasid_t id;

	need_injection(test);
	fail_from(1);
	id = ioasid_alloc(NULL, 1, 9, NULL);
	fail_end();
	KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
}

/* B-096: without memory the reference counts, only the name is lost. */
static void get_named_without_memory_succeeds(struct kunit *test)
{
	struct sweep sweep = { .test = test, .what = "get_named" };
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	int err;

	need_injection(test);
	while (sweep_next(&sweep)) {
		err = ioasid_get_named(NULL, id, "unlucky");
		sweep_done(&sweep, err);
		KUNIT_EXPECT_EQ(test, err, 0);
		KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, "unlucky"));
	}
	KUNIT_EXPECT_EQ(test, sweep.refused, 0);

	/* One of two with the same name is not noted: the count is right all the same. */
	fail_from(1);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "twin"), 0);
	fail_end();
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "twin"), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, "twin"));
	KUNIT_EXPECT_TRUE(test, ioasid_put_named(NULL, id, "twin"));
}

/* B-083, B-101: the way back needs no memory. */
static void return_of_number_needs_no_memory(struct kunit *test)
{
	ioasid_t put = must_alloc(test, 1, 9, NULL);
	ioasid_t freed = must_alloc(test, 1, 9, NULL);
	bool allocated, last;
	int ret;

	need_injection(test);
	fail_from(1);
	ret = ioasid_get(NULL, put);
	ioasid_free(NULL, put);
	last = ioasid_put(NULL, put);
	ioasid_free(NULL, freed);
	ioasid_find(NULL, freed, NULL);
	allocated = fail_end();
	KUNIT_EXPECT_FALSE(test, allocated);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_TRUE(test, last);
	KUNIT_EXPECT_TRUE(test, is_unknown(put));
	KUNIT_EXPECT_TRUE(test, is_unknown(freed));
}

static void sweep_register(struct kunit *test, struct fake *fake, const char *what)
{
	struct sweep sweep = { .test = test, .what = what };
	int err;

	WRITE_ONCE(fake->registered, true);
	while (sweep_next(&sweep)) {
		err = ioasid_register_allocator(&fake->ops);
		sweep_done(&sweep, err);
		if (!err)
			ioasid_unregister_allocator(&fake->ops);
	}
	KUNIT_EXPECT_GT(test, sweep.refused, 0);
}

/* B-018, B-025: the ops are free to be used again, alone, in a group and in the queue. */
static void register_without_memory_is_enomem(struct kunit *test)
{
	struct fake *alone = fake_new(test, a);
	struct fake *member = fake_new(test, a);
	struct fake *waiting = fake_new(test, b);
	ioasid_t id;

	need_injection(test);
	sweep_register(test, alone, "register the first");
	fake_plug(test, alone);
	id = must_alloc(test, 1, 9, NULL);
	sweep_register(test, member, "register a member");
	sweep_register(test, waiting, "register the next");
	KUNIT_EXPECT_FALSE(test, is_unknown(id));
	fake_plug(test, member);
	fake_plug(test, waiting);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	/* Or it would go back to the other member. */
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(alone)));
	fake_unplug(test, alone);
	KUNIT_EXPECT_EQ(test, member->allocs + waiting->allocs, 0);
}

/* B-018, B-022: unregistering cannot fail, so it must not need memory that it may not get. */
static void unregister_without_memory_works(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	struct fake *next = fake_new(test, b);
	unsigned int n;

	need_injection(test);
	next->first = 500;
	for (n = 1; n <= 5; n++) {
		fake_plug(test, a);
		fake_plug(test, next);
		fail_from(n);
		fake_unplug(test, a);
		fail_end();
		/* The next one has taken over. */
		KUNIT_EXPECT_EQ(test, must_alloc(test, 1, TEST_MAX, NULL), 500);
		KUNIT_EXPECT_GE(test, ioasid_free(NULL, 500), 0);
		fail_from(n);
		fake_unplug(test, next);
		fail_end();
		KUNIT_EXPECT_EQ(test, must_alloc(test, 1, TEST_MAX, NULL), 1);
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 1), 0);
	}
}

/* B-003, B-085, B-086: the number goes back to the allocator, once, whatever failed. */
static void custom_number_goes_back_without_memory(struct kunit *test)
{
	struct sweep sweep = { .test = test, .what = "alloc from a custom allocator" };
	struct fake *a = fake_new(test, a);
	ioasid_t id;
	int err;

	need_injection(test);
	fake_plug(test, a);
	while (sweep_next(&sweep)) {
		id = 5;
		err = ioasid_alloc_range(NULL, 1000, 1010, IOASID_ALLOC_LOWEST, NULL, &id);
		sweep_done(&sweep, err);
		if (err)
			KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
		else
			KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
		KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
	}
	KUNIT_EXPECT_GT(test, sweep.refused, 0);
	KUNIT_EXPECT_EQ(test, a->allocs, a->frees);
}

/* B-018, B-086: clients of the old interface have sets that come into being with their first ID. */
static void compat_alloc_without_memory_is_invalid(struct kunit *test)
{
	struct sweep sweep = { .test = test, .what = "alloc through the old interface" };
	ioasid_t id;

	need_injection(test);
	while (sweep_next(&sweep)) {
		id = ioasid_compat_alloc(WRONG_SET, 0x45678, 0x45679, NULL);
		sweep_done(&sweep, id == INVALID_IOASID ? -ENOMEM : 0);
		if (id == INVALID_IOASID)
			continue;
		KUNIT_EXPECT_EQ(test, id, 0x45678);
		KUNIT_EXPECT_TRUE(test, ioasid_compat_put(id));
	}
	KUNIT_EXPECT_GT(test, sweep.refused, 0);
	KUNIT_EXPECT_TRUE(test, is_unknown(0x45678));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(alloc_without_memory_is_enomem),
	KUNIT_CASE(short_alloc_without_memory_is_invalid),
	KUNIT_CASE(get_named_without_memory_succeeds),
	KUNIT_CASE(return_of_number_needs_no_memory),
	KUNIT_CASE(register_without_memory_is_enomem),
	KUNIT_CASE(unregister_without_memory_works),
	KUNIT_CASE(custom_number_goes_back_without_memory),
	KUNIT_CASE(compat_alloc_without_memory_is_invalid),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_oom",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests without memory");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
