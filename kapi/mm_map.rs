// SPDX-License-Identifier: GPL-2.0

//! Address spaces by number. Target: `rust/kernel/xarray.rs`, which finds nothing without a lock.
//!
//! C header: [`include/linux/xarray.h`](srctree/include/linux/xarray.h)

use super::{
    bindings,
    context::synchronize_rcu,
    number_map::index, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    mm::{
        Mm,
        MmWithUser, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        rcu, //
    },
    types::Opaque, //
};

/// Numbers and the address spaces that they stand for.
///
/// # Invariants
///
/// - `xa` is an initialised array of `mm_struct`s, with a reference to the `mm_count` of each.
/// - Who takes one out keeps the reference until those who may have found it are done.
#[pin_data(PinnedDrop)]
pub(crate) struct MmMap {
    #[pin]
    xa: Opaque<bindings::xarray>,
}

// SAFETY: An XArray is made for use from any thread, and so is an `mm_struct`.
unsafe impl Send for MmMap {}
// SAFETY: As above.
unsafe impl Sync for MmMap {}

impl MmMap {
    pub(crate) fn new() -> impl PinInit<Self> {
        // INVARIANT: Initialised, and empty.
        pin_init!(Self {
            // SAFETY: `slot` is valid for writes and pinned.
            xa <- Opaque::ffi_init(|slot| unsafe { bindings::ioasid_mms_init(slot) }),
        })
    }

    /// Enters an address space. Sleeps.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the number stands for one, `ENOMEM`.
    pub(crate) fn insert(&self, id: u32, mm: &Mm) -> Result {
        let mm: ARef<Mm> = mm.into();
        let raw = ARef::into_raw(mm);
        // SAFETY: By the type invariants; the pointer is to an `mm_struct`, which is aligned.
        let result = to_result(unsafe {
            bindings::ioasid_mms_insert(self.xa.get(), index(id), raw.as_ptr().cast())
        });
        if result.is_err() {
            // SAFETY: It is not in the array, so the reference is ours again.
            drop(unsafe { ARef::from_raw(raw) });
        }
        result
    }

    /// The address space that a number stands for, with a user, unless it exits. Any context but
    /// NMI, without a lock. Dropping the last user sleeps.
    pub(crate) fn find(&self, id: u32) -> Option<ARef<MmWithUser>> {
        let _guard = rcu::read_lock();
        // SAFETY: The array is initialised.
        let raw = unsafe { bindings::xa_load(self.xa.get(), index(id)) };
        let raw = NonNull::new(raw)?;
        // SAFETY: By the type invariants it is an `mm_struct` with a reference that stays for as
        // long as the read section does.
        unsafe { Mm::from_raw(raw.as_ptr().cast()) }.mmget_not_zero()
    }

    /// Takes an address space out. Nobody can be about to find it when this returns. Sleeps if
    /// there is one, and dropping the last reference may.
    pub(crate) fn remove(&self, id: u32) -> Option<ARef<Mm>> {
        // SAFETY: The array is initialised.
        let raw = NonNull::new(unsafe { bindings::xa_erase(self.xa.get(), index(id)) })?;
        synchronize_rcu();
        // SAFETY: By the type invariants there was a reference, which is ours now.
        Some(unsafe { ARef::from_raw(raw.cast()) })
    }
}

#[pinned_drop]
impl PinnedDrop for MmMap {
    fn drop(self: Pin<&mut Self>) {
        loop {
            let mut at = 0;
            // SAFETY: The array is initialised and `at` is valid for the call.
            let found = unsafe {
                bindings::xa_find(self.xa.get(), &mut at, c_ulong::MAX, bindings::XA_PRESENT)
            };
            // CAST: Only numbers of 32 bits are entered.
            if found.is_null() || self.remove(at as u32).is_none() {
                break;
            }
        }
        // SAFETY: The array is initialised, and nobody can use it any more.
        unsafe { bindings::xa_destroy(self.xa.get()) };
    }
}
