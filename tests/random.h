/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that are the same in each run with the same seed. */
#ifndef IOASID_TESTS_RANDOM_H
#define IOASID_TESTS_RANDOM_H

#include <linux/prandom.h>

static inline u32 below(struct rnd_state *rnd, u32 limit)
{
	return prandom_u32_state(rnd) % limit;
}

#endif /* IOASID_TESTS_RANDOM_H */
