/* SPDX-License-Identifier: GPL-2.0 */
/* Threads that make events at random, and others that come and go as subscribers. */
#ifndef IOASID_TESTS_EVENT_STRESS_H
#define IOASID_TESTS_EVENT_STRESS_H

#include <linux/mutex.h>

#include "history.h"
#include "random.h"
#include "sets.h"
#include "threads.h"

#define ACTORS 2
#define REGISTRARS 2
/* Of each actor: the set of an mm, and one without a token. */
#define SETS_EACH 2
#define SETS (ACTORS * SETS_EACH)
#define MAX_OWNED 20

/* There from the beginning to the end. */
#define FIRST_PERMANENT 2U
#define PERMANENT 4U
/* Whose ID it is nobody cares: all actors and a handler allocate and free them. */
#define FIRST_SHARED 10U
#define SHARED 12U
#define FIRST_OWN 40U
#define LAST_OWN 199U

struct owned {
	ioasid_t id;
	unsigned int set;
	bool is_notified;
	/* Which BIND it has got: none, by an SPID, or by ioasid_notify() with these flags. */
	bool has_spid;
	unsigned int notified;
};

struct actor {
	struct stress *stress;
	struct rnd_state rnd;
	unsigned int index;
	struct owned owned[MAX_OWNED];
	unsigned int n_owned;
	/* A reference to a shared ID. */
	ioasid_t held;
};

struct registrar {
	struct stress *stress;
	struct rnd_state rnd;
	unsigned int rounds;
};

struct slot {
	struct mm_struct *mm;
	/* Written by its actor. */
	struct ioasid_set *set;
};

struct stress {
	struct kunit *test;
	unsigned long end;
	struct actor actors[ACTORS];
	struct registrar registrars[REGISTRARS];
	struct slot slots[SETS];
	struct watcher first, last;
	struct history refuser;
	struct history of_mm[ACTORS];
	struct notifier_block meddler;
	atomic_t meddled;
	struct history_span span;
	atomic_t lives;
	atomic_t allocs;
	atomic_t binds;
	atomic_t sets;
	atomic_t replays;
	atomic_t faults;
};

void stress_act(void *data);
void stress_register(void *data);
void stress_fault(struct stress *stress, const char *what, long which);
void stress_end_set(struct actor *actor, unsigned int slot);
void stress_free_own(struct actor *actor, unsigned int at);

#endif /* IOASID_TESTS_EVENT_STRESS_H */
