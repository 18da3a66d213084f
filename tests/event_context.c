// SPDX-License-Identifier: GPL-2.0
/* Events from callers that cannot sleep, and what is not held when a handler runs. */
#include "events.h"
#include "soft_contexts.h"

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)
#define MANY 60

struct call {
	struct story *story;
	void (*run)(void *data);
	struct ioasid_set *set;
	ioasid_t id;
	unsigned int n;
	int ret[8];
};

/* The caller's own locks may be held in a handler. */
static void do_call(void *data)
{
	struct call *call = data;

	if (in_task() && current == call->story->task)
		call->story->locks = locks_held();
	call->run(call);
}

static void call_in(const struct context *context, void (*run)(void *data), struct call *call)
{
	unsigned int locks = call->story->locks;

	call->run = run;
	run_in(context, do_call, call);
	call->story->locks = locks;
}

static void do_free(void *data)
{
	struct call *call = data;

	call->ret[0] = ioasid_free(call->set, call->id);
	call->ret[1] = ioasid_free(call->set, call->id);
}

/* Takes a reference for as long as the ID lives. */
static int hold(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_ALLOC)
		sub->ret[0] = ioasid_get(NULL, args->id);
	if (val == IOASID_NOTIFY_FREE)
		sub->ret[1] = ioasid_put(NULL, args->id);
	return NOTIFY_OK;
}

/* B-078, B-101, B-128, B-157: told once, from wherever it is freed, and not in hard IRQ. */
static void free_is_told_once(struct kunit *test)
{
	const struct context *context = context_of(test);
	struct call call = { .story = story_new(test), .set = must_set(test, 0), .id = 5 };
	struct story *story = call.story;
	int i;

	subscribe(story, "a", 1, NULL)->answer = hold;
	subscribe(story, "b", 0, call.set);
	for (i = 0; i < 3; i++) {
		if (i && context->deferred)
			must_alloc_number_soon(test, call.set, 5, test);
		else
			must_alloc_number(test, call.set, 5, test);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
		story_forget(story);
		call_in(context, do_free, &call);
		if (context->deferred) {
			KUNIT_EXPECT_EQ(test, call.ret[0], 1);
			KUNIT_EXPECT_TRUE(test, call.ret[1] == 1 || call.ret[1] == -ENOENT);
			KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5)));
		} else {
			KUNIT_EXPECT_EQ(test, call.ret[0], 0);
			KUNIT_EXPECT_EQ(test, call.ret[1], -ENOENT);
		}
		expect_story(story, "a:FREE(5=1); b:FREE(5=1)");
	}
	msleep(20);
	expect_story(story, "");
}

static void do_free_many(void *data)
{
	struct call *call = data;
	ioasid_t id;

	for (id = call->id; id < call->id + call->n; id++)
		call->ret[0] += ioasid_free(call->set, id) < 0;
}

/* B-101, B-128, B-168: each of many. */
static void many_frees_are_told_once_each(struct kunit *test)
{
	struct call call = {
		.story = story_new(test), .set = must_set(test, 0), .id = 100, .n = MANY,
	};
	DECLARE_BITMAP(told, 2 * MANY) = {};
	struct story *story = call.story;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		must_alloc_number(test, call.set, 100 + i, NULL);
	subscribe(story, "a", 1, NULL);
	subscribe(story, "b", 0, call.set);
	call_in(context_of(test), do_free_many, &call);
	KUNIT_EXPECT_EQ(test, call.ret[0], 0);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_TRUE(test, eventually(is_unknown(100 + i)));
	KUNIT_EXPECT_EQ(test, story->n, 2 * MANY);
	for (i = 0; i < story->n; i++) {
		const struct line *line = &story->lines[i];
		bool b = line->who[0] == 'b';

		KUNIT_EXPECT_EQ(test, line->val, IOASID_NOTIFY_FREE);
		KUNIT_EXPECT_FALSE(test, test_and_set_bit(line->args.id - 100 + b * MANY, told));
	}
}

static void do_events(void *data)
{
	struct call *call = data;

	call->ret[0] = ioasid_attach_spid(call->id, 7);
	call->ret[1] = ioasid_notify(call->id, IOASID_NOTIFY_BIND, BOTH);
	call->ret[2] = ioasid_notify(call->id, IOASID_NOTIFY_UNBIND, BOTH);
	call->ret[3] = ioasid_detach_spid(call->id);
	call->ret[4] = ioasid_notify(call->id, IOASID_NOTIFY_FREE, BOTH);
	ioasid_free_all_in_set(call->set);
}

/* B-101, B-157: these up to softirq, and they are told of before the call returns. */
static void events_work(struct kunit *test)
{
	struct call call = { .story = story_new(test), .set = must_set(test, 0), .id = 5 };
	struct story *story = call.story;

	subscribe(story, "a", 1, NULL);
	subscribe(story, "b", 0, call.set);
	must_alloc_number(test, call.set, 5, test);
	story_forget(story);
	call_in(context_of(test), do_events, &call);
	KUNIT_EXPECT_EQ(test, call.ret[0], 0);
	KUNIT_EXPECT_EQ(test, call.ret[1], 0);
	KUNIT_EXPECT_EQ(test, call.ret[2], 0);
	KUNIT_EXPECT_EQ(test, call.ret[3], 0);
	KUNIT_EXPECT_EQ(test, call.ret[4], -EINVAL);
	expect_story(story, "a:BIND(5=7); b:BIND(5=7); a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7); "
			    "b:UNBIND(5=7); a:UNBIND(5=7); b:UNBIND(5=7); a:FREE(5); b:FREE(5)");
	KUNIT_EXPECT_TRUE(test, is_unknown(5));
}

static int refuse(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	return val == IOASID_NOTIFY_BIND ? notifier_from_errno(-EXDEV) : NOTIFY_OK;
}

static void do_attach(void *data)
{
	struct call *call = data;

	call->ret[0] = ioasid_attach_spid(call->id, 7);
	call->ret[1] = ioasid_notify(call->id, IOASID_NOTIFY_BIND, IOASID_NOTIFY_SET);
}

/* B-152: the answer is there when the call returns. */
static void refusal_works(struct kunit *test)
{
	struct call call = { .story = story_new(test), .set = must_set(test, 0), .id = 5 };
	struct story *story = call.story;

	subscribe(story, "a", 1, NULL);
	subscribe(story, "b", 0, call.set)->answer = refuse;
	must_alloc_number(test, call.set, 5, test);
	story_forget(story);
	call_in(context_of(test), do_attach, &call);
	KUNIT_EXPECT_EQ(test, call.ret[0], -EXDEV);
	KUNIT_EXPECT_EQ(test, call.ret[1], -EXDEV);
	expect_story(story, "a:BIND(5=7); b:BIND(5=7); a:UNBIND(5=7); b:BIND(5)");
}

static void do_set_put(void *data)
{
	struct call *call = data;

	ioasid_set_put(call->set);
}

/* B-046, B-101, B-153: the creator's last put frees the IDs, and ends the set. */
static void end_of_set_is_told(struct kunit *test)
{
	struct call call = { .story = story_new(test), .set = must_set(test, 0) };
	struct story *story = call.story;

	subscribe(story, "a", 0, NULL);
	must_alloc_number(test, call.set, 5, NULL);
	story_forget(story);
	call_in(context_of(test), do_set_put, &call);
	KUNIT_EXPECT_TRUE(test, eventually(story_count(story, "a", IOASID_NOTIFY_SET_FREE)));
	expect_story(story, "a:FREE(5); a:SET_FREE");
}

/* What a subscriber guards its state with, and callers hold around calls of ours. */
static DEFINE_SPINLOCK(subscriber_lock);
static bool caller_has_lock;

static int lock_inside(struct subscriber *sub, unsigned long val,
		       const struct ioasid_nb_args *args)
{
	unsigned int locks = locks_held();

	sub->calls++;
	if (caller_has_lock)
		return NOTIFY_OK;
	spin_lock(&subscriber_lock);
	sub->ret[0] += locks_held() != locks + 1 && IS_ENABLED(CONFIG_LOCKDEP);
	sub->ret[1] += !!ioasid_find(args->set, args->id, NULL);
	spin_unlock(&subscriber_lock);
	return NOTIFY_OK;
}

static void call_everything(struct kunit *test, struct ioasid_set *set)
{
	struct ioasid_set_usage usage;
	int visits = 0;

	KUNIT_EXPECT_EQ(test, ioasid_get(set, 5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 7), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 7), -EEXIST);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, 7, true), 5);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH), 0);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_UNBIND, BOTH), 0);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 8), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_query(set, &usage), 0);
	KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 30), 0);
	KUNIT_EXPECT_EQ(test, ioasid_reserve_capacity(5), 5);
	KUNIT_EXPECT_GT(test, ioasid_cancel_capacity(5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_for_each_ioasid(set, count_visit, &visits), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 1);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(6, 8), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(set, 5));
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, 5));
	ioasid_free_all_in_set(set);
}

/* B-139, B-155, B-160: both ways round; lockdep tells if there is a lock of ours in between. */
static void no_lock_is_held_in_handlers(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 20);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe(story, "a", 1, NULL), *b = subscribe(story, "b", 0, set);
	unsigned int calls = 0;
	int i;

	a->answer = lock_inside;
	b->answer = lock_inside;
	for (i = 0; i < 4; i++) {
		must_alloc_number(test, set, 5, NULL);
		must_alloc_number(test, set, 6, NULL);
		caller_has_lock = i & 1;
		if (caller_has_lock) {
			spin_lock(&subscriber_lock);
			story->locks = locks_held();
		}
		call_everything(test, set);
		if (caller_has_lock) {
			spin_unlock(&subscriber_lock);
			story->locks = 0;
		}
		/* All that was said in the first round is said in the others. */
		if (i == 0)
			calls = a->calls;
		KUNIT_EXPECT_EQ(test, a->calls, calls * (i + 1));
		KUNIT_EXPECT_EQ(test, b->calls, calls * (i + 1));
		story_forget(story);
	}
	KUNIT_EXPECT_EQ(test, calls, 10);
	KUNIT_EXPECT_EQ(test, a->ret[0] + b->ret[0], 0);
	KUNIT_EXPECT_EQ(test, a->ret[1] + b->ret[1], 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(free_is_told_once, contexts_gen_params),
	KUNIT_CASE_PARAM(many_frees_are_told_once_each, contexts_gen_params),
	KUNIT_CASE_PARAM(end_of_set_is_told, contexts_gen_params),
	KUNIT_CASE_PARAM(events_work, soft_contexts_gen_params),
	KUNIT_CASE_PARAM(refusal_works, soft_contexts_gen_params),
	KUNIT_CASE(no_lock_is_held_in_handlers),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_context",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
