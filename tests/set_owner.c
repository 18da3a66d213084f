// SPDX-License-Identifier: GPL-2.0
/* Whose an ID is: asked by number, for the process that names it. */
#include "sets.h"

/* B-042: the set comes with a reference. */
static void set_of_id_is_found(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0), *other = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL), others = must_alloc_in(test, other, NULL);
	ioasid_t kernels = must_alloc(test, 1, TEST_MAX, NULL);
	struct ioasid_set *found = ioasid_find_set(id);

	KUNIT_EXPECT_PTR_EQ(test, found, set);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
	KUNIT_EXPECT_FALSE(test, is_gone(set));
	ioasid_set_put(found);
	KUNIT_EXPECT_TRUE(test, eventually(is_gone(set)));

	KUNIT_EXPECT_EQ(test, find_set_error(id), -ENOENT);
	found = ioasid_find_set(others);
	KUNIT_EXPECT_PTR_EQ(test, found, other);
	ioasid_set_put(found);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find_set(kernels), NULL);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, kernels), 0);
	KUNIT_EXPECT_EQ(test, find_set_error(kernels), -ENOENT);
	KUNIT_EXPECT_EQ(test, find_set_error(0), -ENOENT);
	KUNIT_EXPECT_EQ(test, find_set_error(INVALID_IOASID), -ENOENT);
}

/* B-042, B-050: an ID that is freed still has a set, as long as that one is not freed itself. */
static void set_of_pending_id_is_found(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0), *found;
	ioasid_t id = must_alloc_in(test, set, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 1);
	found = ioasid_find_set(id);
	KUNIT_EXPECT_PTR_EQ(test, found, set);
	ioasid_set_put(found);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	KUNIT_EXPECT_EQ(test, find_set_error(id), -ENOENT);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
}

/* B-099, B-100: what a driver asks before it puts a process's number into hardware. */
static void owner_is_checked(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test), *other = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0), *null = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL), of_null = must_alloc_in(test, null, NULL);
	ioasid_t kernels = must_alloc(test, 1, TEST_MAX, NULL);

	must_set_of(test, other, 0);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(TEST_MAX, mm), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(0, mm), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(INVALID_IOASID, mm), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(of_null, mm), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(kernels, mm), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, other), -EPERM);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, NULL), -EPERM);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(of_null, NULL), -EPERM);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(kernels, NULL), -EPERM);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(TEST_MAX, NULL), -ENOENT);
	/* Compared only. */
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, LIST_POISON1), -EPERM);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, (void *)set), -EPERM);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, ERR_PTR(-1)), -EPERM);

	/* None of these has taken a reference, this one has. */
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, mm), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(set, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, mm), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, other), -EPERM);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, mm), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, of_null), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, kernels), 0);
}

/* B-075, B-100: no way around it when the set goes. */
static void owner_of_dying_set_gets_nothing(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	struct ioasid_set *set = must_set_of(test, mm, 0);
	ioasid_t id = must_alloc_in(test, set, NULL), new;

	KUNIT_EXPECT_EQ(test, ioasid_get(set, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 1);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, mm), -EBUSY);
	new = must_alloc_in(test, must_set_of(test, mm, 0), NULL);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(new, mm), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, new));
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(id, mm), -EBUSY);
	KUNIT_EXPECT_TRUE(test, ioasid_put(set, id));
}

/* B-099: current->mm may be NULL. */
static void kernel_thread_owns_nothing(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	ioasid_t id = must_alloc_in(test, must_set_of(test, mm, 0), NULL);

	KUNIT_ASSERT_NULL(test, current->mm);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned(id), -EPERM);
	KUNIT_EXPECT_EQ(test, ioasid_get_if_owned(TEST_MAX), -ENOENT);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* What the process that loads the module, or runs the suite through debugfs, was told. */
static struct {
	bool asked;
	int set_err;
	int own;
	int kernels;
	int unknown;
	int of_dying;
	int free;
	bool last;
	int set_free;
} process;

/* Cases run in kernel threads; this does not. */
static int ask_as_process(struct kunit_suite *suite)
{
	struct ioasid_set *set;
	ioasid_t id, kernels;

	memset(&process, 0, sizeof(process));
	if (!current->mm || current->flags & PF_KTHREAD)
		return 0;
	process.asked = true;
	set = ioasid_alloc_set(current->mm, 2, IOASID_SET_TYPE_MM);
	process.set_err = PTR_ERR_OR_ZERO(set);
	if (IS_ERR(set))
		return 0;
	id = ioasid_alloc(set, 1, TEST_MAX, NULL);
	kernels = ioasid_alloc(NULL, 1, TEST_MAX, NULL);
	process.own = ioasid_get_if_owned(id);
	process.kernels = ioasid_get_if_owned(kernels);
	process.unknown = ioasid_get_if_owned(TEST_MAX);
	process.set_free = ioasid_set_free(set);
	process.of_dying = ioasid_get_if_owned(id);
	process.last = ioasid_put(set, id);
	process.free = ioasid_free(NULL, kernels);
	return 0;
}

/* B-099, B-100: the mm that is asked for is the caller's own. */
static void process_owns_what_is_its_own(struct kunit *test)
{
	if (!process.asked)
		kunit_skip(test, "the suite was not started by a process");
	KUNIT_ASSERT_EQ(test, process.set_err, 0);
	KUNIT_EXPECT_EQ(test, process.own, 0);
	KUNIT_EXPECT_EQ(test, process.kernels, -EINVAL);
	KUNIT_EXPECT_EQ(test, process.unknown, -ENOENT);
	KUNIT_EXPECT_EQ(test, process.set_free, 1);
	KUNIT_EXPECT_EQ(test, process.of_dying, -EBUSY);
	KUNIT_EXPECT_TRUE(test, process.last);
	KUNIT_EXPECT_EQ(test, process.free, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(set_of_id_is_found),
	KUNIT_CASE(set_of_pending_id_is_found),
	KUNIT_CASE(owner_is_checked),
	KUNIT_CASE(owner_of_dying_set_gets_nothing),
	KUNIT_CASE(kernel_thread_owns_nothing),
	KUNIT_CASE(process_owns_what_is_its_own),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_owner",
	.suite_init = ask_as_process,
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
