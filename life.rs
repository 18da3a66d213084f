// SPDX-License-Identifier: GPL-2.0

//! A [`Word`] that several CPUs change: the life of an ID or of a set.

use crate::{
    kapi::marked::Word64,
    state::{
        Due,
        PutError,
        Scopes,
        State,
        Tell,
        Word, //
    },
};
use core::convert::Infallible;
use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};

/// What a transition has left to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing. If the word is dead it is on the caller to act on it.
    Done(Word),
    /// The caller is the one who runs the pass now.
    Pass,
    /// Whoever runs the pass sees to it.
    Later,
    /// The caller has to leave the pass to somebody who can run it.
    Defer,
}

/// State and references, changed in one step each.
pub(crate) struct Life(Word64);

impl Life {
    pub(crate) fn new(word: Word) -> Self {
        Self(Word64::new(word.0))
    }

    #[inline]
    pub(crate) fn word(&self) -> Word {
        Word(self.0.load(Relaxed))
    }

    /// Applies a transition until it sticks. Returns the words before and after; dead words never
    /// change.
    #[inline]
    fn update<E>(&self, step: impl Fn(Word) -> Result<Word, E>) -> Result<(Word, Word), E> {
        let mut old = self.0.load(Relaxed);
        loop {
            let new = step(Word(old))?;
            // Full order: what the holder did before it let go is visible to whoever reclaims, and
            // what the caller does with its reference comes after it was taken.
            match self.0.cmpxchg(old, new.0) {
                Ok(_) => return Ok((Word(old), new)),
                Err(current) => old = current,
            }
        }
    }

    #[inline]
    fn apply(&self, step: impl Fn(Word) -> Word) -> Word {
        match self.update(|word| Ok::<_, Infallible>(step(word))) {
            Ok((_, new)) => new,
            Err(never) => match never {},
        }
    }

    /// Applies a transition if it is the usual one and nobody else changes the word.
    #[inline]
    fn try_usual(&self, step: impl Fn(Word) -> Option<Word>) -> bool {
        let old = self.0.load(Relaxed);
        step(Word(old)).is_some_and(|new| self.0.cmpxchg(old, new.0).is_ok())
    }

    /// Takes a reference. Errors as for [`Word::get`].
    #[inline]
    pub(crate) fn get(&self) -> Result {
        if self.try_usual(Word::usual_get) {
            return Ok(());
        }
        self.get_any()
    }

    #[inline(never)]
    fn get_any(&self) -> Result {
        self.update(Word::get).map(|_| ())
    }

    /// Takes a reference that is going to have a name. Errors as for [`Word::get`].
    pub(crate) fn get_named(&self) -> Result {
        self.update(Word::get_named).map(|_| ())
    }

    /// Drops a reference if it is not the last one of all and nobody interferes.
    #[inline]
    pub(crate) fn put_usually(&self) -> bool {
        self.try_usual(Word::usual_put)
    }

    /// Drops a reference. If the word is dead afterwards it is on the caller to act on it.
    pub(crate) fn put(&self) -> Result<Word, PutError> {
        self.update(Word::put).map(|(_, new)| new)
    }

    /// Drops a reference; without one the owner gives up, as by [`Life::free`]. That is what `put`
    /// meant in Linux 5.11 to 5.17. An owner that gave up before has nothing left to put, even
    /// while its reference is there.
    pub(crate) fn put_or_free(&self, tell: Tell) -> Result<Change, PutError> {
        self.update(|word| match word.put() {
            Err(PutError::Unbalanced) if !word.is_pending() => Ok(word.give_up(tell)),
            result => result,
        })
        .map(|(old, new)| Change::of(old, new))
    }

    /// The owner gives up and drops its reference, at once unless somebody has to be told: then
    /// when that is done.
    ///
    /// # Errors
    ///
    /// The state if the owner gave up before.
    #[inline]
    pub(crate) fn free(&self, tell: Tell) -> Result<Change, State> {
        self.update(|word| match word.state() {
            State::Idle | State::Active => Ok(word.give_up(tell)),
            state => Err(state),
        })
        .map(|(old, new)| Change::of(old, new))
    }

    /// As [`Life::free`] where nobody has to be told, if there is nothing but the owner's
    /// reference: no other, no name, nobody bound, no pass. Returns whether the word is dead now.
    #[inline]
    pub(crate) fn free_alone(&self) -> bool {
        let alone = Word::new();
        let dead = alone.give_up(Tell::Nobody);
        self.0.cmpxchg(alone.0, dead.0).is_ok()
    }

    /// The owner gives up. The caller has to see to [`Life::release_owner`].
    ///
    /// # Errors
    ///
    /// The state if the owner gave up before.
    pub(crate) fn mark_pending(&self) -> Result<(), State> {
        self.update(|word| match word.state() {
            State::Idle | State::Active => Ok(word.mark_pending()),
            state => Err(state),
        })
        .map(|_| ())
    }

    /// Drops the owner's reference after [`Life::mark_pending`]. As for [`Life::put`].
    pub(crate) fn release_owner(&self) -> Word {
        self.apply(Word::release_owner)
    }

    /// Begins a pass. Errors as for [`Word::begin`].
    pub(crate) fn begin(&self) -> Result {
        self.update(Word::begin).map(|_| ())
    }

    /// Begins a pass of somebody who may not tell of an ID that is given up. Returns the word as it
    /// was then: what happens from now on is told in this pass.
    ///
    /// # Errors
    ///
    /// The word if the ID is given up or reclaimed, or if a pass is on.
    pub(crate) fn begin_held(&self) -> Result<Word, Word> {
        self.update(|word| match word.state() {
            State::FreePending => Err(word),
            _ => word.begin().map_err(|_| word),
        })
        .map(|(_, new)| new)
    }

    /// Ends a pass if nothing is due. Returns the word if it has ended.
    #[inline]
    pub(crate) fn end(&self) -> Result<Word, Due> {
        self.update(|word| match word.due() {
            Due::Nothing => Ok(word.told(Due::Nothing)),
            due => Err(due),
        })
        .map(|(_, new)| new)
    }

    /// Notes that something was told.
    pub(crate) fn told(&self, due: Due) {
        self.apply(|word| word.told(due));
    }

    /// Notes that somebody is bound. Errors as for [`Word::bind`].
    pub(crate) fn bind(&self, pass: bool) -> Result {
        self.update(|word| word.bind(pass)).map(|_| ())
    }

    /// Takes back [`Life::bind`].
    pub(crate) fn unbound(&self) {
        self.apply(Word::unbound);
    }

    /// Notes that a device is bound. Errors as for [`Word::bond`].
    pub(crate) fn bond(&self, pass: bool) -> Result {
        self.update(|word| word.bond(pass)).map(|_| ())
    }

    /// Takes back [`Life::bond`], or ends what [`Life::unbond`] began.
    pub(crate) fn unbonded(&self) {
        self.apply(Word::unbonded);
    }

    /// Notes that no device is bound any more, or that this has to be told. Errors as for
    /// [`Word::unbond`].
    pub(crate) fn unbond(&self, pass: bool) -> Result {
        self.update(|word| word.unbond(pass)).map(|_| ())
    }

    /// Notes that nobody is bound any more, or that this has to be told. Errors as for
    /// [`Word::unbind`].
    pub(crate) fn unbind(&self, pass: bool) -> Result<Change> {
        self.update(|word| word.unbind(pass))
            .map(|(old, new)| Change::of(old, new))
    }

    /// Notes that somebody sends UNBIND. Errors as for [`Word::say`].
    pub(crate) fn say(&self, scopes: Scopes) -> Result<Change> {
        self.update(|word| word.say(scopes))
            .map(|(old, new)| Change::of(old, new))
    }
}

impl Change {
    #[inline]
    fn of(old: Word, new: Word) -> Self {
        if new.is_busy() {
            if old.is_busy() {
                Self::Later
            } else {
                Self::Pass
            }
        } else if new.is_pending() && !old.is_pending() && new.is_owned() {
            Self::Defer
        } else {
            Self::Done(new)
        }
    }
}
