// SPDX-License-Identifier: GPL-2.0

//! The index: number to entry, for every allocator and set.
//!
//! The one interface behind which it can be exchanged: [`Space::prepare`] reserves what can fail,
//! [`Space::publish`], [`Space::publish_at`] and [`Space::adopt`] make an entry visible in one step
//! and charge its set, [`Space::lookup`] finds it under RCU, [`Space::retire_plain`],
//! [`Space::retire`], [`Space::expire`] and [`Space::withdraw`] take it out, [`Space::next`] and
//! [`Space::advance`] iterate.

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
            Unpublished, //
        },
        marked::Marked,
        mm::MmExit,
        module::Pinned,
        reader::Reader,
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
        static_lock_class,
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
    /// A custom allocator has taken over.
    Closed,
}

/// An ID that others can see, and whether its first pass is on: subscribers have to be told of it.
#[derive(Clone, Copy)]
pub(crate) struct Published {
    marked: u32,
    pub(crate) serial: Serial,
}

impl Published {
    const BUSY: u32 = 1 << 31;

    fn new(id: u32, is_busy: bool, serial: Serial) -> Self {
        Self {
            marked: if is_busy { id | Self::BUSY } else { id },
            serial,
        }
    }

    pub(crate) fn id(self) -> u32 {
        self.marked & !Self::BUSY
    }

    pub(crate) fn is_busy(self) -> bool {
        self.marked & Self::BUSY != 0
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

/// The lock of the index, held.
pub(crate) struct Held<'a>(Guard<'a, Entry, Ledger>);

/// What became of a number that somebody named, when it was to be entered.
pub(crate) enum Named<'a> {
    /// It is in.
    Published(Published),
    /// It is taken by an ID of another provider, which is kept aside for the one who named it now.
    KeptAside(Unpublished<'a, Entry>),
    /// It is taken by an ID that the same provider named.
    Duplicate,
}

/// What became of a number, with the lock.
enum Under<'a> {
    /// The entry is in.
    Published(Guard<'a, Entry, Ledger>, Published),
    /// Another one has the number.
    Taken(Guard<'a, Entry, Ledger>, Unpublished<'a, Entry>),
}

/// What the lock of the index protects besides the index.
pub(crate) struct Ledger {
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
            array <- IdArray::new(cache, c"Space::array", static_lock_class!(), Ledger {
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
        // There are two at least.
        self.capacity().wrapping_sub(1)
    }

    /// Sets how long numbers that are reclaimed from now on rest, in milliseconds.
    pub(crate) fn set_quarantine(&self, ms: u32) {
        self.quarantine.store(ms, Relaxed);
    }

    /// Looks an ID up. Takes no lock and writes no shared memory.
    #[inline]
    pub(crate) fn lookup<'g>(
        &'g self,
        id: u32,
        reader: impl Into<Reader<'g>>,
    ) -> Option<&'g Node<Entry>> {
        self.array.lookup(id, reader)
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
    pub(crate) fn publish<'a>(
        &'a self,
        entry: Unpublished<'a, Entry>,
        range: IdRange,
        policy: Policy,
    ) -> Result<Published, PublishError> {
        self.publish_any(self.array.lock(), entry, range, policy)
    }

    /// [`Space::publish`], with the usual case at once.
    #[inline(always)]
    pub(crate) fn publish_quickly<'a>(
        &'a self,
        entry: Unpublished<'a, Entry>,
        range: IdRange,
        policy: Policy,
    ) -> Result<Published, PublishError> {
        let owner = entry.owner();
        let mut ledger = self.array.lock();
        let usual = if ledger.open && policy == Policy::Lowest && range.max() < self.capacity() {
            ledger.pick(range, Policy::Lowest)
        } else {
            None
        };
        let Some(id) = usual else {
            return self.publish_any(ledger, entry, range, policy);
        };
        if let Err(err) = self.charge(&mut ledger, owner) {
            drop(ledger);
            return Err(PublishError::Failed(err));
        }
        match self.enter(&mut ledger, entry, owner, id) {
            Ok(published) => Ok(published),
            Err(entry) => self.publish_any(ledger, entry, range, policy),
        }
    }

    #[inline(never)]
    fn publish_any<'a>(
        &'a self,
        mut ledger: Guard<'a, Entry, Ledger>,
        mut entry: Unpublished<'a, Entry>,
        range: IdRange,
        policy: Policy,
    ) -> Result<Published, PublishError> {
        let owner = entry.owner();
        let failed = loop {
            if !ledger.open {
                break PublishError::Closed;
            }
            if range.max() >= self.capacity() {
                break PublishError::Failed(EINVAL);
            }
            let Some(id) = ledger.pick(range, policy) else {
                break PublishError::Failed(self.without_number(&mut ledger, owner));
            };
            if let Err(err) = self.charge(&mut ledger, owner) {
                break PublishError::Failed(err);
            }
            match self.enter(&mut ledger, entry, owner, id) {
                Ok(published) => {
                    if policy == Policy::Cyclic {
                        ledger.next = id.saturating_add(1);
                    }
                    return Ok(published);
                }
                Err(back) => entry = back,
            }
            if let Err(err) = ledger.make_room(id) {
                break PublishError::Failed(err);
            }
        };
        drop(ledger);
        drop(entry);
        Err(failed)
    }

    /// Why an allocation fails that finds no number: its set may not have one anyway.
    #[cold]
    fn without_number(&self, ledger: &mut Guard<'_, Entry, Ledger>, owner: Owner) -> Error {
        match self.charge(ledger, owner) {
            Err(err) => err,
            Ok(()) => {
                self.undo_charge(ledger, owner, ENOSPC);
                ENOSPC
            }
        }
    }

    /// Publishes an entry that is charged. If somebody has to be told of it, its first pass is on
    /// when others get to see it. Without room for it, the charge is taken back.
    #[inline(always)]
    fn enter<'a>(
        &self,
        ledger: &mut Guard<'a, Entry, Ledger>,
        mut entry: Unpublished<'a, Entry>,
        owner: Owner,
        id: u32,
    ) -> Result<Published, Unpublished<'a, Entry>> {
        let audible = ledger.audible;
        if audible {
            entry.life = Life::new(Word::new_busy());
        }
        ledger.serial = ledger.serial.wrapping_add(1);
        entry.serial.set_count(ledger.serial);
        let serial = entry.serial;
        if let Err(mut back) = ledger.insert(entry, id) {
            // The last subscriber may go before the next attempt.
            back.life = Life::new(Word::new());
            // Nobody has seen that life.
            ledger.serial = ledger.serial.wrapping_sub(1);
            self.undo_charge(ledger, owner, ENOMEM);
            return Err(back);
        }
        self.add(ledger, owner, id);
        Ok(Published::new(id, audible, serial))
    }

    /// Publishes an entry under a number, unless it is taken: whose it is comes before what the set
    /// may have. Returns with the lock held if it is in, or taken. May sleep.
    fn publish_under<'a>(
        &'a self,
        mut entry: Unpublished<'a, Entry>,
        id: u32,
        beyond: Error,
    ) -> Result<Under<'a>> {
        let owner = entry.owner();
        let mut ledger = self.array.lock();
        let failed = loop {
            if id >= self.capacity() {
                break beyond;
            }
            if ledger.get(id).is_some() {
                return Ok(Under::Taken(ledger, entry));
            }
            if let Err(err) = self.charge(&mut ledger, owner) {
                break err;
            }
            match self.enter(&mut ledger, entry, owner, id) {
                Ok(published) => return Ok(Under::Published(ledger, published)),
                Err(back) => entry = back,
            }
            if let Err(err) = ledger.make_room(id) {
                break err;
            }
        };
        drop(ledger);
        drop(entry);
        Err(failed)
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
        let provider = entry.provider.load(Relaxed);
        match self.publish_under(entry, id, EINVAL)? {
            Under::Published(_, new) => Ok(Named::Published(new)),
            Under::Taken(ledger, entry) => {
                let mut is_same = false;
                if let Some(holder) = ledger.get(id) {
                    is_same = holder.provider.load(Relaxed) == provider;
                    holder.provider.store(provider, Relaxed);
                }
                drop(ledger);
                Ok(if is_same {
                    Named::Duplicate
                } else {
                    Named::KeptAside(entry)
                })
            }
        }
    }

    /// Whether [`Space::shrink`] may have something to do.
    #[inline]
    pub(crate) fn can_shrink(&self) -> bool {
        self.array.has_empty()
    }

    /// Frees memory that no ID needs any more. Sleeps.
    pub(crate) fn shrink(&self) {
        if self.array.has_empty() {
            self.array.shrink();
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

    /// Takes a reclaimed ID out of use if it is [`Entry::is_plain`], does not rest and is not the
    /// last one. For all others the lock is handed on to [`Space::retire`].
    #[inline]
    pub(crate) fn retire_plain(&self, entry: &Node<Entry>) -> Result<(), Held<'_>> {
        let mut ledger = self.array.lock();
        let is_last = ledger.live.wrapping_sub(ledger.adopted) <= 1;
        if is_last || !entry.is_plain() || self.quarantine.load(Relaxed) != 0 {
            return Err(Held(ledger));
        }
        ledger.live = ledger.live.wrapping_sub(1);
        ledger.capacity.uncharge(self.sets.kernel_usage());
        ledger.remove(entry.id());
        Ok(())
    }

    /// Takes a reclaimed ID out of use. Returns what became of it and of its set.
    #[inline(never)]
    pub(crate) fn retire(&self, held: Held<'_>, entry: &Node<Entry>) -> (Retired, SetLeft) {
        let pins = entry.pins.load(Relaxed);
        if pins != 0 {
            entry.pins.store(pins | Entry::LEAVING, Relaxed);
            return (Retired::Pinned, SetLeft::Alone);
        }
        self.take_leave(held.0, entry.id(), entry.parting())
    }

    fn take_leave(
        &self,
        mut ledger: Guard<'_, Entry, Ledger>,
        id: u32,
        parting: Parting,
    ) -> (Retired, SetLeft) {
        let rest = self.quarantine.load(Relaxed);
        let (unpinned, left) = self.sub(&mut ledger, id, parting);
        let retired = if rest != 0 {
            Self::rest(&mut ledger, id, rest)
        } else {
            Retired::by(parting.provider)
        };
        ledger.finish(retired, id);
        drop(unpinned);
        (retired, left)
    }

    /// Has a number rest for so many milliseconds.
    #[cold]
    fn rest(ledger: &mut Guard<'_, Entry, Ledger>, id: u32, rest: u32) -> Retired {
        ledger.capacity.rest();
        let until = Stamp::in_ms(rest);
        if let Some(entry) = ledger.get(id) {
            entry.rest_until().store(until.0, Relaxed);
            entry.link.store(0, Relaxed);
        }
        let last = core::mem::replace(&mut ledger.last_resting, id);
        if let Some(last) = ledger.get(last) {
            last.link.store(id, Relaxed);
            Retired::Resting(None)
        } else {
            ledger.first_resting = id;
            Retired::Resting(Some(until.ahead()))
        }
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
        ledger.remove(id).map(|entry| entry.provider.load(Relaxed))
    }
}

/// The index with its lock held.
impl<'a> Guard<'a, Entry, Ledger> {
    /// A free number in the range.
    #[inline]
    fn pick(&self, range: IdRange, policy: Policy) -> Option<u32> {
        let (min, max) = (range.min(), range.max());
        match policy {
            Policy::Lowest => self.free().lowest(min, max),
            Policy::Cyclic => range
                .above(self.next)
                .and_then(|rest| self.free().lowest(rest.min(), max))
                .or_else(|| self.free().lowest(min, max)),
            Policy::TopDown => self.free().highest(min, max),
        }
    }

    #[inline(always)]
    fn add(&mut self) {
        self.live = self.live.wrapping_add(1);
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

    /// Removes the entry if its number is free, and drops the lock.
    fn finish(mut self, retired: Retired, id: u32) {
        if retired == Retired::Gone {
            self.remove(id);
        }
    }
}
