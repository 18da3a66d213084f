// SPDX-License-Identifier: GPL-2.0
/* The queue for what handlers cannot do themselves. */
#include "context.h"
#include "events.h"
#include "fake.h"

FAKE_KIND(a)

#define WORKS 40

struct note {
	struct work_struct work;
	struct diary *diary;
	unsigned int number;
	bool queued;
};

/* What was done, in order. */
struct diary {
	struct note notes[WORKS];
	unsigned int order[WORKS];
	unsigned int n;
	atomic_t inside;
	unsigned int overlaps;
	unsigned int in_atomic;
	/* Where the first one stops. */
	bool hold;
	struct completion entered;
	struct completion leave;
};

static void note_fn(struct work_struct *work)
{
	struct note *note = container_of(work, struct note, work);
	struct diary *diary = note->diary;

	if (atomic_inc_return(&diary->inside) > 1)
		diary->overlaps++;
	if (!in_task() || irqs_disabled() || preempt_count() || rcu_preempt_depth())
		diary->in_atomic++;
	if (READ_ONCE(diary->hold) && !note->number) {
		complete(&diary->entered);
		wait_for_completion(&diary->leave);
	} else if (note->number % 8 == 0) {
		/* Time for the next one to overtake. */
		msleep(20);
	}
	if (diary->n < WORKS)
		diary->order[diary->n++] = note->number;
	atomic_dec(&diary->inside);
}

static void diary_end(void *data)
{
	struct diary *diary = data;
	int i;

	complete_all(&diary->leave);
	for (i = 0; i < WORKS; i++)
		flush_work(&diary->notes[i].work);
}

static struct diary *diary_new(struct kunit *test)
{
	struct diary *diary = kunit_kzalloc(test, sizeof(*diary), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, diary);
	init_completion(&diary->entered);
	init_completion(&diary->leave);
	for (i = 0; i < WORKS; i++) {
		INIT_WORK(&diary->notes[i].work, note_fn);
		diary->notes[i].diary = diary;
		diary->notes[i].number = i;
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, diary_end, diary), 0);
	return diary;
}

static void expect_order(struct kunit *test, struct diary *diary, unsigned int n)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, diary->n, n);
	for (i = 0; i < diary->n; i++)
		KUNIT_EXPECT_EQ(test, diary->order[i], i);
	KUNIT_EXPECT_EQ(test, diary->overlaps, 0);
	KUNIT_EXPECT_EQ(test, diary->in_atomic, 0);
	diary->n = 0;
}

static void do_queue(void *data)
{
	struct diary *diary = data;
	int i;

	for (i = 0; i < WORKS; i++)
		diary->notes[i].queued = ioasid_queue_work(&diary->notes[i].work);
}

/* B-134, B-135: from any context, one after the other, in order, where it may sleep. */
static void work_is_done_in_order(struct kunit *test)
{
	struct diary *diary = diary_new(test);
	int i;

	run_in(context_of(test), do_queue, diary);
	for (i = 0; i < WORKS; i++) {
		KUNIT_EXPECT_TRUE(test, diary->notes[i].queued);
		flush_work(&diary->notes[i].work);
	}
	expect_order(test, diary, WORKS);
}

/* B-134: what waits already is not queued again; what runs is. */
static void work_is_queued_once(struct kunit *test)
{
	struct diary *diary = diary_new(test);
	int i;

	diary->hold = true;
	KUNIT_EXPECT_TRUE(test, ioasid_queue_work(&diary->notes[0].work));
	KUNIT_ASSERT_NE(test, 0UL, wait_for_completion_timeout(&diary->entered, 20 * HZ));
	for (i = 1; i < 4; i++)
		KUNIT_EXPECT_TRUE(test, ioasid_queue_work(&diary->notes[i].work));
	for (i = 1; i < 4; i++)
		KUNIT_EXPECT_FALSE(test, ioasid_queue_work(&diary->notes[i].work));
	WRITE_ONCE(diary->hold, false);
	KUNIT_EXPECT_TRUE(test, ioasid_queue_work(&diary->notes[0].work));
	KUNIT_EXPECT_FALSE(test, ioasid_queue_work(&diary->notes[0].work));
	KUNIT_EXPECT_EQ(test, diary->n, 0);
	complete_all(&diary->leave);
	flush_work(&diary->notes[0].work);
	KUNIT_EXPECT_EQ(test, diary->n, 5);
	KUNIT_EXPECT_EQ(test, diary->order[4], 0);
	diary->n = 4;
	expect_order(test, diary, 4);
	KUNIT_EXPECT_TRUE(test, ioasid_queue_work(&diary->notes[0].work));
	flush_work(&diary->notes[0].work);
	expect_order(test, diary, 1);
}

static int queue_next(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	struct diary *diary = sub->data;

	if (val == IOASID_NOTIFY_FREE && sub->calls < WORKS)
		sub->ret[0] += !ioasid_queue_work(&diary->notes[2 * (args->id - 10) +
								(sub->name[0] == 'b')].work);
	return NOTIFY_OK;
}

/* B-135: work of several subscribers keeps the order of the events and of the subscribers. */
static void work_keeps_the_order_of_events(struct kunit *test)
{
	struct diary *diary = diary_new(test);
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *b = subscribe(story, "b", IOASID_PRIO_DEVICE, set);
	struct subscriber *a = subscribe(story, "a", IOASID_PRIO_IOMMU, NULL);
	int i;

	a->answer = queue_next;
	b->answer = queue_next;
	a->data = diary;
	b->data = diary;
	for (i = 0; i < WORKS / 2; i++)
		must_alloc_number(test, set, 10 + i, NULL);
	for (i = 0; i < WORKS / 2; i++)
		KUNIT_EXPECT_EQ(test, ioasid_free(set, 10 + i), 0);
	KUNIT_EXPECT_EQ(test, a->ret[0] + b->ret[0], 0);
	for (i = 0; i < WORKS; i++)
		flush_work(&diary->notes[i].work);
	expect_order(test, diary, WORKS);
}

struct call {
	struct ioasid_set *set;
	ioasid_t ids[3];
};

static void do_endings(void *data)
{
	struct call *call = data;

	ioasid_free(NULL, call->ids[0]);
	ioasid_put(NULL, call->ids[1]);
	ioasid_set_put(call->set);
}

/* B-081, B-134: work may wait for what the module does on its own queue. */
static void work_does_not_hold_up_reclaim(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct call call = { .set = must_set_of(test, mm, 0) };
	struct diary *diary = diary_new(test);
	struct story *story = story_new(test);
	struct fake *fake = fake_new(test, a);

	subscribe(story, "a", 0, NULL);
	fake_plug(test, fake);
	call.ids[0] = must_alloc(test, 1, TEST_MAX, NULL);
	call.ids[1] = must_alloc(test, 1, TEST_MAX, NULL);
	call.ids[2] = must_alloc_in(test, call.set, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, call.ids[1]), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, call.ids[1]), 1);
	story_forget(story);
	diary->hold = true;
	KUNIT_EXPECT_TRUE(test, ioasid_queue_work(&diary->notes[0].work));
	KUNIT_ASSERT_NE(test, 0UL, wait_for_completion_timeout(&diary->entered, 20 * HZ));
	run_in(&(struct context){ "hardirq", in_hard_irq, true }, do_endings, &call);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(call.ids[0])));
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(call.ids[1])));
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(call.ids[2])));
	KUNIT_EXPECT_TRUE(test, eventually(fake_has_all_back(fake)));
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(call.set)));
	KUNIT_EXPECT_TRUE(test, eventually(story_count(story, "a", IOASID_NOTIFY_SET_FREE)));
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_FREE), 2);
	KUNIT_EXPECT_EQ(test, diary->n, 0);
	complete_all(&diary->leave);
	flush_work(&diary->notes[0].work);
	expect_order(test, diary, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(work_is_done_in_order, contexts_gen_params),
	KUNIT_CASE(work_is_queued_once),
	KUNIT_CASE(work_keeps_the_order_of_events),
	KUNIT_CASE(work_does_not_hold_up_reclaim),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_queue",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
