// SPDX-License-Identifier: GPL-2.0

//! Numbers by number, looked up under RCU. Target: `rust/kernel/xarray.rs`, which knows pointers
//! only.
//!
//! C header: [`include/linux/xarray.h`](srctree/include/linux/xarray.h)

use super::bindings;
use kernel::{
    error::to_result,
    ffi::c_ulong,
    prelude::*,
    sync::rcu,
    types::Opaque, //
};

/// A number as the index of an XArray.
// CAST: `unsigned long` has at least 32 bits.
pub(super) const fn index(key: u32) -> c_ulong {
    key as c_ulong
}

/// Numbers below 2^31 by 32-bit numbers.
///
/// It has no destructor, so that it can be part of what is freed after a grace period: empty, or
/// after [`NumberMap::clear`], it owns nothing.
///
/// # Invariants
///
/// `xa` is an initialised array whose entries are values and reserved slots.
pub(crate) struct NumberMap {
    xa: Opaque<bindings::xarray>,
}

// SAFETY: The array is made for use from any thread and is not bound to the one that made it.
unsafe impl Send for NumberMap {}
// SAFETY: As above; it has a lock of its own.
unsafe impl Sync for NumberMap {}

impl NumberMap {
    /// Makes an empty map.
    pub(crate) fn new() -> Self {
        let xa = Opaque::uninit();
        // SAFETY: `xa` is valid for writes. An array that is not in use does not know where it is
        // and may be moved.
        unsafe { bindings::ioasid_numbers_init(xa.get()) };
        // INVARIANT: Initialised just now.
        Self { xa }
    }

    /// The number of `key`. Takes no lock and writes no shared memory.
    pub(crate) fn get(&self, key: u32, _guard: &rcu::Guard) -> Option<u32> {
        // SAFETY: By the type invariant; the value is no address.
        let entry = unsafe { bindings::xa_load(self.xa.get(), index(key)) };
        if entry.is_null() {
            return None;
        }
        // CAST: Values are below 2^31, see `xa_mk_value()`.
        Some((entry.addr() >> 1) as u32)
    }

    /// Makes sure that [`NumberMap::set`] needs no memory for `key`. Any context but NMI.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn reserve(&self, key: u32) -> Result {
        // SAFETY: By the type invariant.
        to_result(unsafe { bindings::ioasid_numbers_reserve(self.xa.get(), index(key)) })
    }

    /// Takes back a reservation that was not used.
    pub(crate) fn release(&self, key: u32) {
        // SAFETY: By the type invariant.
        unsafe { bindings::ioasid_numbers_release(self.xa.get(), index(key)) };
    }

    /// Gives `key` a number, or takes it away. The key has one or is reserved.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the reservation was taken back by somebody else.
    pub(crate) fn set(&self, key: u32, number: Option<u32>) -> Result {
        // CAST: A value, see `xa_mk_value()`.
        let value = number.map_or(0, |number| (number as c_ulong) << 1 | 1);
        // SAFETY: By the type invariant.
        to_result(unsafe { bindings::ioasid_numbers_set(self.xa.get(), index(key), value) })
    }

    /// Forgets everything. Nobody may use the map afterwards.
    pub(crate) fn clear(&self) {
        // SAFETY: By the type invariant; readers under RCU are safe from it.
        unsafe { bindings::xa_destroy(self.xa.get()) };
    }
}
