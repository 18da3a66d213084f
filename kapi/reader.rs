// SPDX-License-Identifier: GPL-2.0

//! RCU read-side sections that somebody else entered. Target: `rust/kernel/sync/rcu.rs`.

use core::marker::PhantomData;
use kernel::{
    sync::rcu,
    types::NotThreadSafe, //
};

/// Proof of an RCU read-side section.
///
/// # Invariants
///
/// The thread is in one, and does not leave it during `'g`.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'g>(PhantomData<(&'g (), NotThreadSafe)>);

impl Reader<'_> {
    /// Speaks for the caller of the caller. To enter a section anew is a call of a C function,
    /// which costs as much as a lookup.
    ///
    /// # Safety
    ///
    /// The thread is in an RCU read-side section, and does not leave it during the lifetime.
    #[inline]
    pub(crate) unsafe fn assume() -> Self {
        // INVARIANT: By the safety requirements.
        Self(PhantomData)
    }
}

impl<'g> From<&'g rcu::Guard> for Reader<'g> {
    #[inline]
    fn from(_guard: &'g rcu::Guard) -> Self {
        // INVARIANT: The guard is borrowed for the lifetime.
        Self(PhantomData)
    }
}
