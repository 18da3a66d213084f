// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's IDA: numbers only, nothing to find, nothing to hold.
 */
#include <linux/idr.h>
#include "bench.h"

static DEFINE_IDA(ida);

static u32 bench_ida_alloc(void)
{
	int id = ida_alloc_range(&ida, BENCH_MIN, BENCH_MAX, GFP_KERNEL);

	return id < 0 ? 0 : id;
}

static void bench_ida_free(u32 id)
{
	ida_free(&ida, id);
}

static void bench_ida_stop(void)
{
	ida_destroy(&ida);
}

const struct bench_impl bench_ida = {
	.name = "ida",
	.stop = bench_ida_stop,
	.alloc = bench_ida_alloc,
	.free = bench_ida_free,
};
