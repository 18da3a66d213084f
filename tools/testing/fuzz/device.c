// SPDX-License-Identifier: GPL-2.0
/*
 * A device by which a program calls the functions of linux/ioasid.h with whatever it likes, in any
 * context in which they may be called. What a caller has to keep to is kept to here: what was
 * registered is unregistered before it goes, what was taken is given back when the file is closed.
 * All else, such as IDs and sets of others, handles of sets that are gone and numbers that never
 * were, the module has to bear. Never for a machine that does anything else.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/panic_notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioasid_fuzz_dev.h"

/* The newest handles that any file had; for comparison only, most are of sets that are gone. */
static struct ioasid_set *foreign[FUZZ_FOREIGN];
static atomic_t nr_foreign;
/* How many numbers all files have set aside, less what was taken back. */
static atomic_t reserved;
static atomic_t files;

/* ------------------------------------------------------------------ what was called last */

#define LAST 96

static struct {
	struct ioasid_fuzz_op op;
	int cpu;
} last[LAST];

static atomic_t nr_last;

static struct ioasid_fuzz_op *remember(const struct ioasid_fuzz_op *op)
{
	unsigned int at = (unsigned int)(atomic_inc_return(&nr_last) - 1) % LAST;

	last[at].op = *op;
	last[at].cpu = raw_smp_processor_id();
	return &last[at].op;
}

/* In the words of the program's --replay. */
static int tell_last(struct notifier_block *nb, unsigned long action, void *data)
{
	unsigned int end = atomic_read(&nr_last), i = end > LAST ? end - LAST : 0;

	for (; i < end; i++) {
		struct ioasid_fuzz_op *op = &last[i % LAST].op;

		pr_emerg("ioasid_fuzz: op %u %#x %u %u %u %u (CPU %d, %lld)\n", op->verb, op->flags,
			 op->set, op->id, op->a, op->b, last[i % LAST].cpu, op->ret);
	}
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = { .notifier_call = tell_last, .priority = INT_MAX };

/* ------------------------------------------------------------------ what a file has */

static struct ioasid_set *set_of(struct fuzz_file *file, u32 set)
{
	if (set < FUZZ_SETS)
		return file->sets[set].handle;
	if (set == FUZZ_SET_NULL)
		return NULL;
	if (set >= FUZZ_SET_FOREIGN && set < FUZZ_SET_FOREIGN + FUZZ_FOREIGN)
		return READ_ONCE(foreign[set - FUZZ_SET_FOREIGN]);
	return (struct ioasid_set *)(long)(int)set;
}

static struct fuzz_set *slot_with(struct fuzz_file *file, struct ioasid_set *handle)
{
	unsigned int i;

	for (i = 0; i < FUZZ_SETS; i++) {
		if (file->sets[i].handle == handle && (file->sets[i].refs || file->sets[i].owned))
			return &file->sets[i];
	}
	return NULL;
}

/* Where a set goes: to where it is, or where a handle is of no use any more. */
static struct fuzz_set *slot_for(struct fuzz_file *file, struct ioasid_set *handle)
{
	struct fuzz_set *slot = slot_with(file, handle);
	unsigned int i;

	for (i = 0; !slot && i < FUZZ_SETS; i++) {
		if (!file->sets[i].refs && !file->sets[i].owned)
			slot = &file->sets[i];
	}
	return slot;
}

/* Returns the slot. */
static s64 keep_set(struct fuzz_file *file, struct ioasid_set *handle, bool owned)
{
	struct fuzz_set *slot = slot_for(file, handle);

	if (!slot) {
		if (owned)
			ioasid_set_free(handle);
		else
			ioasid_set_put(handle);
		return FUZZ_NOT_CALLED;
	}
	slot->handle = handle;
	if (owned)
		slot->owned = true;
	else
		slot->refs++;
	WRITE_ONCE(foreign[(unsigned int)atomic_inc_return(&nr_foreign) % FUZZ_FOREIGN], handle);
	return slot - file->sets;
}

static bool has_room(struct fuzz_file *file)
{
	return file->nr_ids < FUZZ_MAX_IDS && file->nr_refs < FUZZ_MAX_IDS;
}

static void keep_ref(struct fuzz_file *file, ioasid_t id)
{
	unsigned int i;

	for (i = 0; i < file->nr_refs; i++) {
		if (file->refs[i].id == id) {
			file->refs[i].count++;
			return;
		}
	}
	file->refs[file->nr_refs++] = (struct fuzz_ref){ .id = id, .count = 1 };
}

static void drop_ref(struct fuzz_file *file, ioasid_t id)
{
	unsigned int i;

	for (i = 0; i < file->nr_refs; i++) {
		if (file->refs[i].id != id)
			continue;
		if (!--file->refs[i].count)
			file->refs[i] = file->refs[--file->nr_refs];
		return;
	}
}

static void drop_id(struct fuzz_file *file, ioasid_t id)
{
	unsigned int i;

	for (i = 0; i < file->nr_ids; i++) {
		if (file->ids[i] == id) {
			file->ids[i] = file->ids[--file->nr_ids];
			return;
		}
	}
}

static void give_up(struct fuzz_file *file)
{
	unsigned int i;

	fuzz_leave_handlers(file);
	while (file->nr_ids)
		ioasid_free(NULL, file->ids[--file->nr_ids]);
	for (i = 0; i < file->nr_refs; i++) {
		while (file->refs[i].count--)
			ioasid_put(NULL, file->refs[i].id);
	}
	file->nr_refs = 0;
	for (i = 0; i < FUZZ_SETS; i++) {
		struct fuzz_set *set = &file->sets[i];

		if (set->owned)
			ioasid_set_free(set->handle);
		while (set->refs) {
			ioasid_set_put(set->handle);
			set->refs--;
		}
		set->owned = false;
	}
	fuzz_leave_allocators(file);
}

/* What nobody has given back. Only when there are no other files. */
static void cancel_rest(void)
{
	int left = atomic_xchg(&reserved, 0);

	if (left > 0)
		ioasid_cancel_capacity(left);
}

/* Whether every number is there again: no ID, quota or reservation was lost. */
static bool is_whole(void)
{
	int left, turns;

	for (turns = 0; turns < 5000; turns++) {
		left = ioasid_reserve_capacity(0);
		if (left > 0)
			ioasid_cancel_capacity(left);
		if (left == (int)ioasid_get_capacity() - 1)
			return true;
		usleep_range(1000, 2000);
	}
	pr_err("ioasid_fuzz: %d of %u numbers are left\n", left, ioasid_get_capacity() - 1);
	return false;
}

/* ------------------------------------------------------------------ calls that do not sleep */

bool fuzz_getter(void *data)
{
	fuzz_bug(!fuzz_is_data(data), "a getter is called with what is no data");
	return !((unsigned long)data & BIT(12));
}

static const char * const names[] = {
	NULL, "", "queue", "a, b \\\n\t\x1b[2J", "\xff\xfe\x80",
	"a name that is longer than what is kept of it, so that it is cut somewhere",
	"a name that is longer than what is kept of it", "-",
};

static void visit(ioasid_t id, void *data)
{
	const struct ioasid_fuzz_op *op = data;

	switch (op->a % 8) {
	case 1:
		ioasid_free(NULL, id);
		break;
	case 2:
		if (!ioasid_get(NULL, id))
			ioasid_put(NULL, id);
		break;
	case 3:
		ioasid_attach_spid(id, op->b);
		break;
	case 4:
		ioasid_detach_spid(id);
		break;
	case 5:
		ioasid_notify(id, IOASID_NOTIFY_BIND, IOASID_NOTIFY_ALL);
		break;
	case 6:
		ioasid_find(NULL, id, fuzz_getter);
		break;
	case 7:
		ioasid_free(NULL, op->b);
		break;
	}
	fuzz_bug(!id || id >= BIT(20), "an ID that is none is visited");
}

static s64 errno_of(const void *pointer)
{
	return IS_ERR(pointer) ? PTR_ERR(pointer) : 0;
}

static s64 find(struct ioasid_set *set, const struct ioasid_fuzz_op *op)
{
	bool getter = op->a & 1;
	void *data = ioasid_find(set, op->id, getter ? fuzz_getter : NULL);

	if (IS_ERR(data))
		return PTR_ERR(data);
	fuzz_bug(data && !fuzz_is_data(data), "what is found is not what was attached");
	return data ? FUZZ_FOUND : 0;
}

struct call {
	const struct ioasid_fuzz_op *op;
	struct ioasid_set *set;
	struct mm_struct *mm;
	/* What is found. */
	struct ioasid_set *found;
	s64 ret;
	struct irq_work irq;
};

/* From any context. */
static bool call_anywhere(struct call *call)
{
	const struct ioasid_fuzz_op *op = call->op;
	const char *name = names[op->a % ARRAY_SIZE(names)];
	struct ioasid_set *set = call->set;
	struct ioasid_set_usage usage;
	s64 ret = FUZZ_DONE;

	switch (op->verb) {
	case FUZZ_FREE:
		ret = ioasid_free(set, op->id);
		break;
	case FUZZ_GET:
		ret = ioasid_get(set, op->id);
		break;
	case FUZZ_PUT:
		ret = ioasid_put(set, op->id);
		break;
	case FUZZ_GET_NAMED:
		ret = ioasid_get_named(set, op->id, name);
		break;
	case FUZZ_PUT_NAMED:
		ret = ioasid_put_named(set, op->id, name);
		break;
	case FUZZ_FIND:
		ret = find(set, op);
		break;
	case FUZZ_SET_GET:
		ret = ioasid_set_get(set);
		break;
	case FUZZ_SET_PUT:
		ioasid_set_put(set);
		break;
	case FUZZ_SET_POLICY:
		ret = ioasid_set_policy(set, op->a);
		break;
	case FUZZ_SET_QUERY:
		ret = ioasid_set_query(set, op->a & 1 ? NULL : &usage);
		if (!ret)
			fuzz_bug(max3(usage.use, usage.peak, usage.spids) > BIT(20),
				 "the figures of a set cannot be");
		break;
	case FUZZ_FIND_SET:
		call->found = ioasid_find_set(op->id);
		ret = errno_of(call->found);
		break;
	case FUZZ_GET_IF_OWNED_BY:
		ret = ioasid_get_if_owned_by(op->id, call->mm);
		break;
	case FUZZ_IS_ACTIVE:
		ret = ioasid_is_active(op->id);
		break;
	case FUZZ_FIND_SPID:
		ret = ioasid_find_spid(op->id);
		break;
	case FUZZ_FIND_BY_SPID:
		ret = ioasid_find_by_spid(set, op->a, op->b & 1);
		break;
	case FUZZ_ATTACH_DATA:
		ret = ioasid_attach_data(op->id, op->a % 8 ? FUZZ_DATA(op->a) : NULL);
		break;
	case FUZZ_GET_CAPACITY:
		ret = ioasid_get_capacity();
		break;
	default:
		return false;
	}
	call->ret = ret;
	return true;
}

/* From process context or softirq, with interrupts on. */
static bool call_softly(struct call *call)
{
	const struct ioasid_fuzz_op *op = call->op;
	s64 ret = FUZZ_DONE;

	switch (op->verb) {
	case FUZZ_ADJUST_SET:
		ret = ioasid_adjust_set(call->set, op->a);
		break;
	case FUZZ_FIND_MM_SET:
		call->found = ioasid_find_mm_set(call->mm);
		ret = errno_of(call->found);
		break;
	case FUZZ_FREE_ALL_IN_SET:
		ioasid_free_all_in_set(call->set);
		break;
	case FUZZ_SET_FOR_EACH_IOASID:
		ret = ioasid_set_for_each_ioasid(call->set, op->a == 15 ? NULL : visit, (void *)op);
		break;
	case FUZZ_ATTACH_SPID:
		ret = ioasid_attach_spid(op->id, op->a);
		break;
	case FUZZ_DETACH_SPID:
		ret = ioasid_detach_spid(op->id);
		break;
	case FUZZ_RESERVE_CAPACITY:
		ret = ioasid_reserve_capacity(op->a);
		break;
	case FUZZ_CANCEL_CAPACITY:
		ret = ioasid_cancel_capacity(op->a);
		break;
	case FUZZ_NOTIFY:
		ret = ioasid_notify(op->id, op->a, op->b);
		break;
	default:
		return false;
	}
	call->ret = ret;
	return true;
}

static void call_in_hardirq(struct irq_work *work)
{
	call_anywhere(container_of(work, struct call, irq));
}

/* Returns false if the call may sleep. */
static bool call_atomically(struct call *call)
{
	unsigned int context = call->op->flags & FUZZ_CONTEXT;
	bool done;

	switch (context) {
	case FUZZ_IRQS_OFF:
		local_irq_disable();
		done = call_anywhere(call);
		local_irq_enable();
		break;
	case FUZZ_IN_HARDIRQ:
		call->irq = IRQ_WORK_INIT_HARD(call_in_hardirq);
		call->ret = FUZZ_NOT_CALLED;
		irq_work_queue(&call->irq);
		irq_work_sync(&call->irq);
		done = call->ret != FUZZ_NOT_CALLED;
		break;
	case FUZZ_PREEMPT_OFF:
		preempt_disable();
		done = call_anywhere(call);
		preempt_enable();
		break;
	case FUZZ_BH_OFF:
		local_bh_disable();
		done = call_anywhere(call) || call_softly(call);
		local_bh_enable();
		break;
	default:
		done = call_anywhere(call) || call_softly(call);
		break;
	}
	return done || call_softly(call);
}

/* ------------------------------------------------------------------ calls that may sleep */

static s64 alloc(struct fuzz_file *file, struct ioasid_set *set, const struct ioasid_fuzz_op *op)
{
	unsigned int variant = FUZZ_VARIANT(op->flags);
	void *data = variant & 1 ? FUZZ_DATA(op->id) : NULL;
	ioasid_t id = 0;
	s64 err = 0;

	if (op->verb == FUZZ_ALLOC) {
		id = ioasid_alloc(set, op->a, op->b, data);
		if (id == INVALID_IOASID)
			return id;
	} else {
		err = ioasid_alloc_range(set, op->a, op->b, op->id, data,
					 variant == 15 ? NULL : &id);
		fuzz_bug(err && variant != 15 && id != INVALID_IOASID, "an ID comes with an error");
		if (err)
			return err;
	}
	fuzz_bug(id < max(op->a, 1U) || id > op->b || id >= ioasid_get_capacity(),
		 "an ID is outside the range");
	file->ids[file->nr_ids++] = id;
	return id;
}

static void *token_of(const struct ioasid_fuzz_op *op)
{
	switch (FUZZ_VARIANT(op->flags)) {
	case 14:
		return NULL;
	case 15:
		return current->mm;
	default:
		return op->b == IOASID_SET_TYPE_MM ? current->mm : NULL;
	}
}

static struct mm_struct *mm_of(const struct ioasid_fuzz_op *op)
{
	return FUZZ_VARIANT(op->flags) == 14 ? NULL : current->mm;
}

static s64 call_sleeping(struct fuzz_file *file, struct call *call)
{
	const struct ioasid_fuzz_op *op = call->op;
	struct ioasid_set *set = call->set;
	struct fuzz_handler *handler = &file->handlers[op->a % FUZZ_HANDLERS];

	switch (op->verb) {
	case FUZZ_ALLOC:
	case FUZZ_ALLOC_RANGE:
		return alloc(file, set, op);
	case FUZZ_ALLOC_SET:
		set = ioasid_alloc_set(token_of(op), op->a, op->b);
		return IS_ERR(set) ? PTR_ERR(set) : keep_set(file, set, true);
	case FUZZ_SET_FREE:
		return ioasid_set_free(set);
	case FUZZ_GET_IF_OWNED:
		return ioasid_get_if_owned(op->id);
	case FUZZ_DETACH_DATA:
		return ioasid_detach_data(op->id);
	case FUZZ_WAIT_RECLAIMED:
		return ioasid_wait_reclaimed(op->id, op->a % 3);
	case FUZZ_SET_WAIT_RECLAIMED:
		return ioasid_set_wait_reclaimed(set, op->a % 3);
	case FUZZ_REGISTER_NOTIFIER:
	case FUZZ_REGISTER_NOTIFIER_REPLAY:
	case FUZZ_REGISTER_NOTIFIER_MM:
	case FUZZ_REGISTER_NOTIFIER_MM_REPLAY:
		return fuzz_register(file, op->verb, op->a, set, mm_of(op), op->b);
	case FUZZ_UNREGISTER_NOTIFIER:
	case FUZZ_UNREGISTER_NOTIFIER_MM:
		return fuzz_unregister(file, op->verb, op->a, set, mm_of(op));
	case FUZZ_QUEUE_WORK:
		return ioasid_queue_work(&handler->work);
	case FUZZ_REGISTER_ALLOCATOR:
		return fuzz_register_allocator(file, op->a);
	case FUZZ_UNREGISTER_ALLOCATOR:
		fuzz_unregister_allocator(file, op->a);
		return FUZZ_DONE;
	case FUZZ_INSTALL_CAPACITY:
		return ioasid_install_capacity(op->a);
	case FUZZ_HANDLER:
		WRITE_ONCE(handler->id, op->id);
		WRITE_ONCE(handler->does, op->b);
		atomic_set(&handler->acts, 0);
		return FUZZ_DONE;
	case FUZZ_ANSWER:
		fuzz_answer(op->a, op->b);
		return FUZZ_DONE;
	default:
		return -ENOTTY;
	}
}

/* Notes what the file has got or given up. */
static void note(struct fuzz_file *file, struct call *call)
{
	const struct ioasid_fuzz_op *op = call->op;
	struct fuzz_set *slot;
	s64 ret = call->ret;

	switch (op->verb) {
	case FUZZ_FREE:
		if (ret >= 0)
			drop_id(file, op->id);
		break;
	case FUZZ_GET:
	case FUZZ_GET_NAMED:
	case FUZZ_GET_IF_OWNED:
	case FUZZ_GET_IF_OWNED_BY:
		if (!ret)
			keep_ref(file, op->id);
		break;
	case FUZZ_FIND_BY_SPID:
		if (op->b & 1 && ret != INVALID_IOASID)
			keep_ref(file, ret);
		break;
	case FUZZ_PUT:
	case FUZZ_PUT_NAMED:
		/* That of the wrong set drops nothing, and does not say so. */
		if (!call->set)
			drop_ref(file, op->id);
		break;
	case FUZZ_SET_GET:
		if (!ret && keep_set(file, call->set, false) == FUZZ_NOT_CALLED)
			call->ret = FUZZ_NOT_CALLED;
		break;
	case FUZZ_SET_PUT:
		slot = slot_with(file, call->set);
		if (slot && slot->refs)
			slot->refs--;
		break;
	case FUZZ_SET_FREE:
		slot = slot_with(file, call->set);
		if (slot)
			slot->owned = false;
		break;
	case FUZZ_FIND_SET:
	case FUZZ_FIND_MM_SET:
		if (!ret && call->found)
			call->ret = keep_set(file, call->found, false);
		break;
	case FUZZ_RESERVE_CAPACITY:
		if (ret > 0)
			atomic_add(ret, &reserved);
		break;
	case FUZZ_CANCEL_CAPACITY:
		if (ret >= 0)
			atomic_sub(op->a, &reserved);
		break;
	}
}

static void set_fail_nth(unsigned int nth)
{
#ifdef CONFIG_FAULT_INJECTION
	WRITE_ONCE(current->fail_nth, nth);
#endif
}

static s64 run_one(struct fuzz_file *file, struct ioasid_fuzz_op *op)
{
	struct ioasid_fuzz_op *remembered = remember(op);
	struct call call = {
		.op = op,
		.set = set_of(file, op->set),
		.mm = mm_of(op),
	};

	if (!has_room(file))
		return FUZZ_NOT_CALLED;
	set_fail_nth(FUZZ_FAIL_NTH(op->flags));
	if (!call_atomically(&call))
		call.ret = call_sleeping(file, &call);
	set_fail_nth(0);
	note(file, &call);
	remembered->ret = call.ret;
	return call.ret;
}

static long fuzz_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct fuzz_file *file = filp->private_data;
	struct ioasid_fuzz_run run;
	struct ioasid_fuzz_op *ops;
	long ret = 0;
	u32 i;

	if (cmd != IOASID_FUZZ_RUN)
		return -ENOTTY;
	if (copy_from_user(&run, (void __user *)arg, sizeof(run)))
		return -EFAULT;
	if (run.nr > FUZZ_MAX_OPS || run.flags & ~(FUZZ_RESET | FUZZ_CHECK))
		return -EINVAL;
	ops = memdup_array_user(u64_to_user_ptr(run.ops), run.nr, sizeof(*ops));
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	scoped_guard(mutex, &file->lock) {
		for (i = 0; i < run.nr && !fatal_signal_pending(current); i++)
			ops[i].ret = run_one(file, &ops[i]);
		if (run.flags & FUZZ_RESET)
			give_up(file);
		if (run.flags & FUZZ_CHECK && atomic_read(&files) == 1) {
			cancel_rest();
			if (!is_whole())
				ret = -EUCLEAN;
		}
	}
	if (copy_to_user(u64_to_user_ptr(run.ops), ops, array_size(run.nr, sizeof(*ops))))
		ret = -EFAULT;
	kfree(ops);
	return ret;
}

static int fuzz_open(struct inode *inode, struct file *filp)
{
	struct fuzz_file *file = kvzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	fuzz_handlers_init(file);
	filp->private_data = file;
	atomic_inc(&files);
	return 0;
}

static int fuzz_release(struct inode *inode, struct file *filp)
{
	struct fuzz_file *file = filp->private_data;

	give_up(file);
	if (atomic_dec_and_test(&files))
		cancel_rest();
	kvfree(file);
	return 0;
}

static const struct file_operations fuzz_ops = {
	.owner = THIS_MODULE,
	.open = fuzz_open,
	.release = fuzz_release,
	.unlocked_ioctl = fuzz_ioctl,
};

static struct miscdevice fuzz_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ioasid_fuzz",
	.fops = &fuzz_ops,
	.mode = 0600,
};

static int __init fuzz_init(void)
{
	int err = fuzz_allocators_init();

	if (!err)
		err = misc_register(&fuzz_device);
	if (err) {
		fuzz_allocators_exit();
		return err;
	}
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	return 0;
}
module_init(fuzz_init);

static void __exit fuzz_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	misc_deregister(&fuzz_device);
	fuzz_bug(!is_whole(), "numbers have been lost");
	fuzz_allocators_exit();
}
module_exit(fuzz_exit);

MODULE_DESCRIPTION("IOASID: a device for the fuzzer");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
