// SPDX-License-Identifier: GPL-2.0

//! Waiting for something that others bring about. Target: `rust/kernel/sync/`, beside `CondVar`,
//! whose wakers have to come by with its lock held.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)

use super::bindings;
use kernel::{
    ffi::{
        c_uint,
        c_void, //
    },
    prelude::*,
    sync::atomic::{
        Atomic,
        Full,
        Relaxed, //
    },
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
    /// How many there are, to be asked without a call.
    waiting: Atomic<u32>,
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
            waiting: Atomic::new(0),
        })
    }

    /// Has those who wait look again. Any context but NMI; what they wait for was written before,
    /// with a full barrier.
    #[inline]
    pub(crate) fn wake_all(&self) {
        if self.waiting.load(Relaxed) != 0 {
            // SAFETY: By the type invariant.
            unsafe { bindings::ioasid_wake_all(self.head.get()) };
        }
    }

    /// Waits until `done` says so, for `timeout` milliseconds at most. Sleeps.
    ///
    /// `done` must not sleep.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`, or `EINTR` if the task is killed.
    pub(crate) fn wait_until(&self, timeout: c_uint, done: impl Fn() -> bool) -> Result {
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
        self.waiting.fetch_add(1, Full);
        // SAFETY: By the type invariant; `call` gets the `F` that it was made for, and only during
        // this call.
        let left = unsafe {
            bindings::ioasid_wait_until(
                self.head.get(),
                timeout,
                Some(call),
                (&raw const done).cast_mut().cast(),
            )
        };
        self.waiting.fetch_sub(1, Full);
        match left {
            0 => Err(ETIMEDOUT),
            left if left < 0 => Err(EINTR),
            _ => Ok(()),
        }
    }
}
