// SPDX-License-Identifier: GPL-2.0
/*
 * IDs in every state that an operator can meet, to be looked at until the module is unloaded.
 *
 * Of those of the kernel's own set the second one is given up and held, under a name and without
 * one. A set has two IDs with SPIDs. Subscribers are told of everything, one of them last of all.
 */

#include <linux/ioasid.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#define SCENE_SPIDS 2

static unsigned int ids = 4;
module_param(ids, uint, 0444);
MODULE_PARM_DESC(ids, "How many IDs the kernel's own set gets, 2 to 1000000 (default 4)");

static bool refuse;
module_param(refuse, bool, 0644);
MODULE_PARM_DESC(refuse, "Whether the last subscriber refuses a binding (default no)");

static ioasid_t *all;
static ioasid_t spids[SCENE_SPIDS];
static struct ioasid_set *set;

static int scene_first(struct notifier_block *nb, unsigned long event, void *data)
{
	return NOTIFY_OK;
}

static int scene_last(struct notifier_block *nb, unsigned long event, void *data)
{
	if (event == IOASID_NOTIFY_BIND && refuse)
		return notifier_from_errno(-EPERM);
	return NOTIFY_OK;
}

static struct notifier_block first = { .notifier_call = scene_first, .priority = 100 };
static struct notifier_block last = { .notifier_call = scene_last };

static void scene_end(void)
{
	unsigned int i;

	for (i = 0; i < ids; i++) {
		if (all[i] == INVALID_IOASID)
			continue;
		if (i == 1) {
			ioasid_put_named(NULL, all[i], "queue 1");
			ioasid_put(NULL, all[i]);
		} else {
			ioasid_free(NULL, all[i]);
		}
	}
	if (!IS_ERR_OR_NULL(set))
		ioasid_set_free(set);
	ioasid_unregister_notifier(NULL, &last);
	ioasid_unregister_notifier(NULL, &first);
	vfree(all);
}

static int scene_set(void)
{
	unsigned int i;
	int ret;

	set = ioasid_alloc_set(NULL, 3, IOASID_SET_TYPE_NULL);
	if (IS_ERR(set))
		return PTR_ERR(set);
	for (i = 0; i < SCENE_SPIDS; i++) {
		spids[i] = ioasid_alloc(set, 1, ioasid_get_capacity() - 1, NULL);
		if (spids[i] == INVALID_IOASID)
			return -ENOSPC;
		ret = ioasid_attach_spid(spids[i], i + 1);
		if (ret)
			return ret;
	}
	return 0;
}

static int scene_held(ioasid_t id)
{
	int ret = ioasid_get_named(NULL, id, "queue 1");

	if (ret)
		return ret;
	ret = ioasid_get(NULL, id);
	if (ret) {
		ioasid_put_named(NULL, id, "queue 1");
		return ret;
	}
	ioasid_free(NULL, id);
	return 0;
}

static int __init scene_init(void)
{
	unsigned int i;
	int ret;

	if (ids < 2 || ids > 1000000)
		return -EINVAL;
	all = vmalloc_array(ids, sizeof(*all));
	if (!all)
		return -ENOMEM;
	memset32(all, INVALID_IOASID, ids);
	ret = ioasid_register_notifier(NULL, &first);
	if (ret)
		goto err;
	ret = ioasid_register_notifier(NULL, &last);
	if (ret)
		goto err;
	for (i = 0; i < ids; i++) {
		all[i] = ioasid_alloc(NULL, 1, ioasid_get_capacity() - 1, NULL);
		if (all[i] == INVALID_IOASID) {
			ret = -ENOSPC;
			goto err;
		}
		cond_resched();
	}
	ret = scene_held(all[1]);
	if (ret)
		goto err_held;
	ret = scene_set();
	if (ret)
		goto err;
	return 0;

err_held:
	ioasid_free(NULL, all[1]);
	all[1] = INVALID_IOASID;
err:
	scene_end();
	return ret;
}
module_init(scene_init);

static void __exit scene_exit(void)
{
	scene_end();
}
module_exit(scene_exit);

MODULE_DESCRIPTION("IDs to be looked at");
MODULE_LICENSE("GPL");
