// SPDX-License-Identifier: GPL-2.0

//! `quarantine`: numbers that cannot be used again yet, and why.

use super::ids::{
    write_holders,
    Row, //
};
use crate::{
    entry::Entry,
    kapi::{
        context::Stamp,
        listing::Table,
        task::cond_resched, //
    },
    pool::Pool,
    state::State, //
};
use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*,
    sync::{
        atomic::Relaxed,
        rcu, //
    },
};

pub(crate) struct Quarantine;

/// Why a number waits.
enum Wait {
    /// For holders, or for those who are told.
    Pending,
    /// For so many milliseconds.
    Resting(u32),
    /// For a work item.
    Leaving,
}

impl Wait {
    fn of(entry: &Entry) -> Option<Self> {
        match entry.life.word().state() {
            State::FreePending => Some(Self::Pending),
            State::Reclaimed if entry.pins.load(Relaxed) != 0 => Some(Self::Leaving),
            State::Reclaimed => {
                let left = Stamp(entry.rest_until().load(Relaxed)).ahead_ms();
                Some(match left {
                    0 => Self::Leaving,
                    left => Self::Resting(left),
                })
            }
            State::Idle | State::Active => None,
        }
    }
}

impl Table<Pool> for Quarantine {
    const HEADING: &'static str = concat!(
        "   ioasid  state     refs     set       pid  comm                   age   left_ms",
        "  holders\n"
    );

    fn find(pool: &Pool, mut from: u32) -> Option<u32> {
        loop {
            // A section for so many, that others are not kept waiting.
            let guard = rcu::read_lock();
            for _ in 0..64 {
                let entry = pool.space.next(from, &guard)?;
                if Wait::of(entry).is_some() {
                    return Some(entry.id());
                }
                from = entry.id().saturating_add(1);
            }
            drop(guard);
            cond_resched();
        }
    }

    fn line(pool: &Pool, at: u32, out: &mut dyn Write) -> fmt::Result {
        let guard = rcu::read_lock();
        let Some(entry) = pool.space.lookup(at, &guard) else {
            return Ok(());
        };
        let (row, wait) = (Row::of(pool, entry, &guard), Wait::of(entry));
        drop(guard);

        let (state, left) = match wait {
            Some(Wait::Pending) => ("pending", None),
            Some(Wait::Resting(left)) => ("resting", Some(left)),
            Some(Wait::Leaving) => ("leaving", None),
            None => return Ok(()),
        };
        let (refs, set) = (row.word.count(), row.set);
        out.write_fmt(fmt!("{at:>9}  {state:<7}  {refs:>5}  {set:>6}  "))?;
        row.write_owner(out)?;
        out.write_fmt(fmt!("{:>8}  ", row.secs))?;
        match left {
            Some(left) => out.write_fmt(fmt!("{left:>8}  "))?,
            None => out.write_fmt(fmt!("{:>8}  ", "-"))?,
        }
        write_holders(pool, row.id, out)
    }
}
