/* SPDX-License-Identifier: GPL-2.0 */
/* Threads that do at random whatever the interface allows, and check what it promises. */
#ifndef IOASID_TESTS_STRESS_H
#define IOASID_TESTS_STRESS_H

#include <linux/atomic.h>

#include "common.h"
#include "lives.h"
#include "threads.h"

#define STRESS_IDS 64U
#define STRESS_THREADS 4

enum life_state {
	LIFE_NONE,
	LIFE_OWNED,
	LIFE_FREEING,
	LIFE_FREED,
};

/* One ID from alloc to reclaim. Its index here, plus one, is its private data. */
struct life {
	ioasid_t id;
	enum life_state state;
	/* Freed with interrupts off: nobody need be told of the end. */
	bool deferred;
	atomic_t holders;
	/* How many were told that they ended it. */
	atomic_t ends;
};

struct stress {
	struct kunit *test;
	unsigned long end;
	u32 seed;
	struct life *lives;
	atomic_t n_lives;
	/* The life that a number has or had last, plus one. */
	atomic_t last[STRESS_IDS + 1];
	atomic_t faults;
	atomic_t allocs;
	atomic_t full;
	atomic_t gets;
	atomic_t busy;
};

struct stress *stress_new(struct kunit *test);
void stress_start(struct stress *stress, struct helper **helpers);
void stress_finish(struct stress *stress, struct helper **helpers);
void stress_fault(struct stress *stress, const char *what, ioasid_t id);

void ids_are_handed_out_once_by_custom_allocators(struct kunit *test);

#endif /* IOASID_TESTS_STRESS_H */
