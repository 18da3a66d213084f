// SPDX-License-Identifier: GPL-2.0
/*
 * The module of this repository, through its C interface.
 */
#include <linux/ioasid.h>
#include "bench.h"

static u32 ours_alloc(void)
{
	ioasid_t id = ioasid_alloc(NULL, BENCH_MIN, BENCH_MAX, &bench_private);

	return id == INVALID_IOASID ? 0 : id;
}

static void ours_free(u32 id)
{
	ioasid_free(NULL, id);
}

static void *ours_find(u32 id)
{
	return ioasid_find(NULL, id, NULL);
}

static void ours_getput(u32 id)
{
	ioasid_get(NULL, id);
	ioasid_put(NULL, id);
}

const struct bench_impl bench_ours = {
	.name = "ours",
	.alloc = ours_alloc,
	.free = ours_free,
	.find = ours_find,
	.getput = ours_getput,
	.more = bench_ours_more,
};
