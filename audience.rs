// SPDX-License-Identifier: GPL-2.0

//! Who is told: subscribers, in the order in which they are called.

mod order;

use crate::{
    id::INVALID,
    kapi::{
        context::synchronize_rcu,
        marked::Marked,
        rcu_cell::RcuCell, //
    },
    set::{
        SetTag,
        Token, //
    },
    state::Scopes,
    trace, //
};
use core::ffi::c_void;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::Relaxed,
        rcu,
        Arc,
        Mutex, //
    },
};

/// What subscribers are told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Alloc,
    Free,
    Bind,
    Unbind,
    SetAlloc,
    SetFree,
}

/// Of whom.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) id: u32,
    pub(crate) spid: Option<u32>,
    /// `NONE` for the kernel's own set and those that have no handle.
    pub(crate) set: SetTag,
    pub(crate) private: *mut c_void,
    /// The last subscriber who means this set by its token: see [`Set::disown`].
    ///
    /// [`Set::disown`]: crate::set::Set::disown
    pub(crate) until: u64,
}

/// A subscriber.
pub(crate) trait Listener: Send + Sync {
    /// Tells of an event, in atomic context. A refusal counts for [`Event::Bind`] only.
    fn tell(&self, event: Event, subject: &Subject) -> Result;

    /// The code that is called.
    fn culprit(&self) -> Option<usize> {
        None
    }

    /// Whether code or data that this needs is where `is_there` says.
    fn is_within(&self, _is_there: &dyn Fn(usize) -> bool) -> bool {
        false
    }
}

/// What is subscribed to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    All,
    Set(usize),
    Token(Token),
}

/// A subscription.
pub(crate) struct Subscription {
    scope: Scope,
    priority: i32,
    /// The order of registration.
    number: u64,
    /// What identifies it within its scope.
    key: usize,
    /// Told of IDs up to here; those above are going to be replayed.
    reach: Marked<u32>,
    /// It is not called any more.
    gone: Marked<bool>,
    listener: KBox<dyn Listener>,
}

impl Subscription {
    /// How far replay has come.
    pub(crate) fn set_reach(&self, id: u32) {
        self.reach.store(id, Relaxed);
    }

    /// Tells this subscriber alone.
    #[inline(always)]
    pub(crate) fn tell(&self, event: Event, subject: &Subject) -> Result {
        if self.gone.load(Relaxed) || subject.id != INVALID && subject.id > self.reach.load(Relaxed)
        {
            return Ok(());
        }
        if self.number > subject.until && matches!(self.scope, Scope::Token(_)) {
            return Ok(());
        }
        let code = || self.listener.culprit();
        trace::notify_start(event, subject, code);
        let said = self.listener.tell(event, subject);
        trace::notify_end(event, subject, code, &said);
        said
    }
}

/// All subscriptions at one time, by scope and then in the order in which they are called.
pub(crate) struct Audience {
    all: KVec<Arc<Subscription>>,
}

impl Audience {
    /// Those of one scope.
    fn of(&self, scope: Scope) -> &[Arc<Subscription>] {
        let first = self.all.partition_point(|one| one.scope < scope);
        let rest = self.all.get(first..).unwrap_or(&[]);
        let len = rest.partition_point(|one| one.scope == scope);
        rest.get(..len).unwrap_or(&[])
    }

    /// Whether what belongs to a set with this handle and token is in a scope.
    pub(crate) fn includes(scope: Scope, set: SetTag, token: Option<Token>) -> bool {
        match scope {
            Scope::All => true,
            Scope::Set(tag) => tag == set.0,
            Scope::Token(wanted) => token == Some(wanted),
        }
    }

    /// Those who are told of something that belongs to a set with this handle and token.
    pub(crate) fn for_set(&self, set: SetTag, token: Option<Token>, scopes: Scopes) -> Merged<'_> {
        let none: &[Arc<Subscription>] = &[];
        Merged {
            parts: [
                if scopes.all {
                    self.of(Scope::All)
                } else {
                    none
                },
                if scopes.set && set != SetTag::NONE {
                    self.of(Scope::Set(set.0))
                } else {
                    none
                },
                match token {
                    Some(token) if scopes.set => self.of(Scope::Token(token)),
                    _ => none,
                },
            ],
        }
    }
}

/// Subscriptions of several scopes: highest priority first, the order of registration among equals.
#[derive(Clone)]
pub(crate) struct Merged<'a> {
    parts: [&'a [Arc<Subscription>]; 3],
}

impl<'a> Iterator for Merged<'a> {
    type Item = &'a Subscription;

    fn next(&mut self) -> Option<&'a Subscription> {
        let part = self
            .parts
            .iter_mut()
            .filter(|part| !part.is_empty())
            .max_by(|one, other| rank(one).cmp(&rank(other)))?;
        let (first, rest) = part.split_first()?;
        *part = rest;
        Some(first)
    }
}

/// Who comes first is the largest.
fn rank(part: &[Arc<Subscription>]) -> Option<(i32, core::cmp::Reverse<u64>)> {
    part.first()
        .map(|one| (one.priority, core::cmp::Reverse(one.number)))
}

/// All who subscribed. Changed with the lock held, which is never taken by those who tell; the
/// functions that change them say whether there is anybody to `audible`.
#[pin_data]
pub(crate) struct Subscribers {
    /// The number of the last one.
    #[pin]
    last: Mutex<u64>,
    audience: RcuCell<Audience>,
}

impl Subscribers {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            last <- new_mutex!(0, "Subscribers::last"),
            audience: RcuCell::new(),
        })
    }

    /// Whether there was nobody a moment ago.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.audience.is_empty()
    }

    /// The number of the last one who has come. Sleeps.
    pub(crate) fn latest(&self) -> u64 {
        *self.last.lock()
    }

    /// Who there is.
    #[inline]
    pub(crate) fn get<'g>(&'g self, guard: &'g rcu::Guard) -> Option<&'g Audience> {
        self.audience.get(guard)
    }

    /// Subscribes. On return every transition that has not yet begun is told, of IDs up to `reach`.
    /// Sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the key is there in this scope, `ENOMEM`.
    pub(crate) fn add(
        &self,
        scope: Scope,
        priority: i32,
        key: usize,
        reach: u32,
        listener: KBox<dyn Listener>,
        audible: impl FnOnce(bool),
    ) -> Result<Arc<Subscription>> {
        let mut last = self.last.lock();
        let number = last.saturating_add(1);
        let new = Arc::new(
            Subscription {
                scope,
                priority,
                number,
                key,
                reach: Marked::new(reach),
                gone: Marked::new(false),
                listener,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        let all = self.copy(|one| one.scope == scope && one.key == key, Some(&new))?;
        let audience = Arc::new(Audience { all }, GFP_KERNEL_ACCOUNT)?;
        if self.is_empty() {
            // Those who found nobody tell nobody of what they do. When the first one is told of
            // anything they are done: else there would be a BIND and no FREE after it.
            let all = KVec::new();
            let nobody = Arc::new(Audience { all }, GFP_KERNEL_ACCOUNT)?;
            drop(self.audience.replace(Some(nobody)));
        }
        *last = number;
        let old = self.audience.replace(Some(audience));
        audible(true);
        drop(last);
        drop(old);
        Ok(new)
    }

    /// Whether a key is there in a scope.
    pub(crate) fn has(&self, scope: Scope, key: usize) -> bool {
        let _last = self.last.lock();
        self.with_all(|all| {
            all.iter()
                .any(|one| one.scope == scope && one.key == key && !one.gone.load(Relaxed))
        })
    }

    /// Ends a subscription. On return it is not called any more. Sleeps. Returns whether it was
    /// there.
    pub(crate) fn remove(&self, scope: Scope, key: usize, audible: impl FnOnce(bool)) -> bool {
        self.remove_all(|one| one.scope == scope && one.key == key, audible) != 0
    }

    /// Ends the subscriptions of which something is where `is_there` says, as
    /// [`Subscribers::remove`]. Returns how many there were.
    pub(crate) fn evict(
        &self,
        is_there: &dyn Fn(usize) -> bool,
        audible: impl FnOnce(bool),
    ) -> u32 {
        self.remove_all(
            |one| is_there(one.key) || one.listener.is_within(is_there),
            audible,
        )
    }

    fn remove_all(&self, which: impl Fn(&Subscription) -> bool, audible: impl FnOnce(bool)) -> u32 {
        let last = self.last.lock();
        let (mut removed, mut old) = (0, None);
        let guard = rcu::read_lock();
        let all = self.get(&guard).map_or(&[][..], |audience| &audience.all);
        for one in all
            .iter()
            .filter(|one| !one.gone.load(Relaxed) && which(one))
        {
            one.gone.store(true, Relaxed);
            removed += 1;
        }
        drop(guard);
        if removed != 0 {
            // Without memory those that are gone stay on the list until it is made anew.
            match self.copy(|_| false, None) {
                Ok(all) if all.is_empty() => {
                    audible(false);
                    old = self.audience.replace(None);
                }
                Ok(all) => match Arc::new(Audience { all }, GFP_KERNEL_ACCOUNT) {
                    Ok(audience) => old = self.audience.replace(Some(audience)),
                    Err(_) => synchronize_rcu(),
                },
                Err(_) => synchronize_rcu(),
            }
        }
        drop(last);
        // The last use of an mm may be among them, and then its IDs are freed here.
        drop(old);
        removed
    }

    /// Those who are there now, and one more. With the lock held.
    ///
    /// # Errors
    ///
    /// `EEXIST` if one is `like` the new one, `ENOMEM`.
    fn copy(
        &self,
        like: impl Fn(&Subscription) -> bool,
        new: Option<&Arc<Subscription>>,
    ) -> Result<KVec<Arc<Subscription>>> {
        let len = self.with_all(<[_]>::len);
        let mut all = KVec::with_capacity(len.saturating_add(1), GFP_KERNEL_ACCOUNT)?;
        self.with_all(|old| {
            let mut new = new;
            for one in old.iter().filter(|one| !one.gone.load(Relaxed)) {
                if like(one) {
                    return Err(EEXIST);
                }
                if let Some(first) = new.take_if(|new| new.comes_before(one)) {
                    all.push_within_capacity(first.clone())
                        .map_err(|_| ENOMEM)?;
                }
                all.push_within_capacity(one.clone()).map_err(|_| ENOMEM)?;
            }
            if let Some(last) = new {
                all.push_within_capacity(last.clone()).map_err(|_| ENOMEM)?;
            }
            Ok(())
        })?;
        Ok(all)
    }

    fn with_all<R>(&self, call: impl FnOnce(&[Arc<Subscription>]) -> R) -> R {
        let guard = rcu::read_lock();
        call(self.get(&guard).map_or(&[][..], |audience| &audience.all))
    }
}

impl Subscription {
    fn comes_before(&self, other: &Self) -> bool {
        (self.scope, core::cmp::Reverse(self.priority), self.number)
            < (
                other.scope,
                core::cmp::Reverse(other.priority),
                other.number,
            )
    }
}
