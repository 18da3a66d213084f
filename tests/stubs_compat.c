// SPDX-License-Identifier: GPL-2.0
/* The header for clients of Linux 5.5 to 6.3 in a kernel without IOASID. */
#include <kunit/test.h>

#undef CONFIG_IOASID
#undef CONFIG_IOASID_MODULE
#include <linux/ioasid.h>

#include "stubs.h"

static DECLARE_IOASID_SET(set);

static const struct {
	ioasid_t (*alloc)(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *private);
	void (*get)(ioasid_t ioasid);
	bool (*put)(ioasid_t ioasid);
	void (*free)(ioasid_t ioasid);
	void *(*find)(struct ioasid_set *set, ioasid_t ioasid, bool (*getter)(void *));
	int (*set_data)(ioasid_t ioasid, void *data);
	int (*register_allocator)(struct ioasid_allocator_ops *allocator);
	void (*unregister_allocator)(struct ioasid_allocator_ops *allocator);
	bool (*valid)(ioasid_t ioasid);
} stub = {
	.alloc = ioasid_alloc,
	.get = ioasid_get,
	.put = ioasid_put,
	.free = ioasid_free,
	.find = ioasid_find,
	.set_data = ioasid_set_data,
	.register_allocator = ioasid_register_allocator,
	.unregister_allocator = ioasid_unregister_allocator,
	.valid = pasid_valid,
};

/* B-236, B-237: what these clients were given. */
void compat_stubs_report_failure(struct kunit *test)
{
	struct ioasid_allocator_ops ops = { .pdata = NULL };

	KUNIT_EXPECT_FALSE(test, stub.valid(stub.alloc(&set, 1, 9, NULL)));
	stub.get(1);
	KUNIT_EXPECT_FALSE(test, stub.put(1));
	stub.free(1);
	KUNIT_EXPECT_PTR_EQ(test, stub.find(&set, 1, NULL), NULL);
	KUNIT_EXPECT_LT(test, stub.set_data(1, NULL), 0);
	KUNIT_EXPECT_LT(test, stub.register_allocator(&ops), 0);
	stub.unregister_allocator(&ops);
}
