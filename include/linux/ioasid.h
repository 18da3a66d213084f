/* SPDX-License-Identifier: GPL-2.0 */
/*
 * I/O address space IDs (IOASID, on PCI: PASID): allocation, lookup, references.
 */
#ifndef __LINUX_IOASID_H
#define __LINUX_IOASID_H

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/iommu.h>
#include <linux/kconfig.h>
#include <linux/types.h>

struct ioasid_set;

/* Never a valid ID. 0 (IOMMU_NO_PASID) is never handed out either. */
#define INVALID_IOASID ((ioasid_t)-1)

/**
 * typedef ioasid_alloc_fn_t - pick a number for a new IOASID
 * @min: smallest acceptable number, inclusive
 * @max: largest acceptable number, inclusive
 * @data: &ioasid_allocator_ops.pdata
 *
 * Requests that reach beyond what the back end can express are to be served from the
 * part that it can.
 *
 * Context: Process context, no lock of the IOASID core held. May sleep, may run
 * concurrently with itself. Must not allocate IOASIDs or (un)register allocators.
 * Return: a number in [@min, @max], or INVALID_IOASID.
 */
typedef ioasid_t (*ioasid_alloc_fn_t)(ioasid_t min, ioasid_t max, void *data);

/**
 * typedef ioasid_free_fn_t - take back a number
 * @ioasid: a number that the allocator named
 * @data: &ioasid_allocator_ops.pdata
 *
 * Called once the number can no longer be found: a lookup of it in here fails.
 *
 * Context: Process context (a work item, or the failing ioasid_alloc()), no lock of the
 * IOASID core held. May sleep. Must not allocate IOASIDs or (un)register allocators.
 */
typedef void (*ioasid_free_fn_t)(ioasid_t ioasid, void *data);

/**
 * struct ioasid_allocator_ops - a custom allocator
 * @alloc: picks a number
 * @free: takes a number back
 * @pdata: handed to both callbacks
 *
 * Ops with the same @alloc and @free share one number space. The members are read by
 * ioasid_register_allocator() only; the address identifies the registration.
 */
struct ioasid_allocator_ops {
	ioasid_alloc_fn_t alloc;
	ioasid_free_fn_t free;
	void *pdata;
};

/**
 * enum ioasid_alloc_policy - which free number the default allocator picks
 * @IOASID_ALLOC_LOWEST: the lowest one; keeps PASID tables dense
 * @IOASID_ALLOC_CYCLIC: the next one after the last cyclic allocation, wrapping around
 *	inside the range; delays reuse
 * @IOASID_ALLOC_TOP_DOWN: the highest one; leaves low numbers to devices with narrow
 *	PASIDs
 */
enum ioasid_alloc_policy {
	IOASID_ALLOC_LOWEST,
	IOASID_ALLOC_CYCLIC,
	IOASID_ALLOC_TOP_DOWN,
};

#if IS_ENABLED(CONFIG_IOASID)

/**
 * ioasid_alloc() - allocate an IOASID, lowest number first
 * @set: the set that will own the ID, or NULL for the kernel's own
 * @min: smallest acceptable number, inclusive; 0 is read as 1
 * @max: largest acceptable number, inclusive, below ioasid_get_capacity()
 * @private: what ioasid_find() will give, may be NULL
 *
 * The caller owns the ID and its first reference until ioasid_free(). @max is a number,
 * not a count: a device with N PASIDs takes N - 1.
 *
 * Context: Process context. May sleep.
 * Return: the ID, or INVALID_IOASID; ioasid_alloc_range() tells the reason.
 */
ioasid_t ioasid_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *private);

/**
 * ioasid_alloc_range() - allocate an IOASID by a policy and say why it failed
 * @set: the set that will own the ID, or NULL for the kernel's own
 * @min: smallest acceptable number, inclusive; 0 is read as 1
 * @max: largest acceptable number, inclusive, below ioasid_get_capacity()
 * @policy: which free number to take; a custom allocator picks for itself
 * @private: what ioasid_find() will give, may be NULL
 * @ioasid: where the ID goes; INVALID_IOASID on failure
 *
 * Context: Process context. May sleep.
 * Return: 0, or
 *
 * * %-EINVAL: @min above @max, @max 0 or not below the capacity, either INVALID_IOASID,
 *   unknown @policy, @ioasid NULL
 * * %-ENOSPC: no number left in the range; or the custom allocator gave none, or one
 *   outside the range (which it got back)
 * * %-EEXIST: the custom allocator named a number twice
 * * %-ENOMEM: out of memory
 * * %-ENODEV: called before the module is up
 */
int ioasid_alloc_range(struct ioasid_set *set, ioasid_t min, ioasid_t max,
		       enum ioasid_alloc_policy policy, void *private, ioasid_t *ioasid);

/**
 * ioasid_free() - give up the ownership of an IOASID
 * @set: the set that owns the ID, or NULL to skip the ownership check
 * @ioasid: the ID
 *
 * From now on nobody gets a new reference. The number is reused once the last reference
 * is gone and, for a custom allocator, its callback took it back. Freeing again while
 * references are left does nothing.
 *
 * Context: Any context but NMI. With interrupts off (and, on PREEMPT_RT, with preemption
 * off) the number returns a little later, from a work item.
 * Return: 0 reclaimed, 1 references are left or reclaim is deferred, or
 *
 * * %-ENOENT: no such ID
 * * %-EACCES: owned by another set
 */
int ioasid_free(struct ioasid_set *set, ioasid_t ioasid);

/**
 * ioasid_get() - take a reference to an IOASID
 * @set: the set that owns the ID, or NULL to skip the ownership check
 * @ioasid: the ID
 *
 * The number is not reused before the matching ioasid_put().
 *
 * Context: Any context but NMI. Takes no lock.
 * Return: 0, or
 *
 * * %-EINVAL: no such ID
 * * %-EACCES: owned by another set
 * * %-EBUSY: the owner freed the ID already
 */
int ioasid_get(struct ioasid_set *set, ioasid_t ioasid);

/**
 * ioasid_put() - drop a reference to an IOASID
 * @set: the set that owns the ID, or NULL to skip the ownership check
 * @ioasid: the ID
 *
 * Drops what ioasid_get() took and never the owner's reference: a put without a reference,
 * of an ID that is not there or of another set's is reported with the caller's name, a few
 * times in five seconds at most, and changes nothing.
 *
 * Context: Any context but NMI. Takes no lock unless it is the last reference of a freed
 * ID. With interrupts off (and, on PREEMPT_RT, with preemption off) the number returns a
 * little later, from a work item.
 * Return: true if this was the last reference of a freed ID; false otherwise, mistakes
 * included.
 */
bool ioasid_put(struct ioasid_set *set, ioasid_t ioasid);

/**
 * ioasid_get_named() - take a reference and leave a name
 * @set: the set that owns the ID, or NULL to skip the ownership check
 * @ioasid: the ID
 * @name: who holds the reference; copied, cut to 31 characters; NULL is no name
 *
 * A freed ID that does not come back is explained by the names of its holders. A name
 * that cannot be kept (no memory, or interrupts off on PREEMPT_RT) does not fail the call.
 *
 * Context: Any context but NMI.
 * Return: as ioasid_get().
 */
int ioasid_get_named(struct ioasid_set *set, ioasid_t ioasid, const char *name);

/**
 * ioasid_put_named() - drop a reference and its name
 * @set: the set that owns the ID, or NULL to skip the ownership check
 * @ioasid: the ID
 * @name: as given to ioasid_get_named()
 *
 * Where the name could not be kept, or cannot be removed (interrupts off on PREEMPT_RT),
 * only the reference is dropped; a name that is left over goes with the ID.
 *
 * Context: Any context but NMI.
 * Return: as ioasid_put().
 */
bool ioasid_put_named(struct ioasid_set *set, ioasid_t ioasid, const char *name);

/**
 * ioasid_find() - find the private data of an IOASID
 * @set: the set that owns the ID, or NULL to skip the ownership check
 * @ioasid: the ID
 * @getter: called with the private data under RCU; takes whatever reference keeps the
 *	data alive after the return and may refuse. NULL for none. Not called without data
 *
 * Works until the ID is reclaimed, freed or not. A @getter that runs while the ID is being
 * reclaimed may still see the private data: whoever frees the ID or drops its last reference
 * keeps the data for an RCU grace period more.
 *
 * Context: Any context but NMI. Takes no lock and writes no shared memory of its own.
 * Return: the private data, which may be NULL, NULL if @getter refused, or
 *
 * * ERR_PTR(%-ENOENT): no such ID
 * * ERR_PTR(%-EACCES): owned by another set
 */
void *ioasid_find(struct ioasid_set *set, ioasid_t ioasid, bool (*getter)(void *));

/**
 * ioasid_register_allocator() - register a custom allocator
 * @ops: the allocator
 *
 * Custom allocators have precedence over the default one. The first one registered is
 * active, later ones take over in their order when it is unregistered. Ops whose
 * callbacks are both those of a registered one join it: they share its number space.
 *
 * Context: Process context. May sleep, waits for allocations that are under way.
 * Return: 0, or
 *
 * * %-EINVAL: @ops or one of its callbacks is NULL
 * * %-EEXIST: @ops is registered
 * * %-EAGAIN: no custom allocator is registered and there are IDs that are not reclaimed
 *   yet: of the default allocator, left behind by a custom one, or resting
 * * %-ENOMEM: out of memory
 * * %-ENODEV: called before the module is up
 */
int ioasid_register_allocator(struct ioasid_allocator_ops *ops);

/**
 * ioasid_unregister_allocator() - unregister a custom allocator
 * @ops: as given to ioasid_register_allocator()
 *
 * On return no callback runs or will run on behalf of @ops. If no ops share its number
 * space any more, numbers that are on their way back or rest are given back first, then
 * the next registered allocator (in the end the default one) takes over; allocations wait
 * for it. IDs that are still live stay usable until they are freed; their numbers are not
 * handed out twice, and nobody is told when they return. A module that is removed with @ops
 * registered is not called any more either, and is reported.
 *
 * Context: Process context, not from a callback of an allocator. May sleep.
 */
void ioasid_unregister_allocator(struct ioasid_allocator_ops *ops);

/**
 * ioasid_install_capacity() - set the size of the number space
 * @total: number of IOASIDs, 0 (never handed out) included; 2 to 2^20
 *
 * Without this call it is 2^20, the width of a PASID.
 *
 * Context: Process context. May sleep.
 * Return: 0, or
 *
 * * %-EINVAL: @total out of range
 * * %-EBUSY: it was set before, or an ID was allocated before
 * * %-ENODEV: called before the module is up
 */
int ioasid_install_capacity(ioasid_t total);

/**
 * ioasid_get_capacity() - size of the number space
 *
 * Context: Any context.
 * Return: the largest ID that can be allocated, plus one.
 */
ioasid_t ioasid_get_capacity(void);

#else /* !CONFIG_IOASID */

static inline ioasid_t ioasid_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max,
				    void *private)
{
	return INVALID_IOASID;
}

static inline int ioasid_alloc_range(struct ioasid_set *set, ioasid_t min, ioasid_t max,
				     enum ioasid_alloc_policy policy, void *private,
				     ioasid_t *ioasid)
{
	if (ioasid)
		*ioasid = INVALID_IOASID;
	return -EOPNOTSUPP;
}

static inline int ioasid_free(struct ioasid_set *set, ioasid_t ioasid)
{
	return -ENOENT;
}

static inline int ioasid_get(struct ioasid_set *set, ioasid_t ioasid)
{
	return -EOPNOTSUPP;
}

static inline bool ioasid_put(struct ioasid_set *set, ioasid_t ioasid)
{
	return false;
}

static inline int ioasid_get_named(struct ioasid_set *set, ioasid_t ioasid, const char *name)
{
	return -EOPNOTSUPP;
}

static inline bool ioasid_put_named(struct ioasid_set *set, ioasid_t ioasid, const char *name)
{
	return false;
}

static inline void *ioasid_find(struct ioasid_set *set, ioasid_t ioasid, bool (*getter)(void *))
{
	return ERR_PTR(-ENOENT);
}

static inline int ioasid_register_allocator(struct ioasid_allocator_ops *ops)
{
	return -EOPNOTSUPP;
}

static inline void ioasid_unregister_allocator(struct ioasid_allocator_ops *ops)
{
}

static inline int ioasid_install_capacity(ioasid_t total)
{
	return -EOPNOTSUPP;
}

static inline ioasid_t ioasid_get_capacity(void)
{
	return 0;
}

#endif /* CONFIG_IOASID */

/*
 * The names that the 2020 series gave to the variants for callers inside its lock. No lock
 * of ours is ever held when a caller runs.
 */
static inline int ioasid_get_locked(struct ioasid_set *set, ioasid_t ioasid)
{
	return ioasid_get(set, ioasid);
}

static inline bool ioasid_put_locked(struct ioasid_set *set, ioasid_t ioasid)
{
	return ioasid_put(set, ioasid);
}

#endif /* __LINUX_IOASID_H */
