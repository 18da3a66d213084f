/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOASID_COVERAGE_SEEN_H
#define IOASID_COVERAGE_SEEN_H

#include <linux/types.h>

/* The code of ioasid.ko lies as far from its __sanitizer_cov_trace_pc(), at most. */
#define COVERAGE_REACH (2L << 20)

/* A byte for each address, by its distance. */
extern u8 ioasid_coverage_seen[2 * COVERAGE_REACH];

void __sanitizer_cov_trace_pc(void);

#endif /* IOASID_COVERAGE_SEEN_H */
