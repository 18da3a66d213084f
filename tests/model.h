/* SPDX-License-Identifier: GPL-2.0 */
/* A model of the interface: plain arrays, no lock, no order but that of the calls. */
#ifndef IOASID_TESTS_MODEL_H
#define IOASID_TESTS_MODEL_H

#include <linux/prandom.h>

#include "sets.h"

#define IDS 60
/* Index 0 is the kernel's own. */
#define SETS 7
#define MMS 3
#define KERNELS 0
#define NOBODYS (-1)

struct model_id {
	bool live;
	bool pending;
	/* Freed from a work item, so its last put may come before the owner's is dropped. */
	bool by_work;
	/* Another ID has taken its SPID over. */
	bool shadowed;
	int set;
	unsigned int refs;
	ioasid_t spid;
	void *data;
};

struct model_set {
	struct ioasid_set *handle;
	struct mm_struct *mm;
	bool exists;
	bool dying;
	/* Whether set_free or the creator's put is still to come. */
	bool owner;
	unsigned int refs;
	enum ioasid_alloc_policy policy;
	ioasid_t quota;
	ioasid_t peak;
	ioasid_t failures;
};

struct model {
	struct kunit *test;
	struct rnd_state rnd;
	unsigned int op;
	const char *what;
	struct model_id ids[IDS + 1];
	struct model_set sets[SETS];
	struct mm_struct *mms[MMS];
	/* A handle whose set is gone. */
	struct ioasid_set *stale;
	/* Where the next cyclic allocation starts. */
	ioasid_t next;
	/* What sets and reservations share, and what is kept out of their reach. */
	ioasid_t shared;
	ioasid_t aside;
	ioasid_t reserved;
	/* What the operation is about; the set may be nobody's whatever the handle. */
	ioasid_t id;
	int set;
	struct ioasid_set *handle;
};

extern struct model m;

/* Some small, some far apart. */
static const ioasid_t model_spids[] = { 0, 1, 2, 3, 77, 1 << 19, 0xfffffffe };

#define same(got, want)							\
	KUNIT_ASSERT_EQ_MSG(m.test, got, want, "operation %u: %s, set %d, ID %u", m.op, m.what,	\
			    m.set, m.id)
#define same_pointer(got, want)						\
	KUNIT_ASSERT_PTR_EQ_MSG(m.test, got, want, "operation %u: %s, set %d, ID %u", m.op,	\
				m.what, m.set, m.id)
#define holds(condition) same(condition, true)

struct model_step {
	const char *what;
	void (*run)(void);
	/* How often in relation to others. */
	unsigned int weight;
};

extern const struct model_step model_id_steps[];
extern const struct model_step model_set_steps[];

u32 below(u32 limit);
ioasid_t use_of(int set);
ioasid_t spids_of(int set);
ioasid_t left(void);
bool is_held(int set);
void set_may_vanish(int set);
void reclaim(ioasid_t id);
void reclaim_soon(ioasid_t id);
void free_id(ioasid_t id, bool by_work);
void free_ids(int set, bool by_work);
void pick_set(void);
void pick_id(void);
struct model_id *picked(void);

#endif /* IOASID_TESTS_MODEL_H */
