// SPDX-License-Identifier: GPL-2.0

//! The index: number to entry, for every allocator and set.
//!
//! The one interface behind which it can be exchanged: [`Space::prepare`] reserves what can fail,
//! [`Space::publish`] and [`Space::publish_at`] make an entry visible in one step and charge its
//! set, [`Space::lookup`] finds it under RCU, [`Space::retire`], [`Space::expire`] and
//! [`Space::withdraw`] take it out, [`Space::next`] and [`Space::advance`] iterate.

mod adopt;
mod members;
mod totals;

use crate::{
    entry::{
        Entry,
        Parting,
        Serial,
        DEFAULT_PROVIDER, //
    },
    id::{
        IdRange,
        INVALID,
        LIMIT, //
    },
    id_stack::IdStack,
    kapi::{
        context::Stamp,
        id_array::{
            Cache,
            Guard,
            IdArray,
            Node,
            Slot,
            Unpublished, //
        },
        marked::Marked,
        mm::MmExit,
        module::Pinned,
        task::current_pid, //
    },
    life::Life,
    quota::Capacity,
    set::{
        Owner,
        Set,
        Sets, //
    },
    state::Word,
};
use core::ffi::c_void;
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        rcu,
        Arc, //
    },
};

/// Which free number the default allocator picks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// The lowest one.
    Lowest,
    /// The next one after the last cyclic allocation, wrapping around inside the range.
    Cyclic,
    /// The highest one.
    TopDown,
}

impl From<u32> for Policy {
    fn from(raw: u32) -> Self {
        match raw {
            1 => Self::Cyclic,
            2 => Self::TopDown,
            _ => Self::Lowest,
        }
    }
}

impl From<Policy> for u32 {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Lowest => 0,
            Policy::Cyclic => 1,
            Policy::TopDown => 2,
        }
    }
}

/// Why the default allocator gave no number.
pub(crate) enum PublishError {
    /// This is how it failed.
    Failed(Error),
    /// A custom allocator has taken over. The entry may have been published a moment before it
    /// did; then this is its number, to be freed like any other.
    Closed(Option<Published>),
    /// The set has ended; to be freed like any other.
    Orphan(Published),
}

/// An ID that others can see.
#[derive(Clone, Copy)]
pub(crate) struct Published {
    pub(crate) id: u32,
    /// Its first pass is on: subscribers have to be told, or somebody was there already.
    pub(crate) is_busy: bool,
}

impl From<Error> for PublishError {
    fn from(err: Error) -> Self {
        Self::Failed(err)
    }
}

/// What became of the set of an ID that is reclaimed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetLeft {
    /// Nothing: it has more, or it is the kernel's own.
    Alone,
    /// It has none.
    Empty,
}

/// What became of a reclaimed ID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retired {
    /// The number is free.
    Gone,
    /// The number rests. If it is the only one, [`Space::expire`] has to be called in so many
    /// jiffies.
    Resting(Option<u32>),
    /// The number belongs to a custom allocator: [`Space::withdraw`] it and give it back.
    GiveBack,
    /// Somebody wants it to stay, and will be the one to take it out.
    Pinned,
}

impl Retired {
    /// What becomes of a number of this provider that does not rest.
    fn by(provider: u32) -> Self {
        if provider == DEFAULT_PROVIDER {
            Self::Gone
        } else {
            Self::GiveBack
        }
    }
}

/// What became of a number that somebody named, when it was to be entered.
pub(crate) enum Named<'a> {
    /// It is in.
    Published(Published),
    /// It is in, but its set has ended; to be freed like any other.
    Orphan(Published),
    /// It is taken by an ID of another provider, which is kept aside for the one who named it now.
    KeptAside(Unpublished<'a, Entry>),
    /// It is taken by an ID that the same provider named.
    Duplicate,
}

/// What the lock of the index protects besides the index.
struct Ledger {
    /// The capacity can no longer be set.
    fixed: bool,
    /// The default allocator may give numbers.
    open: bool,
    /// IDs that are not reclaimed.
    live: u32,
    /// The number of the last life of an ID.
    serial: u32,
    /// Where the next cyclic allocation starts.
    next: u32,
    /// Somebody has to be told of new IDs.
    audible: bool,
    /// How the numbers are divided among the sets.
    capacity: Capacity,
    /// Resting numbers, in the order in which they were reclaimed; 0 is none.
    first_resting: u32,
    last_resting: u32,
    /// How many of them are adopted.
    adopted: u32,
    /// Held while an ID is live: its number may be in hardware. Adopted ones need a bond for that,
    /// and whoever has one holds the module.
    pinned: Option<Pinned>,
}

/// The index, and the sets that own what is in it.
#[pin_data]
pub(crate) struct Space<H: MmExit> {
    #[pin]
    array: IdArray<Entry, Ledger>,
    #[pin]
    pub(crate) sets: Sets<H>,
    /// How many numbers there are, 0 included. Changed under the lock.
    capacity: Marked<u32>,
    /// How long numbers rest, in milliseconds.
    quarantine: Marked<u32>,
}

impl<H: MmExit> Space<H> {
    pub(crate) fn new(
        cache: Arc<Cache<Entry>>,
        set_cache: Arc<Cache<Set>>,
        quarantine: u32,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            array <- IdArray::new(cache, Ledger {
                fixed: false,
                open: true,
                live: 0,
                adopted: 0,
                serial: 0,
                next: 1,
                audible: false,
                capacity: Capacity::new(),
                first_resting: 0,
                last_resting: 0,
                pinned: None,
            }),
            sets <- Sets::new(set_cache),
            capacity: Marked::new(LIMIT),
            quarantine: Marked::new(quarantine),
        })
    }

    /// The slab cache of the entries.
    #[cfg(CONFIG_IOASID_KUNIT_TEST)]
    pub(crate) fn cache(&self) -> Arc<Cache<Entry>> {
        self.array.cache()
    }

    /// How many numbers there are, 0 included.
    pub(crate) fn capacity(&self) -> u32 {
        self.capacity.load(Relaxed)
    }

    /// Sets the capacity, once and before the first ID.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `total` leaves no ID or is more than a PASID can express, `EBUSY` if it is late.
    pub(crate) fn install_capacity(&self, total: u32) -> Result {
        if !(2..=LIMIT).contains(&total) {
            return Err(EINVAL);
        }
        let mut ledger = self.array.lock();
        if ledger.fixed {
            return Err(EBUSY);
        }
        ledger.fixed = true;
        self.capacity.store(total, Relaxed);
        Ok(())
    }

    /// How many IDs there can be.
    fn total(&self) -> u32 {
        self.capacity().saturating_sub(1)
    }

    /// Sets how long numbers that are reclaimed from now on rest, in milliseconds.
    pub(crate) fn set_quarantine(&self, ms: u32) {
        self.quarantine.store(ms, Relaxed);
    }

    /// Looks an ID up. Takes no lock and writes no shared memory.
    #[inline]
    pub(crate) fn lookup<'g>(&'g self, id: u32, guard: &'g rcu::Guard) -> Option<&'g Node<Entry>> {
        self.array.lookup(id, guard)
    }

    /// Finds the first ID at `from` or above, reclaimed ones that rest included.
    pub(crate) fn next<'g>(&'g self, from: u32, guard: &'g rcu::Guard) -> Option<&'g Node<Entry>> {
        self.array.next(from, guard)
    }

    /// Allocates an entry, the one thing that publishing it needs. Sleeps.
    pub(crate) fn prepare(
        &self,
        owner: Owner,
        provider: u32,
        private: *mut c_void,
    ) -> Result<Unpublished<'_, Entry>> {
        let entry = self.array.prepare(Entry::new(owner, provider, private))?;
        entry.set_maker(current_pid());
        Ok(entry)
    }

    /// Picks a free number and publishes the entry under it. May sleep.
    ///
    /// # Errors
    ///
    /// - `EINVAL` if the range is beyond the capacity or the set is gone,
    /// - `EBUSY` if the set gets no more IDs,
    /// - `ENOSPC` if nothing in the range is free or the quota is used up,
    /// - `ENOMEM`.
    pub(crate) fn publish(
        &self,
        entry: Unpublished<'_, Entry>,
        range: IdRange,
        policy: Policy,
    ) -> Result<Published, PublishError> {
        let owner = entry.owner();
        let mut ledger = self.array.lock();
        let result = if !ledger.open {
            Err((PublishError::Closed(None), entry))
        } else if range.max() >= self.capacity() {
            Err((EINVAL.into(), entry))
        } else {
            match self.charge(&mut ledger, owner) {
                Err(err) => Err((err.into(), entry)),
                Ok(()) => match policy {
                    Policy::Lowest => Self::insert_lowest(&mut ledger, entry, range),
                    Policy::Cyclic => Self::insert_cyclic(&mut ledger, entry, range),
                    Policy::TopDown => Self::insert_highest(&mut ledger, entry, range),
                }
                .map_err(|(err, entry)| {
                    let err = if err == EBUSY { ENOSPC } else { err };
                    self.undo_charge(&mut ledger, owner, err);
                    (err.into(), entry)
                }),
            }
        };
        match result {
            Ok(published) => {
                // The lock may have been dropped before the entry was stored.
                if !self.add(&mut ledger, owner, published.id) {
                    Err(PublishError::Orphan(published))
                } else if ledger.open {
                    Ok(published)
                } else {
                    Err(PublishError::Closed(Some(published)))
                }
            }
            Err((err, entry)) => {
                drop(ledger);
                drop(entry);
                Err(err)
            }
        }
    }

    /// Publishes an entry. If somebody has to be told of it, its first pass is on when others get
    /// to see it.
    #[inline]
    fn insert<'a>(
        ledger: &mut Guard<'a, Entry, Ledger>,
        mut entry: Unpublished<'a, Entry>,
        slot: Slot,
    ) -> Result<Published, (Error, Unpublished<'a, Entry>)> {
        let audible = ledger.audible;
        if audible {
            entry.life = Life::new(Word::new_busy());
        }
        ledger.serial = ledger.serial.wrapping_add(1);
        entry.serial = Serial::new(ledger.serial, entry.serial.is_adopted());
        match ledger.insert_at_once(entry, slot) {
            Ok(id) => Ok(Published {
                id,
                is_busy: audible,
            }),
            Err((err, entry)) if err == ENOMEM => Self::insert_later(ledger, entry, slot),
            Err(err) => Err(err),
        }
    }

    /// Publishes an entry for which there is no memory at hand. While the lock is dropped the first
    /// subscriber may come, or the last one go; so the pass is on in any case.
    #[cold]
    fn insert_later<'a>(
        ledger: &mut Guard<'a, Entry, Ledger>,
        mut entry: Unpublished<'a, Entry>,
        slot: Slot,
    ) -> Result<Published, (Error, Unpublished<'a, Entry>)> {
        entry.life = Life::new(Word::new_busy());
        match ledger.insert(entry, slot) {
            Ok(id) => Ok(Published {
                id,
                // Whoever has found it meanwhile may have left something to tell.
                is_busy: ledger.audible
                    || ledger
                        .get(id)
                        .is_some_and(|entry| entry.life.end().is_err()),
            }),
            Err((err, mut entry)) => {
                entry.life = Life::new(Word::new());
                Err((err, entry))
            }
        }
    }

    fn insert_lowest<'a>(
        ledger: &mut Guard<'a, Entry, Ledger>,
        entry: Unpublished<'a, Entry>,
        range: IdRange,
    ) -> Result<Published, (Error, Unpublished<'a, Entry>)> {
        Self::insert(ledger, entry, Slot::Lowest(range.min(), range.max()))
    }

    fn insert_cyclic<'a>(
        ledger: &mut Guard<'a, Entry, Ledger>,
        entry: Unpublished<'a, Entry>,
        range: IdRange,
    ) -> Result<Published, (Error, Unpublished<'a, Entry>)> {
        let rest = range.above(ledger.next).unwrap_or(range);
        let published = match Self::insert_lowest(ledger, entry, rest) {
            Err((err, entry)) if err == EBUSY && rest.min() != range.min() => {
                Self::insert_lowest(ledger, entry, range)
            }
            result => result,
        }?;
        ledger.next = published.id.saturating_add(1);
        Ok(published)
    }

    fn insert_highest<'a>(
        ledger: &mut Guard<'a, Entry, Ledger>,
        mut entry: Unpublished<'a, Entry>,
        range: IdRange,
    ) -> Result<Published, (Error, Unpublished<'a, Entry>)> {
        loop {
            let Some(id) = ledger.highest_free(range) else {
                return Err((EBUSY, entry));
            };
            match Self::insert(ledger, entry, Slot::At(id)) {
                // Taken while the lock was dropped for memory.
                Err((err, back)) if err == EBUSY => entry = back,
                result => return result,
            }
        }
    }

    /// Publishes an entry under a number that its provider named. May sleep.
    ///
    /// # Errors
    ///
    /// - `EINVAL` if the number is beyond the capacity or the set is gone,
    /// - `EBUSY` if the set gets no more IDs,
    /// - `ENOSPC` if its quota is used up,
    /// - `ENOMEM`.
    pub(crate) fn publish_at<'a>(
        &'a self,
        entry: Unpublished<'a, Entry>,
        id: u32,
    ) -> Result<Named<'a>> {
        let (owner, provider) = (entry.owner(), entry.provider.load(Relaxed));
        let mut ledger = self.array.lock();
        let charged = if id >= self.capacity() {
            Err(EINVAL)
        } else {
            self.charge(&mut ledger, owner)
        };
        if let Err(err) = charged {
            drop(ledger);
            drop(entry);
            return Err(err);
        }
        match Self::insert(&mut ledger, entry, Slot::At(id)) {
            Ok(published) => Ok(if self.add(&mut ledger, owner, id) {
                Named::Published(published)
            } else {
                Named::Orphan(published)
            }),
            Err((err, entry)) if err == EBUSY => {
                self.undo_charge(&mut ledger, owner, err);
                // The insertion does not drop the lock after it has seen the slot taken.
                let duplicate = ledger.get(id).is_some_and(|holder| {
                    let before = holder.provider.load(Relaxed);
                    holder.provider.store(provider, Relaxed);
                    before == provider
                });
                drop(ledger);
                Ok(if duplicate {
                    Named::Duplicate
                } else {
                    Named::KeptAside(entry)
                })
            }
            Err((err, entry)) => {
                self.undo_charge(&mut ledger, owner, err);
                drop(ledger);
                drop(entry);
                Err(err)
            }
        }
    }

    /// Closes the default allocator if no ID exists, live, pending or resting.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if there is one.
    pub(crate) fn close_default(&self) -> Result {
        let mut ledger = self.array.lock();
        if !ledger.is_empty() {
            return Err(EAGAIN);
        }
        ledger.open = false;
        Ok(())
    }

    /// Closes the default allocator, whatever IDs there are.
    pub(crate) fn stop_default(&self) {
        self.array.lock().open = false;
    }

    /// Opens the default allocator.
    pub(crate) fn open_default(&self) {
        self.array.lock().open = true;
    }

    /// Takes a reclaimed ID out of use. Returns what became of it and of its set.
    pub(crate) fn retire(&self, entry: &Node<Entry>) -> (Retired, SetLeft) {
        let ledger = self.array.lock();
        let pins = entry.pins.load(Relaxed);
        if pins != 0 {
            entry.pins.store(pins | Entry::LEAVING, Relaxed);
            return (Retired::Pinned, SetLeft::Alone);
        }
        self.take_leave(ledger, entry.id(), entry.parting())
    }

    #[inline]
    fn take_leave(
        &self,
        mut ledger: Guard<'_, Entry, Ledger>,
        id: u32,
        parting: Parting,
    ) -> (Retired, SetLeft) {
        let rest = self.quarantine.load(Relaxed);
        let (unpinned, left) = self.sub(&mut ledger, id, parting);
        let retired = if rest != 0 {
            ledger.capacity.rest();
            let until = Stamp::in_ms(rest);
            if let Some(entry) = ledger.get(id) {
                entry.rest_until().store(until.0, Relaxed);
                entry.link.store(0, Relaxed);
            }
            let last = core::mem::replace(&mut ledger.last_resting, id);
            match ledger.get(last) {
                Some(last) => {
                    last.link.store(id, Relaxed);
                    Retired::Resting(None)
                }
                None => {
                    ledger.first_resting = id;
                    Retired::Resting(Some(until.ahead()))
                }
            }
        } else {
            Retired::by(parting.provider)
        };
        ledger.finish(retired, id);
        drop(unpinned);
        (retired, left)
    }

    /// Has new IDs told of, or no longer.
    pub(crate) fn set_audible(&self, audible: bool) {
        self.array.lock().audible = audible;
    }

    /// The first ID above `id`, if there is one. Whoever publishes one in between finds `reach`
    /// called with the last number below it.
    pub(crate) fn next_above(&self, id: u32, reach: impl FnOnce(u32)) -> Option<u32> {
        let _ledger = self.array.lock();
        let guard = rcu::read_lock();
        let next = self.next(id.saturating_add(1), &guard).map(Node::id);
        reach(next.map_or(INVALID, |next| next.saturating_sub(1)));
        next
    }

    /// Calls `call` if the entry is still in the index, and cannot leave it meanwhile.
    pub(crate) fn while_there(&self, entry: &Node<Entry>, call: impl FnOnce()) -> bool {
        let ledger = self.array.lock();
        let is_there = ledger
            .get(entry.id())
            .is_some_and(|there| core::ptr::eq(there, entry));
        if is_there {
            call();
        }
        is_there
    }

    /// Calls `each` for every ID of a list.
    pub(crate) fn drain(&self, list: &IdStack<Entry>, each: impl FnMut(u32)) {
        list.drain(&self.array, each);
    }

    /// Takes the first resting number out of use, if it is due or `early`.
    ///
    /// Returns its number and what became of it. If none is due, how many jiffies to wait for the
    /// first one, if there is one.
    pub(crate) fn expire(&self, early: bool) -> Result<(u32, Retired), Option<u32>> {
        let mut ledger = self.array.lock();
        let id = ledger.first_resting;
        let entry = ledger.get(id).ok_or(None)?;
        let wait = Stamp(entry.rest_until().load(Relaxed)).ahead();
        if wait != 0 && !early {
            return Err(Some(wait));
        }
        let next = entry.link.load(Relaxed);
        let retired = Retired::by(entry.provider.load(Relaxed));
        ledger.capacity.rested();
        ledger.first_resting = next;
        if next == 0 {
            ledger.last_resting = 0;
        }
        ledger.finish(retired, id);
        Ok((id, retired))
    }

    /// Takes a [`Retired::GiveBack`] number out of the index. Returns whose it is.
    pub(crate) fn withdraw(&self, id: u32) -> Option<u32> {
        let mut ledger = self.array.lock();
        let removed = ledger.remove(id);
        drop(ledger);
        removed.map(|entry| entry.provider.load(Relaxed))
    }
}

/// The index with its lock held.
impl<'a> Guard<'a, Entry, Ledger> {
    fn highest_free(&self, range: IdRange) -> Option<u32> {
        if !self.has_free(range.min(), range.max()) {
            return None;
        }
        // There is a free number in [low, range.max()], and none above high.
        let (mut low, mut high) = (range.min(), range.max());
        // The top is free more often than not.
        let mut middle = high;
        while low < high {
            if self.has_free(middle, range.max()) {
                low = middle;
            } else {
                high = middle - 1;
            }
            middle = low + (high - low).div_ceil(2);
        }
        Some(low)
    }

    fn add(&mut self) {
        self.fixed = true;
        self.live += 1;
        if self.pinned.is_none() {
            self.pinned = Some(Pinned::new());
        }
    }

    #[must_use = "to be dropped without the lock"]
    fn sub(&mut self, is_adopted: bool) -> Option<Pinned> {
        self.live = self.live.saturating_sub(1);
        self.adopted = self.adopted.saturating_sub(u32::from(is_adopted));
        self.unpin()
    }

    #[must_use = "to be dropped without the lock"]
    fn unpin(&mut self) -> Option<Pinned> {
        if self.live == self.adopted {
            self.pinned.take()
        } else {
            None
        }
    }

    /// Removes the entry if its number is free, and drops the lock before the entry.
    fn finish(mut self, retired: Retired, id: u32) {
        let removed = if retired == Retired::Gone {
            self.remove(id)
        } else {
            None
        };
        drop(self);
        drop(removed);
    }
}
