// SPDX-License-Identifier: GPL-2.0
/* Numbers at the edges of what they can be, for every call that takes one. */
#include "sets.h"

static const ioasid_t edges[] = {
	0, 1, 2, BIT(20) - 1, BIT(20), BIT(20) + 1, INT_MAX, BIT(31), INVALID_IOASID - 1,
	INVALID_IOASID,
};

#define END (edges + ARRAY_SIZE(edges))

/* Every pair of edges as a range, by every policy. */
static void range_at_the_edges(struct kunit *test)
{
	const ioasid_t capacity = ioasid_get_capacity();
	enum ioasid_alloc_policy policy;
	const ioasid_t *min, *max;

	for (min = edges; min < END; min++) {
		for (max = edges; max < END; max++) {
			bool good = *max && *min <= *max && *max < capacity;

			for (policy = 0; policy <= IOASID_ALLOC_TOP_DOWN; policy++) {
				ioasid_t id = 7;
				int err = ioasid_alloc_range(NULL, *min, *max, policy, NULL, &id);

				KUNIT_EXPECT_EQ_MSG(test, err, good ? 0 : -EINVAL, "%u to %u",
						    *min, *max);
				if (err) {
					KUNIT_EXPECT_EQ(test, id, INVALID_IOASID);
					continue;
				}
				KUNIT_EXPECT_TRUE_MSG(test, id >= max(*min, 1U) && id <= *max,
						      "%u of %u to %u", id, *min, *max);
				KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
			}
		}
	}
}

static void policy_at_the_edges(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	const ioasid_t *policy;

	for (policy = edges; policy < END; policy++) {
		bool good = *policy <= IOASID_ALLOC_TOP_DOWN;
		ioasid_t id;
		int err = ioasid_alloc_range(NULL, 1, TEST_MAX, *policy, NULL, &id);

		KUNIT_EXPECT_EQ_MSG(test, err, good ? 0 : -EINVAL, "policy %u", *policy);
		if (!err)
			ioasid_free(NULL, id);
		KUNIT_EXPECT_EQ_MSG(test, ioasid_set_policy(set, *policy), good ? 0 : -EINVAL,
				    "policy %u", *policy);
	}
}

/* With an ID there that they could be taken for. */
static void unknown_id_at_the_edges(struct kunit *test)
{
	const ioasid_t known = must_alloc(test, 5, 5, NULL);
	struct mm_struct *mm = must_mm(test);
	const ioasid_t *id;
	int data;

	for (id = edges; id < END; id++) {
		KUNIT_EXPECT_EQ(test, find_set_error(*id), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(*id, mm), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_get_if_owned_by(*id, NULL), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_get_if_owned(*id), -ENOENT);
		KUNIT_EXPECT_FALSE(test, ioasid_is_active(*id));
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(*id, 1), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(*id, INVALID_IOASID), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(*id), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(*id), INVALID_IOASID);
		KUNIT_EXPECT_EQ(test, ioasid_attach_data(*id, &data), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_attach_data(*id, NULL), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_detach_data(*id), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(*id, 0), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(*id, UINT_MAX), -ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_notify(*id, IOASID_NOTIFY_BIND, IOASID_NOTIFY_ALL),
				-ENOENT);
		KUNIT_EXPECT_EQ(test, ioasid_get(NULL, *id), -EINVAL);
		KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, *id, "x"), -EINVAL);
		KUNIT_EXPECT_FALSE(test, ioasid_put(NULL, *id));
		KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, *id, "x"));
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, *id, NULL), ERR_PTR(-ENOENT));
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, *id), -ENOENT);
	}
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, known), 0);
}

/* The lowest and the highest number are numbers as all others. */
static void known_id_at_the_edges(struct kunit *test)
{
	const ioasid_t ids[] = { 1, ioasid_get_capacity() - 1 };
	unsigned int i;
	int data;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		ioasid_t id = must_alloc(test, ids[i], ids[i], NULL);

		KUNIT_EXPECT_EQ(test, id, ids[i]);
		KUNIT_EXPECT_EQ(test, ioasid_get(NULL, id), 0);
		KUNIT_EXPECT_EQ(test, ioasid_get_named(NULL, id, "x"), 0);
		KUNIT_EXPECT_EQ(test, ioasid_attach_data(id, &data), 0);
		KUNIT_EXPECT_PTR_EQ(test, ioasid_find(NULL, id, NULL), (void *)&data);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, id), 0);
		KUNIT_EXPECT_TRUE(test, ioasid_is_active(id));
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), id);
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(NULL, id, false), id);
		KUNIT_EXPECT_EQ(test, ioasid_notify(id, IOASID_NOTIFY_BIND, IOASID_NOTIFY_ALL), 0);
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(id), 0);
		KUNIT_EXPECT_EQ(test, ioasid_detach_data(id), 0);
		KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 1);
		KUNIT_EXPECT_EQ(test, ioasid_wait_reclaimed(id, 0), -ETIMEDOUT);
		KUNIT_EXPECT_FALSE(test, ioasid_put_named(NULL, id, "x"));
		KUNIT_EXPECT_TRUE(test, ioasid_put(NULL, id));
	}
}

/* An SPID has 32 bits: it is the owner's, not the hardware's. */
static void spid_at_the_edges(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	ioasid_t id = must_alloc_in(test, set, NULL), other = must_alloc_in(test, set, NULL);
	const ioasid_t *spid;

	for (spid = edges; spid < END; spid++) {
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, *spid, false), INVALID_IOASID);
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, *spid, true), INVALID_IOASID);
		if (*spid == INVALID_IOASID) {
			KUNIT_EXPECT_EQ(test, ioasid_attach_spid(id, *spid), -EINVAL);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, ioasid_attach_spid(id, *spid), 0, "SPID %u", *spid);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(other, *spid), -EEXIST);
		KUNIT_EXPECT_EQ(test, ioasid_find_spid(id), *spid);
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, *spid, false), id);
		KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(set, *spid, true), id);
		KUNIT_EXPECT_FALSE(test, ioasid_put(set, id));
		KUNIT_EXPECT_EQ(test, ioasid_detach_spid(id), 0);
	}
}

static void quota_at_the_edges(struct kunit *test)
{
	struct ioasid_set *set = must_set(test, 0);
	const ioasid_t all = capacity_in_all();
	const ioasid_t *quota;

	for (quota = edges; quota < END; quota++) {
		struct ioasid_set *made = ioasid_alloc_set(NULL, *quota, IOASID_SET_TYPE_NULL);
		int expected = *quota > all ? -ENOSPC : 0;

		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(made), expected, "quota %u", *quota);
		if (!IS_ERR(made)) {
			KUNIT_EXPECT_EQ(test, capacity_left(), all - *quota);
			KUNIT_EXPECT_EQ(test, ioasid_set_free(made), 0);
			KUNIT_EXPECT_TRUE(test, capacity_returns());
		}
		KUNIT_EXPECT_EQ_MSG(test, ioasid_adjust_set(set, *quota), expected, "quota %u",
				    *quota);
		if (!expected)
			expect_usage(test, set, .quota = *quota);
		KUNIT_EXPECT_EQ(test, ioasid_adjust_set(set, 0), 0);
		KUNIT_EXPECT_EQ(test, capacity_left(), all);
	}
}

static void reservation_at_the_edges(struct kunit *test)
{
	const int all = capacity_in_all();
	const ioasid_t *nr;

	for (nr = edges; nr < END; nr++) {
		int expected = !*nr ? all : *nr <= all ? (int)*nr : -ENOSPC;
		int got = ioasid_reserve_capacity(*nr);

		KUNIT_EXPECT_EQ_MSG(test, got, expected, "%u numbers", *nr);
		if (got > 0) {
			KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(got + 1), -EINVAL);
			KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(INVALID_IOASID), -EINVAL);
			KUNIT_EXPECT_EQ(test, ioasid_cancel_capacity(got), all);
		}
		KUNIT_EXPECT_EQ_MSG(test, ioasid_cancel_capacity(*nr), *nr ? -EINVAL : all,
				    "%u numbers", *nr);
	}
}

static void capacity_at_the_edges(struct kunit *test)
{
	const ioasid_t *total;

	/* It was set, or used: what could be is refused for that. */
	ioasid_free(NULL, must_alloc(test, 1, 1, NULL));
	for (total = edges; total < END; total++) {
		bool good = *total >= 2 && *total <= BIT(20);

		KUNIT_EXPECT_EQ_MSG(test, ioasid_install_capacity(*total), good ? -EBUSY : -EINVAL,
				    "capacity %u", *total);
	}
}

static void set_type_at_the_edges(struct kunit *test)
{
	struct mm_struct *mm = must_mm(test);
	const ioasid_t *type;

	for (type = edges; type < END; type++) {
		struct ioasid_set *set;

		if (*type != IOASID_SET_TYPE_NULL)
			KUNIT_EXPECT_PTR_EQ_MSG(test, ioasid_alloc_set(NULL, 0, *type),
						ERR_PTR(-EINVAL), "type %u", *type);
		set = ioasid_alloc_set(mm, 0, *type);
		KUNIT_EXPECT_EQ_MSG(test, IS_ERR(set), *type != IOASID_SET_TYPE_MM, "type %u",
				    *type);
		if (!IS_ERR(set))
			KUNIT_EXPECT_EQ(test, ioasid_set_free(set), 0);
		else
			KUNIT_EXPECT_PTR_EQ(test, set, ERR_PTR(-EINVAL));
	}
}

static void event_at_the_edges(struct kunit *test)
{
	ioasid_t id = must_alloc(test, 1, 9, NULL);
	const ioasid_t *cmd, *flags;

	for (cmd = edges; cmd < END; cmd++) {
		for (flags = edges; flags < END; flags++) {
			KUNIT_EXPECT_EQ_MSG(test, ioasid_notify(id, *cmd, *flags), -EINVAL,
					    "event %u, flags %u", *cmd, *flags);
		}
	}
	for (unsigned int event = 0; event < 9; event++) {
		bool good = event == IOASID_NOTIFY_BIND || event == IOASID_NOTIFY_UNBIND;

		for (unsigned int flag = 0; flag < 9; flag++)
			KUNIT_EXPECT_EQ_MSG(test, ioasid_notify(id, event, flag),
					    good && flag >= 1 && flag <= 3 ? 0 : -EINVAL,
					    "event %u, flags %u", event, flag);
	}
	KUNIT_EXPECT_EQ(test, ioasid_free(NULL, id), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(range_at_the_edges),
	KUNIT_CASE(policy_at_the_edges),
	KUNIT_CASE(unknown_id_at_the_edges),
	KUNIT_CASE(known_id_at_the_edges),
	KUNIT_CASE(spid_at_the_edges),
	KUNIT_CASE(quota_at_the_edges),
	KUNIT_CASE(reservation_at_the_edges),
	KUNIT_CASE(capacity_at_the_edges),
	KUNIT_CASE(set_type_at_the_edges),
	KUNIT_CASE(event_at_the_edges),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_limits",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: numbers at the edges, and what one owner can do to another");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
