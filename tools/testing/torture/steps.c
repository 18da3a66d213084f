// SPDX-License-Identifier: GPL-2.0
/* What an actor does to IDs, and what has to hold at any time. */
#include <linux/fault-inject.h>
#include <linux/sched.h>

#include "torture.h"

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

/* ---- where a call is made ---- */

enum place { PLACE_TASK, PLACE_SOFTIRQ, PLACE_IRQS_OFF, PLACE_HARDIRQ };

static void run_in_irq(struct irq_work *work)
{
	struct in_irq *in_irq = container_of(work, struct in_irq, work);

	if (!in_hardirq())
		torture_fault("not in a hard interrupt", in_irq->id);
	in_irq->ret = in_irq->fn(in_irq->set, in_irq->id);
}

static int call_in_hardirq(struct actor *actor, int (*fn)(struct ioasid_set *, ioasid_t),
			   struct ioasid_set *set, ioasid_t id)
{
	struct in_irq *in_irq = &actor->in_irq;

	*in_irq = (struct in_irq){ .fn = fn, .set = set, .id = id };
	/* On PREEMPT_RT as well. */
	in_irq->work = IRQ_WORK_INIT_HARD(run_in_irq);
	irq_work_queue(&in_irq->work);
	irq_work_sync(&in_irq->work);
	torture_count(COUNT_HARDIRQS);
	return in_irq->ret;
}

static int call_in(struct actor *actor, enum place place,
		   int (*fn)(struct ioasid_set *, ioasid_t), struct ioasid_set *set, ioasid_t id)
{
	unsigned long flags;
	int ret;

	switch (place) {
	case PLACE_SOFTIRQ:
		local_bh_disable();
		ret = fn(set, id);
		local_bh_enable();
		torture_count(COUNT_SOFTIRQS);
		return ret;
	case PLACE_IRQS_OFF:
		local_irq_save(flags);
		ret = fn(set, id);
		local_irq_restore(flags);
		return ret;
	case PLACE_HARDIRQ:
		return call_in_hardirq(actor, fn, set, id);
	default:
		return fn(set, id);
	}
}

/* Mostly where nothing is special; a hard interrupt takes its time. */
static enum place any_place(struct actor *actor)
{
	u32 at = below(&actor->rnd, 16);

	return at == 0 ? PLACE_HARDIRQ : at < 3 ? PLACE_IRQS_OFF : at < 5 ? PLACE_SOFTIRQ :
			PLACE_TASK;
}

static int put_as_int(struct ioasid_set *set, ioasid_t id)
{
	return ioasid_put(set, id);
}

static int find_as_int(struct ioasid_set *set, ioasid_t id)
{
	return PTR_ERR_OR_ZERO(ioasid_find(set, id, NULL));
}

/* ---- no memory ---- */

void torture_fail_one(struct actor *actor)
{
#ifdef CONFIG_FAULT_INJECTION
	if (torture.fail_one_in && !below(&actor->rnd, torture.fail_one_in))
		WRITE_ONCE(current->fail_nth, 1 + below(&actor->rnd, 8));
	else
		WRITE_ONCE(current->fail_nth, 0);
#endif
}

/* Whether an allocation may have failed since. */
bool torture_has_failed_one(void)
{
#ifdef CONFIG_FAULT_INJECTION
	WRITE_ONCE(current->fail_nth, 0);
	return torture.fail_one_in;
#else
	return false;
#endif
}

static bool is_no_memory(int err)
{
	if (err != -ENOMEM || !torture.fail_one_in)
		return false;
	torture_count(COUNT_NO_MEMORY);
	return true;
}

/* ---- IDs ---- */

static void do_alloc(struct actor *actor)
{
	ioasid_t min = 1 + below(&actor->rnd, LAST_ID), max = 1 + below(&actor->rnd, LAST_ID);
	struct era *era = torture_any_era(&actor->rnd);
	struct owned *owned = &actor->owned[actor->n_owned];
	u64 tag = 2 * atomic64_inc_return(&torture.tags) + below(&actor->rnd, 2);
	ioasid_t id;
	int err;

	if (actor->n_owned == MAX_OWNED || !era) {
		torture_put_era(era);
		return;
	}
	if (min > max)
		swap(min, max);
	torture_fail_one(actor);
	err = ioasid_alloc_range(era->set, min, max, below(&actor->rnd, 3), (void *)tag, &id);
	torture_has_failed_one();
	if (err) {
		torture_count(COUNT_REFUSED);
		if (err != -ENOSPC && !is_no_memory(err) && !is_lost(era, err))
			torture_fault("allocation failed for no good reason", err);
		torture_put_era(era);
		return;
	}
	torture_count(COUNT_ALLOCS);
	if (id < min || id > max)
		torture_fault("allocated out of range", id);
	/* Nobody frees it but we, so nobody else has the number. */
	if (!era->bulk && tag_of(era->set, id) != tag && !is_ending(era))
		torture_fault("owned twice, or not found", id);
	if (era->bulk) {
		torture_put_era(era);
		return;
	}
	*owned = (struct owned){ .id = id, .tag = tag, .era = era };
	actor->n_owned++;
}

static void free_own(struct actor *actor, unsigned int at, enum place place)
{
	struct owned owned = actor->owned[at];
	u64 found = tag_of(owned.era->set, owned.id);
	int ret;

	actor->owned[at] = actor->owned[--actor->n_owned];
	if (found != owned.tag && !is_ending(owned.era))
		torture_fault("lost by its owner", owned.id);
	ret = call_in(actor, place, ioasid_free, owned.era->set, owned.id);
	if (ret < 0 && !is_lost(owned.era, ret))
		torture_fault("cannot be freed by its owner", ret);
	/* Freeing takes from everybody the right to a reference, at once. */
	if (ret >= 0 && tag_of(owned.era->set, owned.id) == owned.tag &&
	    !ioasid_get(owned.era->set, owned.id)) {
		if (tag_of(NULL, owned.id) == owned.tag)
			torture_fault("reference to a freed ID", owned.id);
		ioasid_put(NULL, owned.id);
	}
	torture_put_era(owned.era);
}

static void do_free(struct actor *actor)
{
	if (actor->n_owned)
		free_own(actor, below(&actor->rnd, actor->n_owned), any_place(actor));
}

void torture_free_all_own(struct actor *actor)
{
	while (actor->n_owned)
		free_own(actor, 0, PLACE_TASK);
}

/* An ID to which a reference was got, when the last life of it that was freed was @freed. */
static void hold(struct actor *actor, struct era *era, ioasid_t id, u64 freed, bool named)
{
	struct held *held = &actor->held[actor->n_held];
	u64 tag = tag_of(NULL, id);

	torture_count(COUNT_GETS);
	atomic_inc(holders_of(&torture.numbers[id], tag));
	*held = (struct held){ .id = id, .tag = tag, .named = named };
	actor->n_held++;
	if (tag_of(era ? era->set : NULL, id) != tag)
		torture_fault("held, and of another set", id);
	if (tag && tag == freed)
		torture_fault("reference to a life that was freed", id);
}

static void do_get(struct actor *actor)
{
	static const char * const names[] = { "kvm", "iommu", "driver", "vfio" };
	struct era *era = torture_any_era(&actor->rnd);
	ioasid_t id = 1 + below(&actor->rnd, LAST_ID);
	u64 freed = atomic64_read_acquire(&torture.numbers[id].freed);
	const char *name = names[below(&actor->rnd, ARRAY_SIZE(names))];

	if (!era || actor->n_held == MAX_HELD) {
		torture_put_era(era);
		return;
	}
	switch (below(&actor->rnd, 5)) {
	case 0:
		if (!call_in(actor, any_place(actor), ioasid_get, NULL, id))
			hold(actor, NULL, id, freed, false);
		break;
	case 1:
		if (era->set && !ioasid_get(era->set, id))
			hold(actor, era, id, freed, false);
		break;
	case 2:
		torture_fail_one(actor);
		if (!ioasid_get_named(NULL, id, name))
			hold(actor, NULL, id, freed, false);
		torture_has_failed_one();
		break;
	case 3:
		if (era->mm && !ioasid_get_if_owned_by(id, era->mm))
			hold(actor, NULL, id, freed, false);
		break;
	case 4:
		id = ioasid_find_by_spid(era->set, below(&actor->rnd, SPIDS), true);
		if (id != INVALID_IOASID)
			hold(actor, era, id, 0, false);
		break;
	}
	torture_put_era(era);
}

static void put_held(struct actor *actor, unsigned int at, enum place place)
{
	struct held held = actor->held[at];

	actor->held[at] = actor->held[--actor->n_held];
	if (tag_of(NULL, held.id) != held.tag)
		torture_fault("another life while it is held", held.id);
	atomic_dec(holders_of(&torture.numbers[held.id], held.tag));
	/* Whoever has the number next sees that we no longer hold it. */
	smp_mb__after_atomic();
	call_in(actor, place, put_as_int, NULL, held.id);
}

static void do_put(struct actor *actor)
{
	if (actor->n_held)
		put_held(actor, below(&actor->rnd, actor->n_held), any_place(actor));
}

static bool refuse_or_not(void *data)
{
	return (unsigned long)data & 4;
}

static void do_find(struct actor *actor)
{
	ioasid_t id = 1 + below(&actor->rnd, LAST_SVA_ID);

	if (below(&actor->rnd, 4))
		ioasid_find(NULL, id, refuse_or_not);
	else
		call_in(actor, any_place(actor), find_as_int, NULL, id);
}

/* Only its owner has events of it made. He holds it, or it could be somebody else's by now. */
static void do_bind(struct actor *actor)
{
	int ret = 0, end = 0, err;
	struct owned *owned;

	if (!actor->n_owned)
		return;
	owned = &actor->owned[below(&actor->rnd, actor->n_owned)];
	err = ioasid_get(owned->era->set, owned->id);
	if (err) {
		if (!is_lost(owned->era, err))
			torture_fault("no reference for the owner", err);
		return;
	}
	if (owned->has_spid) {
		end = ioasid_detach_spid(owned->id);
		owned->has_spid = false;
	} else if (owned->notified) {
		end = ioasid_notify(owned->id, IOASID_NOTIFY_UNBIND, owned->notified);
		owned->notified = 0;
	} else if (!(owned->tag & HISTORY_NOTIFIED)) {
		torture_fail_one(actor);
		ret = ioasid_attach_spid(owned->id, below(&actor->rnd, SPIDS));
		torture_has_failed_one();
		owned->has_spid = !ret;
	} else {
		owned->notified = below(&actor->rnd, 2) ? IOASID_NOTIFY_ALL : BOTH;
		ret = ioasid_notify(owned->id, IOASID_NOTIFY_BIND, owned->notified);
		if (ret)
			owned->notified = 0;
	}
	ioasid_put(owned->era->set, owned->id);
	if (!ret)
		torture_count(COUNT_BINDS);
	if (ret && ret != -EBUSY && ret != -EXDEV && ret != -EEXIST && !is_no_memory(ret) &&
	    !is_lost(owned->era, ret))
		torture_fault("BIND of an own ID", ret);
	if (end && !is_lost(owned->era, end))
		torture_fault("UNBIND of an own ID", end);
}

/* Of a life of which nobody is told in between: its data may change. */
static void do_data(struct actor *actor)
{
	u64 tag = 2 * atomic64_inc_return(&torture.tags);
	ioasid_t id;

	if (below(&actor->rnd, 8))
		return;
	id = ioasid_alloc(NULL, FIRST_DATA_ID, LAST_DATA_ID, NULL);
	if (id == INVALID_IOASID)
		return;
	torture_count(COUNT_ALLOCS);
	if (ioasid_attach_data(id, (void *)tag) || tag_of(NULL, id) != tag)
		torture_fault("data attached and not there", id);
	if (ioasid_attach_data(id, (void *)tag) != -EBUSY)
		torture_fault("data attached twice", id);
	if (ioasid_detach_data(id) || tag_of(NULL, id))
		torture_fault("data detached and still there", id);
	if (call_in(actor, any_place(actor), ioasid_free, NULL, id) < 0)
		torture_fault("cannot be freed by its owner", id);
}

/* Of a freed one, until the last holder is gone; short, for actors hold some themselves. */
static void do_wait(struct actor *actor)
{
	ioasid_t id = 1 + below(&actor->rnd, LAST_ID);
	int ret;

	if (below(&actor->rnd, 64))
		return;
	ret = ioasid_wait_reclaimed(id, 1 + below(&actor->rnd, 3));
	if (ret && ret != -ENOENT && ret != -ETIMEDOUT)
		torture_fault("wait", ret);
}

static void do_reserve(struct actor *actor)
{
	int nr;

	if (actor->reserved) {
		if (ioasid_cancel_capacity(actor->reserved) < (int)actor->reserved)
			torture_fault("reservation is lost", actor->reserved);
		actor->reserved = 0;
		return;
	}
	nr = ioasid_reserve_capacity(1 + below(&actor->rnd, 20));
	if (nr > 0)
		actor->reserved = nr;
	else if (nr != -ENOSPC)
		torture_fault("reserve", nr);
}

int torture_act(void *data)
{
	static void (* const steps[])(struct actor *actor) = {
		do_alloc, do_alloc, do_alloc, do_alloc, do_free, do_free, do_get, do_get, do_get,
		do_put, do_put, do_put, do_find, do_find, do_bind, do_bind, do_bind, do_data,
		do_wait, do_reserve, torture_set_step, torture_set_step, torture_set_step,
	};
	struct actor *actor = data;

	while (torture_goes_on()) {
		steps[below(&actor->rnd, ARRAY_SIZE(steps))](actor);
		WRITE_ONCE(actor->operations, actor->operations + 1);
		cond_resched();
	}
	while (actor->n_held)
		put_held(actor, 0, PLACE_TASK);
	if (actor->reserved)
		do_reserve(actor);
	return torture_thread_ends();
}
