// SPDX-License-Identifier: GPL-2.0

//! What IDs and sets have to do with each other: charges, membership, pins, SPIDs.
//!
//! IDs of a set are linked through their entries, so that what is done to a set costs what its own
//! IDs cost. The kernel's own set has no list: those are all that no other set has.

use super::{
    Ledger,
    Retired,
    SetLeft,
    Space, //
};
use crate::{
    entry::{
        Entry,
        Parting, //
    },
    id::INVALID,
    kapi::{
        id_array::{
            Guard,
            Node, //
        },
        mm::MmExit,
        module::Pinned,
    },
    life::Change,
    set::{
        Found,
        Kind,
        Notes,
        Owner, //
    },
    state::{
        Tell, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        rcu, //
    },
};

impl<H: MmExit> Space<H> {
    /// One ID more for a set.
    #[inline(always)]
    pub(super) fn charge(&self, ledger: &mut Guard<'_, Entry, Ledger>, owner: Owner) -> Result {
        // The range was checked against it.
        ledger.fixed = true;
        if owner == Owner::KERNEL {
            let total = self.total();
            return ledger.capacity.charge(self.sets.kernel_usage(), total);
        }
        self.charge_set(ledger, owner)
    }

    #[inline(never)]
    fn charge_set(&self, ledger: &mut Guard<'_, Entry, Ledger>, owner: Owner) -> Result {
        let total = self.total();
        let guard = rcu::read_lock();
        let set = self.sets.of(owner, &guard).ok_or(EINVAL)?;
        if !set.is_open() {
            return Err(EBUSY);
        }
        ledger.capacity.charge(&set.usage, total)
    }

    /// Takes an ID back that came to nothing.
    pub(super) fn undo_charge(
        &self,
        ledger: &mut Guard<'_, Entry, Ledger>,
        owner: Owner,
        err: Error,
    ) {
        let guard = rcu::read_lock();
        // It has a charge, so it is there.
        if let Some(set) = self.sets.at(owner.set, &guard) {
            if err == ENOSPC {
                set.usage.count_failure();
            }
            // Under the same lock it was charged because it is open: who waits is woken by others.
            ledger.capacity.uncharge(&set.usage);
        }
    }

    /// Sees to a set that has lost its last ID, under the lock.
    fn emptied(&self, ledger: &mut Guard<'_, Entry, Ledger>, set: Found<'_>) {
        if set.token.0 == Kind::Static && set.is_open() {
            // There is one again with the next ID, and nobody has a reference to this one.
            set.open.store(false, Relaxed);
            let _ = set.life.free(Tell::Nobody);
            self.sets.note(set, Notes::DEAD);
        } else if !set.is_open() {
            ledger.capacity.give_up(&set.usage);
            self.sets.note(set, Notes::EMPTY);
        }
    }

    /// Notes an ID that has come.
    #[inline(always)]
    pub(super) fn add(&self, ledger: &mut Guard<'_, Entry, Ledger>, owner: Owner, id: u32) {
        ledger.add();
        if owner == Owner::KERNEL {
            self.sets.kernel_usage().raise_peak();
        } else {
            self.add_to_set(ledger, owner, id);
        }
    }

    #[inline(never)]
    fn add_to_set(&self, ledger: &mut Guard<'_, Entry, Ledger>, owner: Owner, id: u32) {
        let guard = rcu::read_lock();
        // It has a charge, so it is there.
        let Some(set) = self.sets.at(owner.set, &guard) else {
            return;
        };
        set.usage.raise_peak();
        let second = set.first.load(Relaxed);
        if let Some(entry) = ledger.get(id) {
            entry.behind.store(second, Relaxed);
        }
        if let Some(entry) = ledger.get(second) {
            entry.before.store(id, Relaxed);
        }
        set.first.store(id, Relaxed);
    }

    /// Notes that an ID has gone, from its set and altogether.
    #[inline(always)]
    pub(super) fn sub(
        &self,
        ledger: &mut Guard<'_, Entry, Ledger>,
        id: u32,
        parting: Parting,
    ) -> (Option<Pinned>, SetLeft) {
        let unpinned = ledger.sub(parting.is_adopted);
        if parting.owner == Owner::KERNEL && parting.spid.is_none() {
            ledger.capacity.uncharge(self.sets.kernel_usage());
            return (unpinned, SetLeft::Alone);
        }
        (unpinned, self.sub_from_set(ledger, id, &parting))
    }

    #[inline(never)]
    fn sub_from_set(
        &self,
        ledger: &mut Guard<'_, Entry, Ledger>,
        id: u32,
        parting: &Parting,
    ) -> SetLeft {
        let Parting {
            owner,
            spid,
            before,
            behind,
            ..
        } = *parting;
        let guard = rcu::read_lock();
        // It has an ID, so it is there.
        let Some(set) = self.sets.at(owner.set, &guard) else {
            return SetLeft::Alone;
        };
        if let Some(spid) = spid {
            set.usage.sub_spid();
            if set.spids.get(spid, &guard) == Some(id) {
                // Nothing is stored, so no memory is needed.
                let _ = set.spids.set(spid, None);
            }
        }
        if owner != Owner::KERNEL {
            match ledger.get(before) {
                Some(before) => before.behind.store(behind, Relaxed),
                None => set.first.store(behind, Relaxed),
            }
            if let Some(behind) = ledger.get(behind) {
                behind.before.store(before, Relaxed);
            }
        }
        let is_empty = ledger.capacity.uncharge(&set.usage);
        if !is_empty || owner == Owner::KERNEL {
            return SetLeft::Alone;
        }
        self.emptied(ledger, set);
        SetLeft::Empty
    }

    /// Has an ID stay in the index, reclaimed or not.
    ///
    /// # Errors
    ///
    /// `ENOENT` if it is reclaimed.
    pub(crate) fn pin(&self, id: u32) -> Result {
        let ledger = self.array.lock();
        let entry = ledger.get(id).ok_or(ENOENT)?;
        Self::pin_entry(entry)
    }

    fn pin_entry(entry: &Node<Entry>) -> Result {
        if entry.life.word().is_dead() {
            return Err(ENOENT);
        }
        // There are fewer tasks than that.
        entry.pins.store(entry.pins.load(Relaxed) + 1, Relaxed);
        Ok(())
    }

    /// Takes back a [`Space::pin`]. If the ID was reclaimed meanwhile, and nobody else wants it to
    /// stay, it is taken out of use as by [`Space::retire`].
    pub(crate) fn unpin(&self, id: u32) -> Option<(Retired, SetLeft)> {
        let ledger = self.array.lock();
        let entry = ledger.get(id)?;
        let pins = entry.pins.load(Relaxed).saturating_sub(1);
        entry.pins.store(pins, Relaxed);
        let parting = entry.parting();
        (pins == Entry::LEAVING).then(|| self.take_leave(ledger, id, parting))
    }

    /// Pins the first ID of a set, or the one behind `at`, which was got from here and has to be
    /// unpinned afterwards. IDs that come later are not among them.
    pub(crate) fn advance(&self, owner: Owner, at: Option<u32>) -> Option<u32> {
        if owner == Owner::KERNEL {
            return self.advance_kernel(at.map_or(1, |at| at.saturating_add(1)));
        }
        let ledger = self.array.lock();
        let guard = rcu::read_lock();
        let mut next = match at {
            Some(at) => ledger.get(at)?.behind.load(Relaxed),
            None => self.sets.of(owner, &guard)?.first.load(Relaxed),
        };
        loop {
            let entry = ledger.get(next)?;
            if Self::pin_entry(entry).is_ok() {
                return Some(next);
            }
            next = entry.behind.load(Relaxed);
        }
    }

    /// The kernel's own IDs are those that are left when all sets have theirs.
    fn advance_kernel(&self, mut from: u32) -> Option<u32> {
        loop {
            let guard = rcu::read_lock();
            let entry = self.next(from, &guard)?;
            let id = entry.id();
            let is_own = entry.owner() == Owner::KERNEL && !entry.life.word().is_dead();
            drop(guard);
            from = id.saturating_add(1);
            if !is_own {
                continue;
            }
            let ledger = self.array.lock();
            let Some(entry) = ledger.get(id) else {
                continue;
            };
            if entry.owner() == Owner::KERNEL && Self::pin_entry(entry).is_ok() {
                return Some(id);
            }
        }
    }

    /// Gives an ID an SPID. The caller has pinned the ID. If it has to `tell` somebody, a pass is
    /// on when this returns.
    ///
    /// # Errors
    ///
    /// - `ENOENT` if the ID is reclaimed,
    /// - `EBUSY` if it is given up or has an SPID, or if a pass is on,
    /// - `EEXIST` if another ID has this one,
    /// - `ENOMEM`.
    pub(crate) fn attach_spid(&self, entry: &Node<Entry>, spid: u32, tell: bool) -> Result {
        let guard = rcu::read_lock();
        // It has an ID that is pinned, so it stays.
        let set = self.sets.at(entry.owner().set, &guard).ok_or(ENOENT)?;
        loop {
            set.spids.reserve(spid)?;
            let ledger = self.array.lock();
            let attached = Self::attach_reserved(&ledger, set, entry, spid, tell);
            drop(ledger);
            match attached {
                // Somebody else has had the same reservation and has given it back.
                Err(err) if err == ENOMEM => {}
                Err(err) => {
                    set.spids.release(spid);
                    return Err(err);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    fn attach_reserved(
        ledger: &Guard<'_, Entry, Ledger>,
        set: Found<'_>,
        entry: &Node<Entry>,
        spid: u32,
        tell: bool,
    ) -> Result {
        let word = entry.life.word();
        // One that is reclaimed may still have the SPID that it had.
        if word.is_dead() {
            return Err(ENOENT);
        }
        if word.is_busy() || word.is_bound() || word.is_pending() {
            return Err(EBUSY);
        }
        let guard = rcu::read_lock();
        let before = set.spids.get(spid, &guard);
        let holder = before.and_then(|id| ledger.get(id));
        // The owner's reference stays until FREE was told.
        if holder.is_some_and(|holder| holder.life.word().is_owned()) {
            return Err(EEXIST);
        }
        entry.spid.store(spid, Relaxed);
        let attached = set
            .spids
            .set(spid, Some(entry.id()))
            .and_then(|()| entry.life.bind(tell));
        match attached {
            Ok(()) => set.usage.add_spid(),
            Err(_) => {
                entry.spid.store(INVALID, Relaxed);
                // What was there needs no memory.
                let _ = set.spids.set(spid, before);
            }
        }
        attached
    }

    /// Takes the SPID from an ID to which nobody is bound any more.
    pub(crate) fn forget_spid(&self, entry: &Node<Entry>) {
        let _ledger = self.array.lock();
        self.forget_spid_locked(entry);
    }

    fn forget_spid_locked(&self, entry: &Node<Entry>) {
        let guard = rcu::read_lock();
        let set = self.sets.at(entry.owner().set, &guard);
        if let (Some(spid), Some(set)) = (entry.spid(), set) {
            entry.spid.store(INVALID, Relaxed);
            if set.spids.get(spid, &guard) == Some(entry.id()) {
                // Nothing is stored, so no memory is needed.
                let _ = set.spids.set(spid, None);
            }
            set.usage.sub_spid();
        }
    }

    /// Takes the SPID from an ID, unless this has to be told first.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the ID is reclaimed or has none, `EBUSY` if it is given up.
    pub(crate) fn detach_spid(&self, entry: &Node<Entry>, tell: bool) -> Result<Change> {
        let _ledger = self.array.lock();
        let change = entry.life.unbind(tell)?;
        if let Change::Done(_) = change {
            self.forget_spid_locked(entry);
        }
        Ok(change)
    }

    /// Sets numbers aside for a set that is going to be.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if fewer are left.
    pub(crate) fn reserve(&self, quota: u32) -> Result<Reserved<'_, H>> {
        let mut ledger = self.array.lock();
        ledger.capacity.reserve(quota, self.total())?;
        ledger.fixed |= quota != 0;
        drop(ledger);
        Ok(Reserved { space: self, quota })
    }

    /// Lets a new set have IDs.
    pub(crate) fn open_set(&self, set: Found<'_>) {
        let _ledger = self.array.lock();
        set.open.store(true, Relaxed);
    }

    /// Lets a static set that has no IDs have no more.
    pub(crate) fn close_if_empty(&self, owner: Owner) {
        let mut ledger = self.array.lock();
        let guard = rcu::read_lock();
        if let Some(set) = self.sets.of(owner, &guard) {
            if set.usage.used() == 0 && set.is_open() {
                self.emptied(&mut ledger, set);
            }
        }
    }

    /// Whether a set may have one ID more, as of now. Errors as for [`Space::publish`].
    pub(crate) fn may_charge(&self, owner: Owner) -> Result {
        let guard = rcu::read_lock();
        let set = self.sets.of(owner, &guard).ok_or(EINVAL)?;
        if !set.is_open() {
            return Err(EBUSY);
        }
        if set.usage.is_used_up() {
            drop(guard);
            self.count_failure(owner);
            return Err(ENOSPC);
        }
        Ok(())
    }

    /// Counts an allocation that got no number.
    pub(crate) fn count_failure(&self, owner: Owner) {
        let _ledger = self.array.lock();
        let guard = rcu::read_lock();
        if let Some(set) = self.sets.of(owner, &guard) {
            set.usage.count_failure();
        }
    }

    /// Lets a set have no more IDs. Its quota is for others when it has none.
    pub(crate) fn close_set(&self, set: Found<'_>) {
        let mut ledger = self.array.lock();
        set.open.store(false, Relaxed);
        if set.usage.used() == 0 {
            ledger.capacity.give_up(&set.usage);
        }
    }

    /// Whether a closed set has no IDs and need not be looked at again.
    pub(crate) fn is_done_with(&self, set: Found<'_>) -> bool {
        let _ledger = self.array.lock();
        set.usage.used() == 0 && !set.has_notes()
    }

    /// Changes the quota of a set.
    ///
    /// # Errors
    ///
    /// - `EBUSY` if it gets no more IDs,
    /// - `EINVAL` if it has more of them,
    /// - `ENOSPC` if not that much is left.
    pub(crate) fn adjust_set(&self, set: Found<'_>, quota: u32) -> Result {
        let mut ledger = self.array.lock();
        if !set.open.load(Relaxed) {
            return Err(EBUSY);
        }
        ledger.capacity.adjust(&set.usage, quota, self.total())?;
        ledger.fixed |= quota != 0;
        Ok(())
    }

    /// Sets numbers aside; see [`Capacity::set_aside`].
    pub(crate) fn set_aside(&self, wanted: u32) -> Result<u32> {
        let mut ledger = self.array.lock();
        let aside = ledger.capacity.set_aside(wanted, self.total())?;
        ledger.fixed = true;
        Ok(aside)
    }

    /// Gives back what was set aside; see [`Capacity::give_back`].
    pub(crate) fn give_back(&self, given: u32) -> Result<u32> {
        let total = self.total();
        self.array.lock().capacity.give_back(given, total)
    }
}

/// Numbers that are set aside for a set; given back when dropped.
pub(crate) struct Reserved<'a, H: MmExit> {
    space: &'a Space<H>,
    quota: u32,
}

impl<H: MmExit> Reserved<'_, H> {
    /// They are the set's now, which has them as its quota.
    pub(crate) fn keep(self) {
        core::mem::forget(self);
    }
}

impl<H: MmExit> Drop for Reserved<'_, H> {
    fn drop(&mut self) {
        self.space.array.lock().capacity.cancel(self.quota);
    }
}
