/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All of the interface as pointers of the types that it is to have. A function that is missing or
 * has other types does not compile; one that is not exported does not link.
 */
#ifndef IOASID_TESTS_PROTOTYPES_H
#define IOASID_TESTS_PROTOTYPES_H

#include <linux/ioasid.h>

struct prototypes {
	ioasid_t (*alloc)(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *private);
	int (*alloc_range)(struct ioasid_set *set, ioasid_t min, ioasid_t max,
			   enum ioasid_alloc_policy policy, void *private, ioasid_t *ioasid);
	int (*free)(struct ioasid_set *set, ioasid_t ioasid);
	int (*get)(struct ioasid_set *set, ioasid_t ioasid);
	bool (*put)(struct ioasid_set *set, ioasid_t ioasid);
	int (*get_named)(struct ioasid_set *set, ioasid_t ioasid, const char *name);
	bool (*put_named)(struct ioasid_set *set, ioasid_t ioasid, const char *name);
	void *(*find)(struct ioasid_set *set, ioasid_t ioasid, bool (*getter)(void *));
	int (*register_allocator)(struct ioasid_allocator_ops *ops);
	void (*unregister_allocator)(struct ioasid_allocator_ops *ops);
	int (*install_capacity)(ioasid_t total);
	ioasid_t (*get_capacity)(void);
	int (*get_locked)(struct ioasid_set *set, ioasid_t ioasid);
	bool (*put_locked)(struct ioasid_set *set, ioasid_t ioasid);
};

static const struct prototypes interface = {
	.alloc = ioasid_alloc,
	.alloc_range = ioasid_alloc_range,
	.free = ioasid_free,
	.get = ioasid_get,
	.put = ioasid_put,
	.get_named = ioasid_get_named,
	.put_named = ioasid_put_named,
	.find = ioasid_find,
	.register_allocator = ioasid_register_allocator,
	.unregister_allocator = ioasid_unregister_allocator,
	.install_capacity = ioasid_install_capacity,
	.get_capacity = ioasid_get_capacity,
	.get_locked = ioasid_get_locked,
	.put_locked = ioasid_put_locked,
};

#endif /* IOASID_TESTS_PROTOTYPES_H */
