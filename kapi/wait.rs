// SPDX-License-Identifier: GPL-2.0

//! Waiting for something that others bring about. Target: `rust/kernel/sync/`, beside `CondVar`,
//! whose wakers have to come by with its lock held.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)

use super::bindings;
use kernel::{
    ffi::{
        c_int,
        c_uint,
        c_void, //
    },
    prelude::*,
    types::Opaque, //
};

/// Those who wait.
///
/// # Invariants
///
/// `head` is an initialised wait queue.
#[pin_data]
pub(crate) struct WaitQueue {
    #[pin]
    head: Opaque<bindings::wait_queue_head>,
}

// SAFETY: A wait queue is made for use from any thread.
unsafe impl Send for WaitQueue {}
// SAFETY: As above.
unsafe impl Sync for WaitQueue {}

impl WaitQueue {
    pub(crate) fn new() -> impl PinInit<Self> {
        // INVARIANT: Initialised.
        pin_init!(Self {
            // SAFETY: `slot` is valid for writes and pinned.
            head <- Opaque::ffi_init(|slot| unsafe { bindings::ioasid_wait_init(slot) }),
        })
    }

    /// Has those who wait look again. Any context but NMI; what they wait for was written before.
    pub(crate) fn wake_all(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::ioasid_wake_all(self.head.get()) };
    }

    /// Waits until `done` says so, for `timeout` milliseconds at most. Sleeps. Returns whether it
    /// came true.
    ///
    /// `done` must not sleep.
    pub(crate) fn wait_until(&self, timeout: c_uint, done: impl Fn() -> bool) -> bool {
        /// # Safety
        ///
        /// `data` is a valid `F`.
        unsafe extern "C" fn call<F: Fn() -> bool>(data: *mut c_void) -> bool {
            // SAFETY: By the safety requirements.
            unsafe { (*data.cast::<F>())() }
        }

        fn trampoline<F: Fn() -> bool>(_: &F) -> unsafe extern "C" fn(*mut c_void) -> bool {
            call::<F>
        }

        let call = trampoline(&done);
        // SAFETY: By the type invariant; `call` gets the `F` that it was made for, and only during
        // this call.
        let result: c_int = unsafe {
            bindings::ioasid_wait_until(
                self.head.get(),
                timeout,
                Some(call),
                (&raw const done).cast_mut().cast(),
            )
        };
        result != 0
    }
}
