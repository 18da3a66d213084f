// SPDX-License-Identifier: GPL-2.0
/*
 * Which basic blocks of ioasid.ko have run, in any context. KCOV itself follows one task at a time,
 * and not into interrupts; so what the compiler calls in each block is not that of the kernel, but
 * this. In builds of "make coverage" only.
 */
#include <linux/compiler.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>

#include "seen.h"

u8 ioasid_coverage_seen[2 * COVERAGE_REACH];
EXPORT_SYMBOL_GPL(ioasid_coverage_seen);

void notrace __no_sanitize_address __no_sanitize_coverage __sanitizer_cov_trace_pc(void)
{
	long at = (long)_RET_IP_ - (long)__sanitizer_cov_trace_pc + COVERAGE_REACH;

	if (at >= 0 && at < 2 * COVERAGE_REACH)
		WRITE_ONCE(ioasid_coverage_seen[at], 1);
}
