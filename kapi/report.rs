// SPDX-License-Identifier: GPL-2.0

//! Rate-limited blame. Target: `rust/kernel/print.rs`, once it can limit.

use super::bindings;
use kernel::prelude::*;

/// Prints "`what` (ID `id`) by `culprit`", once in five seconds for each culprit, and a few times
/// in all.
///
/// `culprit` is the address of code; without one, the nearest caller outside this module is named.
#[cold]
pub(crate) fn complain(what: &'static CStr, id: u32, culprit: Option<usize>) {
    // SAFETY: `what` ends with a NUL and outlives the call.
    unsafe { bindings::ioasid_complain(what.as_char_ptr(), id, culprit.unwrap_or(0)) };
}

/// Whether one more line of those that a user may have a driver cause is not too much.
#[cold]
pub(crate) fn may_say() -> bool {
    // SAFETY: No preconditions.
    unsafe { bindings::ioasid_may_say() }
}
