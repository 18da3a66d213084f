// SPDX-License-Identifier: GPL-2.0
/* What an actor does to sets, and whether all figures add up. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/slab.h>

#include "torture.h"

/* With a reference; NULL if there is none in that place. */
struct era *torture_era(unsigned int slot)
{
	struct era *era;

	rcu_read_lock();
	era = rcu_dereference(torture.slots[slot].era);
	if (era && !refcount_inc_not_zero(&era->refs))
		era = NULL;
	rcu_read_unlock();
	return era;
}

/* May be on its way out. */
struct era *torture_any_era(struct rnd_state *rnd)
{
	struct era *era = torture_era(below(rnd, SLOTS));

	if (era)
		return era;
	refcount_inc(&torture.kernel.refs);
	return &torture.kernel;
}

void torture_put_era(struct era *era)
{
	if (!era || !refcount_dec_and_test(&era->refs))
		return;
	if (era->mm)
		mmdrop(era->mm);
	kfree_rcu(era, rcu);
}

static void begin_era(struct actor *actor, unsigned int slot)
{
	ioasid_t quota = below(&actor->rnd, 4) ? 1 + below(&actor->rnd, MAX_QUOTA) : 0;
	struct mm_struct *mm = NULL;
	struct era *era;
	int err;

	if (is_mm_slot(slot)) {
		mm = torture_any_mm(&actor->rnd);
		if (!mm)
			return;
	}
	era = kzalloc(sizeof(*era), GFP_KERNEL);
	if (!era)
		goto out;
	refcount_set(&era->refs, 1);
	era->bulk = is_bulk_slot(slot);
	era->ceiling = quota;
	torture_fail_one(actor);
	era->set = ioasid_alloc_set(mm, quota, mm ? IOASID_SET_TYPE_MM : IOASID_SET_TYPE_NULL);
	torture_has_failed_one();
	if (!IS_ERR(era->set)) {
		torture_count(COUNT_SETS);
		if (mm)
			mmgrab(mm);
		era->mm = mm;
		rcu_assign_pointer(torture.slots[slot].era, era);
		goto out;
	}
	err = PTR_ERR(era->set);
	/* Of an mm that has one in another place, or is about to lose its last one. */
	if (err != -ENOSPC && !(mm && err == -EEXIST) && !(err == -ENOMEM && torture.fail_one_in))
		torture_fault("no set", err);
	kfree(era);
out:
	if (mm)
		mmput(mm);
}

void torture_end_era(struct actor *actor, unsigned int slot)
{
	struct era *era = rcu_dereference_protected(torture.slots[slot].era, true);
	bool irqs_off = below(&actor->rnd, 2);
	int ret;

	if (!era)
		return;
	WRITE_ONCE(era->ending, true);
	RCU_INIT_POINTER(torture.slots[slot].era, NULL);
	/* What others see of the end comes after they can see that it is one. */
	smp_mb();
	if (below(&actor->rnd, 3)) {
		/* Good even after the mm has freed it. */
		ret = ioasid_set_free(era->set);
		if (ret < 0)
			torture_fault("not freed by its owner", ret);
		if (ioasid_set_free(era->set) != -EINVAL)
			torture_fault("freed twice by its owner", slot);
	} else {
		put_set(era->set, irqs_off);
	}
	torture_put_era(era);
}

static void do_set(struct actor *actor)
{
	unsigned int at = below(&actor->rnd, SLOTS);
	struct slot *slot = &torture.slots[at];

	/* They are to live for a while. */
	if (below(&actor->rnd, 4) || !mutex_trylock(&slot->lock))
		return;
	if (rcu_access_pointer(slot->era))
		torture_end_era(actor, at);
	else
		begin_era(actor, at);
	mutex_unlock(&slot->lock);
}

static void do_query(struct actor *actor)
{
	struct era *era = torture_any_era(&actor->rnd);
	ioasid_t ceiling = READ_ONCE(era->ceiling);
	struct ioasid_set_usage usage;
	int err = ioasid_set_query(era->set, &usage);

	if (err) {
		if (!is_lost(era, err))
			torture_fault("query", err);
	} else if (ceiling) {
		/* It may have been raised, or lifted, since we looked. */
		ceiling = READ_ONCE(era->ceiling);
		if (ceiling && usage.use > ceiling)
			torture_fault("more than its quota", usage.use);
	}
	torture_put_era(era);
}

static void do_adjust(struct actor *actor)
{
	ioasid_t quota = below(&actor->rnd, 4) ? 1 + below(&actor->rnd, MAX_QUOTA) : 0;
	struct slot *slot = &torture.slots[below(&actor->rnd, SLOTS)];
	struct era *era;
	int err;

	if (!mutex_trylock(&slot->lock))
		return;
	era = rcu_dereference_protected(slot->era, lockdep_is_held(&slot->lock));
	if (era) {
		raise_ceiling(&era->ceiling, quota);
		err = ioasid_adjust_set(era->set, quota);
		if (err && err != -EINVAL && err != -ENOSPC && !is_lost(era, err))
			torture_fault("adjust", err);
		if (err && !quota && !is_lost(era, err))
			torture_fault("the limit cannot be lifted", err);
	}
	mutex_unlock(&slot->lock);
}

static void do_reference(struct actor *actor)
{
	struct era *era = torture_any_era(&actor->rnd);

	if (!is_set_there_while_held(&actor->rnd, era->set, LAST_SVA_ID, era->mm))
		torture_fault("a set that is held is gone", 0);
	torture_put_era(era);
}

static void visit(ioasid_t id, void *data)
{
	struct actor *actor = data;
	struct era *era = actor->visiting;

	if (id >= HISTORY_IDS || __test_and_set_bit(id, actor->seen))
		torture_fault("visited twice", id);
	if (era->bulk && id <= LAST_ID && !below(&actor->rnd, 4))
		ioasid_free(era->set, id);
}

static void do_iterate(struct actor *actor)
{
	int err;

	if (below(&actor->rnd, 4))
		return;
	actor->visiting = torture_any_era(&actor->rnd);
	bitmap_zero(actor->seen, HISTORY_IDS);
	err = ioasid_set_for_each_ioasid(actor->visiting->set, visit, actor);
	if (err && !is_lost(actor->visiting, err))
		torture_fault("cannot be iterated", err);
	torture_put_era(actor->visiting);
}

static void do_free_all(struct actor *actor)
{
	struct era *era = torture_any_era(&actor->rnd);

	if (era->bulk && !below(&actor->rnd, 4))
		ioasid_free_all_in_set(era->set);
	torture_put_era(era);
}

void torture_set_step(struct actor *actor)
{
	static void (* const steps[])(struct actor *actor) = {
		do_set, do_query, do_adjust, do_reference, do_iterate, do_free_all,
	};

	steps[below(&actor->rnd, ARRAY_SIZE(steps))](actor);
}

/* ---- whether all figures add up, while nobody does anything ---- */

/* Returns what it takes of the capacity, or a negative number: figures are still moving. */
static int sum_of(struct era *era)
{
	struct ioasid_set_usage usage = {};
	struct census census = {};

	if (ioasid_set_query(era->set, &usage))
		return is_ending(era) ? 0 : -1;
	/* When its last ID has gone, its quota is for others, though it can still be read. */
	if (is_ending(era))
		return usage.use ? -1 : 0;
	ioasid_set_for_each_ioasid(era->set, take_census, &census);
	if (usage.use != census.ids || usage.spids != census.spids || usage.peak < usage.use)
		return -1;
	if (usage.quota && usage.use > usage.quota)
		return -1;
	era->ceiling = usage.quota;
	return usage.quota ?: usage.use;
}

static bool do_sums_fit(void)
{
	int taken = sum_of(&torture.kernel), sum;
	unsigned int i;

	if (taken < 0)
		return false;
	for (i = 0; i < SLOTS; i++) {
		struct era *era = torture_era(i);

		if (!era)
			continue;
		sum = sum_of(era);
		torture_put_era(era);
		if (sum < 0)
			return false;
		taken += sum;
	}
	return capacity_left() + taken + torture.aside == capacity_in_all();
}

static void tell_sums(void)
{
	struct ioasid_set_usage usage = {};
	unsigned int i;

	ioasid_set_query(NULL, &usage);
	pr_info("kernel's: %u IDs, %u set aside\n", usage.use, torture.aside);
	for (i = 0; i < SLOTS; i++) {
		struct era *era = torture_era(i);

		if (era && !ioasid_set_query(era->set, &usage))
			pr_info("set %u: %u of %u IDs, %u SPIDs, ending %d\n", i, usage.use,
				usage.quota, usage.spids, is_ending(era));
		torture_put_era(era);
	}
}

void torture_check_sums(void)
{
	unsigned long give_up = jiffies + 20 * HZ;

	/* What is freed may be on its way back, and the set of an mm that has exited, too. */
	while (!do_sums_fit()) {
		if (time_after(jiffies, give_up)) {
			torture_fault("capacity, quotas and IDs do not add up", capacity_left());
			tell_sums();
			return;
		}
		usleep_range(1000, 2000);
	}
}

bool torture_is_any_known(void)
{
	ioasid_t id;

	for (id = 1; id < HISTORY_IDS; id++) {
		if (ioasid_find(NULL, id, NULL) != ERR_PTR(-ENOENT))
			return true;
	}
	return false;
}
