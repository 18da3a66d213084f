// SPDX-License-Identifier: GPL-2.0

//! The host allocator: numbers that the IOMMU core keeps free for us.

use crate::{
    allocator::{
        Key,
        Provider, //
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
};
use kernel::{
    device::Device,
    sync::aref::ARef, //
};

pub(super) fn key(device: &Device) -> Key {
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
