// SPDX-License-Identifier: GPL-2.0
/* Subscribers that do what the fuzzer wants when they are told. */
#include <linux/sched/task_stack.h>

#include "ioasid_fuzz_dev.h"

#define BOTH (IOASID_NOTIFY_ALL | IOASID_NOTIFY_SET)

/* Handlers that make events have handlers called: not deeper than this goes well. */
static bool is_deep(void)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);
	unsigned long bottom = (unsigned long)task_stack_page(current);

	return here < bottom + THREAD_SIZE / 2 || here >= bottom + THREAD_SIZE;
}

static void visit(ioasid_t id, void *data)
{
	if (!ioasid_get(NULL, id))
		ioasid_put(NULL, id);
}

/*
 * An UNBIND of the ID that a handler is told of comes after the pass: one that answers each by
 * another never comes to an end, which is its own mistake.
 */
#define MOST 32

static void act(struct fuzz_handler *handler, u32 does, unsigned long val,
		struct ioasid_nb_args *args)
{
	struct ioasid_set_usage usage;
	u32 other = READ_ONCE(handler->id);

	if (atomic_inc_return(&handler->acts) > MOST)
		return;

	if (does & FUZZ_DO_GET_PUT && !ioasid_get(NULL, args->id))
		ioasid_put(NULL, args->id);
	if (does & FUZZ_DO_PUT)
		ioasid_put(NULL, args->id);
	if (does & FUZZ_DO_FIND)
		ioasid_find(args->set, args->id, fuzz_getter);
	if (does & FUZZ_DO_QUEUE)
		ioasid_queue_work(&handler->work);
	if (does & FUZZ_DO_QUERY)
		fuzz_bug(ioasid_set_query(args->set, &usage) && val >= IOASID_NOTIFY_SET_ALLOC,
			 "a handler is told of a set that is not there");
	if (does & FUZZ_DO_FREE)
		ioasid_free(NULL, args->id);
	if (does & FUZZ_DO_FREE_OTHER)
		ioasid_free(NULL, other);
	if (does & FUZZ_DO_ATTACH)
		ioasid_attach_spid(other, args->id);
	if (does & FUZZ_DO_DETACH)
		ioasid_detach_spid(other);
	if (does & FUZZ_DO_BIND)
		ioasid_notify(other, IOASID_NOTIFY_BIND, BOTH);
	if (does & FUZZ_DO_UNBIND)
		ioasid_notify(args->id, IOASID_NOTIFY_UNBIND, BOTH);
	if (does & FUZZ_DO_EACH)
		ioasid_set_for_each_ioasid(args->set, visit, NULL);
	if (does & FUZZ_DO_FREE_ALL)
		ioasid_free_all_in_set(args->set);
	if (does & FUZZ_DO_DATA)
		ioasid_attach_data(args->id, FUZZ_DATA(other));
}

static int told(struct notifier_block *nb, unsigned long val, void *data)
{
	struct fuzz_handler *handler = container_of(nb, struct fuzz_handler, nb);
	struct ioasid_nb_args *args = data;
	u32 does = READ_ONCE(handler->does);

	fuzz_bug(!atomic_read(&handler->live), "somebody hears of an event who is not registered");
	fuzz_bug(in_hardirq() || irqs_disabled(), "a handler runs with interrupts off");
	switch (val) {
	case IOASID_NOTIFY_SET_ALLOC:
	case IOASID_NOTIFY_SET_FREE:
		fuzz_bug(args->id != INVALID_IOASID || args->spid != INVALID_IOASID || args->pdata,
			 "an event of a set has an ID");
		fuzz_bug(!args->set, "an event of a set has none");
		break;
	case IOASID_NOTIFY_ALLOC:
	case IOASID_NOTIFY_FREE:
	case IOASID_NOTIFY_BIND:
	case IOASID_NOTIFY_UNBIND:
		fuzz_bug(!args->id || args->id >= BIT(20), "an event has no ID");
		fuzz_bug(args->pdata && !fuzz_is_data(args->pdata), "an event has wrong data");
		fuzz_bug(ioasid_find(NULL, args->id, NULL) == ERR_PTR(-ENOENT),
			 "an event is of an ID that is not there");
		break;
	default:
		fuzz_bug(true, "there is no such event");
	}
	if (!is_deep())
		act(handler, does, val, args);
	if (does & FUZZ_DO_REFUSE)
		return notifier_from_errno(-EACCES);
	return does & FUZZ_DO_GARBAGE ? READ_ONCE(handler->id) : NOTIFY_OK;
}

static void work(struct work_struct *work)
{
	atomic_inc(&container_of(work, struct fuzz_handler, work)->worked);
}

void fuzz_handlers_init(struct fuzz_file *file)
{
	struct fuzz_handler *handler;

	for (handler = file->handlers; handler < file->handlers + FUZZ_HANDLERS; handler++) {
		handler->nb.notifier_call = told;
		INIT_WORK(&handler->work, work);
	}
}

static int subscribe(u32 verb, struct ioasid_set *set, struct mm_struct *mm,
		     struct notifier_block *nb)
{
	switch (verb) {
	case FUZZ_REGISTER_NOTIFIER:
		return ioasid_register_notifier(set, nb);
	case FUZZ_REGISTER_NOTIFIER_REPLAY:
		return ioasid_register_notifier_replay(set, nb);
	case FUZZ_REGISTER_NOTIFIER_MM:
		return ioasid_register_notifier_mm(mm, nb);
	default:
		return ioasid_register_notifier_mm_replay(mm, nb);
	}
}

static bool is_same(const struct fuzz_reg *a, const struct fuzz_reg *b)
{
	return a->set == b->set && a->mm == b->mm;
}

s64 fuzz_register(struct fuzz_file *file, u32 verb, u32 at, struct ioasid_set *set,
		  struct mm_struct *mm, int priority)
{
	struct fuzz_handler *handler = &file->handlers[at % FUZZ_HANDLERS];
	bool for_mm = verb == FUZZ_REGISTER_NOTIFIER_MM ||
		      verb == FUZZ_REGISTER_NOTIFIER_MM_REPLAY;
	struct fuzz_reg reg = { for_mm ? NULL : set, for_mm ? mm : NULL };
	bool known = false;
	unsigned int i;
	int err;

	for (i = 0; i < handler->nr_regs; i++)
		known |= is_same(&handler->regs[i], &reg);
	if (handler->nr_regs == FUZZ_MAX_REGS)
		return FUZZ_NOT_CALLED;
	if (!handler->nr_regs)
		handler->nb.priority = priority;
	atomic_inc(&handler->live);
	err = subscribe(verb, set, mm, &handler->nb);
	if (err) {
		atomic_dec(&handler->live);
		return err;
	}
	/* The handle of a set that has gone does not come back. */
	fuzz_bug(known, "a subscriber is registered twice");
	handler->regs[handler->nr_regs++] = reg;
	return 0;
}

s64 fuzz_unregister(struct fuzz_file *file, u32 verb, u32 at, struct ioasid_set *set,
		    struct mm_struct *mm)
{
	struct fuzz_handler *handler = &file->handlers[at % FUZZ_HANDLERS];
	bool for_mm = verb == FUZZ_UNREGISTER_NOTIFIER_MM;
	struct fuzz_reg reg = { for_mm ? NULL : set, for_mm ? mm : NULL };
	unsigned int i;

	if (for_mm)
		ioasid_unregister_notifier_mm(mm, &handler->nb);
	else
		ioasid_unregister_notifier(set, &handler->nb);
	for (i = 0; i < handler->nr_regs; i++) {
		if ((for_mm && !mm) || !is_same(&handler->regs[i], &reg))
			continue;
		handler->regs[i] = handler->regs[--handler->nr_regs];
		atomic_dec(&handler->live);
		break;
	}
	return FUZZ_DONE;
}

void fuzz_leave_handlers(struct fuzz_file *file)
{
	struct fuzz_handler *handler;

	for (handler = file->handlers; handler < file->handlers + FUZZ_HANDLERS; handler++) {
		while (handler->nr_regs) {
			struct fuzz_reg reg = handler->regs[--handler->nr_regs];

			if (reg.mm)
				ioasid_unregister_notifier_mm(reg.mm, &handler->nb);
			else
				ioasid_unregister_notifier(reg.set, &handler->nb);
			atomic_dec(&handler->live);
		}
		cancel_work_sync(&handler->work);
		WRITE_ONCE(handler->does, 0);
	}
}
