/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a set ends: by its owner, by its last reference, or with its mm; its IDs, its token, its
 * handle, its place, and what subscribers are told. See ioasid.pml for how this is checked. Memory
 * is in order here, and a set that was found is not freed before the end: memory.pml is about that.
 *
 * in the model             in the code
 * --------------------------------------------------------------------------------------------
 * place                    the array of the sets, by index; a set is one life of an index, and
 *                          that is its generation: handles are those numbers here
 * word                     Set::life
 * noted, kicked            Sets::noted; whether the waiting lane is queued
 * token                    Book::tokens, by mm; CLAIMED is a set that is being made
 * watched                  Book::watches
 * users, exited, calling   mm_users but those of the process; exit_mmap(); a notifier that runs
 * id_of, owned, held       the index: the set of an ID, its owner's reference and another one
 * do_make()                Pool::make_set_for()
 * find()                   Sets::find()
 * do_get(), do_put()       Pool::get_set(), put_set()
 * do_find()                Pool::find_mm_set()
 * do_free()                Pool::free_set()
 * do_alloc()               Pool::alloc_in(), Space::charge_set()
 * free_id(), reclaim()     Pool::free() and put(); Space::sub_from_set()
 * end_set()                Pool::end_set()
 * note()                   Sets::note()
 * look()                   Pool::look_at()
 * exit                     Ender::exiting(), called by the memory management
 *
 * Not here: quotas, SPIDs, static sets, sets without a token (they are as those of an mm that does
 * not exit), pins (ioasid.pml has them), want of memory.
 */

#ifndef MISTAKE
#define MISTAKE no_mistake
#endif
#define no_mistake		0
/* Whether a set is open is seen without the lock. */
#define alloc_looks_early	1
/* A set is taken out though something was noted. */
#define removed_with_notes	2
/* Or though it has references. */
#define removed_with_references	3
/* Or though it has IDs. */
#define removed_with_ids	4
/* The end is noted when the reference is gone. */
#define noted_without_reference	5
/* Notes are cleared when they were seen to. */
#define notes_cleared_late	6
/* SET_FREE is told whenever the lane gets there. */
#define part_told_again		7
/* The mm is watched when the set is gone. */
#define still_watched		8
/* It is no longer watched, but somebody may be called. */
#define unwatched_at_once	9
/* Owners look whether it is given up, and then do it. */
#define given_up_by_store	10
/* Handles are indices. */
#define handle_is_index		11
/* A set that is ended gives references. */
#define get_of_ended		12
/* The mm may exit while the set is made. */
#define made_without_user	13
/* The token is settled whatever has become of the set. */
#define settled_blindly		14
/* The last ID that goes queues nothing. */
#define empty_is_not_kicked	15
/* The last put does not note that. */
#define dead_is_not_noted	16

#define GET		1	/* by handle, and put */
#define FIND		2	/* by mm, and put */
#define ALLOC_ONE	4	/* an ID, and free it or leave it to the set */
#define HOLD		8	/* an ID that somebody else has a reference to */
#define LET_GO		16	/* put without a reference, of one who has no say */
#define MAKE_AND_FREE	32
#define MAKE_AND_PUT	64

#if defined(CONFIG_set_exit)
#define ACTORS		3
#define RUN \
	run client(MAKE_AND_FREE, 1, 1); \
	run client(ALLOC_ONE | HOLD, 1, 1); \
	run exit(1);

#elif defined(CONFIG_set_put)
#define ACTORS		3
#define RUN \
	run client(MAKE_AND_PUT, 1, 1); \
	run client(GET | FIND, 1, 1); \
	run client(ALLOC_ONE | FIND, 1, 1);

#elif defined(CONFIG_set_again)
#define ACTORS		3
#define RUN \
	run client(MAKE_AND_FREE, 1, 2); \
	run client(GET, 1, 1); \
	run exit(1);

#elif defined(CONFIG_set_next)
#define ACTORS		3
#define RUN \
	run client(MAKE_AND_PUT, 1, 1); \
	run client(MAKE_AND_FREE, 2, 1); \
	run exit(1);

#elif defined(CONFIG_set_told)
#define ACTORS		3
#define RUN \
	run client(MAKE_AND_FREE, 1, 1); \
	run client(LET_GO, 1, 1); \
	run client(MAKE_AND_FREE, 1, 1);
#endif

/* ----------------------------------------------------------------------------------- state */

#define NSETS		3	/* lives, of which this many have a place at a time */
#define NPLACES		2
#define NMMS		2
#define NIDS		2

#define COUNT		3
#define OWNER		4
#define PENDING		8
#define is_dead(w)	(!((w) & (COUNT | OWNER)))
#define is_pending(w)	((w) & PENDING)

#define EXITED		1
#define ENDED		2
#define EMPTY		4
#define DEAD		8

#define CLAIMED		255

byte word[NSETS + 1];
byte mm_of[NSETS + 1];
byte home[NSETS + 1];
byte used[NSETS + 1];
byte notes[NSETS + 1];
byte seen[NSETS + 1];
bit open[NSETS + 1];
bit given_up[NSETS + 1];
bit announced[NSETS + 1];
bit parting[NSETS + 1];
bit watched[NSETS + 1];

byte place[NPLACES + 1];
byte token[NMMS + 1];
byte users[NMMS + 1];
bit exited[NMMS + 1];
byte calling;

byte noted;
bit kicked;
bit working;

byte id_of[NIDS + 1];
bit owned[NIDS + 1];
byte held[NIDS + 1];

/*
 * What is only there to be checked.
 */
byte fresh;
byte refs[NSETS + 1];
bit told_alloc[NSETS + 1];
bit told_free[NSETS + 1];
bit removed[NSETS + 1];
byte done;

#define LOCALS \
	byte i, m, n, s; \
	byte old, next; \
	bit got, dying

/* ----------------------------------------------------------------------------------- steps */

/* In one step with what comes before it. */
inline push(s)
{
	/* What is noted is there. */
	assert(place[home[s]] == s);
	noted = noted | 1 << home[s]
}

/* Two: others see the note before the set is on the list. */
inline note(s, what)
{
	d_step {
		old = notes[s];
		notes[s] = notes[s] | what
	};
	if
	:: !old -> d_step { push(s); old = 0 }
	:: else -> old = 0
	fi
}

/* With the lock of the index held. */
inline note_locked(s, what)
{
	if
	:: !notes[s] -> push(s)
	:: else
	fi;
	notes[s] = notes[s] | what
}

inline bury_soon()
{
	if
	:: MISTAKE != empty_is_not_kicked && noted -> kicked = 1
	:: else
	fi
}

/* Leaves 0 in s if the handle is that of none. */
inline find(handle)
{
	d_step {
		s = (handle && handle <= fresh -> place[home[handle]] : 0);
		if
		:: s && s != handle && MISTAKE != handle_is_index -> s = 0
		:: else
		fi;
		if
		:: s && is_dead(word[s]) && !parting[s] -> s = 0
		:: else
		fi;
		/* A handle is that of one set. */
		assert(!s || s == handle);
		/* What is found is there. */
		assert(!s || !removed[s])
	}
}

inline drop_owner()
{
	/* The owner has one reference. */
	assert(word[s] & OWNER);
	word[s] = word[s] & ~OWNER;
	dying = is_dead(word[s])
}

inline reclaim()
{
	d_step {
		used[id_of[n]]--;
		if
		:: used[id_of[n]] == 0 && !open[id_of[n]] -> note_locked(id_of[n], EMPTY)
		:: else
		fi;
		id_of[n] = 0
	};
	bury_soon()
}

inline free_id()
{
	d_step {
		dying = owned[n] && !held[n];
		owned[n] = 0
	};
	if
	:: dying -> reclaim(); dying = 0
	:: else
	fi
}

inline free_what_is_there()
{
	if
	:: n -> free_id(); n = 0
	:: else
	fi
}

inline put_id()
{
	d_step {
		/* No reference is lost. */
		assert(held[n]);
		held[n]--;
		dying = !owned[n] && !held[n]
	};
	if
	:: dying -> reclaim(); dying = 0
	:: else
	fi
}

inline free_all_of(s)
{
	n = 1;
	do
	:: n <= NIDS ->
		if
		:: id_of[n] == s -> free_id()
		:: else
		fi;
		n++
	:: else -> break
	od;
	n = 0
}

inline end_set(s)
{
	open[s] = 0;
	d_step {
		if
		:: token[mm_of[s]] == home[s] -> token[mm_of[s]] = 0
		:: else
		fi
	};
	free_all_of(s)
}

inline do_alloc(handle)
{
	find(handle);
	if
	:: s && (open[s] || MISTAKE != alloc_looks_early) -> d_step {
		s = place[home[handle]];
		n = 1;
		do
		:: n <= NIDS && id_of[n] -> n++
		:: else -> break
		od;
		if
		:: s == handle && (open[s] || MISTAKE == alloc_looks_early) && n <= NIDS ->
			/* A set that has gone gets no IDs. */
			assert(!told_free[s] && !removed[s]);
			used[s]++;
			id_of[n] = s;
			owned[n] = 1;
			printf("%d: ID %d in set %d\n", _pid, n, s)
		:: else -> n = 0
		fi
		}
	:: else -> n = 0
	fi;
	s = 0
}

inline do_get(handle)
{
	find(handle);
	if
	:: s -> d_step {
		got = !is_dead(word[s]) && (!is_pending(word[s]) || MISTAKE == get_of_ended);
		word[s] = word[s] + got;
		refs[s] = refs[s] + got;
		/* A set that is ended gives no references. */
		assert(!got || !is_pending(word[s]));
		s = 0
		}
	:: else
	fi
}

/* Pool::put_set() of s, which was found. */
inline do_put()
{
	d_step {
		dying = 0;
		next = 0;
		if
		:: word[s] & COUNT -> word[s]--; dying = is_dead(word[s])
		:: !(word[s] & COUNT) && !is_dead(word[s]) -> next = 1
		:: else
		fi
	};
	if
	:: next && MISTAKE == given_up_by_store && !given_up[s] -> given_up[s] = 1; next = 2
	:: next && MISTAKE != given_up_by_store -> d_step {
		next = (given_up[s] -> 0 : 2);
		given_up[s] = 1
		}
	:: else
	fi;
	if
	:: next == 2 ->
		d_step { word[s] = (is_dead(word[s]) -> word[s] : word[s] | PENDING) };
		d_step { drop_owner(); printf("%d: put() ends set %d\n", _pid, s) }
	:: else
	fi;
	if
	:: dying && MISTAKE != dead_is_not_noted -> note(s, DEAD); kicked = 1
	:: else
	fi;
	dying = 0;
	next = 0;
	s = 0
}

inline do_free()
{
	if
	:: MISTAKE == given_up_by_store -> got = !given_up[s]; given_up[s] = 1
	:: else -> d_step { got = !given_up[s]; given_up[s] = 1 }
	fi;
	if
	:: got ->
		d_step {
			word[s] = (is_dead(word[s]) -> word[s] : word[s] | PENDING);
			printf("%d: free() of set %d\n", _pid, s)
		};
		end_set(s);
		if
		:: MISTAKE != noted_without_reference -> note(s, ENDED)
		:: else
		fi;
		d_step { drop_owner() };
		if
		:: dying -> note(s, DEAD); dying = 0
		:: else
		fi;
		if
		:: MISTAKE == noted_without_reference -> note(s, ENDED)
		:: else
		fi;
		kicked = 1;
		got = 0
	:: else
	fi;
	s = 0
}

/* Leaves the set in m. */
inline do_make(mm)
{
	d_step {
		got = !exited[mm];
		users[mm] = users[mm] + (got && MISTAKE != made_without_user)
	};
	if
	:: got -> d_step {
		i = token[mm];
		got = i == 0 || i != CLAIMED && place[i] && is_dead(word[place[i]]);
		/* A token is that of a set that is there. */
		assert(i == 0 || i == CLAIMED || place[i] && mm_of[place[i]] == mm);
		token[mm] = (got -> CLAIMED : i)
		}
	:: else
	fi;
	if
	:: got ->
		d_step {
			i = 1;
			do
			:: i <= NPLACES && place[i] -> i++
			:: else -> break
			od;
			got = i <= NPLACES;
			if
			:: got ->
				fresh++;
				m = fresh;
				place[i] = m;
				home[m] = i;
				mm_of[m] = mm;
				word[m] = OWNER
			:: else -> token[mm] = 0
			fi;
			i = 0
		}
	:: else
	fi;
	if
	:: got ->
		d_step {
			/* No mm exits while its set is made. */
			assert(!exited[mm]);
			watched[m] = 1
		};
		open[m] = 1;
		announced[m] = 1;
		d_step {
			told_alloc[m] = 1;
			printf("%d: set %d is there\n", _pid, m)
		};
		d_step {
			token[mm] = (open[m] || MISTAKE == settled_blindly -> home[m] : 0)
		};
		got = 0
	:: else
	fi;
	d_step {
		users[mm] = (users[mm] -> users[mm] - 1 : 0);
		i = 0
	}
}

/* Ender::exiting() of the one that was made for s. */
inline notify_exit()
{
	d_step { i = home[s]; m = place[i] };
	if
	:: m ->
		d_step {
			/* A set ends with its own mm. */
			assert(m == s)
		};
		note(m, EXITED);
		kicked = 1
	:: else
	fi;
	d_step { i = 0; m = 0 }
}

inline unwatch()
{
	d_step {
		got = watched[s] && MISTAKE != still_watched;
		watched[s] = (MISTAKE == still_watched -> watched[s] : 0)
	};
	if
	:: got && MISTAKE != unwatched_at_once -> notify_exit(); got = 0
	:: else
	fi;
	if
	:: MISTAKE != still_watched && MISTAKE != unwatched_at_once -> calling != s
	:: else
	fi
}

inline look()
{
	d_step {
		/* What is noted is there. */
		assert(s);
		seen[s] = seen[s] | notes[s];
		notes[s] = (MISTAKE == notes_cleared_late -> notes[s] : 0);
		word[s] = word[s] | ((seen[s] & EXITED) && !is_dead(word[s]) -> PENDING : 0)
	};
	end_set(s);
	d_step { notes[s] = (MISTAKE == notes_cleared_late -> 0 : notes[s]) };
	if
	:: used[s] && MISTAKE != removed_with_ids -> skip
	:: else ->
		if
		:: !(seen[s] & DEAD) && MISTAKE != removed_with_references -> skip
		:: else ->
			d_step {
				got = announced[s];
				announced[s] = (MISTAKE == part_told_again -> announced[s] : 0);
				parting[s] = got
			};
			if
			:: got -> d_step {
				printf("%d: set %d goes\n", _pid, s);
				/* SET_FREE is told once. */
				assert(told_alloc[s] && !told_free[s]);
				/* What is told to go has no IDs and no references. */
				assert(used[s] == 0 && refs[s] == 0 && is_dead(word[s]));
				told_free[s] = 1
				};
				parting[s] = 0;
				got = 0
			:: else
			fi;
			unwatch();
			d_step {
				got = (used[s] == 0 || MISTAKE == removed_with_ids) &&
				      (!notes[s] || MISTAKE == removed_with_notes)
			};
			if
			:: got -> d_step {
				/* A set goes when it has no IDs and no references. */
				assert(used[s] == 0 && is_dead(word[s]));
				place[home[s]] = 0;
				removed[s] = 1
				};
				got = 0
			:: else
			fi
		fi
	fi
}

/* ---------------------------------------------------------------------------------- actors */

proctype client(byte menu; byte mm; byte turns)
{
	LOCALS;

	do
	:: turns > 0 && (menu & (MAKE_AND_FREE | MAKE_AND_PUT)) ->
		turns--;
		do_make(mm);
		if
		:: m ->
			find(m);
			if
			:: s && (menu & MAKE_AND_FREE) -> do_free()
			:: s && (menu & MAKE_AND_PUT) -> do_put()
			:: else
			fi
		:: else
		fi;
		d_step { m = 0; mm = (turns -> 3 - mm : mm) }
	:: turns > 0 && (menu & (GET | FIND)) ->
		turns--;
		if
		:: menu & GET -> m = 1; do_get(m)
		:: menu & FIND ->
			d_step { m = (token[mm] == CLAIMED -> 0 : place[token[mm]]) };
			if
			:: m && open[m] -> do_get(m)
			:: else
			fi
		fi;
		if
		:: got ->
			got = 0;
			if
			:: menu & ALLOC_ONE -> do_alloc(m); free_what_is_there()
			:: else
			fi;
			find(m);
			d_step {
				/* A held set is found. */
				assert(s == m);
				refs[s]--
			};
			do_put()
		:: else
		fi;
		m = 0
	:: turns > 0 && (menu & ALLOC_ONE) ->
		turns--;
		do_alloc(1);
		if
		:: n && (menu & HOLD) ->
			d_step { held[n] = held[n] + owned[n]; got = held[n] };
			free_id();
			if
			:: got -> got = 0; put_id()
			:: else
			fi
		:: n && !(menu & HOLD) -> skip
		:: else -> free_what_is_there()
		fi;
		n = 0
	:: turns > 0 && (menu & LET_GO) ->
		told_alloc[1];
		turns--;
		find(1);
		if
		:: s -> do_put()
		:: else
		fi
	:: turns == 0 -> break
	od;
	done++
}

/* The last user of the mm goes, if it does. */
proctype exit(byte mm)
{
	LOCALS;

	if
	:: d_step { users[mm] == 0 -> exited[mm] = 1; printf("%d: mm %d exits\n", _pid, mm) };
		d_step {
			s = 1;
			do
			:: s <= fresh && !(watched[s] && mm_of[s] == mm) -> s++
			:: else -> break
			od;
			s = (s > fresh -> 0 : s);
			calling = s
		};
		if
		:: s ->
			notify_exit();
			d_step { watched[s] = 0; calling = 0 }
		:: else
		fi
	:: skip
	fi;
	done++
}

proctype lane()
{
	LOCALS;
	byte list, at;

end:	do
	:: d_step { kicked -> kicked = 0; working = 1; list = noted; noted = 0 };
		at = 1;
		do
		:: at <= NPLACES ->
			if
			:: list & (1 << at) -> s = place[at]; look()
			:: else
			fi;
			at++
		:: else -> break
		od;
		list = 0;
		d_step { at = 0; s = 0; working = 0 }
	od
}

init {
	byte s;

	atomic {
		run lane();
		RUN
	};
	done == ACTORS && !kicked && !working;
	d_step {
		s = 1;
		do
		:: s <= fresh ->
			/* A set that is given up goes in the end. */
			assert(removed[s] == given_up[s]);
			/* SET_FREE is told of every set. */
			assert(!removed[s] || told_free[s]);
			s++
		:: else -> break
		od;
		s = 1;
		do
		:: s <= NMMS ->
			/* The token of a set that has gone is free. */
			assert(token[s] == 0);
			s++
		:: else -> break
		od;
		s = 1;
		do
		:: s <= NIDS ->
			/* No ID is left without its set. */
			assert(id_of[s] == 0);
			s++
		:: else -> break
		od;
		skip
	}
}
