// SPDX-License-Identifier: GPL-2.0

//! Which numbers are free: a tree of 64-bit words in which a set bit says that there is something
//! free below.
//!
//! A word of the lowest level stands for 64 numbers. [`Chunk`]s of 64 such words are there only
//! where numbers are in use; without one, all of its numbers are free. Memory is given from
//! outside, so that nothing is allocated or freed under the lock that protects the map.
//!
//! 0 is no number, and never free: so a word that says so does not stand in the way of the search
//! from 1, which is what most callers want.

use crate::id::LIMIT;
use kernel::prelude::*;

/// Numbers per word, words per chunk and chunks per word of the top.
const BITS: u32 = u64::BITS;
const WORDS: u32 = LIMIT / BITS;
const CHUNKS: u32 = WORDS / BITS;
const TOPS: u32 = CHUNKS / BITS;

/// Numbers that share a leaf of the index: how far [`FreeMap::give`] looks whether all are free.
pub(crate) const LEAF: u32 = 1024;
const WORDS_OF_LEAF: usize = (LEAF / BITS) as usize;

/// What is free of 4096 numbers.
pub(crate) struct Chunk([u64; BITS as usize]);

impl Chunk {
    pub(crate) fn new() -> Self {
        Self([!0; BITS as usize])
    }
}

/// The level above the chunks. 4 KiB, so that it fills its slab object.
pub(crate) struct Upper {
    chunks: [Option<KBox<Chunk>>; CHUNKS as usize],
    /// Which words of each chunk have a free number.
    words: [u64; CHUNKS as usize],
}

impl Upper {
    pub(crate) fn new() -> impl Init<Self> {
        init!(Self {
            chunks <- pin_init::init_array_from_fn(|_| None),
            words <- pin_init::init_array_from_fn(|_| !0),
        })
    }
}

impl Upper {
    /// The free ones among 64 numbers, 0 beyond the end.
    #[inline]
    fn numbers(&self, word: u32) -> u64 {
        // CAST: `usize` has 64 bits, see Kconfig.
        match self.chunks.get((word / BITS) as usize) {
            Some(Some(chunk)) => chunk.0.get((word % BITS) as usize).copied().unwrap_or(0),
            Some(None) => all_of(word),
            None => 0,
        }
    }

    /// The lowest free number at `from` or above that is in the same chunk.
    #[inline]
    fn lowest_number(&self, from: u32) -> Option<u32> {
        let word = from / BITS;
        first(self.numbers(word), from).or_else(|| {
            // CAST: As above.
            let words = self.words.get((word / BITS) as usize).copied().unwrap_or(0);
            // Without the word of `from`, which has none.
            let word = first(words & !bit(word), word)?;
            first(self.numbers(word), word * BITS)
        })
    }
}

/// What is left of a leaf when a number was given back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Some of its numbers are in use.
    Used,
    /// All are free.
    Empty,
}

/// The free ones of all numbers below [`LIMIT`]. Nothing is in use without an [`Upper`], nor below
/// a missing [`Chunk`].
pub(crate) struct FreeMap {
    upper: Option<KBox<Upper>>,
    /// Which chunks have a free number.
    tops: [u64; TOPS as usize],
    used: u32,
}

/// A word of numbers of which none is in use.
const fn all_of(word: u32) -> u64 {
    if word == 0 {
        !1
    } else {
        !0
    }
}

/// The bit of `at` in its word, or the part of the word that is there if `at` is beyond the end.
const fn bit(at: u32) -> u64 {
    1 << (at % BITS)
}

/// Whether nothing is in use in words that are those from `from` on.
fn are_all_free(from: u32, words: &[u64]) -> bool {
    words
        .iter()
        .zip(from..)
        .all(|(word, at)| *word == all_of(at))
}

/// The first set bit of a word at `at` or above; the word is that in which `at` lies.
fn first(word: u64, at: u32) -> Option<u32> {
    let rest = word & !(bit(at) - 1);
    (rest != 0).then(|| at - at % BITS + rest.trailing_zeros())
}

/// The last set bit at `at` or below.
fn last(word: u64, at: u32) -> Option<u32> {
    let rest = word & (bit(at) | (bit(at) - 1));
    (rest != 0).then(|| at - at % BITS + (BITS - 1) - rest.leading_zeros())
}

/// The place of what stands for `at` one level higher, as an index.
const fn above(at: u32) -> usize {
    // CAST: `usize` has 64 bits, see Kconfig.
    (at / BITS) as usize
}

impl FreeMap {
    pub(crate) const fn new() -> Self {
        Self {
            upper: None,
            tops: [!0; TOPS as usize],
            used: 0,
        }
    }

    /// How many numbers are in use.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// The free ones among 64 numbers, 0 beyond the end.
    #[inline]
    fn numbers(&self, word: u32) -> u64 {
        match &self.upper {
            Some(upper) => upper.numbers(word),
            None if word < WORDS => all_of(word),
            None => 0,
        }
    }

    /// Which of the 64 words of a chunk have a free number, 0 beyond the end.
    #[inline]
    fn words(&self, chunk: u32) -> u64 {
        // CAST: As above.
        match &self.upper {
            Some(upper) => upper.words.get(chunk as usize).copied().unwrap_or(0),
            None if chunk < CHUNKS => !0,
            None => 0,
        }
    }

    /// Which of 64 chunks have a free number, 0 beyond the end.
    fn chunks(&self, top: u32) -> u64 {
        // CAST: As above.
        self.tops.get(top as usize).copied().unwrap_or(0)
    }

    /// Whether a number is free.
    #[cfg(CONFIG_IOASID_KUNIT_TEST)]
    pub(crate) fn is_free(&self, id: u32) -> bool {
        self.numbers(id / BITS) & bit(id) != 0
    }

    /// The lowest free number in the inclusive range.
    #[inline(never)]
    pub(crate) fn lowest(&self, min: u32, max: u32) -> Option<u32> {
        let found = match &self.upper {
            Some(upper) if min <= 1 => {
                let top = (0..TOPS).find(|top| self.chunks(*top) != 0)?;
                let chunk = first(self.chunks(top), top * BITS)?;
                let word = first(self.words(chunk), chunk * BITS)?;
                first(upper.numbers(word), word * BITS)?
            }
            Some(upper) => upper.lowest_number(min).or_else(|| {
                let chunk = self.lowest_chunk(min / BITS / BITS + 1)?;
                upper.lowest_number(chunk * BITS * BITS)
            })?,
            None => Some(min.max(1)).filter(|min| *min < LIMIT)?,
        };
        (found <= max).then_some(found)
    }

    /// The lowest chunk at `from` or above that has a free number.
    #[cold]
    fn lowest_chunk(&self, from: u32) -> Option<u32> {
        first(self.chunks(from / BITS), from)
            .or_else(|| (from / BITS + 1..TOPS).find_map(|top| first(self.chunks(top), top * BITS)))
    }

    /// The highest free number in the inclusive range.
    #[inline(never)]
    pub(crate) fn highest(&self, min: u32, max: u32) -> Option<u32> {
        let max = max.min(LIMIT - 1);
        let found = match last(self.numbers(max / BITS), max) {
            Some(id) => id,
            None => self.highest_to((max / BITS).checked_sub(1)?)?,
        };
        (found >= min).then_some(found)
    }

    /// The highest free number in this word of 64 or below.
    fn highest_to(&self, word: u32) -> Option<u32> {
        let word = match last(self.words(word / BITS), word) {
            Some(word) => word,
            None => {
                let to = (word / BITS).checked_sub(1)?;
                let chunk = last(self.chunks(to / BITS), to).or_else(|| {
                    let tops = (0..to / BITS).rev();
                    tops.into_iter()
                        .find_map(|top| last(self.chunks(top), top * BITS + (BITS - 1)))
                })?;
                last(self.words(chunk), chunk * BITS + (BITS - 1))?
            }
        };
        last(self.numbers(word), word * BITS + (BITS - 1))
    }

    /// Whether [`FreeMap::supply_upper`] has to come first.
    pub(crate) fn needs_upper(&self) -> bool {
        self.upper.is_none()
    }

    /// Whether [`FreeMap::supply_chunk`] has to come before this number is taken.
    pub(crate) fn needs_chunk(&self, id: u32) -> bool {
        self.chunk_of(id).is_none()
    }

    fn chunk_of(&self, id: u32) -> Option<&Chunk> {
        self.upper
            .as_ref()?
            .chunks
            .get(above(id / BITS))?
            .as_deref()
    }

    /// Gives back what is not needed.
    pub(crate) fn supply_upper(&mut self, upper: KBox<Upper>) -> Option<KBox<Upper>> {
        if self.upper.is_some() {
            return Some(upper);
        }
        self.upper = Some(upper);
        None
    }

    /// Gives back what is not needed.
    pub(crate) fn supply_chunk(&mut self, id: u32, chunk: KBox<Chunk>) -> Option<KBox<Chunk>> {
        let upper = self.upper.as_mut();
        match upper.and_then(|upper| upper.chunks.get_mut(above(id / BITS))) {
            Some(slot @ None) => {
                let chunk = slot.insert(chunk);
                if let (0, Some(word)) = (above(id / BITS), chunk.0.first_mut()) {
                    *word = all_of(0);
                }
                None
            }
            _ => Some(chunk),
        }
    }

    /// The words that say whether a number is free, from the lowest level up.
    #[inline]
    fn path(&mut self, id: u32) -> Option<[&mut u64; 3]> {
        let word = id / BITS;
        let chunk = word / BITS;
        let Upper { chunks, words } = &mut **self.upper.as_mut()?;
        // CAST: `usize` has 64 bits, see Kconfig.
        let numbers = chunks.get_mut(chunk as usize)?.as_mut()?;
        Some([
            numbers.0.get_mut((word % BITS) as usize)?,
            words.get_mut(chunk as usize)?,
            self.tops.get_mut(above(chunk))?,
        ])
    }

    /// Takes a number. Returns false if it is not free, or if memory for it has to be supplied.
    #[inline(always)]
    pub(crate) fn take(&mut self, id: u32) -> bool {
        let Some([free, words, top]) = self.path(id) else {
            return false;
        };
        if *free & bit(id) == 0 {
            return false;
        }
        *free &= !bit(id);
        if *free == 0 {
            *words &= !bit(id / BITS);
            if *words == 0 {
                *top &= !bit(id / BITS / BITS);
            }
        }
        self.used = self.used.wrapping_add(1);
        true
    }

    /// Gives a number back that was taken. Returns what is left of its leaf.
    #[inline(always)]
    pub(crate) fn give(&mut self, id: u32) -> Left {
        let Some([free, words, top]) = self.path(id) else {
            return Left::Used;
        };
        if *free & bit(id) != 0 {
            return Left::Used;
        }
        if *free == 0 {
            *words |= bit(id / BITS);
            *top |= bit(id / BITS / BITS);
        }
        *free |= bit(id);
        let is_last = *free == all_of(id / BITS);
        self.used = self.used.wrapping_sub(1);
        if is_last && self.is_leaf_free(id) {
            Left::Empty
        } else {
            Left::Used
        }
    }

    /// Whether all numbers of a leaf are free.
    pub(crate) fn is_leaf_free(&self, id: u32) -> bool {
        let Some(chunk) = self.chunk_of(id) else {
            return true;
        };
        // CAST: `usize` has 64 bits, see Kconfig.
        let from = (id / LEAF) as usize * WORDS_OF_LEAF % BITS as usize;
        let words = chunk.0.get(from..from + WORDS_OF_LEAF);
        words.is_some_and(|words| are_all_free(id / LEAF * (LEAF / BITS), words))
    }

    /// Takes the chunk of a number out if all of its numbers are free.
    pub(crate) fn shrink(&mut self, id: u32) -> Option<KBox<Chunk>> {
        let upper = self.upper.as_mut()?;
        let slot = upper.chunks.get_mut(above(id / BITS))?;
        slot.take_if(|chunk| are_all_free(id / BITS / BITS * BITS, &chunk.0))
    }
}
