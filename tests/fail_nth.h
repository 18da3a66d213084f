/* SPDX-License-Identifier: GPL-2.0 */
/* Every public call, with what it needs and what undoes it. */
#ifndef IOASID_TESTS_FAIL_NTH_H
#define IOASID_TESTS_FAIL_NTH_H

#include <linux/ioasid_sva.h>

#include "fake.h"
#include "sets.h"

/* Whose numbers they are. */
enum world {
	WORLD_DEFAULT,
	WORLD_CUSTOM,
	WORLD_HOST,
	WORLDS,
};

struct scene {
	struct kunit *test;
	enum world world;
	/* Of an mm, with room for 20. Its IDs: one with data and SPID 5, one with neither. */
	struct ioasid_set *set;
	struct mm_struct *mm;
	ioasid_t id;
	ioasid_t plain;
	/* An mm without a set, another one for each round. */
	struct mm_struct *fresh;
	/* SVA is enabled on the first, may be on the second; the third has PASIDs of the IOMMU. */
	struct device *dev;
	struct device *other_dev;
	struct device *host_dev;
	const struct ioasid_sva_params *params;
	struct fake *fake;
	struct notifier_block nb;
	struct work_struct work;
	/* Where no number was used yet, so that the index has to grow. */
	ioasid_t min;
	ioasid_t max;
	/* What the call has made. */
	ioasid_t got;
	struct ioasid_set *made;
	struct ioasid_bond *bond;
};

struct call {
	/* The symbol, and what is special. */
	const char *name;
	/* 0, or what it is to return: nothing is there that it could do. */
	int expected;
	/* It cannot say that it has no memory. */
	bool certain;
	/* Needs a space without IDs, in which it is not refused. */
	bool empty;
	/* Has to do with numbers and so with whoever names them. */
	bool numbers;
	/* What it has to give back may stay until the next of its kind has memory. */
	bool late;
	void (*before)(struct scene *scene);
	/* 0 or an errno. */
	int (*run)(struct scene *scene);
	/* After a success. */
	void (*undo)(struct scene *scene);
	/* After all, if something was done before. */
	void (*after)(struct scene *scene);
};

extern const struct call fail_nth_calls[];
extern const unsigned int fail_nth_n_calls;

#endif /* IOASID_TESTS_FAIL_NTH_H */
