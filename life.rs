// SPDX-License-Identifier: GPL-2.0

//! A [`Word`] that several CPUs change: the life of an ID or of a set.

use crate::state::{
    PutError,
    State,
    Word, //
};
use core::convert::Infallible;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Full,
        Relaxed, //
    },
};

/// State and references, changed in one step each.
pub(crate) struct Life(Atomic<u64>);

impl Life {
    pub(crate) fn new() -> Self {
        Self(Atomic::new(Word::new().0))
    }

    #[inline]
    pub(crate) fn word(&self) -> Word {
        Word(self.0.load(Relaxed))
    }

    /// Applies a transition until it sticks. Returns the new word; dead words never change.
    #[inline]
    fn update<E>(&self, step: impl Fn(Word) -> Result<Word, E>) -> Result<Word, E> {
        let mut old = self.0.load(Relaxed);
        loop {
            let new = step(Word(old))?;
            // Full order: what the holder did before it let go is visible to whoever reclaims, and
            // what the caller does with its reference comes after it was taken.
            match self.0.cmpxchg(old, new.0, Full) {
                Ok(_) => return Ok(new),
                Err(current) => old = current,
            }
        }
    }

    /// Takes a reference. Errors as for [`Word::get`].
    #[inline]
    pub(crate) fn get(&self) -> Result {
        self.update(Word::get).map(|_| ())
    }

    /// Takes a reference that is going to have a name. Errors as for [`Word::get`].
    pub(crate) fn get_named(&self) -> Result {
        self.update(Word::get_named).map(|_| ())
    }

    /// Drops a reference. If the word is dead afterwards it is on the caller to act on it.
    #[inline]
    pub(crate) fn put(&self) -> Result<Word, PutError> {
        self.update(Word::put)
    }

    /// Drops a reference, the owner's if there is no other. As for [`Life::put`].
    pub(crate) fn put_any(&self) -> Result<Word, PutError> {
        self.update(Word::put_any)
    }

    /// The owner gives up and drops its reference, at once. As for [`Life::put`].
    ///
    /// # Errors
    ///
    /// The state if the owner gave up before.
    #[inline]
    pub(crate) fn free(&self) -> Result<Word, State> {
        self.update(|word| match word.state() {
            State::Idle | State::Active => Ok(word.mark_pending().release_owner()),
            state => Err(state),
        })
    }

    /// The owner gives up. The caller has to see to [`Life::release_owner`].
    ///
    /// # Errors
    ///
    /// The state if the owner gave up before.
    pub(crate) fn mark_pending(&self) -> Result<Word, State> {
        self.update(|word| match word.state() {
            State::Idle | State::Active => Ok(word.mark_pending()),
            state => Err(state),
        })
    }

    /// Drops the owner's reference after [`Life::mark_pending`]. As for [`Life::put`].
    pub(crate) fn release_owner(&self) -> Word {
        let released = self.update(|word| Ok::<_, Infallible>(word.release_owner()));
        match released {
            Ok(word) => word,
            Err(never) => match never {},
        }
    }

    /// Notes that somebody is bound. Errors as for [`Word::bind`].
    pub(crate) fn bind(&self) -> Result {
        self.update(Word::bind).map(|_| ())
    }

    /// Notes that nobody is bound any more. Errors as for [`Word::unbind`].
    pub(crate) fn unbind(&self) -> Result {
        self.update(Word::unbind).map(|_| ())
    }
}
