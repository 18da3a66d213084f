// SPDX-License-Identifier: GPL-2.0
/*
 * A bare XArray with one slab entry per ID and none of the features: what an index of this kind
 * costs at least.
 */
#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include "bench.h"

/* 56 bytes, as an entry with all fields of the contract would have. */
struct entry {
	atomic64_t word;
	u32 id;
	u32 spid;
	const void *set;
	void *private;
	void *more[3];
};

static DEFINE_XARRAY_FLAGS(index, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ);
static struct kmem_cache *entries;
static const int owner;

static int xarray_start(void)
{
	entries = kmem_cache_create("ioasid_bench_entry", sizeof(struct entry), 0,
				    SLAB_TYPESAFE_BY_RCU, NULL);
	return entries ? 0 : -ENOMEM;
}

static void xarray_stop(void)
{
	xa_destroy(&index);
	kmem_cache_destroy(entries);
}

static u32 xarray_alloc(void)
{
	struct entry *entry = kmem_cache_alloc(entries, GFP_KERNEL);
	u32 id;

	if (!entry)
		return 0;
	entry->set = &owner;
	entry->private = &bench_private;
	entry->spid = ~0U;
	atomic64_set(&entry->word, 1);
	if (xa_alloc_irq(&index, &id, entry, XA_LIMIT(BENCH_MIN, BENCH_MAX), GFP_KERNEL)) {
		kmem_cache_free(entries, entry);
		return 0;
	}
	entry->id = id;
	return id;
}

static void xarray_free(u32 id)
{
	struct entry *entry = xa_erase_irq(&index, id);

	if (entry)
		kmem_cache_free(entries, entry);
}

static void *xarray_find(u32 id)
{
	struct entry *entry;
	void *private = NULL;

	rcu_read_lock();
	entry = xa_load(&index, id);
	if (entry && READ_ONCE(entry->set) == &owner)
		private = READ_ONCE(entry->private);
	rcu_read_unlock();
	return private;
}

/* Counts up or down, never from or to zero. */
static noinline bool xarray_add(u32 id, s64 by)
{
	struct entry *entry;
	bool done = false;
	s64 old;

	rcu_read_lock();
	entry = xa_load(&index, id);
	if (entry) {
		old = atomic64_read(&entry->word);
		do {
			if (!old || !(old + by))
				break;
			done = atomic64_try_cmpxchg(&entry->word, &old, old + by);
		} while (!done);
	}
	rcu_read_unlock();
	return done;
}

static void xarray_getput(u32 id)
{
	xarray_add(id, 1);
	xarray_add(id, -1);
}

const struct bench_impl bench_xarray = {
	.name = "xarray",
	.start = xarray_start,
	.stop = xarray_stop,
	.alloc = xarray_alloc,
	.free = xarray_free,
	.find = xarray_find,
	.getput = xarray_getput,
};
