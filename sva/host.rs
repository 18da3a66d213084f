// SPDX-License-Identifier: GPL-2.0

//! The host allocator: numbers that the IOMMU core keeps free for us.

use super::device::Refusal;
use crate::{
    allocator::{
        Key,
        Provider,
        SpaceId, //
    },
    id::{
        IdRange,
        INVALID, //
    },
    kapi::{
        device::address as address_of,
        iommu::{
            alloc_global_pasid,
            free_global_pasid, //
        },
    },
    pool::Pool,
};
use kernel::{
    device::Device,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
};

const IDS_EXIST: &CStr = c"IOASIDs exist that may clash with those of the IOMMU core: enable SVA \
    before the first one is allocated";
const CUSTOM_ACTIVE: &CStr = c"a custom IOASID allocator is active that may clash with the IOMMU \
    core";

impl Pool {
    /// Makes a device a member of the host allocator. Sleeps.
    ///
    /// # Errors
    ///
    /// `EBUSY` if numbers could clash, `ENOMEM`.
    pub(super) fn join_host(&self, device: &Device) -> Result<(), Refusal> {
        let provider = Arc::new(Host::new(device), GFP_KERNEL)?;
        self.register_alone(key(device), SpaceId::HOST, provider)
            .map_err(|err| {
                if err == EAGAIN {
                    Refusal::because(EBUSY, IDS_EXIST)
                } else if err == EBUSY {
                    Refusal::because(EBUSY, CUSTOM_ACTIVE)
                } else {
                    err.into()
                }
            })
    }

    /// Undoes [`Pool::join_host`]. Sleeps.
    pub(super) fn leave_host(&self, device: &Device) {
        // It is registered.
        let _ = self.unregister(key(device));
    }

    /// Why a device could not become a member.
    pub(super) fn host_obstacle(&self) -> Option<&'static CStr> {
        if self.is_behind(SpaceId::HOST) {
            Some(CUSTOM_ACTIVE)
        } else if !self.has_custom() && self.has_own_numbers() {
            Some(IDS_EXIST)
        } else {
            None
        }
    }
}

fn key(device: &Device) -> Key {
    Key(address_of(device))
}

/// Asks for numbers in the width of a device.
pub(super) struct Host {
    device: ARef<Device>,
}

impl Host {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            device: device.into(),
        }
    }
}

impl Provider for Host {
    fn pick(&self, range: IdRange) -> u32 {
        match alloc_global_pasid(&self.device) {
            Some(id) if range.contains(id) => id,
            // It cannot be asked for a range. That is no mistake to be blamed for.
            Some(id) => {
                free_global_pasid(id);
                INVALID
            }
            None => INVALID,
        }
    }

    fn give_back(&self, id: u32) {
        free_global_pasid(id);
    }

    fn is_within(&self, is_there: &dyn Fn(usize) -> bool) -> bool {
        is_there(address_of(&self.device))
    }
}
