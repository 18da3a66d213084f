// SPDX-License-Identifier: GPL-2.0

//! What can be told of devices and bonds.

use crate::pool::Pool;
use kernel::{
    fmt,
    prelude::*, //
};

/// A device as the book has it.
pub(crate) struct DeviceRow<'a> {
    pub(crate) name: &'a [u8],
    /// Whether the IOMMU core serves it; none if it is not enabled.
    pub(crate) by_core: Option<bool>,
    pub(crate) bonds: u32,
    /// How many address spaces it takes; 0 is no limit.
    pub(crate) most: u32,
    /// The PASIDs that it can send.
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) shares: u32,
    pub(crate) why: Option<&'static CStr>,
}

/// A bond as the book has it.
pub(crate) struct BondRow<'a> {
    pub(crate) id: u32,
    pub(crate) device: &'a [u8],
    pub(crate) count: u32,
    /// False if the device has gone, or its driver has.
    pub(crate) is_attached: bool,
}

impl Pool {
    /// Calls `each` for every device, with the book open. Sleeps.
    pub(crate) fn each_device(
        &self,
        mut each: impl FnMut(DeviceRow<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let book = self.sva.open();
        for seat in book.devices.values() {
            each(seat.row())?;
        }
        Ok(())
    }

    /// Calls `each` for every bond, with the book open. Sleeps.
    pub(crate) fn each_bond(
        &self,
        mut each: impl FnMut(BondRow<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let book = self.sva.open();
        for held in book.bonds.values() {
            each(held.row())?;
        }
        Ok(())
    }
}
