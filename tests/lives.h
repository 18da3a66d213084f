/* SPDX-License-Identifier: GPL-2.0 */
/* Lives of IDs, from alloc to reclaim, for threads that allocate, free, get and put at random. */
#ifndef IOASID_TESTS_LIVES_H
#define IOASID_TESTS_LIVES_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/ioasid.h>
#include <linux/minmax.h>

#include "random.h"

/* One after the other; the threads stop allocating when they are used up. */
#define LIVES BIT(18)
#define MAX_OWNED 24
#define MAX_HELD 12

/* What a thread is to free. */
struct owned_lives {
	unsigned int at[MAX_OWNED];
	unsigned int n;
};

/* Returns @limit if all places are taken. */
static inline unsigned int take_place(atomic_t *taken, unsigned int limit)
{
	unsigned int at = atomic_fetch_inc(taken);

	if (at < limit)
		return at;
	atomic_dec(taken);
	return limit;
}

/* Returns LIVES if the thread has enough of them, too. */
static inline unsigned int next_life(const struct owned_lives *owned, atomic_t *taken)
{
	return owned->n == MAX_OWNED ? LIVES : take_place(taken, LIVES);
}

/* Returns the place of one of @n, or -1 if there is none. */
static inline int pick(struct rnd_state *rnd, unsigned int n)
{
	return n ? below(rnd, n) : -1;
}

/*
 * In any range up to @last, by any policy. The private data is the place of the life, plus one.
 * -ERANGE: it was allocated, but not where it should.
 */
static inline int alloc_life(struct rnd_state *rnd, struct ioasid_set *set, ioasid_t last,
			     unsigned int at, ioasid_t *id)
{
	ioasid_t min = 1 + below(rnd, last), max = 1 + below(rnd, last);
	int err;

	if (min > max)
		swap(min, max);
	err = ioasid_alloc_range(set, min, max, below(rnd, IOASID_ALLOC_TOP_DOWN + 1),
				 (void *)(at + 1UL), id);
	return !err && (*id < min || *id > max) ? -ERANGE : err;
}

/* To be called before the put. */
static inline void drop_holder(atomic_t *holders)
{
	atomic_dec(holders);
	/* Whoever has the number next sees that we no longer hold it. */
	smp_mb__after_atomic();
}

#endif /* IOASID_TESTS_LIVES_H */
