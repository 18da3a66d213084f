// SPDX-License-Identifier: GPL-2.0

//! A spinlock for any context but NMI. Target: `rust/kernel/sync/lock/spinlock.rs`.
//!
//! On `PREEMPT_RT` it sleeps, as every `spinlock_t` does.

use super::bindings;
use kernel::{
    ffi::{
        c_char,
        c_ulong, //
    },
    sync::lock::{
        Backend,
        Lock, //
    },
};

/// A value behind a `spinlock_t` that is taken with interrupts saved and off.
pub(crate) type IrqSpinLock<T> = Lock<T, IrqSpinLockBackend>;

/// `spin_lock_irqsave()`.
pub(crate) struct IrqSpinLockBackend;

// SAFETY: The `spinlock_t` provides mutual exclusion; `relock` uses the default implementation.
unsafe impl Backend for IrqSpinLockBackend {
    type State = bindings::spinlock_t;
    type GuardState = c_ulong;

    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut bindings::lock_class_key) {
        // SAFETY: `ptr` is valid for writes and `name` and `key` live forever, by the safety
        // requirements of this function.
        unsafe { bindings::__spin_lock_init(ptr, name, key) }
    }

    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: `ptr` points to an initialised lock, by the safety requirements.
        unsafe { bindings::ioasid_spin_lock(ptr) }
    }

    unsafe fn unlock(ptr: *mut Self::State, flags: &Self::GuardState) {
        // SAFETY: The caller holds the lock and `flags` come from `lock`.
        unsafe { bindings::ioasid_spin_unlock(ptr, *flags) }
    }

    unsafe fn try_lock(_ptr: *mut Self::State) -> Option<Self::GuardState> {
        // Nobody tries; a failure is always a right answer.
        None
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: `ptr` points to an initialised lock, by the safety requirements.
        unsafe { bindings::spin_assert_is_held(ptr) }
    }
}
