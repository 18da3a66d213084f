/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The litmus tests of ../litmus, on the memory of weak.pml: the configuration litmus_NAME is
 * NAME.litmus, statement by statement, and its mistake is NAME+weak.litmus. See ioasid.pml for how
 * this is checked, and ioasid-model.rst in Documentation/driver-api for what the tests stand for.
 */

#ifndef MISTAKE
#define MISTAKE no_mistake
#endif
#define no_mistake		0
#define publish_weak		1
#define depend_weak		2
#define leaf_weak		3
#define refuse_weak		4
#define lastput_weak		5
#define freeput_weak		6
#define grace_weak		7
#define wake_weak		8
#define arrival_weak		9

#define NL		3
#define NM		5
#include "weak.pml"

#define LOCALS \
	MEMORY_LOCALS; \
	byte r0, r1; \
	bit ok

/* What the registers are in the end. */
byte p0_r0, p0_r1, p1_r0, p1_r1, p2_r0, p2_r1;
byte done;

#define initial(l, what)	value[AT(l, 0)] = what
#define ends(to0, to1)	d_step { to0 = r0; to1 = r1; done++ }

#define STRONG(l, old, new)	exchange(l, old, new, ok)
#define RELAXED(l, old, new)	exchange_relaxed(l, old, new, ok)

#if defined(CONFIG_litmus_publish)
#define WORD		0
#define SLOT		1
#define NPROCS		2
#define BEGIN		skip
#define FORBIDDEN	(p1_r0 == 1 && p1_r1 == 0)
#if MISTAKE == publish_weak
#define ASSIGN(l, x)	store_plain(l, x)
#else
#define ASSIGN(l, x)	store_release(l, x)
#endif
proctype p0()
{
	LOCALS;
	atomic { store_plain(WORD, 1) };
	atomic { ASSIGN(SLOT, 1) };
	ends(p0_r0, p0_r1)
}
proctype p1()
{
	LOCALS;
	atomic { enter() };
	atomic { load_pointer(SLOT, r0) };
	if
	:: r0 -> atomic { load_plain(WORD, r1) }
	:: else
	fi;
	atomic { leave() };
	ends(p1_r0, p1_r1)
}

#elif defined(CONFIG_litmus_depend)
#define WORD		0
#define SLOT		1
#define NPROCS		2
#define BEGIN		skip
#define FORBIDDEN	(p1_r0 == 1 && p1_r1 == 0)
#if MISTAKE == depend_weak
#define DEREFERENCE(l, x)	load_plain(l, x)
#else
#define DEREFERENCE(l, x)	load_pointer(l, x)
#endif
proctype p0()
{
	LOCALS;
	atomic { store_plain(WORD, 1) };
	atomic { store_release(SLOT, 1) };
	ends(p0_r0, p0_r1)
}
proctype p1()
{
	LOCALS;
	atomic { DEREFERENCE(SLOT, r0) };
	atomic { load_plain(WORD, r1) };
	ends(p1_r0, p1_r1)
}

/* The directory points to a leaf that somebody else has put there. */
#elif defined(CONFIG_litmus_leaf)
#define DIRECTORY	0
#define SLOT		1
#define WORD		2
#define NPROCS		3
#define BEGIN		initial(SLOT, 9)
#define FORBIDDEN	(p2_r0 == 9 || p2_r0 == 1 && p2_r1 == 0)
#if MISTAKE == leaf_weak
#define ASSIGN(l, x)	store_plain(l, x)
#else
#define ASSIGN(l, x)	store_release(l, x)
#endif
proctype p0()
{
	LOCALS;
	atomic { store_plain(SLOT, 0) };
	atomic { lock(); ASSIGN(DIRECTORY, 1); unlock() };
	ends(p0_r0, p0_r1)
}
proctype p1()
{
	LOCALS;
	atomic { store_plain(WORD, 1) };
	atomic {
		lock();
		load_plain(DIRECTORY, r0);
		if
		:: r0 -> store_release(SLOT, 1)
		:: else
		fi;
		unlock()
	};
	ends(p1_r0, p1_r1)
}
proctype p2()
{
	LOCALS;
	atomic { load_pointer(DIRECTORY, r0) };
	if
	:: r0 -> atomic { load_pointer(SLOT, r0) }
	:: else
	fi;
	if
	:: r0 == 1 -> atomic { load_plain(WORD, r1) }
	:: else
	fi;
	ends(p2_r0, p2_r1)
}

/* 1 is the owner's reference, 2 another one beside it. */
#elif defined(CONFIG_litmus_refuse)
#define WORD		0
#define NPROCS		2
#define BEGIN		initial(WORD, 1)
#define FORBIDDEN	(p0_r1 && p1_r1)
proctype p0()
{
	LOCALS;
#if MISTAKE == refuse_weak
	atomic { load_plain(WORD, r0) };
	if
	:: r0 == 1 -> atomic { r0 = value[AT(WORD, last[WORD])]; STRONG(WORD, r0, r0 + 1) }
	:: else
	fi;
#else
	atomic { r0 = 1; STRONG(WORD, r0, 2) };
#endif
	r1 = ok;
	ends(p0_r0, p0_r1)
}
proctype p1()
{
	LOCALS;
	atomic { r0 = 1; STRONG(WORD, r0, 0) };
	r1 = ok;
	ends(p1_r0, p1_r1)
}

#elif defined(CONFIG_litmus_lastput)
#define WORD		0
#define WORK		1
#define NPROCS		2
#define BEGIN		initial(WORD, 2)
#define FORBIDDEN	(p1_r0 == 1 && p1_r1 == 0)
#if MISTAKE == lastput_weak
#define EXCHANGE(l, old, new)	RELAXED(l, old, new)
#else
#define EXCHANGE(l, old, new)	STRONG(l, old, new)
#endif
proctype p0()
{
	LOCALS;
	atomic { store_plain(WORK, 1) };
	atomic { r0 = 2; EXCHANGE(WORD, r0, 1) };
	ends(p0_r0, p0_r1)
}
proctype p1()
{
	LOCALS;
	atomic { r0 = 1; EXCHANGE(WORD, r0, 0) };
	if
	:: ok -> atomic { load_plain(WORK, r1) }
	:: else
	fi;
	ends(p1_r0, p1_r1)
}

/* 2 is the owner's reference, 1 the other one. */
#elif defined(CONFIG_litmus_freeput)
#define WORD		0
#define NPROCS		2
#define BEGIN		initial(WORD, 3)
/* Who has seen that nothing is left: one of them, and not both. */
#define FORBIDDEN	(p0_r1 == p1_r1)
inline give(first, other)
{
	atomic { r0 = 3; STRONG(WORD, r0, other) };
	if
	:: !ok && r0 == first -> atomic { STRONG(WORD, r0, 0); r1 = ok }
	:: else
	fi
}
proctype p0()
{
	LOCALS;
#if MISTAKE == freeput_weak
	atomic { load_plain(WORD, r0) };
	atomic { store_plain(WORD, r0 - 1); r1 = (r0 == 1) };
#else
	give(1, 2);
#endif
	ends(p0_r0, p0_r1)
}
proctype p1()
{
	LOCALS;
	give(2, 1);
	ends(p1_r0, p1_r1)
}

/* 1 is a life, 2 is what there is when the memory is somebody else's. */
#elif defined(CONFIG_litmus_grace)
#define WORD		0
#define SLOT		1
#define NPROCS		2
#define BEGIN		initial(WORD, 1); initial(SLOT, 1)
#define FORBIDDEN	(p1_r0 == 1 && p1_r1 == 2)
proctype p0()
{
	LOCALS;
	atomic { store_plain(SLOT, 0) };
#if MISTAKE != grace_weak
	atomic { synchronize_begins() };
	atomic { synchronize_ends() };
#endif
	atomic { store_plain(WORD, 2) };
	ends(p0_r0, p0_r1)
}
proctype p1()
{
	LOCALS;
	atomic { enter() };
	atomic { load_pointer(SLOT, r0) };
	if
	:: r0 -> atomic { load_plain(WORD, r1) }
	:: else
	fi;
	atomic { leave() };
	ends(p1_r0, p1_r1)
}

#elif defined(CONFIG_litmus_wake)
#define WORD		0
#define WAITING		1
#define NPROCS		2
#define BEGIN		initial(WORD, 1)
#define FORBIDDEN	(p0_r1 == 0 && p1_r1 == 1)
proctype p0()
{
	LOCALS;
#if MISTAKE == wake_weak
	atomic { r0 = 1; RELAXED(WORD, r0, 0) };
#else
	atomic { r0 = 1; STRONG(WORD, r0, 0) };
#endif
	atomic { load_plain(WAITING, r1) };
	ends(p0_r0, p0_r1)
}
proctype p1()
{
	LOCALS;
	atomic { store_plain(WAITING, 1) };
	atomic { full_barrier() };
	atomic { load_plain(WORD, r1) };
	ends(p1_r0, p1_r1)
}

/* 1 is what an ID is that nobody was told of when it was given up. */
#elif defined(CONFIG_litmus_arrival)
#define AUDIENCE	0
#define WORD		1
#define NPROCS		2
#define BEGIN		skip
#define FORBIDDEN	(p0_r0 == 0 && p1_r0 == 0)
proctype p0()
{
	LOCALS;
	atomic { enter() };
	atomic { load_plain(AUDIENCE, r0) };
	if
	:: r0 == 0 -> atomic { STRONG(WORD, r1, 1); r1 = 0 }
	:: else
	fi;
	atomic { leave() };
	ends(p0_r0, p0_r1)
}
proctype p1()
{
	LOCALS;
	atomic { store_release(AUDIENCE, 1) };
#if MISTAKE != arrival_weak
	atomic { synchronize_begins() };
	atomic { synchronize_ends() };
#endif
	atomic { load_plain(WORD, r0) };
	ends(p1_r0, p1_r1)
}
#endif

init {
	atomic {
		BEGIN;
		run p0();
		run p1();
#if NPROCS == 3
		run p2()
#endif
	};
	done == NPROCS;
	d_step {
		/* The outcome is never seen. */
		assert(!FORBIDDEN)
	}
}
