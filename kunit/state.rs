// SPDX-License-Identifier: GPL-2.0

use crate::state::{
    PutError,
    State,
    Word, //
};
use kernel::{
    macros::kunit_tests,
    prelude::*, //
};

#[kunit_tests(ioasid_state)]
mod tests {
    use super::*;

    /// B-073: an ID starts with the owner's reference, which put cannot drop.
    #[test]
    fn new_word_is_idle_and_owned() {
        let word = Word::new();
        assert!(word.state() == State::Idle);
        assert!(word.is_owned());
        assert_eq!(word.count(), 0);
        assert!(word.put() == Err(PutError::Unbalanced));
    }

    #[test]
    fn get_and_put_balance() {
        let word = Word::new();
        let held = word.get().unwrap_or(word);
        assert_eq!(held.count(), 1);
        assert!(held.put() == Ok(word));
    }

    /// B-074, B-075: no reference once the owner gave the ID up.
    #[test]
    fn get_of_pending_is_busy() {
        let word = Word::new().mark_pending();
        assert!(word.state() == State::FreePending);
        assert!(word.get() == Err(EBUSY));
        assert!(word.get_named() == Err(EBUSY));
    }

    #[test]
    fn get_and_put_of_dead_are_refused() {
        let dead = Word::new().mark_pending().release_owner();
        assert!(dead.state() == State::Reclaimed);
        assert!(dead.get() == Err(EINVAL));
        assert!(dead.put() == Err(PutError::Unknown));
        assert!(dead.put_any() == Err(PutError::Unknown));
        assert!(Word(0).is_dead());
    }

    /// B-080: holders decide when a freed ID is reclaimed.
    #[test]
    fn last_put_after_free_kills() {
        let word = Word::new();
        let held = word.get().unwrap_or(word).mark_pending().release_owner();
        assert!(held.state() == State::FreePending);
        assert!(!held.is_dead());
        let dead = held.put().unwrap_or(word);
        assert!(dead.is_dead());
        assert!(dead.state() == State::Reclaimed);
    }

    /// B-098: the count saturates in both directions and never wraps.
    #[test]
    fn count_saturates() {
        let word = Word(Word::new().0 + Word::SATURATED);
        assert!(word.get() == Ok(word));
        assert!(word.put() == Ok(word));
        let below = Word(word.0 - 1);
        assert!(below.get() == Ok(word));
        assert!(!word.mark_pending().release_owner().is_dead());
    }

    #[test]
    fn name_stays_noted() {
        let word = Word::new();
        let named = word.get_named().unwrap_or(word);
        assert!(named.is_named());
        assert_eq!(named.count(), 1);
        let plain = named.put().unwrap_or(word);
        assert!(plain.is_named());
        assert!(plain.mark_pending().release_owner().is_dead());
    }

    #[test]
    fn put_any_takes_the_owner_last() {
        let word = Word::new();
        let held = word.get().unwrap_or(word);
        assert!(held.put_any() == Ok(word));
        let dead = word.put_any().unwrap_or(word);
        assert!(dead.is_dead());
    }

    /// Every transition from every small word: references and owner are conserved, pending is
    /// never left, and the dead stay dead.
    #[test]
    fn transitions_conserve_what_they_must() {
        for count in 0..4 {
            for bits in 0..16u64 {
                let word = Word(count | bits << 32);
                for (next, delta) in [(word.get(), 1i64), (word.get_named(), 1)] {
                    if let Ok(next) = next {
                        assert!(matches!(word.state(), State::Idle | State::Active));
                        assert_eq!(next.count() as i64, word.count() as i64 + delta);
                        assert!(next.is_owned() == word.is_owned());
                    }
                }
                if let Ok(next) = word.put() {
                    assert!(!word.is_dead());
                    assert_eq!(next.count() + 1, word.count());
                    assert!(next.is_owned() == word.is_owned());
                }
                if let Ok(next) = word.put_any() {
                    assert!(!word.is_dead());
                    if word.count() != 0 {
                        assert!(word.put() == Ok(next));
                    } else {
                        // The owner's, which it had not given up.
                        assert!(word.is_held_by_owner() && next.is_dead());
                    }
                }
                if let Ok(next) = word.bind() {
                    assert!(word.state() == State::Idle && next.state() == State::Active);
                    assert!(next.unbind() == Ok(word));
                }
                if let Ok(next) = word.unbind() {
                    assert!(word.state() == State::Active && next.state() == State::Idle);
                }
                let released = word.release_owner();
                assert!(released.count() == word.count() && !released.is_owned());
                let pending = word.mark_pending();
                assert!(pending.count() == word.count() && pending.is_owned() == word.is_owned());
                assert!(pending.is_dead() == word.is_dead());
                assert!(pending.get().is_err());
            }
        }
    }
}
