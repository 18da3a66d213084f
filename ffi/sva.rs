// SPDX-License-Identifier: GPL-2.0

//! Shared virtual addressing.

use super::{
    check_prototypes,
    id::errno,
    pool, //
};
use crate::{
    id::INVALID,
    kapi::{
        bindings,
        context::synchronize_rcu,
        device::raw,
        report::complain, //
    },
    sva::{
        Attached,
        Backend,
        Bond,
        Follower,
        IommuCore,
        Limits,
        Naming, //
    },
};
use core::{
    ffi::c_void,
    ops::Range,
    ptr, //
};
use kernel::{
    device::Device,
    error::{
        from_err_ptr,
        to_result, //
    },
    ffi::{
        c_char,
        c_int,
        c_ulong, //
    },
    mm::{
        Mm,
        MmWithUser, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        rcu,
        Arc,
        UniqueArc, //
    },
};

check_prototypes!(
    ioasid_sva_enable_device,
    ioasid_sva_disable_device,
    ioasid_sva_why,
    ioasid_sva_bind_device,
    ioasid_sva_unbind_device,
    ioasid_sva_get_pasid,
    ioasid_sva_find,
    ioasid_add_device,
    ioasid_remove_device,
);

type AllocFn = unsafe extern "C" fn(*mut bindings::mm_struct) -> *mut c_void;
type AttachFn = unsafe extern "C" fn(*mut bindings::device, u32, *mut c_void, bool) -> c_int;
type DetachFn = unsafe extern "C" fn(*mut bindings::device, u32, *mut c_void, bool);
type InvalidateFn = unsafe extern "C" fn(*mut bindings::device, u32, *mut c_void, c_ulong, usize);
type ContextFn = unsafe extern "C" fn(*mut c_void);

/// The callbacks of a driver.
///
/// # Invariants
///
/// They can be called as the header says until `is_gone` is set, and those that run by then can
/// end.
struct Callbacks {
    ops: usize,
    alloc: Option<AllocFn>,
    attach: AttachFn,
    detach: DetachFn,
    invalidate: InvalidateFn,
    release: ContextFn,
    free: Option<ContextFn>,
    is_gone: Atomic<bool>,
}

impl Callbacks {
    /// # Safety
    ///
    /// The callbacks can be called as the header says, until the object is dropped or abandoned.
    unsafe fn new(ops: &bindings::io_mm_ops) -> Result<Self> {
        // INVARIANT: By the safety requirements.
        Ok(Self {
            ops: ptr::from_ref(ops).addr(),
            alloc: ops.alloc,
            attach: ops.attach.ok_or(EINVAL)?,
            detach: ops.detach.ok_or(EINVAL)?,
            invalidate: ops.invalidate.ok_or(EINVAL)?,
            release: ops.release.ok_or(EINVAL)?,
            free: ops.free,
            is_gone: Atomic::new(false),
        })
    }

    fn is_gone(&self) -> bool {
        self.is_gone.load(Relaxed)
    }

    fn is_within(&self, is_there: &dyn Fn(usize) -> bool) -> bool {
        is_there(self.ops)
            || is_there(self.attach as usize)
            || is_there(self.detach as usize)
            || is_there(self.invalidate as usize)
            || is_there(self.release as usize)
            || self.alloc.is_some_and(|alloc| is_there(alloc as usize))
            || self.free.is_some_and(|free| is_there(free as usize))
    }

    fn abandon(&self) {
        self.is_gone.xchg(true, Full);
        // Those that must not sleep may be running; those that may need the book.
        synchronize_rcu();
    }
}

/// The ops of a driver as a back end.
struct DriverOps(Arc<Callbacks>);

impl Backend for DriverOps {
    fn key(&self) -> usize {
        self.0.ops
    }

    fn naming(&self) -> Naming {
        Naming::Ours
    }

    fn follow(&self, mm: &MmWithUser) -> Result<Arc<dyn Follower>> {
        // The context has an owner as soon as it is there.
        let follower = UniqueArc::new_uninit(GFP_KERNEL_ACCOUNT)?;
        let ctx = match self.0.alloc {
            // SAFETY: By the type invariants of the callbacks; the mm has a user. With the book
            // open they cannot be abandoned meanwhile.
            Some(alloc) if !self.0.is_gone() => from_err_ptr(unsafe { alloc(mm.as_raw()) })?,
            _ => ptr::null_mut(),
        };
        // INVARIANT: The context was made just now.
        let follower = follower.write(Followed {
            callbacks: self.0.clone(),
            ctx,
        });
        Ok(Arc::<Followed>::from(follower))
    }

    fn is_within(&self, is_there: &dyn Fn(usize) -> bool) -> bool {
        self.0.is_within(is_there)
    }

    fn abandon(&self) {
        self.0.abandon();
    }
}

/// An address space that a driver follows.
///
/// # Invariants
///
/// `ctx` is what `alloc` returned, or null without one, and `free` has not been called for it.
struct Followed {
    callbacks: Arc<Callbacks>,
    ctx: *mut c_void,
}

// SAFETY: By the type invariants the context is for the callbacks, which are for any thread.
unsafe impl Send for Followed {}
// SAFETY: As above.
unsafe impl Sync for Followed {}

impl Follower for Followed {
    fn attach(
        &self,
        device: &Device,
        _mm: &MmWithUser,
        pasid: Option<u32>,
        first: bool,
    ) -> Result<Attached> {
        let pasid = pasid.ok_or(EINVAL)?;
        if self.callbacks.is_gone() {
            return Err(ENODEV);
        }
        // SAFETY: By the type invariants; with the book open they cannot be abandoned meanwhile.
        let ret = unsafe { (self.callbacks.attach)(raw(device), pasid, self.ctx, first) };
        // What is no errno is a refusal all the same.
        if ret > 0 {
            return Err(EINVAL);
        }
        to_result(ret)?;
        Ok(Attached {
            pasid,
            handle: None,
        })
    }

    fn detach(&self, device: &Device, attached: Attached, last: bool) {
        if !self.callbacks.is_gone() {
            // SAFETY: As in `attach`.
            unsafe { (self.callbacks.detach)(raw(device), attached.pasid, self.ctx, last) };
        }
    }

    fn wants_ranges(&self) -> bool {
        true
    }

    fn invalidate(&self, device: &Device, pasid: u32, range: Option<Range<usize>>) {
        let range = range.unwrap_or(0..0);
        let _guard = rcu::read_lock();
        if !self.callbacks.is_gone() {
            // SAFETY: By the type invariants; who abandons them waits for the end of the section.
            unsafe {
                (self.callbacks.invalidate)(
                    raw(device),
                    pasid,
                    self.ctx,
                    // CAST: `unsigned long` is as wide as a pointer.
                    range.start as c_ulong,
                    range.end.saturating_sub(range.start),
                )
            };
        }
    }

    fn release(&self) {
        let _guard = rcu::read_lock();
        if !self.callbacks.is_gone() {
            // SAFETY: As in `invalidate`.
            unsafe { (self.callbacks.release)(self.ctx) };
        }
    }

    fn is_within(&self, is_there: &dyn Fn(usize) -> bool) -> bool {
        self.callbacks.is_within(is_there)
    }

    fn abandon(&self) {
        self.callbacks.abandon();
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let Some(free) = self.callbacks.free else {
            return;
        };
        if !self.callbacks.is_gone() {
            // SAFETY: By the type invariants; nothing else is called with this context any more.
            unsafe { free(self.ctx) };
        }
    }
}

/// What the driver of a device has left.
fn device_gone(device: &Device) {
    if let Some(pool) = pool() {
        pool.device_gone(device);
    }
}

/// # Safety
///
/// `dev` is null or a device to which the caller has a reference.
unsafe fn device<'a>(dev: *mut bindings::device) -> Result<&'a Device> {
    if dev.is_null() {
        return Err(EINVAL);
    }
    // SAFETY: By the safety requirements, and it is not null.
    Ok(unsafe { Device::from_raw(dev) })
}

/// # Safety
///
/// As for [`ioasid_sva_enable_device`].
unsafe fn enable(dev: *mut bindings::device, params: *const bindings::ioasid_sva_params) -> Result {
    // SAFETY: By the safety requirements.
    let device = unsafe { device(dev) }?;
    // SAFETY: By the safety requirements.
    let params = unsafe { params.as_ref() };
    let limits = Limits {
        min: params.map_or(0, |params| params.min_pasid),
        max: params.map_or(0, |params| params.max_pasid),
        most: params.map_or(0, |params| params.nr_pasids),
    };
    let ops = params.map_or(ptr::null(), |params| params.ops);
    // SAFETY: By the safety requirements.
    let backend: Arc<dyn Backend> = match unsafe { ops.as_ref() } {
        None => Arc::new(IommuCore, GFP_KERNEL)?,
        Some(ops) => {
            // SAFETY: By the safety requirements.
            let callbacks = unsafe { Callbacks::new(ops) }?;
            Arc::new(DriverOps(Arc::new(callbacks, GFP_KERNEL)?), GFP_KERNEL)?
        }
    };
    pool()
        .ok_or(ENODEV)?
        .enable(device, limits, backend, device_gone)
}

/// # Safety
///
/// - `dev` is null or a device to which the caller has a reference.
/// - `params` is null or valid for reads, and so are its ops, whose callbacks can be called until
///   the device is disabled.
#[no_mangle]
unsafe extern "C" fn ioasid_sva_enable_device(
    dev: *mut bindings::device,
    params: *const bindings::ioasid_sva_params,
) -> c_int {
    // SAFETY: By the safety requirements.
    errno(unsafe { enable(dev, params) })
}

/// # Safety
///
/// `dev` is null or a device to which the caller has a reference.
#[no_mangle]
unsafe extern "C" fn ioasid_sva_disable_device(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the safety requirements.
    let device = unsafe { device(dev) };
    errno(device.and_then(|device| pool().ok_or(ENODEV)?.disable(device)))
}

/// # Safety
///
/// `dev` is null or a device to which the caller has a reference.
#[no_mangle]
unsafe extern "C" fn ioasid_sva_why(dev: *mut bindings::device) -> *const c_char {
    // SAFETY: By the safety requirements.
    let why = match (unsafe { device(dev) }, pool()) {
        (Err(_), _) => Some(c"there is no device"),
        (_, None) => Some(c"the IOASID module is not up"),
        (Ok(device), Some(pool)) => pool.why(device),
    };
    why.map_or(ptr::null(), CStr::as_char_ptr)
}

/// # Safety
///
/// As for [`ioasid_sva_bind_device`].
unsafe fn bind(
    dev: *mut bindings::device,
    mm: *mut bindings::mm_struct,
    drvdata: *mut c_void,
) -> Result<*mut bindings::ioasid_bond> {
    // SAFETY: By the safety requirements.
    let device = unsafe { device(dev) }?;
    if mm.is_null() {
        return Err(EINVAL);
    }
    // SAFETY: By the safety requirements, and it is not null.
    let mm = unsafe { Mm::from_raw(mm) };
    let bond = pool().ok_or(ENODEV)?.bind(device, mm, drvdata.addr())?;
    // The pool keeps it until it is unbound.
    Ok(ptr::from_ref::<Bond>(&bond).cast_mut().cast())
}

/// # Safety
///
/// - `dev` is null or a device to which the caller has a reference.
/// - `mm` is null or an mm to whose users the caller has a reference.
#[no_mangle]
unsafe extern "C" fn ioasid_sva_bind_device(
    dev: *mut bindings::device,
    mm: *mut bindings::mm_struct,
    drvdata: *mut c_void,
) -> *mut bindings::ioasid_bond {
    // SAFETY: By the safety requirements.
    unsafe { bind(dev, mm, drvdata) }.unwrap_or_else(|err| err.to_ptr())
}

/// # Safety
///
/// None: `bond` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_sva_unbind_device(bond: *mut bindings::ioasid_bond) {
    let Ok(bond) = from_err_ptr(bond) else {
        return;
    };
    if bond.is_null() {
        return;
    }
    if pool().is_none_or(|pool| pool.unbind(bond.addr()).is_err()) {
        complain(c"unbind of a bond that is not there", 0, None);
    }
}

/// # Safety
///
/// `bond` is null, an error pointer, or a bond of the caller.
#[no_mangle]
unsafe extern "C" fn ioasid_sva_get_pasid(bond: *mut bindings::ioasid_bond) -> bindings::ioasid_t {
    let bond: *const Bond = match from_err_ptr(bond) {
        Ok(bond) => bond.cast_const().cast(),
        Err(_) => ptr::null(),
    };
    // SAFETY: By the safety requirements it is null or what `bind` gave, which the pool keeps until
    // it is unbound.
    unsafe { bond.as_ref() }.map_or(INVALID, Bond::pasid)
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_sva_find(pasid: bindings::ioasid_t) -> *mut bindings::mm_struct {
    match pool().and_then(|pool| pool.mm_of(pasid)) {
        // The caller puts it.
        Some(mm) => ARef::into_raw(mm).as_ptr().cast(),
        None => ptr::null_mut(),
    }
}

/// # Safety
///
/// `dev` is null or a device to which the caller has a reference.
#[no_mangle]
unsafe extern "C" fn ioasid_add_device(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the safety requirements.
    let device = unsafe { device(dev) };
    errno(device.and_then(|device| pool().ok_or(ENODEV)?.add_device(device, device_gone)))
}

/// # Safety
///
/// `dev` is null or a device to which the caller has a reference.
#[no_mangle]
unsafe extern "C" fn ioasid_remove_device(dev: *mut bindings::device) -> c_int {
    // SAFETY: By the safety requirements.
    let device = unsafe { device(dev) };
    errno(device.and_then(|device| pool().ok_or(ENODEV)?.remove_device(device)))
}
