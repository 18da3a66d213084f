/* SPDX-License-Identifier: GPL-2.0 */
/* Runs a function in the contexts from which the interface may be called. */
#ifndef IOASID_TESTS_CONTEXT_H
#define IOASID_TESTS_CONTEXT_H

#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

struct errand {
	void (*run)(void *data);
	void *data;
};

/* Locks of a driver, taken in hard IRQ as well: nothing that is taken inside may need IRQs on. */
static DEFINE_SPINLOCK(driver_lock);
static DEFINE_RAW_SPINLOCK(driver_raw_lock);

static inline void in_process(struct errand *errand)
{
	errand->run(errand->data);
}

static inline void under_rcu(struct errand *errand)
{
	rcu_read_lock();
	errand->run(errand->data);
	rcu_read_unlock();
}

static inline void preempt_off(struct errand *errand)
{
	preempt_disable();
	errand->run(errand->data);
	preempt_enable();
}

static inline void bh_off(struct errand *errand)
{
	local_bh_disable();
	errand->run(errand->data);
	local_bh_enable();
}

static inline void irqs_off(struct errand *errand)
{
	unsigned long flags;

	local_irq_save(flags);
	errand->run(errand->data);
	local_irq_restore(flags);
}

static inline void under_spinlock(struct errand *errand)
{
	unsigned long flags;

	spin_lock_irqsave(&driver_lock, flags);
	errand->run(errand->data);
	spin_unlock_irqrestore(&driver_lock, flags);
}

static inline void under_raw_spinlock(struct errand *errand)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&driver_raw_lock, flags);
	errand->run(errand->data);
	raw_spin_unlock_irqrestore(&driver_raw_lock, flags);
}

/* What a mutex of the scheduler's is like: PREEMPT_RT spins, and interrupts are on. */
static inline void under_raw_spinlock_irqs_on(struct errand *errand)
{
	static DEFINE_RAW_SPINLOCK(lock);

	raw_spin_lock(&lock);
	errand->run(errand->data);
	raw_spin_unlock(&lock);
}

static inline void run_errand(void *data)
{
	struct errand *errand = data;

	errand->run(errand->data);
}

/* From another CPU where there is one. */
static inline void in_ipi(struct errand *errand)
{
	int cpu;

	migrate_disable();
	cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
	if (cpu >= nr_cpu_ids)
		cpu = smp_processor_id();
	smp_call_function_single(cpu, run_errand, errand, true);
	migrate_enable();
}

struct timer_errand {
	struct timer_list timer;
	struct completion done;
	struct errand *errand;
	bool in_context;
};

static inline void timer_errand_fn(struct timer_list *timer)
{
	struct timer_errand *timed = container_of(timer, struct timer_errand, timer);

	timed->in_context = in_softirq() && !irqs_disabled();
	timed->errand->run(timed->errand->data);
	complete(&timed->done);
}

static inline void in_timer(struct errand *errand)
{
	struct timer_errand timed = { .errand = errand };

	init_completion(&timed.done);
	timer_setup_on_stack(&timed.timer, timer_errand_fn, 0);
	mod_timer(&timed.timer, jiffies + 1);
	wait_for_completion(&timed.done);
	timer_delete_sync(&timed.timer);
	timer_destroy_on_stack(&timed.timer);
	WARN_ON(!timed.in_context);
}

struct irq_errand {
	struct irq_work work;
	struct completion done;
	struct errand *errand;
	bool in_context;
};

static inline void irq_errand_fn(struct irq_work *work)
{
	struct irq_errand *interrupt = container_of(work, struct irq_errand, work);
	unsigned long flags;

	interrupt->in_context = in_hardirq();
	raw_spin_lock_irqsave(&driver_raw_lock, flags);
	raw_spin_unlock_irqrestore(&driver_raw_lock, flags);
	interrupt->errand->run(interrupt->errand->data);
	complete(&interrupt->done);
}

/* What PREEMPT_RT runs in a thread. */
static inline void soft_irq_errand_fn(struct irq_work *work)
{
	unsigned long flags;

	spin_lock_irqsave(&driver_lock, flags);
	spin_unlock_irqrestore(&driver_lock, flags);
	irq_errand_fn(work);
}

static inline void in_irq_work(struct errand *errand, struct irq_errand *interrupt)
{
	interrupt->errand = errand;
	init_completion(&interrupt->done);
	irq_work_queue(&interrupt->work);
	wait_for_completion(&interrupt->done);
	irq_work_sync(&interrupt->work);
}

static inline void in_irq_handler(struct errand *errand)
{
	struct irq_errand interrupt = { .work = IRQ_WORK_INIT(soft_irq_errand_fn) };

	in_irq_work(errand, &interrupt);
	WARN_ON(!interrupt.in_context && !IS_ENABLED(CONFIG_PREEMPT_RT));
}

static inline void in_hard_irq(struct errand *errand)
{
	struct irq_errand interrupt = { .work = IRQ_WORK_INIT_HARD(irq_errand_fn) };

	in_irq_work(errand, &interrupt);
	WARN_ON(!interrupt.in_context);
}

struct context {
	const char *name;
	void (*enter)(struct errand *errand);
	/* Whether reclaim may not be done on the spot. */
	bool deferred;
};

static const struct context contexts[] = {
	{ "process", in_process, false },
	{ "rcu_read_lock", under_rcu, false },
	{ "preempt_disable", preempt_off, false },
	{ "local_bh_disable", bh_off, false },
	{ "softirq", in_timer, false },
	{ "local_irq_disable", irqs_off, true },
	{ "spin_lock_irqsave", under_spinlock, true },
	{ "raw_spin_lock", under_raw_spinlock_irqs_on, false },
	{ "raw_spin_lock_irqsave", under_raw_spinlock, true },
	{ "ipi", in_ipi, true },
	{ "irq_handler", in_irq_handler, true },
	{ "hardirq", in_hard_irq, true },
};

KUNIT_ARRAY_PARAM_DESC(contexts, contexts, name)

static inline const struct context *context_of(struct kunit *test)
{
	return test->param_value;
}

static inline void run_in(const struct context *context, void (*run)(void *data), void *data)
{
	struct errand errand = { .run = run, .data = data };

	context->enter(&errand);
}

#endif /* IOASID_TESTS_CONTEXT_H */
