// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations, each done with the interface and with a model of it: what it returns and what
 * it has changed is compared.
 */
#include <linux/moduleparam.h>
#include <linux/random.h>

#include "model.h"

static unsigned int seed;
module_param(seed, uint, 0644);
MODULE_PARM_DESC(seed, "Which operations are done; 0: other ones each time");

static unsigned int ops = 100000;
module_param(ops, uint, 0644);
MODULE_PARM_DESC(ops, "How many operations");

#define SHARED 70U

struct model m;

u32 below(u32 limit)
{
	return prandom_u32_state(&m.rnd) % limit;
}

ioasid_t use_of(int set)
{
	ioasid_t id, n = 0;

	for (id = 1; id <= IDS; id++)
		n += m.ids[id].live && m.ids[id].set == set;
	return n;
}

ioasid_t spids_of(int set)
{
	ioasid_t id, n = 0;

	for (id = 1; id <= IDS; id++)
		n += m.ids[id].live && m.ids[id].set == set && m.ids[id].spid != INVALID_IOASID;
	return n;
}

/* What a set takes of the capacity. */
static ioasid_t share_of(int set)
{
	ioasid_t use = use_of(set);

	return m.sets[set].dying && !use ? 0 : m.sets[set].quota ?: use;
}

ioasid_t left(void)
{
	ioasid_t n = m.shared - m.reserved;
	int set;

	for (set = 0; set < SETS; set++) {
		if (m.sets[set].exists)
			n -= share_of(set);
	}
	return n;
}

/* Somebody has a reference, so the handle is good whatever becomes of the set. */
bool is_held(int set)
{
	return set == KERNELS || m.sets[set].owner || m.sets[set].refs;
}

void set_may_vanish(int set)
{
	struct model_set *s = &m.sets[set];

	if (!s->exists || is_held(set) || use_of(set))
		return;
	s->exists = false;
	m.stale = s->handle;
	holds(eventually(is_gone(s->handle)));
}

void reclaim(ioasid_t id)
{
	m.ids[id].live = false;
	set_may_vanish(m.ids[id].set);
}

/*
 * Whatever sees to a set that dies may be at this ID just now: then the number comes back a moment
 * later. The one that is taken to see that is one of those that are kept out of reach.
 */
void reclaim_soon(ioasid_t id)
{
	struct ioasid_set_usage usage;
	ioasid_t got;

	holds(eventually(is_unknown(id)));
	holds(ioasid_cancel_capacity(1) > 0);
	holds(eventually(!ioasid_alloc_range(NULL, id, id, IOASID_ALLOC_LOWEST, NULL, &got)));
	same(ioasid_free(NULL, id), 0);
	same(ioasid_reserve_capacity(1), 1);
	same(ioasid_set_query(NULL, &usage), 0);
	m.sets[KERNELS].peak = usage.peak;
	m.sets[KERNELS].failures = usage.failures;
	reclaim(id);
}

void free_id(ioasid_t id, bool by_work)
{
	struct model_id *i = &m.ids[id];

	if (!i->live || i->pending)
		return;
	i->pending = true;
	i->by_work = by_work;
	if (i->refs)
		return;
	if (by_work)
		reclaim_soon(id);
	else
		reclaim(id);
}

void free_ids(int set, bool by_work)
{
	ioasid_t id;

	for (id = 1; id <= IDS; id++) {
		if (m.ids[id].set == set)
			free_id(id, by_work);
		if (by_work && m.ids[id].live && m.ids[id].set == set)
			holds(eventually(ioasid_get(NULL, id) == -EBUSY || ioasid_put(NULL, id)));
	}
}

/* The set that NULL, a good handle or a bad one stands for. */
void pick_set(void)
{
	static int somewhere;

	m.set = below(SETS);
	m.handle = m.sets[m.set].handle;
	if (m.set == KERNELS || m.sets[m.set].exists)
		return;
	m.set = NOBODYS;
	m.handle = below(2) && m.stale ? m.stale : (void *)&somewhere;
}

void pick_id(void)
{
	m.id = below(20) ? 1 + below(IDS) : below(2) ? 0 : INVALID_IOASID - below(2);
}

/* What there is under the number, or an ID that does not live. */
struct model_id *picked(void)
{
	static struct model_id none;

	return m.id <= IDS ? &m.ids[m.id] : &none;
}

static void compare_id(ioasid_t id)
{
	struct model_id *i;

	m.id = id;
	i = picked();
	same_pointer(ioasid_find(NULL, id, NULL), i->live ? i->data : ERR_PTR(-ENOENT));
	same(ioasid_find_spid(id), i->live ? i->spid : INVALID_IOASID);
	same(ioasid_is_active(id), i->live && !i->pending && i->spid != INVALID_IOASID);
}

static void compare_set(int set)
{
	struct model_set *s = &m.sets[set];
	struct ioasid_set_usage usage;

	m.set = set;
	if (!s->exists)
		return;
	if (!is_held(set))
		return;
	same(ioasid_set_query(s->handle, &usage), 0);
	/* With its last ID a set that dies has given its quota away. */
	if (!s->dying || use_of(set))
		same(usage.quota, s->quota);
	same(usage.use, use_of(set));
	same(usage.peak, s->peak);
	same(usage.failures, s->failures);
	same(usage.spids, spids_of(set));
}

/* Which ID has an SPID, as far as that is clear: not so if whoever took it over is gone. */
static void compare_spid(int set, ioasid_t spid)
{
	ioasid_t id, want = INVALID_IOASID;

	if (!m.sets[set].exists || !is_held(set))
		return;
	for (id = 1; id <= IDS; id++) {
		struct model_id *i = &m.ids[id];

		if (!i->live || i->set != set || i->spid != spid)
			continue;
		if (!i->shadowed)
			want = id;
		else if (want == INVALID_IOASID)
			want = 0;
	}
	if (want)
		same(ioasid_find_by_spid(m.sets[set].handle, spid, false), want);
}

static void compare_all(void)
{
	ioasid_t id;
	size_t i;
	int set;

	for (id = 0; id <= IDS + 1; id++)
		compare_id(id);
	for (set = 0; set < SETS; set++) {
		compare_set(set);
		for (i = 0; i < ARRAY_SIZE(model_spids); i++)
			compare_spid(set, model_spids[i]);
	}
	same(capacity_left(), left());
}

/* Of the steps of both lists, by weight. */
static const struct model_step *pick_step(void)
{
	static const struct model_step * const lists[] = { model_id_steps, model_set_steps };
	const struct model_step *step;
	unsigned int sum = 0;
	size_t i;
	u32 at;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		for (step = lists[i]; step->run; step++)
			sum += step->weight;
	}
	at = below(sum);
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		for (step = lists[i]; step->run; step++) {
			if (at < step->weight)
				return step;
			at -= step->weight;
		}
	}
	return lists[0];
}

static void model_cleanup(void *data)
{
	ioasid_t id;
	int i;

	for (i = 1; i < SETS; i++) {
		while (m.sets[i].refs && m.sets[i].exists) {
			ioasid_set_put(m.sets[i].handle);
			m.sets[i].refs--;
		}
		ioasid_set_free(m.sets[i].handle);
	}
	for (id = 1; id <= IDS; id++) {
		if (!m.ids[id].live)
			continue;
		ioasid_free(NULL, id);
		while (m.ids[id].refs--)
			ioasid_put(NULL, id);
	}
	for (i = 0; i < MMS; i++) {
		if (m.mms[i])
			mmput(m.mms[i]);
	}
	ioasid_cancel_capacity(m.aside + m.reserved);
}

static void model_begin(struct kunit *test, u32 first)
{
	struct ioasid_set_usage usage;
	int i;

	memset(&m, 0, sizeof(m));
	m.test = test;
	m.what = "begin";
	prandom_seed_state(&m.rnd, first);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, model_cleanup, NULL), 0);
	for (i = 0; i < MMS; i++) {
		m.mms[i] = mm_alloc();
		KUNIT_ASSERT_NOT_NULL(test, m.mms[i]);
	}
	KUNIT_ASSERT_EQ(test, capacity_in_all() - SHARED,
			ioasid_reserve_capacity(capacity_in_all() - SHARED));
	m.aside = capacity_in_all() - SHARED;
	m.shared = SHARED;
	/* The cyclic policy goes on from here. */
	KUNIT_ASSERT_EQ(test, 0, ioasid_alloc_range(NULL, 1, 1, IOASID_ALLOC_CYCLIC, NULL, &m.id));
	KUNIT_ASSERT_EQ(test, ioasid_free(NULL, m.id), 0);
	m.next = 2;
	KUNIT_ASSERT_EQ(test, ioasid_set_query(NULL, &usage), 0);
	m.sets[KERNELS] = (struct model_set){
		.exists = true, .peak = usage.peak, .failures = usage.failures,
	};
}

/* B-036 to B-120: all that the suites show case by case, in every order. */
static void interface_does_what_the_model_does(struct kunit *test)
{
	u32 first = seed ?: get_random_u32();

	kunit_info(test, "seed=%u, %u operations\n", first, ops);
	model_begin(test, first);
	for (m.op = 1; m.op <= ops; m.op++) {
		const struct model_step *step = pick_step();

		m.what = step->what;
		m.set = NOBODYS;
		m.id = 0;
		step->run();
		compare_id(m.id);
		if (m.set != NOBODYS)
			compare_set(m.set);
		same(capacity_left(), left());
		if (m.op % 1000 == 0)
			compare_all();
		cond_resched();
	}
	compare_all();
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(interface_does_what_the_model_does),
	{}
};

static struct kunit_suite suite = {
	.name = "ioasid_model",
	.init = clean_init,
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("IOASID: the interface beside a model of it");
MODULE_AUTHOR("the IOASID developers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
