/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Torture of IOASIDs. What is known of each number stands in one place, kept by the first of all
 * subscribers: he is told of every life from its beginning to its end, before anybody else.
 */
#ifndef IOASID_TORTURE_H
#define IOASID_TORTURE_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/ioasid_sva.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>

#include "capacity.h"
#include "figures.h"
#include "history.h"
#include "random.h"

/* Numbers by who uses them: actors, their IDs without events in between, devices. */
#define LAST_ID 180U
#define FIRST_DATA_ID 181U
#define LAST_DATA_ID 200U
#define FIRST_SVA_ID 201U
#define LAST_SVA_ID 255U

/* What sets and reservations have to share. */
#define TORTURE_LEFT 150
#define MAX_QUOTA 60
#define SPIDS 24
#define SLOTS 8
#define MMS 6
#define MAX_OWNED 20
#define MAX_HELD 12
#define MAX_ACTORS 64

/* Sets of an mm; sets whose IDs each actor frees one by one; sets that are emptied as a whole. */
#define is_mm_slot(slot) ((slot) < 3)
#define is_bulk_slot(slot) ((slot) >= 6)

/* Of two lives that have one place a reuse is not seen. */
#define HOLDERS 16

struct number {
	/* The private data of the life that has it, marked; 0 for none. */
	atomic64_t owner;
	/* That of the last one of which FREE was told. */
	atomic64_t freed;
	/* By life: of one that has just come, there may be some before subscribers are told. */
	atomic_t holders[HOLDERS];
};

static inline atomic_t *holders_of(struct number *number, u64 tag)
{
	return &number->holders[tag / 2 % HOLDERS];
}

/* A set, from beginning to end; there is one for the kernel's own. */
struct era {
	struct rcu_head rcu;
	refcount_t refs;
	struct ioasid_set *set;
	struct mm_struct *mm;
	bool bulk;
	bool ending;
	/* The largest quota since the last stop, 0 if there was a time without. */
	ioasid_t ceiling;
};

struct slot {
	struct mutex lock; /* changes of the era */
	struct era __rcu *era;
};

struct owned {
	ioasid_t id;
	u64 tag;
	struct era *era;
	bool has_spid;
	/* The flags of the BIND that it has got from ioasid_notify(). */
	unsigned int notified;
};

struct held {
	ioasid_t id;
	u64 tag;
	bool named;
};

/* Something to be done in a hard interrupt. */
struct in_irq {
	struct irq_work work;
	int (*fn)(struct ioasid_set *set, ioasid_t id);
	struct ioasid_set *set;
	ioasid_t id;
	int ret;
};

struct actor {
	struct rnd_state rnd;
	struct task_struct *task;
	struct owned owned[MAX_OWNED];
	unsigned int n_owned;
	struct held held[MAX_HELD];
	unsigned int n_held;
	ioasid_t reserved;
	struct in_irq in_irq;
	DECLARE_BITMAP(seen, HISTORY_IDS);
	struct era *visiting;
	unsigned long operations;
};

enum torture_count {
	COUNT_ALLOCS,
	COUNT_REFUSED,
	COUNT_GETS,
	COUNT_BINDS,
	COUNT_SETS,
	COUNT_SUBSCRIPTIONS,
	COUNT_REPLAYS,
	COUNT_PLUGS,
	COUNT_MMS,
	COUNT_EXITS,
	COUNT_BONDS,
	COUNT_HARDIRQS,
	COUNT_SOFTIRQS,
	COUNT_HOTPLUGS,
	COUNT_NO_MEMORY,
	COUNTS,
};

struct torture {
	struct number numbers[HISTORY_IDS];
	struct slot slots[SLOTS];
	struct era kernel;
	struct actor *actors;
	struct history_span span;
	struct watcher first, last;
	struct history refuser;
	atomic64_t tags;
	atomic64_t counts[COUNTS];
	atomic_t faults;
	/* Threads of the turn. To be stopped is like a signal, so they end by themselves first. */
	atomic_t running;
	/* The actors, and all others, go on until then, or until the test is stopped. */
	unsigned long end;
	bool stopped;
	ioasid_t aside;
	unsigned int fail_one_in;
};

extern struct torture torture;

void torture_fault(const char *what, long which);

static inline bool torture_goes_on(void)
{
	return time_before(jiffies, READ_ONCE(torture.end)) && !READ_ONCE(torture.stopped) &&
	       !atomic_read(&torture.faults);
}

static inline void torture_count(enum torture_count what)
{
	atomic64_inc(&torture.counts[what]);
}

/* The tag that a lookup gives: the private data of a life, or 0 for none. */
static inline u64 tag_of(struct ioasid_set *set, ioasid_t id)
{
	void *found = ioasid_find(set, id, NULL);

	return IS_ERR(found) ? 0 : (u64)found;
}

/* The process of its mm may have gone, then it has ended by itself. */
static inline bool is_ending(struct era *era)
{
	return READ_ONCE(era->ending) || (era->mm && !atomic_read(&era->mm->mm_users));
}

static inline bool is_lost(struct era *era, int err)
{
	return (err == -EBUSY || err == -EINVAL || err == -ENOENT || err == -EACCES) &&
	       is_ending(era);
}

struct era *torture_any_era(struct rnd_state *rnd);
struct era *torture_era(unsigned int slot);
void torture_put_era(struct era *era);
void torture_end_era(struct actor *actor, unsigned int slot);
void torture_set_step(struct actor *actor);
bool torture_is_any_known(void);
void torture_check_sums(void);

static inline int torture_thread_ends(void)
{
	atomic_dec(&torture.running);
	return 0;
}

int torture_act(void *data);
void torture_free_all_own(struct actor *actor);
void torture_fail_one(struct actor *actor);
bool torture_has_failed_one(void);

int torture_watch_begin(void);
void torture_watch_end(void);
void torture_watch_check(void);
int torture_subscribe(void *data);

/* An address space with mm_users taken, or NULL. */
struct mm_struct *torture_any_mm(struct rnd_state *rnd);
void torture_offer_mm(struct mm_struct *mm);
void torture_drop_mms(void);
int torture_devices_begin(void);
void torture_devices_end(void);
void torture_devices_check(void);
int torture_bind(void *data);

#endif /* IOASID_TORTURE_H */
