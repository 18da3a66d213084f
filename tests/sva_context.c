// SPDX-License-Identifier: GPL-2.0
/* The address space of an ID, from where page requests come. */
#include "context.h"
#include "sva.h"

struct search {
	ioasid_t id;
	ioasid_t none;
	struct mm_struct *mm;
	struct mm_struct *found;
	struct mm_struct *nothing;
};

static void search(void *data)
{
	struct search *search = data;

	search->found = ioasid_sva_find(search->id);
	search->nothing = ioasid_sva_find(search->none);
	if (search->found)
		mmput_async(search->found);
}

/* B-167, B-198: no lock, and a user that stays until it is put. */
static void find_works_in_context(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct search args = { .mm = must_mm(test) };
	struct ioasid_bond *bond = must_bind(test, a, args.mm);

	args.id = ioasid_sva_get_pasid(bond);
	args.none = args.id + 1;
	run_in(context_of(test), search, &args);
	KUNIT_EXPECT_PTR_EQ(test, args.found, args.mm);
	KUNIT_EXPECT_NULL(test, args.nothing);
	KUNIT_EXPECT_TRUE(test, eventually(atomic_read(&args.mm->mm_users) == 1));
	ioasid_sva_unbind_device(bond);
	run_in(context_of(test), search, &args);
	KUNIT_EXPECT_NULL(test, args.found);
}

/* B-198: an address space that exits is not found, though its memory is there. */
static void exited_mm_is_not_found_in_context(struct kunit *test)
{
	struct device *a = must_enable(test, "a");
	struct search args = { .mm = must_mm(test) };
	struct ioasid_bond *bond = must_bind(test, a, args.mm);

	args.id = ioasid_sva_get_pasid(bond);
	args.none = args.id + 1;
	mm_exits(test, args.mm);
	run_in(context_of(test), search, &args);
	KUNIT_EXPECT_NULL(test, args.found);
	ioasid_sva_unbind_device(bond);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(find_works_in_context, contexts_gen_params),
	KUNIT_CASE_PARAM(exited_mm_is_not_found_in_context, contexts_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_sva_context",
	.init = sva_init,
	.test_cases = cases,
};

kunit_test_suite(suite);
