// SPDX-License-Identifier: GPL-2.0
/* Wrong owners, unknown IDs, too many puts, names. */
#include "common.h"
#include "log.h"
#include "prototypes.h"

/* B-237, B-238: every prototype has its function, of the type that the stub has. */
static void every_function_exists(struct kunit *test)
{
	void * const *function = (void * const *)&interface;
	size_t i;

	for (i = 0; i < sizeof(interface) / sizeof(*function); i++)
		KUNIT_EXPECT_NOT_NULL(test, function[i]);
}

static bool getter_called;

static bool note_call(void *data)
{
	getter_called = true;
	return true;
}

/* B-074, B-076, B-077: somebody else's ID. The set that is named is not looked at. */
static void wrong_set_has_no_access(struct kunit *test)
{
	int data;
	ioasid_t id = must_alloc(test, 1, 9, &data);

	getter_called = false;
	KUNIT_EXPECT_EQ(test, ioasid_get(WRONG_SET, id), -EACCES);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(WRONG_SET, id, "thief"), -EACCES);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(WRONG_SET, id, note_call), ERR_PTR(-EACCES));
	KUNIT_EXPECT_FALSE(test, getter_called);
	KUNIT_EXPECT_EQ(test, ioasid_free(WRONG_SET, id), -EACCES);

	/* One reference, and the wrong set can neither add to it nor take it. */
	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put(WRONG_SET, id));
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(WRONG_SET, id, "thief"));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
}

/* B-074, B-076: existence before owner before state. */
static void wrong_set_of_pending_id_has_no_access(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_get(WRONG_SET, id), -EACCES);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(WRONG_SET, id, NULL), ERR_PTR(-EACCES));
	KUNIT_EXPECT_EQ(test, ioasid_free(WRONG_SET, id), -EACCES);
	KUNIT_EXPECT_FALSE(test, ioasid_put(WRONG_SET, id));
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));

	KUNIT_EXPECT_EQ(test, ioasid_get(WRONG_SET, id), -EINVAL);
	KUNIT_EXPECT_PTR_EQ(test, ioasid_find(WRONG_SET, id, NULL), ERR_PTR(-ENOENT));
	KUNIT_EXPECT_EQ(test, ioasid_free(WRONG_SET, id), -ENOENT);
}

/* B-074, B-083: numbers that are not there or cannot be. */
static void unknown_id_is_told(struct kunit *test)
{
	const ioasid_t capacity = ioasid_get_capacity();
	const ioasid_t unknown[] = {
		0, 1, 77, capacity - 1, capacity, capacity + 1, BIT(20), INT_MAX,
		(ioasid_t)INT_MAX + 1, INVALID_IOASID - 1, INVALID_IOASID,
	};
	size_t i;

	getter_called = false;
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		ioasid_t id = unknown[i];

		KUNIT_EXPECT_EQ_MSG(test, ioasid_get(NULL, id), -EINVAL, "ID %u", id);
		KUNIT_EXPECT_EQ_MSG(test, ioasid_get_named(NULL, id, "x"), -EINVAL, "ID %u", id);
		KUNIT_EXPECT_FALSE_MSG(test, ioasid_put(NULL, id), "ID %u", id);
		KUNIT_EXPECT_FALSE_MSG(test, ioasid_put_named(NULL, id, "x"), "ID %u", id);
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, note_call), ERR_PTR(-ENOENT));
		KUNIT_EXPECT_EQ_MSG(test, ioasid_free(NULL, id), -ENOENT, "ID %u", id);
	}
	KUNIT_EXPECT_FALSE(test, getter_called);
}

/* B-073, B-083, B-246: the message names who put too often, at a place he can look up. */
static void over_put_names_its_caller(struct kunit *test)
{
	struct log_watch *watch = log_listen(test);
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	char number[16], module[64];

	scnprintf(number, sizeof(number), "ID %u", id);
	scnprintf(module, sizeof(module), "[%s]", KBUILD_MODNAME);
	/* Other cases may have used up what may be said. */
	KUNIT_EXPECT_TRUE(test, eventually(!ioasid_put(NULL, id) && log_lines(watch)));
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, number), "%s", watch->last);
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, module), "%s", watch->last);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-083: a bool cannot tell what a put had to do with. */
static void put_of_unknown_names_its_caller(struct kunit *test)
{
	struct log_watch *watch = log_listen(test);
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_TRUE(test, eventually(!ioasid_put(NULL, 77) && log_lines(watch)));
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, "ID 77"), "%s", watch->last);
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, KBUILD_MODNAME), "%s", watch->last);
	watch->lines = 0;
	KUNIT_EXPECT_TRUE(test, eventually(!ioasid_put(WRONG_SET, id) && log_lines(watch)));
	KUNIT_EXPECT_TRUE_MSG(test, log_tells(watch, "another set"), "%s", watch->last);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-083, B-247: nobody can flood the log. */
static void messages_are_limited(struct kunit *test)
{
	struct log_watch *watch = log_listen(test);
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	ioasid_t none;
	int i;

	for (i = 0; i < 300; i++) {
		ioasid_put(NULL, id);
		ioasid_put(NULL, 77);
		ioasid_put(WRONG_SET, id);
		ioasid_free(NULL, 77);
		ioasid_free(WRONG_SET, id);
		ioasid_get(NULL, 77);
		ioasid_alloc_range(NULL, 2, 1, IOASID_ALLOC_LOWEST, NULL, &none);
		ioasid_alloc_range(NULL, id, id, IOASID_ALLOC_LOWEST, NULL, &none);
		ioasid_register_allocator(NULL);
		ioasid_unregister_allocator(NULL);
	}
	KUNIT_EXPECT_LE(test, log_lines(watch), 20);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-247: what the return value tells is not also printed. */
static void refusals_are_silent(struct kunit *test)
{
	struct log_watch *watch = log_listen(test);
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	ioasid_t none;

	/* The limit of the other cases is over. */
	msleep(5100);
	watch->lines = 0;
	ioasid_alloc_range(NULL, 2, 1, IOASID_ALLOC_LOWEST, NULL, &none);
	ioasid_alloc_range(NULL, id, id, IOASID_ALLOC_LOWEST, NULL, &none);
	ioasid_get(NULL, 77);
	ioasid_get(WRONG_SET, id);
	ioasid_find(NULL, 77, NULL);
	ioasid_find(WRONG_SET, id, NULL);
	ioasid_install_capacity(0);
	ioasid_register_allocator(NULL);
	KUNIT_EXPECT_EQ_MSG(test, log_lines(watch), 0, "%s", watch->last);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-096: a named reference is a reference. */
static void named_reference_holds_id(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "iommu"), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "iommu"), 0);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "kvm"), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, "iommu"));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "iommu"), -EBUSY);
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, "kvm"));
	KUNIT_EXPECT_TRUE(test, ioasid_put_named(NULL, id, "iommu"));
	KUNIT_EXPECT_TRUE(test, is_unknown(id));
}

/* B-096: what is not a name, or too much of one. */
static void odd_names_are_accepted(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	char *longest = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);
	const char * const odd[] = { NULL, "", "\xff\xfe%s%n", "thirty-one characters, no more.",
			      "thirty-two characters, one more.", longest };
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, longest);
	memset(longest, 'n', PAGE_SIZE);
	longest[PAGE_SIZE - 1] = '\0';
	for (i = 0; i < ARRAY_SIZE(odd); i++)
		KUNIT_EXPECT_EQ_MSG(test, ioasid_get_named(NULL, id, odd[i]), 0, "name %zu", i);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	for (i = 0; i < ARRAY_SIZE(odd) - 1; i++)
		KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, odd[i]));
	KUNIT_EXPECT_TRUE(test, ioasid_put_named(NULL, id, odd[i]));
}

/* B-096: names are copied, so the caller's may go away, and they go with the ID. */
static void name_is_copied(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	char *name = kstrdup("short-lived", GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, name);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, name), 0);
	kfree(name);
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "short-lived"), 0);
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, "short-lived"));
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	/* Forgotten names are a leak for kmemleak to see. */
	KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
}

/* B-073, B-096: too many puts are told whatever the name. */
static void over_put_by_name_changes_nothing(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);

	KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, "nobody"));
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, NULL));
	KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "holder"), 0);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
	KUNIT_EXPECT_TRUE(test, ioasid_put_named(NULL, id, "holder"));
	KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, "holder"));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_function_exists),
	KUNIT_CASE(wrong_set_has_no_access),
	KUNIT_CASE(wrong_set_of_pending_id_has_no_access),
	KUNIT_CASE(unknown_id_is_told),
	KUNIT_CASE(over_put_names_its_caller),
	KUNIT_CASE_SLOW(put_of_unknown_names_its_caller),
	KUNIT_CASE(messages_are_limited),
	KUNIT_CASE_SLOW(refusals_are_silent),
	KUNIT_CASE(named_reference_holds_id),
	KUNIT_CASE(odd_names_are_accepted),
	KUNIT_CASE(name_is_copied),
	KUNIT_CASE(over_put_by_name_changes_nothing),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_abi_errors",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
