// SPDX-License-Identifier: GPL-2.0

//! Who keeps the translations of a device in step with an address space.

use crate::kapi::iommu::SvaHandle;
use core::ops::Range;
use kernel::{
    device::Device,
    mm::MmWithUser,
    prelude::*,
    sync::Arc, //
};

/// Whose the number of an address space is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Allocated when the first device is bound, and freed after the last one.
    Ours,
    /// The back end's, from numbers of its own: it is adopted.
    Adopted,
    /// The back end's, from this index: it is there already, and stays when nothing is bound.
    Shared,
}

/// One way to follow address spaces. May sleep, but must not bind or unbind.
pub(crate) trait Backend: Send + Sync {
    /// Back ends with the same key share what follows an address space.
    fn key(&self) -> usize;

    /// Where the number of an address space comes from.
    fn naming(&self) -> Naming;

    /// Begins to follow an address space.
    ///
    /// # Errors
    ///
    /// What the back end says.
    fn follow(&self, mm: &MmWithUser) -> Result<Arc<dyn Follower>>;

    /// Whether code or data that it needs is where `is_there` says.
    fn is_within(&self, _is_there: &dyn Fn(usize) -> bool) -> bool {
        false
    }

    /// Its code or data is about to go: from now on nothing of it is called.
    fn abandon(&self) {}
}

/// Follows one address space. Dropped, in a context that may sleep, when all its devices are
/// detached.
pub(crate) trait Follower: Send + Sync {
    /// Lets a device use the address space, under the PASID if the back end does not name it.
    /// `first` says that no other device of its IOMMU group does. May sleep.
    ///
    /// # Errors
    ///
    /// What the back end says.
    fn attach(
        &self,
        device: &Device,
        mm: &MmWithUser,
        pasid: Option<u32>,
        first: bool,
    ) -> Result<Attached>;

    /// Undoes [`Follower::attach`]. `last` says that no other device of its IOMMU group stays. May
    /// sleep.
    fn detach(&self, device: &Device, attached: Attached, last: bool);

    /// Whether [`Follower::invalidate`] has to be called.
    fn wants_ranges(&self) -> bool {
        false
    }

    /// Has a device drop its translations in a range of addresses; `None` is all of them. Must not
    /// sleep.
    fn invalidate(&self, _device: &Device, _pasid: u32, _range: Option<Range<usize>>) {}

    /// The address space exits: has all its devices fault. Must not sleep.
    fn release(&self) {}

    /// As [`Backend::is_within`].
    fn is_within(&self, _is_there: &dyn Fn(usize) -> bool) -> bool {
        false
    }

    /// As [`Backend::abandon`].
    fn abandon(&self) {}
}

/// A device that is attached.
pub(crate) struct Attached {
    pub(crate) pasid: u32,
    /// Of the IOMMU core; dropped last.
    pub(crate) handle: Option<SvaHandle>,
}

/// The IOMMU core. It names the numbers, and sees to translations itself.
pub(crate) struct IommuCore;

impl IommuCore {
    pub(crate) const KEY: usize = 0;
}

impl Backend for IommuCore {
    fn key(&self) -> usize {
        Self::KEY
    }

    fn naming(&self) -> Naming {
        // In the kernel tree it takes its numbers from here.
        if cfg!(MODULE) {
            Naming::Adopted
        } else {
            Naming::Shared
        }
    }

    fn follow(&self, _mm: &MmWithUser) -> Result<Arc<dyn Follower>> {
        Ok(Arc::new(Self, GFP_KERNEL_ACCOUNT)?)
    }
}

impl Follower for IommuCore {
    fn attach(
        &self,
        device: &Device,
        mm: &MmWithUser,
        _pasid: Option<u32>,
        _first: bool,
    ) -> Result<Attached> {
        // `EINVAL` is for the mistakes of our callers; there it is a device that is not ready.
        let handle =
            SvaHandle::bind(device, mm).map_err(|err| if err == EINVAL { ENODEV } else { err })?;
        Ok(Attached {
            pasid: handle.pasid(),
            handle: Some(handle),
        })
    }

    fn detach(&self, _device: &Device, attached: Attached, _last: bool) {
        drop(attached.handle);
    }
}
