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
 * @more: figures that no other has, with @n live IDs of which @id is one; the @first time with any,
 *	also those that do not depend on their number; NULL where there are none
 */
struct bench_impl {
	const char *name;
	int (*start)(void);
	void (*stop)(void);
	u32 (*alloc)(void);
	void (*free)(u32 id);
	void *(*find)(u32 id);
	void (*getput)(u32 id);
	int (*more)(unsigned int n, u32 id, bool first);
};

extern const struct bench_impl bench_none, bench_ours, bench_c61, bench_ida, bench_xarray;

/* The private pointer of every ID. */
extern int bench_private;

/* In bench_main.c. Time is in instructions; figures are printed in hundredths. */
u64 bench_now(void);
u64 bench_work_done(void);
void bench_settle(void);
void bench_wait_for_phase(unsigned int part, unsigned int parts);
s64 bench_mean(u64 time, u64 calls);
u64 bench_middle_half(u64 *settle_time, unsigned int rounds);
void bench_print(const struct bench_impl *impl, unsigned int n, const char *op, const char *what,
		 s64 hundredths);

int bench_ours_more(unsigned int n, u32 id, bool first);

/* Time that the CPU has spent halted, in ns, and the number of its interrupts. */
u64 bench_idle_time(void);
unsigned long bench_interrupts(void);
int bench_idle_start(void);
void bench_idle_stop(void);

#endif
