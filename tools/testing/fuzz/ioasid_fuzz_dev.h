/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of the test device for the fuzzer. */
#ifndef IOASID_FUZZ_DEV_H
#define IOASID_FUZZ_DEV_H

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/ioasid.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "ioasid_fuzz.h"

#define FUZZ_MAX_IDS	256
#define FUZZ_MAX_REGS	4

struct fuzz_set {
	struct ioasid_set *handle;
	unsigned int refs;
	bool owned;
};

struct fuzz_ref {
	ioasid_t id;
	unsigned int count;
};

/* Where a handler is registered; an mm is compared only. */
struct fuzz_reg {
	struct ioasid_set *set;
	struct mm_struct *mm;
};

struct fuzz_handler {
	struct notifier_block nb;
	struct work_struct work;
	struct fuzz_reg regs[FUZZ_MAX_REGS];
	unsigned int nr_regs;
	atomic_t live;
	u32 does;
	u32 id;
	/* How often it did what it does. */
	atomic_t acts;
	atomic_t worked;
};

/* What an open file has. */
struct fuzz_file {
	/* One call at a time. */
	struct mutex lock;
	struct fuzz_set sets[FUZZ_SETS];
	struct fuzz_handler handlers[FUZZ_HANDLERS];
	ioasid_t ids[FUZZ_MAX_IDS];
	unsigned int nr_ids;
	struct fuzz_ref refs[FUZZ_MAX_IDS];
	unsigned int nr_refs;
};

/* A mistake of the module that it does not see itself. */
#define fuzz_bug(condition, what) WARN(condition, "ioasid_fuzz: " what)

/* Private data is a number that looks like this, and no address. */
#define FUZZ_DATA(n)		((void *)(((unsigned long)(n) << 12) | 0x5a5))
#define fuzz_is_data(data)	(((unsigned long)(data) & 0xfff) == 0x5a5)

bool fuzz_getter(void *data);

int fuzz_allocators_init(void);
void fuzz_allocators_exit(void);
int fuzz_register_allocator(struct fuzz_file *file, u32 at);
void fuzz_unregister_allocator(struct fuzz_file *file, u32 at);
void fuzz_leave_allocators(struct fuzz_file *file);
void fuzz_answer(u32 at, u32 answer);

void fuzz_handlers_init(struct fuzz_file *file);
s64 fuzz_register(struct fuzz_file *file, u32 verb, u32 at, struct ioasid_set *set,
		  struct mm_struct *mm, int priority);
s64 fuzz_unregister(struct fuzz_file *file, u32 verb, u32 at, struct ioasid_set *set,
		    struct mm_struct *mm);
void fuzz_leave_handlers(struct fuzz_file *file);

#endif /* IOASID_FUZZ_DEV_H */
