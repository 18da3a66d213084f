// SPDX-License-Identifier: GPL-2.0

//! How long something has been there, in one machine word half. Target: `rust/kernel/time.rs`.

use super::bindings;
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

/// When something came, or took its turn for the worse.
///
/// In units of 128 jiffies, modulo 2^30: good for four years, and more than that where HZ is below
/// 1000.
pub(crate) struct Age(Atomic<u32>);

impl Age {
    const SHIFT: u32 = 7;
    const TIME: u32 = (1 << 30) - 1;
    const NOTED: u32 = 1 << 30;
    const TURNED: u32 = 1 << 31;

    #[inline]
    fn now() -> u32 {
        // SAFETY: A machine word is loaded, as by `READ_ONCE()`; a clock is not waited for.
        let jiffies = unsafe { (&raw const bindings::jiffies).read_volatile() };
        // CAST: Differences are taken modulo 2^30.
        (jiffies >> Self::SHIFT) as u32 & Self::TIME
    }

    /// Of what comes now.
    #[inline]
    pub(crate) fn new() -> Self {
        Self(Atomic::new(Self::now()))
    }

    /// Takes the turn, from which the age counts from now on. Returns false if that has happened.
    pub(crate) fn turn(&self) -> bool {
        let old = self.0.load(Relaxed);
        old & Self::TURNED == 0
            && self
                .0
                .cmpxchg(old, Self::now() | Self::TURNED, Relaxed)
                .is_ok()
    }

    /// Notes that the turn was told of.
    pub(crate) fn note(&self) {
        self.0.store(self.0.load(Relaxed) | Self::NOTED, Relaxed);
    }

    /// Whether the turn was taken and nobody was told of it.
    pub(crate) fn is_news(&self) -> bool {
        self.0.load(Relaxed) & (Self::TURNED | Self::NOTED) == Self::TURNED
    }

    /// Seconds since it came or took its turn.
    pub(crate) fn secs(&self) -> u32 {
        let units = Self::now().wrapping_sub(self.0.load(Relaxed)) & Self::TIME;
        // SAFETY: No preconditions.
        unsafe { bindings::ioasid_jiffies_to_secs(u64::from(units) << Self::SHIFT) }
    }
}
