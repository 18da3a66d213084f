// SPDX-License-Identifier: GPL-2.0

//! Who names the numbers: custom allocators, in front of the default one.
//!
//! `admin` serialises registration and is held while callbacks are waited for, so a callback must
//! not register anything. `groups` is only held for a moment. Callbacks run inside a read section
//! of `active`, with neither of them.

use crate::{
    entry::{
        DEFAULT_PROVIDER,
        HOST, //
    },
    id::IdRange,
    kapi::srcu::{
        ReadGuard,
        SrcuCell, //
    },
    trace, //
};
use kernel::{
    fmt, new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

/// A custom allocator. Both methods may sleep.
pub(crate) trait Provider: Send + Sync {
    /// Names a number in the range; anything else is a refusal or a mistake.
    fn pick(&self, range: IdRange) -> u32;

    /// Takes a number back. It can no longer be found.
    fn give_back(&self, id: u32);

    /// The code that is to blame for what [`Provider::pick`] returns.
    fn culprit(&self) -> Option<usize> {
        None
    }

    /// Whether code or data that the methods need is where `is_there` says.
    fn is_within(&self, _is_there: &dyn Fn(usize) -> bool) -> bool {
        false
    }
}

/// Which number space an allocator draws from: allocators with the same one replace each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpaceId(pub(crate) usize, pub(crate) usize);

impl SpaceId {
    /// That of the host allocator. The functions of no other one are null.
    pub(crate) const HOST: Self = Self(0, 0);
}

/// What identifies a registration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) usize);

/// What to do if allocators of another number space are there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// Wait behind them.
    Yes,
    /// Give up: this is the host allocator.
    No,
}

/// How an allocator leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// It gets every number that is on its way back, or rests.
    Orderly,
    /// Its data is gone: nothing of it is called any more.
    Abrupt,
}

/// An allocator as those who call it see it.
pub(crate) struct Active {
    number: u32,
    provider: Arc<dyn Provider>,
}

impl Active {
    /// The number by which entries know the space that this allocator draws from.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn provider(&self) -> &dyn Provider {
        &*self.provider
    }
}

/// A registration. What it may be called through is made with it: unregistering cannot fail.
struct Member {
    key: Key,
    active: Arc<Active>,
}

/// Allocators with one number space. The first one is called.
struct Group {
    number: u32,
    space: SpaceId,
    members: KVec<Member>,
}

impl Group {
    fn caller(&self) -> Option<Arc<Active>> {
        self.members.first().map(|member| member.active.clone())
    }
}

/// What registration needs from whoever owns the IDs.
pub(crate) trait Switch {
    /// Stops the default allocator. `EAGAIN` if it has IDs.
    fn close_default(&self) -> Result;

    /// As [`Switch::close_default`], for one who cannot name what the kernel has given to an mm:
    /// such IDs do not count.
    fn close_default_for_host(&self) -> Result;

    /// Lets the default allocator give numbers.
    fn open_default(&self);

    /// Waits until what was put off with interrupts off, and every number that is on its way back
    /// to a custom allocator, has arrived.
    fn catch_up(&self);

    /// Ends the rest of all numbers, and has them arrive as well.
    fn end_rest(&self);
}

/// The registered allocators.
#[pin_data]
pub(crate) struct Registry {
    /// The last number that was given to a group.
    #[pin]
    admin: Mutex<u32>,
    /// In the order of registration; the first one is active. Changed with `admin` held only.
    #[pin]
    groups: Mutex<KVec<Group>>,
    #[pin]
    active: SrcuCell<Active>,
}

impl Registry {
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            admin <- new_mutex!(DEFAULT_PROVIDER, "Registry::admin"),
            groups <- new_mutex!(KVec::new(), "Registry::groups"),
            active <- SrcuCell::new(),
        }? Error)
    }

    /// Has somebody else name numbers. On return nobody else does. Sleeps.
    fn switch_to(&self, next: Option<Arc<Active>>) {
        if let Some(next) = &next {
            trace::allocator_switch(next.number, next.provider.culprit());
        }
        self.active.replace(next);
    }

    /// Whether a custom allocator seems to be active.
    #[inline]
    pub(crate) fn has_custom(&self) -> bool {
        !self.active.is_empty()
    }

    /// The active custom allocator; it stays registered while the guard lives.
    pub(crate) fn active(&self) -> ReadGuard<'_, Active> {
        self.active.read()
    }

    /// Waits for a registration that is under way. Sleeps.
    pub(crate) fn wait_for_switch(&self) {
        drop(self.admin.lock());
    }

    /// Gives a number back to whoever draws from the space `number`, if there still is somebody.
    pub(crate) fn give_back(&self, number: u32, id: u32) {
        let section = self.active.read();
        let groups = self.groups.lock();
        let caller = groups
            .iter()
            .find(|group| group.number == number)
            .and_then(Group::caller);
        drop(groups);
        if let Some(caller) = caller {
            caller.provider.give_back(id);
        }
        drop(section);
    }

    /// Whether allocators of another number space are in front of those of this one.
    #[cfg(MODULE)]
    pub(crate) fn is_behind(&self, space: SpaceId) -> bool {
        self.groups
            .lock()
            .first()
            .is_some_and(|group| group.space != space)
    }

    /// Registers an allocator. Sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the key is registered, `EAGAIN` if the default allocator has IDs, `EBUSY` if it
    /// does not `queue` and would have to, `ENOMEM`, `ENOSPC` after 2^32 registrations.
    pub(crate) fn register(
        &self,
        switch: &impl Switch,
        key: Key,
        space: SpaceId,
        provider: Arc<dyn Provider>,
        queue: Queue,
    ) -> Result {
        let mut last = self.admin.lock();
        let mut groups = self.groups.lock();
        if groups
            .iter()
            .any(|group| group.members.iter().any(|member| member.key == key))
        {
            return Err(EEXIST);
        }
        if let Some(group) = groups.iter_mut().find(|group| group.space == space) {
            let number = group.number;
            let active = Arc::new(Active { number, provider }, GFP_KERNEL)?;
            group.members.push(Member { key, active }, GFP_KERNEL)?;
            return Ok(());
        }

        if queue == Queue::No && !groups.is_empty() {
            return Err(EBUSY);
        }
        let next = last
            .checked_add(1)
            .filter(|next| *next < HOST)
            .ok_or(ENOSPC)?;
        let number = if space == SpaceId::HOST { HOST } else { next };
        let active = Arc::new(Active { number, provider }, GFP_KERNEL)?;
        let mut members = KVec::new();
        members.push(
            Member {
                key,
                active: active.clone(),
            },
            GFP_KERNEL,
        )?;
        let is_first = groups.is_empty();
        groups.push(
            Group {
                number,
                space,
                members,
            },
            GFP_KERNEL,
        )?;
        *last = next;
        drop(groups);

        if is_first {
            let close = || match queue {
                Queue::Yes => switch.close_default(),
                Queue::No => switch.close_default_for_host(),
            };
            let closed = close().or_else(|_| {
                // IDs freed with interrupts off may still be on their way.
                switch.catch_up();
                close()
            });
            if let Err(err) = closed {
                let failed = self.groups.lock().pop();
                drop(failed);
                return Err(err);
            }
            self.switch_to(Some(active));
        }
        Ok(())
    }

    /// Calls `each` with the number space of every allocator and the code that names numbers, in
    /// the order in which they are called. `each` may sleep, and register nothing.
    pub(crate) fn each(
        &self,
        mut each: impl FnMut(u32, Option<usize>) -> fmt::Result,
    ) -> fmt::Result {
        let groups = self.groups.lock();
        for group in groups.iter() {
            for member in group.members.iter() {
                each(group.number, member.active.provider.culprit())?;
            }
        }
        Ok(())
    }

    /// A registered allocator of which something is where `is_there` says.
    pub(crate) fn find_within(&self, is_there: &dyn Fn(usize) -> bool) -> Option<Key> {
        self.groups
            .lock()
            .iter()
            .flat_map(|group| group.members.iter())
            .find(|member| is_there(member.key.0) || member.active.provider.is_within(is_there))
            .map(|member| member.key)
    }

    /// Unregisters an allocator. On return none of its callbacks runs or will run. Sleeps.
    ///
    /// Returns the number of the space that it leaves behind, if nobody draws from it any more.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the key is not registered.
    pub(crate) fn unregister(
        &self,
        switch: &impl Switch,
        key: Key,
        farewell: Farewell,
    ) -> Result<Option<u32>> {
        let _admin = self.admin.lock();
        let mut groups = self.groups.lock();
        let (group_at, member_at) = groups
            .iter()
            .enumerate()
            .find_map(|(at, group)| {
                let member = group.members.iter().position(|member| member.key == key)?;
                Some((at, member))
            })
            .ok_or(ENOENT)?;
        let was_called = group_at == 0 && member_at == 0;

        let group = groups.get_mut(group_at).ok_or(ENOENT)?;
        let number = group.number;
        if group.members.len() > 1 {
            let gone = group.members.remove(member_at).ok();
            let survivor = group.caller();
            drop(groups);
            if was_called {
                self.switch_to(survivor);
            } else {
                self.active.synchronize();
            }
            drop(gone);
            return Ok(None);
        }
        // Where it is not found, no number is given back to it.
        let mut gone = None;
        if farewell == Farewell::Abrupt {
            gone = groups.remove(group_at).ok();
        }
        drop(groups);

        // Only what was called has numbers. Nobody else is called before they have arrived, or he
        // might be blamed for naming one of them: allocations wait for `admin`.
        if was_called {
            self.active.replace(None);
        }
        if farewell == Farewell::Orderly {
            if was_called {
                switch.end_rest();
            }
            gone = self.groups.lock().remove(group_at).ok();
        }
        // Numbers that are given back right now.
        self.active.synchronize();
        drop(gone);
        let next = self.groups.lock().first().and_then(Group::caller);
        if was_called {
            match next {
                Some(next) => self.switch_to(Some(next)),
                None => {
                    trace::allocator_switch(DEFAULT_PROVIDER, None);
                    switch.open_default();
                }
            }
        }
        Ok(Some(number))
    }
}
