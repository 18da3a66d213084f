// SPDX-License-Identifier: GPL-2.0
#include <linux/vmalloc.h>

#include "event_stress.h"

void stress_fault(struct stress *stress, const char *what, long which)
{
	if (atomic_inc_return(&stress->faults) <= 10)
		kunit_err(stress->test, "%s: %ld\n", what, which);
}

static ioasid_t alloc(struct actor *actor, struct ioasid_set *set, ioasid_t min, ioasid_t max,
		      bool is_notified)
{
	struct stress *stress = actor->stress;
	/* No two lives have the same data. */
	unsigned long life = 2 * atomic_inc_return(&stress->lives);
	ioasid_t id;
	int err = ioasid_alloc_range(set, min, max, IOASID_ALLOC_LOWEST,
				     (void *)(life | (is_notified ? HISTORY_NOTIFIED : 0)), &id);

	if (!err) {
		atomic_inc(&stress->allocs);
		return id;
	}
	if (err != -ENOSPC)
		stress_fault(stress, "alloc", err);
	return INVALID_IOASID;
}

static void do_alloc(struct actor *actor)
{
	unsigned int slot = actor->index * SETS_EACH + below(&actor->rnd, SETS_EACH + 1);
	struct owned *owned = &actor->owned[actor->n_owned];
	struct ioasid_set *set = NULL;

	if (actor->n_owned == MAX_OWNED)
		return;
	if (slot < (actor->index + 1) * SETS_EACH) {
		set = actor->stress->slots[slot].set;
		if (!set)
			return;
	} else {
		slot = SETS;
	}
	*owned = (struct owned){ .set = slot, .is_notified = below(&actor->rnd, 2) };
	owned->id = alloc(actor, set, FIRST_OWN, LAST_OWN, owned->is_notified);
	if (owned->id != INVALID_IOASID)
		actor->n_owned++;
}

void stress_free_own(struct actor *actor, unsigned int at)
{
	ioasid_t id = actor->owned[at].id;
	unsigned long flags = 0;
	bool irqs_off = !below(&actor->rnd, 4);
	int ret;

	actor->owned[at] = actor->owned[--actor->n_owned];
	if (irqs_off)
		local_irq_save(flags);
	ret = ioasid_free(NULL, id);
	if (irqs_off)
		local_irq_restore(flags);
	if (ret < 0)
		stress_fault(actor->stress, "not freed by its owner", ret);
}

static void do_free(struct actor *actor)
{
	if (actor->n_owned)
		stress_free_own(actor, below(&actor->rnd, actor->n_owned));
}

/* Of an ID of which nobody else makes events; subscribers who come may be told of it right now. */
static void do_own(struct actor *actor)
{
	struct stress *stress = actor->stress;
	struct owned *owned;
	unsigned int flags;
	int ret, end = 0;

	if (!actor->n_owned)
		return;
	owned = &actor->owned[below(&actor->rnd, actor->n_owned)];
	if (owned->has_spid) {
		end = ioasid_detach_spid(owned->id);
		owned->has_spid = false;
		ret = 0;
	} else if (owned->notified) {
		end = ioasid_notify(owned->id, IOASID_NOTIFY_UNBIND, owned->notified);
		owned->notified = 0;
		ret = 0;
	} else if (!owned->is_notified) {
		ret = ioasid_attach_spid(owned->id, owned->id);
		owned->has_spid = !ret;
		atomic_add(!ret, &stress->binds);
	} else {
		flags = below(&actor->rnd, 2) ? IOASID_NOTIFY_ALL :
				IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET;
		ret = ioasid_notify(owned->id, IOASID_NOTIFY_BIND, flags);
		owned->notified = ret ? 0 : flags;
		atomic_add(!ret, &stress->binds);
	}
	/* Busy, refused, or an SPID that the last life of the number still has. */
	if (ret && ret != -EBUSY && ret != -EXDEV && ret != -EEXIST)
		stress_fault(stress, "BIND of an own ID", ret);
	if (end)
		stress_fault(stress, "UNBIND of an own ID", end);
}

static void do_shared(struct actor *actor)
{
	struct stress *stress = actor->stress;
	ioasid_t id = FIRST_SHARED + below(&actor->rnd, SHARED);
	unsigned long flags;
	int ret = 0;

	switch (below(&actor->rnd, 8)) {
	case 0:
	case 1:
		alloc(actor, NULL, id, id, false);
		break;
	case 2:
		ret = ioasid_free(NULL, id);
		break;
	case 3:
		local_irq_save(flags);
		ret = ioasid_free(NULL, id);
		local_irq_restore(flags);
		break;
	case 4:
	case 5:
		ret = ioasid_attach_spid(id, id);
		atomic_add(!ret, &stress->binds);
		break;
	default:
		ret = ioasid_detach_spid(id);
	}
	if (ret < 0 && ret != -ENOENT && ret != -EBUSY && ret != -EXDEV && ret != -EEXIST)
		stress_fault(stress, "event of a shared ID", ret);
}

static void do_hold(struct actor *actor)
{
	ioasid_t id = FIRST_SHARED + below(&actor->rnd, SHARED);

	if (actor->held)
		ioasid_put(NULL, actor->held);
	actor->held = ioasid_get(NULL, id) ? 0 : id;
}

static void begin_set(struct actor *actor, unsigned int at)
{
	struct slot *slot = &actor->stress->slots[at];
	struct ioasid_set *set;

	set = ioasid_alloc_set(slot->mm, 0, slot->mm ? IOASID_SET_TYPE_MM : IOASID_SET_TYPE_NULL);
	/* The last one may not have ended yet. */
	if (set == ERR_PTR(-EEXIST) && slot->mm)
		return;
	if (IS_ERR(set)) {
		stress_fault(actor->stress, "no set", PTR_ERR(set));
		return;
	}
	atomic_inc(&actor->stress->sets);
	WRITE_ONCE(slot->set, set);
}

void stress_end_set(struct actor *actor, unsigned int at)
{
	struct slot *slot = &actor->stress->slots[at];
	struct ioasid_set *set = slot->set;
	unsigned int i = 0;

	WRITE_ONCE(slot->set, NULL);
	/* Its IDs go with it. */
	while (i < actor->n_owned) {
		if (actor->owned[i].set == at)
			actor->owned[i] = actor->owned[--actor->n_owned];
		else
			i++;
	}
	if (below(&actor->rnd, 2))
		ioasid_set_put(set);
	else if (ioasid_set_free(set) < 0)
		stress_fault(actor->stress, "set is not freed by its owner", at);
}

static void do_set(struct actor *actor)
{
	unsigned int at = actor->index * SETS_EACH + below(&actor->rnd, SETS_EACH);

	if (!actor->stress->slots[at].set)
		begin_set(actor, at);
	else if (!below(&actor->rnd, 30))
		stress_end_set(actor, at);
}

void stress_act(void *data)
{
	static void (* const steps[])(struct actor *actor) = {
		do_alloc, do_alloc, do_free, do_own, do_own, do_own, do_shared, do_shared,
		do_shared, do_hold, do_set,
	};
	struct actor *actor = data;

	while (time_before(jiffies, actor->stress->end)) {
		steps[below(&actor->rnd, ARRAY_SIZE(steps))](actor);
		cond_resched();
	}
	if (actor->held)
		ioasid_put(NULL, actor->held);
}

struct visit {
	struct ioasid_set *set;
	struct mm_struct *mm;
	bool replay;
};

static int begin_visit(struct visit *visit, struct notifier_block *nb)
{
	if (visit->mm)
		return visit->replay ? ioasid_register_notifier_mm_replay(visit->mm, nb) :
				ioasid_register_notifier_mm(visit->mm, nb);
	return visit->replay ? ioasid_register_notifier_replay(visit->set, nb) :
			ioasid_register_notifier(visit->set, nb);
}

static void end_visit(struct visit *visit, struct notifier_block *nb)
{
	if (visit->mm)
		ioasid_unregister_notifier_mm(visit->mm, nb);
	else
		ioasid_unregister_notifier(visit->set, nb);
}

static void check_visit(struct stress *stress, struct visit *visit, struct history *history)
{
	ioasid_t id;

	for (id = FIRST_PERMANENT; id < FIRST_PERMANENT + PERMANENT; id++) {
		if (history->ids[id].chapter != CHAPTER_IDLE)
			stress_fault(stress, "not told of an ID that is there all the time", id);
	}
	atomic_inc(&stress->replays);
}

static void do_visit(struct registrar *registrar)
{
	static const char * const names[] = { "global", "set", "mm" };
	struct stress *stress = registrar->stress;
	struct rnd_state *rnd = &registrar->rnd;
	unsigned int scope = below(rnd, 3);
	struct visit visit = { .replay = below(rnd, 2) };
	struct history *history;
	int err;

	if (scope == 1) {
		visit.set = READ_ONCE(stress->slots[below(rnd, SETS)].set);
		if (!visit.set)
			return;
	} else if (scope == 2) {
		visit.mm = stress->slots[SETS_EACH * below(rnd, ACTORS)].mm;
	}
	/* Of its own page, which faults when it is gone. */
	history = vmalloc(sizeof(*history));
	if (!history)
		return;
	/* That of an mm without replay is taken only where there is nothing to miss. */
	history_init(history, names[scope], below(rnd, 4), visit.replay || visit.mm);
	history->late = true;
	err = begin_visit(&visit, &history->nb);
	if (!err) {
		registrar->rounds++;
		if (visit.replay && !scope)
			check_visit(stress, &visit, history);
		if (below(rnd, 2))
			usleep_range(10, 11 + below(rnd, 10000));
		end_visit(&visit, &history->nb);
		WRITE_ONCE(history->closed, true);
	} else if (!scope || (err != -EBUSY && err != -EINVAL)) {
		stress_fault(stress, "register", err);
	}
	if (atomic_read(&history->faults))
		stress_fault(stress, names[scope], visit.replay);
	vfree(history);
}

void stress_register(void *data)
{
	struct registrar *registrar = data;

	while (time_before(jiffies, registrar->stress->end)) {
		do_visit(registrar);
		cond_resched();
	}
}
