// SPDX-License-Identifier: GPL-2.0

//! The life of an IOASID, or of a set, as one word: who holds it, whether its owner gave it up, and
//! what its subscribers have yet to be told.
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

/// What subscribers have yet to be told, by whoever runs the pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// That nobody is bound any more.
    Unbind,
    /// An UNBIND that somebody sent.
    Said(Scopes),
    /// That the owner gave the ID up.
    Free,
    /// Nothing.
    Nothing,
}

/// Whether somebody has to be told that the owner gives up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    /// There is nobody.
    Nobody,
    /// In a pass that begins now.
    Now,
    /// In a pass that somebody else begins, for this is no place for one.
    Later,
}

/// Who is told of what somebody sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scopes {
    /// Those who subscribed to everything.
    pub(crate) all: bool,
    /// Those who subscribed to the set, or to its mm.
    pub(crate) set: bool,
}

impl Scopes {
    pub(crate) const BOTH: Self = Self {
        all: true,
        set: true,
    };
}

/// State, references and events.
///
/// - bits 0 to 31: references besides the owner's; from [`Word::SATURATED`] on they are no longer
///   counted and the ID is never reclaimed;
/// - bit 32: the owner's reference;
/// - bit 33: the owner gave the ID up;
/// - bit 34: some reference was taken under a name;
/// - bit 35: the ID has an SPID: its owner's guest is bound;
/// - bit 36: a pass is on: subscribers are being told of this ID. As good as a reference;
/// - bits 37 and 38: what the pass has yet to tell of itself, see [`Due`];
/// - bit 39: a device is bound. Bit 35 is for the SPID: each has its own events;
/// - bits 40 to 63: what was sent and has to be told, the first one lowest.
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
    const BUSY: u64 = 1 << 36;
    const UNBIND_DUE: u64 = 1 << 37;
    const FREE_DUE: u64 = 1 << 38;
    const BONDED: u64 = 1 << 39;
    /// Each place has two bits: for all, for the set.
    const SAID_SHIFT: u32 = 40;
    const SAID_PLACES: u32 = 12;

    const ALIVE: u64 = Self::COUNT | Self::OWNER | Self::BUSY;

    /// The count that no longer moves.
    pub(crate) const SATURATED: u64 = 1 << 31;

    /// The owner's reference and no other.
    pub(crate) const fn new() -> Self {
        Self(Self::OWNER)
    }

    /// A new ID, of which subscribers are about to be told.
    pub(crate) const fn new_busy() -> Self {
        Self(Self::OWNER | Self::BUSY)
    }

    const fn has(self, bits: u64) -> bool {
        self.0 & bits != 0
    }

    const fn with(self, bits: u64) -> Self {
        Self(self.0 | bits)
    }

    const fn without(self, bits: u64) -> Self {
        Self(self.0 & !bits)
    }

    pub(crate) fn state(self) -> State {
        if self.is_dead() {
            State::Reclaimed
        } else if self.is_pending() {
            State::FreePending
        } else if self.has(Self::BOUND | Self::BONDED) {
            State::Active
        } else {
            State::Idle
        }
    }

    #[inline]
    pub(crate) fn is_dead(self) -> bool {
        !self.has(Self::ALIVE)
    }

    /// References besides the owner's.
    pub(crate) fn count(self) -> u64 {
        self.0 & Self::COUNT
    }

    /// Whether the owner's reference is still there.
    pub(crate) fn is_owned(self) -> bool {
        self.has(Self::OWNER)
    }

    /// Whether the owner gave it up.
    #[inline]
    pub(crate) fn is_pending(self) -> bool {
        self.has(Self::PENDING)
    }

    /// Whether a name was left.
    #[inline]
    pub(crate) fn is_named(self) -> bool {
        self.has(Self::NAMED)
    }

    /// Whether a pass is on, or about to be.
    pub(crate) fn is_being_told(self) -> bool {
        self.is_busy() || self.has(Self::FREE_DUE)
    }

    /// Whether a pass is on.
    #[inline]
    pub(crate) fn is_busy(self) -> bool {
        self.has(Self::BUSY)
    }

    /// One reference more.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the ID is reclaimed, `EBUSY` if its owner gave it up.
    pub(crate) fn get(self) -> Result<Self> {
        if self.is_dead() {
            Err(EINVAL)
        } else if self.is_pending() {
            Err(EBUSY)
        } else if self.count() >= Self::SATURATED {
            Ok(self)
        } else {
            Ok(Self(self.0 + 1))
        }
    }

    /// One reference more, in the usual case: the owner has not given it up.
    #[inline]
    pub(crate) fn usual_get(self) -> Option<Self> {
        let is_usual = self.0 & (Self::OWNER | Self::PENDING | Self::SATURATED) == Self::OWNER;
        is_usual.then(|| Self(self.0.wrapping_add(1)))
    }

    /// One reference more, under a name. Errors as for [`Word::get`].
    pub(crate) fn get_named(self) -> Result<Self> {
        self.get().map(|word| word.with(Self::NAMED))
    }

    /// One reference less.
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

    /// One reference less, in the usual case: there is one, and the owner's.
    #[inline]
    pub(crate) fn usual_put(self) -> Option<Self> {
        let is_usual = self.is_owned() && (1..Self::SATURATED).contains(&self.count());
        is_usual.then(|| Self(self.0.wrapping_sub(1)))
    }

    /// The owner gives the ID up: nobody gets a reference from now on. If somebody has to be told,
    /// or a pass is on, it keeps its own until that is over.
    #[inline]
    pub(crate) fn give_up(self, tell: Tell) -> Self {
        let word = self.with(Self::PENDING);
        if word.is_busy() {
            return word.with(Self::FREE_DUE);
        }
        match tell {
            Tell::Nobody => word.without(Self::OWNER),
            Tell::Now => word.with(Self::FREE_DUE | Self::BUSY),
            Tell::Later => word.with(Self::FREE_DUE),
        }
    }

    /// A pass is on.
    ///
    /// # Errors
    ///
    /// `EBUSY` if one is on, `ENOENT` if the ID is reclaimed.
    pub(crate) fn begin(self) -> Result<Self> {
        if self.is_dead() {
            Err(ENOENT)
        } else if self.is_busy() {
            Err(EBUSY)
        } else {
            Ok(self.with(Self::BUSY))
        }
    }

    /// What has yet to be told. What was sent comes before UNBIND, which takes the SPID along, and
    /// UNBIND before FREE: after FREE there is none.
    pub(crate) fn due(self) -> Due {
        if self.said() != 0 {
            Due::Said(Scopes {
                all: self.said() & 1 != 0,
                set: self.said() & 2 != 0,
            })
        } else if self.has(Self::UNBIND_DUE) {
            Due::Unbind
        } else if self.has(Self::FREE_DUE) {
            Due::Free
        } else {
            Due::Nothing
        }
    }

    /// It has been told. After [`Due::Nothing`] the pass is over, after [`Due::Free`] the owner's
    /// reference is dropped.
    pub(crate) fn told(self, due: Due) -> Self {
        match due {
            Due::Unbind => self.without(Self::UNBIND_DUE | Self::BOUND),
            Due::Said(_) => self.with_said(self.said() >> 2),
            Due::Free => self.without(Self::FREE_DUE | Self::OWNER),
            Due::Nothing => self.without(Self::BUSY),
        }
    }

    /// Somebody is bound; if subscribers have to be told, a pass is on.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the ID is reclaimed, `EBUSY` if its owner gave it up, somebody is bound or a
    /// pass is on.
    pub(crate) fn bind(self, pass: bool) -> Result<Self> {
        self.set_bound(Self::BOUND, pass)
    }

    /// A device is bound. As for [`Word::bind`].
    pub(crate) fn bond(self, pass: bool) -> Result<Self> {
        self.set_bound(Self::BONDED, pass)
    }

    fn set_bound(self, cause: u64, pass: bool) -> Result<Self> {
        if self.is_dead() {
            Err(ENOENT)
        } else if self.is_pending() || self.is_busy() || self.has(cause) {
            Err(EBUSY)
        } else if pass {
            Ok(self.with(cause | Self::BUSY))
        } else {
            Ok(self.with(cause))
        }
    }

    /// No device is bound any more, which has been told or never was.
    pub(crate) fn unbonded(self) -> Self {
        self.without(Self::BONDED)
    }

    /// No device is bound any more; if subscribers have to be told, a pass is on, and
    /// [`Word::unbonded`] follows.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the ID is reclaimed or no device is bound, `EINVAL` if its owner gave it up,
    /// `EBUSY` if a pass is on.
    pub(crate) fn unbond(self, pass: bool) -> Result<Self> {
        if self.is_dead() || !self.has(Self::BONDED) {
            Err(ENOENT)
        } else if self.is_pending() {
            Err(EINVAL)
        } else if self.is_busy() {
            Err(EBUSY)
        } else if pass {
            Ok(self.with(Self::BUSY))
        } else {
            Ok(self.unbonded())
        }
    }

    /// Whether the ID has an SPID.
    pub(crate) fn is_bound(self) -> bool {
        self.has(Self::BOUND)
    }

    /// Whether a device is bound.
    pub(crate) fn is_bonded(self) -> bool {
        self.has(Self::BONDED)
    }

    /// Nobody is bound any more, which has been told or never was.
    pub(crate) fn unbound(self) -> Self {
        self.without(Self::BOUND | Self::UNBIND_DUE)
    }

    /// Nobody is bound any more; if subscribers have to be told, a pass is on and this is due.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the ID is reclaimed or nobody is bound, `EBUSY` if its owner gave it up.
    pub(crate) fn unbind(self, pass: bool) -> Result<Self> {
        match self.state() {
            State::FreePending => Err(EBUSY),
            State::Reclaimed => Err(ENOENT),
            _ if !self.has(Self::BOUND) || self.has(Self::UNBIND_DUE) => Err(ENOENT),
            _ if pass || self.is_busy() => Ok(self.with(Self::BUSY | Self::UNBIND_DUE)),
            _ => Ok(self.unbound()),
        }
    }

    /// An UNBIND that somebody sends is due, in the pass that is on or in a new one.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the ID is reclaimed, `EBUSY` if its owner gave it up, or if a dozen are due.
    pub(crate) fn say(self, scopes: Scopes) -> Result<Self> {
        match self.state() {
            State::Idle | State::Active => {}
            State::FreePending => return Err(EBUSY),
            State::Reclaimed => return Err(ENOENT),
        }
        let what = u64::from(scopes.all) | u64::from(scopes.set) << 1;
        let place = (0..Self::SAID_PLACES)
            .map(|place| 2 * place)
            .find(|place| self.said() >> place & 3 == 0)
            .ok_or(EBUSY)?;
        Ok(self.with_said(self.said() | what << place).with(Self::BUSY))
    }

    const fn said(self) -> u64 {
        self.0 >> Self::SAID_SHIFT
    }

    const fn with_said(self, said: u64) -> Self {
        Self(self.0 & ((1 << Self::SAID_SHIFT) - 1) | said << Self::SAID_SHIFT)
    }

    /// Drops the owner's reference after it was given up.
    #[inline]
    pub(crate) fn release_owner(self) -> Self {
        self.without(Self::OWNER)
    }

    /// The owner gives up and keeps its reference until [`Word::release_owner`].
    pub(crate) fn mark_pending(self) -> Self {
        self.with(Self::PENDING)
    }
}
