// SPDX-License-Identifier: GPL-2.0
/*
 * Loses memory on purpose, so that a run of the tests can show that kmemleak would see it.
 */

#include <linux/module.h>
#include <linux/slab.h>

/* Not in the init section: its name has to stand in kmemleak's report. */
static noinline void planted_leak_lose(void)
{
	void *lost = kmalloc(200, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(lost);
}

static int __init planted_leak_init(void)
{
	int i;

	/* Several, because an old value on some stack may hide one of them. */
	for (i = 0; i < 16; i++)
		planted_leak_lose();
	return 0;
}
module_init(planted_leak_init);

static void __exit planted_leak_exit(void)
{
}
module_exit(planted_leak_exit);

MODULE_DESCRIPTION("A leak on purpose");
MODULE_LICENSE("GPL");
