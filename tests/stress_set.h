/* SPDX-License-Identifier: GPL-2.0 */
/* What threads do at random with sets, and what they are expected to find. */
#ifndef IOASID_TESTS_STRESS_SET_H
#define IOASID_TESTS_STRESS_SET_H

#include <linux/bitmap.h>
#include <linux/mutex.h>

#include "figures.h"
#include "lives.h"
#include "sets.h"
#include "threads.h"

#define WORKERS 4
#define PHASE 5
#define IDS 200U
/* What sets and reservations have to share. */
#define LEFT 150
#define MAX_QUOTA 60
#define SPIDS 24
#define ERAS BIT(16)

/* Sets of an mm; sets whose IDs each thread frees one by one; sets that are emptied as a whole. */
#define SLOTS 7
#define is_mm_slot(slot) ((slot) < 2)
#define is_bulk_slot(slot) ((slot) >= 5)

/* A set, from beginning to end; the first one is the kernel's own. */
struct era {
	struct ioasid_set *set;
	struct mm_struct *mm;
	bool bulk;
	/* Somebody has begun to end it. */
	bool ending;
	/* The largest quota since the last stop, 0 if there was a time without. */
	ioasid_t ceiling;
};

/* One ID from alloc to reclaim. Its index, plus one, is its private data. */
struct life {
	struct era *era;
	ioasid_t id;
	bool freed;
	atomic_t holders;
};

struct slot {
	struct mutex lock; /* changes of the era */
	struct era *era;
};

struct worker {
	struct stress *stress;
	struct rnd_state rnd;
	struct owned_lives owned;
	struct {
		struct life *life;
		ioasid_t id;
	} held[MAX_HELD];
	unsigned int n_held;
	ioasid_t reserved;
	DECLARE_BITMAP(seen, IDS + 1);
	struct era *visiting;
};

struct stress {
	struct kunit *test;
	unsigned long end;
	struct era *eras;
	atomic_t n_eras;
	struct life *lives;
	atomic_t n_lives;
	/* The life that a number has or had last, plus one. */
	atomic_t last[IDS + 1];
	struct slot slots[SLOTS];
	struct worker workers[WORKERS];
	atomic_t faults;
	atomic_t allocs;
	atomic_t refused;
	atomic_t gets;
	atomic_t spids;
	ioasid_t aside;
};

void stress_work(void *data);
void stress_end_era(struct worker *worker, unsigned int slot);
void stress_free_own(struct worker *worker);
struct life *stress_find(struct stress *stress, struct ioasid_set *set, ioasid_t id);
void stress_fault(struct stress *stress, const char *what, long which);

static inline bool is_ending(struct era *era)
{
	return READ_ONCE(era->ending);
}

#endif /* IOASID_TESTS_STRESS_SET_H */
