// SPDX-License-Identifier: GPL-2.0
/*
 * A client in the shape of Linux 5.5 to 6.3, built against include/compat/ and nothing else.
 *
 * Loading it runs a check of itself; anything unexpected fails the load.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ioasid.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#define LEGACY_PASID_MAX ((1U << 20) - 1)

static DECLARE_IOASID_SET(legacy_set);
static DECLARE_IOASID_SET(other_set);

struct legacy_bind {
	refcount_t users;
	int value;
};

static bool legacy_bind_get(void *data)
{
	struct legacy_bind *bind = data;

	return refcount_inc_not_zero(&bind->users);
}

static unsigned int host_next = 0x200;
static unsigned int host_allocs, host_frees;

static ioasid_t legacy_host_alloc(ioasid_t min, ioasid_t max, void *data)
{
	unsigned int *next = data;

	if (*next < min || *next > max)
		return INVALID_IOASID;
	host_allocs++;
	return (*next)++;
}

static void legacy_host_free(ioasid_t ioasid, void *data)
{
	host_frees++;
}

static struct ioasid_allocator_ops legacy_ops = {
	.alloc = legacy_host_alloc,
	.free = legacy_host_free,
	.list = LIST_HEAD_INIT(legacy_ops.list),
	.pdata = &host_next,
};

#define legacy_check(condition) ({					\
	bool __ok = (condition);					\
									\
	if (!__ok)							\
		pr_err("line %d: expected %s\n", __LINE__, #condition);	\
	__ok;								\
})

/* As intel-svm did: find what is bound to the PASID, replace it, give the PASID up by free. */
static bool legacy_check_find(struct legacy_bind *bind, struct legacy_bind *bind2)
{
	ioasid_t pasid = ioasid_alloc(&legacy_set, 1, LEGACY_PASID_MAX, bind);
	bool ok;

	if (!legacy_check(pasid_valid(pasid)))
		return false;

	ok = legacy_check(pasid >= 1 && pasid <= LEGACY_PASID_MAX) &&
	     legacy_check(ioasid_find(NULL, pasid, NULL) == bind) &&
	     legacy_check(ioasid_find(&legacy_set, pasid, legacy_bind_get) == bind) &&
	     legacy_check(refcount_read(&bind->users) == 2) &&
	     legacy_check(ioasid_find(&other_set, pasid, legacy_bind_get) == ERR_PTR(-EACCES)) &&
	     legacy_check(refcount_read(&bind->users) == 2) &&
	     legacy_check(!ioasid_set_data(pasid, bind2)) &&
	     legacy_check(ioasid_find(&legacy_set, pasid, NULL) == bind2) &&
	     legacy_check(!ioasid_set_data(pasid, NULL)) &&
	     legacy_check(!ioasid_find(&legacy_set, pasid, legacy_bind_get));
	ioasid_free(pasid);
	return ok && legacy_check(ioasid_find(NULL, pasid, NULL) == ERR_PTR(-ENOENT)) &&
	       legacy_check(ioasid_set_data(pasid, bind) == -ENOENT);
}

/* As iommu-sva-lib did: a count per user of the PASID, and put gives up the first one too. */
static bool legacy_check_put(struct legacy_bind *bind)
{
	ioasid_t pasid = ioasid_alloc(&legacy_set, 1, LEGACY_PASID_MAX, bind);
	bool ok;

	if (!legacy_check(pasid_valid(pasid)))
		return false;

	ioasid_get(pasid);
	ok = legacy_check(!ioasid_put(pasid)) &&
	     legacy_check(ioasid_find(&legacy_set, pasid, NULL) == bind);
	return legacy_check(ioasid_put(pasid)) && ok &&
	       legacy_check(ioasid_find(NULL, pasid, NULL) == ERR_PTR(-ENOENT));
}

/* As intel-iommu did for its virtual command interface. */
static bool legacy_check_allocator(struct legacy_bind *bind, bool *skipped)
{
	ioasid_t pasid;
	bool ok;
	int ret;

	ret = ioasid_register_allocator(&legacy_ops);
	/* Somebody has IDs of the default allocator. */
	*skipped = ret == -EAGAIN;
	if (*skipped)
		return true;
	if (!legacy_check(!ret))
		return false;

	pasid = ioasid_alloc(&legacy_set, 1, LEGACY_PASID_MAX, bind);
	/* Another allocator was there first. */
	*skipped = !host_allocs;
	ok = legacy_check(pasid_valid(pasid)) && legacy_check(*skipped || pasid == 0x200) &&
	     legacy_check(ioasid_find(&legacy_set, pasid, NULL) == bind);
	if (pasid_valid(pasid))
		ioasid_free(pasid);
	ioasid_unregister_allocator(&legacy_ops);
	return ok && legacy_check(host_frees == host_allocs);
}

static int __init legacy_init(void)
{
	struct legacy_bind *bind = kzalloc_objs(*bind, 2);
	bool ok, skipped = false;

	if (!bind)
		return -ENOMEM;
	refcount_set(&bind[0].users, 1);
	refcount_set(&bind[1].users, 1);

	ok = legacy_check_find(&bind[0], &bind[1]) && legacy_check_put(&bind[0]) &&
	     legacy_check_allocator(&bind[1], &skipped);
	kfree(bind);
	if (!ok)
		return -EIO;
	pr_info("find, set_data, get, put, free%s: as in Linux 5.5 to 6.3\n",
		skipped ? " (no allocator: others came first)" : ", allocator");
	return 0;
}
module_init(legacy_init);

static void __exit legacy_exit(void)
{
}
module_exit(legacy_exit);

MODULE_AUTHOR("the IOASID developers");
MODULE_DESCRIPTION("Sample client for the IOASID interface of Linux 5.5 to 6.3");
MODULE_LICENSE("GPL");
