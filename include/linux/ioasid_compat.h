/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What include/compat/linux/ioasid.h is made of. Not for direct use: these symbols carry the
 * meaning, not the names, of the IOASID interface of Linux 5.5 to 6.3.
 */
#ifndef __LINUX_IOASID_COMPAT_H
#define __LINUX_IOASID_COMPAT_H

#include <linux/types.h>

/**
 * ioasid_compat_alloc() - allocate an IOASID, lowest number first
 * @set: address of the client's static set, compared and never dereferenced; or NULL
 * @min: smallest acceptable number, inclusive; 0 is read as 1
 * @max: largest acceptable number, inclusive, below 2^20
 * @private: what ioasid_compat_find() will give, may be NULL
 *
 * Context: Process context. May sleep.
 * Return: the ID, or ~0.
 */
unsigned int ioasid_compat_alloc(const void *set, unsigned int min, unsigned int max,
				 void *private);

/**
 * ioasid_compat_put() - drop the count that alloc left, or one that get took
 * @ioasid: the ID
 *
 * As in Linux 5.11 to 5.17 no holder is special: the ID is freed with the last count.
 *
 * Context: Any context but NMI.
 * Return: true if this freed the ID.
 */
bool ioasid_compat_put(unsigned int ioasid);

/**
 * ioasid_compat_free() - free an IOASID
 * @ioasid: the ID; an unknown one is ignored
 *
 * As ioasid_compat_put(); in Linux 5.5 to 5.10 and 5.18 to 6.3 there is no other count.
 *
 * Context: Any context but NMI.
 */
void ioasid_compat_free(unsigned int ioasid);

/**
 * ioasid_compat_get() - take a count
 * @ioasid: the ID; an unknown one is reported
 *
 * Context: Any context but NMI.
 */
void ioasid_compat_get(unsigned int ioasid);

/**
 * ioasid_compat_find() - find the private data of an IOASID
 * @set: address of the client's static set, or NULL to skip the ownership check
 * @ioasid: the ID
 * @getter: called with the private data under RCU and may refuse; or NULL
 *
 * Context: Any context but NMI.
 * Return: the private data, NULL if there is none or @getter refused,
 * ERR_PTR(%-ENOENT) if there is no such ID, ERR_PTR(%-EACCES) if another set owns it.
 */
void *ioasid_compat_find(const void *set, unsigned int ioasid, bool (*getter)(void *));

/**
 * ioasid_compat_set_data() - replace the private data of an IOASID
 * @ioasid: the ID
 * @data: the new private data
 *
 * On return nobody reads the old data any more.
 *
 * Context: Process context. May sleep.
 * Return: 0, or %-ENOENT if there is no such ID.
 */
int ioasid_compat_set_data(unsigned int ioasid, void *data);

/**
 * ioasid_compat_register_allocator() - register a custom allocator
 * @ops: address that identifies the registration
 * @alloc: picks a number in an inclusive range, or returns ~0
 * @free: takes a number back
 * @pdata: handed to both callbacks
 *
 * As ioasid_register_allocator().
 *
 * Context: Process context. May sleep.
 * Return: as ioasid_register_allocator().
 */
int ioasid_compat_register_allocator(void *ops,
				     unsigned int (*alloc)(unsigned int min, unsigned int max,
							   void *data),
				     void (*free)(unsigned int ioasid, void *data), void *pdata);

/**
 * ioasid_compat_unregister_allocator() - unregister a custom allocator
 * @ops: as given to ioasid_compat_register_allocator()
 *
 * As ioasid_unregister_allocator().
 *
 * Context: Process context, not from a callback of an allocator. May sleep.
 */
void ioasid_compat_unregister_allocator(void *ops);

#endif /* __LINUX_IOASID_COMPAT_H */
