// SPDX-License-Identifier: GPL-2.0

//! References to our own module, and the departure of others. Target: `rust/kernel/module.rs`.

use super::bindings;
use core::ffi::c_void;
use kernel::{
    container_of,
    error::to_result,
    ffi::{
        c_int,
        c_ulong, //
    },
    prelude::*,
    types::Opaque, //
};

/// Keeps this module from being unloaded.
///
/// # Invariants
///
/// `taken` is whether the object holds a reference to the module.
pub(crate) struct Pinned {
    taken: bool,
}

impl Pinned {
    /// Takes a reference. On a module that is on its way out there is nothing left to keep.
    pub(crate) fn new() -> Self {
        // INVARIANT: True is returned exactly if the reference was taken.
        Self {
            // SAFETY: No preconditions.
            taken: unsafe { bindings::ioasid_pin_module() },
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if self.taken {
            // SAFETY: By the type invariant there is a reference to drop.
            unsafe { bindings::ioasid_unpin_module() };
        }
    }
}

/// A module that is being unloaded; its exit function has run.
pub(crate) struct Departing<'a>(&'a bindings::module);

impl Departing<'_> {
    /// Whether the address is in the module.
    pub(crate) fn contains(&self, addr: usize) -> bool {
        // SAFETY: The module is valid.
        unsafe { bindings::ioasid_within_module(addr, self.0) }
    }

    /// The module's name.
    pub(crate) fn name(&self) -> &CStr {
        // SAFETY: The name ends with a NUL and lives as long as the module.
        unsafe { CStr::from_char_ptr(self.0.name.as_ptr()) }
    }
}

/// Has a function called for every module that is unloaded.
///
/// # Invariants
///
/// `block` is registered from the end of the initialisation to the drop.
#[pin_data(PinnedDrop)]
pub(crate) struct Watch {
    hook: fn(&Departing<'_>),
    #[pin]
    block: Opaque<bindings::notifier_block>,
}

// SAFETY: The notifier block is only touched by the module notifier chain, under its lock.
unsafe impl Send for Watch {}
// SAFETY: As above.
unsafe impl Sync for Watch {}

impl Watch {
    /// Calls `hook`, which may sleep, until the object is dropped.
    pub(crate) fn new(hook: fn(&Departing<'_>)) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            hook,
            // INVARIANT: Registered, or the initialisation fails.
            block <- Opaque::try_ffi_init(|slot: *mut bindings::notifier_block| {
                let block = bindings::notifier_block {
                    notifier_call: Some(Self::call),
                    ..Default::default()
                };
                // SAFETY: `slot` is valid for writes, pinned, and unregistered before it goes.
                to_result(unsafe {
                    slot.write(block);
                    bindings::register_module_notifier(slot)
                })
            }),
        }? Error)
    }

    /// # Safety
    ///
    /// `block` is that of a `Watch`, and `module` is a module.
    unsafe extern "C" fn call(
        block: *mut bindings::notifier_block,
        action: c_ulong,
        module: *mut c_void,
    ) -> c_int {
        // CAST: Both are small positive numbers.
        if action == bindings::module_state_MODULE_STATE_GOING as c_ulong {
            // SAFETY: By the safety requirements; the chain is locked, so both stay.
            unsafe {
                let this = &*container_of!(Opaque::cast_from(block), Self, block);
                (this.hook)(&Departing(&*module.cast()));
            }
        }
        // `NOTIFY_DONE`: nothing to say.
        0
    }
}

#[pinned_drop]
impl PinnedDrop for Watch {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant. It cannot fail for a registered block.
        unsafe { bindings::unregister_module_notifier(self.block.get()) };
    }
}
