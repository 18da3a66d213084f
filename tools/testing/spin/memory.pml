/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding, taking and dropping references under RCU, while the ID is freed, reclaimed, and its
 * number and its memory are used again. See ioasid.pml for how this is checked, and weak.pml for
 * what loads and stores are here.
 *
 * in the model             in the code
 * --------------------------------------------------------------------------------------------
 * SLOT                     the one number that there is: a pointer in a Leaf, with the life of the
 *                          ID beside it, which is only there to be checked
 * WORD, LIFE               Entry::life and all else that is in an Entry
 * WORK                     what somebody does who has a reference
 * memory                   the slab
 * lock(), unlock()         the lock of the IdArray
 * do_alloc()               IdArray::prepare(), Guard::insert()
 * do_find()                Pool::find()
 * do_get()                 Pool::get() and, with the reference, Pool::put()
 * do_free()                Pool::free(), where nobody has to be told
 * reclaim()                Pool::reclaim_unnamed(), Guard::remove()
 * reaper                   IdArray::free_removed(), once it was queued
 */

#ifndef MISTAKE
#define MISTAKE no_mistake
#endif
#define no_mistake		0
/* The pointer is stored with no order. */
#define published_plainly	1
/* An object is published before it is complete. */
#define published_early		2
/* What the pointer leads to is loaded as if by another way. */
#define loaded_before_pointer	3
/* Removed objects are freed at once. */
#define freed_without_period	4
/* The grace period begins before the objects are taken off the list. */
#define list_taken_late		5
/* The objects leave the index when the grace period is over. */
#define removed_after_period	6
/* The section ends before the reference is taken. */
#define section_ends_early	7
/* get() counts without a look. */
#define get_does_not_refuse	8
/* Or looks, and then counts. */
#define get_looks_first		9
/* put() and free() have no order. */
#define count_is_relaxed	10
/* Whether it was the last reference is seen from what is there afterwards. */
#define put_looks_afterwards	11
/* The number is given away when the owner gives it up. */
#define number_freed_early	12
/* put() is no read section, and goes by the pointer from before. */
#define put_without_section	13
/* The reaper is queued with all objects but the first one. */
#define reaper_is_not_queued	14

#define FIND		1
#define GET		2
#define FREE_IT		4
#define ALLOC_ONE	8

#if defined(CONFIG_reuse)
#define ACTORS		3
#define RUN \
	run client(FREE_IT | ALLOC_ONE, 3); \
	run client(GET, 1); \
	run client(FIND, 1);

#elif defined(CONFIG_references)
#define ACTORS		3
#define RUN \
	run client(GET, 1); \
	run client(GET | FREE_IT, 1); \
	run client(FREE_IT | ALLOC_ONE, 2);

#elif defined(CONFIG_batch)
#define ACTORS		3
#define RUN \
	run client(FREE_IT | ALLOC_ONE, 3); \
	run client(FREE_IT, 1); \
	run client(FIND, 1);
#endif

/* ----------------------------------------------------------------------------------- state */

#define NP		2	/* so many entries have memory */
#define NLIVES		3

#define SLOT		0
#define WORD(p)		(2 * (p) - 1)
#define LIFE(p)		(2 * (p))
#define WORK		(2 * NP + 1)
#define NL		(2 * NP + 2)
#define NM		9
#include "weak.pml"

#define COUNT		3
#define OWNER		4
#define PENDING		8
#define is_dead(w)	(!((w) & (COUNT | OWNER)))
#define is_pending(w)	((w) & PENDING)

/* The pointer to entry p in life l. */
#define POINTER(p, l)	((p) + 4 * (l))
#define entry_of(v)	((v) & 3)
#define life_of(v)	((v) / 4)

mtype = { UNUSED, OURS, REMOVED };
mtype memory[NP + 1];
byte removed;		/* a bit per entry */
bit queued;
bit reaping;

/*
 * What is only there to be checked.
 */
byte fresh;
byte lives[NP + 1];	/* which life an entry has */
byte refs[NLIVES + 1];
bit reclaimed[NLIVES + 1];
byte worked[NLIVES + 1];	/* the last thing that was done with a reference */
byte done;

#define LOCALS \
	MEMORY_LOCALS; \
	byte p, v, w, x; \
	bit ok, died

/* ----------------------------------------------------------------------------------- steps */

inline touch()
{
	/* Nobody looks at memory that was freed. */
	assert(memory[p] != UNUSED && lives[p] == life_of(v))
}

/* Changes the word from w, or fails and says in w what is there instead. */
inline change(to)
{
	touch();
#if MISTAKE == count_is_relaxed
	exchange_relaxed(WORD(p), w, to, ok)
#else
	exchange(WORD(p), w, to, ok)
#endif
}

inline lookup()
{
	atomic {
		enter();
		load_pointer(SLOT, v);
		p = entry_of(v)
	}
}

inline look_at_word()
{
	atomic {
		touch();
		load_plain(WORD(p), w)
	}
}

inline remove()
{
	lock();
	/* An ID is reclaimed once. */
	assert(!reclaimed[life_of(v)]);
	reclaimed[life_of(v)] = 1;
	/* What is referenced is not reclaimed. */
	assert(refs[life_of(v)] == 0);
	/* What was done with a reference is seen by whoever reclaims. */
	assert(view[WORK] >= worked[life_of(v)]);
	if
	:: MISTAKE != number_freed_early && MISTAKE != removed_after_period ->
		/* A reclaimed ID is in the index. */
		assert(value[AT(SLOT, last[SLOT])] == v);
		store_plain(SLOT, 0)
	:: else
	fi;
	memory[p] = REMOVED;
	if
	:: MISTAKE == reaper_is_not_queued && removed -> queued = 1
	:: MISTAKE != reaper_is_not_queued && !removed -> queued = 1
	:: else
	fi;
	removed = removed | 1 << p;
	unlock();
	printf("%d: reclaims life %d\n", _pid, life_of(v))
}

inline reclaim()
{
	atomic {
		remove();
#if MISTAKE == freed_without_period
		removed = 0;
		queued = 0;
		memory[p] = UNUSED;
#endif
		died = 0
	}
}

inline do_alloc()
{
	atomic {
		p = 1;
		do
		:: p <= NP && memory[p] != UNUSED -> p++
		:: else -> break
		od;
		if
		:: p > NP || fresh == NLIVES -> p = 0
		:: else ->
			memory[p] = OURS;
			fresh++;
			lives[p] = fresh;
			v = POINTER(p, fresh)
		fi
	};
	if
	:: p ->
		atomic { store_plain(WORD(p), OWNER) };
#if MISTAKE != published_early
		atomic { store_plain(LIFE(p), life_of(v)) };
#endif
		atomic {
			lock();
			view[SLOT] = last[SLOT];
			if
			:: value[AT(SLOT, last[SLOT])] != 0 ->
				memory[p] = UNUSED;
				reclaimed[life_of(v)] = 1;
				p = 0
			:: else ->
				printf("%d: alloc() makes life %d\n", _pid, life_of(v));
#if MISTAKE == published_plainly
				store_plain(SLOT, v)
#else
				store_release(SLOT, v)
#endif
			fi;
			unlock()
		};
#if MISTAKE == published_early
		if
		:: p -> atomic { store_plain(LIFE(p), life_of(v)) }
		:: else
		fi
#endif
	:: else
	fi
}

/* With the entry found. */
inline do_find()
{
#if MISTAKE == loaded_before_pointer
	atomic {
		enter();
		load_plain(SLOT, v);
		p = entry_of(v)
	};
#else
	lookup();
#endif
	if
	:: p ->
		look_at_word();
		if
		:: !is_dead(w) -> atomic {
			touch();
			load_plain(LIFE(p), x);
			/* What is found is complete. */
			assert(x == life_of(v));
			x = 0
			}
		:: else
		fi
	:: else
	fi;
	atomic { leave(); p = 0; v = 0; w = 0 }
}

inline do_get()
{
	lookup();
	if
	:: p ->
		look_at_word();
#if MISTAKE == section_ends_early
		atomic { leave() };
#endif
#if MISTAKE == get_does_not_refuse || MISTAKE == get_looks_first
		if
		:: MISTAKE == get_looks_first && (is_dead(w) || is_pending(w)) -> ok = 0
		:: else -> atomic {
			w = value[AT(WORD(p), last[WORD(p)])];
			change(w + 1);
			refs[life_of(v)]++;
			/* A reference is taken of what is alive. */
			assert(!reclaimed[life_of(v)])
			}
		fi;
#else
		do
		:: is_dead(w) || is_pending(w) -> ok = 0; break
		:: else -> atomic {
				change(w + 1);
				if
				:: ok ->
					refs[life_of(v)]++;
					/* A reference is taken of what is alive. */
					assert(!reclaimed[life_of(v)])
				:: else
				fi
			};
			if
			:: ok -> break
			:: else
			fi
		od;
#endif
		x = (ok -> v : 0)
	:: else
	fi;
	atomic { leave(); ok = 0; p = 0; v = 0; w = 0 };
	if
	:: x -> do_put()
	:: else
	fi
}

/* Sets died if it was the last one. */
#if MISTAKE == put_without_section
inline drop()
{
	atomic {
		refs[life_of(x)]--;
		v = x;
		p = entry_of(v);
		w = value[AT(WORD(p), last[WORD(p)])];
		exchange(WORD(p), w, w - 1, ok);
		died = is_dead(w - 1)
	};
	/* What came meanwhile may have taken it out. */
	look_at_word()
}
#else
inline drop()
{
	lookup();
	atomic {
		/* A held ID is found. */
		assert(v == x);
		touch();
		load_plain(WORD(p), w)
	};
	do
	:: atomic {
			change(w - 1);
			if
			:: ok ->
				refs[life_of(v)]--;
				died = is_dead(w - 1)
			:: else
			fi
		};
		if
		:: ok -> break
		:: else
		fi
	od
}
#endif

inline look_afterwards()
{
	if
	:: MISTAKE == put_looks_afterwards && ok -> atomic {
		full_barrier();
		load_pointer(WORD(p), w);
		died = is_dead(w)
		}
	:: else
	fi
}

/* Does something with the reference to x, and drops it. */
inline do_put()
{
	atomic {
		store_plain(WORK, x);
		worked[life_of(x)] = last[WORK]
	};
	drop();
	look_afterwards();
	if
	:: died -> reclaim()
	:: else
	fi;
	atomic { leave(); ok = 0; p = 0; v = 0; w = 0; x = 0 }
}

inline do_free()
{
	lookup();
	if
	:: p ->
		look_at_word();
		do
		:: is_dead(w) || is_pending(w) -> break
		:: else -> atomic {
				change((w | PENDING) & ~OWNER);
				died = ok && (w & COUNT) == 0;
				if
				:: ok -> printf("%d: free() of life %d\n", _pid, life_of(v))
				:: else
				fi;
#if MISTAKE == number_freed_early
				if
				:: ok -> lock(); store_plain(SLOT, 0); unlock()
				:: else
				fi
#endif
			};
			if
			:: ok -> break
			:: else
			fi
		od;
		look_afterwards();
		if
		:: died -> reclaim()
		:: else
		fi
	:: else
	fi;
	atomic { leave(); ok = 0; p = 0; v = 0; w = 0 }
}

/* ---------------------------------------------------------------------------------- actors */

proctype client(byte menu; byte turns)
{
	LOCALS;

	do
	:: turns > 0 ->
		turns--;
		if
		:: menu & FIND -> do_find()
		:: menu & GET -> do_get()
		:: menu & FREE_IT -> do_free()
		:: menu & ALLOC_ONE -> do_alloc()
		fi
	:: else -> break
	od;
	done++
}

proctype reaper()
{
	MEMORY_LOCALS;
	byte taken, p;

end:	do
	:: atomic { queued -> queued = 0; reaping = 1 };
#if MISTAKE == list_taken_late
		atomic { synchronize_begins() };
		atomic { synchronize_ends() };
#endif
		atomic {
			lock();
			taken = removed;
			removed = 0;
			unlock()
		};
#if MISTAKE != list_taken_late
		if
		:: taken ->
			atomic { synchronize_begins() };
			atomic { synchronize_ends() }
		:: else
		fi;
#endif
		atomic {
			p = 1;
			do
			:: p <= NP ->
				if
				:: taken & (1 << p) ->
					if
					:: MISTAKE == removed_after_period &&
					   value[AT(SLOT, last[SLOT])] == POINTER(p, lives[p]) ->
						store_plain(SLOT, 0)
					:: else
					fi;
					memory[p] = UNUSED;
					printf("%d: frees entry %d\n", _pid, p)
				:: else
				fi;
				p++
			:: else -> break
			od;
			p = 0;
			taken = 0;
			reaping = 0
		}
	od
}

init {
	MEMORY_LOCALS;
	byte p;

	atomic {
		p = 1;
		do
		:: p <= NP -> memory[p] = UNUSED; p++
		:: else -> break
		od;
		memory[1] = OURS;
		fresh = 1;
		lives[1] = 1;
		store_plain(LIFE(1), 1);
		store_plain(WORD(1), OWNER);
		store_release(SLOT, POINTER(1, 1));
		run reaper();
		RUN
	};
	done == ACTORS && !queued && !reaping;
	d_step {
		p = 1;
		do
		:: p <= NP ->
			/* What is removed is freed in the end. */
			assert(memory[p] != REMOVED);
			/* What is not removed is in the index. */
			assert(memory[p] == UNUSED ||
			       value[AT(SLOT, last[SLOT])] == POINTER(p, lives[p]));
			p++
		:: else -> break
		od;
		p = 1;
		do
		:: p <= fresh ->
			/* A freed ID without references is reclaimed. */
			assert(reclaimed[p] ||
			       life_of(value[AT(SLOT, last[SLOT])]) == p);
			p++
		:: else -> break
		od
	}
}
