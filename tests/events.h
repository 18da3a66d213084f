/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Subscribers that write down what they are told, in one story for all of them, and check what has
 * to be true of any event: where they run, and that they are told what anybody else finds.
 */
#ifndef IOASID_TESTS_EVENTS_H
#define IOASID_TESTS_EVENTS_H

#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "sets.h"

#define STORY_LINES 320
#define STORY_TEXT 12288

/* One event, told to one subscriber. */
struct line {
	const char *who;
	unsigned long val;
	struct ioasid_nb_args args;
};

struct story {
	struct kunit *test;
	raw_spinlock_t lock; /* n and lines */
	unsigned int n;
	struct line lines[STORY_LINES];
	char text[STORY_TEXT];
	/* What is held by the thread of the test when it makes a call. */
	struct task_struct *task;
	unsigned int locks;
	atomic_t faults;
	const char *fault;
};

struct subscriber {
	struct notifier_block nb;
	struct story *story;
	const char *name;
	struct ioasid_set *set;
	struct mm_struct *mm;
	/* What it does when it is told, and what it returns; NULL: nothing, and NOTIFY_OK. */
	int (*answer)(struct subscriber *sub, unsigned long val, const struct ioasid_nb_args *args);
	void *data;
	/* Return values of calls that it makes, and how many it has made. */
	int ret[8];
	unsigned int calls;
};

/* Locks that the thread holds, read sides of RCU and SRCU not counted. */
static inline unsigned int locks_held(void)
{
	unsigned int n = 0;
#ifdef CONFIG_LOCKDEP
	int i;

	for (i = 0; i < current->lockdep_depth; i++) {
		const struct held_lock *held = &current->held_locks[i];

		n += held->read != 2 || held->check;
	}
#endif
	return n;
}

static inline void story_fault(struct story *story, const char *what)
{
	atomic_inc(&story->faults);
	WRITE_ONCE(story->fault, what);
}

static inline void check_place(struct story *story)
{
	if (in_hardirq() || in_nmi() || irqs_disabled())
		story_fault(story, "told with interrupts off");
	if (!rcu_read_lock_held())
		story_fault(story, "told without RCU");
	if (!preempt_count() && !rcu_preempt_depth())
		story_fault(story, "told where it could sleep");
	if (in_task() && current == story->task && locks_held() != story->locks)
		story_fault(story, "told with a lock held");
}

/* Whether the handle is good at the end as well has a case of its own. */
static inline void check_set_event(struct story *story, unsigned long val,
				   const struct ioasid_nb_args *args)
{
	struct ioasid_set_usage usage = {};
	int err;

	if (args->id != INVALID_IOASID || args->spid != INVALID_IOASID || args->pdata)
		story_fault(story, "a set has an ID, an SPID or data");
	if (!args->set)
		story_fault(story, "told of the set that is always there");
	err = ioasid_set_query(args->set, &usage);
	if (err && val == IOASID_NOTIFY_SET_ALLOC)
		story_fault(story, "told of a set that is not there");
	if (!err && (usage.use || usage.spids))
		story_fault(story, "a set begins or ends with an ID");
}

/* What is told is true at least until the first handler changes it. */
static inline void check_id_event(struct story *story, const struct ioasid_nb_args *args)
{
	if (!args->id || args->id == INVALID_IOASID)
		story_fault(story, "told of an ID that is none");
	if (ioasid_find(args->set, args->id, NULL) != args->pdata)
		story_fault(story, "the ID is not found, or has another set or other data");
	/* -EINVAL: a static set of the old interface. */
	if (!args->set && ioasid_find_set(args->id) &&
	    ioasid_find_set(args->id) != ERR_PTR(-EINVAL))
		story_fault(story, "it is not said that the ID has a set");
	if (ioasid_find_spid(args->id) != args->spid)
		story_fault(story, "the ID has another SPID");
}

static inline void story_add(struct story *story, const char *who, unsigned long val,
			     const struct ioasid_nb_args *args)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&story->lock, flags);
	if (story->n < STORY_LINES)
		story->lines[story->n++] = (struct line){ .who = who, .val = val, .args = *args };
	else
		story_fault(story, "the story is too long for the test");
	raw_spin_unlock_irqrestore(&story->lock, flags);
}

static inline int subscriber_call(struct notifier_block *nb, unsigned long val, void *data)
{
	struct subscriber *sub = container_of(nb, struct subscriber, nb);
	const struct ioasid_nb_args *args = data;

	check_place(sub->story);
	if (val < IOASID_NOTIFY_ALLOC || val > IOASID_NOTIFY_SET_FREE)
		story_fault(sub->story, "there is no such event");
	else if (val >= IOASID_NOTIFY_SET_ALLOC)
		check_set_event(sub->story, val, args);
	else
		check_id_event(sub->story, args);
	story_add(sub->story, sub->name, val, args);
	return sub->answer ? sub->answer(sub, val, args) : NOTIFY_OK;
}

static inline void story_end(void *data)
{
	struct story *story = data;

	KUNIT_EXPECT_EQ_MSG(story->test, atomic_read(&story->faults), 0, "%s", story->fault);
}

static inline struct story *story_new(struct kunit *test)
{
	struct story *story = kunit_kzalloc(test, sizeof(*story), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, story);
	story->test = test;
	raw_spin_lock_init(&story->lock);
	story->task = current;
	story->locks = locks_held();
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, story_end, story), 0);
	return story;
}

/* How often somebody was told of something since the story was last read; NULL: anybody. */
static inline unsigned int story_count(struct story *story, const char *who, unsigned long val)
{
	unsigned int n = 0, i;
	unsigned long flags;

	raw_spin_lock_irqsave(&story->lock, flags);
	for (i = 0; i < story->n; i++)
		n += story->lines[i].val == val && (!who || !strcmp(story->lines[i].who, who));
	raw_spin_unlock_irqrestore(&story->lock, flags);
	return n;
}

static inline void story_forget(struct story *story)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&story->lock, flags);
	story->n = 0;
	raw_spin_unlock_irqrestore(&story->lock, flags);
}

/*
 * Reads the story and forgets it: "cpu:ALLOC(5); cpu:BIND(5=7)" is what one subscriber was told of
 * ID 5, the second time with SPID 7.
 */
static inline const char *story_told(struct story *story)
{
	static const char * const names[] = {
		"", "ALLOC", "FREE", "BIND", "UNBIND", "SET_ALLOC", "SET_FREE",
	};
	unsigned long flags;
	unsigned int i;
	int at = 0;

	story->text[0] = '\0';
	raw_spin_lock_irqsave(&story->lock, flags);
	for (i = 0; i < story->n; i++) {
		const struct line *line = &story->lines[i];

		at += scnprintf(story->text + at, STORY_TEXT - at, "%s%s:%s", i ? "; " : "",
				line->who, line->val < ARRAY_SIZE(names) ? names[line->val] : "?");
		if (line->args.id == INVALID_IOASID)
			continue;
		at += scnprintf(story->text + at, STORY_TEXT - at, "(%u", line->args.id);
		if (line->args.spid != INVALID_IOASID)
			at += scnprintf(story->text + at, STORY_TEXT - at, "=%u", line->args.spid);
		at += scnprintf(story->text + at, STORY_TEXT - at, ")");
	}
	story->n = 0;
	raw_spin_unlock_irqrestore(&story->lock, flags);
	return story->text;
}

#define expect_story(which, expected)					\
do {									\
	struct story *read = (which);					\
									\
	KUNIT_EXPECT_STREQ(read->test, story_told(read), expected);	\
} while (0)

static inline struct subscriber *subscriber_new(struct story *story, const char *name, int priority)
{
	struct subscriber *sub = kunit_kzalloc(story->test, sizeof(*sub), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(story->test, sub);
	sub->nb.notifier_call = subscriber_call;
	sub->nb.priority = priority;
	sub->story = story;
	sub->name = name;
	return sub;
}

static inline void subscriber_leave(void *data)
{
	struct subscriber *sub = data;

	if (sub->mm)
		ioasid_unregister_notifier_mm(sub->mm, &sub->nb);
	else
		ioasid_unregister_notifier(sub->set, &sub->nb);
}

/* It is unregistered at the end of the case at the latest. */
static inline void must_subscribe(struct subscriber *sub, struct ioasid_set *set)
{
	struct kunit *test = sub->story->test;

	sub->set = set;
	sub->mm = NULL;
	KUNIT_ASSERT_EQ(test, ioasid_register_notifier(set, &sub->nb), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, subscriber_leave, sub), 0);
}

static inline void must_subscribe_mm(struct subscriber *sub, struct mm_struct *mm)
{
	struct kunit *test = sub->story->test;

	sub->mm = mm;
	KUNIT_ASSERT_EQ(test, ioasid_register_notifier_mm(mm, &sub->nb), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, subscriber_leave, sub), 0);
}

static inline struct subscriber *subscribe(struct story *story, const char *name, int priority,
					   struct ioasid_set *set)
{
	struct subscriber *sub = subscriber_new(story, name, priority);

	must_subscribe(sub, set);
	return sub;
}

static inline struct subscriber *subscribe_mm(struct story *story, const char *name, int priority,
					      struct mm_struct *mm)
{
	struct subscriber *sub = subscriber_new(story, name, priority);

	must_subscribe_mm(sub, mm);
	return sub;
}

static inline void unsubscribe(struct subscriber *sub)
{
	kunit_release_action(sub->story->test, subscriber_leave, sub);
}

/* A number that is known beforehand, for the story. */
static inline void must_alloc_number(struct kunit *test, struct ioasid_set *set, ioasid_t id,
				     void *private)
{
	ioasid_t got = INVALID_IOASID;

	KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(set, id, id, IOASID_ALLOC_LOWEST, private,
						    &got));
	KUNIT_ASSERT_EQ(test, got, id);
}

/* The same, where the worker that has ended the life before may not be done with the number. */
static inline void must_alloc_number_soon(struct kunit *test, struct ioasid_set *set, ioasid_t id,
					  void *private)
{
	ioasid_t got = INVALID_IOASID;

	KUNIT_ASSERT_TRUE(test, eventually(!ioasid_alloc_range(set, id, id, IOASID_ALLOC_LOWEST,
							       private, &got)));
	KUNIT_ASSERT_EQ(test, got, id);
}

#endif /* IOASID_TESTS_EVENTS_H */
