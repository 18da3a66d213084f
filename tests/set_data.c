// SPDX-License-Identifier: GPL-2.0
/* Private data that comes after the ID and goes before it. */
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "sets.h"
#include "threads.h"

/* B-112, B-116: data that is complete is attached to an ID that is there. */
static void data_is_attached_once(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	int one, two;

	KUNIT_EXPECT_EQ(test, ioasid_attach_data(id, &one), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), &one);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(id, &two), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(id, &one), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), &one);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-112: what was there from the beginning counts too. */
static void data_of_alloc_is_not_replaced(struct kunit *test)
{
	int one, two;
	ioasid_t id = must_alloc(test, 1, 9, &one);

	KUNIT_EXPECT_EQ(test, ioasid_attach_data(id, &two), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_detach_data(id), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(id, &two), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), &two);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-112, B-118: NULL is what none looks like. */
static void null_is_no_data(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_attach_data(id, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(TEST_MAX, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(id, LIST_POISON2), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(id, NULL), -EINVAL);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), (void *)LIST_POISON2);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-083, B-112: nothing there to attach to. */
static void unknown_id_has_no_data(struct kunit *test)
{
	const ioasid_t unknown[] = {
		0, TEST_MAX, ioasid_get_capacity(), INT_MAX, INVALID_IOASID - 1, INVALID_IOASID,
	};
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		KUNIT_EXPECT_EQ(test, ioasid_attach_data(unknown[i], test), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_detach_data(unknown[i]), -ENOENT);
	}
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(id, test), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_detach_data(id), -ENOENT);
}

/* B-105: holders of a freed ID find what there was, as long as they hold it. */
static void data_of_pending_id_stays(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t with = must_alloc_in(test, set, test), without = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get(set, with), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, without), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, with), 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, without), 1);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(without, &set), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_attach_data(with, &set), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_detach_data(with), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_detach_data(without), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, with, NULL), (void *)test);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, without, NULL), NULL);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, with));
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, without));
}

/* B-114: it is no mistake either. */
static void nothing_is_detached_from_nothing(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	int i;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, ioasid_detach_data(id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* A reader that does not come to its end before it is told to. */
struct reader {
	ioasid_t id;
	bool stop;
	bool reading;
	int seen;
};

static bool linger(void *data)
{
	struct reader *reader = data;

	WRITE_ONCE(reader->reading, true);
	while (!READ_ONCE(reader->stop))
		cpu_relax();
	return true;
}

static void read_long(void *data)
{
	struct reader *reader = data;

	if (ioasid_find(NULL, reader->id, linger) == reader)
		reader->seen = 1;
}

static void detach(void *data)
{
	struct reader *reader = data;

	reader->seen = ioasid_detach_data(reader->id);
}

/* B-088, B-113, B-117: the getter has had its chance for a reference when detach returns. */
static void detach_waits_for_readers(struct kunit *test)
{
	struct reader *reader = kunit_kzalloc(test, sizeof(*reader), GFP_KERNEL);
	struct reader *detacher = kunit_kzalloc(test, sizeof(*detacher), GFP_KERNEL);
	struct helper *reading, *detaching;

	KUNIT_ASSERT_NOT_NULL(test, reader);
	KUNIT_ASSERT_NOT_NULL(test, detacher);
	reader->id = must_alloc(test, 1, 9, reader);
	detacher->id = reader->id;
	detacher->seen = 1;
	reading = helper_start(test, read_long, reader);
	KUNIT_EXPECT_TRUE(test, eventually(READ_ONCE(reader->reading)));
	detaching = helper_start(test, detach, detacher);
	KUNIT_EXPECT_TRUE(test, helper_waits(detaching, 300));
	/* It is gone for everybody else already. */
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, reader->id, NULL), NULL);
	WRITE_ONCE(reader->stop, true);
	helper_join(test, reading);
	helper_join(test, detaching);
	KUNIT_EXPECT_EQ(test, reader->seen, 1);
	KUNIT_EXPECT_EQ(test, detacher->seen, 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, reader->id), 0);
}

/* B-114: and waits for nobody if nobody can have read anything. */
static void detach_of_nothing_does_not_wait(struct kunit *test)
{
	struct reader *reader = kunit_kzalloc(test, sizeof(*reader), GFP_KERNEL);
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	struct helper *reading;

	KUNIT_ASSERT_NOT_NULL(test, reader);
	reader->id = must_alloc(test, 1, 9, reader);
	reading = helper_start(test, read_long, reader);
	KUNIT_EXPECT_TRUE(test, eventually(READ_ONCE(reader->reading)));
	/* Hangs here if it does. */
	KUNIT_EXPECT_EQ(test, ioasid_detach_data(id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_detach_data(TEST_MAX), -ENOENT);
	WRITE_ONCE(reader->stop, true);
	helper_join(test, reading);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, reader->id), 0);
}

#define ROUNDS 100
#define MAGIC 0x10a51d

/* Freed as soon as detach has returned; KASAN sees a read that comes later. */
struct object {
	int magic;
	int filler[30];
};

struct exchange {
	ioasid_t id;
	bool stop;
	unsigned long seen;
	unsigned long wrong;
};

static struct exchange *exchange;

static bool look(void *data)
{
	struct object *object = data;
	size_t i;

	exchange->seen++;
	exchange->wrong += READ_ONCE(object->magic) != MAGIC;
	for (i = 0; i < ARRAY_SIZE(object->filler); i++)
		exchange->wrong += READ_ONCE(object->filler[i]) != MAGIC;
	return false;
}

static void look_often(void *data)
{
	while (!READ_ONCE(exchange->stop)) {
		if (ioasid_find(NULL, exchange->id, look))
			exchange->wrong++;
		cond_resched();
	}
}

/* B-088, B-115, B-116, B-117: whoever sees data sees all of it, and none that is gone. */
static void reader_sees_complete_data_only(struct kunit *test)
{
	struct helper *looking;
	int i, j;

	exchange = kunit_kzalloc(test, sizeof(*exchange), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, exchange);
	exchange->id = must_alloc(test, 1, 9, NULL);
	looking = helper_start(test, look_often, NULL);
	for (i = 0; i < ROUNDS; i++) {
		struct object *object = kmalloc_obj(*object, GFP_KERNEL);

		if (!object)
			break;
		for (j = 0; j < ARRAY_SIZE(object->filler); j++)
			object->filler[j] = MAGIC;
		object->magic = MAGIC;
		KUNIT_EXPECT_EQ(test, ioasid_attach_data(exchange->id, object), 0);
		usleep_range(100, 200);
		KUNIT_EXPECT_EQ(test, ioasid_detach_data(exchange->id), 0);
		memset(object, 0, sizeof(*object));
		kfree(object);
	}
	WRITE_ONCE(exchange->stop, true);
	helper_join(test, looking);
	KUNIT_EXPECT_EQ(test, i, ROUNDS);
	KUNIT_EXPECT_GT(test, exchange->seen, 0);
	KUNIT_EXPECT_EQ(test, exchange->wrong, 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, exchange->id), 0);
}

struct race {
	ioasid_t id;
	struct completion start;
	atomic_t attached;
};

static void race_to_attach(void *data)
{
	struct race *race = data;

	wait_for_completion(&race->start);
	if (!ioasid_attach_data(race->id, race))
		atomic_inc(&race->attached);
}

/* B-112: one of several who come at the same time. */
static void one_of_many_attaches(struct kunit *test)
{
	struct helper *helpers[4];
	int i, round;

	for (round = 0; round < 20; round++) {
		struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, race);
		race->id = must_alloc(test, 1, 9, NULL);
		init_completion(&race->start);
		for (i = 0; i < ARRAY_SIZE(helpers); i++)
			helpers[i] = helper_start(test, race_to_attach, race);
		complete_all(&race->start);
		for (i = 0; i < ARRAY_SIZE(helpers); i++)
			helper_join(test, helpers[i]);
		KUNIT_EXPECT_EQ(test, atomic_read(&race->attached), 1);
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, race->id), 0);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(data_is_attached_once),
	KUNIT_CASE(data_of_alloc_is_not_replaced),
	KUNIT_CASE(null_is_no_data),
	KUNIT_CASE(unknown_id_has_no_data),
	KUNIT_CASE(data_of_pending_id_stays),
	KUNIT_CASE(nothing_is_detached_from_nothing),
	KUNIT_CASE(detach_waits_for_readers),
	KUNIT_CASE(detach_of_nothing_does_not_wait),
	KUNIT_CASE_SLOW(reader_sees_complete_data_only),
	KUNIT_CASE(one_of_many_attaches),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_data",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
