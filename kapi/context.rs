// SPDX-License-Identifier: GPL-2.0

//! Questions about the calling context and the clock. Target: `rust/kernel/task.rs`, `time.rs`.

use super::bindings;
use kernel::types::NotThreadSafe;

/// Whether work that takes locks has to be left to somebody else.
///
/// True in hard interrupts and with interrupts off; on `PREEMPT_RT`, where a `spinlock_t` sleeps,
/// whenever preemption is off.
#[inline]
pub(crate) fn must_defer() -> bool {
    // SAFETY: No preconditions.
    unsafe { bindings::ioasid_must_defer() }
}

/// Whether this is a `PREEMPT_RT` kernel.
#[inline]
pub(crate) fn is_rt() -> bool {
    // SAFETY: No preconditions.
    unsafe { bindings::ioasid_is_rt() }
}

/// A section in which lockdep lets a `spinlock_t` be taken under a `raw_spinlock_t` and in hard
/// interrupts: [`must_defer`] keeps `PREEMPT_RT`, where that would sleep, out of it.
pub(crate) struct SpinSection(NotThreadSafe);

impl SpinSection {
    #[inline]
    pub(crate) fn enter() -> Self {
        #[cfg(CONFIG_PROVE_LOCKING)]
        // SAFETY: No preconditions; left in the drop, by the same thread.
        unsafe {
            bindings::ioasid_spin_section_enter()
        };
        Self(NotThreadSafe)
    }
}

#[cfg(CONFIG_PROVE_LOCKING)]
impl Drop for SpinSection {
    fn drop(&mut self) {
        // SAFETY: Entered when the object was made.
        unsafe { bindings::ioasid_spin_section_leave() };
    }
}

/// A point in time: jiffies, cut to 32 bits.
#[derive(Clone, Copy)]
pub(crate) struct Stamp(pub(crate) u32);

impl Stamp {
    /// The time `ms` milliseconds from now.
    pub(crate) fn in_ms(ms: u32) -> Self {
        // SAFETY: No preconditions.
        let now = unsafe { bindings::ioasid_now() };
        // SAFETY: No preconditions.
        let wait = unsafe { bindings::ioasid_ms_to_jiffies(ms) };
        // CAST: Differences are taken modulo 2^32.
        Self(now.wrapping_add(wait) as u32)
    }

    /// How many jiffies this time lies ahead; 0 if it has come. Good for half of 2^32.
    pub(crate) fn ahead(self) -> u32 {
        let diff = self.0.wrapping_sub(Self::in_ms(0).0);
        if diff > u32::MAX / 2 {
            0
        } else {
            diff
        }
    }
}

impl Stamp {
    /// As [`Stamp::ahead`], in milliseconds.
    pub(crate) fn ahead_ms(self) -> u32 {
        // SAFETY: No preconditions.
        unsafe { bindings::ioasid_jiffies_to_ms(self.ahead()) }
    }
}

/// What was written before is seen by whoever is not seen by what is read afterwards.
#[inline]
pub(crate) fn full_barrier() {
    // SAFETY: No preconditions.
    unsafe { bindings::smp_mb() };
}

/// Waits until every RCU reader that runs now is done. Sleeps.
pub(crate) fn synchronize_rcu() {
    // SAFETY: No preconditions but a context that may sleep; elsewhere it is reported.
    unsafe { bindings::synchronize_rcu() };
}
