// SPDX-License-Identifier: GPL-2.0

//! `READ_ONCE()`, `WRITE_ONCE()`, `rcu_dereference()` and `rcu_assign_pointer()`. Target:
//! `rust/kernel/sync/atomic.rs`, whose loads and stores are calls of C functions.

#[cfg(all(target_arch = "x86_64", not(any(CONFIG_KASAN, CONFIG_KCSAN))))]
use core::arch::asm;
use core::{
    cell::UnsafeCell,
    ptr, //
};
use kernel::sync::atomic::{
    Atomic,
    Full,
    Relaxed,
    Release, //
};

/// A value that one at a time writes, under a lock, and others may read meanwhile.
///
/// # Invariants
///
/// It is only accessed by volatile loads and stores of a whole machine word or less, which the
/// kernel takes for atomic.
pub(crate) struct Marked<T: Copy>(UnsafeCell<T>);

// SAFETY: By the type invariant.
unsafe impl Send for Marked<u32> {}
// SAFETY: By the type invariant.
unsafe impl Sync for Marked<u32> {}
// SAFETY: By the type invariant.
unsafe impl Send for Marked<bool> {}
// SAFETY: By the type invariant.
unsafe impl Sync for Marked<bool> {}

impl<T: Copy> Marked<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    #[inline]
    pub(crate) fn load(&self, _: Relaxed) -> T {
        // SAFETY: The pointer is valid; by the type invariant a torn value is not seen.
        unsafe { self.0.get().read_volatile() }
    }

    #[inline]
    pub(crate) fn store(&self, value: T, _: Relaxed) {
        // SAFETY: As above.
        unsafe { self.0.get().write_volatile(value) }
    }
}

/// A pointer to something that is complete before it can be seen through it, or to what is none of
/// ours.
pub(crate) struct RcuPtr<T>(Atomic<*mut T>);

impl<T> RcuPtr<T> {
    pub(crate) const fn null() -> Self {
        Self::new(ptr::null_mut())
    }

    pub(crate) const fn new(to: *mut T) -> Self {
        Self(Atomic::new(to))
    }

    /// The pointer. The address dependency orders what is read through it after the load.
    #[inline]
    pub(crate) fn load(&self) -> *mut T {
        // SAFETY: The pointer is valid; a whole machine word is loaded, as by `READ_ONCE()`.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    #[inline]
    pub(crate) fn is_null(&self) -> bool {
        self.load().is_null()
    }

    /// What it points to. Ordered as by [`RcuPtr::load`].
    ///
    /// # Safety
    ///
    /// What it points to lives as long as the reference is used, and is not changed meanwhile but
    /// through shared references.
    #[inline]
    pub(crate) unsafe fn get<'g>(&self) -> Option<&'g T> {
        // SAFETY: By the safety requirements.
        unsafe { self.load().as_ref() }
    }

    /// Lets others see it.
    #[inline]
    pub(crate) fn publish(&self, new: *mut T) {
        self.0.store(new, Release);
    }

    /// Replaces it.
    #[inline]
    pub(crate) fn replace(&self, new: *mut T) -> *mut T {
        self.0.xchg(new, Full)
    }

    /// Makes it null, as the only one who changes it.
    #[inline]
    pub(crate) fn take(&self) -> *mut T {
        let old = self.load();
        // SAFETY: The pointer is valid; a whole machine word is stored, as by `WRITE_ONCE()`.
        unsafe { self.0.as_ptr().write_volatile(ptr::null_mut()) };
        old
    }

    /// Sets it if it is null. Returns whether it was.
    pub(crate) fn fill(&self, new: *mut T) -> bool {
        self.0.cmpxchg(ptr::null_mut(), new, Full).is_ok()
    }
}

/// A word that changes in one step. On x86 without a call, which would be a good part of taking a
/// reference; kernels that watch memory see the call.
pub(crate) struct Word64(Atomic<u64>);

impl Word64 {
    pub(crate) fn new(value: u64) -> Self {
        Self(Atomic::new(value))
    }

    #[inline]
    pub(crate) fn load(&self, _: Relaxed) -> u64 {
        // SAFETY: The pointer is valid; a whole machine word is loaded, as by `READ_ONCE()`.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    /// Replaces `old`, with full order.
    ///
    /// # Errors
    ///
    /// The value, if it is another one.
    #[inline]
    pub(crate) fn cmpxchg(&self, old: u64, new: u64) -> Result<u64, u64> {
        #[cfg(all(target_arch = "x86_64", not(any(CONFIG_KASAN, CONFIG_KCSAN))))]
        {
            let found: u64;
            // SAFETY: The pointer is valid; this is `cmpxchg()`.
            unsafe {
                asm!(
                    "lock cmpxchg [{word}], {new}",
                    word = in(reg) self.0.as_ptr(),
                    new = in(reg) new,
                    inout("rax") old => found,
                    options(nostack),
                )
            };
            if found == old {
                Ok(found)
            } else {
                Err(found)
            }
        }
        #[cfg(any(not(target_arch = "x86_64"), CONFIG_KASAN, CONFIG_KCSAN))]
        self.0.cmpxchg(old, new, Full)
    }
}
