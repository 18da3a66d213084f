// SPDX-License-Identifier: GPL-2.0

//! What the IOMMU core and its drivers do where this is their index: they take their numbers from
//! it, and have devices counted that are attached under an ID.

use super::{
    Lease,
    Pool, //
};
use crate::{
    entry::Entry,
    id::IdRange,
    names::Name,
    set::SetTag,
    state::Word, //
};
use kernel::{
    mm::Mm,
    prelude::*,
    sync::{
        atomic::{
            Full,
            Relaxed,
            Release, //
        },
        rcu, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};

impl Pool {
    /// Allocates an ID for as long as an mm has memory of its own, in the set of the mm if it has
    /// one. Sleeps.
    ///
    /// # Errors
    ///
    /// As for [`Pool::lease`].
    pub(crate) fn alloc_for_mm(&self, mm: &Mm, range: IdRange) -> Result<u32> {
        let lease = self.alloc_lease(mm, range)?;
        // The set may end before the mm does, or somebody else free the ID. The mm has the number
        // all the same.
        self.get_leased(lease)?;
        self.names.add(lease.id, Self::mm_holder());
        Ok(lease.id)
    }

    /// Frees what [`Pool::alloc_for_mm`] gave. Any context but NMI.
    pub(crate) fn free_of_mm(&self, id: u32) {
        // It may have been freed before.
        let _ = self.free(SetTag::NONE, id);
        // The reference has kept this life of the ID.
        let _ = self.put_named(SetTag::NONE, id, Self::mm_holder());
    }

    /// What the reference of an mm is known by: it is for the number in there.
    fn mm_holder() -> Name {
        Name::new(c"mm->iommu_mm")
    }

    /// Counts a device that is about to be attached under an ID, to which the caller has a
    /// reference until it is not counted any more. With the first one subscribers are told. Sleeps.
    ///
    /// # Errors
    ///
    /// - `ENOENT` if there is no such ID,
    /// - `EBUSY` if it is freed,
    /// - what the subscriber said that refused it.
    pub(crate) fn count_device(&self, id: u32) -> Result {
        let lease = self.lease_of(id)?;
        let before = self.step(lease, |count| (count != 0).then_some(count + 1))?;
        if before.is_none() {
            return Ok(());
        }
        let word = self.word_of(lease)?;
        if word.is_bonded() && !word.is_pending() {
            self.settle(lease, Entry::MUTE | 1);
            return Ok(());
        }
        let result = self.bond(lease);
        self.settle(lease, u32::from(result.is_ok()));
        result
    }

    /// Undoes [`Pool::count_device`]. With the last one subscribers are told, unless the ID is
    /// freed. Sleeps.
    pub(crate) fn uncount_device(&self, id: u32) {
        let Ok(lease) = self.lease_of(id) else {
            return;
        };
        let before = self.step(lease, |count| (count & !Entry::MUTE > 1).then(|| count - 1));
        let Ok(Some(before)) = before else {
            return;
        };
        if before == 1 {
            self.unbond(lease);
        }
        self.settle(lease, 0);
    }

    /// Whether a device is counted.
    pub(crate) fn is_attached(&self, lease: Lease) -> bool {
        let guard = rcu::read_lock();
        self.leased(lease, &guard)
            .is_ok_and(|entry| entry.attached.load(Relaxed) != 0)
    }

    fn word_of(&self, lease: Lease) -> Result<Word> {
        let guard = rcu::read_lock();
        self.leased(lease, &guard).map(|entry| entry.life.word())
    }

    /// Changes the count by `next`. Where that says nothing, the count is returned, and nobody else
    /// changes it until [`Pool::settle`], which is on the caller then. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the ID has gone.
    fn step(&self, lease: Lease, next: impl Fn(u32) -> Option<u32>) -> Result<Option<u32>> {
        loop {
            let guard = rcu::read_lock();
            let entry = self.leased(lease, &guard)?;
            let count = entry.attached.load(Relaxed);
            if count != Entry::SETTLING {
                let new = next(count);
                let stored = new.unwrap_or(Entry::SETTLING);
                if entry.attached.cmpxchg(count, stored, Full).is_ok() {
                    return Ok(new.is_none().then_some(count));
                }
                continue;
            }
            drop(guard);
            // As long as the handlers take.
            fsleep(Delta::from_micros(20));
        }
    }

    fn settle(&self, lease: Lease, count: u32) {
        let guard = rcu::read_lock();
        if let Ok(entry) = self.leased(lease, &guard) {
            entry.attached.store(count, Release);
        }
    }
}
