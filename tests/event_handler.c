// SPDX-License-Identifier: GPL-2.0
/* What handlers do to other IDs, and to references. */
#include "events.h"

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

/* The same for all cases: a pass has two subscribers, one of which does something. */
static struct subscriber *handlers(struct story *story, struct ioasid_set *set,
				   int (*answer)(struct subscriber *sub, unsigned long val,
						 const struct ioasid_nb_args *args))
{
	struct subscriber *a = subscribe(story, "a", 1, NULL);

	subscribe(story, "b", 0, set);
	a->answer = answer;
	return a;
}

static int get_and_put(struct subscriber *sub, unsigned long val,
		       const struct ioasid_nb_args *args)
{
	int err = ioasid_get(args->set, args->id);

	sub->ret[val] = err;
	if (!err)
		sub->calls += ioasid_put(args->set, args->id);
	err = ioasid_get_named(args->set, args->id, "handler");
	if (err != sub->ret[val])
		sub->ret[0]++;
	if (!err)
		sub->calls += ioasid_put_named(args->set, args->id, "handler");
	return NOTIFY_OK;
}

/* B-075, B-159: get and put are the same functions inside a handler; there is no other one. */
static void handler_takes_and_drops_references(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *a = handlers(story, set, get_and_put);

	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	KUNIT_EXPECT_EQ(test, a->ret[IOASID_NOTIFY_ALLOC], 0);
	KUNIT_EXPECT_EQ(test, a->ret[IOASID_NOTIFY_BIND], 0);
	KUNIT_EXPECT_EQ(test, a->ret[IOASID_NOTIFY_UNBIND], 0);
	KUNIT_EXPECT_EQ(test, a->ret[IOASID_NOTIFY_FREE], -EBUSY);
	KUNIT_EXPECT_EQ(test, a->ret[0], 0);
	/* None was the last one. */
	KUNIT_EXPECT_EQ(test, a->calls, 0);
}

static int take_on_alloc(struct subscriber *sub, unsigned long val,
			 const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_ALLOC)
		sub->ret[0] = ioasid_get(NULL, args->id);
	if (val == IOASID_NOTIFY_FREE)
		sub->ret[1] = ioasid_put(NULL, args->id);
	return NOTIFY_OK;
}

/* B-149: from the first event to the last. */
static void handler_holds_the_id_all_its_life(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *a = handlers(story, set, take_on_alloc);
	int i;

	for (i = 0; i < 3; i++) {
		a->ret[0] = -1;
		a->ret[1] = -1;
		must_alloc_number(test, set, 5, NULL);
		KUNIT_EXPECT_EQ(test, a->ret[0], 0);
		KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
		KUNIT_EXPECT_EQ(test, a->ret[1], false);
		expect_story(story, "a:ALLOC(5); b:ALLOC(5); a:FREE(5); b:FREE(5)");
	}
}

static int put_another(struct subscriber *sub, unsigned long val,
		       const struct ioasid_nb_args *args)
{
	if (args->id == 5) {
		sub->ret[0] = ioasid_put(NULL, 6);
		sub->ret[1] = is_unknown(6);
		sub->calls++;
	}
	return NOTIFY_OK;
}

/* B-137, B-149: the last reference of an ID that was freed long ago. */
static void handler_reclaims_another_id(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *a;

	must_alloc_number(test, set, 6, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get(set, 6), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 6), 1);
	a = handlers(story, set, put_another);
	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, a->calls, 1);
	KUNIT_EXPECT_TRUE(test, a->ret[0]);
	KUNIT_EXPECT_TRUE(test, a->ret[1]);
	expect_story(story, "a:ALLOC(5); b:ALLOC(5)");
	a->answer = NULL;
	must_alloc_number(test, set, 6, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 6), 0);
}

#define CHAIN 8

/* The next one, for any event. */
static int free_next(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	if (val == (unsigned long)sub->data && args->id < 10 + CHAIN)
		sub->ret[0] += ioasid_free(args->set, args->id + 1) < 0;
	return NOTIFY_OK;
}

/* B-137: one FREE leads to the next, each of which is told of to all. */
static void handler_frees_another_id(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *a = handlers(story, set, free_next);
	unsigned long val;
	int i;

	for (val = IOASID_NOTIFY_FREE; val <= IOASID_NOTIFY_UNBIND; val++) {
		a->data = NULL;
		for (i = 0; i <= CHAIN; i++)
			must_alloc_number(test, set, 10 + i, NULL);
		story_forget(story);
		a->data = (void *)val;
		if (val != IOASID_NOTIFY_FREE) {
			KUNIT_EXPECT_EQ(test, ioasid_notify(10, val, BOTH), 0);
			KUNIT_EXPECT_EQ(test, story_count(story, NULL, val), 2);
			KUNIT_EXPECT_TRUE(test, eventually(is_unknown(11)));
			a->data = (void *)(unsigned long)IOASID_NOTIFY_FREE;
			for (i = 2; i <= CHAIN; i++)
				KUNIT_EXPECT_FALSE(test, is_unknown(10 + i));
			KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 12), 0);
		}
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 10), 0);
		for (i = 0; i <= CHAIN; i++)
			KUNIT_EXPECT_TRUE(test, eventually(is_unknown(10 + i)));
		KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_FREE), CHAIN + 1);
		KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_FREE), CHAIN + 1);
	}
	/* 11 was gone when 10 was freed at last, twice. */
	KUNIT_EXPECT_EQ(test, a->ret[0], 2);
}

static int bind_another(struct subscriber *sub, unsigned long val,
			const struct ioasid_nb_args *args)
{
	if (args->id != 5)
		return NOTIFY_OK;
	sub->calls++;
	sub->ret[0] += ioasid_attach_spid(6, 7);
	sub->ret[1] += ioasid_find_spid(6) != 7 || !ioasid_is_active(6);
	sub->ret[2] += ioasid_find_by_spid(args->set, 7, true) != 6;
	ioasid_put(args->set, 6);
	sub->ret[3] += ioasid_notify(6, IOASID_NOTIFY_BIND, BOTH);
	sub->ret[4] += ioasid_notify(6, IOASID_NOTIFY_UNBIND, BOTH);
	sub->ret[5] += ioasid_detach_spid(6);
	sub->ret[6] += ioasid_find_spid(6) != INVALID_IOASID;
	return NOTIFY_OK;
}

/* B-137: nested events of another ID are complete when the call returns. */
static void handler_attaches_and_notifies_another_id(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *a;
	size_t i;

	must_alloc_number(test, set, 6, NULL);
	a = handlers(story, set, bind_another);
	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_notify(5, IOASID_NOTIFY_BIND, BOTH), 0);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	KUNIT_EXPECT_EQ(test, a->calls, 5);
	for (i = 0; i < ARRAY_SIZE(a->ret); i++)
		KUNIT_EXPECT_EQ_MSG(test, a->ret[i], 0, "call %zu", i);
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_BIND), 5 * 2 + 2);
	KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_BIND), 5 * 2 + 2);
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_UNBIND), 5 * 2 + 1);
	KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_UNBIND), 5 * 2 + 1);
}

static int refuse_six(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	if (val != IOASID_NOTIFY_BIND)
		return NOTIFY_OK;
	if (args->id == 6)
		return notifier_from_errno(-EXDEV);
	sub->ret[0] = ioasid_attach_spid(6, 7);
	return NOTIFY_OK;
}

/* B-152: one pass is rolled back, the one around it is not. */
static void nested_refusal_is_its_own(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	struct subscriber *a = handlers(story, set, refuse_six);

	subscribe(story, "c", 2, NULL);
	must_alloc_number(test, set, 5, NULL);
	must_alloc_number(test, set, 6, NULL);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, a->ret[0], -EXDEV);
	expect_story(story, "c:BIND(5=1); a:BIND(5=1); c:BIND(6=7); a:BIND(6=7); c:UNBIND(6=7); "
			    "b:BIND(5=1)");
	KUNIT_EXPECT_TRUE(test, ioasid_is_active(5));
	KUNIT_EXPECT_FALSE(test, ioasid_is_active(6));
}

static int ask_everything(struct subscriber *sub, unsigned long val,
			  const struct ioasid_nb_args *args)
{
	struct ioasid_set_usage usage;
	struct ioasid_set *found;
	int visits = 0;

	sub->calls++;
	sub->ret[0] += !!ioasid_set_query(args->set, &usage);
	sub->ret[1] += !!ioasid_set_for_each_ioasid(args->set, count_visit, &visits);
	sub->ret[1] += !visits;
	found = ioasid_find_mm_set(sub->data);
	if (IS_ERR(found))
		sub->ret[2]++;
	else
		ioasid_set_put(found);
	found = ioasid_find_set(args->id);
	if (found != args->set)
		sub->ret[3]++;
	else
		ioasid_set_put(found);
	if (ioasid_get_if_owned_by(args->id, sub->data))
		sub->ret[4] += val != IOASID_NOTIFY_FREE;
	else
		ioasid_put(args->set, args->id);
	sub->ret[5] += !!ioasid_set_policy(args->set, IOASID_ALLOC_LOWEST);
	sub->ret[6] += ioasid_set_get(args->set);
	ioasid_set_put(args->set);
	sub->ret[7] += !!ioasid_adjust_set(args->set, 20);
	if (ioasid_reserve_capacity(5) == 5)
		ioasid_cancel_capacity(5);
	return NOTIFY_OK;
}

/* B-137, B-160: whatever does not sleep may be asked. */
static void handler_may_ask_everything(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 10);
	struct story *story = story_new(test);
	struct subscriber *a = subscribe(story, "a", 0, set);
	size_t i;

	a->answer = ask_everything;
	a->data = mm;
	must_alloc_number(test, set, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_detach_spid(5), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, 5), 0);
	KUNIT_EXPECT_EQ(test, a->calls, 4);
	for (i = 0; i < ARRAY_SIZE(a->ret); i++)
		KUNIT_EXPECT_EQ_MSG(test, a->ret[i], 0, "question %zu", i);
}

static int change_data(struct subscriber *sub, unsigned long val,
		       const struct ioasid_nb_args *args)
{
	sub->ret[val] = ioasid_attach_data(args->id, sub);
	return NOTIFY_OK;
}

static int data_seen(struct notifier_block *nb, unsigned long val, void *data)
{
	struct subscriber *sub = container_of(nb, struct subscriber, nb);

	sub->calls += ioasid_find(NULL, 5, NULL) == sub->data;
	return NOTIFY_OK;
}

/* B-113, B-166: a driver puts its data where the next one in the same pass finds it. */
static void handler_attaches_data(struct kunit *test)
{
	struct story *story = story_new(test);
	struct subscriber *a = subscribe(story, "a", 1, NULL), *b;

	a->answer = change_data;
	b = subscriber_new(story, "b", 0);
	b->nb.notifier_call = data_seen;
	b->data = a;
	must_subscribe(b, NULL);
	must_alloc_number(test, NULL, 5, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(5, 1), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, 5), 0);
	KUNIT_EXPECT_EQ(test, a->ret[IOASID_NOTIFY_ALLOC], 0);
	KUNIT_EXPECT_EQ(test, a->ret[IOASID_NOTIFY_BIND], -EBUSY);
	KUNIT_EXPECT_EQ(test, a->ret[IOASID_NOTIFY_FREE], -EBUSY);
	KUNIT_EXPECT_EQ(test, b->calls, 3);
}

static int free_all(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args)
{
	if (val == IOASID_NOTIFY_BIND)
		ioasid_free_all_in_set(args->set);
	return NOTIFY_OK;
}

/* B-137: the ID whose pass it is among them. */
static void handler_frees_the_whole_set(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	struct story *story = story_new(test);
	int i;

	handlers(story, set, free_all);
	for (i = 0; i < 10; i++)
		must_alloc_number(test, set, 5 + i, NULL);
	story_forget(story);
	KUNIT_EXPECT_EQ(test, ioasid_notify(9, IOASID_NOTIFY_BIND, BOTH), 0);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_TRUE(test, eventually(is_unknown(5 + i)));
	KUNIT_EXPECT_EQ(test, story_count(story, "a", IOASID_NOTIFY_FREE), 10);
	KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_FREE), 10);
	KUNIT_EXPECT_EQ(test, story_count(story, "b", IOASID_NOTIFY_BIND), 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(handler_takes_and_drops_references),
	KUNIT_CASE(handler_holds_the_id_all_its_life),
	KUNIT_CASE(handler_reclaims_another_id),
	KUNIT_CASE(handler_frees_another_id),
	KUNIT_CASE(handler_attaches_and_notifies_another_id),
	KUNIT_CASE(nested_refusal_is_its_own),
	KUNIT_CASE(handler_may_ask_everything),
	KUNIT_CASE(handler_attaches_data),
	KUNIT_CASE(handler_frees_the_whole_set),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_event_handler",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
