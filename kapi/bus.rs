// SPDX-License-Identifier: GPL-2.0

//! The departure of devices. Target: `rust/kernel/device/`.
//!
//! C header: [`include/linux/device/bus.h`](srctree/include/linux/device/bus.h)

use super::{
    bindings,
    device::raw, //
};
use core::ffi::c_void;
use kernel::{
    container_of,
    device::Device,
    error::to_result,
    ffi::{
        c_int,
        c_ulong, //
    },
    prelude::*,
    sync::aref::ARef,
    types::Opaque, //
};

/// Waits for the driver of a device to be unbound, or for the device to go if it has none.
///
/// # Invariants
///
/// `block` is registered with the bus of `device`, if that has one, from the end of the
/// initialisation to the drop.
#[pin_data(PinnedDrop)]
pub(crate) struct DeviceWatch {
    hook: fn(&Device),
    device: ARef<Device>,
    #[pin]
    block: Opaque<bindings::notifier_block>,
}

// SAFETY: The notifier block is only touched by the chain of the bus, under its lock.
unsafe impl Send for DeviceWatch {}
// SAFETY: As above.
unsafe impl Sync for DeviceWatch {}

impl DeviceWatch {
    /// Watches a device. `hook` may sleep, may be called more than once, and must not drop a
    /// watch. Sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` if its bus is not registered.
    pub(crate) fn new(device: &Device, hook: fn(&Device)) -> impl PinInit<Self, Error> + '_ {
        try_pin_init!(Self {
            hook,
            device: device.into(),
            // INVARIANT: Registered, or the initialisation fails.
            block <- Opaque::try_ffi_init(|slot: *mut bindings::notifier_block| {
                let block = bindings::notifier_block {
                    notifier_call: Some(Self::call),
                    ..Default::default()
                };
                // SAFETY: `slot` is valid for writes, pinned, and unregistered before it goes; the
                // device is valid.
                to_result(unsafe {
                    slot.write(block);
                    bindings::ioasid_bus_watch(raw(device), slot)
                })
            }),
        }? Error)
    }

    /// # Safety
    ///
    /// `block` is that of a `DeviceWatch`, and `device` is a device.
    unsafe extern "C" fn call(
        block: *mut bindings::notifier_block,
        action: c_ulong,
        device: *mut c_void,
    ) -> c_int {
        // SAFETY: By the safety requirements; the chain is locked, so it stays.
        let this = unsafe { &*container_of!(Opaque::cast_from(block), Self, block) };
        if device.cast() != raw(&this.device) {
            return 0;
        }
        let departs = [
            bindings::bus_notifier_event_BUS_NOTIFY_UNBOUND_DRIVER,
            bindings::bus_notifier_event_BUS_NOTIFY_DRIVER_NOT_BOUND,
            bindings::bus_notifier_event_BUS_NOTIFY_REMOVED_DEVICE,
        ];
        // Without a driver the first event is this one, and the last in which the IOMMU core still
        // knows the device.
        let going = bindings::bus_notifier_event_BUS_NOTIFY_DEL_DEVICE;
        // SAFETY: The device is valid.
        let has_driver = unsafe { bindings::ioasid_dev_has_driver(raw(&this.device)) };
        // CAST: Small positive numbers.
        if departs.iter().any(|event| *event as c_ulong == action)
            || going as c_ulong == action && !has_driver
        {
            (this.hook)(&this.device);
        }
        // `NOTIFY_DONE`: nothing to say.
        0
    }
}

#[pinned_drop]
impl PinnedDrop for DeviceWatch {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants.
        unsafe { bindings::ioasid_bus_unwatch(raw(&self.device), self.block.get()) };
    }
}
