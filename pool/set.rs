// SPDX-License-Identifier: GPL-2.0

//! The verbs about sets and SPIDs.
//!
//! A set ends once: it gets no more IDs, its token is free, and each of its IDs is freed. That is
//! done by its owner, or by the waiting lane: when its mm has exited, or when its last reference
//! was put. Only the waiting lane takes a set out, when it has neither references nor IDs.

use super::{
    Ender,
    Pool, //
};
use crate::{
    audience::Event,
    entry::Serial,
    id::IdRange,
    kapi::{
        context::{
            full_barrier,
            must_defer, //
        },
        deferred::Lane,
        mm::MmWatch,
        task::Who, //
    },
    quota::Figures,
    set::{
        Found,
        Kind,
        Notes,
        Owner,
        SetTag,
        Token, //
    },
    space::{
        Policy, //
    },
    state::{
        PutError,
        State,
        Word, //
    },
    trace, //
};
use core::ffi::c_void;
use kernel::{
    mm::{
        Mm,
        MmWithUser, //
    },
    prelude::*,
    sync::rcu,
    time::{
        delay::fsleep,
        Delta, //
    },
};

impl Pool {
    /// Makes a set without a token. Sleeps. Errors as for [`Pool::alloc_mm_set`].
    pub(crate) fn alloc_null_set(&self, quota: u32) -> Result<SetTag> {
        Ok(self.make_set(Token(Kind::Null, 0), quota, None)?.tag)
    }

    /// Makes the set of an mm. Sleeps, and takes the `mmap_lock`.
    ///
    /// # Errors
    ///
    /// - `ESRCH` if the mm is exiting,
    /// - `EEXIST` if it has a set,
    /// - `ENOSPC` if `quota` numbers are not left,
    /// - `ENOMEM`, or `EINTR` if a signal came first.
    pub(crate) fn alloc_mm_set(&self, mm: &Mm, quota: u32) -> Result<SetTag> {
        // It does not exit before its exit is watched and the set is complete.
        let user = mm.mmget_not_zero().ok_or(ESRCH)?;
        let token = Token(Kind::Mm, mm.as_raw().addr());
        Ok(self.make_set(token, quota, Some(&user))?.tag)
    }

    fn make_set(&self, token: Token, quota: u32, mm: Option<&MmWithUser>) -> Result<Owner> {
        let maker = mm.map_or_else(Who::current, |mm| Who::of_mm(mm));
        let made = self.make_set_for(maker, token, quota, mm);
        trace::set_create(quota, maker.pid, &made);
        made
    }

    fn make_set_for(
        &self,
        maker: Who,
        token: Token,
        quota: u32,
        mm: Option<&MmWithUser>,
    ) -> Result<Owner> {
        let sets = &self.space.sets;
        let claim = sets.claim(token)?;
        let reserved = self.space.reserve(quota)?;
        let set = sets.publish(token, maker, quota)?;
        reserved.keep();
        if let Some(mm) = mm {
            let hook = Ender {
                pool: self.remote(),
                set,
            };
            let watched = KBox::pin_init(MmWatch::new(mm, hook), GFP_KERNEL_ACCOUNT)
                .and_then(|watch| sets.watch(set, watch));
            if let Err(err) = watched {
                let guard = rcu::read_lock();
                if let Some(found) = sets.at(set, &guard) {
                    self.space.close_set(found);
                    self.let_go(found);
                }
                return Err(err);
            }
        }
        let guard = rcu::read_lock();
        let found = sets.at(set, &guard).ok_or(EINVAL)?;
        let owner = found.owner();
        self.space.open_set(found);
        // Before anybody finds it and has IDs in it.
        found.announce();
        self.tell_set(found, Event::SetAlloc, &guard);
        sets.settle(claim, found);
        Ok(owner)
    }

    /// Allocates an ID for a static set of the old interface, which is known by its address.
    /// Sleeps. Errors as for [`Pool::alloc`], except those about the set.
    pub(crate) fn alloc_static(
        &self,
        address: usize,
        range: IdRange,
        policy: Policy,
        private: *mut c_void,
    ) -> Result<u32> {
        loop {
            if range.max() >= self.space.capacity() {
                return Err(EINVAL);
            }
            let owner = self.static_set(address)?;
            let result = self.alloc_for(owner, range, policy, private);
            if result.is_err() {
                self.space.close_if_empty(owner);
                self.bury_soon();
            }
            match result {
                // It has lost its last ID meanwhile.
                Err(err) if err == EBUSY || err == EINVAL && !self.is_set(owner) => {}
                result => return result,
            }
        }
    }

    fn is_set(&self, owner: Owner) -> bool {
        self.space.sets.of(owner, &rcu::read_lock()).is_some()
    }

    fn static_set(&self, address: usize) -> Result<Owner> {
        let sets = &self.space.sets;
        let token = Token(Kind::Static, address);
        loop {
            if let Some(set) = sets.find_token(token) {
                let guard = rcu::read_lock();
                let found = sets.at(set, &guard).filter(|found| found.token == token);
                match found {
                    Some(found) if found.is_open() => return Ok(found.owner()),
                    // It never opens again.
                    _ => sets.unsettle(token, set),
                }
            }
            match self.make_set(token, 0, None) {
                // Somebody else makes it right now.
                Err(err) if err == EEXIST => fsleep(Delta::from_micros(100)),
                result => return result,
            }
        }
    }

    /// Ends a set and drops its owner's reference. Sleeps. Returns whether it has no IDs left.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none, or its owner has ended it.
    pub(crate) fn free_set(&self, set: SetTag) -> Result<bool> {
        let guard = rcu::read_lock();
        let found = self.find_set(set, &guard)?;
        if !found.give_up() {
            return Err(EINVAL);
        }
        // If the mm has exited before, it is marked.
        let _ = found.life.mark_pending();
        let owner = found.owner();
        drop(guard);
        // The owner's reference keeps it.
        self.end_set(owner);

        let guard = rcu::read_lock();
        let found = self.space.sets.at(owner.set, &guard).ok_or(EINVAL)?;
        let is_empty = found.usage.used() == 0;
        // It cannot go before it was looked at, and this is noted with the reference.
        self.space.sets.note(found, Notes::ENDED);
        if found.life.release_owner().is_dead() {
            self.space.sets.note(found, Notes::DEAD);
        }
        self.kick(Lane::Waiting);
        Ok(is_empty)
    }

    /// Drops the owner's reference, unless he has given it up before.
    fn drop_owner(set: Found<'_>) -> Option<Word> {
        if !set.give_up() {
            return None;
        }
        // If the mm has exited before, it is marked.
        let _ = set.life.mark_pending();
        Some(set.life.release_owner())
    }

    /// Drops the reference of a set's maker, who has not told anybody of it.
    fn let_go(&self, set: Found<'_>) {
        if Self::drop_owner(set).is_some_and(Word::is_dead) {
            self.space.sets.note(set, Notes::DEAD);
            self.kick(Lane::Waiting);
        }
    }

    /// A set that is not the kernel's own.
    fn find_set<'g>(&'g self, set: SetTag, guard: &'g rcu::Guard) -> Result<Found<'g>> {
        if set == SetTag::NONE {
            return Err(EINVAL);
        }
        self.space.sets.find(set, guard).ok_or(EINVAL)
    }

    /// Takes a reference to a set.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none, `EBUSY` if its owner has ended it.
    pub(crate) fn get_set(&self, set: SetTag) -> Result {
        let guard = rcu::read_lock();
        let found = self.find_set(set, &guard)?;
        // One that is told to go is there, but has no references to give.
        found.life.get().map_err(|_| EBUSY)
    }

    /// Checks that there will be more to tell of a set.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none, `EBUSY` if its owner has ended it.
    pub(crate) fn expect_open(&self, set: SetTag) -> Result {
        let guard = rcu::read_lock();
        if self.find_set(set, &guard)?.life.word().is_pending() {
            return Err(EBUSY);
        }
        Ok(())
    }

    /// Drops a reference to a set, its owner's after all others.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is none, `EINVAL` without a reference to drop.
    pub(crate) fn put_set(&self, set: SetTag) -> Result {
        let guard = rcu::read_lock();
        let found = self.find_set(set, &guard).map_err(|_| ENOENT)?;
        let word = match found.life.put() {
            Err(PutError::Unbalanced) => Self::drop_owner(found).ok_or(EINVAL)?,
            Err(PutError::Unknown) => return Err(ENOENT),
            Ok(word) => word,
        };
        if word.is_dead() {
            self.space.sets.note(found, Notes::DEAD);
            if must_defer() {
                self.kick_from_irq();
            } else {
                self.kick(Lane::Waiting);
            }
        }
        Ok(())
    }

    /// Changes the quota of a set; see [`Space::adjust_set`](crate::space::Space::adjust_set).
    /// `EINVAL` also if there is none.
    pub(crate) fn adjust_set(&self, set: SetTag, quota: u32) -> Result {
        let guard = rcu::read_lock();
        self.space.adjust_set(self.find_set(set, &guard)?, quota)
    }

    /// Chooses which number a set gets if its caller does not say.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such set.
    pub(crate) fn set_policy(&self, set: SetTag, policy: Policy) -> Result {
        let guard = rcu::read_lock();
        self.find_set(set, &guard)?.set_policy(policy);
        Ok(())
    }

    /// What a set, or the kernel's own, may have and has.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such set.
    pub(crate) fn query_set(&self, set: SetTag) -> Result<Figures> {
        let guard = rcu::read_lock();
        let found = self.space.sets.find(set, &guard).ok_or(EINVAL)?;
        Ok(found.usage.figures())
    }

    /// Finds the set of an mm and takes a reference to it.
    ///
    /// # Errors
    ///
    /// `ENOENT` if it has none, or one that has ended.
    pub(crate) fn find_mm_set(&self, mm: usize) -> Result<SetTag> {
        let token = Token(Kind::Mm, mm);
        let set = self.space.sets.find_token(token).ok_or(ENOENT)?;
        let guard = rcu::read_lock();
        let found = self.space.sets.at(set, &guard).ok_or(ENOENT)?;
        if found.token != token || !found.is_open() {
            return Err(ENOENT);
        }
        found.life.get().map_err(|_| ENOENT)?;
        Ok(found.owner().tag)
    }

    /// Finds the set of an ID and takes a reference to it; `NONE` is the kernel's own.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such ID, or its set has ended; `EINVAL` if it has no handle.
    pub(crate) fn set_of(&self, id: u32) -> Result<SetTag> {
        let guard = rcu::read_lock();
        let entry = self.lookup(SetTag::NONE, id, &guard)?;
        let owner = entry.owner();
        let found = self.space.sets.of(owner, &guard).ok_or(ENOENT)?;
        if owner == Owner::KERNEL {
            return Ok(SetTag::NONE);
        }
        if !found.has_handle() {
            return Err(EINVAL);
        }
        found.life.get().map_err(|_| ENOENT)?;
        Ok(owner.tag)
    }

    /// Takes a reference to an ID if it is one of an mm.
    ///
    /// # Errors
    ///
    /// - `ENOENT` if there is no such ID,
    /// - `EINVAL` if its set is not that of an mm,
    /// - `EPERM` if it is that of another one,
    /// - `EBUSY` if it is freed.
    pub(crate) fn get_if_owned(&self, id: u32, mm: usize) -> Result {
        let guard = rcu::read_lock();
        let entry = self.lookup(SetTag::NONE, id, &guard)?;
        let set = self.space.sets.of(entry.owner(), &guard).ok_or(ENOENT)?;
        if mm == 0 {
            return Err(EPERM);
        }
        if set.token.0 != Kind::Mm {
            return Err(EINVAL);
        }
        if set.token.1 != mm {
            return Err(EPERM);
        }
        entry
            .life
            .get()
            .map_err(|err| if err == EINVAL { ENOENT } else { err })
    }

    /// Whether somebody is bound to an ID.
    pub(crate) fn is_active(&self, id: u32) -> bool {
        let guard = rcu::read_lock();
        self.lookup(SetTag::NONE, id, &guard)
            .is_ok_and(|entry| entry.life.word().state() == State::Active)
    }

    /// The SPID of an ID.
    pub(crate) fn spid_of(&self, id: u32) -> Option<u32> {
        let guard = rcu::read_lock();
        self.lookup(SetTag::NONE, id, &guard).ok()?.spid()
    }

    /// Finds the ID with an SPID, and takes a reference to it if `get` says so.
    pub(crate) fn find_by_spid(&self, set: SetTag, spid: u32, get: bool) -> Option<u32> {
        let guard = rcu::read_lock();
        let set = self.space.sets.find(set, &guard)?;
        let id = set.spids.get(spid, &guard)?;
        let entry = self.lookup(SetTag::NONE, id, &guard).ok()?;
        // The number may have a new life, in another set or with another SPID.
        if entry.owner() != set.owner() || entry.spid() != Some(spid) {
            return None;
        }
        if get {
            entry.life.get().ok()?;
        }
        Some(id)
    }

    /// Sets the private data of an ID.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such ID, `EBUSY` if it has some or is freed.
    pub(crate) fn attach_private(&self, id: u32, private: *mut c_void) -> Result {
        let guard = rcu::read_lock();
        let entry = self.lookup(SetTag::NONE, id, &guard)?;
        if entry.life.word().state() == State::FreePending {
            return Err(EBUSY);
        }
        entry.attach_private(private)
    }

    /// Calls `each` for every ID of a set, freed ones included; see [`Pool::for_each_of`].
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such set.
    pub(crate) fn for_each(&self, set: SetTag, each: impl FnMut(u32)) -> Result {
        let guard = rcu::read_lock();
        let owner = self.space.sets.find(set, &guard).ok_or(EINVAL)?.owner();
        drop(guard);
        self.for_each_of(owner, each);
        Ok(())
    }

    /// Calls `each` with no lock held for every ID that is not reclaimed. It stays in the index
    /// until `each` returns. `each` may sleep if the caller may.
    fn for_each_of(&self, owner: Owner, mut each: impl FnMut(u32)) {
        let mut at = None;
        loop {
            let next = self.space.advance(owner, at);
            if let Some(at) = at {
                self.unpin(at);
            }
            let Some(id) = next else {
                return;
            };
            each(id);
            at = next;
        }
    }

    /// Frees every ID of a set. Errors as for [`Pool::for_each`].
    pub(crate) fn free_all(&self, set: SetTag) -> Result {
        self.for_each(set, |id| {
            // One that is freed already is none of ours.
            let _ = self.free(SetTag::NONE, id);
        })
    }

    /// Waits until an ID is reclaimed, for so many milliseconds. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such ID, `ETIMEDOUT`, or `EINTR` if the task is killed.
    pub(crate) fn wait_reclaimed(&self, id: u32, timeout: u32) -> Result {
        let serial = self.serial_of(id).ok_or(ENOENT)?;
        self.waiters
            .wait_until(timeout, || self.serial_of(id) != Some(serial))
    }

    /// Which life of the number this is.
    fn serial_of(&self, id: u32) -> Option<Serial> {
        let guard = rcu::read_lock();
        let entry = self.lookup(SetTag::NONE, id, &guard).ok()?;
        Some(entry.serial)
    }

    /// Waits until a set has no IDs, for so many milliseconds. Sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such set, `ETIMEDOUT`, or `EINTR` if the task is killed.
    pub(crate) fn wait_empty(&self, set: SetTag, timeout: u32) -> Result {
        let guard = rcu::read_lock();
        let owner = self.find_set(set, &guard)?.owner();
        drop(guard);
        self.waiters.wait_until(timeout, || {
            let guard = rcu::read_lock();
            let found = self.space.sets.of(owner, &guard);
            found.is_none_or(|set| set.usage.used() == 0)
        })
    }

    pub(super) fn unpin(&self, id: u32) {
        if let Some(gone) = self.space.unpin(id) {
            self.reclaimed(id, gone);
        }
    }

    #[cold]
    pub(super) fn set_is_empty(&self) {
        // Those who wait say so before they look.
        full_barrier();
        self.waiters.wake_all();
        self.bury_soon();
    }

    /// Has the waiting lane see to the sets that were noted.
    pub(super) fn bury_soon(&self) {
        if self.space.sets.has_notes() {
            self.kick(Lane::Waiting);
        }
    }

    /// Ends a set that stays meanwhile.
    fn end_set(&self, owner: Owner) {
        let guard = rcu::read_lock();
        if let Some(found) = self.space.sets.of(owner, &guard) {
            self.space.close_set(found);
            self.space.sets.unsettle(found.token, owner.set);
        }
        drop(guard);
        self.for_each_of(owner, |id| {
            let _ = self.free(SetTag::NONE, id);
        });
    }

    /// What the waiting lane does.
    pub(super) fn tidy_sets(&self) {
        self.space.sets.drain(|set| self.look_at(set));
        self.space.sets.shrink();
    }

    /// Lets go of the memory of an mm that has exited, be it that its set has to wait: in the
    /// kernel tree the set's last ID is that of the mm, which waits for the memory.
    fn let_mm_go(&self, set: u32) {
        let latest = self.subscribers.latest();
        let guard = rcu::read_lock();
        if let Some(found) = self.space.sets.at(set, &guard) {
            found.disown(latest);
        }
        drop(guard);
        self.space.sets.unwatch(set);
    }

    /// Does what is to be done about a set.
    fn look_at(&self, set: u32) {
        let guard = rcu::read_lock();
        let Some(found) = self.space.sets.at(set, &guard) else {
            return;
        };
        let (owner, notes) = (found.owner(), found.see());
        if notes.has(Notes::EXITED) {
            // Its owner's reference stays.
            let _ = found.life.mark_pending();
        }
        drop(guard);
        self.end_set(owner);
        if notes.has(Notes::EXITED) {
            self.let_mm_go(set);
        }

        let guard = rcu::read_lock();
        let Some(found) = self.space.sets.at(set, &guard) else {
            return;
        };
        if found.usage.used() != 0 {
            // The last one is noted.
            return;
        }
        if !notes.has(Notes::DEAD) {
            return;
        }
        if found.has_to_part() && !self.subscribers.is_empty() {
            found.set_parting(true);
            self.tell_set(found, Event::SetFree, &guard);
            found.set_parting(false);
        }
        drop(guard);
        self.space.sets.unwatch(set);
        // From here on nothing is noted; if something was, it is still on the list.
        let guard = rcu::read_lock();
        let found = self.space.sets.at(set, &guard);
        let is_done = found.is_some_and(|found| self.space.is_done_with(found));
        drop(guard);
        if is_done {
            self.space.sets.remove(set);
            trace::set_destroy(set);
        }
    }

    /// Ends all sets, whoever has references to them. Sleeps.
    pub(super) fn end_all_sets(&self) {
        self.flush_waiting();
        let (mut from, mut left) = (1, 0);
        loop {
            let guard = rcu::read_lock();
            let Some(owner) = self.space.sets.next(from, &guard).map(Found::owner) else {
                break;
            };
            drop(guard);
            from = owner.set.saturating_add(1);
            left += 1;
            self.end_set(owner);
        }
        self.flush();
        if left != 0 {
            pr_warn!("{left} sets were never freed\n");
        }
    }
}
