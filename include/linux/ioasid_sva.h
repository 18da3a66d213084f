/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared virtual addressing (SVA): devices that use the address space of a process, tagged by an
 * IOASID (on PCI: PASID).
 *
 * One address space has one IOASID per back end, however many devices it is bound to. That is a
 * choice, made for instructions like ENQCMD that take the PASID from the CPU, and no limit of
 * the hardware.
 *
 * A driver enables SVA on its device in probe(), binds address spaces, and before it unbinds one
 *
 * (1) stops the device from starting DMA with the PASID, and
 * (2) waits for the DMA under way and for the responses to the page requests of the device.
 *
 * Nothing here can do that in its place. A page request that is answered after the unbind is
 * answered by code that looks at an address space which is gone. An address space may also exit
 * while it is bound: its DMA then faults, and the driver has to unbind all the same.
 */
#ifndef __LINUX_IOASID_SVA_H
#define __LINUX_IOASID_SVA_H

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/ioasid.h>
#include <linux/kconfig.h>
#include <linux/types.h>

struct device;
struct mm_struct;

/* A device bound to an address space. Opaque. */
struct ioasid_bond;

/**
 * struct io_mm_ops - how a driver with a PASID table or a TLB of its own follows an address space
 *
 * The device walks the page tables of the process, and is told by @invalidate what they no longer
 * say. A driver that copies entries of them into tables of its own cannot do with that: it has to
 * know when a change begins, for which there is mmu_interval_notifier_insert().
 *
 * For devices behind an IOMMU that the IOMMU core drives, no ops are needed. All but @alloc,
 * @free and @release are called for each device; those three are called once for an address
 * space, whatever the number of its devices. For one address space @alloc is called first, then
 * @attach, then any number of @invalidate, then @release if the address space exits while it is
 * bound, then @detach, then @free.
 *
 * Those that may sleep run one at a time, and with them whatever in this file may sleep, so they
 * must not take a lock under which something of that is called: that of a device in whose probe()
 * or remove() it is, for one.
 *
 * The ops and the code behind them must stay until ioasid_sva_disable_device() has returned 0
 * for each device that was enabled with them.
 */
struct io_mm_ops {
	/**
	 * @alloc: make what is needed to follow @mm, before the first device is attached
	 *
	 * The address space is not being torn down during the call. To use it later, @mm has to be
	 * pinned with mmgrab(); mm_users must not be kept, or it would never exit. Optional:
	 * without it the other callbacks get NULL.
	 *
	 * Context: Process context. May sleep. Must not bind, unbind, enable or disable.
	 * Return: what the other callbacks get as @ctx, NULL included, or an error pointer, which
	 * ioasid_sva_bind_device() returns.
	 */
	void *(*alloc)(struct mm_struct *mm);

	/**
	 * @attach: let @dev use the address space, by tagging its DMA with @pasid
	 *
	 * @attach_domain says that no other device of the IOMMU group of @dev is attached, for
	 * drivers that have one PASID table per group. It is always true without a group.
	 * Invalidations may come from just before the call. Required.
	 *
	 * Context: Process context. May sleep. Calls for one address space do not overlap. Must not
	 * bind, unbind, enable or disable.
	 * Return: 0, or an errno, which ioasid_sva_bind_device() returns; @detach is not
	 * called then.
	 */
	int (*attach)(struct device *dev, ioasid_t pasid, void *ctx, bool attach_domain);

	/**
	 * @detach: undo @attach
	 *
	 * When it returns, nothing of the driver looks at the address space for @dev any more, and
	 * @dev cannot reach it. @detach_domain says that no other device of the IOMMU group of @dev
	 * stays attached. Invalidations may come until shortly after it has returned, and so may
	 * @release. Required.
	 *
	 * Context: Process context. May sleep. Calls for one address space do not overlap. Must not
	 * bind, unbind, enable or disable.
	 */
	void (*detach)(struct device *dev, ioasid_t pasid, void *ctx, bool detach_domain);

	/**
	 * @invalidate: drop cached translations of @dev in a range of addresses
	 *
	 * The range is @size bytes from @vaddr, both multiples of the page size. @size 0 stands for
	 * the whole address space, and for page tables of the kernel, of which a device may have
	 * entries if it walks those too. When the call returns the device must not use the old
	 * translations. Required.
	 *
	 * Context: Any context but NMI and hard IRQ, with locks of the memory management held and
	 * inside an RCU read section. Must not sleep, must not allocate memory that needs reclaim.
	 * Runs concurrently with itself and all other callbacks but @alloc and @free.
	 */
	void (*invalidate)(struct device *dev, ioasid_t pasid, void *ctx, unsigned long vaddr,
			   size_t size);

	/**
	 * @release: the address space exits: have every device fault from now on
	 *
	 * Quickly, and nothing else: the devices stay attached, to nothing, until their drivers
	 * unbind them. Comes once at most, and not at all if all devices are unbound before.
	 * Required.
	 *
	 * Context: As for @invalidate. Whoever drops the last mm_users gets here.
	 */
	void (*release)(void *ctx);

	/**
	 * @free: undo @alloc, after the last device was detached
	 *
	 * No callback with @ctx is running or follows. Optional.
	 *
	 * Context: Process context. May sleep. Must not bind, unbind, enable or disable.
	 */
	void (*free)(void *ctx);
};

/**
 * struct ioasid_sva_params - what a device needs for SVA
 * @ops: how its driver follows an address space, or NULL to leave that to the IOMMU core
 * @min_pasid: smallest PASID that it can use, inclusive; 0 is read as 1
 * @max_pasid: largest PASID that it can use, inclusive; 0 for what IOMMU and device offer, and
 *	with @ops for what the capacity allows
 * @nr_pasids: how many address spaces can be bound to it at a time; 0 for no limit
 *
 * Read by ioasid_sva_enable_device() only; the ops that it points to are used until the device
 * is disabled.
 */
struct ioasid_sva_params {
	const struct io_mm_ops *ops;
	ioasid_t min_pasid;
	ioasid_t max_pasid;
	unsigned int nr_pasids;
};

#if IS_ENABLED(CONFIG_IOASID)

/**
 * ioasid_sva_enable_device() - allow address spaces to be bound to a device
 * @dev: the device, to which the driver of the caller is bound, or which is not removed meanwhile
 * @params: what it needs, or NULL for the IOMMU core and no limits
 *
 * Without ops the device becomes a member of the host allocator, as by ioasid_add_device(): from
 * then on IOASIDs are numbers that the IOMMU core has reserved, so that the two never hand out
 * the same one. If the device, its IOMMU or other IDs are in the way, one line in the kernel log
 * says what it is, and ioasid_sva_why() says it again.
 *
 * The driver calls it in probe() and ioasid_sva_disable_device() in remove(). SVA is disabled by
 * itself when the driver is unbound or the device goes, and what is bound then is detached. For
 * bonds without ops that is too late: the bus has looked before whether the device was given back,
 * warns of those that are left, and does not give it to VFIO any more. They have to be dropped
 * before remove() returns, with the device stopped.
 *
 * Context: Process context. May sleep.
 * Return: 0, or
 *
 * * %-EINVAL: @dev NULL, @min_pasid above @max_pasid, either INVALID_IOASID, @max_pasid not below
 *   the capacity, or ops without a required callback
 * * %-EEXIST: SVA is enabled on @dev
 * * %-ENODEV: no IOMMU translates for @dev, or PASIDs are not supported or not switched on for it
 * * %-EOPNOTSUPP: the IOMMU driver cannot share address spaces, or the kernel was built without
 * * %-ERANGE: the IOMMU or @dev has no PASIDs in the limits
 * * %-EBUSY: IDs exist, or a custom allocator is active, that may clash with the numbers of the
 *   IOMMU core
 * * %-ENOMEM: out of memory
 */
int ioasid_sva_enable_device(struct device *dev, const struct ioasid_sva_params *params);

/**
 * ioasid_sva_disable_device() - allow no more address spaces to be bound to a device
 * @dev: the device
 *
 * Context: Process context. May sleep.
 * Return: 0, or
 *
 * * %-EINVAL: @dev NULL
 * * %-ENODEV: SVA is not enabled on @dev
 * * %-EBUSY: address spaces are bound to @dev; nothing has changed
 */
int ioasid_sva_disable_device(struct device *dev);

/**
 * ioasid_sva_why() - why an address space cannot be bound to a device
 * @dev: the device, to which the driver of the caller is bound, or which is not removed meanwhile
 *
 * The words are meant for people: the missing capability, width, IOMMU mode or kernel option. If
 * SVA is enabled on @dev they say why the last ioasid_sva_bind_device() failed, else what
 * ioasid_sva_enable_device() without ops and limits would run into now.
 *
 * Context: Process context. May sleep.
 * Return: a string that stays as long as this module, or NULL if nothing is known to be in the
 * way.
 */
const char *ioasid_sva_why(struct device *dev);

/**
 * ioasid_sva_bind_device() - let a device use an address space
 * @dev: a device on which SVA is enabled
 * @mm: the address space, to whose mm_users the caller has a reference; the reference is not
 *	needed after the call
 * @drvdata: tells uses of the same device apart
 *
 * The first device that is bound to @mm has subscribers told IOASID_NOTIFY_BIND, which they may
 * refuse. A device that is bound to @mm already, with the same @drvdata, gives the same bond with
 * one more reference. A child of fork() does not inherit the bonds of its parent.
 *
 * If @mm has an IOASID set the ID belongs to it and its quota applies, else it belongs to the
 * kernel's own set. The ID is that of the IOMMU core, or with &ioasid_sva_params.ops that of the
 * active allocator. Nobody but its bonds and @mm owns it: it is freed by itself, with ops after the
 * last unbind, else when @mm exits.
 *
 * Context: Process context, without the mmap_lock of @mm and without locks that are taken in mmu
 * notifiers. May sleep.
 * Return: the bond, or an error pointer; whatever was begun is undone
 *
 * * %-EINVAL: @dev or @mm NULL, or @dev is bound to @mm with other @drvdata
 * * %-ENODEV: SVA is not enabled on @dev, or the IOMMU driver refused, see ioasid_sva_why()
 * * %-ESRCH: @mm exits
 * * %-EOVERFLOW: the ID that @mm has is outside the limits of @dev
 * * %-ENOSPC: no number is left in the limits of @dev, no quota is left in the set of @mm, or
 *   as many address spaces as @dev takes are bound to it
 * * %-EBUSY: the number that the IOMMU core chose is in use, or is freed and still has
 *   references, or rests; or @dev is being reset: try again later
 * * %-EINTR: a signal came first
 * * %-EEXIST: a custom allocator named a number twice
 * * %-ENOMEM: out of memory
 * * any errno of a subscriber that refused, or of &io_mm_ops.alloc or &io_mm_ops.attach
 */
struct ioasid_bond *ioasid_sva_bind_device(struct device *dev, struct mm_struct *mm,
					   void *drvdata);

/**
 * ioasid_sva_unbind_device() - drop a bond
 * @bond: what ioasid_sva_bind_device() returned; NULL and error pointers are ignored
 *
 * To be called once for each bind that has succeeded, also after the address space has exited. The
 * last call detaches the device: it must have been stopped and all its page requests answered,
 * see the head of this file. When it returns nothing of the IOMMU's or of the IOASID core is in
 * flight for the bond. The last device of an address space has subscribers told
 * IOASID_NOTIFY_UNBIND, unless IOASID_NOTIFY_FREE came before.
 *
 * Context: Process context, work items included, without an mmap_lock and without locks that are
 * taken in mmu notifiers. May sleep. Does not look at current.
 */
void ioasid_sva_unbind_device(struct ioasid_bond *bond);

/**
 * ioasid_sva_get_pasid() - the IOASID of a bond
 * @bond: what ioasid_sva_bind_device() returned
 *
 * It does not change while the address space lives, and names nothing else as long as the bond is
 * there.
 *
 * Context: Any context.
 * Return: the ID; INVALID_IOASID if @bond is NULL or an error pointer.
 */
ioasid_t ioasid_sva_get_pasid(struct ioasid_bond *bond);

/**
 * ioasid_sva_find() - the address space that an IOASID stands for
 * @pasid: the ID, e.g. of a page request
 *
 * Context: Any context but NMI. Takes no lock.
 * Return: the mm with mm_users taken, for the caller to mmput(), or to mmput_async() in atomic
 * context; NULL if @pasid is not the ID of an address space, or if that exits. The ID of the IOMMU
 * core stays that of an address space between its binds.
 */
struct mm_struct *ioasid_sva_find(ioasid_t pasid);

/**
 * ioasid_add_device() - share the number space with the IOMMU core, by way of a device
 * @dev: a device with PASIDs
 *
 * The host allocator takes its numbers from the IOMMU core, in the width of one of its devices.
 * It becomes active with its first device, for which no ID may exist and no custom allocator may be
 * active. The device leaves when its driver is unbound or it goes, and the next one takes over.
 *
 * Each call is undone by ioasid_remove_device(). ioasid_sva_enable_device() includes it.
 *
 * Context: Process context. May sleep.
 * Return: 0, or
 *
 * * %-EINVAL: @dev NULL
 * * %-ENODEV: no IOMMU translates for @dev, or it has no PASIDs
 * * %-EBUSY: IDs exist, or a custom allocator is active; one line in the kernel log says so
 * * %-ENOMEM: out of memory
 */
int ioasid_add_device(struct device *dev);

/**
 * ioasid_remove_device() - undo ioasid_add_device()
 * @dev: the device
 *
 * IDs that exist stay; their numbers return to the IOMMU core when they are freed, for which no
 * device has to be left. With the last device the default allocator takes over, or a custom one.
 *
 * Context: Process context. May sleep.
 * Return: 0, or
 *
 * * %-EINVAL: @dev NULL
 * * %-ENODEV: @dev was not added, or has gone since
 */
int ioasid_remove_device(struct device *dev);

#else /* !CONFIG_IOASID */

static inline int ioasid_sva_enable_device(struct device *dev,
					   const struct ioasid_sva_params *params)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_sva_disable_device(struct device *dev)
{
	return -ENODEV;
}

static inline const char *ioasid_sva_why(struct device *dev)
{
	return "the kernel was built without CONFIG_IOASID";
}

static inline struct ioasid_bond *ioasid_sva_bind_device(struct device *dev,
							 struct mm_struct *mm, void *drvdata)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void ioasid_sva_unbind_device(struct ioasid_bond *bond)
{
}

static inline ioasid_t ioasid_sva_get_pasid(struct ioasid_bond *bond)
{
	return INVALID_IOASID;
}

static inline struct mm_struct *ioasid_sva_find(ioasid_t pasid)
{
	return NULL;
}

static inline int ioasid_add_device(struct device *dev)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_remove_device(struct device *dev)
{
	return -ENODEV;
}

#endif /* CONFIG_IOASID */

#endif /* __LINUX_IOASID_SVA_H */
