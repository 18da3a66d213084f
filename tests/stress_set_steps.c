// SPDX-License-Identifier: GPL-2.0
/* What a thread does, and what has to hold at any time. */
#include "stress_set.h"

void stress_fault(struct stress *stress, const char *what, long which)
{
	if (atomic_inc_return(&stress->faults) <= 10)
		kunit_err(stress->test, "%s: %ld\n", what, which);
}

static u32 below(struct worker *worker, u32 limit)
{
	return prandom_u32_state(&worker->rnd) % limit;
}

/* May be on its way out. */
static struct era *any_era(struct worker *worker)
{
	struct stress *stress = worker->stress;
	struct era *era = READ_ONCE(stress->slots[below(worker, SLOTS)].era);

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
	ioasid_t min = 1 + below(worker, IDS), max = 1 + below(worker, IDS), id;
	struct stress *stress = worker->stress;
	struct era *era = any_era(worker);
	struct life *life, *before;
	unsigned int index;
	int err, previous;

	if (worker->n_owned == MAX_OWNED)
		return;
	index = atomic_fetch_inc(&stress->n_lives);
	if (index >= LIVES) {
		atomic_dec(&stress->n_lives);
		return;
	}
	life = &stress->lives[index];
	life->era = era;
	if (min > max)
		swap(min, max);
	err = ioasid_alloc_range(era->set, min, max, below(worker, IOASID_ALLOC_TOP_DOWN + 1),
				 (void *)(index + 1UL), &id);
	if (err) {
		atomic_inc(&stress->refused);
		if (err != -ENOSPC && !(is_ending(era) && (err == -EBUSY || err == -EINVAL)))
			stress_fault(stress, "allocation failed for no good reason", err);
		return;
	}
	atomic_inc(&stress->allocs);
	if (id < min || id > max) {
		stress_fault(stress, "allocated out of range", id);
		return;
	}
	previous = atomic_xchg(&stress->last[id], index + 1);
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
		worker->owned[worker->n_owned++] = index;
}

static struct life *own(struct worker *worker, unsigned int *at)
{
	if (!worker->n_owned)
		return NULL;
	*at = below(worker, worker->n_owned);
	return &worker->stress->lives[worker->owned[*at]];
}

void stress_free_own(struct worker *worker)
{
	struct stress *stress = worker->stress;
	bool irqs_off = !below(worker, 8);
	unsigned long flags = 0;
	struct life *life;
	unsigned int at;
	int ret;

	life = own(worker, &at);
	if (!life)
		return;
	worker->owned[at] = worker->owned[--worker->n_owned];
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
	ioasid_t id = 1 + below(worker, IDS);
	struct mm_struct *mm = era->mm;
	int err;

	if (worker->n_held == MAX_HELD)
		return;
	switch (below(worker, 4)) {
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
		id = ioasid_find_by_spid(era->set, below(worker, SPIDS), true);
		if (id != INVALID_IOASID)
			hold(worker, era, id);
		break;
	}
}

static void do_put(struct worker *worker)
{
	struct stress *stress = worker->stress;
	bool irqs_off = !below(worker, 8);
	struct ioasid_set *set = NULL;
	unsigned long flags = 0;
	struct life *life;
	unsigned int at;
	ioasid_t id;

	if (!worker->n_held)
		return;
	at = below(worker, worker->n_held);
	life = worker->held[at].life;
	id = worker->held[at].id;
	worker->held[at] = worker->held[--worker->n_held];
	/* The handle tells whose the ID is even when the set is dying. */
	if (below(worker, 2))
		set = life->era->set;
	if (stress_find(stress, set, id) != life)
		stress_fault(stress, "another life while held", id);
	atomic_dec(&life->holders);
	/* Whoever has the number next sees that we no longer hold it. */
	smp_mb__after_atomic();
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
	ioasid_t spid = below(worker, SPIDS), id, found;
	struct life *life;
	unsigned int at;
	int err;

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
	if (below(worker, 2)) {
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
	struct slot *slot = &worker->stress->slots[below(worker, SLOTS)];
	ioasid_t quota = below(worker, 4) ? 1 + below(worker, MAX_QUOTA) : 0;
	struct era *era;
	int err;

	if (!mutex_trylock(&slot->lock))
		return;
	era = slot->era;
	if (era) {
		if (!quota || !era->ceiling)
			WRITE_ONCE(era->ceiling, 0);
		else
			WRITE_ONCE(era->ceiling, max(quota, era->ceiling));
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
	ioasid_t quota = below(worker, 4) ? 1 + below(worker, MAX_QUOTA) : 0;
	unsigned int index = atomic_fetch_inc(&stress->n_eras);
	struct era *era;

	if (index >= ERAS) {
		atomic_dec(&stress->n_eras);
		return;
	}
	era = &stress->eras[index];
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
	bool mm_first = below(worker, 2), irqs_off = below(worker, 2);
	unsigned long flags = 0;

	WRITE_ONCE(era->ending, true);
	WRITE_ONCE(worker->stress->slots[slot].era, NULL);
	/* What others see of the end comes after they can see that it is one. */
	smp_mb();
	if (mm_first && era->mm)
		mmput(era->mm);
	if (below(worker, 3)) {
		if (ioasid_set_free(era->set) < 0)
			stress_fault(worker->stress, "not freed by its owner", slot);
		if (ioasid_set_free(era->set) != -EINVAL)
			stress_fault(worker->stress, "freed twice by its owner", slot);
	} else {
		if (irqs_off)
			local_irq_save(flags);
		ioasid_set_put(era->set);
		if (irqs_off)
			local_irq_restore(flags);
	}
	if (!mm_first && era->mm)
		mmput(era->mm);
}

static void do_set(struct worker *worker)
{
	unsigned int at = below(worker, SLOTS);
	struct slot *slot = &worker->stress->slots[at];

	/* They are to live for a while. */
	if (below(worker, 8) || !mutex_trylock(&slot->lock))
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
	struct ioasid_set_usage usage;
	struct ioasid_set *set;

	switch (below(worker, 3)) {
	case 0:
		set = ioasid_set_get(era->set) ? NULL : era->set;
		break;
	case 1:
		set = ioasid_find_set(1 + below(worker, IDS));
		break;
	default:
		set = ioasid_find_mm_set(era->mm);
	}
	if (IS_ERR_OR_NULL(set))
		return;
	if (ioasid_set_query(set, &usage))
		stress_fault(worker->stress, "a set that is held is gone", 0);
	if (below(worker, 2))
		cond_resched();
	ioasid_set_put(set);
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
	if (era->bulk && !below(worker, 4))
		ioasid_free(era->set, id);
}

static void do_iterate(struct worker *worker)
{
	int err;

	if (below(worker, 4))
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

	if (era->bulk && !below(worker, 4))
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
	nr = ioasid_reserve_capacity(1 + below(worker, 20));
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
		steps[below(worker, ARRAY_SIZE(steps))](worker);
		cond_resched();
	}
	while (worker->n_held)
		do_put(worker);
	if (worker->reserved)
		do_reserve(worker);
}
