// SPDX-License-Identifier: GPL-2.0
/*
 * How long the CPU was halted, and how often it was interrupted.
 *
 * With "-icount sleep=off" a halted machine's time jumps to the next interrupt. That jump is not
 * work, all else is: so time minus jumps is the number of instructions executed, by whomever. The
 * kernel's own accounting of idle time would do, but without IRQ_TIME_ACCOUNTING it takes
 * interrupts and softirqs of an idle CPU for idle, and RCU callbacks are run there.
 *
 * A jump begins at the tracepoint cpu_idle and ends at the first interrupt, or where the idle loop
 * goes on. One CPU, so plain variables do.
 */
#include <linux/ktime.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/pm_qos.h>
#include <trace/events/power.h>
#include <asm/tsc.h>
#include "bench.h"

static u64 idle_since, idle_time;
static unsigned long interrupts;

static void idle_ends(void)
{
	if (idle_since) {
		idle_time += rdtsc_ordered() - idle_since;
		idle_since = 0;
	}
}

static void on_cpu_idle(void *data, unsigned int state, unsigned int cpu)
{
	if (state == PWR_EVENT_EXIT)
		idle_ends();
	else
		idle_since = rdtsc_ordered();
}

static void on_timer(void *data, int vector)
{
	idle_ends();
	interrupts++;
}

static void on_device(void *data, int irq, struct irqaction *action)
{
	idle_ends();
	interrupts++;
}

/* Only ever raised by what is being measured: it does not disturb that. */
static void on_irq_work(void *data, int vector)
{
	idle_ends();
}

static struct {
	const char *name;
	void *probe;
	struct tracepoint *tp;
} probes[] = {
	{ "cpu_idle", on_cpu_idle },
	{ "local_timer_entry", on_timer },
	{ "irq_work_entry", on_irq_work },
	{ "irq_handler_entry", on_device },
};

static void look_at(struct tracepoint *tp, void *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(tp->name, probes[i].name))
			probes[i].tp = tp;
}

u64 bench_idle_time(void)
{
	return idle_time;
}

unsigned long bench_interrupts(void)
{
	return interrupts;
}

void bench_idle_stop(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (probes[i].tp)
			tracepoint_probe_unregister(probes[i].tp, probes[i].probe, NULL);
	tracepoint_synchronize_unregister();
}

int bench_idle_start(void)
{
	int i, ret;

	for_each_kernel_tracepoint(look_at, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!probes[i].tp) {
			pr_err("ioasid_bench: this kernel has no tracepoint %s\n", probes[i].name);
			ret = -ENOENT;
			goto undo;
		}
		ret = tracepoint_probe_register(probes[i].tp, probes[i].probe, NULL);
		if (ret)
			goto undo;
	}
	return 0;

undo:
	for (; i < ARRAY_SIZE(probes); i++)
		probes[i].tp = NULL;
	bench_idle_stop();
	return ret;
}
