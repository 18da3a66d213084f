/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unbinding against the exit of the mm: bonds, the notifier, the late lane, the number, and what of
 * the mm is held. See ioasid.pml for how this is checked.
 *
 * in the model             in the code
 * --------------------------------------------------------------------------------------------
 * book                     Sva::shelf: which process has the book, 0 is none
 * users, count, is_freed   mm_users and mm_count of an mm, its memory
 * notifier, calling, srcu  the mmu notifier of an IoMm: registered, running (srcu of the notifiers)
 * io_mm, is_over, exited   IoMm, IoMm::is_over, Exit::exited
 * bond                     a Held per device, and IoMm::bonds; attached: Held::attached
 * faults                   the driver has been told release(): its devices fault
 * owned, refs, serial      the one ID number: its owner's reference, those of bonds, its life
 * map, reading             MmMap; who is in an RCU section of find()
 * do_bind(), do_unbind()   Pool::bind(), Pool::unbind(), for a back end with numbers of its own
 * dissolve()               IoMm::end(), Pool::end_lease()
 * exit                     mmput(), exit_mmap(), Exit::exiting(); mmdrop()
 * late                     Pool::tidy_exited()
 * finder                   MmMap::find(), for whom the number of a page request is that of an mm
 *
 * Not here: several devices of a group, adopted numbers, devices that go, invalidations (they come
 * and go as release() does), events of an ID (ioasid.pml).
 */

#ifndef MISTAKE
#define MISTAKE no_mistake
#endif
#define no_mistake		0
/* Whoever binds holds no user of the mm. */
#define bind_without_user	1
/* The notifier goes, and those who are in it are not waited for. */
#define notifier_not_awaited	2
/* The number is free before it is taken off the map. */
#define mapped_after_free	3
/* The mm is dropped at once when it is off the map. */
#define dropped_without_period	4
/* find() takes a user whether there are any or not. */
#define user_of_the_dead	5
/* A lease is ended by its number. */
#define lease_without_serial	6
/* The reference goes before the device is detached. */
#define put_before_detach	7
/* The late lane is kicked, and then the exit noted. */
#define noted_after_kick	8
/* What follows an address space holds nothing of the mm. */
#define io_mm_holds_no_mm	9
/* The driver is told nothing of the exit. */
#define release_not_told	10

#if defined(CONFIG_sva_unbind)
#define ACTORS		3
#define RUN \
	run driver(1, 1, 1); \
	run driver(1, 2, 1); \
	run exit(1);

#elif defined(CONFIG_sva_exit)
#define ACTORS		3
#define PATIENT
#define RUN \
	run driver(1, 1, 1); \
	run finder(); \
	run exit(1);

#elif defined(CONFIG_sva_reuse)
#define ACTORS		3
#define RUN \
	run driver(1, 1, 1); \
	run driver(2, 2, 1); \
	run exit(1);

#elif defined(CONFIG_sva_find)
#define ACTORS		3
#define RUN \
	run driver(1, 1, 2); \
	run finder(); \
	run exit(1);
#endif

/* ----------------------------------------------------------------------------------- state */

#define NMMS		2
#define NDEVICES	2

byte book;

byte users[NMMS + 1];
byte count[NMMS + 1];
bit is_freed[NMMS + 1];
bit has_exited[NMMS + 1];	/* exit_mmap() is done: its page tables are gone */

bit io_mm[NMMS + 1];
bit notifier[NMMS + 1];
byte calling;
bit exited[NMMS + 1];
bit closing[NMMS + 1];
bit is_over[NMMS + 1];
bit faults[NMMS + 1];
byte lease[NMMS + 1];

bit bond[(NMMS + 1) * (NDEVICES + 1)];
#define BOND(m, d)	bond[(m) * (NDEVICES + 1) + (d)]
#define BONDS(m)	(BOND(m, 1) + BOND(m, 2))

/* The only number that there is, and the life that has it. */
bit owned;
byte refs;
byte serial;
byte map;

short reading;
bit kicked;
bit working;
byte done;

#define ME		(1 << _pid)
#define LOCALS \
	byte w, l; \
	bit ok

/* ----------------------------------------------------------------------------------- steps */

/* Of an mm whose memory is there. */
inline touch(m)
{
	/* Nobody looks at an mm that is freed. */
	assert(!is_freed[m])
}

inline drop_count(m)
{
	touch(m);
	/* No mm is dropped twice. */
	assert(count[m]);
	count[m]--;
	is_freed[m] = (count[m] == 0)
}

inline open_book()
{
	d_step { book == 0 -> book = _pid }
}

inline close_book()
{
	book = 0
}

inline free_lease(m, life)
{
	d_step {
		if
		:: owned && (serial == life || MISTAKE == lease_without_serial) ->
			/* An ID is freed by its own mm. */
			assert(serial == life);
			owned = 0;
			/* A number that is free is on no map. */
			assert(refs || map == 0);
			printf("%d: the ID of mm %d is freed\n", _pid, m)
		:: else
		fi
	}
}

/* Nobody has the ID any more. */
#define is_reclaimed	(!owned && refs == 0)

/* Waits for those who were in a section. */
inline synchronize()
{
	w = reading;
	do
	:: w && (w & ~reading) -> w = w & reading
	:: !w -> break
	od;
	w = 0
}

inline unregister(m)
{
	closing[m] = 1;
	notifier[m] = 0;
	if
	:: MISTAKE != notifier_not_awaited -> calling != m
	:: else
	fi
}

inline unmap(m)
{
	d_step {
		ok = map == m;
		map = (ok -> 0 : map)
	};
	if
	:: ok && MISTAKE != dropped_without_period -> synchronize()
	:: else
	fi
}

/* With the book open and no bonds. */
inline dissolve(m)
{
	unregister(m);
	d_step {
		io_mm[m] = 0;
		faults[m] = 0;
		exited[m] = 0;
		closing[m] = 0;
		is_over[m] = 0;
		l = lease[m];
		lease[m] = 0
	};
	if
	:: MISTAKE == mapped_after_free -> free_lease(m, l); unmap(m)
	:: else -> unmap(m); free_lease(m, l)
	fi;
	d_step {
		/* That of the map, and that of the notifier. */
		if
		:: ok -> drop_count(m)
		:: else
		fi;
		drop_count(m);
		ok = 0;
		l = 0
	}
}

inline check_number(m)
{
	/* A number is that of one mm. */
	assert(map == m && serial == lease[m])
}

/* Leaves in bound whether it has. */
inline do_bind(m, d)
{
	d_step {
		bound = 0;
		ok = users[m] > 0;
		users[m] = users[m] + (ok && MISTAKE != bind_without_user)
	};
	if
	:: ok ->
		open_book();
		if
		:: !io_mm[m] ->
			/* Pool::lease(): with no number left, or one that is still on the map, no. */
			d_step {
				ok = is_reclaimed && map == 0;
				if
				:: ok ->
					owned = 1;
					serial++;
					map = m;
					count[m]++;
					lease[m] = serial
				:: else
				fi
			};
			if
			:: ok -> d_step {
				/* No mm exits while it is bound. */
				assert(!has_exited[m] && !is_freed[m]);
				io_mm[m] = 1;
				notifier[m] = 1;
				count[m] = count[m] + (MISTAKE != io_mm_holds_no_mm)
				}
			:: else
			fi
		:: else
		fi;
		if
		:: l = 0
		/* The back end refuses. */
		:: l = 1
		fi;
		d_step {
			bound = io_mm[m] && owned && serial == lease[m] && !l;
			l = 0;
			refs = refs + bound;
			BOND(m, d) = bound;
			if
			:: bound ->
				check_number(m);
				printf("%d: mm %d is bound to device %d\n", _pid, m, d)
			:: else
			fi
		};
		if
		:: io_mm[m] && !bound && BONDS(m) == 0 -> dissolve(m)
		:: else
		fi;
		close_book();
		/* Dropped last: this may be the last user. */
		mmput(m)
	:: else
	fi;
	ok = 0
}

inline put_leased()
{
	d_step {
		/* No reference is lost. */
		assert(refs);
		refs--
	}
}

inline do_unbind(m, d)
{
	open_book();
	if
	:: MISTAKE == put_before_detach -> put_leased()
	:: else
	fi;
	d_step {
		/* A device that is attached has its number. */
		assert(serial == lease[m] && !is_reclaimed);
		BOND(m, d) = 0;
		printf("%d: mm %d is unbound from device %d\n", _pid, m, d)
	};
	if
	:: BONDS(m) == 0 -> dissolve(m)
	:: else
	fi;
	if
	:: MISTAKE != put_before_detach -> put_leased()
	:: else
	fi;
	close_book()
}

/* Exit::exiting() */
inline notify_exit(m)
{
	touch(m);
	if
	:: MISTAKE == noted_after_kick -> kicked = 1
	:: else
	fi;
	d_step {
		/* Nobody is called for what is gone. */
		assert(io_mm[m]);
		ok = !closing[m] && !exited[m];
		exited[m] = exited[m] || ok
	};
	if
	:: ok ->
		if
		:: BONDS(m) && MISTAKE != release_not_told ->
			d_step {
				/* Nobody is called for what is gone. */
				assert(io_mm[m]);
				faults[m] = 1
			}
		:: else
		fi;
		if
		:: MISTAKE != noted_after_kick -> kicked = 1
		:: else
		fi
	:: else
	fi;
	ok = 0
}

/* Drops a user; the last one has the mm exit. */
inline mmput(m)
{
	d_step {
		users[m] = (users[m] -> users[m] - 1 : 0);
		ok = users[m] == 0 && !has_exited[m]
	};
	if
	:: ok ->
		printf("%d: mm %d exits\n", _pid, m);
		d_step { ok = notifier[m]; calling = (ok -> m : calling) };
		if
		:: ok ->
			notify_exit(m);
			d_step { notifier[m] = 0; calling = 0 }
		:: else
		fi;
		d_step {
			/* A device that is attached faults when the page tables go. */
			assert(BONDS(m) == 0 || faults[m]);
			has_exited[m] = 1
		};
		d_step { drop_count(m) }
	:: else
	fi;
	ok = 0
}

/* ---------------------------------------------------------------------------------- actors */

#ifdef PATIENT
/* Nothing more happens unless the driver unbinds. */
inline wait_for_exit(m)
{
	if
	:: bound ->
		done == ACTORS - 1 && !kicked && !working;
		d_step {
			/* The ID of an mm that has exited is freed. */
			assert(!owned)
		}
	:: else
	fi
}
#endif

proctype driver(byte m; byte d; byte turns)
{
	LOCALS;
	bit bound;

	do
	:: turns > 0 ->
		turns--;
		do_bind(m, d);
#ifdef PATIENT
		wait_for_exit(m);
#endif
		if
		:: bound -> do_unbind(m, d)
		:: else
		fi
	:: else -> break
	od;
	done++
}

proctype exit(byte m)
{
	LOCALS;

	mmput(m);
	done++
}

/* Looks whose the number is, and has a user of it for a while. */
proctype finder()
{
	LOCALS;
	byte m;

	d_step { reading = reading | ME; m = map };
	if
	:: m -> d_step {
		touch(m);
		ok = users[m] > 0 || MISTAKE == user_of_the_dead;
		users[m] = users[m] + ok;
		/* Nobody uses an mm that has exited. */
		assert(!ok || !has_exited[m])
		}
	:: else
	fi;
	d_step { reading = reading & ~ME };
	if
	:: ok -> touch(m); mmput(m)
	:: else
	fi;
	done++
}

proctype late()
{
	LOCALS;
	byte m;

end:	do
	:: d_step { kicked -> kicked = 0; working = 1 };
		do
		:: open_book();
			d_step {
				m = 1;
				do
				:: m <= NMMS && !(io_mm[m] && exited[m] && !is_over[m]) -> m++
				:: else -> break
				od;
				if
				:: m <= NMMS -> is_over[m] = 1; l = lease[m]
				:: else -> m = 0
				fi
			};
			close_book();
			if
			:: m -> free_lease(m, l)
			:: else -> break
			fi
		od;
		l = 0;
		working = 0
	od
}

init {
	byte m;

	atomic {
		users[1] = 1;
		users[2] = 1;
		count[1] = 1;
		count[2] = 1;
		run late();
		RUN
	};
	done == ACTORS && !kicked && !working;
	d_step {
		/* What an mm has left is gone. */
		assert(!io_mm[1] && !io_mm[2] && is_reclaimed && map == 0);
		/* An mm that has exited is freed. */
		assert(is_freed[1] == has_exited[1] && has_exited[1]);
		/* One that has not is held by its users alone. */
		assert(count[2] == 1 && users[2] == 1)
	}
}
