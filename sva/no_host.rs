// SPDX-License-Identifier: GPL-2.0

//! In the kernel tree there is no host allocator: the IOMMU core takes its numbers from here.

use super::device::Refusal;
use crate::pool::Pool;
use kernel::{
    device::Device,
    prelude::*, //
};

impl Pool {
    /// Nothing has to be kept apart.
    pub(super) fn join_host(&self, _device: &Device) -> Result<(), Refusal> {
        Ok(())
    }

    /// Undoes [`Pool::join_host`].
    pub(super) fn leave_host(&self, _device: &Device) {}

    /// There is none.
    pub(super) fn host_obstacle(&self) -> Option<&'static CStr> {
        None
    }
}
