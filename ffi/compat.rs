// SPDX-License-Identifier: GPL-2.0

//! What the interface of Linux 5.5 to 6.3 is made of; see `include/compat/linux/ioasid.h`.

use super::{
    allocator,
    check_prototypes,
    id::{
        alloc,
        errno,
        find,
        Getter, //
    },
    pool, //
};
use crate::{
    id::{
        IdRange,
        INVALID, //
    },
    kapi::{
        reader::Reader,
        report::complain, //
    },
    set::SetTag,
    space::Policy,
};
use core::ffi::c_void;
use kernel::{
    ffi::c_int,
    prelude::*,
    sync::rcu, //
};

check_prototypes!(
    ioasid_compat_alloc,
    ioasid_compat_put,
    ioasid_compat_free,
    ioasid_compat_get,
    ioasid_compat_find,
    ioasid_compat_set_data,
    ioasid_compat_register_allocator,
    ioasid_compat_unregister_allocator,
);

/// # Safety
///
/// None: `set` is compared only, `private` is handed on.
#[no_mangle]
unsafe extern "C" fn ioasid_compat_alloc(
    set: *const c_void,
    min: u32,
    max: u32,
    private: *mut c_void,
) -> u32 {
    if set.is_null() {
        return alloc(SetTag::NONE, min, max, Some(Policy::Lowest), private).unwrap_or(INVALID);
    }
    IdRange::new(min, max)
        .and_then(|range| {
            pool()
                .ok_or(ENODEV)?
                .alloc_static(set.addr(), range, Policy::Lowest, private)
        })
        .unwrap_or(INVALID)
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_compat_put(ioasid: u32) -> bool {
    pool().is_some_and(|pool| pool.put_any(ioasid).unwrap_or(false))
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_compat_free(ioasid: u32) {
    if let Some(pool) = pool() {
        // Unknown IDs are none of the caller's business any more.
        let _ = pool.put_any(ioasid);
    }
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_compat_get(ioasid: u32) {
    let result = pool()
        .ok_or(EINVAL)
        .and_then(|pool| pool.get(SetTag::NONE, ioasid));
    if result.is_err() {
        complain(c"get of an ID that is not there", ioasid, None);
    }
}

/// # Safety
///
/// `getter` can be called with the private data of any ID of `set`.
#[no_mangle]
unsafe extern "C" fn ioasid_compat_find(
    set: *const c_void,
    ioasid: u32,
    getter: Getter,
) -> *mut c_void {
    let guard = rcu::read_lock();
    // SAFETY: By the safety requirements.
    unsafe { find(Reader::from(&guard), SetTag(set.addr()), ioasid, getter) }
}

/// # Safety
///
/// None: `data` is handed on.
#[no_mangle]
unsafe extern "C" fn ioasid_compat_set_data(ioasid: u32, data: *mut c_void) -> c_int {
    errno(
        pool()
            .ok_or(ENOENT)
            .and_then(|pool| pool.replace_private(ioasid, data)),
    )
}

/// # Safety
///
/// The callbacks can be called with `pdata`, from any task, until
/// [`ioasid_compat_unregister_allocator`] returns.
#[no_mangle]
unsafe extern "C" fn ioasid_compat_register_allocator(
    ops: *mut c_void,
    alloc: Option<unsafe extern "C" fn(u32, u32, *mut c_void) -> u32>,
    free: Option<unsafe extern "C" fn(u32, *mut c_void)>,
    pdata: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements.
    errno(unsafe { allocator::register(ops, alloc, free, pdata) })
}

/// # Safety
///
/// None: `ops` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_compat_unregister_allocator(ops: *mut c_void) {
    allocator::unregister(ops);
}
