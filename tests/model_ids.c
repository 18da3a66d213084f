// SPDX-License-Identifier: GPL-2.0
/* Operations on IDs. */
#include "model.h"

/* The error of all calls with a set and an ID, and the one that get has instead. */
static int access(int unknown)
{
	if (!picked()->live)
		return unknown;
	return m.handle && picked()->set != m.set ? -EACCES : 0;
}

static ioasid_t first_free(ioasid_t min, ioasid_t max)
{
	while (min <= max && m.ids[min].live)
		min++;
	return min <= max ? min : 0;
}

static ioasid_t pick_number(ioasid_t min, ioasid_t max, enum ioasid_alloc_policy policy)
{
	ioasid_t id = 0;

	if (policy == IOASID_ALLOC_TOP_DOWN) {
		while (max >= min && m.ids[max].live)
			max--;
		return max >= min ? max : 0;
	}
	if (policy == IOASID_ALLOC_CYCLIC && m.next > min && m.next <= max)
		id = first_free(m.next, max);
	return id ?: first_free(min, max);
}

static int model_alloc(ioasid_t min, ioasid_t max, enum ioasid_alloc_policy policy, void *data)
{
	struct model_set *s;
	ioasid_t id = 0;

	min = min ?: 1;
	if (min > max || !max || policy > IOASID_ALLOC_TOP_DOWN || m.set == NOBODYS)
		return -EINVAL;
	s = &m.sets[m.set];
	if (s->dying)
		return -EBUSY;
	if (s->quota ? use_of(m.set) < s->quota : left())
		id = pick_number(min, max, policy);
	if (!id) {
		s->failures++;
		return -ENOSPC;
	}
	if (policy == IOASID_ALLOC_CYCLIC)
		m.next = id + 1;
	m.ids[id] = (struct model_id){
		.live = true, .set = m.set, .spid = INVALID_IOASID, .data = data,
	};
	s->peak = max(s->peak, use_of(m.set));
	m.id = id;
	return 0;
}

static void do_alloc(void)
{
	ioasid_t min = below(IDS + 1), max = min + below(IDS + 1 - min), id = 1;
	enum ioasid_alloc_policy policy = below(20) ? below(3) : 3;
	void *data = below(2) ? (void *)(m.op + 1UL) : NULL;
	int want, got;

	pick_set();
	if (!below(20))
		swap(min, max);
	if (below(2) && m.set != NOBODYS) {
		want = model_alloc(min, max, m.set ? m.sets[m.set].policy : 0, data);
		same(ioasid_alloc(m.handle, min, max, data), want ? INVALID_IOASID : m.id);
		return;
	}
	want = model_alloc(min, max, policy, data);
	got = ioasid_alloc_range(m.handle, min, max, policy, data, &id);
	/* A set that dies without a reference to it may be there or not. */
	if (got != -EINVAL || want != -EBUSY || is_held(m.set))
		same(got, want);
	same(id, want ? INVALID_IOASID : m.id);
}

static void do_free(void)
{
	int want;

	pick_set();
	pick_id();
	want = access(-ENOENT);
	same(ioasid_free(m.handle, m.id), want ?: !!picked()->refs);
	if (!want)
		free_id(m.id, false);
}

static void do_get(void)
{
	int want;

	pick_set();
	pick_id();
	want = access(-EINVAL) ?: picked()->pending ? -EBUSY : 0;
	same(below(2) ? ioasid_get(m.handle, m.id) : ioasid_get_named(m.handle, m.id, "model"),
	     want);
	if (!want)
		picked()->refs++;
}

static void do_put(void)
{
	struct model_id *i;
	bool last, got;

	pick_set();
	pick_id();
	i = picked();
	if (below(2))
		m.handle = NULL;
	/* Too many are only reported; that takes its time. */
	if ((access(-EINVAL) || !i->refs) && below(50))
		return;
	last = !access(-EINVAL) && i->pending && i->refs == 1;
	got = below(2) ? ioasid_put(m.handle, m.id) : ioasid_put_named(m.handle, m.id, "model");
	if (!last || !i->by_work)
		same(got, last);
	if (!access(-EINVAL) && i->refs)
		i->refs--;
	if (!last)
		return;
	if (m.sets[i->set].dying) {
		reclaim_soon(m.id);
		holds(eventually(capacity_left() == left()));
	} else {
		holds(is_unknown(m.id));
		reclaim(m.id);
	}
}

static void do_find(void)
{
	int want;

	pick_set();
	pick_id();
	want = access(-ENOENT);
	same_pointer(ioasid_find(m.handle, m.id, NULL), want ? ERR_PTR(want) : picked()->data);
}

static void do_get_if_owned(void)
{
	struct mm_struct *mm = below(10) ? m.mms[below(MMS)] : NULL;
	struct model_id *i;
	int want = 0;

	pick_id();
	i = picked();
	if (!i->live)
		want = -ENOENT;
	else if (!mm)
		want = -EPERM;
	else if (!m.sets[i->set].mm)
		want = -EINVAL;
	else if (m.sets[i->set].mm != mm)
		want = -EPERM;
	else if (i->pending)
		want = -EBUSY;
	same(ioasid_get_if_owned_by(m.id, mm), want);
	if (!want)
		i->refs++;
}

static void do_attach_spid(void)
{
	ioasid_t spid = below(30) ? model_spids[below(ARRAY_SIZE(model_spids))] : INVALID_IOASID;
	struct model_id *i, *other;
	int want = 0;

	pick_id();
	i = picked();
	for (other = m.ids + 1; i->live && other <= m.ids + IDS; other++) {
		if (other->live && !other->pending && other->set == i->set && other->spid == spid)
			want = -EEXIST;
	}
	if (spid == INVALID_IOASID)
		want = -EINVAL;
	else if (!i->live)
		want = -ENOENT;
	else if (i->pending || i->spid != INVALID_IOASID)
		want = -EBUSY;
	same(ioasid_attach_spid(m.id, spid), want);
	if (want)
		return;
	for (other = m.ids + 1; other <= m.ids + IDS; other++) {
		if (other->live && other->set == i->set && other->spid == spid)
			other->shadowed = true;
	}
	i->spid = spid;
	m.set = i->set;
}

static void do_detach_spid(void)
{
	struct model_id *i;
	int got;

	pick_id();
	i = picked();
	got = ioasid_detach_spid(m.id);
	if (i->live && i->pending && i->spid == INVALID_IOASID) {
		/* Which of two good reasons is given is up to the module. */
		holds(got == -EBUSY || got == -ENOENT);
		return;
	}
	same(got, !i->live || i->spid == INVALID_IOASID ? -ENOENT : i->pending ? -EBUSY : 0);
	if (got)
		return;
	i->spid = INVALID_IOASID;
	m.set = i->set;
}

static void do_find_by_spid(void)
{
	ioasid_t spid = model_spids[below(ARRAY_SIZE(model_spids))], id, got;
	bool get = below(2), unclear = false;

	pick_set();
	if (m.set != NOBODYS && !is_held(m.set))
		return;
	m.id = INVALID_IOASID;
	for (id = 1; id <= IDS && m.set != NOBODYS; id++) {
		struct model_id *i = &m.ids[id];

		if (!i->live || i->set != m.set || i->spid != spid)
			continue;
		unclear |= i->shadowed;
		if (!i->shadowed && !(get && i->pending))
			m.id = id;
	}
	got = ioasid_find_by_spid(m.handle, spid, get);
	/* Those that had it before may be found when whoever took it over is gone; not got. */
	if (unclear && m.id == INVALID_IOASID && !get)
		return;
	same(got, m.id);
	if (get && got != INVALID_IOASID)
		picked()->refs++;
}

static void do_attach_data(void)
{
	void *data = below(20) ? (void *)(m.op + 1UL) : NULL;
	struct model_id *i;
	int want;

	pick_id();
	i = picked();
	want = !data ? -EINVAL : !i->live ? -ENOENT : i->pending || i->data ? -EBUSY : 0;
	same(ioasid_attach_data(m.id, data), want);
	if (!want)
		i->data = data;
}

static void do_detach_data(void)
{
	struct model_id *i;

	pick_id();
	i = picked();
	/* A grace period is long. */
	if (i->live && i->data && !i->pending && below(20))
		return;
	same(ioasid_detach_data(m.id), !i->live ? -ENOENT : i->pending ? -EBUSY : 0);
	if (i->live && !i->pending)
		i->data = NULL;
}

static void do_find_set(void)
{
	struct ioasid_set *got;
	struct model_set *s;

	pick_id();
	got = ioasid_find_set(m.id);
	s = &m.sets[picked()->set];
	if (!picked()->live || s->dying) {
		same_pointer(got, ERR_PTR(-ENOENT));
		return;
	}
	same_pointer(got, s->handle);
	m.set = picked()->set;
	if (got)
		s->refs++;
}

static void do_wait(void)
{
	pick_id();
	same(ioasid_wait_reclaimed(m.id, 0), picked()->live ? -ETIMEDOUT : -ENOENT);
}

const struct model_step model_id_steps[] = {
	{ "alloc", do_alloc, 60 },
	{ "free", do_free, 40 },
	{ "get", do_get, 40 },
	{ "put", do_put, 80 },
	{ "find", do_find, 20 },
	{ "get_if_owned_by", do_get_if_owned, 15 },
	{ "attach_spid", do_attach_spid, 40 },
	{ "detach_spid", do_detach_spid, 15 },
	{ "find_by_spid", do_find_by_spid, 30 },
	{ "attach_data", do_attach_data, 20 },
	{ "detach_data", do_detach_data, 5 },
	{ "find_set", do_find_set, 10 },
	{ "wait_reclaimed", do_wait, 5 },
	{}
};
