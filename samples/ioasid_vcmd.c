// SPDX-License-Identifier: GPL-2.0
/*
 * The allocator of a virtual IOMMU: the guest asks its host for every PASID.
 *
 * Loading the module plugs it in, unloading unplugs it. What is pretended is the host: a bitmap
 * behind a command interface that takes its time.
 *
 * Copyright (C) 2026 the IOASID developers
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/ioasid.h>
#include <linux/module.h>
#include <linux/mutex.h>

#define HOST_PASIDS 4096

static unsigned int first = 0x1000;
module_param(first, uint, 0444);
MODULE_PARM_DESC(first, "First PASID of the host's range for this guest");

static unsigned long host_used[BITS_TO_LONGS(HOST_PASIDS)];
static DEFINE_MUTEX(host_lock);

static atomic_t vcmd_allocs = ATOMIC_INIT(0);
static atomic_t vcmd_frees = ATOMIC_INIT(0);
static atomic_t vcmd_outstanding = ATOMIC_INIT(0);

/* Command register written, response register polled until the host has answered. */
static void vcmd_round_trip(void)
{
	usleep_range(500, 2000);
}

static ioasid_t vcmd_alloc(ioasid_t min, ioasid_t max, void *data)
{
	unsigned int from, to, bit = HOST_PASIDS;

	atomic_inc(&vcmd_allocs);
	vcmd_round_trip();

	from = min > first ? min - first : 0;
	to = max < first ? 0 : umin(max - first + 1, HOST_PASIDS);
	mutex_lock(&host_lock);
	if (from < to)
		bit = find_next_zero_bit(host_used, to, from);
	if (bit < to)
		__set_bit(bit, host_used);
	mutex_unlock(&host_lock);
	if (bit >= to)
		return INVALID_IOASID;

	atomic_inc(&vcmd_outstanding);
	return first + bit;
}

static void vcmd_free(ioasid_t ioasid, void *data)
{
	atomic_inc(&vcmd_frees);
	vcmd_round_trip();

	mutex_lock(&host_lock);
	if (ioasid >= first && ioasid - first < HOST_PASIDS &&
	    __test_and_clear_bit(ioasid - first, host_used))
		atomic_dec(&vcmd_outstanding);
	else
		pr_err("the host does not know PASID %u\n", ioasid);
	mutex_unlock(&host_lock);
}

static struct ioasid_allocator_ops vcmd_ops = {
	.alloc = vcmd_alloc,
	.free = vcmd_free,
};

static struct dentry *vcmd_dir;

static int __init vcmd_init(void)
{
	int ret;

	if (!first || first > ioasid_get_capacity() ||
	    ioasid_get_capacity() - first < HOST_PASIDS) {
		pr_err("the host's range does not fit: first=%u\n", first);
		return -EINVAL;
	}
	ret = ioasid_register_allocator(&vcmd_ops);
	if (ret)
		return ret;
	vcmd_dir = debugfs_create_dir("ioasid_vcmd", NULL);
	debugfs_create_atomic_t("allocs", 0444, vcmd_dir, &vcmd_allocs);
	debugfs_create_atomic_t("frees", 0444, vcmd_dir, &vcmd_frees);
	debugfs_create_atomic_t("outstanding", 0444, vcmd_dir, &vcmd_outstanding);
	return 0;
}
module_init(vcmd_init);

static void __exit vcmd_exit(void)
{
	debugfs_remove(vcmd_dir);
	ioasid_unregister_allocator(&vcmd_ops);
	pr_info("unplugged: %d allocated, %d freed, %d still live\n", atomic_read(&vcmd_allocs),
		atomic_read(&vcmd_frees), atomic_read(&vcmd_outstanding));
}
module_exit(vcmd_exit);

MODULE_AUTHOR("the IOASID developers");
MODULE_DESCRIPTION("Sample IOASID allocator: a virtual IOMMU that asks its host");
MODULE_LICENSE("GPL");
