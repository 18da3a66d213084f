/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What one subscriber has been told of each ID: ALLOC, then BIND and UNBIND in turn, then FREE, and
 * nothing after that before the number begins anew. Holds for any number of CPUs, with or without
 * replay, wherever ioasid_notify() is used in pairs that do not overlap with an SPID. Its BIND is
 * not replayed, so who comes late may be told of the UNBIND only: see HISTORY_NOTIFIED.
 */
#ifndef IOASID_TESTS_HISTORY_H
#define IOASID_TESTS_HISTORY_H

#include <linux/atomic.h>
#include <linux/ioasid.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>

#define HISTORY_IDS 256U
/* In the private data: ioasid_notify() tells of this ID, and it never has an SPID. */
#define HISTORY_NOTIFIED 1UL

enum chapter {
	/* Registered without replay: any event may be the first. */
	CHAPTER_UNKNOWN,
	CHAPTER_NONE,
	CHAPTER_IDLE,
	CHAPTER_BOUND,
	/* Idle, or bound before the subscriber came. */
	CHAPTER_MAYBE,
};

struct history_id {
	enum chapter chapter;
	void *pdata;
	struct ioasid_set *set;
	/* Whether the handler runs for this ID. */
	atomic_t inside;
};

struct history {
	struct notifier_block nb;
	const char *name;
	/* Whether it may refuse a BIND: one in so many, 0 for never. */
	unsigned int refuses;
	unsigned int binds;
	/* Registered when there may have been IDs already. */
	bool late;
	/* Told of nothing any more. */
	bool closed;
	/* From here on IDs have data that may change at any time; 0 for none. */
	unsigned int fluid;
	struct history_id ids[HISTORY_IDS];
	atomic_t told[IOASID_NOTIFY_SET_FREE + 1];
	atomic_t faults;
};

static inline void history_fault(struct history *history, const char *what, unsigned long val,
				 const struct ioasid_nb_args *args)
{
	if (atomic_inc_return(&history->faults) <= 5)
		pr_err("history of %s: %s: event %lu of ID %u\n", history->name, what, val,
		       args->id);
}

static inline void history_place(struct history *history, unsigned long val,
				 const struct ioasid_nb_args *args)
{
	if (READ_ONCE(history->closed))
		history_fault(history, "told after the end", val, args);
	if (in_hardirq() || in_nmi() || irqs_disabled())
		history_fault(history, "told with interrupts off", val, args);
	if (!rcu_read_lock_held() || (!preempt_count() && !rcu_preempt_depth()))
		history_fault(history, "told where it could sleep", val, args);
	if (val >= IOASID_NOTIFY_SET_ALLOC &&
	    (!args->set || args->id != INVALID_IOASID || args->spid != INVALID_IOASID))
		history_fault(history, "told wrongly of a set", val, args);
}

/* Whether an event may follow; @next is what the ID is after it. */
static inline bool history_fits(enum chapter chapter, unsigned long val, enum chapter *next)
{
	switch (val) {
	case IOASID_NOTIFY_ALLOC:
		*next = CHAPTER_IDLE;
		return chapter == CHAPTER_NONE || chapter == CHAPTER_UNKNOWN;
	case IOASID_NOTIFY_BIND:
		*next = CHAPTER_BOUND;
		return chapter == CHAPTER_IDLE || chapter == CHAPTER_UNKNOWN ||
			chapter == CHAPTER_MAYBE;
	case IOASID_NOTIFY_UNBIND:
		*next = CHAPTER_IDLE;
		return chapter == CHAPTER_BOUND || chapter == CHAPTER_UNKNOWN ||
			chapter == CHAPTER_MAYBE;
	case IOASID_NOTIFY_FREE:
		*next = CHAPTER_NONE;
		return chapter != CHAPTER_NONE;
	default:
		return false;
	}
}

static inline int history_call(struct notifier_block *nb, unsigned long val, void *data)
{
	struct history *history = container_of(nb, struct history, nb);
	const struct ioasid_nb_args *args = data;
	bool is_fluid = history->fluid && args->id >= history->fluid;
	struct history_id *id;
	int answer = NOTIFY_OK;
	enum chapter next;

	history_place(history, val, args);
	if (val <= IOASID_NOTIFY_SET_FREE)
		atomic_inc(&history->told[val]);
	if (val >= IOASID_NOTIFY_SET_ALLOC)
		return NOTIFY_OK;
	if (args->id >= HISTORY_IDS) {
		history_fault(history, "no such ID", val, args);
		return NOTIFY_OK;
	}
	id = &history->ids[args->id];
	if (atomic_xchg(&id->inside, 1))
		history_fault(history, "told of one ID twice at a time", val, args);
	if (!history_fits(id->chapter, val, &next))
		history_fault(history, "told in the wrong order", val, args);
	else if (id->chapter >= CHAPTER_IDLE &&
		 ((id->pdata != args->pdata && !is_fluid) || id->set != args->set))
		history_fault(history, "told of another life", val, args);
	if ((val == IOASID_NOTIFY_BIND || val == IOASID_NOTIFY_UNBIND) &&
	    ioasid_find_spid(args->id) != args->spid)
		history_fault(history, "told of another SPID", val, args);
	if (!is_fluid && ioasid_find(args->set, args->id, NULL) != args->pdata)
		history_fault(history, "told of what is not found", val, args);
	if (val == IOASID_NOTIFY_BIND && history->refuses &&
	    ++history->binds % history->refuses == 0) {
		answer = notifier_from_errno(-EXDEV);
	} else {
		if (val == IOASID_NOTIFY_ALLOC && history->late &&
		    (unsigned long)args->pdata & HISTORY_NOTIFIED)
			next = CHAPTER_MAYBE;
		id->chapter = next;
		id->pdata = args->pdata;
		id->set = args->set;
	}
	atomic_set(&id->inside, 0);
	return answer;
}

/* @complete: registered with replay, or before the first ID. */
static inline void history_init(struct history *history, const char *name, int priority,
				bool complete)
{
	int i;

	memset(history, 0, sizeof(*history));
	history->name = name;
	history->nb.notifier_call = history_call;
	history->nb.priority = priority;
	for (i = 0; i < HISTORY_IDS; i++)
		history->ids[i].chapter = complete ? CHAPTER_NONE : CHAPTER_UNKNOWN;
}

static inline unsigned int history_told(struct history *history, enum ioasid_notify_val val)
{
	return atomic_read(&history->told[val]);
}

/* How many IDs it knows to be there. */
static inline unsigned int history_live(struct history *history)
{
	unsigned int n = 0, i;

	for (i = 0; i < HISTORY_IDS; i++)
		n += READ_ONCE(history->ids[i].chapter) >= CHAPTER_IDLE;
	return n;
}

/* What passes of each ID are under way between the first and the last of all subscribers. */
struct history_span {
	atomic_t open[HISTORY_IDS];
};

/* A subscriber who is there all the time, told before all others or after them. */
struct watcher {
	struct history history;
	struct history_span *span;
	bool is_first;
};

/* Between the first watcher and the last one there is one pass of an ID at a time. */
static inline void watch_pass(struct watcher *watcher, unsigned long val,
			      const struct ioasid_nb_args *args)
{
	atomic_t *span = &watcher->span->open[args->id];
	int open;

	if (watcher->is_first) {
		open = atomic_xchg(span, val);
		/* Refused by somebody in between, and taken back. */
		if (open == IOASID_NOTIFY_BIND && val == IOASID_NOTIFY_UNBIND)
			atomic_set(span, 0);
		else if (open)
			history_fault(&watcher->history, "passes overlap", val, args);
	} else {
		open = atomic_xchg(span, 0);
		if (open != val)
			history_fault(&watcher->history, "not told first", val, args);
	}
}

static inline int watcher_call(struct notifier_block *nb, unsigned long val, void *data)
{
	struct history *history = container_of(nb, struct history, nb);
	struct watcher *watcher = container_of(history, struct watcher, history);
	const struct ioasid_nb_args *args = data;
	int answer = history_call(nb, val, data);

	if (args->id < HISTORY_IDS)
		watch_pass(watcher, val, args);
	return answer;
}

static inline void watcher_init(struct watcher *watcher, const char *name, bool is_first,
				struct history_span *span)
{
	history_init(&watcher->history, name, is_first ? INT_MAX : INT_MIN, true);
	watcher->history.nb.notifier_call = watcher_call;
	watcher->is_first = is_first;
	watcher->span = span;
}

#endif /* IOASID_TESTS_HISTORY_H */
