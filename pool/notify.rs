// SPDX-License-Identifier: GPL-2.0

//! Telling subscribers.
//!
//! A pass is one event told to all of them, in their order, under RCU and with no lock held. Passes
//! of one ID never overlap: whoever has set the busy bit of its word runs them, and those who come
//! meanwhile leave a note in the word of what is due. The one who runs the pass tells that too
//! before he lets go of the ID, which stays until then.
//!
//! "Is there anybody" and the transition that would be told are in one RCU section. A subscriber
//! who is to be told what was there before looks for it after the grace period that ends all such
//! sections: what has begun without him he finds, and the rest tells him.

use super::Pool;
use crate::{
    audience::{
        Audience,
        Event,
        Listener,
        Merged,
        Scope,
        Subject,
        Subscription, //
    },
    entry::Entry,
    id::INVALID,
    kapi::{
        id_array::Node,
        reader::Reader, //
    },
    life::Change,
    set::{
        Found,
        Kind,
        SetTag,
        Token, //
    },
    state::{
        Due,
        Scopes,
        Tell,
        Word, //
    },
    trace, //
};
use core::ptr;
use kernel::{
    prelude::*,
    sync::rcu,
    time::{
        delay::fsleep,
        Delta, //
    },
};

impl Pool {
    /// Whether somebody has to be told of what happens now, where a pass can be run.
    #[inline]
    pub(super) fn tell_now<'g>(&self, _reader: impl Into<Reader<'g>>) -> Tell {
        if self.subscribers.is_empty() {
            Tell::Nobody
        } else {
            Tell::Now
        }
    }

    #[inline(always)]
    fn subject(&self, entry: &Node<Entry>, guard: &rcu::Guard) -> (Subject, Option<Token>) {
        // It has an ID, so it is there.
        let set = self.space.sets.of(entry.owner(), guard);
        let subject = Subject {
            id: entry.id(),
            spid: entry.spid(),
            set: set.map_or(SetTag::NONE, Found::handle),
            private: entry.private(),
            until: set.map_or(u64::MAX, |set| set.until()),
        };
        (subject, set.map(|set| set.token))
    }

    /// Tells of an event that nobody can refuse.
    pub(super) fn tell(
        &self,
        entry: &Node<Entry>,
        event: Event,
        scopes: Scopes,
        guard: &rcu::Guard,
    ) {
        if let Some(audience) = self.subscribers.get(guard) {
            let (subject, token) = self.subject(entry, guard);
            for one in audience.for_set(subject.set, token, scopes) {
                let _ = one.tell(event, &subject);
            }
        }
    }

    /// Tells that somebody is bound. If a subscriber refuses, those who were told before are told
    /// that it is over, the last one first.
    ///
    /// # Errors
    ///
    /// What the subscriber said.
    pub(super) fn tell_bind(
        &self,
        entry: &Node<Entry>,
        scopes: Scopes,
        guard: &rcu::Guard,
    ) -> Result {
        let Some(audience) = self.subscribers.get(guard) else {
            return Ok(());
        };
        let (subject, token) = self.subject(entry, guard);
        let all = audience.for_set(subject.set, token, scopes);
        for (told, one) in all.clone().enumerate() {
            if let Err(err) = one.tell(Event::Bind, &subject) {
                Self::take_back(&all, told, &subject);
                return Err(err);
            }
        }
        Ok(())
    }

    /// Tells the first ones, from the last to the first, that nobody is bound.
    fn take_back(all: &Merged<'_>, told: usize, subject: &Subject) {
        for at in (0..told).rev() {
            // There are a handful.
            if let Some(one) = all.clone().nth(at) {
                let _ = one.tell(Event::Unbind, subject);
            }
        }
    }

    /// Tells what is due and ends the pass. Returns the word; if it is dead it is on the caller to
    /// reclaim the ID.
    fn finish_pass(&self, entry: &Node<Entry>, guard: &rcu::Guard) -> Word {
        loop {
            let due = match entry.life.end() {
                Ok(word) => return word,
                Err(due) => due,
            };
            match due {
                Due::Unbind => {
                    self.tell(entry, Event::Unbind, Scopes::BOTH, guard);
                    self.space.forget_spid(entry);
                }
                Due::Said(scopes) => self.tell(entry, Event::Unbind, scopes, guard),
                Due::Free => self.tell(entry, Event::Free, Scopes::BOTH, guard),
                Due::Nothing => {}
            }
            entry.life.told(due);
        }
    }

    /// Does what a transition has left to do. Returns whether the ID is reclaimed.
    #[inline(never)]
    pub(super) fn act(&self, entry: &Node<Entry>, change: Change, guard: &rcu::Guard) -> bool {
        let word = match change {
            Change::Done(word) => word,
            Change::Pass => self.finish_pass(entry, guard),
            Change::Later => return false,
            Change::Defer => {
                self.defer(entry);
                return false;
            }
        };
        if word.is_dead() {
            self.reclaim(entry, word);
        } else if word.is_pending() {
            self.wait_for_holders(entry);
        }
        word.is_dead()
    }

    /// Tells of an ID that has just come, and ends its first pass.
    pub(super) fn announce(&self, id: u32) {
        let guard = rcu::read_lock();
        // The pass is on, so it is there.
        if let Some(entry) = self.space.lookup(id, &guard) {
            self.tell(entry, Event::Alloc, Scopes::BOTH, &guard);
            self.act(entry, Change::Pass, &guard);
        }
    }

    /// Finishes what was left to the quick lane.
    pub(super) fn finish(&self, id: u32) {
        let guard = rcu::read_lock();
        let Some(entry) = self.space.lookup(id, &guard) else {
            return;
        };
        match entry.life.begin() {
            Ok(()) => {
                self.act(entry, Change::Pass, &guard);
            }
            // The last reference was dropped.
            Err(err) if err == ENOENT => {
                self.act(entry, Change::Done(entry.life.word()), &guard);
            }
            // Nobody begins a pass of an ID that was given up but this lane.
            Err(_) => {}
        }
    }

    /// Gives an ID an SPID, and tells so.
    ///
    /// # Errors
    ///
    /// As for [`Space::attach_spid`](crate::space::Space::attach_spid), and what the subscriber
    /// said that refused it.
    pub(crate) fn attach_spid(&self, id: u32, spid: u32) -> Result {
        self.space.pin(id)?;
        let guard = rcu::read_lock();
        let attached = match self.space.lookup(id, &guard) {
            Some(entry) => self.attach_pinned(entry, spid, &guard),
            None => Err(ENOENT),
        };
        trace::attach(id, spid, &attached);
        self.unpin(id);
        attached
    }

    fn attach_pinned(&self, entry: &Node<Entry>, spid: u32, guard: &rcu::Guard) -> Result {
        let tell = self.tell_now(guard) == Tell::Now;
        self.space.attach_spid(entry, spid, tell)?;
        if !tell {
            return Ok(());
        }
        let told = self.tell_bind(entry, Scopes::BOTH, guard);
        if told.is_err() {
            self.space.forget_spid(entry);
            entry.life.unbound();
        }
        self.act(entry, Change::Pass, guard);
        told
    }

    /// Takes the SPID from an ID once this has been told; see
    /// [`Space::detach_spid`](crate::space::Space::detach_spid).
    pub(crate) fn detach_spid(&self, id: u32) -> Result {
        let guard = rcu::read_lock();
        let entry = self.space.lookup(id, &guard).ok_or(ENOENT)?;
        let tell = self.tell_now(&guard) == Tell::Now;
        let spid = entry.spid();
        let change = self.space.detach_spid(entry, tell);
        trace::detach(id, spid, &change);
        self.act(entry, change?, &guard);
        Ok(())
    }

    /// Tells that somebody is bound, for somebody who knows.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such ID, `EBUSY` if it is given up or a pass is on, or what the
    /// subscriber said that refused it.
    pub(crate) fn notify_bind(&self, id: u32, scopes: Scopes) -> Result {
        let guard = rcu::read_lock();
        let entry = self.space.lookup(id, &guard).ok_or(ENOENT)?;
        entry
            .life
            .begin_held()
            .map_err(|word| if word.is_dead() { ENOENT } else { EBUSY })?;
        let told = self.tell_bind(entry, scopes, &guard);
        self.act(entry, Change::Pass, &guard);
        told
    }

    /// Tells that nobody is bound any more, after everything else that is being told of the ID.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such ID, `EBUSY` if it is given up.
    pub(crate) fn notify_unbind(&self, id: u32, scopes: Scopes) -> Result {
        let guard = rcu::read_lock();
        let entry = self.space.lookup(id, &guard).ok_or(ENOENT)?;
        let change = entry.life.say(scopes)?;
        self.act(entry, change, &guard);
        Ok(())
    }

    /// Tells of a set.
    pub(super) fn tell_set(&self, set: Found<'_>, event: Event, guard: &rcu::Guard) {
        if !set.has_handle() {
            return;
        }
        if let Some(audience) = self.subscribers.get(guard) {
            let subject = Subject {
                id: INVALID,
                spid: None,
                set: set.handle(),
                private: ptr::null_mut(),
                until: set.until(),
            };
            for one in audience.for_set(subject.set, Some(set.token), Scopes::BOTH) {
                let _ = one.tell(event, &subject);
            }
        }
    }

    /// Subscribes; see [`Subscribers::add`](crate::audience::Subscribers::add). With `replay` the
    /// subscriber is told of everything that is there before this returns. Sleeps.
    pub(crate) fn subscribe(
        &self,
        scope: Scope,
        priority: i32,
        key: usize,
        listener: KBox<dyn Listener>,
        replay: bool,
    ) -> Result {
        let reach = if replay { 0 } else { INVALID };
        let audible = |audible| self.space.set_audible(audible);
        let one = self
            .subscribers
            .add(scope, priority, key, reach, listener, audible)?;
        if replay {
            self.replay(scope, &one);
        }
        Ok(())
    }

    /// Tells a subscriber of all IDs in its scope, in the order of their numbers. It gets the
    /// events of those that it has been told of, and of no others.
    fn replay(&self, scope: Scope, one: &Subscription) {
        let mut from = 0;
        // Whoever comes below the next one is told by its own first pass.
        while let Some(id) = self.space.next_above(from, |below| one.set_reach(below)) {
            // What has come below it is told by now.
            from = id.saturating_sub(1);
            if self.replay_id(scope, one, id) {
                from = id;
            } else {
                // A pass takes as long as its handlers do.
                fsleep(Delta::from_micros(20));
            }
        }
    }

    /// Tells a subscriber of one ID, and that it gets its events from now on. Returns false if the
    /// ID has gone, or if others are being told of it right now.
    fn replay_id(&self, scope: Scope, one: &Subscription, id: u32) -> bool {
        let guard = rcu::read_lock();
        let Some(entry) = self.space.lookup(id, &guard) else {
            return false;
        };
        // Its set is the same for life, its SPID only in a pass.
        let (subject, token) = self.subject(entry, &guard);
        if !Audience::includes(scope, subject.set, token) {
            // No pass, for which those would have to wait whose ID it is.
            return self.space.while_there(entry, || one.set_reach(id));
        }
        match entry.life.begin_held() {
            Ok(word) => {
                one.set_reach(id);
                let (subject, _) = self.subject(entry, &guard);
                let _ = one.tell(Event::Alloc, &subject);
                // Each of them ends with an UNBIND of its own.
                for _ in [word.is_bound(), word.is_bonded()].iter().filter(|is| **is) {
                    let _ = one.tell(Event::Bind, &subject);
                }
                self.act(entry, Change::Pass, &guard);
                true
            }
            Err(word) if word.is_being_told() => false,
            // Given up: nothing more is told of it, unless it is the next one with this number.
            Err(_) => self.space.while_there(entry, || one.set_reach(id)),
        }
    }

    /// Whether the set of an mm has IDs.
    pub(crate) fn mm_has_ids(&self, mm: usize) -> bool {
        let token = Token(Kind::Mm, mm);
        let Some(set) = self.space.sets.find_token(token) else {
            return false;
        };
        let guard = rcu::read_lock();
        let found = self.space.sets.at(set, &guard);
        found.is_some_and(|set| set.token == token && set.usage.used() != 0)
    }

    /// Ends a subscription; see [`Subscribers::remove`](crate::audience::Subscribers::remove).
    pub(crate) fn unsubscribe(&self, scope: Scope, key: usize) -> bool {
        let audible = |audible| self.space.set_audible(audible);
        self.subscribers.remove(scope, key, audible)
    }
}
