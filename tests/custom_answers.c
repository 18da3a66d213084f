// SPDX-License-Identifier: GPL-2.0
/* What a custom allocator may answer, and what it may not. */
#include "fake.h"
#include "log.h"

FAKE_KIND(a)
FAKE_KIND(b)

static int try_alloc(ioasid_t min, ioasid_t max, ioasid_t *id)
{
	*id = 5;
	return ioasid_alloc_range(NULL, min, max, IOASID_ALLOC_LOWEST, NULL, id);
}

/* It answers so once, and nobody gets a number for it. */
static void expect_no_number(struct kunit *test, struct fake *fake, const ioasid_t *answer,
			     ioasid_t min, ioasid_t max)
{
	ioasid_t id;

	fake_answers(fake, answer, 1);
	KUNIT_EXPECT_EQ_MSG(test, try_alloc(min, max, &id), -ENOSPC, "%d", (int)*answer);
	KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
	KUNIT_EXPECT_TRUE(test, is_unknown(*answer));
}

/* B-001, B-009: numbers outside the range go back where they come from, and nobody gets them. */
static void number_out_of_range_goes_back(struct kunit *test)
{
	const ioasid_t answers[] = { 99, 201, 1, 0, ioasid_get_capacity() };
	struct fake *a = fake_new(test, a);
	size_t i;

	fake_plug(test, a);
	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		expect_no_number(test, a, &answers[i], 100, 200);
		KUNIT_EXPECT_EQ(test, a->allocs, i + 1);
		KUNIT_EXPECT_EQ(test, a->frees, i + 1);
		KUNIT_EXPECT_EQ(test, a->last_freed, answers[i]);
		KUNIT_EXPECT_TRUE(test, fake_has_all_back(a));
	}
}

/* B-001, B-009: the ends of the range are in it. */
static void number_at_end_of_range_is_taken(struct kunit *test)
{
	static const ioasid_t answers[] = { 100, 200 };
	struct fake *a = fake_new(test, a);
	ioasid_t id;
	size_t i;

	fake_plug(test, a);
	fake_answers(a, answers, ARRAY_SIZE(answers));
	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		KUNIT_EXPECT_EQ(test, try_alloc(100, 200, &id), 0);
		KUNIT_EXPECT_EQ(test, id, answers[i]);
		KUNIT_EXPECT_FALSE(test, is_unknown(id));
	}
	KUNIT_EXPECT_EQ(test, a->frees, 0);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, 100), 0);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, 200), 0);
}

/* B-007, B-008, B-033: no number; a negative errno is none either, however large it looks. */
static void refusal_is_enospc(struct kunit *test)
{
	static const ioasid_t answers[] = {
		INVALID_IOASID, (ioasid_t)-EINVAL, (ioasid_t)-ENOSPC, (ioasid_t)-ENOMEM,
		(ioasid_t)-EPERM, (ioasid_t)-MAX_ERRNO,
	};
	struct fake *a = fake_new(test, a);
	size_t i;

	fake_plug(test, a);
	for (i = 0; i < ARRAY_SIZE(answers); i++)
		expect_no_number(test, a, &answers[i], 1, ioasid_get_capacity() - 1);
	KUNIT_EXPECT_EQ(test, a->allocs, ARRAY_SIZE(answers));
	/* There is nothing to give back. */
	KUNIT_EXPECT_EQ(test, a->frees, 0);
	fake_answers(a, answers, 1);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, 1, 9, NULL), INVALID_IOASID);
}

/* B-010: it belongs to its first holder, who notices nothing; the allocator is named. */
static void duplicate_is_reported_and_kept(struct kunit *test)
{
	static const ioasid_t answers[] = { 7, 7 };
	struct fake *a = fake_new(test, a);
	struct log_watch *watch;
	ioasid_t first, none;

	fake_plug(test, a);
	fake_answers(a, answers, ARRAY_SIZE(answers));
	first = must_alloc(test, 1, 9, a);
	KUNIT_EXPECT_EQ(test, first, 7);
	KUNIT_EXPECT_EQ(test, try_alloc(1, 9, &none), -EEXIST);
	KUNIT_EXPECT_EQ(test, none, INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, a->frees, 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, 7, NULL), (void *)a);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, 7), 0);

	/* The message may have to wait for others'. */
	watch = log_listen(test);
	do {
		msleep(100);
		fake_answers(a, answers, 1);
	} while (try_alloc(1, 9, &none) == -EEXIST && !log_lines(watch) && a->allocs < 120);
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, "ID 7"), "%s", watch->last);
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, "a_alloc"), "%s", watch->last);

	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 7), 1);
	/* Freed but held is not free. */
	fake_answers(a, answers, 1);
	KUNIT_EXPECT_EQ(test, try_alloc(1, 9, &none), -EEXIST);
	KUNIT_EXPECT_EQ(test, a->frees, 0);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, 7));
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
	KUNIT_EXPECT_EQ(test, a->frees, 1);
}

/* @a has named 5, for an ID that lives, and is gone; @b is asked from now on. */
static void park_five(struct kunit *test, struct fake *a, struct fake *b)
{
	static const ioasid_t five[] = { 5 };

	fake_plug(test, a);
	fake_plug(test, b);
	fake_answers(a, five, ARRAY_SIZE(five));
	KUNIT_ASSERT_EQ(test, must_alloc(test, 1, 9, a), 5);
	fake_unplug(test, a);
}

/* @b has named it as well, which nobody minds, and then 6. */
static void keep_five_aside(struct kunit *test, struct fake *a, struct fake *b)
{
	static const ioasid_t five_and_six[] = { 5, 6 };

	park_five(test, a, b);
	fake_answers(b, five_and_six, ARRAY_SIZE(five_and_six));
	KUNIT_EXPECT_EQ(test, must_alloc(test, 1, 9, b), 6);
}

/*
 * B-010, B-014: a number that is in use from the time of another allocator is no mistake. It is
 * kept aside until it comes back, and goes to the one that named it last.
 */
static void parked_number_is_asked_for_again(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	struct fake *b = fake_new(test, b);

	keep_five_aside(test, a, b);
	KUNIT_EXPECT_EQ(test, b->allocs, 2);
	KUNIT_EXPECT_EQ(test, b->frees, 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, 5, NULL), (void *)a);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, 6, NULL), (void *)b);

	KUNIT_EXPECT_GE(test, ioasid_free(NULL, 5), 0);
	KUNIT_EXPECT_TRUE(test, eventually(b->frees == 1));
	KUNIT_EXPECT_EQ(test, b->last_freed, 5);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, 6), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(b)));
	KUNIT_EXPECT_EQ(test, b->frees, 2);
	KUNIT_EXPECT_EQ(test, a->frees, 0);
}

/* B-010, B-014: an allocator that does not learn is told so. */
static void parked_number_named_twice_is_a_duplicate(struct kunit *test)
{
	static const ioasid_t five_twice[] = { 5, 5 };
	struct fake *a = fake_new(test, a);
	struct fake *b = fake_new(test, b);
	ioasid_t none;

	park_five(test, a, b);
	fake_answers(b, five_twice, ARRAY_SIZE(five_twice));
	KUNIT_EXPECT_EQ(test, try_alloc(1, 9, &none), -EEXIST);
	KUNIT_EXPECT_EQ(test, b->allocs, 2);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, 5, NULL), (void *)a);

	KUNIT_EXPECT_GE(test, ioasid_free(NULL, 5), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(b)));
	KUNIT_EXPECT_EQ(test, b->frees, 1);
}

/* B-010, B-168: it is not asked for ever; what it named so far counts the next time. */
static void asking_again_is_bounded(struct kunit *test)
{
	const ioasid_t n = 200;
	struct fake *a = fake_new(test, a);
	struct fake *b = fake_new(test, b);
	ioasid_t id, got;
	unsigned int calls = 0;
	int err;

	fake_plug(test, a);
	fake_plug(test, b);
	for (id = 1; id <= n; id++)
		KUNIT_ASSERT_EQ(test, must_alloc(test, 1, TEST_MAX, a), id);
	fake_unplug(test, a);

	do {
		err = try_alloc(1, TEST_MAX, &got);
		calls++;
	} while (err == -ENOSPC && calls <= n);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, got, n + 1);
	KUNIT_EXPECT_GT(test, calls, 1);
	KUNIT_EXPECT_EQ(test, b->allocs, n + 1);

	/* Each one goes to the new allocator once. */
	for (id = 1; id <= n + 1; id++)
		KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(b)));
	KUNIT_EXPECT_EQ(test, b->frees, n + 1);
	KUNIT_EXPECT_EQ(test, a->frees, 0);
}

/* B-010, B-014: kept aside for one that has gone by the time it comes back. */
static void number_kept_aside_outlives_both_allocators(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	struct fake *b = fake_new(test, b);

	keep_five_aside(test, a, b);
	fake_unplug(test, b);

	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, 5, NULL), (void *)a);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, 6, NULL), (void *)b);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, 5), 0);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, 6), 0);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5) && is_unknown(6)));
	KUNIT_EXPECT_EQ(test, a->frees + b->frees, 0);
}

/* B-011: an answer from the part of the range that the back end knows is as good as any. */
static void part_of_range_is_enough(struct kunit *test)
{
	struct fake *a = fake_new(test, a);
	ioasid_t id;

	fake_plug(test, a);
	a->first = TEST_MAX;
	id = must_alloc(test, 1, ioasid_get_capacity() - 1, NULL);
	KUNIT_EXPECT_EQ(test, id, TEST_MAX);
	KUNIT_EXPECT_EQ(test, a->max, ioasid_get_capacity() - 1);
	KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, 1, ioasid_get_capacity() - 1, NULL),
			INVALID_IOASID);
	KUNIT_EXPECT_GE(test, ioasid_free(NULL, id), 0);
}

/* B-010: also where there is no room for another ID, which would have failed anyway. */
static void duplicate_without_capacity_is_kept(struct kunit *test)
{
	static const ioasid_t answers[] = { 7, 7 };
	struct fake *a = fake_new(test, a);
	ioasid_t first, none, nr;

	fake_plug(test, a);
	fake_answers(a, answers, ARRAY_SIZE(answers));
	first = must_alloc(test, 1, 9, a);
	KUNIT_EXPECT_EQ(test, first, 7);
	nr = ioasid_reserve_capacity(0);
	KUNIT_EXPECT_GT(test, nr, 0);
	KUNIT_EXPECT_EQ(test, try_alloc(1, 9, &none), -EEXIST);
	KUNIT_EXPECT_EQ(test, none, INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, a->frees, 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, 7, NULL), (void *)a);
	ioasid_cancel_capacity(nr);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 7), 0);
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(a)));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(number_out_of_range_goes_back),
	KUNIT_CASE(number_at_end_of_range_is_taken),
	KUNIT_CASE(refusal_is_enospc),
	KUNIT_CASE_SLOW(duplicate_is_reported_and_kept),
	KUNIT_CASE(duplicate_without_capacity_is_kept),
	KUNIT_CASE(parked_number_is_asked_for_again),
	KUNIT_CASE(parked_number_named_twice_is_a_duplicate),
	KUNIT_CASE(asking_again_is_bounded),
	KUNIT_CASE(number_kept_aside_outlives_both_allocators),
	KUNIT_CASE(part_of_range_is_enough),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_custom_answers",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
