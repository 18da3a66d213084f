/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The IOASID interface of Linux 5.5 to 6.3, for client code written against it.
 *
 * Put this directory first on the include path, include/ of the IOASID module after it.
 * ioasid_put() and ioasid_get() are those of 5.11 to 5.17, ioasid_free() is that of the other
 * releases; both are here. ioasid_alloc() and ioasid_set_data() may sleep.
 */
#ifndef __LINUX_IOASID_H
#define __LINUX_IOASID_H

#include <linux/errno.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/kconfig.h>
#include <linux/types.h>
#include <linux/ioasid_compat.h>

#define INVALID_IOASID ((ioasid_t)-1)

typedef ioasid_t (*ioasid_alloc_fn_t)(ioasid_t min, ioasid_t max, void *data);
typedef void (*ioasid_free_fn_t)(ioasid_t ioasid, void *data);

struct ioasid_set {
	int dummy;
};

/**
 * struct ioasid_allocator_ops - a custom allocator
 * @alloc: picks a number in the inclusive range, or returns INVALID_IOASID; may sleep
 * @free: takes a number back; may sleep
 * @list: unused
 * @pdata: handed to both callbacks
 */
struct ioasid_allocator_ops {
	ioasid_alloc_fn_t alloc;
	ioasid_free_fn_t free;
	struct list_head list;
	void *pdata;
};

#define DECLARE_IOASID_SET(name) struct ioasid_set name = { 0 }

static inline bool pasid_valid(ioasid_t ioasid)
{
	return ioasid != INVALID_IOASID;
}

#if IS_ENABLED(CONFIG_IOASID)

static inline ioasid_t ioasid_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max,
				    void *private)
{
	return ioasid_compat_alloc(set, min, max, private);
}

static inline void ioasid_get(ioasid_t ioasid)
{
	ioasid_compat_get(ioasid);
}

static inline bool ioasid_put(ioasid_t ioasid)
{
	return ioasid_compat_put(ioasid);
}

static inline void ioasid_free(ioasid_t ioasid)
{
	ioasid_compat_free(ioasid);
}

static inline void *ioasid_find(struct ioasid_set *set, ioasid_t ioasid, bool (*getter)(void *))
{
	return ioasid_compat_find(set, ioasid, getter);
}

static inline int ioasid_set_data(ioasid_t ioasid, void *data)
{
	return ioasid_compat_set_data(ioasid, data);
}

static inline int ioasid_register_allocator(struct ioasid_allocator_ops *allocator)
{
	if (!allocator)
		return -EINVAL;
	return ioasid_compat_register_allocator(allocator, allocator->alloc, allocator->free,
						allocator->pdata);
}

static inline void ioasid_unregister_allocator(struct ioasid_allocator_ops *allocator)
{
	ioasid_compat_unregister_allocator(allocator);
}

#else /* !CONFIG_IOASID */

static inline ioasid_t ioasid_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max,
				    void *private)
{
	return INVALID_IOASID;
}

static inline void ioasid_get(ioasid_t ioasid)
{
}

static inline bool ioasid_put(ioasid_t ioasid)
{
	return false;
}

static inline void ioasid_free(ioasid_t ioasid)
{
}

static inline void *ioasid_find(struct ioasid_set *set, ioasid_t ioasid, bool (*getter)(void *))
{
	return NULL;
}

static inline int ioasid_set_data(ioasid_t ioasid, void *data)
{
	return -EOPNOTSUPP;
}

static inline int ioasid_register_allocator(struct ioasid_allocator_ops *allocator)
{
	return -EOPNOTSUPP;
}

static inline void ioasid_unregister_allocator(struct ioasid_allocator_ops *allocator)
{
}

#endif /* CONFIG_IOASID */

#endif /* __LINUX_IOASID_H */
