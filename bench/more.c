// SPDX-License-Identifier: GPL-2.0
/*
 * What only ours has: events, bonds between devices and address spaces, SPIDs, sets.
 */
#include <linux/device/faux.h>
#include <linux/ioasid.h>
#include <linux/ioasid_sva.h>
#include <linux/math64.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include "bench.h"

/* Sets of so many IDs that are freed in a round, and rounds. */
#define SET_IDS 10
#define SETS 64
#define SET_ROUNDS 16

/* Calls that are timed one by one. */
#define CALLS 1024

static const unsigned int subscribers[] = { 0, 1, 4, 16 };
#define MOST_SUBSCRIBERS 16

/* --------------------------------------------------------------------------- one call at a time */

struct timed {
	u64 time;
	u64 calls;
};

/* For calls that are not quick, or cannot be repeated without others between them. */
static void time_call(struct timed *to, void (*call)(u32 id), u32 id)
{
	unsigned long disturbed = bench_interrupts();
	unsigned long switches = current->nvcsw + current->nivcsw;
	u64 time = bench_now();

	call(id);
	time = bench_now() - time;
	if (disturbed == bench_interrupts() && switches == current->nvcsw + current->nivcsw) {
		to->time += time;
		to->calls++;
	}
}

static noinline void call_none(u32 id)
{
}

/* In hundredths, without what timing takes. */
static s64 per_call(const struct timed *timed)
{
	struct timed none = {};
	unsigned int i;

	for (i = 0; i < CALLS; i++)
		time_call(&none, call_none, i);
	return bench_mean(timed->time, timed->calls) - bench_mean(none.time, none.calls);
}

/* --------------------------------------------------------------------------------------- events */

static int on_event(struct notifier_block *nb, unsigned long event, void *data)
{
	return NOTIFY_DONE;
}

static void call_notify(u32 id)
{
	ioasid_notify(id, IOASID_NOTIFY_BIND, IOASID_NOTIFY_ALL);
}

static void call_life(u32 id)
{
	ioasid_free(NULL, ioasid_alloc(NULL, BENCH_MIN, BENCH_MAX, &bench_private));
}

static s64 cost_of(void (*call)(u32 id), u32 id)
{
	struct timed timed = {};
	unsigned int i;

	for (i = 0; i < CALLS; i++) {
		time_call(&timed, call, id);
		cond_resched();
	}
	bench_settle();
	return per_call(&timed);
}

/*
 * What one more subscriber costs an event: of ioasid_notify(), and of an allocation and a free,
 * which are two. What does not depend on their number is in that of few subscribers.
 */
static int bench_events(unsigned int n, u32 id)
{
	static struct notifier_block blocks[MOST_SUBSCRIBERS];
	s64 notify, life, notify_alone = 0, life_alone = 0;
	unsigned int i, there = 0;
	char name[24];
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(subscribers); i++) {
		for (; there < subscribers[i]; there++) {
			blocks[there].notifier_call = on_event;
			ret = ioasid_register_notifier(NULL, &blocks[there]);
			if (ret)
				goto out;
		}
		notify = cost_of(call_notify, id);
		life = cost_of(call_life, id);
		if (!there) {
			notify_alone = notify;
			life_alone = life;
			bench_print(&bench_ours, n, "notify", "call", notify);
			continue;
		}
		snprintf(name, sizeof(name), "notify%u", there);
		bench_print(&bench_ours, n, name, "call", div_s64(notify - notify_alone, there));
		snprintf(name, sizeof(name), "event%u", there);
		bench_print(&bench_ours, n, name, "call", div_s64(life - life_alone, 2 * there));
	}
out:
	while (there)
		ioasid_unregister_notifier(NULL, &blocks[--there]);
	bench_settle();
	return ret;
}

/* ---------------------------------------------------------------------------------------- bonds */

static int on_attach(struct device *dev, ioasid_t pasid, void *ctx, bool attach_domain)
{
	return 0;
}

static void on_detach(struct device *dev, ioasid_t pasid, void *ctx, bool detach_domain)
{
}

static void on_invalidate(struct device *dev, ioasid_t pasid, void *ctx, unsigned long vaddr,
			  size_t size)
{
}

static void on_release(void *ctx)
{
}

static const struct io_mm_ops bond_ops = {
	.attach = on_attach,
	.detach = on_detach,
	.invalidate = on_invalidate,
	.release = on_release,
};

static struct faux_device *devices[2];
static struct ioasid_bond *bonds[2];

static void call_bind(u32 at)
{
	bonds[at] = ioasid_sva_bind_device(&devices[at]->dev, current->mm, NULL);
}

static void call_unbind(u32 at)
{
	ioasid_sva_unbind_device(bonds[at]);
}

/* What the kernel takes to have an address space followed: the larger part of the first bind. */
static struct mmu_notifier follower;

static void call_follow(u32 at)
{
	mmu_notifier_register(&follower, current->mm);
}

static void call_leave(u32 at)
{
	mmu_notifier_put(&follower);
}

static void follower_freed(struct mmu_notifier *notifier)
{
}

static const struct mmu_notifier_ops follower_ops = { .free_notifier = follower_freed };

/* In order, the last of them undone first. */
static const struct {
	const char *name;
	void (*call)(u32 at);
	u32 at;
} bond_calls[] = {
	{ "bind", call_bind, 0 },
	{ "bind2", call_bind, 1 },
	{ "rebind", call_bind, 0 },
	{ "reunbind", call_unbind, 0 },
	{ "unbind2", call_unbind, 1 },
	{ "unbind", call_unbind, 0 },
	{ "follow", call_follow, 0 },
	{ "unfollow", call_leave, 0 },
	{ "", call_none, 0 },
};

#define BONDS 128

/*
 * With callbacks that do nothing: the first device of an address space, the second, and the first
 * once more. An unbind waits, and then others run: so what counts is everything executed until it
 * returns.
 */
static int bench_bonds(unsigned int n)
{
	static const struct ioasid_sva_params params = { .ops = &bond_ops };
	static u64 work[ARRAY_SIZE(bond_calls)][BONDS];
	s64 figures[ARRAY_SIZE(bond_calls)];
	unsigned int i, round;
	int ret = -ENODEV;

	follower.ops = &follower_ops;
	for (i = 0; i < 2; i++) {
		devices[i] = faux_device_create(i ? "ioasid_bench1" : "ioasid_bench0", NULL, NULL);
		if (!devices[i])
			goto out;
		ret = ioasid_sva_enable_device(&devices[i]->dev, &params);
		if (ret)
			goto out;
	}
	for (round = 0; round < BONDS; round++) {
		for (i = 0; i < ARRAY_SIZE(bond_calls); i++) {
			bench_settle();
			work[i][round] = bench_work_done();
			bond_calls[i].call(bond_calls[i].at);
			work[i][round] = bench_work_done() - work[i][round];
			ret = PTR_ERR_OR_ZERO(bonds[bond_calls[i].at]);
			if (ret)
				goto out;
		}
	}
	for (i = 0; i < ARRAY_SIZE(bond_calls); i++)
		figures[i] = bench_mean(bench_middle_half(work[i], BONDS), BONDS);
	for (i = 0; i < ARRAY_SIZE(bond_calls) - 1; i++)
		bench_print(&bench_ours, n, bond_calls[i].name, "call",
			    figures[i] - figures[ARRAY_SIZE(bond_calls) - 1]);
out:
	if (ret)
		pr_err("ioasid_bench: bonds: error %d\n", ret);
	for (i = 0; i < 2; i++) {
		if (!devices[i])
			continue;
		ioasid_sva_disable_device(&devices[i]->dev);
		faux_device_destroy(devices[i]);
	}
	bench_settle();
	mmu_notifier_synchronize();
	return ret;
}

/* ----------------------------------------------------------------------------------------- sets */

static void *make_set(unsigned int numbers)
{
	struct ioasid_set *set = ioasid_alloc_set(NULL, numbers, IOASID_SET_TYPE_NULL);

	if (IS_ERR(set))
		return NULL;
	while (numbers--) {
		if (ioasid_alloc(set, BENCH_MIN, BENCH_MAX, &bench_private) == INVALID_IOASID) {
			ioasid_set_free(set);
			return NULL;
		}
	}
	return set;
}

/*
 * Executed in all, later work included, for a set that is made and freed, empty, or for freeing one
 * that has IDs.
 */
static int bench_set(unsigned int n, const char *name, unsigned int numbers)
{
	static void *sets[SETS];
	u64 settle_time[SET_ROUNDS], loop_time = 0;
	unsigned int i, round;
	u64 work, time;

	for (round = 0; round < SET_ROUNDS; round++) {
		for (i = 0; i < SETS && numbers; i++) {
			sets[i] = make_set(numbers);
			if (!sets[i]) {
				pr_err("ioasid_bench: no set\n");
				while (i)
					ioasid_set_free(sets[--i]);
				return -ENOSPC;
			}
		}
		bench_settle();
		bench_wait_for_phase(round, SET_ROUNDS);
		work = bench_work_done();
		for (i = 0; i < SETS; i++)
			ioasid_set_free(numbers ? sets[i] : make_set(0));
		time = bench_work_done();
		loop_time += time - work;
		bench_settle();
		settle_time[round] = bench_work_done() - time;
	}
	bench_print(&bench_ours, n, name, "all",
		    bench_mean(loop_time + bench_middle_half(settle_time, SET_ROUNDS),
			       SETS * SET_ROUNDS));
	return 0;
}

int bench_ours_more(unsigned int n, u32 id, bool first)
{
	int ret = bench_set(n, "set", 0);

	if (!ret)
		ret = bench_set(n, "set10", SET_IDS);
	if (!ret && first)
		ret = bench_events(n, id);
	if (!ret && first)
		ret = bench_bonds(n);
	return ret;
}
