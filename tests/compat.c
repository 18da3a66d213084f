// SPDX-License-Identifier: GPL-2.0
/* Client code of Linux 5.5 to 6.3, in the shapes in which it was written. */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/ioasid.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/poison.h>
#include <linux/slab.h>

#define PASID_MIN 1
#define PASID_MAX 0x8000

static DECLARE_IOASID_SET(client_set);
static DECLARE_IOASID_SET(other_set);

static bool gone(ioasid_t pasid)
{
	unsigned long give_up = jiffies + 10 * HZ;

	while (ioasid_find(NULL, pasid, NULL) != ERR_PTR(-ENOENT)) {
		if (time_after(jiffies, give_up))
			return false;
		usleep_range(1000, 2000);
	}
	return true;
}

/* Whether its number can be had again, which is a moment later where a worker gives it back. */
static bool is_back(ioasid_t pasid)
{
	unsigned long give_up = jiffies + 10 * HZ;

	while (ioasid_alloc(NULL, pasid, pasid, NULL) != pasid) {
		if (time_after(jiffies, give_up))
			return false;
		usleep_range(1000, 2000);
	}
	ioasid_free(pasid);
	return true;
}

static int no_leftovers(struct kunit *test)
{
	ioasid_t pasid = ioasid_alloc(NULL, PASID_MIN, PASID_MAX - 1, NULL);

	KUNIT_EXPECT_EQ_MSG(test, pasid, PASID_MIN, "somebody else has IDs, or an allocator");
	ioasid_free(pasid);
	KUNIT_EXPECT_TRUE(test, gone(pasid));
	return 0;
}

static void check_leftovers(struct kunit *test)
{
	no_leftovers(test);
}

/* 5.5 to 5.10 and 5.18 to 6.3: one owner. B-081 does not apply: free tells nothing. */
static void free_gives_number_back(struct kunit *test)
{
	int data;
	ioasid_t pasid = ioasid_alloc(&client_set, PASID_MIN, PASID_MAX - 1, &data);

	KUNIT_ASSERT_TRUE(test, pasid_valid(pasid));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, pasid, NULL), &data);
	ioasid_free(pasid);
	KUNIT_EXPECT_TRUE(test, gone(pasid));
	KUNIT_EXPECT_EQ(test, ioasid_alloc(NULL, PASID_MIN, PASID_MAX - 1, NULL), pasid);
	ioasid_free(pasid);
	/* Printed an error in 5.5, no more. */
	ioasid_free(pasid);
	ioasid_free(0);
	ioasid_free(INVALID_IOASID);
}

/* B-073, B-082. 5.11 to 5.17: alloc counts one, and there is no free. */
static void last_put_frees(struct kunit *test)
{
	ioasid_t pasid = ioasid_alloc(&client_set, PASID_MIN, PASID_MAX - 1, &client_set);

	KUNIT_ASSERT_TRUE(test, pasid_valid(pasid));
	ioasid_get(pasid);
	ioasid_get(pasid);
	KUNIT_EXPECT_FALSE(test, ioasid_put(pasid));
	KUNIT_EXPECT_FALSE(test, ioasid_put(pasid));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, pasid, NULL), &client_set);
	/* Used again before it was given up: it can still be had. */
	ioasid_get(pasid);
	KUNIT_EXPECT_FALSE(test, ioasid_put(pasid));
	KUNIT_EXPECT_TRUE(test, ioasid_put(pasid));
	KUNIT_EXPECT_TRUE(test, gone(pasid));
	KUNIT_EXPECT_FALSE(test, ioasid_put(pasid));
	KUNIT_EXPECT_FALSE(test, ioasid_put(INVALID_IOASID));
}

/* B-083: get of what is not there was a WARN and brings nothing to life. */
static void get_of_unknown_is_harmless(struct kunit *test)
{
	ioasid_get(777);
	ioasid_get(0);
	ioasid_get(INVALID_IOASID);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, 777, NULL), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_FALSE(test, ioasid_put(777));
}

/* B-076: the static set of the client is an owner by its address. */
static void static_sets_are_told_apart(struct kunit *test)
{
	int one, two;
	ioasid_t mine = ioasid_alloc(&client_set, PASID_MIN, PASID_MAX - 1, &one);
	ioasid_t yours = ioasid_alloc(&other_set, PASID_MIN, PASID_MAX - 1, &two);
	ioasid_t nobodys = ioasid_alloc(NULL, PASID_MIN, PASID_MAX - 1, NULL);

	KUNIT_EXPECT_NE(test, mine, yours);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, mine, NULL), &one);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&other_set, yours, NULL), &two);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&other_set, mine, NULL), ERR_PTR(-EACCES));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, yours, NULL), ERR_PTR(-EACCES));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, nobodys, NULL), ERR_PTR(-EACCES));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, mine, NULL), &one);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, yours, NULL), &two);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, nobodys, NULL), NULL);
	ioasid_free(mine);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&other_set, yours, NULL), &two);
	/* The set lives on without IDs, and takes new ones. */
	mine = ioasid_alloc(&client_set, PASID_MIN, PASID_MAX - 1, &one);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, mine, NULL), &one);
	ioasid_free(mine);
	ioasid_free(yours);
	ioasid_free(nobodys);
}

/* B-076, B-161: it is an address, nothing to look at. */
static void static_set_is_not_dereferenced(struct kunit *test)
{
	struct ioasid_set *set = (struct ioasid_set *)LIST_POISON1;
	ioasid_t pasid = ioasid_alloc(set, PASID_MIN, PASID_MAX - 1, set);

	KUNIT_ASSERT_TRUE(test, pasid_valid(pasid));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, pasid, NULL), (void *)set);
	KUNIT_EXPECT_EQ(test, ioasid_set_data(pasid, NULL), 0);
	ioasid_get(pasid);
	ioasid_put(pasid);
	ioasid_free(pasid);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(set, pasid, NULL), ERR_PTR(-ENOENT));
}

/* B-166: as guest PASIDs were bound: found empty, filled, emptied. */
static void set_data_replaces_data(struct kunit *test)
{
	int *old = kmalloc_obj(*old, GFP_KERNEL);
	int *new = kmalloc_obj(*new, GFP_KERNEL);
	ioasid_t pasid = ioasid_alloc(&client_set, PASID_MIN, PASID_MAX - 1, NULL);

	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, pasid, NULL), NULL);
	KUNIT_EXPECT_EQ(test, ioasid_set_data(pasid, old), 0);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, pasid, NULL), (void *)old);
	KUNIT_EXPECT_EQ(test, ioasid_set_data(pasid, new), 0);
	kfree(old);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, pasid, NULL), (void *)new);
	KUNIT_EXPECT_EQ(test, ioasid_set_data(pasid, NULL), 0);
	kfree(new);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, pasid, NULL), NULL);
	ioasid_free(pasid);
	KUNIT_EXPECT_EQ(test, ioasid_set_data(pasid, &client_set), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_set_data(0, &client_set), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_set_data(INVALID_IOASID, &client_set), -ENOENT);
}

static bool count_and_grant(void *data)
{
	++*(int *)data;
	return true;
}

static bool count_and_refuse(void *data)
{
	++*(int *)data;
	return false;
}

/* B-167: as iommu_sva_find() did with mmget_not_zero(). */
static void find_asks_getter(struct kunit *test)
{
	int calls = 0;
	ioasid_t pasid = ioasid_alloc(&client_set, PASID_MIN, PASID_MAX - 1, &calls);

	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, pasid, count_and_grant), &calls);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, pasid, count_and_refuse), NULL);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&other_set, pasid, count_and_grant),
			    ERR_PTR(-EACCES));
	KUNIT_EXPECT_EQ(test, calls, 2);
	ioasid_free(pasid);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, pasid, count_and_grant),
			    ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, calls, 2);
}

/* B-034: of use after free and double free in 6.1, and of the ranges around it. */
static void bad_range_gives_invalid_id(struct kunit *test)
{
	static const ioasid_t bad[][2] = {
		{ INVALID_IOASID, INVALID_IOASID }, { 1, INVALID_IOASID }, { 2, 1 }, { 0, 0 },
		{ 1 << 21, 1 << 22 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_FALSE(test, pasid_valid(ioasid_alloc(&client_set, bad[i][0], bad[i][1],
								  &client_set)));
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, INVALID_IOASID, NULL), ERR_PTR(-ENOENT));
	ioasid_free(INVALID_IOASID);
}

/* B-101: put and free from where mmu notifiers and the last mmdrop() called them. */
static void number_comes_back_with_irqs_off(struct kunit *test)
{
	ioasid_t freed = ioasid_alloc(&client_set, PASID_MIN, PASID_MAX - 1, NULL);
	ioasid_t put = ioasid_alloc(&client_set, PASID_MIN, PASID_MAX - 1, NULL);
	unsigned long flags;
	bool first, last;

	ioasid_get(put);
	local_irq_save(flags);
	ioasid_free(freed);
	ioasid_free(freed);
	first = ioasid_put(put);
	last = ioasid_put(put);
	local_irq_restore(flags);
	KUNIT_EXPECT_FALSE(test, first);
	KUNIT_EXPECT_TRUE(test, last);
	KUNIT_EXPECT_TRUE(test, gone(freed));
	KUNIT_EXPECT_TRUE(test, is_back(freed));
	KUNIT_EXPECT_TRUE(test, gone(put));
	KUNIT_EXPECT_TRUE(test, is_back(put));
}

struct vcmd {
	ioasid_t next;
	unsigned int allocs;
	unsigned int frees;
	ioasid_t freed;
};

static ioasid_t vcmd_alloc(ioasid_t min, ioasid_t max, void *data)
{
	struct vcmd *vcmd = data;

	vcmd->allocs++;
	return vcmd->next < min || vcmd->next > max ? INVALID_IOASID : vcmd->next++;
}

static void vcmd_free(ioasid_t ioasid, void *data)
{
	struct vcmd *vcmd = data;

	/* 6.1 refused here whatever could still be found: every number leaked. */
	if (ioasid_find(NULL, ioasid, NULL) != ERR_PTR(-ENOENT))
		return;
	vcmd->freed = ioasid;
	vcmd->frees++;
}

/* B-003, B-015, B-017, B-025, B-029: the only custom allocator there ever was. */
static void custom_allocator_works_as_before(struct kunit *test)
{
	struct vcmd vcmd = { .next = 500 };
	struct ioasid_allocator_ops ops = {
		.alloc = vcmd_alloc,
		.free = vcmd_free,
		.pdata = &vcmd,
	};
	struct ioasid_allocator_ops none = { .alloc = vcmd_alloc };
	ioasid_t pasid;

	/* Clients put the list head to no use, but may initialise it. */
	INIT_LIST_HEAD(&ops.list);
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&none), -EINVAL);

	pasid = ioasid_alloc(&client_set, PASID_MIN, PASID_MAX - 1, NULL);
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&ops), -EAGAIN);
	ioasid_free(pasid);

	if (ioasid_register_allocator(&ops)) {
		KUNIT_FAIL(test, "not registered");
		return;
	}
	KUNIT_EXPECT_EQ(test, ioasid_register_allocator(&ops), -EEXIST);
	pasid = ioasid_alloc(&client_set, PASID_MIN, PASID_MAX - 1, &vcmd);
	KUNIT_EXPECT_EQ(test, pasid, 500);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(&client_set, pasid, NULL), &vcmd);
	ioasid_free(pasid);
	ioasid_unregister_allocator(&ops);
	KUNIT_EXPECT_EQ(test, vcmd.allocs, 1);
	KUNIT_EXPECT_EQ(test, vcmd.frees, 1);
	KUNIT_EXPECT_EQ(test, vcmd.freed, 500);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(free_gives_number_back),
	KUNIT_CASE(last_put_frees),
	KUNIT_CASE(get_of_unknown_is_harmless),
	KUNIT_CASE(static_sets_are_told_apart),
	KUNIT_CASE(static_set_is_not_dereferenced),
	KUNIT_CASE(set_data_replaces_data),
	KUNIT_CASE(find_asks_getter),
	KUNIT_CASE(bad_range_gives_invalid_id),
	KUNIT_CASE(number_comes_back_with_irqs_off),
	KUNIT_CASE(custom_allocator_works_as_before),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_compat",
	.init = no_leftovers,
	.exit = check_leftovers,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests of the interface of Linux 5.5 to 6.3");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
