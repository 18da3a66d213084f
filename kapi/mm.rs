// SPDX-License-Identifier: GPL-2.0

//! The exit of a process's memory. Target: `rust/kernel/mm/`, which has no mmu notifiers yet.
//!
//! C header: [`include/linux/mmu_notifier.h`](srctree/include/linux/mmu_notifier.h)

use super::bindings;
use core::ops::{
    Deref,
    Range, //
};
use kernel::{
    container_of,
    error::to_result,
    ffi::c_ulong,
    mm::{
        Mm,
        MmWithUser, //
    },
    prelude::*,
    sync::aref::ARef,
    types::Opaque, //
};

/// What to do when it comes.
pub(crate) trait MmExit: Send + Sync + 'static {
    /// Called when the last user of the mm is gone, or when the watch is dropped before, and
    /// perhaps both. Must not sleep for long: the process cannot finish its exit meanwhile.
    fn exiting(&self);

    /// Whether [`MmExit::invalidate`] is to be called. Asked once, when the watch begins.
    fn wants_ranges(&self) -> bool {
        false
    }

    /// Called when translations of addresses in the range must not be used any more, with locks of
    /// the memory management held. Must not sleep. The whole address space is `0..usize::MAX`.
    fn invalidate(&self, _range: Range<usize>) {}
}

/// Waits for an mm to exit. The mm's address is not reused as long as the object lives.
///
/// # Invariants
///
/// `notifier` is registered with `mm` from the end of the initialisation to the drop.
#[pin_data(PinnedDrop)]
pub(crate) struct MmWatch<H: MmExit> {
    hook: H,
    mm: ARef<Mm>,
    #[pin]
    notifier: Opaque<bindings::mmu_notifier>,
}

// SAFETY: A notifier is touched under the locks of its mm only; the rest may go to any thread.
unsafe impl<H: MmExit> Send for MmWatch<H> {}
// SAFETY: As above.
unsafe impl<H: MmExit> Sync for MmWatch<H> {}

impl<H: MmExit> MmWatch<H> {
    const OPS: bindings::mmu_notifier_ops = bindings::mmu_notifier_ops {
        release: Some(Self::release),
        // SAFETY: The other callbacks are options, for which zeroes are `None`.
        ..unsafe { core::mem::zeroed() }
    };

    const OPS_WITH_RANGES: bindings::mmu_notifier_ops = bindings::mmu_notifier_ops {
        arch_invalidate_secondary_tlbs: Some(Self::invalidate),
        ..Self::OPS
    };

    /// Watches an mm. Sleeps, and takes its `mmap_lock`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `EINTR` if a signal came first.
    pub(crate) fn new(mm: &MmWithUser, hook: H) -> impl PinInit<Self, Error> + '_ {
        let ops: &'static bindings::mmu_notifier_ops = if hook.wants_ranges() {
            const { &Self::OPS_WITH_RANGES }
        } else {
            const { &Self::OPS }
        };
        try_pin_init!(Self {
            hook,
            mm: (&**mm).into(),
            // INVARIANT: Registered, or the initialisation fails.
            notifier <- Opaque::try_ffi_init(|slot: *mut bindings::mmu_notifier| {
                let notifier = bindings::mmu_notifier {
                    ops,
                    ..Default::default()
                };
                // SAFETY: `slot` is valid for writes, pinned, and unregistered before it goes; the
                // mm has users.
                to_result(unsafe {
                    slot.write(notifier);
                    bindings::mmu_notifier_register(slot, mm.as_raw())
                })
            }),
        }? Error)
    }

    /// # Safety
    ///
    /// `notifier` is that of a `MmWatch`.
    unsafe extern "C" fn release(
        notifier: *mut bindings::mmu_notifier,
        _mm: *mut bindings::mm_struct,
    ) {
        // SAFETY: By the safety requirements; unregistering waits for us.
        let this = unsafe { &*container_of!(Opaque::cast_from(notifier), Self, notifier) };
        this.hook.exiting();
    }

    /// # Safety
    ///
    /// `notifier` is that of a `MmWatch`.
    unsafe extern "C" fn invalidate(
        notifier: *mut bindings::mmu_notifier,
        _mm: *mut bindings::mm_struct,
        start: c_ulong,
        end: c_ulong,
    ) {
        // SAFETY: By the safety requirements; unregistering waits for us.
        let this = unsafe { &*container_of!(Opaque::cast_from(notifier), Self, notifier) };
        this.hook.invalidate(start..end);
    }
}

impl<H: MmExit> Deref for MmWatch<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.hook
    }
}

#[pinned_drop]
impl<H: MmExit> PinnedDrop for MmWatch<H> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant it is registered with this mm, which lives.
        unsafe { bindings::mmu_notifier_unregister(self.notifier.get(), self.mm.as_raw()) };
    }
}

/// The mm that the current task runs in, to be compared only; 0 for a kernel thread.
pub(crate) fn current_mm() -> usize {
    // SAFETY: No preconditions.
    unsafe { bindings::ioasid_current_mm() }.addr()
}

/// An mm for tests, with nothing in it.
///
/// # Invariants
///
/// `mm` is held, and `has_user` is whether the object holds a user of it as well.
#[cfg(CONFIG_IOASID_KUNIT_TEST)]
pub(crate) struct TestMm {
    mm: ARef<Mm>,
    has_user: bool,
}

#[cfg(CONFIG_IOASID_KUNIT_TEST)]
impl TestMm {
    /// Makes one with one user. Sleeps.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: No preconditions.
        let raw = unsafe { bindings::ioasid_test_mm() };
        if raw.is_null() {
            return Err(ENOMEM);
        }
        // SAFETY: It was made just now, and its user is ours.
        let mm = unsafe { Mm::from_raw(raw) };
        // INVARIANT: As above.
        Ok(Self {
            mm: mm.into(),
            has_user: true,
        })
    }

    pub(crate) fn mm(&self) -> &Mm {
        &self.mm
    }

    /// Its user leaves.
    pub(crate) fn exit(&mut self) {
        if core::mem::replace(&mut self.has_user, false) {
            // SAFETY: By the type invariants there is a user to drop.
            unsafe { bindings::mmput(self.mm.as_raw()) };
        }
    }

    /// Whether somebody else holds its memory.
    pub(crate) fn is_pinned(&self) -> bool {
        // SAFETY: By the type invariants the mm is held.
        let count = unsafe { bindings::ioasid_test_mm_count(self.mm.as_raw()) };
        // All users together have one.
        count > 1 + i32::from(self.has_user)
    }
}

#[cfg(CONFIG_IOASID_KUNIT_TEST)]
impl Drop for TestMm {
    fn drop(&mut self) {
        self.exit();
    }
}
