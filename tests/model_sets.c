// SPDX-License-Identifier: GPL-2.0
/* Operations on sets, on what they share, and the end of their owners. */
#include "model.h"

static void do_alloc_set(void)
{
	int type = below(20) ? 1 + below(2) : below(5), err = 0, i, want = 0;
	bool fits = below(20), needs_mm = type == IOASID_SET_TYPE_MM;
	struct mm_struct *mm = fits == needs_mm ? m.mms[below(MMS)] : NULL;
	ioasid_t quota = below(3) ? below(25) : below(2) ? 0 : INVALID_IOASID - below(9);
	struct ioasid_set *got;

	for (m.set = 1; m.set < SETS && m.sets[m.set].exists; m.set++)
		;
	if (m.set == SETS) {
		m.set = NOBODYS;
		return;
	}
	for (i = 1; i < SETS; i++) {
		if (mm && m.sets[i].exists && !m.sets[i].dying && m.sets[i].mm == mm)
			want = -EEXIST;
	}
	if (type != (mm ? IOASID_SET_TYPE_MM : IOASID_SET_TYPE_NULL))
		want = -EINVAL;
	else if (quota > left())
		/* Which of two good reasons is given is up to the module. */
		err = -ENOSPC;
	got = ioasid_alloc_set(mm, quota, type);
	if (want || err) {
		holds(IS_ERR(got));
		holds(PTR_ERR(got) == want || (err && PTR_ERR(got) == err));
		m.set = NOBODYS;
		return;
	}
	holds(!IS_ERR_OR_NULL(got));
	for (i = 1; i < SETS; i++)
		holds(m.sets[i].handle != got);
	m.sets[m.set] = (struct model_set){
		.handle = got, .mm = mm, .exists = true, .owner = true, .quota = quota,
	};
}

static void do_set_free(void)
{
	struct model_set *s;
	int got;

	pick_set();
	if (below(4))
		return;
	got = ioasid_set_free(m.handle);
	if (m.set <= KERNELS || !m.sets[m.set].owner) {
		same(got, -EINVAL);
		return;
	}
	s = &m.sets[m.set];
	s->owner = false;
	s->dying = true;
	/* Not before the last ID. */
	s->refs++;
	free_ids(m.set, false);
	s->refs--;
	same(got, !!use_of(m.set));
	set_may_vanish(m.set);
}

static void do_set_get(void)
{
	pick_set();
	if (m.set > KERNELS && !is_held(m.set))
		return;
	same(ioasid_set_get(m.handle),
	     m.set <= KERNELS ? -EINVAL : m.sets[m.set].dying ? -EBUSY : 0);
	if (m.set > KERNELS && !m.sets[m.set].dying)
		m.sets[m.set].refs++;
}

static void do_set_put(void)
{
	struct model_set *s;

	pick_set();
	/* The creator's is rare, and too many are only reported. */
	if ((m.set == NOBODYS || !m.sets[m.set].refs) && below(20))
		return;
	ioasid_set_put(m.handle);
	if (m.set <= KERNELS)
		return;
	s = &m.sets[m.set];
	if (s->refs) {
		s->refs--;
	} else if (s->owner) {
		s->owner = false;
		if (!s->dying) {
			s->dying = true;
			free_ids(m.set, true);
		}
	}
	set_may_vanish(m.set);
	holds(eventually(capacity_left() == left()));
}

static void do_mm_exit(void)
{
	struct mm_struct *dead;
	int at = below(MMS), i;

	if (below(50))
		return;
	mmput(m.mms[at]);
	dead = m.mms[at];
	m.mms[at] = NULL;
	for (i = 1; i < SETS; i++) {
		struct model_set *s = &m.sets[i];

		if (!s->exists || s->dying || s->mm != dead)
			continue;
		m.set = i;
		holds(eventually(ioasid_set_get(s->handle) == -EBUSY ||
				 (ioasid_set_put(s->handle), false)));
		s->dying = true;
		free_ids(i, true);
	}
	holds(eventually(capacity_left() == left()));
	m.mms[at] = mm_alloc();
	KUNIT_ASSERT_NOT_NULL(m.test, m.mms[at]);
}

static void do_adjust(void)
{
	ioasid_t quota = below(4) ? below(25) : below(2) ? 0 : INVALID_IOASID - below(9);
	ioasid_t use, has;
	int want = 0;

	pick_set();
	if (m.set <= KERNELS) {
		same(ioasid_adjust_set(m.handle, quota), -EINVAL);
		return;
	}
	use = use_of(m.set);
	has = m.sets[m.set].quota ?: use;
	if (m.sets[m.set].dying) {
		if (!is_held(m.set) || (quota && quota < use))
			return;
		want = -EBUSY;
	} else if (quota && quota < use) {
		want = -EINVAL;
	} else if (quota > has && quota - has > left()) {
		want = -ENOSPC;
	}
	same(ioasid_adjust_set(m.handle, quota), want);
	if (!want)
		m.sets[m.set].quota = quota;
}

static void do_policy(void)
{
	enum ioasid_alloc_policy policy = below(10) ? below(3) : 3 + below(3);

	pick_set();
	if (m.set > KERNELS && m.sets[m.set].dying)
		return;
	same(ioasid_set_policy(m.handle, policy), m.set <= KERNELS || policy > 2 ? -EINVAL : 0);
	if (m.set > KERNELS && policy <= 2)
		m.sets[m.set].policy = policy;
}

static void do_query(void)
{
	struct ioasid_set_usage usage;

	pick_set();
	/* What it says of one that is there is compared in any case. */
	if (m.set == NOBODYS)
		same(ioasid_set_query(m.handle, &usage), -EINVAL);
	else
		same(ioasid_set_query(m.handle, NULL), -EINVAL);
}

static void do_find_mm_set(void)
{
	struct mm_struct *mm = below(20) ? m.mms[below(MMS)] : NULL;
	struct ioasid_set *want = ERR_PTR(mm ? -ENOENT : -EINVAL);
	int i;

	for (i = 1; mm && i < SETS; i++) {
		if (!m.sets[i].exists || m.sets[i].dying || m.sets[i].mm != mm)
			continue;
		m.set = i;
		want = m.sets[i].handle;
		m.sets[i].refs++;
	}
	same_pointer(ioasid_find_mm_set(mm), want);
}

static void do_free_all(void)
{
	pick_set();
	if (below(4))
		return;
	ioasid_free_all_in_set(m.handle);
	/* Nobody frees the kernel's own for others. */
	if (m.set > KERNELS)
		free_ids(m.set, false);
}

struct tour {
	u64 visited;
	bool twice;
	bool free;
};

static void visit(ioasid_t id, void *data)
{
	struct tour *tour = data;

	tour->twice |= id > IDS || tour->visited & BIT_ULL(id);
	tour->visited |= BIT_ULL(id);
	if (tour->free && id % 3 == 0)
		ioasid_free(NULL, id);
}

static void do_for_each(void)
{
	struct tour tour = { .free = !below(8) };
	ioasid_t id;

	pick_set();
	if (m.set != NOBODYS && !is_held(m.set))
		return;
	same(ioasid_set_for_each_ioasid(m.handle, visit, &tour), m.set == NOBODYS ? -EINVAL : 0);
	same(tour.twice, false);
	for (id = 1; id <= IDS; id++) {
		bool visited = tour.visited & BIT_ULL(id);

		m.id = id;
		same(visited, m.set != NOBODYS && m.ids[id].live && m.ids[id].set == m.set);
	}
	for (id = 3; id <= IDS && tour.free && m.set != NOBODYS; id += 3) {
		if (m.ids[id].live && m.ids[id].set == m.set)
			free_id(id, false);
	}
}

static void do_wait(void)
{
	pick_set();
	if (m.set > KERNELS && !is_held(m.set))
		return;
	same(ioasid_set_wait_reclaimed(m.handle, 0),
	     m.set <= KERNELS ? -EINVAL : use_of(m.set) ? -ETIMEDOUT : 0);
}

static void do_reserve(void)
{
	ioasid_t nr = below(6) ? 1 + below(20) : below(2) ? 0 : INVALID_IOASID - below(9);
	ioasid_t want = nr ?: left();

	if (want > left() || !want) {
		same(ioasid_reserve_capacity(nr), -ENOSPC);
		return;
	}
	same(ioasid_reserve_capacity(nr), want);
	m.reserved += want;
}

static void do_cancel(void)
{
	ioasid_t nr = below(6) ? below(m.reserved + 1) : m.aside + m.reserved + 1 + below(9);

	if (nr > m.reserved) {
		same(ioasid_cancel_capacity(below(2) ? nr : INVALID_IOASID), -EINVAL);
		return;
	}
	m.reserved -= nr;
	same(ioasid_cancel_capacity(nr), left());
}

const struct model_step model_set_steps[] = {
	{ "alloc_set", do_alloc_set, 12 },
	{ "set_free", do_set_free, 12 },
	{ "set_get", do_set_get, 15 },
	{ "set_put", do_set_put, 50 },
	{ "mm exit", do_mm_exit, 10 },
	{ "adjust_set", do_adjust, 20 },
	{ "set_policy", do_policy, 8 },
	{ "set_query", do_query, 5 },
	{ "find_mm_set", do_find_mm_set, 10 },
	{ "free_all_in_set", do_free_all, 2 },
	{ "set_for_each_ioasid", do_for_each, 10 },
	{ "set_wait_reclaimed", do_wait, 5 },
	{ "reserve_capacity", do_reserve, 5 },
	{ "cancel_capacity", do_cancel, 8 },
	{}
};
