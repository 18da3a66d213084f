/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol of one IOASID: its word, references, free from any context, passes that are handed
 * over, replay, unregistration. The "run" script beside this checks each configuration below
 * exhaustively, and that each of the mistakes is found.
 *
 * Everything is interleaved step by step; a step is one access to shared memory, or several of
 * which others can see at most one. Memory ordering is not modelled: transitions are full barriers,
 * and so is a grace period.
 *
 * in the model             in the code
 * --------------------------------------------------------------------------------------------
 * word, COUNT ... FREE_DUE Word in state.rs; SAID counts the UNBINDs that were sent and wait, which
 *                          are two at most here
 * num, entries             one life of an ID each (Entry); none is used again, as its memory is not
 *                          before a grace period has passed
 * slot, lock               the index and its lock (IdArray); what is done under the lock is one
 *                          step where others see one change of it
 * holder                   Set::spids
 * audience, audible        Subscribers::audience, a bit per subscriber, and Ledger::audible;
 *                          PRESENT is a list of nobody that is there all the same
 * reach, gone, from        those of Subscription; that of Pool::replay()
 * enter(), leave()         rcu::read_lock() and the end of its guard; a section per event here, and
 *                          one from lookup to transition, which is less than the code has
 * synchronize_...          synchronize_rcu(): waits for the sections that were open when it began
 * look()                   Pool::tell_now()
 * do_alloc()               Space::insert() or, where the lock may be dropped for memory,
 *                          insert_later(); Pool::announce()
 * do_stray()               Pool::forget()
 * do_get(), do_put()       Pool::get(), put(); do_irq_put(): where must_defer() is true
 * do_free(), do_irq_free() Pool::free(); the second one with Tell::Later
 * do_attach(), do_detach() Pool::attach_spid(), detach_spid()
 * do_notify()              Pool::notify_unbind()
 * do_pin()                 Space::pin(), unpin()
 * act()                    Pool::act()
 * pass(), deliver()        Pool::finish_pass(); Pool::tell(), tell_bind() and take_back()
 * reclaim()                Pool::reclaim() and Space::retire()
 * push(), worker           IdStack::push(); the quick lane: IdStack::drain() and Pool::finish()
 * registrar                Subscribers::add() and Pool::replay(); unregistrar: remove()
 *
 * Not here: sets and their subscribers (an audience is one list), custom allocators and resting
 * numbers, names, a saturated count, want of memory, ioasid_notify(BIND), which is attach without
 * the SPID, and put_any(), which is put or free. An attach does not pin the ID here: if the ID is
 * reclaimed, the attach finds it dead. Handlers that send UNBIND of their own ID on every UNBIND
 * never come to an end; they do it once here.
 */

#ifndef MISTAKE
#define MISTAKE no_mistake
#endif
#define no_mistake		0
/* free() clears OWNER though a pass is on. */
#define free_ignores_pass	1
/* The end of a pass is a load and a store. */
#define pass_ends_by_store	2
/* A pass ends though FREE is due. */
#define pass_forgets_free	3
/* alloc() that drops the lock goes by what was before. */
#define alloc_looks_early	4
/* Or begins the pass when others see the ID. */
#define alloc_begins_late	5
/* The first pass of an ID that nobody is told of ends whatever is due. */
#define alloc_ignores_due	6
/* OWNER is dropped before FREE is told. */
#define owner_before_free	7
/* UNBIND is sent in a pass of one's own though one is on. */
#define notify_ignores_pass	8
/* UNBIND is sent of an ID that was given up. */
#define notify_after_free	9
/* An UNBIND that was sent is told after the SPID is gone. */
#define unbind_before_sent	10
/* What is due is cleared after it is told, and with it what was sent meanwhile. */
#define sent_cleared_late	11
/* A BIND that was refused leaves the UNBIND of a detach behind. */
#define refusal_leaves_unbind	12
/* An SPID is given away before FREE is told of the ID that had it. */
#define spid_before_free	13
/* An ID that comes to nothing is freed with events, but without ALLOC. */
#define stray_is_not_told	14
/* free() with interrupts off defers though a pass is on. */
#define deferred_in_pass	15
/* An ID leaves the index though it is pinned. */
#define pins_are_ignored	16
/* A list that was empty gets a subscriber while others still go by "nobody". */
#define added_at_once		17
/* attach goes by what the word was before the SPID was set. */
#define attach_looks_once	18
/* Replay begins without a grace period. */
#define replay_does_not_wait	19
/* Replay that has to wait goes back to what came meanwhile. */
#define replay_goes_back	20
/* Replay takes an ID for told whose FREE is deferred. */
#define replay_skips_deferred	21
/* Replay looks again at why it got no pass. */
#define replay_looks_twice	22
/* Replay takes a number for told without the lock. */
#define replay_skips_unlocked	23
/* Replay tells BIND by the state that the ID has after ALLOC is told. */
#define replay_goes_by_state	24
/* Replay tells of IDs that were given up. */
#define replay_of_pending	25
/* What comes below the ID that replay waits for is nobody's. */
#define replay_leaves_gaps	26
/* Replay calls a subscriber that is gone. */
#define replay_ignores_gone	27
/* Unregistration does not wait for handlers. */
#define removal_does_not_wait	28

/* ------------------------------------------------------------------------- configurations */

/* What a client does. */
#define GET		1	/* and put */
#define FREE_IT		2
#define ALLOC_ONE	4
#define ATTACH		8
#define DETACH		16
#define NOTIFY		32
#define IRQ_FREE	64
#define IRQ_GET		128	/* and put with interrupts off */
#define PIN		256	/* and unpin */
#define STRAY		512

/* What handlers do: those of subscriber 0, but it is the last one that refuses. */
#define HOLD		1	/* get on ALLOC, put on FREE */
#define FREE_SELF	2
#define FREE_OTHER	4
#define DETACH_SELF	8
#define NOTIFY_SELF	16
#define REFUSE		32

#define ANY_ID		0
#define FOREVER		255

/*
 * NS subscribers, NE lives at most. STATE is what is there at the beginning: subscribed() ones of
 * long standing, will_replay() ones that come, and given() IDs, 1 first. client() gets its menu,
 * which ID, and how many turns it has.
 */
#if defined(CONFIG_life)
#define NS		1
#define NE		2
#define STATE		subscribed(0); given(BOUND);
#define ACTORS		4
#define RUN \
	run client(FREE_IT, 1, 1); \
	run client(GET | ALLOC_ONE, 1, 2); \
	run client(ATTACH | DETACH, 1, 2); \
	run client(DETACH | NOTIFY, 1, 2);

#elif defined(CONFIG_handlers)
#define NS		2
#define NE		2
#define HANDLERS	(HOLD | FREE_SELF | DETACH_SELF | NOTIFY_SELF)
#define STATE		subscribed(0); subscribed(1);
#define ACTORS		3
#define RUN \
	run client(ALLOC_ONE | STRAY, 1, 2); \
	run client(FREE_IT | GET, 1, 1); \
	run client(ATTACH | NOTIFY, 1, 2);

#elif defined(CONFIG_nested)
#define NS		1
#define NE		2
#define HANDLERS	FREE_OTHER
#define STATE		subscribed(0); given(0); given(0); run nested(1); run nested(2);
#define ACTORS		4
#define RUN \
	run client(FREE_IT, 1, 1); \
	run client(FREE_IT, 2, 1); \
	run client(ATTACH | NOTIFY, ANY_ID, 1); \
	run client(GET, ANY_ID, 1);

#elif defined(CONFIG_refusal)
#define NS		3
#define NE		1
#define HANDLERS	REFUSE
#define STATE		subscribed(0); subscribed(1); subscribed(2); given(0);
#define ACTORS		4
#define RUN \
	run client(ATTACH, 1, 2); \
	run client(DETACH, 1, 2); \
	run client(NOTIFY | GET, 1, 1); \
	run client(FREE_IT, 1, 1);

#elif defined(CONFIG_spid)
#define NS		1
#define NE		2
#define ONE_SPID
#define STATE		subscribed(0); given(BOUND); given(0);
#define ACTORS		4
#define RUN \
	run client(FREE_IT, 1, 1); \
	run client(NOTIFY, 1, 1); \
	run client(DETACH | ATTACH, 1, 2); \
	run client(ATTACH | FREE_IT, 2, 2);

#elif defined(CONFIG_pins)
#define NS		1
#define NE		3
#define STATE		given(0);
#define ACTORS		4
#define RUN \
	run client(FREE_IT, ANY_ID, 2); \
	run client(PIN, 1, 2); \
	run client(GET | PIN, 1, 1); \
	run client(ALLOC_ONE | STRAY, 1, 2);

#elif defined(CONFIG_interrupts)
#define NS		1
#define NE		3
#define STATE		subscribed(0); given(0); given(BOUND); run worker();
#define ACTORS		4
#define RUN \
	run client(IRQ_FREE, ANY_ID, 2); \
	run client(ATTACH | DETACH, ANY_ID, 1); \
	run client(IRQ_GET | NOTIFY, 1, 1); \
	run client(ALLOC_ONE, 1, 1);

#elif defined(CONFIG_replay)
#define NS		1
#define NE		3
#define STATE		will_replay(0); given(0); given(BOUND);
#define ACTORS		4
#define RUN \
	run registrar(0); \
	run client(FREE_IT, ANY_ID, 2); \
	run client(ALLOC_ONE, 1, 1); \
	run client(DETACH | ATTACH | GET, ANY_ID, 1);

#elif defined(CONFIG_replay_one)
#define NS		1
#define NE		2
#define STATE		will_replay(0); given(BOUND);
#define ACTORS		4
#define RUN \
	run registrar(0); \
	run client(FREE_IT | NOTIFY, 1, 2); \
	run client(DETACH | ATTACH, 1, 2); \
	run client(ALLOC_ONE, 1, 1);

#elif defined(CONFIG_replay_among)
#define NS		2
#define NE		3
#define STATE		subscribed(0); will_replay(1); given(0); given(BOUND);
#define ACTORS		4
#define RUN \
	run registrar(1); \
	run client(FREE_IT, ANY_ID, 1); \
	run client(ALLOC_ONE | NOTIFY, 1, 1); \
	run client(DETACH | ATTACH, ANY_ID, 1);

#elif defined(CONFIG_replay_deferred)
#define NS		1
#define NE		3
#define STATE		will_replay(0); given(0); given(BOUND); run worker();
#define ACTORS		4
#define RUN \
	run registrar(0); \
	run client(IRQ_FREE, ANY_ID, 1); \
	run client(IRQ_FREE | DETACH, ANY_ID, 1); \
	run client(ALLOC_ONE | IRQ_GET, 1, 1);

#elif defined(CONFIG_arrival)
#define NS		1
#define NE		2
#define STATE		given(0);
#define ACTORS		4
#define RUN \
	run registrar(0); \
	run client(ALLOC_ONE, 1, 1); \
	run client(FREE_IT, ANY_ID, 2); \
	run client(ATTACH | DETACH, ANY_ID, 2);

#elif defined(CONFIG_departure)
#define NS		2
#define NE		2
#define STATE		subscribed(0); will_replay(1); given(BOUND);
#define ACTORS		4
#define RUN \
	run registrar(1); \
	run unregistrar(1); \
	run client(FREE_IT | DETACH, 1, 2); \
	run client(ATTACH | ALLOC_ONE, 1, 1);

#elif defined(CONFIG_last_departure)
#define NS		2
#define NE		3
#define STATE		subscribed(0); subscribed(1); given(BOUND);
#define ACTORS		4
#define RUN \
	run unregistrar(0); \
	run unregistrar(1); \
	run client(FREE_IT | DETACH, 1, 1); \
	run client(ALLOC_ONE | STRAY, 1, 2);

/* Not all come to an end here: see told_of_free below. */
#elif defined(CONFIG_progress)
#define NS		1
#define NE		1
#define STATE		subscribed(0); given(0); run worker();
#define ACTORS		3
#define RUN \
	run client(ATTACH | DETACH | NOTIFY, 1, FOREVER); \
	run client(GET, 1, FOREVER); \
	run client(FREE_IT | IRQ_FREE, 1, 1);
#endif

#ifndef HANDLERS
#define HANDLERS	0
#endif

/* ----------------------------------------------------------------------------------- state */

#define COUNT		3
#define OWNER		4
#define PENDING		8
#define BOUND		16
#define BUSY		32
#define UNBIND_DUE	64
#define ONE_SAID	128
#define SAID_PLACES	2
#define SAID		384
#define FREE_DUE	512
#define DUE		(UNBIND_DUE | SAID | FREE_DUE)

#define NIDS		2
/* The reach of a subscriber that is told of all IDs. */
#define ALL		(NIDS + 1)

/* 0 is none, of entries, numbers and events. */
mtype = { ALLOC, BIND, UNBIND, SENT_UNBIND, FREE };

short word[NE + 1];
byte num[NE + 1];
bit spid[NE + 1];
byte pins[NE + 1];
bit leaving[NE + 1];
byte link[NE + 1];

byte slot[NIDS + 1];
bit lock;
/* By SPID: which entry has it. An ID has its own number as SPID if it has one. */
byte holder[NIDS + 1];
#ifdef ONE_SPID
#define SPID(m)		1
#else
#define SPID(m)		m
#endif

#define PRESENT		(1 << NS)
byte audience;
byte reach[NS];
bit gone[NS];
bit audible;

byte first_deferred;
bit working;

/* Subscribers::last, held by those who change the audience. */
bit mutex;

/* Who is in a read section, and whom the one with the mutex is waiting for: a bit per process. */
short reading;
short waits_for;

/*
 * What is only there to be checked.
 */
byte fresh = 1;			/* the next entry */
byte refs[NE + 1];		/* references that somebody has, besides the owner */
bit running[NE + 1];		/* a handler may run */
bit reclaimed[NE + 1];
bit listed[NE + 1];		/* is on the deferred list */
byte owed[NE + 1];		/* UNBINDs that were sent and are not yet being told */
byte sent_bound[NE + 1];	/* and those of them that were sent while there was an SPID */
bit subscriber_holds[NE + 1];
bit comes_to_replay[NS];
bit complete[NS];		/* its registration has returned */
bit over[NS];			/* its unregistration has returned */
byte done;

/* What a subscriber knows of a life. */
#define NOTHING		0
#define LATE		1	/* it came later, without replay: no idea of what was */
#define KNOWN		2
#define ACTIVE		3
#define FREED		4
byte seen[NS * (NE + 1)];
#define SEEN(s, e)	seen[(s) * (NE + 1) + (e)]
#define is_unheard_of(s, e) (comes_to_replay[s] && SEEN(s, e) == NOTHING)

/* Calls of handlers, by the ID of which they are told. */
#if HANDLERS & FREE_OTHER
chan call[NIDS + 1] = [0] of { byte };
chan answer[NIDS + 1] = [0] of { bit };
#endif

#define is_dead(e)	(!(word[e] & (COUNT | OWNER | BUSY)))
#define is_pending(e)	(word[e] & PENDING)
#define is_busy(e)	(word[e] & BUSY)
#define is_full(e)	((word[e] & SAID) == SAID_PLACES * ONE_SAID)

#define ME		(1 << _pid)

/*
 * The entry e of ID m; what is being told: ev to the subscribers in list, s is the next; who was
 * empty; whether the pass is ours and what it starts with; whether the entry is ours to reclaim;
 * whether we have set an SPID and not yet bound it.
 */
#define LOCALS \
	byte m, n, e, list, s, t; \
	mtype ev, start; \
	bit nobody, pass_on, refused, dying, attaching

/* ---------------------------------------------------------------------------- RCU, checks */

inline enter()
{
	reading = reading | ME
}

inline leave()
{
	reading = reading & ~ME;
	waits_for = waits_for & ~ME
}

inline check_word(e)
{
	/* No reference is lost. */
	assert((word[e] & COUNT) == refs[e]);
	/* Nothing is due of the dead. */
	assert(!is_dead(e) || is_pending(e) && !(word[e] & DUE));
	/* An UNBIND that was sent is told. */
	assert(is_busy(e) || !owed[e])
}

inline drop_owner(e, and)
{
	/* The owner has one reference. */
	assert(word[e] & OWNER);
	t = 0;
	do
	:: t < NS ->
		/* FREE is told before OWNER goes. */
		assert(gone[t] || SEEN(t, e) != KNOWN && SEEN(t, e) != ACTIVE);
		t++
	:: else -> break
	od;
	t = 0;
	word[e] = word[e] & ~(OWNER | and);
	check_word(e)
}

/* A handler begins. */
inline tell(who, what)
{
	printf("%d:	subscriber %d is told %e of ID %d\n", _pid, who, what, num[e]);
	/* Nobody is called after unregistration. */
	assert(!over[who]);
	/* Nothing is told after FREE. */
	assert(SEEN(who, e) != FREED);
	/* ALLOC is told first. */
	assert(what == ALLOC || SEEN(who, e) != NOTHING);
	if
	:: what == ALLOC ->
		/* ALLOC is told once. */
		assert(SEEN(who, e) <= LATE);
		SEEN(who, e) = KNOWN
	:: what == BIND ->
		/* BIND is told with the SPID. */
		assert(spid[e]);
		/* BIND and UNBIND alternate. */
		assert(SEEN(who, e) != ACTIVE);
#ifdef ONE_SPID
		/* An SPID is that of one ID. */
		assert(SEEN(who, 3 - e) != ACTIVE);
#endif
		SEEN(who, e) = ACTIVE
	:: what == UNBIND ->
		/* UNBIND is told with the SPID. */
		assert(spid[e]);
		/* BIND and UNBIND alternate. */
		assert(SEEN(who, e) != KNOWN);
		SEEN(who, e) = (SEEN(who, e) == LATE -> LATE : KNOWN)
	:: what == SENT_UNBIND ->
		/* UNBIND is told with the SPID. */
		assert(spid[e] || !sent_bound[e])
	:: what == FREE ->
		SEEN(who, e) = FREED
	fi
}

/* And ends. */
inline told(who)
{
	/* Nobody is called after unregistration. */
	assert(!over[who]);
	/* Passes of one ID do not overlap. */
	assert(running[e])
}

/* ---------------------------------------------------------------------------------- a pass */

#define is_told(s)	((list & (1 << (s))) && !gone[s] && reach[s] >= num[e])

inline skip_others()
{
	do
	:: s < NS && !is_told(s) -> s++
	:: else -> break
	od;
	skip
}

/* What the handler does that was called with ev. */
inline react()
{
	if
	:: (HANDLERS & HOLD) && s == 0 && ev == ALLOC && !is_pending(e) ->
		word[e] = word[e] + 1;
		refs[e]++;
		subscriber_holds[e] = 1;
		printf("%d:	its handler gets\n", _pid)
	:: (HANDLERS & HOLD) && s == 0 && ev == FREE && subscriber_holds[e] ->
		word[e] = word[e] - 1;
		refs[e]--;
		subscriber_holds[e] = 0;
		check_word(e);
		printf("%d:	its handler puts\n", _pid)
	:: (HANDLERS & FREE_SELF) && s == 0 && ev != FREE && !is_pending(e) ->
		word[e] = word[e] | PENDING | FREE_DUE;
		printf("%d:	its handler frees\n", _pid)
	:: (HANDLERS & DETACH_SELF) && s == 0 && ev == BIND && !is_pending(e) ->
		word[e] = word[e] | UNBIND_DUE;
		printf("%d:	its handler detaches\n", _pid)
	:: (HANDLERS & NOTIFY_SELF) && s == 0 && ev == ALLOC && !is_pending(e) && !is_full(e) ->
		word[e] = word[e] + ONE_SAID;
		owed[e]++;
		printf("%d:	its handler sends UNBIND\n", _pid)
	:: (HANDLERS & REFUSE) && s == NS - 1 && ev == BIND ->
		refused = 1;
		SEEN(s, e) = KNOWN;
		printf("%d:	its handler refuses\n", _pid)
#if HANDLERS & FREE_OTHER
	:: s == 0 && ev == FREE ->
		call[num[e]] ! 3 - num[e];
		answer[num[e]] ? 0
#endif
	:: !(subscriber_holds[e] && s == 0 && ev == FREE) -> skip
	fi
}

inline deliver()
{
	d_step {
		enter();
		list = audience;
		/* Passes of one ID do not overlap. */
		assert(is_busy(e) && !running[e] && slot[num[e]] == e);
		running[e] = 1;
		s = 0;
		skip_others()
	};
	do
	:: atomic { s < NS && !refused -> tell(s, ev); react() };
		d_step {
			told(s);
			if
			:: !refused -> s++; skip_others()
			:: else
			fi
		}
	:: s == NS || refused -> break
	od;
	/* Takes BIND back. */
	do
	:: refused && s > 0 ->
		s--;
		if
		:: is_told(s) ->
			d_step { tell(s, UNBIND) };
			d_step { told(s) }
		:: else
		fi
	:: !refused || s == 0 -> break
	od;
	atomic {
		running[e] = 0;
		list = 0;
		s = 0;
		leave()
	}
}

inline forget_spid()
{
	spid[e] = 0;
	if
	:: holder[SPID(num[e])] == e -> holder[SPID(num[e])] = 0
	:: else
	fi
}

/* Tells start if it is any, then what is due, and ends the pass. */
inline pass()
{
	do
	:: d_step {
		if
		:: start -> ev = start; start = 0
		:: !start && (word[e] & SAID) &&
		   !(MISTAKE == unbind_before_sent && (word[e] & UNBIND_DUE)) ->
			ev = SENT_UNBIND;
			owed[e]--
		:: !start && (word[e] & UNBIND_DUE) &&
		   !((word[e] & SAID) && MISTAKE != unbind_before_sent) ->
			ev = UNBIND
		:: !start && (word[e] & DUE) == FREE_DUE && MISTAKE != pass_forgets_free ->
			ev = FREE;
			if
			:: MISTAKE == owner_before_free -> drop_owner(e, 0)
			:: else
			fi
		:: !start && (!(word[e] & DUE) ||
			      (word[e] & DUE) == FREE_DUE && MISTAKE == pass_forgets_free) ->
			ev = 0;
			/* Passes of one ID do not overlap. */
			assert(is_busy(e) && !running[e] && slot[num[e]] == e);
#if MISTAKE == pass_ends_by_store
			old = word[e];
#else
			word[e] = word[e] & ~BUSY;
			check_word(e);
#endif
			dying = is_dead(e);
			pass_on = 0;
			printf("%d:	ends the pass of ID %d\n", _pid, num[e])
		fi
		};
#if MISTAKE == pass_ends_by_store
		if
		:: !ev -> d_step {
			word[e] = old & ~BUSY;
			old = 0;
			check_word(e);
			dying = is_dead(e)
			}
		:: else
		fi;
#endif
		if
		:: !ev -> break
		:: else
		fi;
		deliver();
		if
		:: ev == BIND && refused ->
			d_step { lock == 0 -> forget_spid() };
			d_step {
				word[e] = word[e] & ~BOUND;
				sent_bound[e] = 0;
#if MISTAKE != refusal_leaves_unbind
				word[e] = word[e] & ~UNBIND_DUE;
#endif
				refused = 0
			}
		:: ev == UNBIND ->
			d_step { lock == 0 -> forget_spid() };
			word[e] = word[e] & ~(BOUND | UNBIND_DUE)
		:: ev == SENT_UNBIND ->
			d_step {
#if MISTAKE == sent_cleared_late
				word[e] = word[e] & ~SAID;
#else
				word[e] = word[e] - ONE_SAID;
#endif
				sent_bound[e] = (sent_bound[e] -> sent_bound[e] - 1 : 0)
			}
		:: ev == FREE && MISTAKE != owner_before_free -> d_step { drop_owner(e, FREE_DUE) }
		:: ev == FREE && MISTAKE == owner_before_free -> word[e] = word[e] & ~FREE_DUE
		:: ev == ALLOC || ev == BIND && !refused -> skip
		fi
	od
}

/* The word is dead, by our doing. */
inline reclaim()
{
	d_step {
		lock == 0 ->
		printf("%d:	reclaims ID %d\n", _pid, num[e]);
		/* An ID is reclaimed once. */
		assert(slot[num[e]] == e);
		/* No ID is reclaimed that is in use. */
		assert(!reclaimed[e] && !running[e] && refs[e] == 0 && !listed[e]);
		reclaimed[e] = 1;
		dying = 0;
		if
		:: pins[e] && MISTAKE != pins_are_ignored -> leaving[e] = 1
		:: else -> remove()
		fi
	}
}

inline remove()
{
	slot[num[e]] = 0;
	if
	:: holder[SPID(num[e])] == e -> holder[SPID(num[e])] = 0
	:: else
	fi
}

/* Pool::act(). */
inline act()
{
	do
	:: pass_on -> pass()
	:: !pass_on && dying -> reclaim()
	:: atomic { !pass_on && !dying -> e = 0; m = 0; break }
	od
}

/* ------------------------------------------------------------------------------ operations */

/* Entry 0, which is none, is dead. */
inline lookup()
{
	d_step { enter(); e = slot[m] }
}

/* Whether there is somebody to tell, before what would be told. */
inline look()
{
	atomic {
		nobody = !audience;
		printf("%d:	finds somebody to tell of ID %d: %d\n", _pid, m, !nobody)
	}
}

inline do_get()
{
	d_step {
		if
		:: is_dead(e) || is_pending(e) -> e = 0
		:: else ->
			word[e] = word[e] + 1;
			refs[e]++;
			check_word(e);
			printf("%d: get(%d)\n", _pid, m)
		fi;
		leave()
	}
}

/* Of what do_get() took. */
inline do_put()
{
	d_step {
		if
		:: e ->
			/* An ID with references is found. */
			assert(slot[m] == e);
			word[e] = word[e] - 1;
			refs[e]--;
			check_word(e);
			dying = is_dead(e);
			printf("%d: put(%d)\n", _pid, m)
		:: else
		fi
	}
}

/* The link is of use to one list at a time. */
inline push()
{
	d_step {
		printf("%d:	defers ID %d\n", _pid, num[e]);
		/* An ID is on one list only. */
		assert(!listed[e]);
		listed[e] = 1;
		link[e] = first_deferred;
		first_deferred = num[e];
		dying = 0;
		leave()
	}
}

inline do_irq_put()
{
	d_step {
		if
		:: e ->
			enter();
			word[e] = word[e] - 1;
			refs[e]--;
			check_word(e);
			dying = is_dead(e);
			printf("%d: put(%d) with interrupts off\n", _pid, m);
			if :: !dying -> leave() :: else fi
		:: else
		fi
	};
	if
	:: dying -> push()
	:: else
	fi
}

inline do_free()
{
	look();
	d_step {
		if
		:: is_dead(e) || is_pending(e) -> skip
		:: else ->
			if
			:: is_busy(e) && MISTAKE != free_ignores_pass ->
				printf("%d: free(%d), left to the pass\n", _pid, m);
				word[e] = word[e] | PENDING | FREE_DUE
			:: !is_busy(e) && !nobody ->
				printf("%d: free(%d), begins a pass\n", _pid, m);
				word[e] = word[e] | PENDING | FREE_DUE | BUSY;
				pass_on = 1
			:: else ->
				printf("%d: free(%d), nobody to tell\n", _pid, m);
				word[e] = word[e] | PENDING;
				drop_owner(e, 0);
				dying = is_dead(e)
			fi
		fi;
		nobody = 0;
		leave()
	}
}

inline do_irq_free()
{
	d_step {
		if
		:: is_dead(e) || is_pending(e) -> leave()
		:: else ->
			printf("%d: free(%d) with interrupts off\n", _pid, m);
			dying = !is_busy(e) || MISTAKE == deferred_in_pass;
			word[e] = word[e] | PENDING | FREE_DUE;
			if :: !dying -> leave() :: else fi
		fi
	};
	if
	:: dying -> push()
	:: else
	fi
}

#define may_attach(e)	(!is_dead(e) && !(word[e] & (PENDING | BOUND | BUSY)))

inline do_attach()
{
	look();
	d_step {
		lock == 0 ->
		t = holder[SPID(m)];
		if
		:: !may_attach(e) ||
		   t && (word[t] & OWNER) && !(is_pending(t) && MISTAKE == spid_before_free) ->
			t = 0;
			nobody = 0;
			leave()
		:: else ->
			lock = 1;
			attaching = 1;
			holder[SPID(m)] = e;
			spid[e] = 1
		fi
	};
	if
	:: attaching -> d_step {
		if
		:: may_attach(e) || MISTAKE == attach_looks_once ->
			word[e] = word[e] | BOUND | (nobody -> 0 : BUSY);
			pass_on = !nobody;
			start = (nobody -> 0 : BIND);
			printf("%d: attach(%d), begins a pass: %d\n", _pid, m, pass_on)
		:: else ->
			holder[SPID(m)] = t;
			spid[e] = 0
		fi;
		lock = 0;
		attaching = 0;
		t = 0;
		nobody = 0;
		leave()
		}
	:: else
	fi
}

inline do_detach()
{
	look();
	d_step {
		lock == 0 ->
		if
		:: is_dead(e) || (word[e] & (PENDING | BOUND | UNBIND_DUE)) != BOUND -> skip
		:: else ->
			if
			:: nobody && !is_busy(e) ->
				word[e] = word[e] & ~BOUND;
				forget_spid()
			:: else ->
				pass_on = !is_busy(e);
				word[e] = word[e] | BUSY | UNBIND_DUE
			fi;
			printf("%d: detach(%d), begins a pass: %d\n", _pid, m, pass_on)
		fi;
		nobody = 0;
		leave()
	}
}

inline do_notify()
{
	d_step {
		if
		:: is_dead(e) || is_full(e) || is_pending(e) && MISTAKE != notify_after_free -> skip
		:: else ->
			pass_on = !is_busy(e) || MISTAKE == notify_ignores_pass;
			owed[e]++;
			sent_bound[e] = sent_bound[e] + ((word[e] & (BOUND | UNBIND_DUE)) == BOUND);
			word[e] = (word[e] | BUSY) + ONE_SAID;
			printf("%d: notify(%d), begins a pass: %d\n", _pid, m, pass_on)
		fi;
		leave()
	}
}

/* Makes an ID of the lowest number, with the lock held. */
inline insert(bits)
{
	m = 1;
	do
	:: m <= NIDS && slot[m] -> m++
	:: else -> break
	od;
	if
	:: m > NIDS || fresh > NE -> m = 0
	:: else ->
		e = fresh;
		fresh++;
		word[e] = OWNER | bits;
		num[e] = m;
		t = 1;
		do
		:: t < e ->
			/* A number is not used again too early. */
			assert(num[t] != m || reclaimed[t] && refs[t] == 0);
			t++
		:: else -> break
		od;
		t = 0;
		do
		:: t < NS ->
			SEEN(t, e) = (complete[t] || comes_to_replay[t] -> NOTHING : LATE);
			t++
		:: else -> break
		od;
		t = 0;
		slot[m] = e;
		printf("%d: alloc() makes ID %d, in a pass: %d\n", _pid, m, is_busy(e) != 0)
	fi
}

inline do_alloc()
{
	if
	:: d_step {
		lock == 0 ->
		insert((audible -> BUSY : 0));
		pass_on = e && audible;
		start = (pass_on -> ALLOC : 0)
		}
#if MISTAKE == alloc_looks_early || MISTAKE == alloc_begins_late
	:: d_step {
		lock == 0 ->
		nobody = !audible;
		printf("%d: alloc() drops the lock for memory; nobody to tell: %d\n", _pid, nobody)
		};
		d_step { lock == 0 -> insert((nobody -> 0 : BUSY)); lock = (e != 0) };
		d_step {
			if
			:: MISTAKE == alloc_looks_early && nobody == audible ||
			   MISTAKE == alloc_begins_late && nobody && audible ->
				pass_on = e && !is_busy(e) && !is_pending(e);
				word[e] = word[e] | (pass_on -> BUSY : 0)
			:: else -> pass_on = e && !nobody
			fi;
			start = (pass_on -> ALLOC : 0);
			nobody = 0;
			lock = 0
		}
#else
	:: d_step { lock == 0 -> insert(BUSY); lock = (e != 0) };
		d_step {
			pass_on = e && (audible || (word[e] & DUE) && MISTAKE != alloc_ignores_due);
			start = (pass_on -> ALLOC : 0);
			word[e] = word[e] & ~(pass_on -> 0 : BUSY);
			lock = 0
		}
#endif
	fi
}

inline do_stray()
{
	do_alloc();
	if
	:: MISTAKE == stray_is_not_told -> start = 0
	:: else
	fi;
	n = m;
	act();
	m = n;
	n = 0;
	if
	:: m -> lookup(); do_free()
	:: else
	fi
}

inline do_pin()
{
	d_step {
		lock == 0 ->
		e = slot[m];
		if
		:: e && is_dead(e) -> e = 0
		:: e && !is_dead(e) -> pins[e]++; printf("%d: pin(%d)\n", _pid, m)
		:: !e
		fi
	};
	if
	:: e -> d_step {
		lock == 0 ->
		/* A pinned ID is found. */
		assert(slot[m] == e);
		pins[e]--;
		printf("%d: unpin(%d)\n", _pid, m);
		if
		:: leaving[e] && pins[e] == 0 -> leaving[e] = 0; remove()
		:: else
		fi
		}
	:: else
	fi
}

/* --------------------------------------------------------------------------------- actors */

#if MISTAKE == pass_ends_by_store
#define CLIENT_LOCALS LOCALS; short old
#else
#define CLIENT_LOCALS LOCALS
#endif

proctype client(short menu; byte id; byte turns)
{
	CLIENT_LOCALS;

	do
	:: atomic {
		turns > 0 ->
		turns = (turns == FOREVER -> FOREVER : turns - 1);
		if
		:: id -> m = id
		:: !id -> m = 1
		:: !id -> m = 2
		fi
		};
		if
		:: atomic { menu & GET -> lookup() }; do_get(); do_put()
		:: atomic { menu & IRQ_GET -> lookup() }; do_get(); do_irq_put()
		:: atomic { menu & FREE_IT -> lookup() }; do_free()
		:: atomic { menu & IRQ_FREE -> lookup() }; do_irq_free()
		:: atomic { menu & ATTACH -> lookup() }; do_attach()
		:: atomic { menu & DETACH -> lookup() }; do_detach()
		:: atomic { menu & NOTIFY -> lookup() }; do_notify()
		:: menu & ALLOC_ONE -> do_alloc()
		:: menu & STRAY -> do_stray()
		:: menu & PIN -> do_pin()
		fi;
		act()
	:: turns == 0 -> break
	od;
	done++
}

#if HANDLERS & FREE_OTHER
/* Frees another ID for the handler that is called with this one. */
proctype nested(byte id)
{
	CLIENT_LOCALS;

end:	do
	:: call[id] ? m ->
		lookup();
		do_free();
		act();
		answer[id] ! 0
	od
}
#endif

proctype worker()
{
	CLIENT_LOCALS;
	byte next;

end:	do
	:: d_step {
		first_deferred != 0 ->
		next = first_deferred;
		first_deferred = 0;
		working = 1
		};
		do
		:: next ->
			d_step {
				enter();
				e = slot[next];
				/* What is deferred is found. */
				assert(e && listed[e]);
				listed[e] = 0;
				next = link[e];
				link[e] = 0
			};
			d_step {
				dying = is_dead(e);
				pass_on = !dying && !is_busy(e);
				if
				:: pass_on -> word[e] = word[e] | BUSY
				:: else
				fi;
				printf("%d: work for ID %d, begins a pass: %d\n", _pid, num[e],
				       pass_on);
				leave()
			};
			act()
		:: !next -> break
		od;
		working = 0
	od
}

/* synchronize_rcu() in two parts, of which the first is one step with what comes before. */
#define synchronize_begins	waits_for = reading
#define synchronize_ends	waits_for == 0

/* Tells the new subscriber alone. */
inline tell_one(what)
{
	d_step {
		enter();
		/* Passes of one ID do not overlap. */
		assert(is_busy(e) && !running[e] && slot[num[e]] == e);
		if
		:: gone[me] && MISTAKE != replay_ignores_gone -> leave()
		:: else ->
			ev = what;
			running[e] = 1;
			tell(me, what)
		fi
	};
	if
	:: ev -> d_step {
		told(me);
		ev = 0;
		running[e] = 0;
		leave()
		}
	:: else
	fi
}

#if MISTAKE == replay_skips_deferred
#define is_passed_over(e)	(is_dead(e) || is_pending(e) && !is_busy(e))
#else
#define is_passed_over(e)	(is_dead(e) || is_pending(e) && !(word[e] & (BUSY | FREE_DUE)))
#endif

#define is_left_out(e)	(e && !(word[e] & (BUSY | PENDING)) && SEEN(me, e) == NOTHING)

/* Replay has told of everything that is there. */
inline check_all_told()
{
	t = 1;
	do
	:: t <= NIDS ->
		/* Replay tells of every ID. */
		assert(gone[me] || !is_left_out(slot[t]));
		t++
	:: else -> break
	od;
	t = 0
}

/* Pool::replay_id(). Where the code tries again, it waits for what makes a difference. */
inline replay_id()
{
	slot[m] != e || is_passed_over(e) || !is_busy(e) && !is_pending(e);
	lookup();
	d_step {
		passed_over = e && is_passed_over(e);
		pass_on = !is_dead(e) && !is_busy(e) &&
			  (!is_pending(e) || MISTAKE == replay_of_pending);
		if
		:: pass_on ->
			word[e] = word[e] | BUSY;
			reach[me] = m;
			from = m;
			bound = (word[e] & BOUND) != 0
		:: else
		fi;
		printf("%d: replay of ID %d, begins a pass: %d\n", _pid, m, pass_on)
	};
	if
	:: e && !pass_on && MISTAKE == replay_looks_twice -> passed_over = !is_busy(e)
	:: else
	fi;
	if
	:: passed_over && MISTAKE == replay_skips_unlocked -> d_step { reach[me] = m; from = m }
	:: passed_over && MISTAKE != replay_skips_unlocked -> while_there()
	:: !passed_over
	fi;
	atomic { passed_over = 0; leave() };
	if
	:: pass_on -> tell_one(ALLOC)
	:: else
	fi;
	if
	:: pass_on && MISTAKE == replay_goes_by_state -> bound = (word[e] & BOUND) && !is_pending(e)
	:: else
	fi;
	if
	:: bound -> tell_one(BIND); bound = 0
	:: else
	fi
}

/* Space::while_there() */
inline while_there()
{
	d_step {
		lock == 0 ->
		if
		:: slot[m] == e ->
			reach[me] = m;
			from = m;
			printf("%d: replay passes over ID %d\n", _pid, m)
		:: else
		fi
	}
}

proctype registrar(byte me)
{
	CLIENT_LOCALS;
	bit bound, passed_over;
	byte from;

	d_step { mutex == 0 -> mutex = 1 };
	if
	:: !comes_to_replay[me] && audience == 0 && MISTAKE != added_at_once ->
		d_step { audience = PRESENT; synchronize_begins };
		synchronize_ends
	:: else
	fi;
	d_step {
		reach[me] = (comes_to_replay[me] -> 0 : ALL);
		audience = (audience | 1 << me) & ~PRESENT;
		synchronize_begins;
		printf("%d: subscriber %d is on the list\n", _pid, me)
	};
	if
	:: MISTAKE == replay_does_not_wait -> skip
	:: else -> synchronize_ends
	fi;
	d_step {
		lock == 0 ->
		audible = 1;
		mutex = 0;
		printf("%d: new IDs are told of\n", _pid)
	};
	do
	:: reach[me] != ALL ->
		/* Space::next_above() */
		d_step {
			lock == 0 ->
			m = from + 1;
			do
			:: m <= NIDS && slot[m] == 0 -> m++
			:: else -> break
			od;
			if
			:: m > NIDS ->
				reach[me] = ALL;
				m = 0;
				check_all_told()
			:: else ->
				from = (MISTAKE == replay_goes_back -> from : m - 1);
				reach[me] = (MISTAKE == replay_leaves_gaps -> reach[me] : m - 1);
				e = slot[m]
			fi
		};
		if
		:: m -> replay_id(); act()
		:: else
		fi
	:: reach[me] == ALL -> break
	od;
	complete[me] = 1;
	done++
}

proctype unregistrar(byte me)
{
	d_step { mutex == 0 && (audience & (1 << me)) -> mutex = 1 };
	gone[me] = 1;
	d_step {
		lock == 0 ->
		audible = (audience != 1 << me)
	};
	d_step {
		audience = audience & ~(1 << me);
		synchronize_begins;
		printf("%d: subscriber %d is off the list\n", _pid, me)
	};
	if
	:: MISTAKE == removal_does_not_wait -> skip
	:: else -> synchronize_ends
	fi;
	d_step {
		over[me] = 1;
		mutex = 0;
		printf("%d: subscriber %d is unregistered\n", _pid, me)
	};
	done++
}

/* ------------------------------------------------------------------- beginning and the end */

inline subscribed(who)
{
	complete[who] = 1;
	reach[who] = ALL;
	audience = audience | 1 << who;
	audible = 1
}

inline will_replay(who)
{
	comes_to_replay[who] = 1
}

inline given(bits)
{
	e = fresh;
	fresh++;
	word[e] = OWNER | bits;
	num[e] = e;
	slot[e] = e;
	spid[e] = (bits & BOUND) != 0;
	holder[SPID(e)] = (spid[e] -> e : holder[SPID(e)]);
	s = 0;
	do
	:: s < NS ->
		if
		:: complete[s] -> SEEN(s, e) = (spid[e] -> ACTIVE : KNOWN)
		:: else -> SEEN(s, e) = (comes_to_replay[s] -> NOTHING : LATE)
		fi;
		s++
	:: else -> break
	od;
	s = 0;
	e = 0
}

init {
	byte e, s;

	atomic {
		STATE
		RUN
	};
	done == ACTORS && first_deferred == 0 && !working;
	d_step {
		/* Locks and sections come to an end. */
		assert(!lock && !reading);
		e = 1;
		do
		:: e < fresh ->
			check_word(e);
			/* What is due is told. */
			assert(!(word[e] & (BUSY | DUE)));
			/* A freed ID loses its owner. */
			assert(!is_pending(e) || !(word[e] & OWNER));
			/* An ID is reclaimed in the end. */
			assert(is_dead(e) == reclaimed[e]);
			/* An ID is in the index until reclaim. */
			assert((slot[num[e]] == e) == !reclaimed[e]);
			s = 0;
			do
			:: s < NS ->
				if
				:: !(audience & (1 << s)) || SEEN(s, e) == LATE -> skip
				:: else ->
					if
					:: is_pending(e) ->
						/* FREE is told of every ID. */
						assert(SEEN(s, e) == FREED || is_unheard_of(s, e))
					:: else ->
						/* What is told is true. */
						assert((SEEN(s, e) == ACTIVE) == (spid[e] != 0))
					fi
				fi;
				s++
			:: else -> break
			od;
			e++
		:: else -> break
		od;
		skip
	}
}

#ifdef CONFIG_progress
ltl told_of_free { [] ((word[1] & FREE_DUE) -> <> !(word[1] & FREE_DUE)) }
#endif
