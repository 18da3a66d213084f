// SPDX-License-Identifier: GPL-2.0

//! What the IOMMU core and its drivers in the kernel tree call.

use super::{
    check_prototypes,
    id::errno,
    pool,
    Published, //
};
use crate::{
    id::IdRange,
    kapi::bindings,
    set::SetTag,
    space::Policy, //
};
use core::{
    mem,
    ptr, //
};
use kernel::{
    ffi::c_int,
    mm::Mm,
    prelude::*, //
};

check_prototypes!(
    ioasid_core_start,
    ioasid_core_alloc,
    ioasid_core_free,
    ioasid_core_attach,
    ioasid_core_detach,
);

fn start() -> Result {
    // It stays for ever.
    crate::start().map(mem::forget::<Published>)
}

/// # Safety
///
/// None: it is called once, before anything else.
#[no_mangle]
unsafe extern "C" fn ioasid_core_start() -> c_int {
    errno(start())
}

fn alloc(mm: Option<&Mm>, min: u32, max: u32) -> Result<u32> {
    let pool = pool().ok_or(ENODEV)?;
    let last = pool.capacity().saturating_sub(1);
    let range = IdRange::new(min, max.min(last)).map_err(|_| ENOSPC)?;
    match mm {
        Some(mm) => pool.alloc_for_mm(mm, range),
        None => pool.alloc(SetTag::NONE, range, Some(Policy::Lowest), ptr::null_mut()),
    }
}

/// # Safety
///
/// - `mm` is null or an mm to which the caller has a reference.
/// - `id` is valid for writes.
#[no_mangle]
unsafe extern "C" fn ioasid_core_alloc(
    mm: *mut bindings::mm_struct,
    min: bindings::ioasid_t,
    max: bindings::ioasid_t,
    id: *mut bindings::ioasid_t,
) -> c_int {
    let mm = if mm.is_null() {
        None
    } else {
        // SAFETY: By the safety requirements, and it is not null.
        Some(unsafe { Mm::from_raw(mm) })
    };
    match alloc(mm, min, max) {
        Ok(new) => {
            // SAFETY: By the safety requirements.
            unsafe { id.write(new) };
            0
        }
        Err(err) => err.to_errno(),
    }
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_core_free(id: bindings::ioasid_t, of_mm: bool) {
    let Some(pool) = pool() else {
        return;
    };
    if of_mm {
        pool.free_of_mm(id);
    } else {
        // Who frees what is not there is none the worse for it.
        let _ = pool.free(SetTag::NONE, id);
    }
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_core_attach(id: bindings::ioasid_t) -> c_int {
    errno(pool().ok_or(ENOENT).and_then(|pool| pool.count_device(id)))
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_core_detach(id: bindings::ioasid_t) {
    if let Some(pool) = pool() {
        pool.uncount_device(id);
    }
}
