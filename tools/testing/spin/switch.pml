/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Custom allocators that come and go while IDs are allocated and freed: who names a number, who
 * gets it back, and who is called. See ioasid.pml for how this is checked.
 *
 * in the model             in the code
 * --------------------------------------------------------------------------------------------
 * group, key               Registry::groups, with one member each here, in order; the number by
 *                          which entries know a registration, which is never used again
 * acting, sections         Registry::active, an SrcuCell; who is in a read section
 * admin                    Registry::admin
 * open                     Ledger::open
 * entry_of, provider       the index, and Entry::provider; what is done under its lock is one step
 * returning, slow          Pool::returning; the slow lane
 * named                    what the allocators themselves have given out: theirs, by code
 * do_alloc()               Pool::alloc_any(), alloc_from(), Space::publish_at()
 * do_free()                Pool::free(), reclaim(), hand_back()
 * registrar                Registry::register() with Queue::Yes; then unregister()
 * slow                     the slow lane of Jobs::run(), Registry::give_back()
 *
 * Not here: several members of a group, the host allocator, numbers that rest, references (an ID is
 * reclaimed when it is freed), an allocator that names what it must not.
 */

#ifndef MISTAKE
#define MISTAKE no_mistake
#endif
#define no_mistake		0
/* The default allocator looks whether it is open, and then for a number. */
#define default_looks_early	1
/* It is closed whatever IDs it has. */
#define closed_with_ids		2
/* Nobody waits for those who are in a callback: when another one is called, */
#define switch_does_not_wait	3
/* or when the last one goes. */
#define leaves_at_once		4
/* The allocator is gone before its numbers have arrived. */
#define leaves_too_early	5
/* A number is given back while it is in the index. */
#define returned_from_index	6
/* A number that is kept aside goes to the one who named it first. */
#define kept_for_the_first	7
/* Whom a number goes to is seen when it is reclaimed. */
#define returned_by_old_look	8
/* The default allocator opens before the custom one is out. */
#define opened_early		9
/* Numbers are given back with no read section. */
#define returned_outside	10

#define ALLOC_ONE	1
#define FREE_IT		2

#if defined(CONFIG_switch)
#define ACTORS		3
#define RUN \
	run registrar(1); \
	run client(ALLOC_ONE, 2); \
	run client(ALLOC_ONE | FREE_IT, 2);

#elif defined(CONFIG_switch_queue)
#define ACTORS		3
#define QUEUED		1
#define RUN \
	run registrar(1); \
	run registrar(2); \
	run client(ALLOC_ONE | FREE_IT, 3);

#elif defined(CONFIG_switch_left)
#define ACTORS		3
#define QUEUED		1
#define RUN \
	run registrar(1); \
	run client(ALLOC_ONE, 2); \
	run client(FREE_IT, 2);
#endif

/* ----------------------------------------------------------------------------------- state */

#define NCUSTOM		2	/* custom allocators, by code: 1 and 2; the default one is 0 */
#define NIDS		2

#define UNUSED		0
#define LIVE		1
#define LEAVING		2	/* reclaimed, on its way back */

byte group[NCUSTOM + 2];	/* the code of each group, first the active one; 0 is none */
byte acting;
byte sections;
byte admin;
bit open = 1;

byte state[NIDS + 1];
byte provider[NIDS + 1];
byte found_provider[NIDS + 1];	/* for a mistake: what it was when the number was reclaimed */
bit returning[NIDS + 1];
bit working;

/*
 * What is only there to be checked.
 */
byte named[NIDS + 1];	/* a bit per allocator that takes the number for given out */
byte calls[NCUSTOM + 1];	/* callbacks of it that run */
bit gone[NCUSTOM + 1];	/* its unregistration has returned */
bit registered[NCUSTOM + 1];	/* its registration has returned */
bit was_leaving[NIDS + 1];	/* when no more of them were named */
byte done;

#define ME		(1 << _pid)
#define BIT(a)		(1 << (a))
#define LOCALS		byte a, b, m, w

/* ----------------------------------------------------------------------------------- steps */

inline call(who)
{
	/* Nobody is called after unregistration. */
	assert(!gone[who]);
	calls[who]++
}

inline returns(who)
{
	/* Nobody is called after unregistration. */
	assert(!gone[who]);
	calls[who]--
}

inline enter_section()
{
	sections = sections | ME
}

inline leave_section()
{
	sections = sections & ~ME
}

/* synchronize_srcu(), of the sections that are there when it begins. */
inline synchronize()
{
	w = sections;
	do
	:: w && (w & ~sections) -> w = w & sections
	:: !w -> break
	od;
	w = 0
}

inline enter_number(who)
{
	state[m] = LIVE;
	provider[m] = who;
	printf("%d: ID %d is of allocator %d\n", _pid, m, who)
}

/* A number of the active custom allocator a, which is called. */
inline alloc_custom()
{
	d_step { call(a) };
	d_step {
		m = 1;
		do
		:: m <= NIDS && (named[m] & BIT(a)) -> m++
		:: else -> break
		od;
		if
		:: m <= NIDS -> named[m] = named[m] | BIT(a)
		:: else -> m = 0
		fi;
		returns(a)
	};
	if
	:: m -> d_step {
		if
		:: state[m] == UNUSED -> enter_number(a); b = 1
		:: else ->
			/* No allocator is blamed for what it did not do. */
			assert(provider[m] != a);
			provider[m] = (MISTAKE == kept_for_the_first -> provider[m] : a);
			printf("%d: number %d is kept aside for %d\n", _pid, m, a)
		fi
		}
	:: else -> b = 1
	fi
}

inline do_alloc()
{
	b = 0;
	do
	:: b -> break
	:: !b && acting ->
		d_step { enter_section(); a = acting };
		if
		:: a -> alloc_custom()
		:: else
		fi;
		d_step { leave_section(); a = 0; m = 0 }
	:: !b && !acting ->
		w = open;
		d_step {
			m = 1;
			do
			:: m <= NIDS && state[m] != UNUSED -> m++
			:: else -> break
			od;
			b = (MISTAKE == default_looks_early -> w : open);
			if
			:: b && m <= NIDS ->
				/* Custom allocators name all numbers. */
				assert(!registered[1] || gone[1]);
				/* Custom allocators name all numbers. */
				assert(!registered[2] || gone[2]);
				enter_number(0)
			:: else
			fi;
			m = 0;
			w = 0
		};
		/* Registry::wait_for_switch() */
		if
		:: b
		:: !b -> d_step { admin == 0 }
		fi
	od;
	b = 0
}

inline do_free()
{
	if
	:: m = 1
	:: m = 2
	fi;
	d_step {
		if
		:: state[m] == LIVE && provider[m] == 0 -> state[m] = UNUSED
		:: state[m] == LIVE && provider[m] != 0 ->
			state[m] = LEAVING;
			found_provider[m] = provider[m];
			returning[m] = 1
		:: else
		fi;
		printf("%d: free(%d)\n", _pid, m)
	};
	m = 0
}

inline is_registered(who, yes)
{
	yes = (group[1] == who || group[2] == who)
}

inline take_out(who)
{
	if
	:: group[1] == who -> group[1] = group[2]; group[2] = 0
	:: group[2] == who -> group[2] = 0
	:: else
	fi
}

/* Pool::end_rest(): waits for the slow lane, as of now. */
inline flush()
{
	a = 1;
	do
	:: a <= NIDS ->
		!returning[a] && !working;
		a++
	:: else -> break
	od;
	a = 0
}

/* ---------------------------------------------------------------------------------- actors */

proctype client(byte menu; byte turns)
{
	LOCALS;

	do
	:: turns > 0 ->
		turns--;
		if
		:: menu & ALLOC_ONE -> do_alloc()
		:: menu & FREE_IT -> do_free()
		fi
	:: else -> break
	od;
	done++
}

proctype slow()
{
	LOCALS;

end:	do
	:: atomic {
		if
		:: returning[1] -> m = 1
		:: returning[2] -> m = 2
		fi;
		working = 1
		};
		if
		:: MISTAKE == returned_from_index -> b = provider[m]
		:: else -> d_step {
			returning[m] = 0;
			b = (MISTAKE == returned_by_old_look -> found_provider[m] : provider[m]);
			state[m] = UNUSED
			}
		fi;
		if
		:: MISTAKE != returned_outside -> d_step { enter_section() }
		:: else
		fi;
		d_step {
			is_registered(b, a);
			a = (a -> b : 0);
			if
			:: a && MISTAKE != returned_outside -> call(a)
			:: else
			fi
		};
		if
		:: a -> d_step {
			/* A number goes back to the one who named it. */
			assert(named[m] & BIT(a));
			named[m] = named[m] & ~BIT(a);
			printf("%d: number %d goes back to %d\n", _pid, m, a);
			if
			:: MISTAKE == returned_outside -> call(a)
			:: else
			fi;
			returns(a)
			}
		:: else
		fi;
		d_step { leave_section() };
		if
		:: MISTAKE == returned_from_index -> d_step { returning[m] = 0; state[m] = UNUSED }
		:: else
		fi;
		d_step { working = 0; a = 0; b = 0; m = 0 }
	od
}

#define is_mine(m)		(named[m] & BIT(me))
#define is_late(m)		(was_leaving[m] && state[m] == LEAVING && is_mine(m))
#define is_lost(m)		(is_mine(m) && state[m] == UNUSED)
#define is_of_default(m)	(state[m] == LIVE && provider[m] == 0)

/* Registers allocator me, and unregisters it. */
proctype registrar(byte me)
{
	LOCALS;
	bit is_first, failed;

	d_step { admin == 0 -> admin = _pid };
	d_step {
		is_first = group[1] == 0;
		group[(is_first -> 1 : 2)] = me
	};
	if
	:: is_first ->
		d_step {
			failed = (state[1] != UNUSED || state[2] != UNUSED) &&
				 MISTAKE != closed_with_ids;
			open = (failed -> open : 0)
		};
		if
		:: failed -> d_step { take_out(me) }
		:: else ->
			acting = me
		fi
	:: else
	fi;
	d_step {
		/* Custom allocators name all numbers. */
		assert(failed || !is_first || !is_of_default(1) && !is_of_default(2));
		registered[me] = !failed;
		admin = 0;
		printf("%d: allocator %d is registered: %d\n", _pid, me, !failed)
	};

	if
	:: failed -> gone[me] = 1
	:: else ->
		d_step { admin == 0 -> admin = _pid };
		is_first = group[1] == me;
		if
		:: is_first ->
			if
			:: MISTAKE == opened_early -> open = 1
			:: else
			fi;
			acting = 0;
			if
			:: MISTAKE == switch_does_not_wait -> skip
			:: else -> synchronize()
			fi;
			d_step {
				w = 1;
				do
				:: w <= NIDS -> was_leaving[w] = state[w] == LEAVING; w++
				:: else -> break
				od;
				w = 0
			};
			if
			:: MISTAKE == leaves_too_early -> skip
			:: else -> flush()
			fi
		:: else
		fi;
		d_step {
			take_out(me);
			/* Numbers that were on their way have arrived. */
			assert(!is_first || !is_late(1) && !is_late(2));
			/* What is named and not given back is an ID. */
			assert(!is_first || working || !is_lost(1) && !is_lost(2))
		};
		if
		:: MISTAKE == leaves_at_once || MISTAKE == switch_does_not_wait -> skip
		:: else -> synchronize()
		fi;
		d_step {
			gone[me] = 1;
			printf("%d: allocator %d is unregistered\n", _pid, me)
		};
		if
		:: is_first && group[1] -> acting = group[1]; synchronize()
		:: is_first && !group[1] -> open = 1
		:: else
		fi;
		admin = 0
	fi;
	done++
}

init {
	byte m, a;
	bit yes;

	atomic {
		run slow();
		RUN
	};
	done == ACTORS && !returning[1] && !returning[2] && !working;
	d_step {
		m = 1;
		do
		:: m <= NIDS ->
			/* A reclaimed number is free. */
			assert(state[m] != LEAVING);
			/* The last one leaves all to the default allocator. */
			assert(open && acting == 0 && group[1] == 0);
			m++
		:: else -> break
		od;
		skip
	}
}
