// SPDX-License-Identifier: GPL-2.0

//! Devices as C knows them. Target: `rust/kernel/device.rs`, which keeps this to itself.

use super::bindings;
use core::ptr;
use kernel::device::Device;

/// The device for C. Good for as long as the reference is.
pub(crate) fn raw(device: &Device) -> *mut bindings::device {
    // CAST: A `Device` is transparent, and what it is made of is `Opaque`.
    ptr::from_ref(device).cast_mut().cast()
}

/// What tells a device from the others for as long as somebody has a reference to it.
pub(crate) fn address(device: &Device) -> usize {
    raw(device).addr()
}
