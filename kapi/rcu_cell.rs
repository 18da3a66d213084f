// SPDX-License-Identifier: GPL-2.0

//! A pointer published under RCU. Target: `rust/kernel/sync/rcu.rs`.

use super::bindings;
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full, //
    },
    rcu,
    Arc, //
};

/// At most one shared `T`, read under RCU; writers wait for readers.
///
/// # Invariants
///
/// `ptr` is null or comes from [`Arc::into_raw`] and owns that reference; after it is replaced the
/// reference lives until every reader that could have loaded it is done.
pub(crate) struct RcuCell<T> {
    ptr: Atomic<*const T>,
    _owns: PhantomData<Arc<T>>,
}

// SAFETY: The cell hands out `&T` and moves `Arc<T>` between threads, which is what the bounds
// allow.
unsafe impl<T: Send + Sync> Send for RcuCell<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync> Sync for RcuCell<T> {}

impl<T> RcuCell<T> {
    /// Creates an empty cell.
    pub(crate) const fn new() -> Self {
        // INVARIANT: The pointer is null.
        Self {
            ptr: Atomic::new(ptr::null()),
            _owns: PhantomData,
        }
    }

    /// Whether the cell was empty a moment ago.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: The pointer is valid; a whole machine word is loaded, as by `READ_ONCE()`, and
        // the function that `Atomic` would call for it costs as much as all the rest of the check.
        unsafe { self.ptr.as_ptr().read_volatile().is_null() }
    }

    /// What the cell holds.
    #[inline]
    pub(crate) fn get<'g>(&'g self, _guard: &'g rcu::Guard) -> Option<&'g T> {
        // SAFETY: By the type invariant the pointer is null or a `T` that outlives every read
        // section in which it was loaded; the guard keeps this one open.
        unsafe { self.ptr.load(Acquire).as_ref() }
    }

    /// Replaces the content and waits until nobody uses the old one, which is handed out for its
    /// drop to be where the caller likes it. Sleeps.
    #[must_use]
    pub(crate) fn replace(&self, new: Option<Arc<T>>) -> Option<Arc<T>> {
        let new = new.map_or(ptr::null(), Arc::into_raw);
        let old = self.ptr.xchg(new, Full);
        // SAFETY: No preconditions but a context that may sleep; elsewhere it is reported.
        unsafe { bindings::synchronize_rcu() };
        // SAFETY: By the type invariant `old` owns a reference if it is not null. It is no longer
        // in the cell, and the readers that could have loaded it are done.
        (!old.is_null()).then(|| unsafe { Arc::from_raw(old) })
    }
}

impl<T> Drop for RcuCell<T> {
    fn drop(&mut self) {
        if !self.is_empty() {
            drop(self.replace(None));
        }
    }
}
