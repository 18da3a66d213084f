// SPDX-License-Identifier: GPL-2.0

//! The life of an IOASID, or of a set, as one word: who holds it, and whether its owner gave it up.
//!
//! Everything here is arithmetic on a value; [`crate::life`] applies it with compare-and-exchange,
//! so no reference slips in between a check and a change.

use kernel::prelude::*;

/// Where an IOASID is in its life.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Allocated, nobody bound.
    Idle,
    /// Somebody is bound to it.
    Active,
    /// Freed by its owner, holders still clean up.
    FreePending,
    /// The last reference is gone, or there never was one.
    Reclaimed,
}

/// Why a reference was not dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PutError {
    /// There was none to drop: the owner's is not for `put`.
    Unbalanced,
    /// The ID is reclaimed.
    Unknown,
}

/// State and references.
///
/// - bits 0 to 31: references besides the owner's; from [`Word::SATURATED`] on they are no longer
///   counted and the ID is never reclaimed;
/// - bit 32: the owner's reference;
/// - bit 33: the owner gave the ID up;
/// - bit 34: some reference was taken under a name;
/// - bit 35: somebody is bound.
///
/// Without references the word is dead, and stays so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    const COUNT: u64 = (1 << 32) - 1;
    const OWNER: u64 = 1 << 32;
    const PENDING: u64 = 1 << 33;
    const NAMED: u64 = 1 << 34;
    const BOUND: u64 = 1 << 35;

    /// The count that no longer moves.
    pub(crate) const SATURATED: u64 = 1 << 31;

    /// A new ID: the owner's reference and no other.
    pub(crate) const fn new() -> Self {
        Self(Self::OWNER)
    }

    pub(crate) fn state(self) -> State {
        if self.is_dead() {
            State::Reclaimed
        } else if self.0 & Self::PENDING != 0 {
            State::FreePending
        } else if self.0 & Self::BOUND != 0 {
            State::Active
        } else {
            State::Idle
        }
    }

    #[inline]
    pub(crate) fn is_dead(self) -> bool {
        self.0 & (Self::COUNT | Self::OWNER) == 0
    }

    /// References besides the owner's.
    pub(crate) fn count(self) -> u64 {
        self.0 & Self::COUNT
    }

    /// Whether the owner's reference is still there.
    pub(crate) fn is_owned(self) -> bool {
        self.0 & Self::OWNER != 0
    }

    /// Whether the owner has not given it up.
    pub(crate) fn is_held_by_owner(self) -> bool {
        self.is_owned() && self.0 & Self::PENDING == 0
    }

    /// Whether a name was left.
    #[inline]
    pub(crate) fn is_named(self) -> bool {
        self.0 & Self::NAMED != 0
    }

    /// One reference more.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the ID is reclaimed, `EBUSY` if its owner gave it up.
    #[inline]
    pub(crate) fn get(self) -> Result<Self> {
        if self.is_dead() {
            Err(EINVAL)
        } else if self.0 & Self::PENDING != 0 {
            Err(EBUSY)
        } else if self.count() >= Self::SATURATED {
            Ok(self)
        } else {
            Ok(Self(self.0 + 1))
        }
    }

    /// One reference more, under a name. Errors as for [`Word::get`].
    pub(crate) fn get_named(self) -> Result<Self> {
        self.get().map(|word| Self(word.0 | Self::NAMED))
    }

    /// One reference less.
    #[inline]
    pub(crate) fn put(self) -> Result<Self, PutError> {
        if self.is_dead() {
            Err(PutError::Unknown)
        } else if self.count() == 0 {
            Err(PutError::Unbalanced)
        } else if self.count() >= Self::SATURATED {
            Ok(self)
        } else {
            Ok(Self(self.0 - 1))
        }
    }

    /// One reference less, the owner's after all others: what `put` meant in Linux 5.11 to 5.17.
    /// An owner that gave the ID up has nothing left to put, even before its reference is dropped.
    pub(crate) fn put_any(self) -> Result<Self, PutError> {
        match self.put() {
            Err(PutError::Unbalanced) if self.0 & Self::PENDING == 0 => {
                Ok(self.mark_pending().release_owner())
            }
            result => result,
        }
    }

    /// The owner gives the ID up: nobody gets a reference from now on. Its own one stays until
    /// [`Word::release_owner`].
    #[inline]
    pub(crate) fn mark_pending(self) -> Self {
        Self(self.0 | Self::PENDING)
    }

    /// Somebody is bound.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the ID is reclaimed, `EBUSY` if its owner gave it up or somebody is bound.
    pub(crate) fn bind(self) -> Result<Self> {
        match self.state() {
            State::Idle => Ok(Self(self.0 | Self::BOUND)),
            State::Active | State::FreePending => Err(EBUSY),
            State::Reclaimed => Err(ENOENT),
        }
    }

    /// Nobody is bound any more.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the ID is reclaimed or nobody is bound, `EBUSY` if its owner gave it up.
    pub(crate) fn unbind(self) -> Result<Self> {
        match self.state() {
            State::Active => Ok(Self(self.0 & !Self::BOUND)),
            State::FreePending => Err(EBUSY),
            State::Idle | State::Reclaimed => Err(ENOENT),
        }
    }

    /// Drops the owner's reference.
    #[inline]
    pub(crate) fn release_owner(self) -> Self {
        Self(self.0 & !Self::OWNER)
    }
}
