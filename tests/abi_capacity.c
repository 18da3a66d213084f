// SPDX-License-Identifier: GPL-2.0
/* The size of the number space. Runs before any other suite: see the Makefile. */
#include <kunit/test.h>
#include <linux/ioasid.h>

#define PASID_NUMBERS BIT(20)

/* B-030, B-034: bad sizes are told from good ones that come too late, and change nothing. */
static void install_bad_size_is_refused(struct kunit *test)
{
	static const ioasid_t bad[] = { 0, 1, PASID_NUMBERS + 1, INT_MAX, INVALID_IOASID };
	ioasid_t before = ioasid_get_capacity();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, ioasid_install_capacity(bad[i]), -EINVAL, "%u", bad[i]);
	KUNIT_EXPECT_EQ(test, ioasid_get_capacity(), before);
}

/* B-012, B-031, B-032, B-034: the default is 20 bits; a smaller size is a limit from then on. */
static void install_before_first_id_limits_ids(struct kunit *test)
{
	const ioasid_t size = PASID_NUMBERS - 1;
	ioasid_t before = ioasid_get_capacity();
	ioasid_t id;
	int err;

	err = ioasid_install_capacity(size);
	if (err == -EBUSY)
		kunit_skip(test, "IDs have been allocated since the module was loaded");
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, before, PASID_NUMBERS);
	KUNIT_EXPECT_EQ(test, ioasid_get_capacity(), size);

	KUNIT_EXPECT_EQ(test, ioasid_install_capacity(size), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_install_capacity(PASID_NUMBERS), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_get_capacity(), size);

	KUNIT_EXPECT_EQ(test, -EINVAL, ioasid_alloc_range(NULL, 1, size, IOASID_ALLOC_LOWEST,
							  NULL, &id));
	KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
	KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(NULL, 1, size - 1, IOASID_ALLOC_TOP_DOWN,
						    NULL, &id));
	KUNIT_EXPECT_EQ(test, id, size - 1);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

/* B-034: too late is -EBUSY, even for the size that is set already. */
static void install_after_use_is_busy(struct kunit *test)
{
	ioasid_t before = ioasid_get_capacity();
	ioasid_t id = ioasid_alloc(NULL, 1, 100, NULL);

	KUNIT_EXPECT_NE(test, id, INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, ioasid_install_capacity(PASID_NUMBERS / 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_install_capacity(before), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
	KUNIT_EXPECT_EQ(test, ioasid_install_capacity(PASID_NUMBERS / 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_get_capacity(), before);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(install_bad_size_is_refused),
	KUNIT_CASE(install_before_first_id_limits_ids),
	KUNIT_CASE(install_after_use_is_busy),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_abi_capacity",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: tests of the C interface");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
