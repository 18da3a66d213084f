// SPDX-License-Identifier: GPL-2.0

//! Numbers that the kernel gave to an mm.

use super::{
    Published,
    Space, //
};
use crate::{
    entry::Entry,
    kapi::{
        id_array::Unpublished,
        mm::MmExit, //
    },
};
use kernel::prelude::*;

impl<H: MmExit> Space<H> {
    /// Publishes an entry under a number, and leaves the one alone that has it. May sleep.
    ///
    /// # Errors
    ///
    /// - `EBUSY` if the number is taken or the set gets no more IDs,
    /// - `ENOSPC` if the number is beyond the capacity or the quota of the set is used up,
    /// - `EINVAL` if the set is gone,
    /// - `ENOMEM`.
    pub(crate) fn adopt<'a>(
        &'a self,
        mut entry: Unpublished<'a, Entry>,
        id: u32,
    ) -> Result<Published> {
        let owner = entry.owner();
        let mut ledger = self.array.lock();
        let failed = loop {
            if id >= self.capacity() {
                break ENOSPC;
            }
            if ledger.get(id).is_some() {
                break EBUSY;
            }
            if let Err(err) = self.charge(&mut ledger, owner) {
                break err;
            }
            match self.enter(&mut ledger, entry, owner, id) {
                Ok(new) => {
                    ledger.adopted += 1;
                    let unpinned = ledger.unpin();
                    drop(ledger);
                    drop(unpinned);
                    return Ok(new);
                }
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
}
