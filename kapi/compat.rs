// SPDX-License-Identifier: GPL-2.0

//! What Linux 7.2 and 7.3 have in different places.

use super::bindings;

/// This module; null where it is built in.
///
/// `module!` makes it a static of the crate in 7.2, and a constant of a trait in 7.3.
pub(crate) const fn this_module() -> *mut bindings::module {
    #[cfg(MODULE)]
    {
        // Only its address is taken.
        #[allow(improper_ctypes)]
        extern "C" {
            static __this_module: kernel::types::Opaque<bindings::module>;
        }

        // SAFETY: It is there as long as code of this module is.
        unsafe { __this_module.get() }
    }
    #[cfg(not(MODULE))]
    core::ptr::null_mut()
}
