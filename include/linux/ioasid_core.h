/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the IOMMU core and the IOMMU drivers in the kernel tree, and for nobody else.
 * There are no stubs: what is called under IS_ENABLED(CONFIG_IOASID) is not compiled without.
 */
#ifndef __LINUX_IOASID_CORE_H
#define __LINUX_IOASID_CORE_H

#include <linux/ioasid.h>
#include <linux/types.h>

struct mm_struct;

/**
 * ioasid_core_start() - make the index
 *
 * Called by a core_initcall: whoever comes later can allocate and subscribe.
 *
 * Context: Process context. May sleep.
 * Return: 0 or an errno.
 */
int ioasid_core_start(void);

/**
 * ioasid_core_alloc() - allocate a number for the IOMMU core
 * @mm: the address space that it is for, or NULL
 * @min: smallest number, inclusive
 * @max: largest number, inclusive; what is above the capacity does not count
 * @id: where the number goes
 *
 * With @mm the ID belongs to the set of @mm, if it has one, else to the kernel's own. Subscribers
 * are told of it.
 *
 * Context: Process context. May sleep. Locks that are held must not be taken by the callbacks of
 * registered allocators.
 * Return: 0, -ENOSPC, -ENOMEM, or what else ioasid_alloc_range() returns; with @mm also -EBUSY if
 * its set ends or a subscriber has freed the ID at once.
 */
int ioasid_core_alloc(struct mm_struct *mm, ioasid_t min, ioasid_t max, ioasid_t *id);

/**
 * ioasid_core_free() - undo ioasid_core_alloc()
 * @id: the number
 * @of_mm: whether it was allocated with an mm
 *
 * Whoever has a reference keeps the number from being used again. If it is that of an mm, it is
 * kept until this call as well, even if its set, or somebody else, has freed it before.
 *
 * Context: Any context but NMI.
 */
void ioasid_core_free(ioasid_t id, bool of_mm);

/**
 * ioasid_core_attach() - note that a device is about to be attached under an ID
 * @id: the PASID
 *
 * Subscribers are told IOASID_NOTIFY_BIND of the first device of an ID. The caller has a reference
 * to it, from before this call until after ioasid_core_detach().
 *
 * Context: Process context. May sleep. Locks that are held must not be taken by subscribers.
 * Return: 0, or
 *
 * * %-ENOENT: there is no such ID
 * * %-EBUSY: it was freed
 * * any errno of a subscriber that refused
 */
int ioasid_core_attach(ioasid_t id);

/**
 * ioasid_core_detach() - undo ioasid_core_attach(), when the device is about to be detached
 * @id: the PASID
 *
 * Subscribers are told IOASID_NOTIFY_UNBIND of the last device, unless the ID was freed.
 *
 * Context: Process context. May sleep.
 */
void ioasid_core_detach(ioasid_t id);

#endif /* __LINUX_IOASID_CORE_H */
