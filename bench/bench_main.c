// SPDX-License-Identifier: GPL-2.0
/*
 * Counts instructions per call: ours, the C code of Linux 6.1, the kernel's IDA, a bare XArray.
 *
 * Runs under "qemu -accel tcg -icount shift=0,sleep=off -smp 1", where the time stamp counter
 * counts executed instructions. Two figures per operation:
 *
 * call: the mean of the batches that no interrupt and no other task got into. What a call does now
 *	and then (a new slab page, a new leaf) is in it; what is done for it later is not.
 * all: everything that the machine executed from the first call until it was idle again, RCU
 *	callbacks, work items, softirqs, the ticks meanwhile and the kernel threads' own work
 *	included, divided by the number of calls. Becoming idle takes more instructions than a
 *	few hundred calls, and a tick more or less would be seen in the result: each round begins
 *	at another time between two ticks, and of what becoming idle took in all rounds the
 *	middle half counts.
 *
 * From both, the same is subtracted for an implementation that does nothing, measured with the same
 * loops: what remains is the implementation. All loops go through IDs in a shuffled order that
 * is the same in each boot and for each implementation.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>
#include <asm/tsc.h>
#include "bench.h"

static unsigned int sizes[8] = { 1000, 100000, 1000000 };
static unsigned int nr_sizes = 3;
module_param_array(sizes, uint, &nr_sizes, 0444);
MODULE_PARM_DESC(sizes, "numbers of live IDs, rising");

static char *profile = "";
module_param(profile, charp, 0444);
MODULE_PARM_DESC(profile, "an operation that is all that is done, for bench/profile");

int bench_private;

static const struct bench_impl *const impls[] = {
#ifdef BENCH_OURS
	&bench_ours,
#endif
#ifdef BENCH_C61
	&bench_c61,
#endif
	&bench_ida,
	&bench_xarray,
};

enum op { OP_ALLOC, OP_FIND, OP_FREE, OP_PAIR, OP_GETPUT, NR_OPS };

static const char *const op_names[NR_OPS] = {
	[OP_ALLOC] = "alloc",
	[OP_FIND] = "find",
	[OP_FREE] = "free",
	[OP_PAIR] = "pair",
	[OP_GETPUT] = "getput",
};

/* A tick comes every 4 million instructions: one batch in 30 is disturbed. */
#define BATCH 128

/* Batches of alloc and of free, for each size; they come in as many rounds as it takes. */
#define ROUND_BATCHES 96
#define MAX_ROUNDS (ROUND_BATCHES / 2)

/* Sets of so many IDs that are freed in a round, and rounds. */
#define SET_IDS 10
#define SETS 64
#define SET_ROUNDS 16

struct figures {
	u64 calls;
	u64 call_calls;
	u64 call_time;
	u64 loop_time;
	u64 settle_time[MAX_ROUNDS];
	unsigned int rounds;
};

static struct figures none[NR_OPS], sum[NR_OPS];

/* Live IDs of the implementation at hand, in a shuffled order; the same for the one of none. */
static u32 *ids, *none_ids;
static unsigned int live;
static unsigned long *seen;

static u64 quiet_limit;

/* ----------------------------------------------------------------------------------------- time */

static u64 now(void)
{
	return rdtsc_ordered();
}

/* Instructions executed since boot. */
static u64 work_done(void)
{
	u64 idle;
	u64 t;

	preempt_disable();
	t = now();
	idle = bench_idle_time();
	preempt_enable();
	return t - idle;
}

/* Instructions executed in the next 50 ms, which an idle machine jumps over. */
static u64 work_in_window(void)
{
	u64 start = work_done();

	msleep(50);
	return work_done() - start;
}

/*
 * Until nothing is left to do: first what has a barrier to wait for it, then, until two windows in
 * a row are quiet, all other.
 */
static void settle(void)
{
	int i, quiet = 0;

	kvfree_rcu_barrier();
	rcu_barrier();
	for (i = 0; i < 2000 && quiet < 2; i++)
		quiet = work_in_window() <= quiet_limit ? quiet + 1 : 0;
	if (quiet < 2)
		pr_warn("ioasid_bench: the machine does not become idle\n");
}

/* From a tick on, until @part of @parts of the time to the next has passed. */
static void wait_for_phase(unsigned int part, unsigned int parts)
{
	unsigned int us = TICK_USEC * part / parts;

	schedule_timeout_uninterruptible(1);
	if (us)
		usleep_range(us, us);
}

/* What a machine without anything to do executes in a window. */
static void learn_quiet(void)
{
	u64 most = 0;
	int i;

	msleep(10000);
	for (i = 0; i < 100; i++)
		most = max(most, work_in_window());
	pr_info("ioasid_bench: an idle machine executes up to %llu instructions in 50 ms\n", most);
	quiet_limit = most + most / 2;
}

/* Does the counter count instructions? A loop of 2 million says so. */
static int check_counter(void)
{
	unsigned long loops = 1000000;
	unsigned long flags;
	u64 time;

	local_irq_save(flags);
	time = now();
	asm volatile("1: dec %0; jnz 1b" : "+r" (loops) : : "cc");
	time = now() - time;
	local_irq_restore(flags);
	if (time < 2000000 || time > 2000100) {
		pr_err("ioasid_bench: 2000000 instructions count as %llu: is this QEMU with -icount shift=0?\n",
		       time);
		return -ENODEV;
	}
	return 0;
}

/* ---------------------------------------------------------------------------------------- loops */

static noinline void loop_alloc(const struct bench_impl *impl, u32 *id)
{
	u32 *end = id + BATCH;

	for (; id < end; id++)
		*id = impl->alloc();
}

static noinline void loop_find(const struct bench_impl *impl, u32 *id)
{
	u32 *end = id + BATCH;

	for (; id < end; id++)
		impl->find(*id);
}

static noinline void loop_free(const struct bench_impl *impl, u32 *id)
{
	u32 *end = id + BATCH;

	for (; id < end; id++)
		impl->free(*id);
}

static noinline void loop_pair(const struct bench_impl *impl, u32 *id)
{
	u32 *end = id + BATCH;

	for (; id < end; id++) {
		impl->free(*id);
		*id = impl->alloc();
	}
}

static noinline void loop_getput(const struct bench_impl *impl, u32 *id)
{
	u32 *end = id + BATCH;

	for (; id < end; id++)
		impl->getput(*id);
}

static void (*const loops[NR_OPS])(const struct bench_impl *impl, u32 *id) = {
	[OP_ALLOC] = loop_alloc,
	[OP_FIND] = loop_find,
	[OP_FREE] = loop_free,
	[OP_PAIR] = loop_pair,
	[OP_GETPUT] = loop_getput,
};

/*
 * @batches batches over the IDs at @id, from the beginning again after @wrap: one of @rounds
 * rounds.
 */
static void run(const struct bench_impl *impl, enum op op, struct figures *to, u32 *id,
		unsigned int batches, unsigned int wrap, unsigned int rounds)
{
	unsigned long switches, disturbed;
	u64 work, time;
	unsigned int i;

	settle();
	wait_for_phase(to->rounds, rounds);
	work = work_done();
	for (i = 0; i < batches; i++) {
		disturbed = bench_interrupts();
		switches = current->nvcsw + current->nivcsw;
		time = now();
		loops[op](impl, id + i % wrap * BATCH);
		time = now() - time;
		if (disturbed == bench_interrupts() &&
		    switches == current->nvcsw + current->nivcsw) {
			to->call_time += time;
			to->call_calls += BATCH;
		}
		cond_resched();
	}
	time = work_done();
	to->loop_time += time - work;
	settle();
	to->settle_time[to->rounds++] = work_done() - time;
	to->calls += batches * BATCH;
}

/* All operations with the @n live IDs @id, of each operation as many calls for each @n. */
static void run_all(const struct bench_impl *impl, struct figures *to, u32 *id, unsigned int n)
{
	unsigned int whole = n / BATCH;
	unsigned int group = min(whole / 2, 32);
	unsigned int rounds = ROUND_BATCHES / group;
	unsigned int i;

	memset(to, 0, sizeof(*to) * NR_OPS);
	if (impl->find)
		run(impl, OP_FIND, &to[OP_FIND], id, 512, whole, 1);
	if (impl->getput)
		run(impl, OP_GETPUT, &to[OP_GETPUT], id, 512, whole, 1);
	for (i = 0; i < rounds; i++) {
		u32 *some = id + i * group % (whole - group + 1) * BATCH;

		run(impl, OP_FREE, &to[OP_FREE], some, group, group, rounds);
		run(impl, OP_ALLOC, &to[OP_ALLOC], some, group, group, rounds);
	}
	group = min(whole, 32);
	rounds = 8;
	for (i = 0; i < rounds; i++) {
		u32 *some = whole < rounds * group ? id : id + i * group * BATCH;

		run(impl, OP_PAIR, &to[OP_PAIR], some, 32, group, rounds);
	}
}

static void print_figure(const struct bench_impl *impl, unsigned int n, const char *op,
			 const char *what, s64 hundredths)
{
	if (hundredths < 0)
		hundredths = 0;
	pr_info("ioasid_bench: figure %s %u %s %s %llu.%02llu\n", impl->name, n, op, what,
		(u64)hundredths / 100, (u64)hundredths % 100);
}

static s64 mean(u64 time, u64 calls)
{
	return calls ? div64_u64(time * 100, calls) : 0;
}

static int compare(const void *a, const void *b)
{
	return cmp_int(*(const u64 *)a, *(const u64 *)b);
}

/* What becoming idle took in all rounds, had each taken the mean of the middle half. */
static u64 middle_half(u64 *settle_time, unsigned int rounds)
{
	unsigned int cut = rounds / 4;
	u64 middle = 0;
	unsigned int i;

	sort(settle_time, rounds, sizeof(*settle_time), compare, NULL);
	for (i = cut; i < rounds - cut; i++)
		middle += settle_time[i];
	return div64_u64(middle * rounds, rounds - 2 * cut);
}

/*
 * Freeing a set: what is executed in all, for there are few of them and most of it is done later.
 * With @n live IDs of others.
 */
static int bench_sets(const struct bench_impl *impl, unsigned int n)
{
	static void *sets[SETS];
	u64 settle_time[SET_ROUNDS], loop_time = 0;
	unsigned int i, round;
	u64 work, time;

	for (round = 0; round < SET_ROUNDS; round++) {
		for (i = 0; i < SETS; i++) {
			sets[i] = impl->make_set(SET_IDS);
			if (!sets[i]) {
				pr_err("ioasid_bench: %s: no set\n", impl->name);
				while (i)
					impl->free_set(sets[--i]);
				return -ENOSPC;
			}
		}
		settle();
		wait_for_phase(round, SET_ROUNDS);
		work = work_done();
		for (i = 0; i < SETS; i++)
			impl->free_set(sets[i]);
		time = work_done();
		loop_time += time - work;
		settle();
		settle_time[round] = work_done() - time;
	}
	print_figure(impl, n, "set10", "all",
		     mean(loop_time + middle_half(settle_time, SET_ROUNDS), SETS * SET_ROUNDS));
	return 0;
}

/* ----------------------------------------------------------------------------- live IDs, memory */

static void shuffle(void)
{
	u64 random = 88172645463325252ULL;
	unsigned int i, j;

	for (i = live; i > 1; i--) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		j = random % i;
		swap(ids[i - 1], ids[j]);
	}
}

static int fill(const struct bench_impl *impl, unsigned int n)
{
	for (; live < n; live++) {
		ids[live] = impl->alloc();
		if (!ids[live]) {
			pr_err("ioasid_bench: %s: no ID left at %u\n", impl->name, live);
			return -ENOSPC;
		}
		if (live % 256 == 0)
			cond_resched();
	}
	return 0;
}

/* The figures of an implementation that hands out numbers twice are worth nothing. */
static int check(const struct bench_impl *impl)
{
	unsigned int i;

	bitmap_zero(seen, BENCH_MAX + 1);
	for (i = 0; i < live; i++) {
		if (!ids[i] || ids[i] > BENCH_MAX || __test_and_set_bit(ids[i], seen)) {
			pr_err("ioasid_bench: %s: bad or double ID %u\n", impl->name, ids[i]);
			return -EINVAL;
		}
		if (impl->find && impl->find(ids[i]) != &bench_private) {
			pr_err("ioasid_bench: %s: ID %u is not found\n", impl->name, ids[i]);
			return -EINVAL;
		}
		if (i % 256 == 0)
			cond_resched();
	}
	return 0;
}

static void drain(const struct bench_impl *impl)
{
	while (live) {
		live--;
		if (ids[live])
			impl->free(ids[live]);
		if (live % 256 == 0)
			cond_resched();
	}
}

/* Slab, large kmalloc and vmalloc. */
static s64 memory(void)
{
	unsigned long pages = global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B) +
			      global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B) +
			      global_node_page_state_pages(NR_VMALLOC);

	return (s64)pages << PAGE_SHIFT;
}

/* --------------------------------------------------------------------------------------- report */

static void report(const struct bench_impl *impl, unsigned int n, enum op op)
{
	struct figures *f = &sum[op], *base = &none[op];

	if (!f->calls)
		return;
	if (!f->call_calls) {
		pr_err("ioasid_bench: %s %s: every batch was disturbed\n", impl->name,
		       op_names[op]);
		return;
	}
	print_figure(impl, n, op_names[op], "call",
		     mean(f->call_time, f->call_calls) - mean(base->call_time, base->call_calls));
	print_figure(impl, n, op_names[op], "all",
		     mean(f->loop_time + middle_half(f->settle_time, f->rounds), f->calls) -
		     mean(base->loop_time + middle_half(base->settle_time, base->rounds),
			  base->calls));
}

static int bench(const struct bench_impl *impl)
{
	s64 empty, full;
	unsigned int i;
	enum op op;
	int ret = 0;

	if (impl->start) {
		ret = impl->start();
		if (ret)
			return ret;
	}
	settle();
	empty = memory();
	if (impl->make_set) {
		ret = bench_sets(impl, 0);
		if (ret)
			goto out_stop;
	}
	for (i = 0; i < nr_sizes; i++) {
		pr_info("ioasid_bench: at %s %u\n", impl->name, sizes[i]);
		ret = fill(impl, sizes[i]);
		if (ret)
			break;
		settle();
		full = memory();
		print_figure(impl, live, "memory", "all", mean(max(full - empty, 0), live));
		ret = check(impl);
		if (ret)
			break;
		shuffle();
		/* The loops are the same for each size, the rounds are not. */
		run_all(&bench_none, none, none_ids, live);
		run_all(impl, sum, ids, live);
		for (op = 0; op < NR_OPS; op++)
			report(impl, live, op);
		if (impl->make_set) {
			ret = bench_sets(impl, live);
			if (ret)
				break;
		}
		ret = check(impl);
		if (ret)
			break;
	}
	drain(impl);
	settle();
	print_figure(impl, 0, "memory", "left", 100 * max(memory() - empty, 0));
out_stop:
	if (impl->stop)
		impl->stop();
	return ret;
}

#ifdef BENCH_OURS
/* A million calls, beside which the rest of what the machine has executed does not count. */
static int run_profile(const struct bench_impl *impl)
{
	unsigned int i, whole = sizes[0] / BATCH;
	enum op op;
	int ret;

	for (op = 0; op < NR_OPS && strcmp(profile, op_names[op]); op++)
		;
	if (op == NR_OPS || op == OP_ALLOC || op == OP_FREE)
		return -EINVAL;
	ret = fill(impl, sizes[0]);
	if (!ret) {
		shuffle();
		for (i = 0; i < 1000000 / BATCH; i++) {
			loops[op](impl, ids + i % whole * BATCH);
			cond_resched();
		}
		settle();
	}
	drain(impl);
	return ret;
}
#else
static int run_profile(const struct bench_impl *impl)
{
	return -EINVAL;
}
#endif

static int __init bench_init(void)
{
	int i, ret;

	if (!nr_sizes)
		return -EINVAL;
	for (i = 0; i < nr_sizes; i++)
		if (sizes[i] < 4 * BATCH || sizes[i] > BENCH_MAX || (i && sizes[i] < sizes[i - 1]))
			return -EINVAL;

	ret = check_counter();
	if (ret)
		return ret;
	ret = bench_idle_start();
	if (ret)
		return ret;
	ids = vcalloc(sizes[nr_sizes - 1], sizeof(*ids));
	none_ids = vcalloc(sizes[nr_sizes - 1], sizeof(*none_ids));
	seen = vcalloc(BITS_TO_LONGS(BENCH_MAX + 1), sizeof(*seen));
	if (!ids || !none_ids || !seen) {
		ret = -ENOMEM;
		goto out;
	}

	if (*profile) {
		quiet_limit = U64_MAX;
		ret = run_profile(impls[0]);
		if (!ret)
			pr_info("ioasid_bench: complete\n");
		goto out;
	}
	learn_quiet();
	for (i = 0; i < ARRAY_SIZE(impls) && !ret; i++)
		ret = bench(impls[i]);
	if (!ret)
		pr_info("ioasid_bench: complete\n");
out:
	bench_idle_stop();
	vfree(ids);
	vfree(none_ids);
	vfree(seen);
	return ret;
}

static void __exit bench_exit(void)
{
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_AUTHOR("the IOASID developers");
MODULE_DESCRIPTION("Instructions per call of IOASID allocators");
MODULE_LICENSE("GPL");
