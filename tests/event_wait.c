// SPDX-License-Identifier: GPL-2.0
/* Handlers that run on one CPU while something happens on another. */
#include "events.h"
#include "threads.h"

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

/* A handler that spins until it is told to go on. */
struct gate {
	unsigned long val;
	int entered;
	int leave;
};

static int spin(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	struct gate *gate = sub->data;
	/* The kernel's watchdogs are to bite nobody. */
	unsigned long give_up = jiffies + 15 * HZ;

	if (val != gate->val || READ_ONCE(gate->leave))
		return NOTIFY_OK;
	WRITE_ONCE(gate->entered, 1);
	/* Pairs with the store in open_gate(). */
	while (!smp_load_acquire(&gate->leave)) {
		if (time_after(jiffies, give_up)) {
			story_fault(sub->story, "nobody has opened the gate");
			break;
		}
		cpu_relax();
	}
	/* Whoever waits for the handler must not see it between the gate and its end. */
	sub->calls++;
	return NOTIFY_OK;
}

static void open_gate(struct gate *gate)
{
	/* Pairs with the load in spin(): what was seen while it was closed was seen before. */
	smp_store_release(&gate->leave, 1);
}

static void need_cpus(struct kunit *test)
{
	if (num_online_cpus() < 2)
		kunit_skip(test, "a handler that spins needs a CPU of its own");
}

/* "a", of priority 0, whose handler spins. */
static void subscribe_spinning(struct story *story, struct gate *gate, struct ioasid_set *set)
{
	struct subscriber *sub = subscriber_new(story, "a", 0);

	need_cpus(story->test);
	sub->answer = spin;
	sub->data = gate;
	must_subscribe(sub, set);
}

struct job {
	struct subscriber *sub;
	struct ioasid_set *set;
	ioasid_t id;
	ioasid_t spid;
	unsigned int val;
	int ret;
};

static void do_unregister(void *data)
{
	struct job *job = data;

	subscriber_leave(job->sub);
}

static void do_notify(void *data)
{
	struct job *job = data;

	job->ret = ioasid_notify(job->id, job->val, BOTH);
}

static void do_free(void *data)
{
	struct job *job = data;

	job->ret = ioasid_free(job->set, job->id);
}

static void do_replay(void *data)
{
	struct job *job = data;

	job->ret = ioasid_register_notifier_replay(job->set, &job->sub->nb);
}

/* A helper whose call is in the handler until the gate opens. */
static struct helper *start_at_gate(struct kunit *test, struct gate *gate, void (*run)(void *data),
				    struct job *job)
{
	struct helper *helper = helper_start(test, run, job);

	KUNIT_ASSERT_TRUE(test, eventually(READ_ONCE(gate->entered)));
	return helper;
}

/* B-138, B-145, B-162: global, of a set, of an mm. */
static void unregister_waits_for_the_handler(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	struct story *story = story_new(test);
	int i;

	need_cpus(test);
	must_alloc_number(test, set, 5, NULL);
	for (i = 0; i < 3; i++) {
		struct gate gate = { .val = IOASID_NOTIFY_UNBIND };
		struct subscriber *sub = subscriber_new(story, "a", 0);
		struct job job = { .sub = sub, .id = 5, .val = IOASID_NOTIFY_UNBIND };
		struct helper *runs, *waits;

		sub->answer = spin;
		sub->data = &gate;
		sub->set = i == 1 ? set : NULL;
		sub->mm = i == 2 ? mm : NULL;
		KUNIT_ASSERT_EQ(test, 0, i == 2 ?
				ioasid_register_notifier_mm_replay(mm, &sub->nb) :
				ioasid_register_notifier(sub->set, &sub->nb));
		runs = start_at_gate(test, &gate, do_notify, &job);
		waits = helper_start(test, do_unregister, &job);
		KUNIT_EXPECT_TRUE(test, helper_waits(waits, 200));
		KUNIT_EXPECT_EQ(test, READ_ONCE(sub->calls), 0);
		open_gate(&gate);
		helper_join(test, waits);
		KUNIT_EXPECT_EQ(test, READ_ONCE(sub->calls), 1);
		helper_join(test, runs);
		story_forget(story);
		KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, BOTH), 0);
		expect_story(story, "");
	}
}

/* B-160: what one subscriber does with one ID does not keep others from theirs. */
static void passes_of_two_ids_run_at_once(struct kunit *test)
{
	struct gate gate = { .val = IOASID_NOTIFY_UNBIND };
	struct job job = { .id = 5, .val = IOASID_NOTIFY_UNBIND };
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct helper *runs;

	must_alloc_number(test, set, 5, NULL);
	must_alloc_number(test, set, 6, NULL);
	subscribe_spinning(story, &gate, set);
	subscribe(story, "b", 1, NULL);
	runs = start_at_gate(test, &gate, do_notify, &job);
	expect_story(story, "b:UNBIND(5); a:UNBIND(5)");
	/* None of these waits for the gate. */
	must_alloc_number(test, set, 7, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_notify(6, IOASID_NOTIFY_BIND, BOTH), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 7), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 6), 0);
	expect_story(story, "b:ALLOC(7); a:ALLOC(7); b:BIND(6=1); a:BIND(6=1); b:BIND(6=1); "
			    "a:BIND(6=1); b:FREE(7); a:FREE(7); b:FREE(6=1); a:FREE(6=1)");
	/* Nor this, of the ID itself. */
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 5), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(set, 5));
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), INVALID_IOASID);
	open_gate(&gate);
	helper_join(test, runs);
	KUNIT_EXPECT_EQ(test, job.ret, 0);
}

/* B-128, B-137: what comes from another CPU waits its turn, and its caller does not. */
static void passes_of_one_id_do_not_overlap(struct kunit *test)
{
	struct gate gate = { .val = IOASID_NOTIFY_BIND };
	struct job job = { .id = 5, .val = IOASID_NOTIFY_BIND };
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct helper *runs;

	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	subscribe_spinning(story, &gate, set);
	subscribe(story, "b", -1, NULL);
	runs = start_at_gate(test, &gate, do_notify, &job);
	expect_story(story, "a:BIND(5=7)");
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 8), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	/* Until all are told of its end it is there. */
	KUNIT_EXPECT_EQ(test, ioasid_find_spid(5), 7);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 7, false), 5);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 8), -EBUSY);
	msleep(50);
	expect_story(story, "");
	open_gate(&gate);
	helper_join(test, runs);
	KUNIT_EXPECT_EQ(test, job.ret, 0);
	KUNIT_EXPECT_TRUE(test, eventually(story_count(story, "b", IOASID_NOTIFY_UNBIND)));
	expect_story(story, "b:BIND(5=7); a:UNBIND(5=7); b:UNBIND(5=7)");
	KUNIT_EXPECT_TRUE(test, eventually(ioasid_find_spid(5) == INVALID_IOASID));
	KUNIT_EXPECT_TRUE(test, eventually(!ioasid_attach_spid(5, 8)));
}

/* B-128, B-149: FREE is handed over, and the owner's reference goes after it. */
static void free_is_handed_to_the_running_pass(struct kunit *test)
{
	struct gate gate = { .val = IOASID_NOTIFY_BIND };
	struct job job = { .id = 5, .val = IOASID_NOTIFY_BIND };
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct helper *runs;
	unsigned long flags = 0;
	int i;

	subscribe_spinning(story, &gate, set);
	subscribe(story, "b", -1, NULL);
	/* From process context, and with interrupts off. */
	for (i = 0; i < 2; i++) {
		must_alloc_number(test, set, 5, test);
		story_forget(story);
		gate.entered = 0;
		gate.leave = 0;
		runs = start_at_gate(test, &gate, do_notify, &job);
		if (i)
			local_irq_save(flags);
		KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 1);
		KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 1);
		if (i)
			local_irq_restore(flags);
		KUNIT_EXPECT_EQ(test, ioasid_get(set, 5), -EBUSY);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), -EBUSY);
		msleep(50);
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, 5, NULL), (void *)test);
		expect_story(story, "a:BIND(5)");
		open_gate(&gate);
		helper_join(test, runs);
		KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
		expect_story(story, "b:BIND(5); a:FREE(5); b:FREE(5)");
	}
}

/* B-091: the number does not come back while a handler still works on it. */
static void id_stays_until_free_is_told(struct kunit *test)
{
	struct gate gate = { .val = IOASID_NOTIFY_FREE };
	struct ioasid_set *set = must_set(test, 0);
	struct job job = { .set = set, .id = 5 };
	struct story *story = story_new(test);
	struct helper *runs;
	ioasid_t id;

	subscribe_spinning(story, &gate, set);
	subscribe(story, "b", -1, NULL);
	must_alloc_number(test, set, 5, test);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	must_alloc_number(test, set, 6, NULL);
	story_forget(story);
	runs = start_at_gate(test, &gate, do_free, &job);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 1);
	KUNIT_EXPECT_EQ(test, -ENOSPC, ioasid_alloc_range(NULL, 5, 5, IOASID_ALLOC_LOWEST, NULL,
							  &id));
	KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(5, 20), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 7), -EEXIST);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, 5, NULL), (void *)test);
	expect_story(story, "a:FREE(5=7)");
	open_gate(&gate);
	helper_join(test, runs);
	KUNIT_EXPECT_EQ(test, job.ret, 0);
	expect_story(story, "b:FREE(5=7)");
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 7), 0);
	must_alloc_number(test, set, 5, NULL);
}

/* B-138: those who come meanwhile are not kept waiting for ever, nor told of what is half over. */
static void subscribers_come_during_a_pass(struct kunit *test)
{
	struct gate gate = { .val = IOASID_NOTIFY_BIND };
	struct job job = { .id = 5, .val = IOASID_NOTIFY_BIND };
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *b = subscriber_new(story, "b", -1);
	struct job later = { .sub = b, .set = set };
	struct helper *runs, *replays;

	must_alloc_number(test, set, 5, NULL);
	subscribe_spinning(story, &gate, set);
	runs = start_at_gate(test, &gate, do_notify, &job);
	/* It is told of the ID as soon as that is not busy any more. */
	replays = helper_start(test, do_replay, &later);
	KUNIT_EXPECT_TRUE(test, helper_waits(replays, 100));
	KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_ALLOC), 0);
	open_gate(&gate);
	helper_join(test, runs);
	helper_join(test, replays);
	KUNIT_EXPECT_EQ(test, later.ret, 0);
	expect_story(story, "a:BIND(5); b:ALLOC(5)");
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	expect_story(story, "a:FREE(5); b:FREE(5)");
	ioasid_unregister_notifier(set, &b->nb);
}

static int free_without_irqs(ioasid_t id)
{
	unsigned long flags;
	int ret;

	local_irq_save(flags);
	ret = ioasid_free(NULL, id);
	local_irq_restore(flags);
	return ret;
}

/* Whoever is to tell of 9 and of 7 is still busy with the first when this returns. */
static int free_others(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	struct gate *gate = sub->data;
	unsigned long give_up = jiffies + 5 * HZ;

	if (args->id != 5 || val != IOASID_NOTIFY_ALLOC)
		return NOTIFY_OK;
	sub->ret[0] = free_without_irqs(9);
	while (!READ_ONCE(gate->entered) && time_before(jiffies, give_up))
		cpu_relax();
	sub->ret[1] = free_without_irqs(7);
	return NOTIFY_OK;
}

/* B-101, B-143: what is freed is not replayed, so its FREE is not told either, now or later. */
static void replay_leaves_out_what_is_about_to_be_told(struct kunit *test)
{
	struct gate gate = { .val = IOASID_NOTIFY_FREE };
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *b = subscriber_new(story, "b", -1);
	struct job job = { .sub = b, .set = set };
	struct helper *replays;
	unsigned int i;

	subscribe_spinning(story, &gate, set);
	b->answer = free_others;
	b->data = &gate;
	for (i = 5; i <= 9; i++)
		must_alloc_number(test, set, i, NULL);
	story_forget(story);
	replays = start_at_gate(test, &gate, do_replay, &job);
	/* Time for the replay to come to 9, which is busy. */
	msleep(100);
	open_gate(&gate);
	helper_join(test, replays);
	KUNIT_EXPECT_EQ(test, job.ret, 0);
	KUNIT_EXPECT_EQ(test, b->ret[0], 1);
	KUNIT_EXPECT_EQ(test, b->ret[1], 1);
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(7)));
	KUNIT_EXPECT_TRUE(test, eventually(is_unknown(9)));
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_FREE), 2);
	KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_ALLOC), 3);
	KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_FREE), 0);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	expect_story(story, "a:FREE(5); b:FREE(5)");
	ioasid_unregister_notifier(set, &b->nb);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(unregister_waits_for_the_handler),
	KUNIT_CASE(passes_of_two_ids_run_at_once),
	KUNIT_CASE(passes_of_one_id_do_not_overlap),
	KUNIT_CASE(free_is_handed_to_the_running_pass),
	KUNIT_CASE(id_stays_until_free_is_told),
	KUNIT_CASE(subscribers_come_during_a_pass),
	KUNIT_CASE(replay_leaves_out_what_is_about_to_be_told),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_wait",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
