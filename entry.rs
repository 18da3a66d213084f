// SPDX-License-Identifier: GPL-2.0

//! One allocated IOASID.

use crate::state::{
    PutError,
    State,
    Word, //
};
use core::ffi::c_void;
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    },
};

/// The number of the provider of numbers that the default allocator is.
pub(crate) const DEFAULT_PROVIDER: u32 = 0;

/// Which set owns an ID, or which set a caller speaks for.
///
/// The address of the set; 0 is the kernel's own in an entry, and "do not check" in a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetTag(pub(crate) usize);

impl SetTag {
    pub(crate) const NONE: Self = Self(0);
}

/// What there is to know of an IOASID besides its number.
///
/// Complete before it is visible. Readers find it under RCU; its memory goes after a grace period,
/// its word is dead before it leaves the index, so nobody acts on an earlier life.
pub(crate) struct Entry {
    word: Atomic<u64>,
    private: Atomic<*mut c_void>,
    set: SetTag,
    /// The next ID on the one list that this one is on: the deferred, the resting or those that
    /// go back to a custom allocator.
    pub(crate) link: Atomic<u32>,
    /// Who gets the number back. Changed under the lock of the index only.
    pub(crate) provider: Atomic<u32>,
    /// When a resting number may be used again.
    pub(crate) rest_until: Atomic<u32>,
}

impl Entry {
    pub(crate) fn new(set: SetTag, provider: u32, private: *mut c_void) -> Self {
        Self {
            word: Atomic::new(Word::new().0),
            private: Atomic::new(private),
            set,
            link: Atomic::new(0),
            provider: Atomic::new(provider),
            rest_until: Atomic::new(0),
        }
    }

    #[inline]
    pub(crate) fn word(&self) -> Word {
        Word(self.word.load(Relaxed))
    }

    /// Whether a caller that speaks for `set` may touch this ID.
    #[inline]
    pub(crate) fn is_owned_by(&self, set: SetTag) -> bool {
        set == SetTag::NONE || set == self.set
    }

    /// Applies a transition until it sticks. Returns the new word; dead words never change.
    #[inline]
    fn update<E>(&self, step: impl Fn(Word) -> Result<Word, E>) -> Result<Word, E> {
        let mut old = self.word.load(Relaxed);
        loop {
            let new = step(Word(old))?;
            // Full order: what the holder did before it let go is visible to whoever reclaims, and
            // what the caller does with its reference comes after it was taken.
            match self.word.cmpxchg(old, new.0, Full) {
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

    /// Drops a reference. If the word is dead afterwards the caller has to reclaim the ID.
    #[inline]
    pub(crate) fn put(&self) -> Result<Word, PutError> {
        self.update(Word::put)
    }

    /// Drops a reference, the owner's if there is no other. As for [`Entry::put`].
    pub(crate) fn put_any(&self) -> Result<Word, PutError> {
        self.update(Word::put_any)
    }

    /// The owner gives the ID up and drops its reference, at once. As for [`Entry::put`].
    ///
    /// # Errors
    ///
    /// The state if the ID was given up before.
    #[inline]
    pub(crate) fn free(&self) -> Result<Word, State> {
        self.update(|word| match word.state() {
            State::Idle => Ok(word.mark_pending().release_owner()),
            state => Err(state),
        })
    }

    /// The owner gives the ID up. The caller has to see to [`Entry::release_owner`].
    ///
    /// # Errors
    ///
    /// The state if the ID was given up before.
    pub(crate) fn mark_pending(&self) -> Result<Word, State> {
        self.update(|word| match word.state() {
            State::Idle => Ok(word.mark_pending()),
            state => Err(state),
        })
    }

    /// Drops the owner's reference after [`Entry::mark_pending`]. As for [`Entry::put`].
    pub(crate) fn release_owner(&self) -> Word {
        let released = self.update(|word| Ok::<_, core::convert::Infallible>(word.release_owner()));
        match released {
            Ok(word) => word,
            Err(never) => match never {},
        }
    }

    /// The private data.
    #[inline]
    pub(crate) fn private(&self) -> *mut c_void {
        self.private.load(Acquire)
    }

    /// Replaces the private data. Readers may use the old one until a grace period has passed.
    pub(crate) fn replace_private(&self, private: *mut c_void) -> *mut c_void {
        self.private.xchg(private, Full)
    }
}
