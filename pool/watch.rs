// SPDX-License-Identifier: GPL-2.0

//! IDs that were freed and do not come back: whose they are, and telling of them.

use super::Pool;
use crate::{
    debugfs::Plain,
    entry::Entry,
    kapi::{
        context::must_defer,
        id_array::Node,
        task::{
            cond_resched,
            Who, //
        },
    },
    set::Owner,
    state::State, //
};
use kernel::{
    fmt,
    prelude::*,
    sync::{
        atomic::Relaxed,
        rcu, //
    },
};

/// How many IDs are told of at once, each in a line of its own.
const LINES: u32 = 8;

/// How often is looked at least, in seconds, while there is something to look for: the time to wait
/// may be changed.
const LOOK_SECS: u32 = 10;

/// Names of holders with the number of their references, and how many left none.
struct Holders<'a> {
    pool: &'a Pool,
    id: u32,
    refs: u64,
}

impl fmt::Display for Holders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut last, mut unnamed) = (None, self.refs);
        while let Some((name, count)) = self.pool.names.first_after(self.id, last) {
            f.write_fmt(fmt!("{}:{count} ", Plain(name.as_bytes())))?;
            unnamed = unnamed.saturating_sub(u64::from(count));
            last = Some(name);
        }
        f.write_fmt(fmt!("unnamed:{unnamed}"))
    }
}

impl Pool {
    /// The process that an ID belongs to: that of its set, or that which allocated it.
    pub(crate) fn owner_of(&self, entry: &Node<Entry>, guard: &rcu::Guard) -> Who {
        let owner = entry.owner();
        if owner != Owner::KERNEL {
            let set = self.space.sets.of(owner, guard);
            return set.map_or(Who::NOBODY, |set| set.maker);
        }
        let Some((pid, lives)) = entry.maker() else {
            return Who::NOBODY;
        };
        let found = if lives {
            Who::of_pid(pid, entry.age().secs())
        } else {
            None
        };
        found.unwrap_or(Who::gone(pid))
    }

    /// The process that an ID belongs to, if the ID is there.
    pub(crate) fn who_has(&self, id: u32) -> Who {
        let guard = rcu::read_lock();
        let entry = self.space.lookup(id, &guard);
        entry.map_or(Who::NOBODY, |entry| self.owner_of(entry, &guard))
    }

    /// Notes that an ID waits for its holders.
    #[cold]
    pub(super) fn wait_for_holders(&self, entry: &Node<Entry>) {
        // Whoever gave it up comes here where that is allowed.
        if must_defer() {
            return;
        }
        let secs = entry.age().secs();
        if entry.age().turn() {
            // From now on its age does not tell a process from a later one with the same number.
            if let (Owner::KERNEL, Some((pid, true))) = (entry.owner(), entry.maker()) {
                if Who::of_pid(pid, secs).is_none() {
                    entry.maker_has_gone();
                }
            }
            self.watch_after(self.next_look());
        }
    }

    fn next_look(&self) -> u32 {
        match self.stuck_secs.load(Relaxed) {
            // Never, until it is written.
            0 => LOOK_SECS,
            secs => secs.min(LOOK_SECS),
        }
    }

    /// Tells of IDs that wait for their holders for too long, of each once. Sleeps.
    pub(crate) fn look_for_stuck(&self) {
        let limit = self.stuck_secs.load(Relaxed);
        let (mut from, mut found, mut waiting) = (1, 0_u32, false);
        while let Some((id, secs)) = self.next_waiting(&mut from) {
            if limit == 0 || secs < limit {
                waiting = true;
                continue;
            }
            found = found.saturating_add(1);
            self.tell_stuck(id, secs, found <= LINES);
        }
        if found > LINES {
            pr_warn!(
                "{} more IDs wait for their holders, see quarantine in debugfs\n",
                found - LINES
            );
        }
        self.stuck
            .store(self.stuck.load(Relaxed).saturating_add(found), Relaxed);
        if waiting {
            self.watch_after(self.next_look());
        }
    }

    /// The next ID from a number on that waits for its holders and was not told of, and for how
    /// many seconds it does.
    fn next_waiting(&self, from: &mut u32) -> Option<(u32, u32)> {
        loop {
            // A section for so many, that others are not kept waiting.
            let guard = rcu::read_lock();
            for _ in 0..64 {
                let entry = self.space.next(*from, &guard)?;
                *from = entry.id().saturating_add(1);
                if entry.life.word().state() == State::FreePending && entry.age().is_news() {
                    return Some((entry.id(), entry.age().secs()));
                }
            }
            drop(guard);
            cond_resched();
        }
    }

    fn tell_stuck(&self, id: u32, secs: u32, aloud: bool) {
        let guard = rcu::read_lock();
        let Some(entry) = self.space.lookup(id, &guard) else {
            return;
        };
        let (word, age) = (entry.life.word(), entry.age());
        if word.state() != State::FreePending || !age.is_news() {
            return;
        }
        age.note();
        let Who { pid, comm } = self.owner_of(entry, &guard);
        drop(guard);
        if aloud {
            let holders = Holders {
                pool: self,
                id,
                refs: word.count(),
            };
            let comm = Plain(comm.as_bytes());
            pr_warn!("ID {id} of process {pid} ({comm}), freed {secs} s ago, is held: {holders}\n");
        }
    }
}
