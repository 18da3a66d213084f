// SPDX-License-Identifier: GPL-2.0

use crate::state::{
    Due,
    PutError,
    Scopes,
    State,
    Tell,
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
        assert!(dead.begin() == Err(ENOENT));
        assert!(dead.bind(false) == Err(ENOENT) && dead.unbind(false) == Err(ENOENT));
        assert!(dead.say(Scopes::BOTH) == Err(ENOENT));
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

    /// B-128, B-080: FREE is told once, and the owner's reference goes after that.
    #[test]
    fn free_is_told_before_the_owner_goes() {
        let word = Word::new();
        assert!(word.give_up(Tell::Nobody).is_dead());
        let pass = word.give_up(Tell::Now);
        assert!(pass.is_busy() && pass.is_owned() && pass.state() == State::FreePending);
        assert!(pass.due() == Due::Free);
        let told = pass.told(Due::Free);
        assert!(!told.is_dead() && !told.is_owned() && told.due() == Due::Nothing);
        assert!(told.told(Due::Nothing).is_dead());
        let later = word.give_up(Tell::Later);
        assert!(!later.is_busy() && later.is_owned() && later.due() == Due::Free);
        assert!(later.begin() == Ok(pass));
    }

    /// Passes never overlap, and what comes meanwhile is handed to the one that is on.
    #[test]
    fn pass_is_handed_what_comes_meanwhile() {
        let new = Word::new_busy();
        assert!(new.begin() == Err(EBUSY));
        assert!(new.bind(true) == Err(EBUSY) && new.bind(false) == Err(EBUSY));
        let freed = new.give_up(Tell::Nobody);
        assert!(freed.is_busy() && freed.is_owned() && freed.due() == Due::Free);
        // B-107: the SPID goes after UNBIND is told, and before FREE.
        let bound = Word::new().bind(true).unwrap_or(Word::new());
        assert!(bound.is_busy() && bound.state() == State::Active);
        let unbound = bound.unbind(false).unwrap_or(bound);
        assert!(unbound.state() == State::Active && unbound.due() == Due::Unbind);
        assert!(unbound.unbind(false) == Err(ENOENT));
        // What is sent meanwhile goes first: the SPID is there.
        let said = unbound.say(Scopes::BOTH).unwrap_or(unbound);
        assert!(said.due() == Due::Said(Scopes::BOTH));
        assert!(said.told(said.due()) == unbound);
        let freed = unbound.give_up(Tell::Now);
        assert!(freed.due() == Due::Unbind);
        assert!(freed.told(Due::Unbind).due() == Due::Free);
        assert!(freed.unbind(true) == Err(EBUSY) && freed.say(Scopes::BOTH) == Err(EBUSY));
    }

    #[test]
    fn said_scopes_are_told() {
        let word = Word::new();
        for (all, set) in [(true, false), (false, true), (true, true)] {
            let scopes = Scopes { all, set };
            let said = word.say(scopes).unwrap_or(word);
            assert!(said.is_busy() && said.due() == Due::Said(scopes));
            assert!(said.told(said.due()).told(Due::Nothing) == word);
        }
    }

    /// B-128: each one that is sent is told, in their order, as long as there is room.
    #[test]
    fn said_unbinds_queue_up() {
        let scopes = |n: u32| Scopes {
            all: n % 3 != 1,
            set: n % 3 != 0,
        };
        let mut word = Word::new();
        let mut sent = 0;
        while let Ok(next) = word.say(scopes(sent)) {
            word = next;
            sent += 1;
        }
        assert!(sent == 12 && word.say(Scopes::BOTH) == Err(EBUSY));
        for n in 0..sent {
            assert!(word.due() == Due::Said(scopes(n)));
            word = word.told(word.due());
        }
        assert!(word.due() == Due::Nothing && word.told(Due::Nothing) == Word::new());
    }

    /// B-107, B-202: an SPID and a device are two causes, and neither ends the other.
    #[test]
    fn causes_are_apart() {
        let idle = Word::new();
        let spid = idle.bind(false);
        let both = spid.and_then(|word| word.bond(false));
        assert!(both.is_ok_and(|word| word.state() == State::Active && word.is_bound()));
        assert!(both.and_then(|word| word.bond(false)) == Err(EBUSY));
        assert!(both.and_then(|word| word.bind(false)) == Err(EBUSY));
        assert!(both.and_then(|word| word.unbond(false)) == spid);
        assert!(both.and_then(|word| word.unbind(false)) == idle.bond(false));
        assert!(spid.and_then(|word| word.unbond(false)) == Err(ENOENT));
        assert!(idle.bond(false).and_then(|word| word.unbind(false)) == Err(ENOENT));
        // The end of a bond is not told after FREE.
        let freed = both.map(|word| word.give_up(Tell::Later));
        assert!(freed.and_then(|word| word.unbond(true)) == Err(EINVAL));
        // A pass that is on comes first.
        let busy = both.and_then(Word::begin);
        assert!(busy.and_then(|word| word.unbond(true)) == Err(EBUSY));
        assert!(idle.begin().and_then(|word| word.bond(true)) == Err(EBUSY));
    }

    /// Every transition from every small word: references and owner are conserved, pending is
    /// never left, and the dead stay dead.
    #[test]
    fn transitions_conserve_what_they_must() {
        for count in 0..3 {
            for bits in 0..2048u64 {
                let word = Word(count | bits << 32);
                let kept =
                    |next: Word| next.count() == word.count() && next.is_owned() == word.is_owned();
                if let (Ok(next), Ok(named)) = (word.get(), word.get_named()) {
                    assert!(matches!(word.state(), State::Idle | State::Active));
                    assert!(next.count() == word.count() + 1 && named.count() == next.count());
                    assert!(next.is_owned() == word.is_owned());
                    assert!(next.put() == Ok(word));
                }
                if let Ok(next) = word.put() {
                    assert!(!word.is_dead() && next.count() + 1 == word.count());
                    assert!(next.is_owned() == word.is_owned());
                }
                for pass in [true, false] {
                    if let Ok(next) = word.bind(pass) {
                        assert!(!word.is_bound() && next.state() == State::Active);
                        assert!(kept(next) && next.is_busy() == pass);
                        assert!(next.unbound().state() == word.state());
                    }
                    if let Ok(next) = word.bond(pass) {
                        assert!(next.is_bound() == word.is_bound() && next != word);
                        assert!(next.state() == State::Active && kept(next));
                        assert!(next.is_busy() == pass && !word.is_busy());
                        assert!(next.unbonded().state() == word.state());
                    }
                    if let Ok(next) = word.unbond(pass) {
                        assert!(word.state() == State::Active && kept(next));
                        assert!(next.is_busy() == pass && !word.is_busy());
                        assert!(next.unbonded().is_bound() == word.is_bound());
                    }
                    if let Ok(next) = word.unbind(pass) {
                        assert!(word.state() == State::Active && kept(next));
                        assert!(next.is_busy() == (pass || word.is_busy()));
                    }
                }
                if let Ok(next) = word.begin() {
                    assert!(!word.is_busy() && next.is_busy() && kept(next));
                }
                for tell in [Tell::Nobody, Tell::Now, Tell::Later] {
                    let next = word.give_up(tell);
                    assert!(next.is_pending() && next.count() == word.count());
                    assert!(next.get().is_err());
                    assert!(next.is_busy() == (word.is_busy() || tell == Tell::Now));
                }
                let due = word.due();
                let next = word.told(due);
                assert!(next.count() == word.count() && next.is_pending() == word.is_pending());
                assert!(next.is_owned() == (word.is_owned() && due != Due::Free));
                if due == Due::Nothing {
                    assert!(!next.is_busy());
                } else {
                    assert!(next.is_busy() == word.is_busy() && next != word);
                }
                let released = word.release_owner();
                assert!(released.count() == word.count() && !released.is_owned());
                let pending = word.mark_pending();
                assert!(kept(pending) && pending.is_dead() == word.is_dead());
                assert!(pending.get().is_err());
            }
        }
    }
}
