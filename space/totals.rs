// SPDX-License-Identifier: GPL-2.0

//! How much there is of everything.

use super::Space;
use crate::{
    entry::Entry,
    kapi::{
        id_array::Node,
        mm::MmExit, //
    },
};
use core::mem;
use kernel::sync::{
    atomic::Relaxed,
    rcu, //
};

/// Figures of one moment.
pub(crate) struct Totals {
    /// How many IDs there can be.
    pub(crate) capacity: u32,
    /// How many are nobody's.
    pub(crate) left: u32,
    /// Those that are not reclaimed.
    pub(crate) live: u32,
    pub(crate) resting: u32,
    /// Those of the live ones whose numbers the kernel gave.
    pub(crate) adopted: u32,
    /// How many ever were entered, modulo 2^31.
    pub(crate) entered: u32,
    /// How many the kernel's own set could not have.
    pub(crate) failures: u32,
    pub(crate) quarantine_ms: u32,
    /// What one of them takes in its slab cache.
    pub(crate) entry_bytes: u32,
}

impl<H: MmExit> Space<H> {
    pub(crate) fn totals(&self) -> Totals {
        let guard = rcu::read_lock();
        let own = self.sets.at(0, &guard);
        let failures = own.map_or(0, |set| set.usage.figures().failures);
        drop(guard);
        let total = self.total();
        let ledger = self.array.lock();
        Totals {
            capacity: total,
            left: ledger.capacity.left(total),
            live: ledger.live,
            resting: ledger.capacity.resting(),
            adopted: ledger.adopted,
            entered: ledger.serial & (u32::MAX >> 1),
            failures,
            quarantine_ms: self.quarantine.load(Relaxed),
            // CAST: A slab object is far below 2^32 bytes.
            entry_bytes: mem::size_of::<Node<Entry>>() as u32,
        }
    }
}
