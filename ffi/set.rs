// SPDX-License-Identifier: GPL-2.0

//! Sets, SPIDs and what else belongs to their owners.

use super::{
    check_prototypes,
    id::{
        errno,
        policy_from,
        tag, //
    },
    pool, //
};
use crate::{
    id::INVALID,
    kapi::{
        bindings,
        mm::current_mm,
        report::complain, //
    },
    pool::Pool,
    set::SetTag,
};
use core::{
    ffi::c_void,
    ptr, //
};
use kernel::{
    error::Error,
    ffi::{
        c_int,
        c_uint, //
    },
    mm::Mm,
    prelude::*,
};

check_prototypes!(
    ioasid_alloc_set,
    ioasid_set_free,
    ioasid_set_get,
    ioasid_set_put,
    ioasid_adjust_set,
    ioasid_set_policy,
    ioasid_set_query,
    ioasid_find_mm_set,
    ioasid_find_set,
    ioasid_free_all_in_set,
    ioasid_set_for_each_ioasid,
    ioasid_get_if_owned_by,
    ioasid_get_if_owned,
    ioasid_is_active,
    ioasid_attach_spid,
    ioasid_detach_spid,
    ioasid_find_spid,
    ioasid_find_by_spid,
    ioasid_wait_reclaimed,
    ioasid_set_wait_reclaimed,
    ioasid_reserve_capacity,
    ioasid_cancel_capacity,
);

/// What a C function returns for a set: its handle or an error pointer.
fn handle(set: Result<SetTag>) -> *mut bindings::ioasid_set {
    match set {
        Ok(tag) => ptr::without_provenance_mut(tag.0),
        Err(err) => err.to_ptr(),
    }
}

/// What a C function returns for a count.
fn count(result: Result<u32>) -> c_int {
    // CAST: A capacity is below 2^21.
    result.map_or_else(Error::to_errno, |count| count as c_int)
}

/// Calls a verb; before the module is up there is nothing to call it with.
fn with_pool<R>(missing: Error, verb: impl FnOnce(&Pool) -> Result<R>) -> Result<R> {
    verb(pool().ok_or(missing)?)
}

/// # Safety
///
/// For `IOASID_SET_TYPE_MM` the token is null or an mm to which the caller has a reference.
#[no_mangle]
unsafe extern "C" fn ioasid_alloc_set(
    token: *mut c_void,
    quota: bindings::ioasid_t,
    kind: c_int,
) -> *mut bindings::ioasid_set {
    // CAST: The types are small positive numbers.
    const NULL: c_int = bindings::ioasid_set_type_IOASID_SET_TYPE_NULL as c_int;
    const MM: c_int = bindings::ioasid_set_type_IOASID_SET_TYPE_MM as c_int;

    handle(with_pool(ENODEV, |pool| match kind {
        NULL if token.is_null() => pool.alloc_null_set(quota),
        MM if !token.is_null() => {
            // SAFETY: By the safety requirements.
            pool.alloc_mm_set(unsafe { Mm::from_raw(token.cast()) }, quota)
        }
        _ => Err(EINVAL),
    }))
}

/// # Safety
///
/// None: `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_set_free(set: *mut bindings::ioasid_set) -> c_int {
    match with_pool(EINVAL, |pool| pool.free_set(tag(set))) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(err) => err.to_errno(),
    }
}

/// # Safety
///
/// None: `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_set_get(set: *mut bindings::ioasid_set) -> c_int {
    errno(with_pool(EINVAL, |pool| pool.get_set(tag(set))))
}

/// # Safety
///
/// None: `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_set_put(set: *mut bindings::ioasid_set) {
    if set.is_null() {
        return;
    }
    match with_pool(ENOENT, |pool| pool.put_set(tag(set))) {
        Ok(()) => {}
        Err(err) if err == ENOENT => complain(c"put of a set that is not there", 0, None),
        Err(_) => complain(c"put of a set without a reference", 0, None),
    }
}

/// # Safety
///
/// None: `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_adjust_set(
    set: *mut bindings::ioasid_set,
    quota: bindings::ioasid_t,
) -> c_int {
    errno(with_pool(EINVAL, |pool| pool.adjust_set(tag(set), quota)))
}

/// # Safety
///
/// None: `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_set_policy(
    set: *mut bindings::ioasid_set,
    policy: bindings::ioasid_alloc_policy,
) -> c_int {
    errno(with_pool(EINVAL, |pool| {
        pool.set_policy(tag(set), policy_from(policy)?)
    }))
}

/// # Safety
///
/// `usage` is null or valid for writes.
#[no_mangle]
unsafe extern "C" fn ioasid_set_query(
    set: *mut bindings::ioasid_set,
    usage: *mut bindings::ioasid_set_usage,
) -> c_int {
    if usage.is_null() {
        return EINVAL.to_errno();
    }
    errno(
        with_pool(EINVAL, |pool| pool.query_set(tag(set))).map(|figures| {
            let figures = bindings::ioasid_set_usage {
                quota: figures.quota,
                use_: figures.used,
                peak: figures.peak,
                failures: figures.failures,
                spids: figures.spids,
            };
            // SAFETY: By the safety requirements, and it is not null.
            unsafe { usage.write(figures) };
        }),
    )
}

/// # Safety
///
/// None: `mm` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_find_mm_set(mm: *mut bindings::mm_struct) -> *mut bindings::ioasid_set {
    if mm.is_null() {
        return EINVAL.to_ptr();
    }
    handle(with_pool(ENOENT, |pool| pool.find_mm_set(mm.addr())))
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_find_set(ioasid: bindings::ioasid_t) -> *mut bindings::ioasid_set {
    handle(with_pool(ENOENT, |pool| pool.set_of(ioasid)))
}

/// # Safety
///
/// None: `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_free_all_in_set(set: *mut bindings::ioasid_set) {
    if set.is_null() {
        return;
    }
    if let Some(pool) = pool() {
        // A set that is not there has no IDs.
        let _ = pool.free_all(tag(set));
    }
}

/// # Safety
///
/// `call` can be called with `data` and any ID, from the caller's context.
#[no_mangle]
unsafe extern "C" fn ioasid_set_for_each_ioasid(
    set: *mut bindings::ioasid_set,
    call: Option<unsafe extern "C" fn(bindings::ioasid_t, *mut c_void)>,
    data: *mut c_void,
) -> c_int {
    let Some(call) = call else {
        return EINVAL.to_errno();
    };
    errno(with_pool(EINVAL, |pool| {
        // SAFETY: By the safety requirements.
        pool.for_each(tag(set), |id| unsafe { call(id, data) })
    }))
}

/// # Safety
///
/// None: `mm` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_get_if_owned_by(
    ioasid: bindings::ioasid_t,
    mm: *mut bindings::mm_struct,
) -> c_int {
    errno(with_pool(ENOENT, |pool| {
        pool.get_if_owned(ioasid, mm.addr())
    }))
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_get_if_owned(ioasid: bindings::ioasid_t) -> c_int {
    errno(with_pool(ENOENT, |pool| {
        pool.get_if_owned(ioasid, current_mm())
    }))
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_is_active(ioasid: bindings::ioasid_t) -> bool {
    pool().is_some_and(|pool| pool.is_active(ioasid))
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_attach_spid(
    ioasid: bindings::ioasid_t,
    spid: bindings::ioasid_t,
) -> c_int {
    if spid == INVALID {
        return EINVAL.to_errno();
    }
    errno(with_pool(ENOENT, |pool| pool.attach_spid(ioasid, spid)))
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_detach_spid(ioasid: bindings::ioasid_t) -> c_int {
    errno(with_pool(ENOENT, |pool| pool.detach_spid(ioasid)))
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_find_spid(ioasid: bindings::ioasid_t) -> bindings::ioasid_t {
    pool()
        .and_then(|pool| pool.spid_of(ioasid))
        .unwrap_or(INVALID)
}

/// # Safety
///
/// None: `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_find_by_spid(
    set: *mut bindings::ioasid_set,
    spid: bindings::ioasid_t,
    get: bool,
) -> bindings::ioasid_t {
    pool()
        .and_then(|pool| pool.find_by_spid(tag(set), spid, get))
        .unwrap_or(INVALID)
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_wait_reclaimed(
    ioasid: bindings::ioasid_t,
    timeout_ms: c_uint,
) -> c_int {
    errno(with_pool(ENOENT, |pool| {
        pool.wait_reclaimed(ioasid, timeout_ms)
    }))
}

/// # Safety
///
/// None: `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_set_wait_reclaimed(
    set: *mut bindings::ioasid_set,
    timeout_ms: c_uint,
) -> c_int {
    errno(with_pool(EINVAL, |pool| {
        pool.wait_empty(tag(set), timeout_ms)
    }))
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_reserve_capacity(nr: bindings::ioasid_t) -> c_int {
    count(with_pool(ENODEV, |pool| pool.space.set_aside(nr)))
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_cancel_capacity(nr: bindings::ioasid_t) -> c_int {
    count(with_pool(ENODEV, |pool| pool.space.give_back(nr)))
}
