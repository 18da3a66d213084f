// SPDX-License-Identifier: GPL-2.0

//! How many IDs there may be, and whose. All of it under the lock of the index.

use crate::kapi::marked::Marked;
use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};

/// What one set may have and has. Written under the lock of the index, read anywhere.
pub(crate) struct Usage {
    quota: Marked<u32>,
    used: Marked<u32>,
    peak: Marked<u32>,
    failures: Marked<u32>,
    spids: Marked<u32>,
    /// The quota is for others.
    given_up: Marked<bool>,
}

/// [`Usage`] at one moment, more or less.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) quota: u32,
    pub(crate) used: u32,
    pub(crate) peak: u32,
    pub(crate) failures: u32,
    pub(crate) spids: u32,
}

impl Usage {
    /// Nothing used of `quota`; 0 is no limit of its own.
    pub(crate) fn new(quota: u32) -> Self {
        Self {
            quota: Marked::new(quota),
            used: Marked::new(0),
            peak: Marked::new(0),
            failures: Marked::new(0),
            spids: Marked::new(0),
            given_up: Marked::new(false),
        }
    }

    pub(crate) fn used(&self) -> u32 {
        self.used.load(Relaxed)
    }

    fn peak(&self) -> u32 {
        self.peak.load(Relaxed)
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures {
            quota: self.quota.load(Relaxed),
            used: self.used(),
            peak: self.peak(),
            failures: self.failures.load(Relaxed),
            spids: self.spids.load(Relaxed),
        }
    }

    /// Whether an allocation would fail for want of quota, as of now.
    pub(crate) fn is_used_up(&self) -> bool {
        let quota = self.quota.load(Relaxed);
        quota != 0 && self.used() >= quota
    }

    /// Counts an allocation that found no number.
    pub(crate) fn count_failure(&self) {
        let failures = self.failures.load(Relaxed);
        self.failures.store(failures.saturating_add(1), Relaxed);
    }

    /// Notes that an ID that was charged has come to be.
    #[inline]
    pub(crate) fn raise_peak(&self) {
        let used = self.used();
        if used > self.peak() {
            self.peak.store(used, Relaxed);
        }
    }

    /// Counts an SPID that comes.
    pub(crate) fn add_spid(&self) {
        self.spids.store(self.spids.load(Relaxed) + 1, Relaxed);
    }

    /// Counts an SPID that goes.
    pub(crate) fn sub_spid(&self) {
        let spids = self.spids.load(Relaxed);
        self.spids.store(spids.saturating_sub(1), Relaxed);
    }
}

/// How the numbers are divided.
///
/// # Invariants
///
/// - `shared` is the sum of what the sets without a quota use.
/// - `reserved` is the sum of all quotas, and of `aside`.
/// - When a quota is given, `shared + reserved + resting` is no more than there are numbers.
pub(crate) struct Capacity {
    shared: u32,
    reserved: u32,
    aside: u32,
    resting: u32,
}

impl Capacity {
    pub(crate) fn new() -> Self {
        // INVARIANT: There are no sets yet.
        Self {
            shared: 0,
            reserved: 0,
            aside: 0,
            resting: 0,
        }
    }

    /// How many of `total` numbers are nobody's.
    #[inline(always)]
    pub(crate) fn left(&self, total: u32) -> u32 {
        // By the invariants neither sum is more than a few times 2^20.
        let taken = self
            .shared
            .wrapping_add(self.reserved)
            .wrapping_add(self.resting);
        total.saturating_sub(taken)
    }

    /// One ID more, if there may be one.
    ///
    /// # Errors
    ///
    /// `ENOSPC`, which is counted.
    #[inline(always)]
    pub(crate) fn charge(&mut self, usage: &Usage, total: u32) -> Result {
        let quota = usage.quota.load(Relaxed);
        let used = usage.used();
        if quota == 0 {
            if self.left(total) == 0 {
                usage.count_failure();
                return Err(ENOSPC);
            }
            self.shared = self.shared.wrapping_add(1);
        } else if used >= quota {
            usage.count_failure();
            return Err(ENOSPC);
        }
        usage.used.store(used.wrapping_add(1), Relaxed);
        Ok(())
    }

    /// One ID less. Returns whether it was the last one.
    #[inline]
    pub(crate) fn uncharge(&mut self, usage: &Usage) -> bool {
        let used = usage.used().saturating_sub(1);
        usage.used.store(used, Relaxed);
        if usage.quota.load(Relaxed) == 0 {
            self.shared = self.shared.saturating_sub(1);
        }
        used == 0
    }

    /// How many numbers rest.
    pub(crate) fn resting(&self) -> u32 {
        self.resting
    }

    /// A number rests.
    pub(crate) fn rest(&mut self) {
        self.resting += 1;
    }

    /// A number has rested.
    pub(crate) fn rested(&mut self) {
        self.resting = self.resting.saturating_sub(1);
    }

    /// Sets numbers aside for a set.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if fewer are left.
    pub(crate) fn reserve(&mut self, quota: u32, total: u32) -> Result {
        if quota > self.left(total) {
            return Err(ENOSPC);
        }
        // INVARIANT: Just checked; the quota is given to a set now.
        self.reserved += quota;
        Ok(())
    }

    /// Takes back what [`Capacity::reserve`] set aside.
    pub(crate) fn cancel(&mut self, quota: u32) {
        self.reserved = self.reserved.saturating_sub(quota);
    }

    /// Takes the quota of a set that gets no more IDs and has none.
    pub(crate) fn give_up(&mut self, usage: &Usage) {
        if !usage.given_up.load(Relaxed) {
            usage.given_up.store(true, Relaxed);
            self.cancel(usage.quota.load(Relaxed));
        }
    }

    /// Changes the quota of a set.
    ///
    /// # Errors
    ///
    /// Nothing is changed on `EINVAL`: it uses more than `quota`, and on `ENOSPC`: not that much is
    /// left.
    pub(crate) fn adjust(&mut self, usage: &Usage, quota: u32, total: u32) -> Result {
        let (used, old) = (usage.used(), usage.quota.load(Relaxed));
        if quota != 0 && quota < used {
            return Err(EINVAL);
        }
        // What it has now, it may have.
        let has = if old == 0 { used } else { old };
        let wants = if quota == 0 { used } else { quota };
        if wants > has && wants - has > self.left(total) {
            return Err(ENOSPC);
        }
        if old == 0 {
            self.shared = self.shared.saturating_sub(used);
        } else {
            self.cancel(old);
        }
        // INVARIANT: What was taken just now, or what is left, is given.
        if quota == 0 {
            self.shared += used;
        } else {
            self.reserved += quota;
        }
        usage.quota.store(quota, Relaxed);
        Ok(())
    }

    /// Sets numbers aside for whoever asks; 0 is all that are left. Returns how many.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if fewer are left, or none.
    pub(crate) fn set_aside(&mut self, wanted: u32, total: u32) -> Result<u32> {
        let wanted = if wanted == 0 {
            self.left(total)
        } else {
            wanted
        };
        if wanted == 0 {
            return Err(ENOSPC);
        }
        self.reserve(wanted, total)?;
        self.aside += wanted;
        Ok(wanted)
    }

    /// Gives back what [`Capacity::set_aside`] took. Returns how many are left now.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is more.
    pub(crate) fn give_back(&mut self, given: u32, total: u32) -> Result<u32> {
        self.aside = self.aside.checked_sub(given).ok_or(EINVAL)?;
        self.cancel(given);
        Ok(self.left(total))
    }
}
