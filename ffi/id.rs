// SPDX-License-Identifier: GPL-2.0

//! IDs: allocation, lookup, references.

use super::{
    check_prototypes,
    pool, //
};
use crate::{
    id::{
        IdRange,
        INVALID,
        LIMIT, //
    },
    kapi::{
        bindings,
        reader::Reader,
        report::complain, //
    },
    names::Name,
    set::SetTag,
    space::Policy,
};
use core::ffi::c_void;
use kernel::{
    error::Error,
    ffi::{
        c_char,
        c_int, //
    },
    prelude::*,
};

check_prototypes!(
    ioasid_alloc,
    ioasid_alloc_range,
    ioasid_rs_free,
    ioasid_rs_get,
    ioasid_rs_put,
    ioasid_get_named,
    ioasid_put_named,
    ioasid_rs_find,
    ioasid_attach_data,
    ioasid_detach_data,
    ioasid_install_capacity,
    ioasid_get_capacity,
);

/// A function that C callers pass to have data pinned while it is found.
pub(super) type Getter = Option<unsafe extern "C" fn(*mut c_void) -> bool>;

pub(super) fn tag(set: *mut bindings::ioasid_set) -> SetTag {
    SetTag(set.addr())
}

pub(super) fn errno(result: Result) -> c_int {
    result.map_or_else(Error::to_errno, |()| 0)
}

/// The policy that C means.
pub(super) fn policy_from(policy: bindings::ioasid_alloc_policy) -> Result<Policy> {
    match policy {
        bindings::ioasid_alloc_policy_IOASID_ALLOC_LOWEST => Ok(Policy::Lowest),
        bindings::ioasid_alloc_policy_IOASID_ALLOC_CYCLIC => Ok(Policy::Cyclic),
        bindings::ioasid_alloc_policy_IOASID_ALLOC_TOP_DOWN => Ok(Policy::TopDown),
        _ => Err(EINVAL),
    }
}

/// Allocates for [`ioasid_alloc`] and its relatives.
pub(super) fn alloc(
    set: SetTag,
    min: u32,
    max: u32,
    policy: Option<Policy>,
    private: *mut c_void,
) -> Result<u32> {
    let range = IdRange::new(min, max)?;
    pool().ok_or(ENODEV)?.alloc(set, range, policy, private)
}

/// What a put returns. A caller that has nothing to put is told, for it cannot see it otherwise.
fn last(id: u32, result: Result<bool>) -> bool {
    match result {
        Ok(last) => last,
        Err(err) => not_put(id, err),
    }
}

/// Tells of a put that failed. Returns false, so that it can be the last call.
#[cold]
#[inline(never)]
fn not_put(id: u32, err: Error) -> bool {
    if err == ENOENT {
        complain(c"put of an ID that is not there", id, None);
    } else if err == EACCES {
        complain(c"put of an ID of another set", id, None);
    }
    false
}

/// Finds for [`ioasid_find`] and its relative.
///
/// # Safety
///
/// `getter` can be called with the private data of any ID of `set`.
#[inline]
pub(super) unsafe fn find(reader: Reader<'_>, set: SetTag, id: u32, getter: Getter) -> *mut c_void {
    let found = pool()
        .ok_or(ENOENT)
        .and_then(|pool| pool.find(reader, set, id));
    match (found, getter) {
        // SAFETY: By the safety requirements.
        (Ok(private), Some(getter)) if !private.is_null() => unsafe { pinned(private, getter) },
        (Ok(private), _) => private,
        (Err(err), _) => err_ptr(err),
    }
}

/// `ERR_PTR()`, without a call.
fn err_ptr(err: Error) -> *mut c_void {
    // CAST: `ERR_PTR()` extends the sign.
    core::ptr::without_provenance_mut(err.to_errno() as isize as usize)
}

/// Private data, if its getter could pin it.
///
/// # Safety
///
/// `getter` can be called with it.
#[inline(never)]
unsafe fn pinned(
    private: *mut c_void,
    getter: unsafe extern "C" fn(*mut c_void) -> bool,
) -> *mut c_void {
    // SAFETY: By the safety requirements.
    if unsafe { getter(private) } {
        private
    } else {
        core::ptr::null_mut()
    }
}

/// # Safety
///
/// None: `set` is compared only, `private` is handed on.
#[no_mangle]
unsafe extern "C" fn ioasid_alloc(
    set: *mut bindings::ioasid_set,
    min: bindings::ioasid_t,
    max: bindings::ioasid_t,
    private: *mut c_void,
) -> bindings::ioasid_t {
    alloc(tag(set), min, max, None, private).unwrap_or(INVALID)
}

/// # Safety
///
/// `ioasid` is null or valid for writes.
#[no_mangle]
unsafe extern "C" fn ioasid_alloc_range(
    set: *mut bindings::ioasid_set,
    min: bindings::ioasid_t,
    max: bindings::ioasid_t,
    policy: bindings::ioasid_alloc_policy,
    private: *mut c_void,
    ioasid: *mut bindings::ioasid_t,
) -> c_int {
    if ioasid.is_null() {
        return EINVAL.to_errno();
    }
    let result =
        policy_from(policy).and_then(|policy| alloc(tag(set), min, max, Some(policy), private));
    // SAFETY: By the safety requirements, and it is not null.
    unsafe { *ioasid = *result.as_ref().unwrap_or(&INVALID) };
    errno(result.map(|_| ()))
}

/// # Safety
///
/// The caller is an RCU reader. `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_rs_free(
    set: *mut bindings::ioasid_set,
    ioasid: bindings::ioasid_t,
) -> c_int {
    // SAFETY: By the safety requirements.
    let reader = unsafe { Reader::assume() };
    match pool()
        .ok_or(ENOENT)
        .and_then(|pool| pool.free_by(reader, tag(set), ioasid))
    {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(err) => err.to_errno(),
    }
}

/// # Safety
///
/// The caller is an RCU reader. `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_rs_get(
    set: *mut bindings::ioasid_set,
    ioasid: bindings::ioasid_t,
) -> c_int {
    // SAFETY: By the safety requirements.
    let reader = unsafe { Reader::assume() };
    errno(
        pool()
            .ok_or(EINVAL)
            .and_then(|pool| pool.get_by(reader, tag(set), ioasid)),
    )
}

/// # Safety
///
/// The caller is an RCU reader. `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_rs_put(
    set: *mut bindings::ioasid_set,
    ioasid: bindings::ioasid_t,
) -> bool {
    // SAFETY: By the safety requirements.
    let reader = unsafe { Reader::assume() };
    pool().is_some_and(|pool| last(ioasid, pool.put_by(reader, tag(set), ioasid)))
}

/// # Safety
///
/// `name` is null or a C string.
#[no_mangle]
unsafe extern "C" fn ioasid_get_named(
    set: *mut bindings::ioasid_set,
    ioasid: bindings::ioasid_t,
    name: *const c_char,
) -> c_int {
    if name.is_null() {
        // SAFETY: No requirements.
        return unsafe { bindings::ioasid_get(set, ioasid) };
    }
    // SAFETY: By the safety requirements, and it is not null.
    let name = Name::new(unsafe { CStr::from_char_ptr(name) });
    errno(
        pool()
            .ok_or(EINVAL)
            .and_then(|pool| pool.get_named(tag(set), ioasid, name)),
    )
}

/// # Safety
///
/// `name` is null or a C string.
#[no_mangle]
unsafe extern "C" fn ioasid_put_named(
    set: *mut bindings::ioasid_set,
    ioasid: bindings::ioasid_t,
    name: *const c_char,
) -> bool {
    if name.is_null() {
        // SAFETY: No requirements.
        return unsafe { bindings::ioasid_put(set, ioasid) };
    }
    // SAFETY: By the safety requirements, and it is not null.
    let name = Name::new(unsafe { CStr::from_char_ptr(name) });
    pool().is_some_and(|pool| last(ioasid, pool.put_named(tag(set), ioasid, name)))
}

/// # Safety
///
/// The caller is an RCU reader. `getter` can be called with the private data of any ID of `set`.
#[no_mangle]
unsafe extern "C" fn ioasid_rs_find(
    set: *mut bindings::ioasid_set,
    ioasid: bindings::ioasid_t,
    getter: Getter,
) -> *mut c_void {
    // SAFETY: By the safety requirements.
    unsafe { find(Reader::assume(), tag(set), ioasid, getter) }
}

/// # Safety
///
/// None: `data` is handed on.
#[no_mangle]
unsafe extern "C" fn ioasid_attach_data(ioasid: bindings::ioasid_t, data: *mut c_void) -> c_int {
    if data.is_null() {
        return EINVAL.to_errno();
    }
    errno(
        pool()
            .ok_or(ENOENT)
            .and_then(|pool| pool.attach_private(ioasid, data)),
    )
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_detach_data(ioasid: bindings::ioasid_t) -> c_int {
    errno(
        pool()
            .ok_or(ENOENT)
            .and_then(|pool| pool.detach_private(ioasid)),
    )
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_install_capacity(total: bindings::ioasid_t) -> c_int {
    errno(
        pool()
            .ok_or(ENODEV)
            .and_then(|pool| pool.install_capacity(total)),
    )
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_get_capacity() -> bindings::ioasid_t {
    pool().map_or(LIMIT, |pool| pool.capacity())
}
