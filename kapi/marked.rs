// SPDX-License-Identifier: GPL-2.0

//! `READ_ONCE()` and `WRITE_ONCE()`. Target: `rust/kernel/sync/atomic.rs`, whose relaxed loads and
//! stores are calls of C functions.

use core::cell::UnsafeCell;
use kernel::sync::atomic::Relaxed;

/// A value that one at a time writes, under a lock, and others may read meanwhile.
///
/// # Invariants
///
/// It is only accessed by volatile loads and stores of a whole machine word or less, which the
/// kernel takes for atomic.
pub(crate) struct Marked<T: Copy>(UnsafeCell<T>);

// SAFETY: By the type invariant.
unsafe impl Send for Marked<u32> {}
// SAFETY: By the type invariant.
unsafe impl Sync for Marked<u32> {}
// SAFETY: By the type invariant.
unsafe impl Send for Marked<bool> {}
// SAFETY: By the type invariant.
unsafe impl Sync for Marked<bool> {}

impl<T: Copy> Marked<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    #[inline]
    pub(crate) fn load(&self, _: Relaxed) -> T {
        // SAFETY: The pointer is valid; by the type invariant a torn value is not seen.
        unsafe { self.0.get().read_volatile() }
    }

    #[inline]
    pub(crate) fn store(&self, value: T, _: Relaxed) {
        // SAFETY: As above.
        unsafe { self.0.get().write_volatile(value) }
    }
}
