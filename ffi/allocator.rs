// SPDX-License-Identifier: GPL-2.0

//! Custom allocators written in C.

use super::{
    check_prototypes,
    id::errno,
    pool, //
};
use crate::{
    allocator::{
        Key,
        Provider,
        SpaceId, //
    },
    id::IdRange,
    kapi::{
        bindings,
        report::complain, //
    },
};
use core::ffi::c_void;
use kernel::{
    ffi::c_int,
    prelude::*,
    sync::Arc, //
};

check_prototypes!(ioasid_register_allocator, ioasid_unregister_allocator);

type AllocFn = unsafe extern "C" fn(u32, u32, *mut c_void) -> u32;
type FreeFn = unsafe extern "C" fn(u32, *mut c_void);

/// The callbacks of registered ops, as they were at registration.
///
/// # Invariants
///
/// The callbacks can be called with `pdata`, from any task, until the object is dropped.
struct Callbacks {
    alloc: AllocFn,
    free: FreeFn,
    pdata: *mut c_void,
}

// SAFETY: By the type invariant the callbacks and `pdata` are for any task.
unsafe impl Send for Callbacks {}
// SAFETY: As above.
unsafe impl Sync for Callbacks {}

impl Provider for Callbacks {
    fn pick(&self, range: IdRange) -> u32 {
        // SAFETY: By the type invariant.
        unsafe { (self.alloc)(range.min(), range.max(), self.pdata) }
    }

    fn give_back(&self, id: u32) {
        // SAFETY: By the type invariant.
        unsafe { (self.free)(id, self.pdata) }
    }

    fn culprit(&self) -> Option<usize> {
        Some(self.alloc as usize)
    }

    fn is_within(&self, is_there: &dyn Fn(usize) -> bool) -> bool {
        is_there(self.alloc as usize) || is_there(self.free as usize) || is_there(self.pdata.addr())
    }
}

/// Registers callbacks under the address of their ops.
///
/// # Safety
///
/// The callbacks can be called with `pdata`, from any task, until [`unregister`] returns.
pub(super) unsafe fn register(
    ops: *const c_void,
    alloc: Option<AllocFn>,
    free: Option<FreeFn>,
    pdata: *mut c_void,
) -> Result {
    let (Some(alloc), Some(free)) = (alloc, free) else {
        return Err(EINVAL);
    };
    if ops.is_null() {
        return Err(EINVAL);
    }
    // INVARIANT: By the safety requirements; the pool drops it before `unregister` returns.
    let callbacks = Callbacks { alloc, free, pdata };
    pool().ok_or(ENODEV)?.register(
        Key(ops.addr()),
        SpaceId(alloc as usize, free as usize),
        Arc::new(callbacks, GFP_KERNEL)?,
    )
}

pub(super) fn unregister(ops: *const c_void) {
    let Some(pool) = pool() else {
        return;
    };
    match pool.unregister(Key(ops.addr())) {
        Ok(0) => {}
        Ok(left) => pr_info!("{left} IDs outlive the allocator that named them\n"),
        Err(_) => complain(c"unknown allocator unregistered", 0, None),
    }
}

/// # Safety
///
/// `ops` is null or valid for reads; its callbacks can be called with its `pdata`, from any task,
/// until [`ioasid_unregister_allocator`] returns.
#[no_mangle]
unsafe extern "C" fn ioasid_register_allocator(ops: *mut bindings::ioasid_allocator_ops) -> c_int {
    // SAFETY: By the safety requirements.
    let Some(callbacks) = (unsafe { ops.as_ref() }) else {
        return EINVAL.to_errno();
    };
    // SAFETY: By the safety requirements.
    errno(unsafe { register(ops.cast(), callbacks.alloc, callbacks.free, callbacks.pdata) })
}

/// # Safety
///
/// None: `ops` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_unregister_allocator(ops: *mut bindings::ioasid_allocator_ops) {
    unregister(ops.cast());
}
