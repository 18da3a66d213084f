// SPDX-License-Identifier: GPL-2.0
/* Subscribers: some are there all the time and know of every life, others come and go. */
#include <linux/delay.h>
#include <linux/vmalloc.h>

#include "torture.h"

#define OWNED BIT_ULL(63)

/* The private data does not change where it tells whose life it is. */
static u64 mark_of(const struct ioasid_nb_args *args)
{
	return OWNED | (args->id <= LAST_ID ? (u64)args->pdata : 0);
}

/* Whether somebody holds the number as that of another life. */
static bool is_held(struct number *number, const atomic_t *but)
{
	unsigned int i;

	for (i = 0; i < HOLDERS; i++) {
		if (&number->holders[i] != but && atomic_read(&number->holders[i]))
			return true;
	}
	return false;
}

static int keep_books(struct notifier_block *nb, unsigned long val, void *data)
{
	const struct ioasid_nb_args *args = data;
	struct number *number;

	if (args->id < HISTORY_IDS) {
		number = &torture.numbers[args->id];
		if (val == IOASID_NOTIFY_ALLOC) {
			if (atomic64_xchg(&number->owner, mark_of(args)))
				torture_fault("a number with two owners", args->id);
			if (is_held(number, holders_of(number, (u64)args->pdata)))
				torture_fault("reused while it is held", args->id);
		} else if (val == IOASID_NOTIFY_FREE) {
			if (atomic64_xchg(&number->owner, 0) != mark_of(args))
				torture_fault("freed by another life", args->id);
			if (args->id <= LAST_ID)
				atomic64_set_release(&number->freed, (u64)args->pdata);
		}
	}
	return watcher_call(nb, val, data);
}

int torture_watch_begin(void)
{
	int err;

	watcher_init(&torture.first, "first", true, &torture.span);
	watcher_init(&torture.last, "last", false, &torture.span);
	history_init(&torture.refuser, "refuser", IOASID_PRIO_IOMMU, true);
	torture.first.history.nb.notifier_call = keep_books;
	torture.first.history.fluid = FIRST_DATA_ID;
	torture.last.history.fluid = FIRST_DATA_ID;
	torture.refuser.fluid = FIRST_DATA_ID;
	torture.refuser.refuses = 40;
	err = ioasid_register_notifier(NULL, &torture.first.history.nb);
	if (!err)
		err = ioasid_register_notifier(NULL, &torture.last.history.nb);
	if (!err)
		err = ioasid_register_notifier(NULL, &torture.refuser.nb);
	if (err)
		torture_watch_end();
	return err;
}

void torture_watch_end(void)
{
	ioasid_unregister_notifier(NULL, &torture.refuser.nb);
	ioasid_unregister_notifier(NULL, &torture.last.history.nb);
	ioasid_unregister_notifier(NULL, &torture.first.history.nb);
}

static void check_history(struct history *history)
{
	if (atomic_read(&history->faults))
		torture_fault("a history that cannot be", atomic_read(&history->faults));
	if (history_live(history))
		torture_fault("IDs that were never freed", history_live(history));
	if (history_told(history, IOASID_NOTIFY_ALLOC) != history_told(history, IOASID_NOTIFY_FREE))
		torture_fault("ALLOC and FREE are not as many",
			      history_told(history, IOASID_NOTIFY_ALLOC));
}

/* When no ID is left. */
void torture_watch_check(void)
{
	unsigned int id;

	check_history(&torture.first.history);
	check_history(&torture.last.history);
	check_history(&torture.refuser);
	for (id = 0; id < HISTORY_IDS; id++) {
		if (atomic64_read(&torture.numbers[id].owner))
			torture_fault("an owner without an ID", id);
		if (is_held(&torture.numbers[id], NULL))
			torture_fault("a holder without an ID", id);
		if (atomic_read(&torture.span.open[id]))
			torture_fault("a pass that was not ended", id);
	}
}

struct visit {
	struct era *era;
	struct mm_struct *mm;
	bool replay;
};

static int begin_visit(struct visit *visit, struct notifier_block *nb)
{
	struct ioasid_set *set = visit->era ? visit->era->set : NULL;

	if (visit->mm)
		return visit->replay ? ioasid_register_notifier_mm_replay(visit->mm, nb) :
				ioasid_register_notifier_mm(visit->mm, nb);
	return visit->replay ? ioasid_register_notifier_replay(set, nb) :
			ioasid_register_notifier(set, nb);
}

static void end_visit(struct visit *visit, struct notifier_block *nb)
{
	if (visit->mm)
		ioasid_unregister_notifier_mm(visit->mm, nb);
	else
		ioasid_unregister_notifier(visit->era ? visit->era->set : NULL, nb);
}

static void do_visit(struct actor *actor)
{
	static const char * const names[] = { "global", "set", "mm" };
	unsigned int scope = below(&actor->rnd, 3);
	struct visit visit = { .replay = below(&actor->rnd, 2) };
	struct history *history;
	int err;

	if (scope == 1)
		visit.era = torture_era(below(&actor->rnd, SLOTS));
	else if (scope == 2)
		visit.mm = torture_any_mm(&actor->rnd);
	if (scope && !visit.era && !visit.mm)
		return;
	/* Of its own pages, which fault when it is gone. */
	history = vmalloc(sizeof(*history));
	if (!history)
		goto out;
	/* That of an mm without replay is taken only where there is nothing to miss. */
	history_init(history, names[scope], below(&actor->rnd, 4), visit.replay || visit.mm);
	history->late = true;
	history->fluid = FIRST_DATA_ID;
	torture_fail_one(actor);
	err = begin_visit(&visit, &history->nb);
	torture_has_failed_one();
	if (!err) {
		torture_count(visit.replay ? COUNT_REPLAYS : COUNT_SUBSCRIPTIONS);
		if (below(&actor->rnd, 2))
			usleep_range(10, 11 + below(&actor->rnd, 5000));
		end_visit(&visit, &history->nb);
		WRITE_ONCE(history->closed, true);
	} else if (err == -ENOMEM && torture.fail_one_in) {
		torture_count(COUNT_NO_MEMORY);
	} else if (!scope || (err != -EBUSY && err != -EINVAL)) {
		torture_fault("register", err);
	}
	if (atomic_read(&history->faults))
		torture_fault(names[scope], visit.replay);
	vfree(history);
out:
	torture_put_era(visit.era);
	if (visit.mm)
		mmput(visit.mm);
}

int torture_subscribe(void *data)
{
	struct actor *actor = data;

	while (torture_goes_on()) {
		do_visit(actor);
		WRITE_ONCE(actor->operations, actor->operations + 1);
		cond_resched();
	}
	return torture_thread_ends();
}
