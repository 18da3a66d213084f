// SPDX-License-Identifier: GPL-2.0

//! What Linux 7.2 and 7.3 have in different places.

use super::bindings;

/// This module; null where it is built in.
///
/// `module!` makes it a static of the crate in 7.2, and a constant of a trait in 7.3.
pub(crate) const fn this_module() -> *mut bindings::module {
    #[cfg(MODULE)]
    {
        extern "C" {
            // Only its address is taken.
            static __this_module: u8;
        }

        (&raw const __this_module).cast_mut().cast()
    }
    #[cfg(not(MODULE))]
    core::ptr::null_mut()
}
