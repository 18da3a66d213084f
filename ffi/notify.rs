// SPDX-License-Identifier: GPL-2.0

//! Subscribers written in C.

use super::{
    check_prototypes,
    id::{
        errno,
        tag, //
    },
    pool, //
};
use crate::{
    audience::{
        Event,
        Listener,
        Scope,
        Subject, //
    },
    id::INVALID,
    kapi::bindings,
    set::{
        Kind,
        SetTag,
        Token, //
    },
    state::Scopes,
};
use core::{
    ffi::c_void,
    ptr,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    ffi::{
        c_int,
        c_uint,
        c_ulong, //
    },
    mm::Mm,
    prelude::*,
    sync::aref::ARef, //
};

check_prototypes!(
    ioasid_register_notifier,
    ioasid_register_notifier_replay,
    ioasid_unregister_notifier,
    ioasid_register_notifier_mm,
    ioasid_register_notifier_mm_replay,
    ioasid_unregister_notifier_mm,
    ioasid_notify,
    ioasid_queue_work,
);

type Call = unsafe extern "C" fn(*mut bindings::notifier_block, c_ulong, *mut c_void) -> c_int;

/// A `notifier_block`, and the mm that it is for.
///
/// # Invariants
///
/// `call` can be called with `block`, in atomic context, until the object is dropped.
struct Notifier {
    block: NonNull<bindings::notifier_block>,
    call: Call,
    /// Its address is the scope, and must not come back. A set's handle does not.
    _mm: Option<ARef<Mm>>,
}

// SAFETY: By the type invariant the callback may be called from any task.
unsafe impl Send for Notifier {}
// SAFETY: As above.
unsafe impl Sync for Notifier {}

impl Listener for Notifier {
    fn tell(&self, event: Event, subject: &Subject) -> Result {
        let value = match event {
            Event::Alloc => bindings::ioasid_notify_val_IOASID_NOTIFY_ALLOC,
            Event::Free => bindings::ioasid_notify_val_IOASID_NOTIFY_FREE,
            Event::Bind => bindings::ioasid_notify_val_IOASID_NOTIFY_BIND,
            Event::Unbind => bindings::ioasid_notify_val_IOASID_NOTIFY_UNBIND,
            Event::SetAlloc => bindings::ioasid_notify_val_IOASID_NOTIFY_SET_ALLOC,
            Event::SetFree => bindings::ioasid_notify_val_IOASID_NOTIFY_SET_FREE,
        };
        let mut args = bindings::ioasid_nb_args {
            id: subject.id,
            spid: subject.spid.unwrap_or(INVALID),
            set: ptr::without_provenance_mut(subject.set.0),
            pdata: subject.private,
        };
        // SAFETY: By the type invariant; the arguments live as long as the call.
        let said = unsafe {
            (self.call)(
                self.block.as_ptr(),
                // CAST: `unsigned long` has at least 32 bits.
                value as c_ulong,
                (&raw mut args).cast(),
            )
        };
        // SAFETY: No preconditions.
        to_result(unsafe { bindings::ioasid_notifier_to_errno(said) })
    }

    fn culprit(&self) -> Option<usize> {
        Some(self.call as usize)
    }

    fn is_within(&self, is_there: &dyn Fn(usize) -> bool) -> bool {
        is_there(self.call as usize)
    }
}

/// Subscribes a block; its address is its key.
///
/// # Safety
///
/// `block` is null or valid for reads; its callback can be called with it, in atomic context, until
/// it is unregistered.
unsafe fn subscribe(
    scope: Scope,
    block: *mut bindings::notifier_block,
    mm: Option<ARef<Mm>>,
    replay: bool,
) -> Result {
    let block = NonNull::new(block).ok_or(EINVAL)?;
    // SAFETY: By the safety requirements.
    let (call, priority) = unsafe {
        let block = block.as_ref();
        (block.notifier_call.ok_or(EINVAL)?, block.priority)
    };
    let pool = pool().ok_or(ENODEV)?;
    if let Scope::Set(set) = scope {
        pool.expect_open(SetTag(set))?;
    }
    // INVARIANT: By the safety requirements; the pool drops it when it is unregistered.
    let notifier = Notifier {
        block,
        call,
        _mm: mm,
    };
    let listener = KBox::new(notifier, GFP_KERNEL_ACCOUNT)?;
    pool.subscribe(scope, priority, block.as_ptr().addr(), listener, replay)
}

/// What a set, or none, stands for.
fn scope_of(set: SetTag) -> Scope {
    if set == SetTag::NONE {
        Scope::All
    } else {
        Scope::Set(set.0)
    }
}

/// # Safety
///
/// As for [`subscribe`], and `mm` is null or an mm to which the caller has a reference.
unsafe fn subscribe_mm(
    mm: *mut bindings::mm_struct,
    block: *mut bindings::notifier_block,
    replay: bool,
) -> Result {
    if mm.is_null() || block.is_null() {
        return Err(EINVAL);
    }
    let token = Token(Kind::Mm, mm.addr());
    let pool = pool().ok_or(ENODEV)?;
    if pool.subscribers.has(Scope::Token(token), block.addr()) {
        return Err(EEXIST);
    }
    if !replay && pool.mm_has_ids(mm.addr()) {
        return Err(EBUSY);
    }
    // SAFETY: By the safety requirements.
    let mm = unsafe { Mm::from_raw(mm) };
    // One that comes between the check and the registration is told of.
    // SAFETY: By the safety requirements.
    unsafe { subscribe(Scope::Token(token), block, Some(mm.into()), true) }
}

/// # Safety
///
/// As for [`subscribe`]; `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_register_notifier(
    set: *mut bindings::ioasid_set,
    nb: *mut bindings::notifier_block,
) -> c_int {
    // SAFETY: By the safety requirements.
    errno(unsafe { subscribe(scope_of(tag(set)), nb, None, false) })
}

/// # Safety
///
/// As for [`subscribe`]; `set` is compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_register_notifier_replay(
    set: *mut bindings::ioasid_set,
    nb: *mut bindings::notifier_block,
) -> c_int {
    // SAFETY: By the safety requirements.
    errno(unsafe { subscribe(scope_of(tag(set)), nb, None, true) })
}

/// # Safety
///
/// None: both are compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_unregister_notifier(
    set: *mut bindings::ioasid_set,
    nb: *mut bindings::notifier_block,
) {
    if let Some(pool) = pool() {
        pool.unsubscribe(scope_of(tag(set)), nb.addr());
    }
}

/// # Safety
///
/// As for [`subscribe_mm`].
#[no_mangle]
unsafe extern "C" fn ioasid_register_notifier_mm(
    mm: *mut bindings::mm_struct,
    nb: *mut bindings::notifier_block,
) -> c_int {
    // SAFETY: By the safety requirements.
    errno(unsafe { subscribe_mm(mm, nb, false) })
}

/// # Safety
///
/// As for [`subscribe_mm`].
#[no_mangle]
unsafe extern "C" fn ioasid_register_notifier_mm_replay(
    mm: *mut bindings::mm_struct,
    nb: *mut bindings::notifier_block,
) -> c_int {
    // SAFETY: By the safety requirements.
    errno(unsafe { subscribe_mm(mm, nb, true) })
}

/// # Safety
///
/// None: both are compared only.
#[no_mangle]
unsafe extern "C" fn ioasid_unregister_notifier_mm(
    mm: *mut bindings::mm_struct,
    nb: *mut bindings::notifier_block,
) {
    if let Some(pool) = pool() {
        pool.unsubscribe(Scope::Token(Token(Kind::Mm, mm.addr())), nb.addr());
    }
}

/// # Safety
///
/// None.
#[no_mangle]
unsafe extern "C" fn ioasid_notify(
    ioasid: bindings::ioasid_t,
    cmd: bindings::ioasid_notify_val,
    flags: c_uint,
) -> c_int {
    const ALL: c_uint = bindings::ioasid_notify_flags_IOASID_NOTIFY_ALL;
    const SET: c_uint = bindings::ioasid_notify_flags_IOASID_NOTIFY_SET;

    if flags == 0 || flags & !(ALL | SET) != 0 {
        return EINVAL.to_errno();
    }
    let scopes = Scopes {
        all: flags & ALL != 0,
        set: flags & SET != 0,
    };
    let bind = match cmd {
        bindings::ioasid_notify_val_IOASID_NOTIFY_BIND => true,
        bindings::ioasid_notify_val_IOASID_NOTIFY_UNBIND => false,
        _ => return EINVAL.to_errno(),
    };
    errno(pool().ok_or(ENOENT).and_then(|pool| {
        if bind {
            pool.notify_bind(ioasid, scopes)
        } else {
            pool.notify_unbind(ioasid, scopes)
        }
    }))
}

/// # Safety
///
/// `work` is an initialised work item that lives until it has run or is cancelled.
#[no_mangle]
unsafe extern "C" fn ioasid_queue_work(work: *mut bindings::work_struct) -> bool {
    // SAFETY: By the safety requirements.
    pool().is_some_and(|pool| unsafe { pool.works.queue(work) })
}
