// SPDX-License-Identifier: GPL-2.0
/* Thousands of events at random, and who has to be told of each, in which order. */
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sort.h>

#include "events.h"

static unsigned int seed;
module_param(seed, uint, 0644);
MODULE_PARM_DESC(seed, "What is done at random; 0: other things each time");

#define STEPS 4000
#define SUBS 14
#define IDS 10
#define FIRST_ID 100U
/* Sets 0 and 1 are those of an mm; KERNEL is no set at all. */
#define SETS 4
#define MMS 2
#define KERNEL SETS

enum scope { NOWHERE, GLOBAL, SET, MM };

/* A subscriber, its place, and when it came. */
struct seat {
	struct subscriber *sub;
	enum scope scope;
	unsigned int of;
	unsigned int number;
	bool refuses;
};

struct life {
	bool live;
	bool held;
	unsigned int set;
	ioasid_t spid;
};

struct model {
	struct kunit *test;
	struct rnd_state rnd;
	struct story *story;
	struct mm_struct *mms[MMS];
	struct ioasid_set *sets[SETS + 1];
	struct seat seats[SUBS];
	struct life ids[IDS];
	unsigned int registered;
	/* What is to be told by the step that is under way. */
	struct line expected[STORY_LINES];
	unsigned int n;
	unsigned int events[IOASID_NOTIFY_SET_FREE + 1];
	bool failed;
};

static u32 below(struct model *model, u32 limit)
{
	return prandom_u32_state(&model->rnd) % limit;
}

static int answer(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	struct seat *seat = sub->data;

	if (val == IOASID_NOTIFY_BIND && seat->refuses)
		return notifier_from_errno(-EXDEV);
	return val == IOASID_NOTIFY_BIND ? NOTIFY_STOP : NOTIFY_BAD;
}

static bool is_told(const struct seat *seat, unsigned int set, unsigned int flags)
{
	switch (seat->scope) {
	case GLOBAL:
		return flags & IOASID_NOTIFY_ALL;
	case SET:
	case MM:
		return flags & IOASID_NOTIFY_SET && seat->of == set;
	default:
		return false;
	}
}

static int by_rank(const void *a, const void *b)
{
	const struct seat *one = *(const struct seat **)a, *other = *(const struct seat **)b;

	if (one->sub->nb.priority != other->sub->nb.priority)
		return one->sub->nb.priority > other->sub->nb.priority ? -1 : 1;
	return one->number < other->number ? -1 : 1;
}

static void expect_told(struct model *model, const struct seat *seat, unsigned long val,
			const struct ioasid_nb_args *args)
{
	if (model->n < STORY_LINES)
		model->expected[model->n++] = (struct line){ seat->sub->name, val, *args };
}

/* One pass. Returns what the caller is told. */
static int expect_pass(struct model *model, unsigned long val, unsigned int set,
		       const struct ioasid_nb_args *args, unsigned int flags)
{
	const struct seat *told[SUBS];
	int n = 0, i;

	model->events[val]++;
	for (i = 0; i < SUBS; i++) {
		if (is_told(&model->seats[i], set, flags))
			told[n++] = &model->seats[i];
	}
	sort(told, n, sizeof(told[0]), by_rank, NULL);
	for (i = 0; i < n; i++) {
		expect_told(model, told[i], val, args);
		if (val != IOASID_NOTIFY_BIND || !told[i]->refuses)
			continue;
		while (i--)
			expect_told(model, told[i], IOASID_NOTIFY_UNBIND, args);
		return -EXDEV;
	}
	return 0;
}

static struct ioasid_nb_args args_of(struct model *model, unsigned int at)
{
	return (struct ioasid_nb_args){
		.id = FIRST_ID + at,
		.spid = model->ids[at].spid,
		.set = model->sets[model->ids[at].set],
		.pdata = &model->ids[at],
	};
}

static int expect_id(struct model *model, unsigned long val, unsigned int at, unsigned int flags)
{
	struct ioasid_nb_args args = args_of(model, at);

	return expect_pass(model, val, model->ids[at].set, &args, flags);
}

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

static void check_step(struct model *model, const char *what, int ret, int expected)
{
	struct story *story = model->story;
	struct kunit *test = model->test;
	unsigned int i;

	if (ret != expected) {
		KUNIT_FAIL(test, "%s returns %d, not %d", what, ret, expected);
		model->failed = true;
	}
	if (story->n != model->n) {
		KUNIT_FAIL(test, "%s: told %u times, not %u: %s", what, story->n, model->n,
			   story_told(story));
		model->failed = true;
	}
	for (i = 0; i < model->n && !model->failed; i++) {
		struct line *is = &story->lines[i], *to_be = &model->expected[i];

		if (strcmp(is->who, to_be->who) || is->val != to_be->val ||
		    memcmp(&is->args, &to_be->args, sizeof(is->args))) {
			KUNIT_FAIL(test, "%s: no. %u: event %lu of %u to %s, not %lu of %u to %s",
				   what, i, is->val, is->args.id, is->who, to_be->val,
				   to_be->args.id, to_be->who);
			model->failed = true;
		}
	}
	story_forget(story);
	model->n = 0;
}

static void do_alloc(struct model *model)
{
	unsigned int at = below(model, IDS), set = below(model, SETS + 1);
	struct life *life = &model->ids[at];
	ioasid_t id = FIRST_ID + at, got;
	int ret;

	if (life->live || life->held || (set != KERNEL && !model->sets[set]))
		return;
	life->live = true;
	life->set = set;
	life->spid = INVALID_IOASID;
	expect_id(model, IOASID_NOTIFY_ALLOC, at, BOTH);
	ret = ioasid_alloc_range(model->sets[set], id, id, IOASID_ALLOC_LOWEST, life, &got);
	check_step(model, "alloc", ret, 0);
}

static void do_free(struct model *model)
{
	unsigned int at = below(model, IDS);
	struct life *life = &model->ids[at];
	int ret;

	if (!life->live)
		return;
	if (!below(model, 3) && !ioasid_get(NULL, FIRST_ID + at))
		life->held = true;
	life->live = false;
	expect_id(model, IOASID_NOTIFY_FREE, at, BOTH);
	ret = ioasid_free(NULL, FIRST_ID + at);
	check_step(model, "free", ret, life->held);
}

static void drop(struct model *model, unsigned int at)
{
	struct life *life = &model->ids[at];

	if (!life->held)
		return;
	life->held = false;
	check_step(model, "put", ioasid_put(NULL, FIRST_ID + at), true);
}

static void do_put(struct model *model)
{
	drop(model, below(model, IDS));
}

static void do_spid(struct model *model)
{
	unsigned int at = below(model, IDS);
	struct life *life = &model->ids[at];
	int ret, err;

	if (!life->live)
		return;
	if (life->spid != INVALID_IOASID) {
		expect_id(model, IOASID_NOTIFY_UNBIND, at, BOTH);
		life->spid = INVALID_IOASID;
		check_step(model, "detach", ioasid_detach_spid(FIRST_ID + at), 0);
		return;
	}
	life->spid = at;
	err = expect_id(model, IOASID_NOTIFY_BIND, at, BOTH);
	ret = ioasid_attach_spid(FIRST_ID + at, at);
	check_step(model, "attach", ret, err);
	if (err)
		life->spid = INVALID_IOASID;
}

static void do_notify(struct model *model)
{
	unsigned int at = below(model, IDS), flags = 1 + below(model, 3);
	unsigned long val = IOASID_NOTIFY_BIND + below(model, 2);
	int ret, err;

	if (!model->ids[at].live)
		return;
	err = expect_id(model, val, at, flags);
	ret = ioasid_notify(FIRST_ID + at, val, flags);
	check_step(model, "notify", ret, err);
}

static void leave(struct model *model, struct seat *seat)
{
	if (seat->scope == NOWHERE)
		return;
	unsubscribe(seat->sub);
	seat->scope = NOWHERE;
}

static void begin_set(struct model *model, unsigned int at)
{
	struct mm_struct *mm = at < MMS ? model->mms[at] : NULL;
	struct ioasid_nb_args args = { .id = INVALID_IOASID, .spid = INVALID_IOASID };

	model->sets[at] = ioasid_alloc_set(mm, 0, mm ? IOASID_SET_TYPE_MM : IOASID_SET_TYPE_NULL);
	if (IS_ERR(model->sets[at])) {
		check_step(model, "alloc_set", PTR_ERR(model->sets[at]), 0);
		model->sets[at] = NULL;
		return;
	}
	args.set = model->sets[at];
	expect_pass(model, IOASID_NOTIFY_SET_ALLOC, at, &args, BOTH);
	check_step(model, "alloc_set", 0, 0);
}

/* IDs end in the order of their lines in the story: which one is first is not promised. */
static void expect_frees(struct model *model, unsigned int set)
{
	struct story *story = model->story;
	unsigned int i, at;

	for (i = 0; i < story->n; i++) {
		at = story->lines[i].args.id - FIRST_ID;
		if (at >= IDS || !model->ids[at].live || model->ids[at].set != set)
			continue;
		model->ids[at].live = false;
		expect_id(model, IOASID_NOTIFY_FREE, at, BOTH);
	}
	for (at = 0; at < IDS; at++) {
		if (!model->ids[at].live || model->ids[at].set != set)
			continue;
		model->ids[at].live = false;
		expect_id(model, IOASID_NOTIFY_FREE, at, BOTH);
	}
}

static void end_set(struct model *model, unsigned int at)
{
	struct ioasid_nb_args args = { .id = INVALID_IOASID, .spid = INVALID_IOASID };
	struct ioasid_set *set = model->sets[at];
	unsigned int i;
	int ret;

	/* Holders would make it end later. */
	for (i = 0; i < IDS; i++) {
		if (model->ids[i].set == at)
			drop(model, i);
	}
	ret = ioasid_set_free(set);
	/* A little later; somebody is told of everything. */
	if (!eventually(story_count(model->story, model->seats[0].sub->name,
				    IOASID_NOTIFY_SET_FREE)) ||
	    !eventually(is_gone(set)))
		ret = -ETIMEDOUT;
	expect_frees(model, at);
	args.set = set;
	expect_pass(model, IOASID_NOTIFY_SET_FREE, at, &args, BOTH);
	model->sets[at] = NULL;
	check_step(model, "set_free", ret, 0);
	/* They are not told of the next one. */
	for (i = 0; i < SUBS; i++) {
		if (model->seats[i].scope == SET && model->seats[i].of == at)
			leave(model, &model->seats[i]);
	}
}

static void do_set(struct model *model)
{
	unsigned int at = below(model, SETS);

	if (!model->sets[at])
		begin_set(model, at);
	else if (!below(model, 3))
		end_set(model, at);
}

/* In whatever order of the IDs, too. */
static void expect_replay(struct model *model, const struct seat *seat)
{
	struct story *story = model->story;
	DECLARE_BITMAP(seen, IDS) = {};
	unsigned int i, at;

	for (i = 0; i < story->n + IDS; i++) {
		struct ioasid_nb_args args;

		at = i < story->n ? story->lines[i].args.id - FIRST_ID : i - story->n;
		if (at >= IDS || !model->ids[at].live || __test_and_set_bit(at, seen))
			continue;
		if (!is_told(seat, model->ids[at].set, BOTH))
			continue;
		args = args_of(model, at);
		expect_told(model, seat, IOASID_NOTIFY_ALLOC, &args);
		if (args.spid != INVALID_IOASID)
			expect_told(model, seat, IOASID_NOTIFY_BIND, &args);
	}
}

static int enter(struct model *model, struct seat *seat, bool replay)
{
	struct notifier_block *nb = &seat->sub->nb;

	switch (seat->scope) {
	case MM:
		seat->sub->mm = model->mms[seat->of];
		return replay ? ioasid_register_notifier_mm_replay(seat->sub->mm, nb) :
				ioasid_register_notifier_mm(seat->sub->mm, nb);
	case SET:
		seat->sub->set = model->sets[seat->of];
		break;
	default:
		seat->sub->set = NULL;
	}
	seat->sub->mm = NULL;
	return replay ? ioasid_register_notifier_replay(seat->sub->set, nb) :
			ioasid_register_notifier(seat->sub->set, nb);
}

static bool has_ids(struct model *model, unsigned int set)
{
	unsigned int i;

	for (i = 0; i < IDS; i++) {
		if (model->ids[i].set == set && (model->ids[i].live || model->ids[i].held))
			return true;
	}
	return false;
}

static void do_seat(struct model *model)
{
	static const int priorities[] = { INT_MIN, -1, 0, 0, 1, 1, 2, 2, 3, 3, 4, INT_MAX };
	struct seat *seat = &model->seats[1 + below(model, SUBS - 1)];
	bool replay = below(model, 2);
	int ret, err = 0;

	if (seat->scope != NOWHERE) {
		leave(model, seat);
		check_step(model, "unregister", 0, 0);
		return;
	}
	seat->scope = GLOBAL + below(model, 3);
	seat->of = below(model, seat->scope == MM ? MMS : SETS);
	seat->refuses = !below(model, 12);
	seat->sub->nb.priority = priorities[below(model, ARRAY_SIZE(priorities))];
	if (seat->scope == SET && !model->sets[seat->of]) {
		seat->scope = NOWHERE;
		return;
	}
	if (seat->scope == MM && !replay && has_ids(model, seat->of))
		err = -EBUSY;
	ret = enter(model, seat, replay);
	if (replay)
		expect_replay(model, seat);
	if (!ret && kunit_add_action_or_reset(model->test, subscriber_leave, seat->sub))
		ret = -ENOMEM;
	seat->number = ++model->registered;
	if (ret)
		seat->scope = NOWHERE;
	check_step(model, "register", ret, err);
}

/* B-121, B-126, B-128, B-130, B-132, B-144, B-148, B-152. */
static void random_events_are_told_in_order(struct kunit *test)
{
	static void (* const steps[])(struct model *model) = {
		do_alloc, do_alloc, do_alloc, do_free, do_put, do_spid, do_spid, do_spid, do_notify,
		do_notify, do_set, do_seat, do_seat,
	};
	static char names[SUBS][4];
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	u32 first = seed ?: get_random_u32();
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, model);
	model->test = test;
	model->story = story_new(test);
	kunit_info(test, "seed=%u\n", first);
	prandom_seed_state(&model->rnd, first);
	for (i = 0; i < MMS; i++)
		model->mms[i] = must_mm(test);
	for (i = 0; i < SUBS; i++) {
		snprintf(names[i], sizeof(names[i]), "%u", i);
		model->seats[i].sub = subscriber_new(model->story, names[i], 0);
		model->seats[i].sub->data = &model->seats[i];
		model->seats[i].sub->answer = answer;
	}
	must_subscribe(model->seats[0].sub, NULL);
	model->seats[0].scope = GLOBAL;
	for (i = 0; i < STEPS && !model->failed; i++)
		steps[below(model, ARRAY_SIZE(steps))](model);
	for (i = 0; i < SETS; i++) {
		if (model->sets[i])
			end_set(model, i);
	}
	for (i = 0; i < IDS; i++)
		drop(model, i);
	for (i = 0; i < IDS; i++)
		ioasid_free(NULL, FIRST_ID + i);
	for (i = 0; i < SUBS; i++)
		leave(model, &model->seats[i]);
	KUNIT_EXPECT_FALSE_MSG(test, model->failed, "seed=%u", first);
	for (i = IOASID_NOTIFY_ALLOC; i <= IOASID_NOTIFY_SET_FREE; i++)
		KUNIT_EXPECT_GT(test, model->events[i], 20);
	kunit_info(test, "events: %u ALLOC, %u FREE, %u BIND, %u UNBIND, %u sets\n",
		   model->events[IOASID_NOTIFY_ALLOC], model->events[IOASID_NOTIFY_FREE],
		   model->events[IOASID_NOTIFY_BIND], model->events[IOASID_NOTIFY_UNBIND],
		   model->events[IOASID_NOTIFY_SET_ALLOC]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(random_events_are_told_in_order),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_random",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
