// SPDX-License-Identifier: GPL-2.0
/* Hands out what ioasid.ko has seen of itself: the distances, one a line. */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "seen.h"

static struct dentry *dir;

static int seen_show(struct seq_file *m, void *unused)
{
	long at;

	for (at = 0; at < 2 * COVERAGE_REACH; at++) {
		if (READ_ONCE(ioasid_coverage_seen[at]))
			seq_printf(m, "%ld\n", at - COVERAGE_REACH);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(seen);

static int __init coverage_init(void)
{
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("seen", 0400, dir, NULL, &seen_fops);
	return 0;
}
module_init(coverage_init);

static void __exit coverage_exit(void)
{
	debugfs_remove(dir);
}
module_exit(coverage_exit);

MODULE_DESCRIPTION("IOASID: coverage");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
