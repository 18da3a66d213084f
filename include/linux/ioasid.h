/* SPDX-License-Identifier: GPL-2.0 */
/*
 * I/O address space IDs (IOASID, on PCI: PASID): allocation, lookup, references, sets, events.
 *
 * "Process context or softirq" means on PREEMPT_RT: with preemption on.
 */
#ifndef __LINUX_IOASID_H
#define __LINUX_IOASID_H

#include <linux/bits.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/iommu.h>
#include <linux/kconfig.h>
#include <linux/notifier.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct mm_struct;

/*
 * A set of IOASIDs with one owner. Opaque: a handle that is compared, never an address that can
 * be followed, so one that has outlived its set is refused and not mistaken for another.
 */
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
 * concurrently with itself. Must not allocate IOASIDs or (un)register allocators, nor call what
 * may sleep of linux/ioasid_sva.h.
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
 * IOASID core held. May sleep. Must not allocate IOASIDs or (un)register allocators, nor call
 * what may sleep of linux/ioasid_sva.h.
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

/**
 * enum ioasid_set_type - what the token of a set is
 * @IOASID_SET_TYPE_NULL: there is none
 * @IOASID_SET_TYPE_MM: a &struct mm_struct, that of a process or virtual machine
 * @IOASID_SET_TYPE_NR: first value that is no type
 */
enum ioasid_set_type {
	IOASID_SET_TYPE_NULL = 1,
	IOASID_SET_TYPE_MM,
	IOASID_SET_TYPE_NR,
};

/**
 * struct ioasid_set_usage - what a set may have and has
 * @quota: how many IDs it may have; 0 for no limit of its own
 * @use: how many it has, freed ones that are not reclaimed included
 * @peak: the most it ever had
 * @failures: how many allocations failed for want of a number or quota
 * @spids: how many of its IDs have an SPID
 */
struct ioasid_set_usage {
	ioasid_t quota;
	ioasid_t use;
	ioasid_t peak;
	ioasid_t failures;
	ioasid_t spids;
};

/**
 * enum ioasid_notify_val - what has happened to an IOASID or a set
 * @IOASID_NOTIFY_ALLOC: the ID was allocated
 * @IOASID_NOTIFY_FREE: its owner freed it: tear down what belongs to it, then drop the
 *	references. Comes once, and nothing after it
 * @IOASID_NOTIFY_BIND: it got an SPID, the first device was bound to its address space, or
 *	ioasid_notify() says so. May be refused
 * @IOASID_NOTIFY_UNBIND: it is about to lose its SPID, the last device is about to be unbound, or
 *	ioasid_notify() says so
 * @IOASID_NOTIFY_SET_ALLOC: a set was made
 * @IOASID_NOTIFY_SET_FREE: a set is about to go: it has neither IDs nor references
 */
enum ioasid_notify_val {
	IOASID_NOTIFY_ALLOC = 1,
	IOASID_NOTIFY_FREE,
	IOASID_NOTIFY_BIND,
	IOASID_NOTIFY_UNBIND,
	IOASID_NOTIFY_SET_ALLOC,
	IOASID_NOTIFY_SET_FREE,
};

/**
 * enum ioasid_notify_flags - who is told by ioasid_notify(); both can be given
 * @IOASID_NOTIFY_ALL: global subscribers
 * @IOASID_NOTIFY_SET: those of the ID's set or mm
 */
enum ioasid_notify_flags {
	IOASID_NOTIFY_ALL = 1,
	IOASID_NOTIFY_SET = 2,
};

/* Their names in the 2021 series. */
#define IOASID_NOTIFY_FLAG_ALL IOASID_NOTIFY_ALL
#define IOASID_NOTIFY_FLAG_SET IOASID_NOTIFY_SET

/**
 * enum ioasid_notifier_prios - &notifier_block.priority of a subscriber, highest first
 * @IOASID_PRIO_LAST: those with no hardware of their own
 * @IOASID_PRIO_DEVICE: device drivers: stop the device, drain its requests
 * @IOASID_PRIO_IOMMU: IOMMU drivers: take down the PASID table entry
 * @IOASID_PRIO_CPU: KVM: no CPU may submit with the PASID any more
 */
enum ioasid_notifier_prios {
	IOASID_PRIO_LAST,
	IOASID_PRIO_DEVICE,
	IOASID_PRIO_IOMMU,
	IOASID_PRIO_CPU,
};

/**
 * struct ioasid_nb_args - what a subscriber is told
 * @id: the ID; INVALID_IOASID for events of a set
 * @spid: its SPID, INVALID_IOASID if it has none
 * @set: its set, NULL for the kernel's own and for static sets of the old interface. No
 *	reference is taken: no other set's until the handler returns, and one that has ended
 *	meanwhile is refused as such, except in the events of the set itself
 * @pdata: its private data, to be read as in a getter of ioasid_find()
 */
struct ioasid_nb_args {
	ioasid_t id;
	ioasid_t spid;
	struct ioasid_set *set;
	void *pdata;
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
 * not a count: a device with N PASIDs takes N - 1. A set may have another policy, see
 * ioasid_set_policy().
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
 *   unknown @policy, @ioasid NULL, or @set is not there
 * * %-EBUSY: @set is being freed
 * * %-ENOSPC: no number left in the range, the quota of @set is used up, or, for a set
 *   without one, all that is left is reserved; or the custom allocator gave no number, or
 *   one outside the range (which it got back)
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
 * of an ID that is not there or of another set's is reported with the caller's name, once in
 * five seconds, and changes nothing.
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
 * ioasid_alloc_set() - make a set of IOASIDs
 * @token: the &struct mm_struct for %IOASID_SET_TYPE_MM, to which the caller has a reference;
 *	NULL for %IOASID_SET_TYPE_NULL
 * @quota: how many IDs it may have, set aside for it; 0 for no limit of its own and nothing
 *	set aside
 * @type: what @token is
 *
 * The caller owns the set until ioasid_set_free(). An mm has one set at most, and its
 * address is not reused while there is one. When the mm exits, the set and its IDs are freed
 * soon after; the handle stays good for ioasid_set_free().
 *
 * Context: Process context, without the mmap_lock of @token and without locks that are taken
 * in mmu notifiers. May sleep.
 * Return: the set, or
 *
 * * ERR_PTR(%-EINVAL): unknown @type, or no @token for the type
 * * ERR_PTR(%-EEXIST): the mm has a set, or is getting one right now
 * * ERR_PTR(%-ESRCH): the mm is exiting
 * * ERR_PTR(%-ENOSPC): less than @quota is left of the capacity, or there are 2^20 - 1 sets
 * * ERR_PTR(%-ENOMEM): out of memory
 * * ERR_PTR(%-EINTR): a signal came first
 * * ERR_PTR(%-ENODEV): called before the module is up
 */
struct ioasid_set *ioasid_alloc_set(void *token, ioasid_t quota, int type);

/**
 * ioasid_set_free() - give up the ownership of a set
 * @set: the set
 *
 * Nobody gets an ID of it from now on, and every ID that was not freed is freed as by
 * ioasid_free(). Its quota is free for others when the last one is reclaimed.
 *
 * Context: Process context. May sleep.
 * Return: 0 if no ID is left, 1 if holders still clean up, or
 *
 * * %-EINVAL: there is no such set, or it was freed before
 */
int ioasid_set_free(struct ioasid_set *set);

/**
 * ioasid_set_get() - take a reference to a set
 * @set: the set
 *
 * A reference keeps the handle good, not the set from being freed.
 *
 * Context: Any context but NMI. Takes no lock.
 * Return: 0, or
 *
 * * %-EINVAL: there is no such set
 * * %-EBUSY: the set is being freed
 */
int ioasid_set_get(struct ioasid_set *set);

/**
 * ioasid_set_put() - drop a reference to a set
 * @set: the set; NULL is ignored
 *
 * Drops what a function that finds sets, or ioasid_set_get(), took. A creator that never
 * calls ioasid_set_free() may put its own after all others: then the set is freed from a
 * work item. Putting once more than that is reported and changes nothing.
 *
 * Context: Any context but NMI. Takes no lock.
 */
void ioasid_set_put(struct ioasid_set *set);

/**
 * ioasid_adjust_set() - change the quota of a set
 * @set: the set
 * @quota: how many IDs it may have from now on; 0 for no limit of its own
 *
 * Context: Process context or softirq, with interrupts on.
 * Return: 0, or with nothing changed
 *
 * * %-EINVAL: there is no such set, or it has more IDs than @quota
 * * %-EBUSY: the set is being freed
 * * %-ENOSPC: not that much is left of the capacity
 */
int ioasid_adjust_set(struct ioasid_set *set, ioasid_t quota);

/**
 * ioasid_set_policy() - choose which number ioasid_alloc() takes for a set
 * @set: the set
 * @policy: the policy, %IOASID_ALLOC_LOWEST for a new set
 *
 * Context: Any context but NMI. Takes no lock.
 * Return: 0, or
 *
 * * %-EINVAL: there is no such set, or no such policy
 */
int ioasid_set_policy(struct ioasid_set *set, enum ioasid_alloc_policy policy);

/**
 * ioasid_set_query() - what a set may have and has
 * @set: the set, or NULL for the kernel's own
 * @usage: where it goes
 *
 * Context: Any context but NMI. Takes no lock: the figures may be of different moments.
 * Return: 0, or
 *
 * * %-EINVAL: there is no such set, or @usage is NULL
 */
int ioasid_set_query(struct ioasid_set *set, struct ioasid_set_usage *usage);

/**
 * ioasid_find_mm_set() - find the set of an mm
 * @mm: compared only
 *
 * Context: Process context or softirq, with interrupts on.
 * Return: the set with a reference, or
 *
 * * ERR_PTR(%-EINVAL): @mm is NULL
 * * ERR_PTR(%-ENOENT): it has none, or one that is being freed
 */
struct ioasid_set *ioasid_find_mm_set(struct mm_struct *mm);

/**
 * ioasid_find_set() - find the set of an IOASID
 * @ioasid: the ID
 *
 * Context: Any context but NMI. Takes no lock.
 * Return: the set with a reference, NULL for the kernel's own, or
 *
 * * ERR_PTR(%-ENOENT): no such ID, or its set is being freed
 * * ERR_PTR(%-EINVAL): its set is a static one of the old interface, which has no handle
 */
struct ioasid_set *ioasid_find_set(ioasid_t ioasid);

/**
 * ioasid_free_all_in_set() - free every IOASID of a set
 * @set: the set; nothing is freed for NULL, for the kernel's own IDs have many owners
 *
 * As ioasid_free() for each that is there at the time of the call. The set stays.
 *
 * Context: Process context or softirq, with interrupts on.
 */
void ioasid_free_all_in_set(struct ioasid_set *set);

/**
 * ioasid_set_for_each_ioasid() - call a function for each IOASID of a set
 * @set: the set, or NULL for the kernel's own
 * @fn: called with each ID that is not reclaimed, freed ones included, and no lock held
 * @data: handed to @fn
 *
 * IDs that come or go meanwhile may be visited or not, all others are, once. @fn may do what
 * the caller may, free the ID that it visits included: its number is not reused before @fn
 * returns.
 *
 * Context: Process context or softirq, with interrupts on.
 * Return: 0, or
 *
 * * %-EINVAL: there is no such set, or @fn is NULL
 */
int ioasid_set_for_each_ioasid(struct ioasid_set *set, void (*fn)(ioasid_t ioasid, void *data),
			       void *data);

/**
 * ioasid_get_if_owned_by() - take a reference to an IOASID of an mm's set
 * @ioasid: the ID
 * @mm: whose it has to be; compared only, may be NULL
 *
 * What a driver asks before it lets a process use a number that the process has named.
 *
 * Context: Any context but NMI. Takes no lock.
 * Return: 0, or
 *
 * * %-ENOENT: no such ID
 * * %-EPERM: @mm is NULL, or its set is another mm's
 * * %-EINVAL: its set is not of %IOASID_SET_TYPE_MM
 * * %-EBUSY: the owner freed the ID already
 */
int ioasid_get_if_owned_by(ioasid_t ioasid, struct mm_struct *mm);

/**
 * ioasid_get_if_owned() - take a reference to an IOASID of the caller's own mm
 * @ioasid: the ID
 *
 * Context: Process context. A kernel thread has no mm.
 * Return: as ioasid_get_if_owned_by().
 */
int ioasid_get_if_owned(ioasid_t ioasid);

/**
 * ioasid_is_active() - whether somebody is bound to an IOASID
 * @ioasid: the ID
 *
 * Context: Any context but NMI. Takes no lock.
 * Return: true if it has an SPID or a device is bound, and its owner has not freed it.
 */
bool ioasid_is_active(ioasid_t ioasid);

/**
 * ioasid_attach_spid() - give an IOASID the number by which its set's owner knows it
 * @ioasid: the ID
 * @spid: the set-private ID, on a virtual machine the guest's PASID
 *
 * An SPID is unique in the set of the ID. That of an ID which its owner freed can be given
 * to another one; the old one keeps it for those who look at it until it is reclaimed.
 *
 * Context: Process context or softirq, with interrupts on. Allocates atomically.
 * Return: 0, or
 *
 * * %-EINVAL: @spid is INVALID_IOASID
 * * %-ENOENT: no such ID
 * * %-EBUSY: the owner freed the ID already, or it has an SPID; or other events of the ID
 *   are being delivered
 * * what the subscriber said that refused the BIND
 * * %-EEXIST: another ID of the set has this SPID
 * * %-ENOMEM: out of memory
 */
int ioasid_attach_spid(ioasid_t ioasid, ioasid_t spid);

/**
 * ioasid_detach_spid() - take the SPID from an IOASID
 * @ioasid: the ID
 *
 * Subscribers are told while the SPID can still be found; if other events of the ID are
 * being delivered, after them and perhaps after the return. When the ID is reclaimed this
 * happens by itself, without an event.
 *
 * Context: Process context or softirq, with interrupts on.
 * Return: 0, or
 *
 * * %-ENOENT: no such ID, or it has no SPID
 * * %-EBUSY: the owner freed the ID already
 */
int ioasid_detach_spid(ioasid_t ioasid);

/**
 * ioasid_find_spid() - find the SPID of an IOASID
 * @ioasid: the ID
 *
 * Context: Any context but NMI. Takes no lock.
 * Return: the SPID, INVALID_IOASID if there is none.
 */
ioasid_t ioasid_find_spid(ioasid_t ioasid);

/**
 * ioasid_find_by_spid() - find the IOASID with an SPID
 * @set: the set, or NULL for the kernel's own
 * @spid: the SPID
 * @get: whether to take a reference as ioasid_get() does
 *
 * Context: Any context but NMI. Takes no lock.
 * Return: the ID, or INVALID_IOASID: there is no such set or SPID, or a reference was wanted
 * and the owner freed the ID already.
 */
ioasid_t ioasid_find_by_spid(struct ioasid_set *set, ioasid_t spid, bool get);

/**
 * ioasid_attach_data() - give an IOASID its private data
 * @ioasid: the ID
 * @data: what ioasid_find() will give, complete
 *
 * Context: Any context but NMI. Takes no lock.
 * Return: 0, or
 *
 * * %-EINVAL: @data is NULL
 * * %-ENOENT: no such ID
 * * %-EBUSY: it has data, or the owner freed the ID already
 */
int ioasid_attach_data(ioasid_t ioasid, void *data);

/**
 * ioasid_detach_data() - take the private data from an IOASID
 * @ioasid: the ID
 *
 * On return nobody reads the data any more without a reference of his own to it. Waits only
 * if there was something to take.
 *
 * Context: Process context. May sleep.
 * Return: 0, or
 *
 * * %-ENOENT: no such ID
 * * %-EBUSY: the owner freed the ID already
 */
int ioasid_detach_data(ioasid_t ioasid);

/**
 * ioasid_wait_reclaimed() - wait for the last holder of a freed IOASID
 * @ioasid: the ID
 * @timeout_ms: how long at most, in milliseconds
 *
 * Context: Process context. Sleeps.
 * Return: 0 when the last reference is gone, or
 *
 * * %-ENOENT: no such ID, or it is reclaimed already
 * * %-ETIMEDOUT: somebody still holds it
 * * %-EINTR: the task was killed
 */
int ioasid_wait_reclaimed(ioasid_t ioasid, unsigned int timeout_ms);

/**
 * ioasid_set_wait_reclaimed() - wait until a set has no IOASID
 * @set: the set, of which the caller holds a reference
 * @timeout_ms: how long at most, in milliseconds
 *
 * Context: Process context. Sleeps.
 * Return: 0 when the last ID is reclaimed, or
 *
 * * %-EINVAL: there is no such set
 * * %-ETIMEDOUT: it still has IDs
 * * %-EINTR: the task was killed
 */
int ioasid_set_wait_reclaimed(struct ioasid_set *set, unsigned int timeout_ms);

/**
 * ioasid_reserve_capacity() - set numbers aside
 * @nr: how many; 0 for all that are left
 *
 * Sets with a quota and sets without one both leave them alone.
 *
 * Context: Process context or softirq, with interrupts on.
 * Return: how many were set aside, or
 *
 * * %-ENOSPC: fewer than @nr are left, or none
 * * %-ENODEV: called before the module is up
 */
int ioasid_reserve_capacity(ioasid_t nr);

/**
 * ioasid_cancel_capacity() - give back numbers that were set aside
 * @nr: how many
 *
 * Context: Process context or softirq, with interrupts on.
 * Return: how many are left for sets and reservations now, or
 *
 * * %-EINVAL: more than ioasid_reserve_capacity() has set aside
 * * %-ENODEV: called before the module is up
 */
int ioasid_cancel_capacity(ioasid_t nr);

/**
 * ioasid_register_notifier() - subscribe to the events of a set, or of all
 * @set: the set, which may end meanwhile; NULL for every ID and set
 * @nb: the handler, with its priority
 *
 * For each event all subscribers are called one after the other, global ones and those of the
 * set together: highest &notifier_block.priority first, in the order of registration among
 * equals. The passes of one ID never overlap.
 *
 * Handlers get an &enum ioasid_notify_val and a &struct ioasid_nb_args. They run in atomic
 * context with no lock of the IOASID core held, and may call whatever may be called there:
 * ioasid_get(), ioasid_put() of the last reference, ioasid_free(), ioasid_find() and its like,
 * ioasid_attach_spid() and ioasid_notify() for other IDs. Long work goes to
 * ioasid_queue_work(). The ID and its data stay until the last handler has returned.
 *
 * Return values count for %IOASID_NOTIFY_BIND only: notifier_from_errno() refuses it, and those
 * who were told already get %IOASID_NOTIFY_UNBIND, the last one first. Nothing stops a pass.
 *
 * Context: Process context. May sleep.
 * Return: 0, or
 *
 * * %-EINVAL: @nb or its callback is NULL, or there is no such set
 * * %-EBUSY: the set is being freed
 * * %-EEXIST: @nb is registered there
 * * %-ENOMEM: out of memory
 * * %-ENODEV: called before the module is up
 */
int ioasid_register_notifier(struct ioasid_set *set, struct notifier_block *nb);

/**
 * ioasid_register_notifier_replay() - subscribe, and be told of what is there
 * @set: the set, or NULL for every ID and set
 * @nb: the handler
 *
 * Before it returns, @nb has been told %IOASID_NOTIFY_ALLOC for each ID that there is and
 * %IOASID_NOTIFY_BIND for each that is active; ones that were freed are left out. Events of an
 * ID come after that of its replay. Refusals do not count.
 *
 * Context: Process context. May sleep.
 * Return: as ioasid_register_notifier().
 */
int ioasid_register_notifier_replay(struct ioasid_set *set, struct notifier_block *nb);

/**
 * ioasid_unregister_notifier() - end a subscription
 * @set: as given to ioasid_register_notifier()
 * @nb: as given to ioasid_register_notifier(); one that is not registered there is ignored
 *
 * On return @nb does not run and will not. The set may have gone.
 *
 * Context: Process context, not from a handler. May sleep.
 */
void ioasid_unregister_notifier(struct ioasid_set *set, struct notifier_block *nb);

/**
 * ioasid_register_notifier_mm() - subscribe to the set of an mm, there or not
 * @mm: the mm, whose address is not reused as long as the subscription lasts
 * @nb: the handler
 *
 * As ioasid_register_notifier() for the set that the mm has, and for each that it will have.
 *
 * Context: Process context. May sleep.
 * Return: as ioasid_register_notifier(), and
 *
 * * %-EINVAL: @mm is NULL
 * * %-EBUSY: the mm has a set that has IDs, of which @nb would know nothing
 */
int ioasid_register_notifier_mm(struct mm_struct *mm, struct notifier_block *nb);

/**
 * ioasid_register_notifier_mm_replay() - subscribe to an mm's set, and be told what is there
 * @mm: the mm
 * @nb: the handler
 *
 * Context: Process context. May sleep.
 * Return: as ioasid_register_notifier_mm(), but never %-EBUSY; see
 * ioasid_register_notifier_replay().
 */
int ioasid_register_notifier_mm_replay(struct mm_struct *mm, struct notifier_block *nb);

/**
 * ioasid_unregister_notifier_mm() - end a subscription to an mm's set
 * @mm: as given to ioasid_register_notifier_mm(); compared only, the process may be gone
 * @nb: as given to ioasid_register_notifier_mm(); one that is not registered is ignored
 *
 * On return @nb does not run and will not.
 *
 * Context: Process context, not from a handler. May sleep.
 */
void ioasid_unregister_notifier_mm(struct mm_struct *mm, struct notifier_block *nb);

/**
 * ioasid_notify() - tell subscribers that somebody is bound to an IOASID, or no longer
 * @ioasid: the ID
 * @cmd: %IOASID_NOTIFY_BIND or %IOASID_NOTIFY_UNBIND
 * @flags: %IOASID_NOTIFY_ALL, %IOASID_NOTIFY_SET or both
 *
 * Changes no state. An UNBIND that meets other events of the ID is delivered after them,
 * perhaps after the return.
 *
 * Context: Process context or softirq, with interrupts on.
 * Return: 0, or
 *
 * * %-EINVAL: another @cmd, no or other @flags
 * * %-ENOENT: no such ID
 * * %-EBUSY: the owner freed the ID already; or a BIND met other events of the ID, or a
 *   dozen UNBINDs wait for them
 * * what the subscriber said that refused a BIND
 */
int ioasid_notify(ioasid_t ioasid, enum ioasid_notify_val cmd, unsigned int flags);

/**
 * ioasid_queue_work() - do what a handler cannot
 * @work: the work; to be flushed by its owner before that goes
 *
 * One queue for all, whose work runs one after the other in the order in which it was queued:
 * that of the events.
 *
 * Context: Any context but NMI.
 * Return: false if it is queued already.
 */
bool ioasid_queue_work(struct work_struct *work);

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
 * * %-EBUSY: it was set before, or an ID, a quota or a reservation was asked for before
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

static inline struct ioasid_set *ioasid_alloc_set(void *token, ioasid_t quota, int type)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline int ioasid_set_free(struct ioasid_set *set)
{
	return -EINVAL;
}

static inline int ioasid_set_get(struct ioasid_set *set)
{
	return -EOPNOTSUPP;
}

static inline void ioasid_set_put(struct ioasid_set *set)
{
}

static inline int ioasid_adjust_set(struct ioasid_set *set, ioasid_t quota)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_set_policy(struct ioasid_set *set, enum ioasid_alloc_policy policy)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_set_query(struct ioasid_set *set, struct ioasid_set_usage *usage)
{
	return -EOPNOTSUPP;
}

static inline struct ioasid_set *ioasid_find_mm_set(struct mm_struct *mm)
{
	return ERR_PTR(-ENOENT);
}

static inline struct ioasid_set *ioasid_find_set(ioasid_t ioasid)
{
	return ERR_PTR(-ENOENT);
}

static inline void ioasid_free_all_in_set(struct ioasid_set *set)
{
}

static inline int ioasid_set_for_each_ioasid(struct ioasid_set *set,
					     void (*fn)(ioasid_t ioasid, void *data), void *data)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_get_if_owned_by(ioasid_t ioasid, struct mm_struct *mm)
{
	return -ENOENT;
}

static inline int ioasid_get_if_owned(ioasid_t ioasid)
{
	return -ENOENT;
}

static inline bool ioasid_is_active(ioasid_t ioasid)
{
	return false;
}

static inline int ioasid_attach_spid(ioasid_t ioasid, ioasid_t spid)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_detach_spid(ioasid_t ioasid)
{
	return -ENOENT;
}

static inline ioasid_t ioasid_find_spid(ioasid_t ioasid)
{
	return INVALID_IOASID;
}

static inline ioasid_t ioasid_find_by_spid(struct ioasid_set *set, ioasid_t spid, bool get)
{
	return INVALID_IOASID;
}

static inline int ioasid_attach_data(ioasid_t ioasid, void *data)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_detach_data(ioasid_t ioasid)
{
	return -ENOENT;
}

static inline int ioasid_wait_reclaimed(ioasid_t ioasid, unsigned int timeout_ms)
{
	return -ENOENT;
}

static inline int ioasid_set_wait_reclaimed(struct ioasid_set *set, unsigned int timeout_ms)
{
	return -EINVAL;
}

static inline int ioasid_reserve_capacity(ioasid_t nr)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_cancel_capacity(ioasid_t nr)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_register_notifier(struct ioasid_set *set, struct notifier_block *nb)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_register_notifier_replay(struct ioasid_set *set,
						  struct notifier_block *nb)
{
	return -EOPNOTSUPP;
}

static inline void ioasid_unregister_notifier(struct ioasid_set *set, struct notifier_block *nb)
{
}

static inline int ioasid_register_notifier_mm(struct mm_struct *mm, struct notifier_block *nb)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_register_notifier_mm_replay(struct mm_struct *mm,
						     struct notifier_block *nb)
{
	return -EOPNOTSUPP;
}

static inline void ioasid_unregister_notifier_mm(struct mm_struct *mm, struct notifier_block *nb)
{
}

static inline int ioasid_notify(ioasid_t ioasid, enum ioasid_notify_val cmd, unsigned int flags)
{
	return -EOPNOTSUPP;
}

static inline bool ioasid_queue_work(struct work_struct *work)
{
	return false;
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

static inline void ioasid_set_get_locked(struct ioasid_set *set)
{
	ioasid_set_get(set);
}

static inline void ioasid_set_put_locked(struct ioasid_set *set)
{
	ioasid_set_put(set);
}

/* The name that the 2021 series gave to ioasid_alloc_set(). */
static inline struct ioasid_set *ioasid_set_alloc(void *token, ioasid_t quota, int type)
{
	return ioasid_alloc_set(token, quota, type);
}

#endif /* __LINUX_IOASID_H */
