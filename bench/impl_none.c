// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing: what is measured for it is the loop, and is subtracted from the others.
 */
#include "bench.h"

static u32 none_alloc(void)
{
	return BENCH_MIN;
}

static void none_free(u32 id)
{
}

static void *none_find(u32 id)
{
	return &bench_private;
}

static void none_getput(u32 id)
{
}

const struct bench_impl bench_none = {
	.name = "none",
	.alloc = none_alloc,
	.free = none_free,
	.find = none_find,
	.getput = none_getput,
};
