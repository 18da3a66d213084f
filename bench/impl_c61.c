// SPDX-License-Identifier: GPL-2.0
/*
 * The C code of Linux 6.1, in a module of its own (c61.c). It has no get and put.
 */
#include <linux/kconfig.h>
#include <linux/list.h>
/* That of 6.1: see the Makefile. */
#include <linux/ioasid.h>
#include "bench.h"

static DECLARE_IOASID_SET(c61_set);

static u32 c61_alloc(void)
{
	ioasid_t id = ioasid_alloc(&c61_set, BENCH_MIN, BENCH_MAX, &bench_private);

	return id == INVALID_IOASID ? 0 : id;
}

static void c61_free(u32 id)
{
	ioasid_free(id);
}

static void *c61_find(u32 id)
{
	return ioasid_find(&c61_set, id, NULL);
}

const struct bench_impl bench_c61 = {
	.name = "c61",
	.alloc = c61_alloc,
	.free = c61_free,
	.find = c61_find,
};
