/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOASID_BENCH_H
#define IOASID_BENCH_H

#include <linux/types.h>

/* What every implementation is asked for: 1 to 2^20 - 1, lowest number first. */
#define BENCH_MIN 1
#define BENCH_MAX ((1U << 20) - 1)

/**
 * struct bench_impl - one implementation under test
 * @name: as in the result lines
 * @start: prepares it, may be NULL; returns 0 or an errno
 * @stop: undoes @start, may be NULL
 * @alloc: returns a new number, 0 when there is none
 * @free: takes a number back
 * @find: returns the private pointer of a number; NULL where there is no such operation
 * @getput: takes a reference and drops it; NULL where there is no such operation
 * @make_set: makes a set with so many numbers; NULL where there is no such operation
 * @free_set: frees a set and its numbers
 */
struct bench_impl {
	const char *name;
	int (*start)(void);
	void (*stop)(void);
	u32 (*alloc)(void);
	void (*free)(u32 id);
	void *(*find)(u32 id);
	void (*getput)(u32 id);
	void *(*make_set)(unsigned int numbers);
	void (*free_set)(void *set);
};

extern const struct bench_impl bench_none, bench_ours, bench_c61, bench_ida, bench_xarray;

/* The private pointer of every ID. */
extern int bench_private;

/* Time that the CPU has spent halted, in ns, and the number of its interrupts. */
u64 bench_idle_time(void);
unsigned long bench_interrupts(void);
int bench_idle_start(void);
void bench_idle_stop(void);

#endif
