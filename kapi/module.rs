// SPDX-License-Identifier: GPL-2.0

//! References to our own module. Target: `rust/kernel/module.rs`.

use super::bindings;

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
