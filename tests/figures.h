/* SPDX-License-Identifier: GPL-2.0 */
/* What is done to sets at random, and what has to be true of them then. Needs no KUnit. */
#ifndef IOASID_TESTS_FIGURES_H
#define IOASID_TESTS_FIGURES_H

#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/ioasid.h>
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "random.h"

struct census {
	unsigned int ids;
	unsigned int spids;
};

/* For ioasid_set_for_each_ioasid(). */
static inline void take_census(ioasid_t id, void *data)
{
	struct census *census = data;

	census->ids++;
	census->spids += ioasid_find_spid(id) != INVALID_IOASID;
}

/*
 * Asks for a reference to a set: @set, that of an ID up to @last, or that of @mm. False: it was
 * got, and the set was gone all the same.
 */
static inline bool is_set_there_while_held(struct rnd_state *rnd, struct ioasid_set *set,
					   ioasid_t last, struct mm_struct *mm)
{
	struct ioasid_set_usage usage;
	bool is_there;

	switch (below(rnd, 3)) {
	case 0:
		if (ioasid_set_get(set))
			return true;
		break;
	case 1:
		set = ioasid_find_set(1 + below(rnd, last));
		break;
	default:
		set = ioasid_find_mm_set(mm);
	}
	if (IS_ERR_OR_NULL(set))
		return true;
	is_there = !ioasid_set_query(set, &usage);
	if (below(rnd, 2))
		cond_resched();
	ioasid_set_put(set);
	return is_there;
}

static inline void put_set(struct ioasid_set *set, bool irqs_off)
{
	unsigned long flags = 0;

	if (irqs_off)
		local_irq_save(flags);
	ioasid_set_put(set);
	if (irqs_off)
		local_irq_restore(flags);
}

/* @ceiling is the largest quota that a set has had, 0 if there was a time without. */
static inline void raise_ceiling(ioasid_t *ceiling, ioasid_t quota)
{
	WRITE_ONCE(*ceiling, quota && *ceiling ? max(quota, *ceiling) : 0);
}

#endif /* IOASID_TESTS_FIGURES_H */
