/* SPDX-License-Identifier: GPL-2.0 */
/* The contexts where what takes a spinlock, or tells subscribers at once, may still be called. */
#ifndef IOASID_TESTS_SOFT_CONTEXTS_H
#define IOASID_TESTS_SOFT_CONTEXTS_H

#include "context.h"

static const struct context soft_contexts[] = {
	{ "process", in_process, false },
	{ "rcu_read_lock", under_rcu, false },
#ifndef CONFIG_PREEMPT_RT
	{ "preempt_disable", preempt_off, false },
#endif
	{ "local_bh_disable", bh_off, false },
	{ "softirq", in_timer, false },
};

KUNIT_ARRAY_PARAM_DESC(soft_contexts, soft_contexts, name)

#endif /* IOASID_TESTS_SOFT_CONTEXTS_H */
