/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory in which not everybody sees the same, for the models that include this: a location is all
 * that was ever stored there, in order, and a process has a view, which says for each location how
 * far it has come there. A load gets anything that is no older than that. What was stored carries
 * what its reader gets to see with it: after a release, and for what is loaded by way of a pointer
 * that was loaded, or after an acquire, all that the writer has seen.
 *
 * So stores are seen in another order than they were done, and loads get what is long out of date,
 * unless something forbids it. What is stored goes behind all that is there: nowhere here do two
 * store to the same place at the same time but by compare-and-exchange. A store is never seen
 * before an earlier load of the same process is done.
 *
 * NL locations, NM stores to each at most.
 */

#define AT(l, n)	((l) * NM + (n))

byte value[NL * NM];
byte carried[NL * NM * NL];
byte last[NL];

/* What comes with the lock, with full barriers, with a grace period, and with the end of one. */
byte with_lock[NL];
byte with_barrier[NL];
byte before_period[NL];
byte with_section[NL];

/* Who is in a read section, and whom the one who synchronizes is waiting for. */
short reading;
short waits_for;

#define ME		(1 << _pid)

#define MEMORY_LOCALS \
	byte view[NL]; \
	byte k, n

/* A macro, as an inline takes no arrays. */
#define join(to, from, at) \
	k = 0; \
	do \
	:: k < NL -> to[k] = (from[(at) + k] > to[k] -> from[(at) + k] : to[k]); k++ \
	:: else -> break \
	od; \
	k = 0

/* In an atomic step, as the loads and exchanges below. */
inline store_plain(l, what)
{
	last[l]++;
	n = last[l];
	/* There is room. */
	assert(n < NM);
	value[AT(l, n)] = what;
	view[l] = n;
	carried[AT(l, n) * NL + l] = n;
	n = 0
}

inline store_release(l, what)
{
	store_plain(l, what);
	k = 0;
	do
	:: k < NL -> carried[AT(l, last[l]) * NL + k] = view[k]; k++
	:: else -> break
	od;
	k = 0
}

inline pick(l)
{
	n = view[l];
	do
	:: n < last[l] -> n++
	:: break
	od
}

inline load_plain(l, what)
{
	pick(l);
	view[l] = n;
	what = value[AT(l, n)];
	n = 0
}

/* What is loaded next is loaded by way of this, or this is an acquire. */
inline load_pointer(l, what)
{
	pick(l);
	view[l] = n;
	what = value[AT(l, n)];
	join(view, carried, AT(l, n) * NL);
	n = 0
}

inline full_barrier()
{
	join(view, with_barrier, 0);
	join(with_barrier, view, 0)
}

/* The last value is what counts; whoever fails may see an older one. */
inline exchange(l, old, new, ok)
{
	if
	:: value[AT(l, last[l])] == (old) ->
		ok = 1;
		view[l] = last[l];
		join(view, carried, AT(l, last[l]) * NL);
		full_barrier();
		store_release(l, new);
		full_barrier()
	:: else ->
		ok = 0;
		n = view[l];
		do
		:: n < last[l] -> n++
		:: value[AT(l, n)] != (old) -> break
		od;
		view[l] = n;
		old = value[AT(l, n)];
		n = 0
	fi
}

/* As above, but ordered with nothing. */
inline exchange_relaxed(l, old, new, ok)
{
	if
	:: value[AT(l, last[l])] == (old) ->
		ok = 1;
		view[l] = last[l];
		store_plain(l, new);
		/* A release that came before stays one. */
		k = 0;
		do
		:: k < NL ->
			carried[AT(l, last[l]) * NL + k] =
				(k == l -> last[l] : carried[AT(l, last[l] - 1) * NL + k]);
			k++
		:: else -> break
		od;
		k = 0
	:: else ->
		ok = 0;
		n = view[l];
		do
		:: n < last[l] -> n++
		:: value[AT(l, n)] != (old) -> break
		od;
		view[l] = n;
		old = value[AT(l, n)];
		n = 0
	fi
}

/* What is done between the two is one step: the lock is not there otherwise. */
inline lock()
{
	join(view, with_lock, 0)
}

inline unlock()
{
	join(with_lock, view, 0)
}

/* A section that begins after a grace period has begun sees all that was before. */
inline enter()
{
	join(view, before_period, 0);
	reading = reading | ME
}

inline leave()
{
	join(with_section, view, 0);
	reading = reading & ~ME;
	waits_for = waits_for & ~ME
}

/* synchronize_rcu(), by one at a time; the second step waits for the sections that were open. */
inline synchronize_begins()
{
	full_barrier();
	join(before_period, view, 0);
	waits_for = reading
}

inline synchronize_ends()
{
	waits_for == 0;
	join(view, with_section, 0);
	full_barrier()
}
