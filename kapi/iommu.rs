// SPDX-License-Identifier: GPL-2.0

//! What the IOMMU core offers to share address spaces. Target: `rust/kernel/iommu/`.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use super::{
    bindings,
    device::raw, //
};
use core::ptr::NonNull;
use kernel::{
    device::Device,
    error::from_err_ptr,
    ffi::c_int,
    mm::MmWithUser,
    prelude::*,
    sync::aref::ARef, //
};

/// A device that the IOMMU lets use an address space. Unbound when dropped, which sleeps: the
/// device must have been stopped.
///
/// # Invariants
///
/// `raw` owns one reference to the bond of the IOMMU core, which is one of `_device`.
pub(crate) struct SvaHandle {
    raw: NonNull<bindings::iommu_sva>,
    pasid: u32,
    _device: ARef<Device>,
}

// SAFETY: A bond belongs to no thread.
unsafe impl Send for SvaHandle {}
// SAFETY: As above; what can be read of it does not change.
unsafe impl Sync for SvaHandle {}

impl SvaHandle {
    /// Binds. Sleeps, and takes the `mmap_lock`.
    ///
    /// # Errors
    ///
    /// What the IOMMU core and its driver say.
    pub(crate) fn bind(device: &Device, mm: &MmWithUser) -> Result<Self> {
        // SAFETY: The device is valid, and the mm has a user.
        let raw = from_err_ptr(unsafe { bindings::ioasid_iommu_bind(raw(device), mm.as_raw()) })?;
        let raw = NonNull::new(raw).ok_or(ENODEV)?;
        // INVARIANT: It was bound just now.
        Ok(Self {
            raw,
            // SAFETY: It was bound just now.
            pasid: unsafe { bindings::ioasid_iommu_pasid(raw.as_ptr()) },
            _device: device.into(),
        })
    }

    /// The PASID, which is the same for every device of the address space.
    pub(crate) fn pasid(&self) -> u32 {
        self.pasid
    }
}

impl Drop for SvaHandle {
    fn drop(&mut self) {
        // SAFETY: By the type invariants there is a reference to drop.
        unsafe { bindings::ioasid_iommu_unbind(self.raw.as_ptr()) };
    }
}

/// A number that the IOMMU core gives to nobody else, in the width of the device. Sleeps.
#[cfg(MODULE)]
pub(crate) fn alloc_global_pasid(device: &Device) -> Option<u32> {
    if pasids(device) == 0 {
        return None;
    }
    // SAFETY: The device is valid, and the IOMMU core knows it.
    let id = unsafe { bindings::iommu_alloc_global_pasid(raw(device)) };
    // `IOMMU_PASID_INVALID`.
    (id != u32::MAX).then_some(id)
}

/// Gives back what [`alloc_global_pasid`] gave.
#[cfg(MODULE)]
pub(crate) fn free_global_pasid(id: u32) {
    // SAFETY: No preconditions; what was not given is reported.
    unsafe { bindings::iommu_free_global_pasid(id) };
}

/// `EOPNOTSUPP`, which the kernel crate does not have.
pub(crate) fn not_supported() -> Error {
    // CAST: A small positive number.
    Error::from_errno(-(bindings::EOPNOTSUPP as c_int))
}

/// Whether the kernel can share address spaces at all.
pub(crate) fn has_sva() -> bool {
    // SAFETY: No preconditions.
    unsafe { bindings::ioasid_iommu_has_sva() }
}

/// The IOMMU group of a device, to be compared only; 0 if no IOMMU translates for it.
pub(crate) fn group(device: &Device) -> usize {
    // SAFETY: The device is valid.
    unsafe { bindings::ioasid_dev_group(raw(device)) }.addr()
}

/// How many PASIDs a device can use now, 0 included; 0 if none.
pub(crate) fn pasids(device: &Device) -> u32 {
    // SAFETY: The device is valid.
    unsafe { bindings::ioasid_dev_pasids(raw(device)) }
}

/// Whether the driver of its IOMMU can share address spaces.
pub(crate) fn can_share(device: &Device) -> bool {
    // SAFETY: The device is valid.
    unsafe { bindings::ioasid_dev_can_share(raw(device)) }
}

/// Whether a device may be capable of PASIDs; false if it is known not to be.
pub(crate) fn may_have_pasids(device: &Device) -> bool {
    // SAFETY: The device is valid.
    unsafe { bindings::ioasid_dev_may_have_pasids(raw(device)) }
}
