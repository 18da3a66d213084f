// SPDX-License-Identifier: GPL-2.0
/*
 * Custom allocators that answer as the fuzzer wants. Those that do not lie remember what they have
 * named: no number may come back that is not out.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/random.h>
#include <linux/vmalloc.h>

#include "ioasid_fuzz_dev.h"

#define NUMBERS		BIT(20)
#define GROUPS		4

/* Allocators with the same callbacks. */
struct group {
	unsigned long *named;
	/* Somebody in it has lied since it was first registered: what comes back tells nothing. */
	bool lies;
	unsigned int live;
};

struct allocator {
	struct ioasid_allocator_ops ops;
	struct group *group;
	struct fuzz_file *file;
	bool live;
	u32 answer;
};

static struct group groups[GROUPS];
static struct allocator allocators[FUZZ_ALLOCATORS];
static DEFINE_MUTEX(lock);

static ioasid_t pick(struct group *group, ioasid_t min, ioasid_t max, bool low)
{
	unsigned long at;

	for (;;) {
		if (low) {
			at = find_next_zero_bit(group->named, max + 1, min);
		} else {
			for (at = max; at >= min && test_bit(at, group->named); at--)
				cpu_relax();
			if (at < min)
				at = max + 1;
		}
		if (at > max)
			return INVALID_IOASID;
		if (!test_and_set_bit(at, group->named))
			return at;
	}
}

static ioasid_t answer_alloc(ioasid_t min, ioasid_t max, void *data)
{
	struct allocator *allocator = data;
	struct group *group = allocator->group;
	u32 answer = READ_ONCE(allocator->answer);

	fuzz_bug(!READ_ONCE(allocator->live), "an allocator is asked that is not registered");
	fuzz_bug(min < 1 || min > max || max >= NUMBERS, "an allocator is asked for nothing");
	might_sleep();
	if (answer >= FUZZ_SAY_ZERO)
		WRITE_ONCE(group->lies, true);
	switch (answer) {
	case FUZZ_SAY_HIGHEST:
		return pick(group, min, max, false);
	case FUZZ_SAY_INVALID:
		return INVALID_IOASID;
	case FUZZ_SAY_ERRNO:
		return -ENOSPC;
	case FUZZ_SAY_LATE:
		usleep_range(200, 2000);
		break;
	case FUZZ_SAY_BUSILY:
		if (!ioasid_get(NULL, min)) {
			ioasid_find(NULL, min, fuzz_getter);
			ioasid_put(NULL, min);
		}
		break;
	case FUZZ_SAY_ZERO:
		return 0;
	case FUZZ_SAY_BELOW:
		return min - 1;
	case FUZZ_SAY_ABOVE:
		return max + 1;
	case FUZZ_SAY_TWICE:
		return min;
	case FUZZ_SAY_GARBAGE:
		return get_random_u32();
	case FUZZ_SAY_CAPACITY:
		return NUMBERS;
	case FUZZ_SAY_SIGN:
		return BIT(31);
	default:
		break;
	}
	return pick(group, min, max, true);
}

static void answer_free(ioasid_t id, void *data)
{
	struct allocator *allocator = data;
	struct group *group = allocator->group;

	fuzz_bug(!READ_ONCE(allocator->live), "a number is given to an allocator that has gone");
	might_sleep();
	if (id >= NUMBERS) {
		fuzz_bug(!READ_ONCE(group->lies), "a number is given back that is none");
		return;
	}
	fuzz_bug(!test_and_clear_bit(id, group->named) && !READ_ONCE(group->lies),
		 "a number is given back twice");
}

/* Allocators are told apart by their callbacks. */
#define CALLBACKS(n)								\
static ioasid_t alloc_##n(ioasid_t min, ioasid_t max, void *data)		\
{										\
	return answer_alloc(min, max, data);					\
}										\
static void free_##n(ioasid_t id, void *data)					\
{										\
	answer_free(id, data);							\
}

CALLBACKS(0)
CALLBACKS(1)
CALLBACKS(2)
CALLBACKS(3)

static const struct ioasid_allocator_ops callbacks[GROUPS] = {
	{ alloc_0, free_0 }, { alloc_1, free_1 }, { alloc_2, free_2 }, { alloc_3, free_3 },
};

static const unsigned int group_of[FUZZ_ALLOCATORS] = { 0, 0, 1, 1, 2, 3 };

int fuzz_allocators_init(void)
{
	unsigned int i;

	for (i = 0; i < GROUPS; i++) {
		groups[i].named = bitmap_zalloc(NUMBERS, GFP_KERNEL);
		if (!groups[i].named)
			return -ENOMEM;
	}
	for (i = 0; i < FUZZ_ALLOCATORS; i++) {
		allocators[i].group = &groups[group_of[i]];
		allocators[i].ops = callbacks[group_of[i]];
		allocators[i].ops.pdata = &allocators[i];
	}
	return 0;
}

void fuzz_allocators_exit(void)
{
	unsigned int i;

	for (i = 0; i < GROUPS; i++)
		bitmap_free(groups[i].named);
}

int fuzz_register_allocator(struct fuzz_file *file, u32 at)
{
	struct allocator *allocator = &allocators[at % FUZZ_ALLOCATORS];
	struct group *group = allocator->group;
	int err;

	guard(mutex)(&lock);
	if (allocator->live) {
		err = ioasid_register_allocator(&allocator->ops);
		fuzz_bug(err != -EEXIST && err != -ENOMEM, "an allocator is registered twice");
		return err;
	}
	if (!group->live) {
		bitmap_zero(group->named, NUMBERS);
		group->lies = false;
	}
	WRITE_ONCE(allocator->live, true);
	err = ioasid_register_allocator(&allocator->ops);
	if (err) {
		WRITE_ONCE(allocator->live, false);
		return err;
	}
	group->live++;
	allocator->file = file;
	return 0;
}

void fuzz_unregister_allocator(struct fuzz_file *file, u32 at)
{
	struct allocator *allocator = &allocators[at % FUZZ_ALLOCATORS];

	guard(mutex)(&lock);
	if (allocator->live && allocator->file != file)
		return;
	ioasid_unregister_allocator(&allocator->ops);
	if (!allocator->live)
		return;
	allocator->file = NULL;
	allocator->group->live--;
	WRITE_ONCE(allocator->live, false);
}

void fuzz_leave_allocators(struct fuzz_file *file)
{
	u32 i;

	for (i = 0; i < FUZZ_ALLOCATORS; i++) {
		if (READ_ONCE(allocators[i].file) == file)
			fuzz_unregister_allocator(file, i);
	}
}

void fuzz_answer(u32 at, u32 answer)
{
	WRITE_ONCE(allocators[at % FUZZ_ALLOCATORS].answer, answer % FUZZ_ANSWERS);
}
