/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What include/compat/linux/ioasid.h is made of. Not for direct use: these symbols carry the
 * meaning, not the names, of the IOASID interface of Linux 5.5 to 6.3.
 */
#ifndef __LINUX_IOASID_COMPAT_H
#define __LINUX_IOASID_COMPAT_H

#include <linux/types.h>

/*
 * @set is the address of a client's static set. It is compared, never dereferenced. 0 and
 * ~0 are the numbers that are never handed out.
 */
unsigned int ioasid_compat_alloc(const void *set, unsigned int min, unsigned int max,
				 void *private);

/* free and put both give up the count that alloc left, or one that get took. */
bool ioasid_compat_put(unsigned int ioasid);
void ioasid_compat_free(unsigned int ioasid);
void ioasid_compat_get(unsigned int ioasid);

void *ioasid_compat_find(const void *set, unsigned int ioasid, bool (*getter)(void *));

/* Waits for readers of the old data: may sleep. */
int ioasid_compat_set_data(unsigned int ioasid, void *data);

int ioasid_compat_register_allocator(void *ops,
				     unsigned int (*alloc)(unsigned int min, unsigned int max,
							   void *data),
				     void (*free)(unsigned int ioasid, void *data), void *pdata);
void ioasid_compat_unregister_allocator(void *ops);

#endif /* __LINUX_IOASID_COMPAT_H */
