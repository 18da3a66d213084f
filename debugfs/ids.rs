// SPDX-License-Identifier: GPL-2.0

//! `ids`: every ID.

use super::Plain;
use crate::{
    entry::{
        Entry,
        ADOPTED,
        DEFAULT_PROVIDER,
        HOST, //
    },
    kapi::{
        id_array::Node,
        listing::Table,
        task::Who, //
    },
    pool::Pool,
    state::{
        State,
        Word, //
    },
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

/// What is known of an ID at one moment.
pub(super) struct Row {
    pub(super) id: u32,
    pub(super) word: Word,
    pub(super) set: u32,
    pub(super) who: Who,
    pub(super) secs: u32,
    spid: Option<u32>,
    provider: u32,
}

impl Row {
    pub(super) fn of(pool: &Pool, entry: &Node<Entry>, guard: &rcu::Guard) -> Self {
        Self {
            id: entry.id(),
            word: entry.life.word(),
            set: entry.owner().set,
            who: pool.owner_of(entry, guard),
            secs: entry.age().secs(),
            spid: entry.spid(),
            provider: entry.provider.load(Relaxed),
        }
    }

    /// Writes the columns about its owner.
    pub(super) fn write_owner(&self, out: &mut dyn Write) -> fmt::Result {
        write_who(self.who, out)
    }
}

/// Writes who it is; nobody, and the name of one that is gone, as `-`.
pub(super) fn write_who(who: Who, out: &mut dyn Write) -> fmt::Result {
    if who.pid == 0 {
        out.write_fmt(fmt!("{:>8}  ", "-"))?;
    } else {
        out.write_fmt(fmt!("{:>8}  ", who.pid))?;
    }
    Plain(who.comm.as_bytes()).pad(out, 15)
}

/// Writes the names of holders, each with the number of its references, and the end of the line.
pub(super) fn write_holders(pool: &Pool, id: u32, out: &mut dyn Write) -> fmt::Result {
    let mut last = None;
    while let Some((name, count)) = pool.names.first_after(id, last) {
        let comma = if last.is_some() { "," } else { "" };
        out.write_fmt(fmt!("{comma}{}:{count}", Plain(name.as_bytes())))?;
        last = Some(name);
    }
    out.write_str(if last.is_some() { "\n" } else { "-\n" })
}

pub(crate) struct Ids;

/// References are those besides the owner's; holders are those that left a name.
impl Table<Pool> for Ids {
    const HEADING: &'static str = concat!(
        "   ioasid  state     refs     set        spid  allocator       pid  comm             ",
        "      age  bound     holders\n"
    );

    fn find(pool: &Pool, from: u32) -> Option<u32> {
        let guard = rcu::read_lock();
        pool.space.next(from, &guard).map(Node::id)
    }

    fn line(pool: &Pool, at: u32, out: &mut dyn Write) -> fmt::Result {
        let guard = rcu::read_lock();
        let Some(entry) = pool.space.lookup(at, &guard) else {
            return Ok(());
        };
        let row = Row::of(pool, entry, &guard);
        drop(guard);

        let Row {
            id,
            word,
            set,
            spid,
            ..
        } = row;
        let state = match word.state() {
            State::Idle => "idle",
            State::Active => "active",
            State::FreePending => "pending",
            State::Reclaimed => "resting",
        };
        let refs = word.count();
        out.write_fmt(fmt!("{id:>9}  {state:<7}  {refs:>5}  {set:>6}  "))?;
        match spid {
            Some(spid) => out.write_fmt(fmt!("{spid:>10}  "))?,
            None => out.write_fmt(fmt!("{:>10}  ", "-"))?,
        }
        match row.provider {
            DEFAULT_PROVIDER => out.write_str("default   ")?,
            ADOPTED => out.write_str("kernel    ")?,
            HOST => out.write_str("host      ")?,
            number => out.write_fmt(fmt!("custom{number:<4}"))?,
        }
        row.write_owner(out)?;
        let bound = match (word.is_bound(), word.is_bonded()) {
            (false, false) => "-",
            (true, false) => "spid",
            (false, true) => "sva",
            (true, true) => "spid+sva",
        };
        out.write_fmt(fmt!("{:>8}  {bound:<8}  ", row.secs))?;
        write_holders(pool, id, out)
    }
}
