// SPDX-License-Identifier: GPL-2.0

//! The verbs. Allocation is in [`alloc`], those about sets are in [`set`].
//!
//! Lock order: the book of [`Sva`], then `Registry::admin`, then one of `Registry::groups` and the
//! lock of the index. The lock of the sets and `Names::counts` are taken with no spinlock of ours
//! held. Callbacks of custom allocators and getters run with no lock held.
//!
//! An ID that is freed or put for the last time where locks are out of reach goes on the deferred
//! list and is finished by the quick lane. Numbers that belong to a custom allocator are handed
//! back by the slow lane.

mod adopt;
mod alloc;
#[cfg(any(not(MODULE), CONFIG_IOASID_KUNIT_TEST))]
mod iommu;
mod notify;
mod set;
mod watch;

pub(crate) use adopt::Lease;

use crate::{
    allocator::{
        Farewell,
        Key,
        Provider,
        Queue,
        Registry,
        SpaceId,
        Switch, //
    },
    audience::Subscribers,
    entry::Entry,
    id_stack::IdStack,
    kapi::{
        context::{
            must_defer,
            synchronize_rcu,
            SpinSection, //
        },
        deferred::{
            Deferred,
            Jobs,
            Lane,
            OrderedQueue,
            Remote, //
        },
        id_array::{
            Cache,
            Node, //
        },
        mm::MmExit,
        mm_map::MmMap,
        reader::Reader,
        report::complain,
        wait::WaitQueue,
    },
    life::Change,
    names::{
        Name,
        Names, //
    },
    set::{
        Notes,
        Set,
        SetTag, //
    },
    space::{
        Retired,
        SetLeft,
        Space, //
    },
    state::{
        PutError,
        State,
        Tell,
        Word, //
    },
    sva::Sva,
    trace, //
};
use core::ffi::c_void;
use kernel::{
    fmt,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        rcu,
        Arc, //
    },
};

/// Everything there is, and the lanes that finish what cannot be finished at once.
pub(crate) type Pool = Deferred<Core>;

/// What a [`Pool`] consists of.
#[pin_data]
pub(crate) struct Core {
    #[pin]
    pub(crate) space: Space<Ender>,
    #[pin]
    registry: Registry,
    #[pin]
    pub(crate) names: Names,
    /// Freed or put for the last time where locks are out of reach.
    deferred: IdStack<Entry>,
    /// On their way back to a custom allocator.
    returning: IdStack<Entry>,
    /// Those who wait for an ID or a set.
    #[pin]
    waiters: WaitQueue,
    #[pin]
    pub(crate) subscribers: Subscribers,
    /// The work of subscribers.
    pub(crate) works: OrderedQueue,
    /// What IDs stand for. An adopted one holds the memory of its mm by this.
    #[pin]
    mms: MmMap,
    #[pin]
    pub(crate) sva: Sva,
    /// After how many seconds an ID is told of that waits for its holders; 0 is never.
    pub(crate) stuck_secs: Atomic<u32>,
    /// Of how many was told.
    pub(crate) stuck: Atomic<u32>,
}

/// What [`Core::stuck_secs`] is unless somebody says so.
pub(crate) const STUCK_SECS: u32 = 60;

/// Ends a set when its mm exits.
pub(crate) struct Ender {
    pool: Remote<Core>,
    set: u32,
}

impl MmExit for Ender {
    fn exiting(&self) {
        self.pool.with(|pool| {
            let guard = rcu::read_lock();
            if let Some(set) = pool.space.sets.at(self.set, &guard) {
                pool.space.sets.note(set, Notes::EXITED);
                pool.kick(Lane::Waiting);
            }
        });
    }
}

/// The slab caches of a pool; pools may share them.
#[derive(Clone)]
pub(crate) struct Caches {
    pub(crate) entries: Arc<Cache<Entry>>,
    pub(crate) sets: Arc<Cache<Set>>,
}

/// Creates an empty pool. Numbers rest for `quarantine` milliseconds before they are reused.
pub(crate) fn new(caches: Caches, quarantine: u32) -> impl PinInit<Pool, Error> {
    Pool::new(
        c"ioasid",
        try_pin_init!(Core {
            space <- Space::new(caches.entries, caches.sets, quarantine),
            registry <- Registry::new(),
            names <- Names::new(),
            deferred: IdStack::new(|entry| &entry.link),
            returning: IdStack::new(|entry| &entry.link),
            waiters <- WaitQueue::new(),
            subscribers <- Subscribers::new(),
            works: OrderedQueue::new(c"ioasid_wq")?,
            mms <- MmMap::new(),
            sva <- Sva::new(),
            stuck_secs: Atomic::new(STUCK_SECS),
            stuck: Atomic::new(0),
        }? Error),
    )
}

impl Pool {
    /// Finds an ID that is not reclaimed and may be touched by `set`.
    #[inline]
    fn lookup<'g>(
        &'g self,
        set: SetTag,
        id: u32,
        reader: impl Into<Reader<'g>>,
    ) -> Result<&'g Node<Entry>> {
        let entry = self.lookup_any(set, id, reader)?;
        if entry.life.word().is_dead() {
            return Err(ENOENT);
        }
        Ok(entry)
    }

    /// Finds an ID that may be touched by `set`. It may be reclaimed, which its word tells.
    #[inline]
    fn lookup_any<'g>(
        &'g self,
        set: SetTag,
        id: u32,
        reader: impl Into<Reader<'g>>,
    ) -> Result<&'g Node<Entry>> {
        let entry = self.space.lookup(id, reader).ok_or(ENOENT)?;
        if entry.is_owned_by(set) {
            Ok(entry)
        } else if entry.life.word().is_dead() {
            Err(ENOENT)
        } else {
            Err(EACCES)
        }
    }

    /// Takes a reference.
    ///
    /// # Errors
    ///
    /// `EINVAL` unknown, `EACCES` wrong set, `EBUSY` freed.
    pub(crate) fn get(&self, set: SetTag, id: u32) -> Result {
        let guard = rcu::read_lock();
        self.get_by(Reader::from(&guard), set, id)
    }

    /// [`Pool::get`] where there is a reader.
    #[inline]
    pub(crate) fn get_by(&self, reader: Reader<'_>, set: SetTag, id: u32) -> Result {
        let entry = self.lookup_any(set, id, reader).map_err(unknown_to_get)?;
        let got = entry.life.get();
        trace::get(entry, got);
        got
    }

    /// Takes a reference under a name. Errors as for [`Pool::get`].
    pub(crate) fn get_named(&self, set: SetTag, id: u32, name: Name) -> Result {
        let guard = rcu::read_lock();
        let entry = self.lookup(set, id, &guard).map_err(unknown_to_get)?;
        let got = entry.life.get_named();
        trace::get(entry, got);
        got?;
        drop(guard);
        self.names.add(id, name);
        Ok(())
    }

    /// Drops a reference. Returns whether it was the last one.
    ///
    /// # Errors
    ///
    /// `ENOENT` unknown, `EACCES` wrong set, `EINVAL` without a reference to drop (reported).
    pub(crate) fn put(&self, set: SetTag, id: u32) -> Result<bool> {
        let guard = rcu::read_lock();
        self.put_by(Reader::from(&guard), set, id)
    }

    /// [`Pool::put`] where there is a reader.
    #[inline]
    pub(crate) fn put_by(&self, reader: Reader<'_>, set: SetTag, id: u32) -> Result<bool> {
        let entry = self.lookup_any(set, id, reader)?;
        if entry.life.put_usually() {
            trace::put(entry, Ok(false));
            return Ok(false);
        }
        self.put_entry(entry)
    }

    #[inline(never)]
    fn put_entry(&self, entry: &Node<Entry>) -> Result<bool> {
        match entry.life.put() {
            Ok(word) if word.is_dead() => {
                trace::put(entry, Ok(true));
                if must_defer() {
                    self.defer(entry);
                } else {
                    self.reclaim(entry, word);
                }
                Ok(true)
            }
            Ok(_) => {
                trace::put(entry, Ok(false));
                Ok(false)
            }
            Err(err) => {
                let failed = Self::put_failed(entry.id(), err);
                trace::put(entry, failed);
                failed
            }
        }
    }

    /// Drops a reference that was taken under a name. As for [`Pool::put`].
    pub(crate) fn put_named(&self, set: SetTag, id: u32, name: Name) -> Result<bool> {
        let guard = rcu::read_lock();
        let entry = self.lookup(set, id, &guard)?;
        if entry.life.word().count() != 0 {
            self.names.remove(id, name);
        }
        drop(guard);
        self.put(set, id)
    }

    /// Drops a reference, the owner's after all others: then as [`Pool::free`]. As for
    /// [`Pool::put`].
    pub(crate) fn put_any(&self, id: u32) -> Result<bool> {
        let guard = rcu::read_lock();
        let entry = self.lookup(SetTag::NONE, id, &guard)?;
        let deferred = must_defer();
        let tell = if deferred {
            Tell::Later
        } else {
            self.tell_now(&guard)
        };
        let was_pending = entry.life.word().is_pending();
        let put = entry.life.put_or_free(tell);
        trace::put_any(entry, was_pending, put.is_ok());
        match put {
            Ok(Change::Done(word)) if word.is_dead() && deferred => {
                self.defer(entry);
                Ok(true)
            }
            // Deferred or not, the caller has nothing left.
            Ok(Change::Defer) => {
                self.defer(entry);
                Ok(true)
            }
            Ok(change) => Ok(self.act(entry, change, &guard)),
            Err(err) => Self::put_failed(id, err),
        }
    }

    #[cold]
    fn put_failed(id: u32, err: PutError) -> Result<bool> {
        match err {
            PutError::Unknown => Err(ENOENT),
            PutError::Unbalanced => {
                complain(c"put without a reference", id, None);
                Err(EINVAL)
            }
        }
    }

    /// Gives up the ownership of an ID. Returns whether the ID is reclaimed.
    ///
    /// # Errors
    ///
    /// `ENOENT` unknown, `EACCES` wrong set.
    pub(crate) fn free(&self, set: SetTag, id: u32) -> Result<bool> {
        let guard = rcu::read_lock();
        self.free_by(Reader::from(&guard), set, id)
    }

    /// [`Pool::free`] where there is a reader.
    #[inline(always)]
    pub(crate) fn free_by(&self, reader: Reader<'_>, set: SetTag, id: u32) -> Result<bool> {
        let entry = self.lookup_any(set, id, reader)?;
        if must_defer() {
            return self.free_with(entry, Tell::Later);
        }
        match self.tell_now(reader) {
            Tell::Nobody if entry.life.free_alone() => {
                trace::free(entry);
                self.reclaim_unnamed(entry);
                Ok(true)
            }
            tell => self.free_with(entry, tell),
        }
    }

    #[inline(never)]
    fn free_with(&self, entry: &Node<Entry>, tell: Tell) -> Result<bool> {
        match entry.life.free(tell) {
            Ok(change) => {
                trace::free(entry);
                Ok(self.act(entry, change, &rcu::read_lock()))
            }
            Err(State::Reclaimed) => Err(ENOENT),
            Err(_) => Ok(false),
        }
    }

    /// The private data of an ID.
    ///
    /// # Errors
    ///
    /// `ENOENT` unknown, `EACCES` wrong set.
    #[inline]
    pub(crate) fn find<'g>(
        &'g self,
        reader: impl Into<Reader<'g>>,
        set: SetTag,
        id: u32,
    ) -> Result<*mut c_void> {
        self.lookup(set, id, reader).map(|entry| entry.private())
    }

    /// Replaces the private data and waits until nobody reads the old one. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` unknown.
    pub(crate) fn replace_private(&self, id: u32, private: *mut c_void) -> Result {
        let guard = rcu::read_lock();
        self.lookup(SetTag::NONE, id, &guard)?
            .replace_private(private);
        drop(guard);
        synchronize_rcu();
        Ok(())
    }

    /// Takes the private data away, and waits until nobody reads it. Sleeps if there was some.
    ///
    /// # Errors
    ///
    /// `ENOENT` unknown, `EBUSY` freed.
    pub(crate) fn detach_private(&self, id: u32) -> Result {
        let guard = rcu::read_lock();
        let entry = self.lookup(SetTag::NONE, id, &guard)?;
        if entry.life.word().state() == State::FreePending {
            return Err(EBUSY);
        }
        let before = entry.replace_private(core::ptr::null_mut());
        drop(guard);
        if !before.is_null() {
            synchronize_rcu();
        }
        Ok(())
    }

    /// Registers a custom allocator; see [`Registry::register`].
    pub(crate) fn register(&self, key: Key, space: SpaceId, provider: Arc<dyn Provider>) -> Result {
        self.registry
            .register(self, key, space, provider, Queue::Yes)
    }

    /// Registers a custom allocator unless it had to wait for others; see [`Registry::register`].
    #[cfg_attr(not(MODULE), allow(dead_code))] // There is no host allocator.
    pub(crate) fn register_alone(
        &self,
        key: Key,
        space: SpaceId,
        provider: Arc<dyn Provider>,
    ) -> Result {
        self.registry
            .register(self, key, space, provider, Queue::No)
    }

    /// Whether a custom allocator seems to be active.
    #[cfg(MODULE)]
    pub(crate) fn has_custom(&self) -> bool {
        self.registry.has_custom()
    }

    /// Whether there are IDs, resting ones included, whose numbers are not the kernel's.
    pub(crate) fn has_own_numbers(&self) -> bool {
        self.count(|entry| !entry.serial.is_adopted()) != 0
    }

    /// Whether allocators of another number space are in front of those of this one.
    #[cfg(MODULE)]
    pub(crate) fn is_behind(&self, space: SpaceId) -> bool {
        self.registry.is_behind(space)
    }

    /// Calls `each` for every custom allocator; see [`Registry::each`].
    pub(crate) fn each_allocator(
        &self,
        each: impl FnMut(u32, Option<usize>) -> fmt::Result,
    ) -> fmt::Result {
        self.registry.each(each)
    }

    /// Unregisters a custom allocator; see [`Registry::unregister`]. Returns how many IDs it
    /// leaves behind.
    pub(crate) fn unregister(&self, key: Key) -> Result<u32> {
        let gone = self.registry.unregister(self, key, Farewell::Orderly)?;
        let Some(number) = gone else {
            return Ok(0);
        };
        Ok(self.count(|entry| entry.provider.load(Relaxed) == number))
    }

    /// Ends the subscriptions of which something is where `is_there` says. Returns how many there
    /// were.
    pub(crate) fn evict_subscribers(&self, is_there: &dyn Fn(usize) -> bool) -> u32 {
        let audible = |audible| self.space.set_audible(audible);
        self.subscribers.evict(is_there, audible)
    }

    /// Unregisters every allocator of which something is where `is_there` says, without asking it
    /// for anything. Returns how many there were.
    pub(crate) fn evict(&self, is_there: impl Fn(usize) -> bool) -> u32 {
        let mut evicted = 0;
        while let Some(key) = self.registry.find_within(&is_there) {
            // Gone meanwhile is as good.
            let _ = self.registry.unregister(self, key, Farewell::Abrupt);
            evicted += 1;
        }
        evicted
    }

    /// How many numbers there are, 0 included.
    pub(crate) fn capacity(&self) -> u32 {
        self.space.capacity()
    }

    /// Sets the capacity; see [`Space::install_capacity`].
    pub(crate) fn install_capacity(&self, total: u32) -> Result {
        self.space.install_capacity(total)
    }

    /// How many IDs, resting ones included, are as asked for. A walk over all of them.
    pub(crate) fn count(&self, which: impl Fn(&Entry) -> bool) -> u32 {
        let mut found = 0;
        let mut from = 1;
        loop {
            let guard = rcu::read_lock();
            let Some(entry) = self.space.next(from, &guard) else {
                return found;
            };
            found += u32::from(which(entry));
            from = entry.id().saturating_add(1);
        }
    }

    /// Ends every rest, and waits for everything that is on its way. Sleeps.
    pub(crate) fn shut_down(&self) {
        self.end_all_bonds();
        self.end_all_sets();
        self.space.set_quarantine(0);
        self.end_rest();
        let left = self.count(|_| true);
        if left != 0 {
            pr_warn!("{left} IDs were never freed\n");
        }
    }

    fn defer(&self, entry: &Node<Entry>) {
        self.deferred.push(entry);
        self.kick_from_irq();
    }

    /// Ends the life of an ID whose word is dead. Not where locks are out of reach.
    #[inline(never)]
    fn reclaim(&self, entry: &Node<Entry>, word: Word) {
        if word.is_named() {
            let _section = SpinSection::enter();
            self.names.clear(entry.id());
        }
        self.reclaim_unnamed(entry);
    }

    #[inline]
    fn reclaim_unnamed(&self, entry: &Node<Entry>) {
        let _section = SpinSection::enter();
        trace::reclaim(entry);
        self.waiters.wake_all();
        match self.space.retire_plain(entry) {
            Ok(()) if !self.space.can_shrink() => {}
            Ok(()) => self.kick(Lane::Slow),
            Err(ledger) => self.reclaimed(entry.id(), self.space.retire(ledger, entry)),
        }
    }

    #[inline(never)]
    fn reclaimed(&self, id: u32, (retired, left): (Retired, SetLeft)) {
        if retired != Retired::Gone || self.space.can_shrink() {
            self.hand_back(id, retired);
        }
        if left == SetLeft::Empty {
            self.set_is_empty();
        }
    }

    #[cold]
    fn hand_back(&self, id: u32, retired: Retired) {
        match retired {
            Retired::Gone => self.kick(Lane::Slow),
            Retired::Pinned => {}
            Retired::Resting(wait) => {
                if let Some(wait) = wait {
                    self.kick_after(wait);
                }
            }
            Retired::GiveBack => {
                let guard = rcu::read_lock();
                if let Some(entry) = self.space.lookup(id, &guard) {
                    self.returning.push(entry);
                }
                drop(guard);
                self.kick(Lane::Slow);
            }
        }
    }

    /// Takes resting numbers that are due out of use.
    fn expire(&self, early: bool) {
        loop {
            match self.space.expire(early) {
                Ok((_, Retired::Gone)) if !self.space.can_shrink() => {}
                Ok((id, retired)) => self.hand_back(id, retired),
                Err(Some(wait)) => return self.kick_after(wait),
                Err(None) => return,
            }
        }
    }
}

impl Jobs for Core {
    fn run(this: &Pool, lane: Lane) {
        match lane {
            Lane::Quick => {
                this.space.drain(&this.deferred, |id| this.finish(id));
                this.expire(false);
            }
            Lane::Slow => {
                this.space.drain(&this.returning, |id| {
                    // The mm of an adopted number goes after it has left. That of another one has
                    // gone before: what is there is for somebody who waits for the number.
                    let mm = this.is_adopted(id).then(|| this.mms.remove(id));
                    match this.space.withdraw(id) {
                        // For that no device has to be left.
                        #[cfg(MODULE)]
                        Some(crate::entry::HOST) => crate::kapi::iommu::free_global_pasid(id),
                        Some(number) => this.registry.give_back(number, id),
                        None => {}
                    }
                    drop(mm);
                });
                this.space.shrink();
            }
            Lane::Waiting => this.tidy_sets(),
            Lane::Late => this.tidy_bonds(),
            Lane::Watch => this.look_for_stuck(),
        }
    }

    fn has_waiting(&self) -> bool {
        self.space.sets.has_notes()
    }
}

impl Switch for Pool {
    fn close_default(&self) -> Result {
        self.space.close_default()
    }

    fn close_default_for_host(&self) -> Result {
        self.space.stop_default();
        // There are none to come: who wants one waits for the switch.
        if self.has_own_numbers() {
            self.space.open_default();
            return Err(EAGAIN);
        }
        Ok(())
    }

    fn open_default(&self) {
        self.space.open_default();
    }

    fn catch_up(&self) {
        self.flush();
    }

    fn end_rest(&self) {
        self.flush();
        self.expire(true);
        self.flush();
    }
}

fn unknown_to_get(err: Error) -> Error {
    if err == ENOENT {
        EINVAL
    } else {
        err
    }
}
