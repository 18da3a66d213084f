// SPDX-License-Identifier: GPL-2.0

//! Numbers that the kernel gave to an mm.

use super::{
    Published,
    Space, //
};
use crate::{
    entry::{
        Entry,
        Serial, //
    },
    kapi::{
        id_array::{
            Slot,
            Unpublished, //
        },
        mm::MmExit,
    },
};
use kernel::prelude::*;

/// An ID that was entered under a number that is not ours to choose.
pub(crate) struct Adopted {
    pub(crate) new: Published,
    pub(crate) serial: Serial,
    /// Its set has ended meanwhile; to be freed like any other.
    pub(crate) is_orphan: bool,
}

impl<H: MmExit> Space<H> {
    /// Publishes an entry under a number, and leaves the one alone that has it. May sleep.
    ///
    /// # Errors
    ///
    /// - `EBUSY` if the number is taken or the set gets no more IDs,
    /// - `ENOSPC` if the number is beyond the capacity or the quota of the set is used up,
    /// - `EINVAL` if the set is gone,
    /// - `ENOMEM`.
    pub(crate) fn adopt<'a>(&'a self, entry: Unpublished<'a, Entry>, id: u32) -> Result<Adopted> {
        let owner = entry.owner();
        let mut ledger = self.array.lock();
        let charged = if id >= self.capacity() {
            Err(ENOSPC)
        } else {
            self.charge(&mut ledger, owner)
        };
        if let Err(err) = charged {
            drop(ledger);
            drop(entry);
            return Err(err);
        }
        match Self::insert(&mut ledger, entry, Slot::At(id)) {
            Ok(new) => {
                let is_orphan = !self.add(&mut ledger, owner, id);
                ledger.adopted += 1;
                let serial = ledger.get(id).map(|entry| entry.serial);
                let unpinned = ledger.unpin();
                drop(ledger);
                drop(unpinned);
                Ok(Adopted {
                    new,
                    // It was entered just now, under the lock.
                    serial: serial.ok_or(ENOENT)?,
                    is_orphan,
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
}
