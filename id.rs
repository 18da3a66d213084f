// SPDX-License-Identifier: GPL-2.0

//! Numbers and ranges of numbers.

use kernel::prelude::*;

/// No ID. 0 is none either.
pub(crate) const INVALID: u32 = u32::MAX;

/// One more than the largest number that any IOASID can have: a PASID has 20 bits.
pub(crate) const LIMIT: u32 = 1 << 20;

/// Whether a custom allocator named a number at all: [`INVALID`] is its one value for failure, and
/// an errno comes from a callback that takes its result for an int.
pub(crate) fn is_number(id: u32) -> bool {
    const MAX_ERRNO: u32 = 4095;
    id <= INVALID - MAX_ERRNO
}

/// An inclusive range of numbers that may be handed out.
///
/// # Invariants
///
/// `1 <= min <= max < LIMIT`.
#[derive(Clone, Copy)]
pub(crate) struct IdRange {
    min: u32,
    max: u32,
}

impl IdRange {
    /// Checks a range that a caller gave. `min` 0 is read as 1.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the range is empty or reaches numbers that are never handed out.
    pub(crate) fn new(min: u32, max: u32) -> Result<Self> {
        let min = min.max(1);
        if min > max || max >= LIMIT {
            return Err(EINVAL);
        }
        // INVARIANT: Just checked.
        Ok(Self { min, max })
    }

    pub(crate) fn min(self) -> u32 {
        self.min
    }

    pub(crate) fn max(self) -> u32 {
        self.max
    }

    pub(crate) fn contains(self, id: u32) -> bool {
        (self.min..=self.max).contains(&id)
    }

    /// The part of the range at `from` and above.
    pub(crate) fn above(self, from: u32) -> Option<Self> {
        let min = self.min.max(from);
        // INVARIANT: `min` only grows and is compared with `max`.
        (min <= self.max).then_some(Self { min, ..self })
    }
}
