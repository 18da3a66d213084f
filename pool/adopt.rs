// SPDX-License-Identifier: GPL-2.0

//! IDs of address spaces that devices are bound to.
//!
//! A number that the IOMMU core chose is adopted. It belongs to its mm for as long as that has
//! memory of its own, so the ID holds the mm's memory until it has left the index.

use super::Pool;
use crate::{
    audience::Event,
    entry::{
        Entry,
        Serial,
        ADOPTED, //
    },
    id::IdRange,
    kapi::{
        id_array::Node,
        task::Who, //
    },
    life::Change,
    set::{
        Owner,
        SetTag, //
    },
    space::Policy,
    state::{
        Scopes,
        Tell, //
    },
    trace, //
};
use core::ptr;
use kernel::{
    mm::{
        Mm,
        MmWithUser, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        rcu, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};

/// One life of an ID, whose owner is the address space.
#[derive(Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) id: u32,
    serial: Serial,
}

/// A set that has gone is one that was about to end.
fn closed_to_busy(err: Error) -> Error {
    if err == EINVAL {
        EBUSY
    } else {
        err
    }
}

impl Pool {
    /// Calls `call` for the set of an mm, which stays meanwhile; for the kernel's own if it has
    /// none.
    fn with_mm_owner<R>(
        &self,
        mm: &Mm,
        call: impl FnOnce(Owner, Policy) -> Result<R>,
    ) -> Result<R> {
        let Ok(tag) = self.find_mm_set(mm.as_raw().addr()) else {
            return call(Owner::KERNEL, Policy::Lowest);
        };
        let guard = rcu::read_lock();
        let found = self.space.sets.find(tag, &guard);
        let owner = found.map(|set| (set.owner(), set.policy()));
        drop(guard);
        let result = owner
            .ok_or(EBUSY)
            .and_then(|(owner, policy)| call(owner, policy).map_err(closed_to_busy));
        // What was found is there to be put.
        let _ = self.put_set(tag);
        result
    }

    /// Allocates an ID for an mm, in its set if it has one. Sleeps.
    ///
    /// # Errors
    ///
    /// - `ENOSPC` if no number or no quota is left,
    /// - `EBUSY` if the set of the mm ends, or the ID was freed by somebody who was told of it,
    /// - `ENOMEM`, or what else a custom allocator may cause.
    pub(crate) fn lease(&self, mm: &Mm, range: IdRange) -> Result<Lease> {
        let lease = self.alloc_lease(mm, range)?;
        if let Err(err) = self.keep(lease.id, mm) {
            self.free_lease(lease);
            return Err(err);
        }
        Ok(lease)
    }

    /// As [`Pool::lease`], but the address space cannot be found by the ID.
    pub(super) fn alloc_lease(&self, mm: &Mm, range: IdRange) -> Result<Lease> {
        // The capacity may have shrunk since the range was checked.
        let last = self.capacity().saturating_sub(1);
        let range = IdRange::new(range.min(), range.max().min(last)).map_err(|_| ENOSPC)?;
        let new = self.with_mm_owner(mm, |owner, policy| {
            self.alloc_any(owner, range, policy, ptr::null_mut())
        })?;
        // Somebody who was told of it may have freed it: then this is a lease of an earlier life.
        let lease = Lease {
            id: new.id(),
            serial: new.serial,
        };
        let pid = Who::of_mm(mm).pid;
        let guard = rcu::read_lock();
        if let Ok(entry) = self.leased(lease, &guard) {
            entry.set_maker(pid);
        }
        drop(guard);
        Ok(lease)
    }

    /// Takes part in an ID that is an mm's already. Sleeps.
    ///
    /// # Errors
    ///
    /// - `EBUSY` if it is freed, or there is none,
    /// - `ENOMEM`.
    pub(crate) fn share_lease(&self, mm: &Mm, id: u32) -> Result<Lease> {
        let lease = self.lease_of(id).map_err(|_| EBUSY)?;
        self.get_leased(lease)?;
        self.keep(id, mm).inspect_err(|_| self.put_leased(lease))?;
        Ok(lease)
    }

    /// Undoes [`Pool::share_lease`]. Sleeps.
    pub(crate) fn leave_lease(&self, lease: Lease) {
        // Not with the ID, which leaves with the memory of the mm: that would be never.
        let mm = self.mms.remove(lease.id);
        self.put_leased(lease);
        drop(mm);
    }

    /// What an ID is now.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is none.
    pub(super) fn lease_of(&self, id: u32) -> Result<Lease> {
        let guard = rcu::read_lock();
        let entry = self.space.lookup(id, &guard).ok_or(ENOENT)?;
        if entry.life.word().is_dead() {
            return Err(ENOENT);
        }
        Ok(Lease {
            id,
            serial: entry.serial,
        })
    }

    /// Gives back what [`Pool::lease`] gave, once the last reference is gone. Sleeps.
    pub(crate) fn end_lease(&self, lease: Lease) {
        // The number may be another mm's as soon as it is free.
        let mm = self.mms.remove(lease.id);
        self.free_lease(lease);
        drop(mm);
    }

    /// Enters an ID that the kernel gave to an mm, in the set of the mm if it has one. Sleeps.
    ///
    /// # Errors
    ///
    /// - `EBUSY` if the number is taken, or the set of the mm ends,
    /// - `ENOSPC` if it is beyond the capacity, or no quota is left,
    /// - `ENOMEM`.
    pub(crate) fn adopt(&self, mm: &Mm, id: u32) -> Result<Lease> {
        // Before the number can be found: once it can, it is taken out with the ID.
        self.keep(id, mm)?;
        let enter = || {
            self.with_mm_owner(mm, |owner, _| {
                let entry = self.space.prepare(owner, ADOPTED, ptr::null_mut())?;
                entry.set_maker(Who::of_mm(mm).pid);
                self.space.adopt(entry, id).map(|adopted| (owner, adopted))
            })
        };
        let adopted = enter().or_else(|err| self.try_again(err, enter));
        let (owner, adopted) = match adopted {
            Ok(adopted) => adopted,
            Err(err) => {
                let mm = self.mms.remove(id);
                drop(mm);
                // It may have been the last one of its set for a moment.
                self.set_is_empty();
                return Err(err);
            }
        };
        if let Ok(range) = IdRange::new(id, id) {
            trace::alloc(owner, range, Ok(id));
        }
        if adopted.is_busy() {
            self.announce(id);
        }
        Ok(Lease {
            id,
            serial: adopted.serial,
        })
    }

    /// Whether a number was given to an mm by the kernel.
    pub(super) fn is_adopted(&self, id: u32) -> bool {
        let guard = rcu::read_lock();
        let entry = self.space.lookup(id, &guard);
        entry.is_some_and(|entry| entry.serial.is_adopted())
    }

    /// Enters what an ID stands for.
    fn keep(&self, id: u32, mm: &Mm) -> Result {
        self.mms
            .insert(id, mm)
            .or_else(|err| self.try_again(err, || self.mms.insert(id, mm)))
    }

    /// Does something once more if what is in the way may be a number that is about to leave.
    fn try_again<R>(&self, err: Error, call: impl FnOnce() -> Result<R>) -> Result<R> {
        if err != EBUSY {
            return Err(err);
        }
        self.flush();
        call()
    }

    /// The address space that an ID stands for, with a user, unless it exits. Any context but NMI.
    pub(crate) fn mm_of(&self, id: u32) -> Option<ARef<MmWithUser>> {
        self.mms.find(id)
    }

    /// Finds an ID in the life that a lease is for.
    pub(super) fn leased<'g>(
        &'g self,
        lease: Lease,
        guard: &'g rcu::Guard,
    ) -> Result<&'g Node<Entry>> {
        let entry = self.space.lookup(lease.id, guard).ok_or(ENOENT)?;
        if entry.serial != lease.serial || entry.life.word().is_dead() {
            return Err(ENOENT);
        }
        Ok(entry)
    }

    /// Whether an ID has the life that a lease is for.
    pub(crate) fn has_lease(&self, lease: Lease) -> bool {
        self.leased(lease, &rcu::read_lock()).is_ok()
    }

    /// Takes a reference.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the ID is freed, or gone.
    pub(crate) fn get_leased(&self, lease: Lease) -> Result {
        let guard = rcu::read_lock();
        self.leased(lease, &guard)
            .and_then(|entry| entry.life.get())
            .map_err(|_| EBUSY)
    }

    /// Drops what [`Pool::get_leased`] has taken.
    pub(crate) fn put_leased(&self, lease: Lease) {
        // The reference has kept this life of the ID.
        let _ = self.put(SetTag::NONE, lease.id);
    }

    /// Gives an ID up for its mm. Nothing happens if somebody else did before.
    pub(crate) fn free_lease(&self, lease: Lease) {
        let guard = rcu::read_lock();
        let Ok(entry) = self.leased(lease, &guard) else {
            return;
        };
        if let Ok(change) = entry.life.free(self.tell_now(&guard)) {
            trace::free(entry);
            self.act(entry, change, &guard);
        }
    }

    /// Whether the IOMMU driver tells of the devices under an ID: where it does not know of IDs
    /// it does not.
    #[cfg(not(any(not(MODULE), CONFIG_IOASID_KUNIT_TEST)))]
    pub(crate) fn is_attached(&self, _lease: Lease) -> bool {
        false
    }

    /// Notes that a device is bound, and tells so. Sleeps if a pass is on.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the ID is freed, or what the subscriber said that refused it.
    pub(crate) fn bond(&self, lease: Lease) -> Result {
        loop {
            let guard = rcu::read_lock();
            let entry = self.leased(lease, &guard).map_err(|_| EBUSY)?;
            let tell = self.tell_now(&guard) == Tell::Now;
            match entry.life.bond(tell) {
                Ok(()) if !tell => return Ok(()),
                Ok(()) => {
                    let told = self.tell_bind(entry, Scopes::BOTH, &guard);
                    if told.is_err() {
                        entry.life.unbonded();
                    }
                    self.act(entry, Change::Pass, &guard);
                    return told;
                }
                Err(_) if entry.life.word().is_pending() => return Err(EBUSY),
                Err(_) => {}
            }
            drop(guard);
            // A pass takes as long as its handlers do.
            fsleep(Delta::from_micros(20));
        }
    }

    /// Notes that no device is bound any more, and tells so unless the ID is freed. Sleeps if a
    /// pass is on.
    pub(crate) fn unbond(&self, lease: Lease) {
        loop {
            let guard = rcu::read_lock();
            let Ok(entry) = self.leased(lease, &guard) else {
                return;
            };
            let tell = self.tell_now(&guard) == Tell::Now;
            match entry.life.unbond(tell) {
                Ok(()) => {
                    if tell {
                        self.tell(entry, Event::Unbind, Scopes::BOTH, &guard);
                        entry.life.unbonded();
                        self.act(entry, Change::Pass, &guard);
                    }
                    return;
                }
                Err(err) if err == EBUSY => {}
                Err(_) => return,
            }
            drop(guard);
            fsleep(Delta::from_micros(20));
        }
    }
}
