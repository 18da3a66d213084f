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

static void *ours_make_set(unsigned int numbers)
{
	struct ioasid_set *set = ioasid_alloc_set(NULL, numbers, IOASID_SET_TYPE_NULL);

	if (IS_ERR(set))
		return NULL;
	while (numbers--) {
		if (ioasid_alloc(set, BENCH_MIN, BENCH_MAX, &bench_private) == INVALID_IOASID) {
			ioasid_set_free(set);
			return NULL;
		}
	}
	return set;
}

static void ours_free_set(void *set)
{
	ioasid_set_free(set);
}

const struct bench_impl bench_ours = {
	.name = "ours",
	.alloc = ours_alloc,
	.free = ours_free,
	.find = ours_find,
	.getput = ours_getput,
	.make_set = ours_make_set,
	.free_set = ours_free_set,
};
