// SPDX-License-Identifier: GPL-2.0

//! Numbers that the kernel gave to an mm.

use super::{
    Published,
    Space,
    Under, //
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
    pub(crate) fn adopt<'a>(&'a self, entry: Unpublished<'a, Entry>, id: u32) -> Result<Published> {
        match self.publish_under(entry, id, ENOSPC)? {
            Under::Published(mut ledger, new) => {
                ledger.adopted += 1;
                let unpinned = ledger.unpin();
                drop(ledger);
                drop(unpinned);
                Ok(new)
            }
            Under::Taken(ledger, entry) => {
                drop(ledger);
                drop(entry);
                Err(EBUSY)
            }
        }
    }
}
