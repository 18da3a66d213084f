// SPDX-License-Identifier: GPL-2.0
/*
 * How much memory a module holds: to be loaded before it. Whatever is allocated with one of its
 * functions on the stack is its own until it is freed, by whomever. In parameters/bytes.
 *
 * Objects that it takes from caches of its own are left out: of those, pages are to be counted, see
 * /proc/slabinfo. What is freed where no tracepoint tells of it stays in the sum.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stacktrace.h>
#include <linux/tracepoint.h>
#include <trace/events/kmem.h>

#define MOST_BLOCKS 8192
#define MOST_FRAMES 32

static char *name = "ioasid";
module_param(name, charp, 0444);
MODULE_PARM_DESC(name, "the module");

static struct {
	const void *start;
	size_t bytes;
} blocks[MOST_BLOCKS];
static unsigned int nr_blocks;
static size_t bytes;
static DEFINE_RAW_SPINLOCK(lock); /* All of these. */

/* Its text, and that of its init. */
static unsigned long from[2], until[2];

static int bytes_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%zu\n", READ_ONCE(bytes));
}

static const struct kernel_param_ops bytes_ops = { .get = bytes_get };
module_param_cb(bytes, &bytes_ops, NULL, 0444);
MODULE_PARM_DESC(bytes, "how much it holds");

static bool is_its(unsigned long address)
{
	return (address >= from[0] && address < until[0]) ||
	       (address >= from[1] && address < until[1]);
}

static void allocated(const void *start, size_t size)
{
	unsigned long frames[MOST_FRAMES], flags;
	unsigned int i, nr;

	if (!start || !until[0])
		return;
	nr = stack_trace_save(frames, MOST_FRAMES, 0);
	for (i = 0; i < nr && !is_its(frames[i]); i++)
		;
	if (i == nr)
		return;
	raw_spin_lock_irqsave(&lock, flags);
	/* Large ones are told of twice. */
	for (i = 0; i < nr_blocks && blocks[i].start != start; i++)
		;
	if (i == nr_blocks && i < MOST_BLOCKS) {
		blocks[i].start = start;
		blocks[i].bytes = size;
		nr_blocks++;
		bytes += size;
	} else if (i == MOST_BLOCKS) {
		WARN_ONCE(1, "ioasid_weigh: too many blocks\n");
	}
	raw_spin_unlock_irqrestore(&lock, flags);
}

static void freed(const void *start)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&lock, flags);
	for (i = nr_blocks; i--;) {
		if (blocks[i].start == start) {
			bytes -= blocks[i].bytes;
			blocks[i] = blocks[--nr_blocks];
			break;
		}
	}
	raw_spin_unlock_irqrestore(&lock, flags);
}

static void on_kmalloc(void *data, unsigned long caller, const void *start, size_t asked,
		       size_t size, gfp_t flags, int node)
{
	allocated(start, size);
}

static void on_kfree(void *data, unsigned long caller, const void *start)
{
	freed(start);
}

static void on_cache_alloc(void *data, unsigned long caller, const void *start,
			   struct kmem_cache *cache, gfp_t flags, int node)
{
	if (!is_its(caller))
		allocated(start, kmem_cache_size(cache));
}

static void on_cache_free(void *data, unsigned long caller, const void *start,
			  const struct kmem_cache *cache)
{
	freed(start);
}

static struct {
	const char *name;
	void *probe;
	struct tracepoint *tp;
} probes[] = {
	{ "kmalloc", on_kmalloc },
	{ "kfree", on_kfree },
	{ "kmem_cache_alloc", on_cache_alloc },
	{ "kmem_cache_free", on_cache_free },
};

static void look_at(struct tracepoint *tp, void *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(tp->name, probes[i].name))
			probes[i].tp = tp;
}

static int on_module(struct notifier_block *nb, unsigned long event, void *data)
{
	static const enum mod_mem_type types[] = { MOD_TEXT, MOD_INIT_TEXT };
	struct module *module = data;
	int i;

	if (strcmp(module->name, name))
		return NOTIFY_DONE;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		from[i] = 0;
		until[i] = 0;
		/* Its init goes when it is live. */
		if (event == MODULE_STATE_COMING || (event == MODULE_STATE_LIVE && !i)) {
			from[i] = (unsigned long)module->mem[types[i]].base;
			until[i] = from[i] + module->mem[types[i]].size;
		}
	}
	return NOTIFY_DONE;
}

static struct notifier_block modules = { .notifier_call = on_module };

static void stop(void)
{
	int i;

	unregister_module_notifier(&modules);
	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (probes[i].tp)
			tracepoint_probe_unregister(probes[i].tp, probes[i].probe, NULL);
	tracepoint_synchronize_unregister();
}

static int __init weigh_init(void)
{
	int i, ret;

	ret = register_module_notifier(&modules);
	if (ret)
		return ret;
	for_each_kernel_tracepoint(look_at, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		ret = -ENOENT;
		if (probes[i].tp)
			ret = tracepoint_probe_register(probes[i].tp, probes[i].probe, NULL);
		if (ret) {
			pr_err("ioasid_weigh: no tracepoint %s\n", probes[i].name);
			for (; i < ARRAY_SIZE(probes); i++)
				probes[i].tp = NULL;
			stop();
			return ret;
		}
	}
	return 0;
}

static void __exit weigh_exit(void)
{
	stop();
}

module_init(weigh_init);
module_exit(weigh_exit);

MODULE_AUTHOR("the IOASID developers");
MODULE_DESCRIPTION("How much memory a module holds");
MODULE_LICENSE("GPL");
