// SPDX-License-Identifier: GPL-2.0

//! A pointer published under SRCU. Target: `rust/kernel/sync/srcu.rs`.

use super::bindings;
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    error::to_result,
    ffi::c_int,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full, //
        },
        Arc, //
    },
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

/// At most one shared `T`, read under SRCU: readers may sleep, writers wait for them.
///
/// # Invariants
///
/// - `srcu` is an initialised `srcu_struct`.
/// - `ptr` is null or comes from [`Arc::into_raw`] and owns that reference; after it is replaced
///   the reference lives until every reader that could have loaded it is done.
#[pin_data(PinnedDrop)]
pub(crate) struct SrcuCell<T> {
    #[pin]
    srcu: Opaque<bindings::srcu_struct>,
    ptr: Atomic<*const T>,
    _owns: PhantomData<Arc<T>>,
}

// SAFETY: The cell hands out `&T` and moves `Arc<T>` between threads, which is what the bounds
// allow.
unsafe impl<T: Send + Sync> Send for SrcuCell<T> {}
// SAFETY: As above; the SRCU structure is made for concurrent use.
unsafe impl<T: Send + Sync> Sync for SrcuCell<T> {}

impl<T> SrcuCell<T> {
    /// Creates an empty cell.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        // INVARIANT: The SRCU structure is initialised here and the pointer is null.
        try_pin_init!(Self {
            srcu <- Opaque::try_ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes and stays where it is until the drop.
                to_result(unsafe { bindings::ioasid_srcu_init(slot) })
            }),
            ptr: Atomic::new(ptr::null()),
            _owns: PhantomData,
        }? Error)
    }

    /// Whether the cell was empty a moment ago.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: As in `RcuCell::is_empty`.
        unsafe { self.ptr.as_ptr().read_volatile().is_null() }
    }

    /// Enters a read section. It may sleep; whoever replaces the content waits for its end.
    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        // SAFETY: By the type invariants the structure is initialised.
        let idx = unsafe { bindings::ioasid_srcu_read_lock(self.srcu.get()) };
        ReadGuard {
            cell: self,
            idx,
            _task: NotThreadSafe,
        }
    }

    /// Replaces the content and waits until nobody uses the old one. Sleeps.
    ///
    /// Must not be called inside a read section of the same cell: it would wait for itself.
    pub(crate) fn replace(&self, new: Option<Arc<T>>) {
        let new = new.map_or(ptr::null(), Arc::into_raw);
        let old = self.ptr.xchg(new, Full);
        self.synchronize();
        if !old.is_null() {
            // SAFETY: By the type invariants `old` owns a reference. It is no longer in the cell,
            // and the readers that could have loaded it are done.
            drop(unsafe { Arc::from_raw(old) });
        }
    }

    /// Waits for every read section that has begun. Sleeps.
    pub(crate) fn synchronize(&self) {
        // SAFETY: By the type invariants the structure is initialised.
        unsafe { bindings::synchronize_srcu(self.srcu.get()) };
    }
}

#[pinned_drop]
impl<T> PinnedDrop for SrcuCell<T> {
    fn drop(self: Pin<&mut Self>) {
        self.replace(None);
        // SAFETY: The structure is initialised and no reader is left: read guards borrow the cell.
        unsafe { bindings::cleanup_srcu_struct(self.srcu.get()) };
    }
}

/// A read section of a [`SrcuCell`].
///
/// # Invariants
///
/// The section that `idx` stands for is open.
pub(crate) struct ReadGuard<'a, T> {
    cell: &'a SrcuCell<T>,
    idx: c_int,
    _task: NotThreadSafe,
}

impl<T> ReadGuard<'_, T> {
    /// What the cell holds.
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: By the invariants of the cell the pointer is null or a `T` that outlives every
        // read section in which it was loaded; the reference borrows the section.
        unsafe { self.cell.ptr.load(Acquire).as_ref() }
    }
}

impl<T> Drop for ReadGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the section is open, in this task.
        unsafe { bindings::ioasid_srcu_read_unlock(self.cell.srcu.get(), self.idx) };
    }
}
