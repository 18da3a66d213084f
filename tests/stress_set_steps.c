// SPDX-License-Identifier: GPL-2.0
/* What a thread does, and what has to hold at any time. */
#include "stress_set.h"

void stress_fault(struct stress *stress, const char *what, long which)
{
	if (atomic_inc_return(&stress->faults) <= 10)
		kunit_err(stress->test, "%s: %ld\n", what, which);
}

/* May be on its way out. */
static struct era *any_era(struct worker *worker)
{
	struct stress *stress = worker->stress;
	struct era *era = READ_ONCE(stress->slots[below(&worker->rnd, SLOTS)].era);

	return era ?: stress->eras;
}

struct life *stress_find(struct stress *stress, struct ioasid_set *set, ioasid_t id)
{
	void *found = ioasid_find(set, id, NULL);
	unsigned long index = (unsigned long)found - 1;

	if (IS_ERR(found))
		return NULL;
	if (index >= LIVES) {
		stress_fault(stress, "found with data that nobody gave", id);
		return NULL;
	}
	return &stress->lives[index];
}

static void do_alloc(struct worker *worker)
{
	struct stress *stress = worker->stress;
	struct era *era = any_era(worker);
	struct life *life, *before;
	int err, previous;
	unsigned int at;
	ioasid_t id;

	at = next_life(&worker->owned, &stress->n_lives);
	if (at == LIVES)
		return;
	life = &stress->lives[at];
	life->era = era;
	err = alloc_life(&worker->rnd, era->set, IDS, at, &id);
	if (err) {
		atomic_inc(&stress->refused);
		if (err != -ENOSPC && !(is_ending(era) && (err == -EBUSY || err == -EINVAL)))
			stress_fault(stress, "allocation failed for no good reason", err);
		return;
	}
	atomic_inc(&stress->allocs);
	previous = atomic_xchg(&stress->last[id], at + 1);
	WRITE_ONCE(life->id, id);
	if (previous) {
		before = &stress->lives[previous - 1];
		/* Ours may have ended meanwhile, and the number may be another's already. */
		if (!READ_ONCE(before->freed) && !before->era->bulk && !is_ending(before->era) &&
		    !era->bulk && !is_ending(era))
			stress_fault(stress, "owned twice", id);
		if (atomic_read(&before->holders) && !era->bulk && !is_ending(era))
			stress_fault(stress, "reused while it is held", id);
	}
	if (!era->bulk)
		worker->owned.at[worker->owned.n++] = at;
}

static struct life *own(struct worker *worker, int *at)
{
	*at = pick(&worker->rnd, worker->owned.n);
	return *at < 0 ? NULL : &worker->stress->lives[worker->owned.at[*at]];
}

void stress_free_own(struct worker *worker)
{
	struct stress *stress = worker->stress;
	bool irqs_off = !below(&worker->rnd, 8);
	unsigned long flags = 0;
	struct life *life;
	int at, ret;

	life = own(worker, &at);
	if (!life)
		return;
	worker->owned.at[at] = worker->owned.at[--worker->owned.n];
	if (stress_find(stress, life->era->set, life->id) != life && !is_ending(life->era))
		stress_fault(stress, "lost by its owner", life->id);
	WRITE_ONCE(life->freed, true);
	if (irqs_off)
		local_irq_save(flags);
	ret = ioasid_free(life->era->set, life->id);
	if (irqs_off)
		local_irq_restore(flags);
	if (ret < 0 && !is_ending(life->era))
		stress_fault(stress, "cannot be freed by its owner", life->id);
}

/* An ID to which a reference was got, through the set of @era if there is one. */
static void hold(struct worker *worker, struct era *era, ioasid_t id)
{
	struct stress *stress = worker->stress;
	struct life *life = stress_find(stress, NULL, id);

	atomic_inc(&stress->gets);
	if (!life) {
		stress_fault(stress, "not found while held", id);
		return;
	}
	if (era && life->era != era)
		stress_fault(stress, "got through the wrong set", id);
	atomic_inc(&life->holders);
	worker->held[worker->n_held].life = life;
	worker->held[worker->n_held++].id = id;
}

static void do_get(struct worker *worker)
{
	struct era *era = any_era(worker);
	ioasid_t id = 1 + below(&worker->rnd, IDS);
	struct mm_struct *mm = era->mm;
	int err;

	if (worker->n_held == MAX_HELD)
		return;
	switch (below(&worker->rnd, 4)) {
	case 0:
		if (!ioasid_get(NULL, id))
			hold(worker, NULL, id);
		break;
	case 1:
		if (era->set && !ioasid_get(era->set, id))
			hold(worker, era, id);
		break;
	case 2:
		err = ioasid_get_if_owned_by(id, mm);
		if (!err)
			hold(worker, NULL, id);
		if (!err && worker->n_held && worker->held[worker->n_held - 1].life->era->mm != mm)
			stress_fault(worker->stress, "not of this mm", id);
		break;
	case 3:
		id = ioasid_find_by_spid(era->set, below(&worker->rnd, SPIDS), true);
		if (id != INVALID_IOASID)
			hold(worker, era, id);
		break;
	}
}

static void do_put(struct worker *worker)
{
	struct stress *stress = worker->stress;
	int at = pick(&worker->rnd, worker->n_held);
	bool irqs_off = !below(&worker->rnd, 8);
	struct ioasid_set *set = NULL;
	unsigned long flags = 0;
	struct life *life;
	ioasid_t id;

	if (at < 0)
		return;
	life = worker->held[at].life;
	id = worker->held[at].id;
	worker->held[at] = worker->held[--worker->n_held];
	/* The handle tells whose the ID is even when the set is dying. */
	if (below(&worker->rnd, 2))
		set = life->era->set;
	if (stress_find(stress, set, id) != life)
		stress_fault(stress, "another life while held", id);
	drop_holder(&life->holders);
	if (irqs_off)
		local_irq_save(flags);
	ioasid_put(set, id);
	if (irqs_off)
		local_irq_restore(flags);
}

/* Only the owner of an ID changes its SPID, and only while he holds it. */
static void do_spid(struct worker *worker)
{
	struct stress *stress = worker->stress;
	ioasid_t spid = below(&worker->rnd, SPIDS), id, found;
	struct life *life;
	int at, err;

	life = own(worker, &at);
	if (!life)
		return;
	id = life->id;
	err = ioasid_get(life->era->set, id);
	if (err) {
		if (!is_ending(life->era))
			stress_fault(stress, "no reference for the owner", id);
		return;
	}
	if (below(&worker->rnd, 2)) {
		err = ioasid_detach_spid(id);
		if (err && err != -ENOENT && !(err == -EBUSY && is_ending(life->era)))
			stress_fault(stress, "detach", err);
		if (ioasid_find_spid(id) != INVALID_IOASID && !err)
			stress_fault(stress, "detached and still there", id);
	}
	err = ioasid_attach_spid(id, spid);
	if (err && err != -EEXIST && err != -EBUSY)
		stress_fault(stress, "attach", err);
	if (!err) {
		atomic_inc(&stress->spids);
		if (ioasid_find_spid(id) != spid)
			stress_fault(stress, "attached and not there", id);
		found = ioasid_find_by_spid(life->era->set, spid, false);
		if (found != id && !is_ending(life->era))
			stress_fault(stress, "not found by its SPID", id);
		if (!ioasid_is_active(id) && !is_ending(life->era))
			stress_fault(stress, "not active", id);
	}
	ioasid_put(life->era->set, id);
}

static void do_query(struct worker *worker)
{
	struct era *era = any_era(worker);
	ioasid_t ceiling = READ_ONCE(era->ceiling);
	struct ioasid_set_usage usage;
	int err = ioasid_set_query(era->set, &usage);

	if (err) {
		if (!is_ending(era))
			stress_fault(worker->stress, "query", err);
		return;
	}
	if (!ceiling)
		return;
	/* It may have been raised, or lifted, since we looked. */
	ceiling = READ_ONCE(era->ceiling);
	if (ceiling && usage.use > ceiling)
		stress_fault(worker->stress, "more than its quota", usage.use);
}

static void do_adjust(struct worker *worker)
{
	struct slot *slot = &worker->stress->slots[below(&worker->rnd, SLOTS)];
	ioasid_t quota = below(&worker->rnd, 4) ? 1 + below(&worker->rnd, MAX_QUOTA) : 0;
	struct era *era;
	int err;

	if (!mutex_trylock(&slot->lock))
		return;
	era = slot->era;
	if (era) {
		raise_ceiling(&era->ceiling, quota);
		err = ioasid_adjust_set(era->set, quota);
		if (err && err != -EINVAL && err != -ENOSPC)
			stress_fault(worker->stress, "adjust", err);
		if (err && !quota)
			stress_fault(worker->stress, "the limit cannot be lifted", err);
	}
	mutex_unlock(&slot->lock);
}

static void begin_era(struct worker *worker, unsigned int slot)
{
	struct stress *stress = worker->stress;
	ioasid_t quota = below(&worker->rnd, 4) ? 1 + below(&worker->rnd, MAX_QUOTA) : 0;
	unsigned int at = take_place(&stress->n_eras, ERAS);
	struct era *era;

	if (at == ERAS)
		return;
	era = &stress->eras[at];
	if (is_mm_slot(slot))
		era->mm = mm_alloc();
	era->bulk = is_bulk_slot(slot);
	era->ceiling = quota;
	era->set = ioasid_alloc_set(era->mm, quota,
				    era->mm ? IOASID_SET_TYPE_MM : IOASID_SET_TYPE_NULL);
	if (!IS_ERR(era->set)) {
		/* Pairs with the dependency in any_era(). */
		smp_store_release(&stress->slots[slot].era, era);
		return;
	}
	if (era->set != ERR_PTR(-ENOSPC))
		stress_fault(stress, "no set", PTR_ERR(era->set));
	if (era->mm)
		mmput(era->mm);
}

void stress_end_era(struct worker *worker, unsigned int slot)
{
	struct era *era = worker->stress->slots[slot].era;
	bool mm_first = below(&worker->rnd, 2), irqs_off = below(&worker->rnd, 2);

	WRITE_ONCE(era->ending, true);
	WRITE_ONCE(worker->stress->slots[slot].era, NULL);
	/* What others see of the end comes after they can see that it is one. */
	smp_mb();
	if (mm_first && era->mm)
		mmput(era->mm);
	if (below(&worker->rnd, 3)) {
		if (ioasid_set_free(era->set) < 0)
			stress_fault(worker->stress, "not freed by its owner", slot);
		if (ioasid_set_free(era->set) != -EINVAL)
			stress_fault(worker->stress, "freed twice by its owner", slot);
	} else {
		put_set(era->set, irqs_off);
	}
	if (!mm_first && era->mm)
		mmput(era->mm);
}

static void do_set(struct worker *worker)
{
	unsigned int at = below(&worker->rnd, SLOTS);
	struct slot *slot = &worker->stress->slots[at];

	/* They are to live for a while. */
	if (below(&worker->rnd, 8) || !mutex_trylock(&slot->lock))
		return;
	if (slot->era)
		stress_end_era(worker, at);
	else
		begin_era(worker, at);
	mutex_unlock(&slot->lock);
}

static void do_reference(struct worker *worker)
{
	struct era *era = any_era(worker);

	if (!is_set_there_while_held(&worker->rnd, era->set, IDS, era->mm))
		stress_fault(worker->stress, "a set that is held is gone", 0);
}

static void visit(ioasid_t id, void *data)
{
	struct worker *worker = data;
	struct era *era = worker->visiting;
	struct life *life = stress_find(worker->stress, era->set, id);

	/* Somebody may have freed it meanwhile, but nobody has its number yet. */
	if (life && life->era != era)
		stress_fault(worker->stress, "visited in the wrong set", id);
	if (id > IDS || __test_and_set_bit(id, worker->seen))
		stress_fault(worker->stress, "visited twice", id);
	if (era->bulk && !below(&worker->rnd, 4))
		ioasid_free(era->set, id);
}

static void do_iterate(struct worker *worker)
{
	int err;

	if (below(&worker->rnd, 4))
		return;
	worker->visiting = any_era(worker);
	bitmap_zero(worker->seen, IDS + 1);
	err = ioasid_set_for_each_ioasid(worker->visiting->set, visit, worker);
	if (err && !is_ending(worker->visiting))
		stress_fault(worker->stress, "cannot be iterated", err);
}

static void do_free_all(struct worker *worker)
{
	struct era *era = any_era(worker);

	if (era->bulk && !below(&worker->rnd, 4))
		ioasid_free_all_in_set(era->set);
}

static void do_reserve(struct worker *worker)
{
	int nr;

	if (worker->reserved) {
		if (ioasid_cancel_capacity(worker->reserved) < (int)worker->reserved)
			stress_fault(worker->stress, "reservation is lost", worker->reserved);
		worker->reserved = 0;
		return;
	}
	nr = ioasid_reserve_capacity(1 + below(&worker->rnd, 20));
	if (nr > 0)
		worker->reserved = nr;
	else if (nr != -ENOSPC)
		stress_fault(worker->stress, "reserve", nr);
}

void stress_work(void *data)
{
	static void (* const steps[])(struct worker *worker) = {
		do_alloc, do_alloc, do_alloc, do_alloc, stress_free_own, do_get, do_get, do_get,
		do_put, do_put, do_put, do_spid, do_spid, do_query, do_adjust, do_set,
		do_reference, do_iterate, do_free_all, do_reserve,
	};
	struct worker *worker = data;

	while (time_before(jiffies, READ_ONCE(worker->stress->end))) {
		steps[below(&worker->rnd, ARRAY_SIZE(steps))](worker);
		cond_resched();
	}
	while (worker->n_held)
		do_put(worker);
	if (worker->reserved)
		do_reserve(worker);
}
