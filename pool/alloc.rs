// SPDX-License-Identifier: GPL-2.0

//! Allocation: by the default allocator, or from a custom one.

use super::Pool;
use crate::{
    allocator::Active,
    entry::DEFAULT_PROVIDER,
    id::{
        is_number,
        IdRange, //
    },
    kapi::report::complain,
    set::{
        Owner,
        SetTag, //
    },
    space::{
        Named,
        Policy,
        PublishError,
        Published, //
    },
    trace, //
};
use core::ffi::c_void;
use kernel::{
    prelude::*,
    sync::rcu, //
};

/// How often a custom allocator is asked again when it names numbers that are still in use from
/// the time of another one.
const MAX_KEPT_ASIDE: u32 = 64;

impl Pool {
    /// Allocates an ID, by the policy of its set if none is given. Sleeps.
    ///
    /// # Errors
    ///
    /// - `EINVAL` if the range is beyond the capacity or there is no such set,
    /// - `EBUSY` if the set gets no more IDs,
    /// - `ENOSPC` if no number or no quota is left, or if a custom allocator gave no number or one
    ///   out of range,
    /// - `EEXIST` if a custom allocator named a number twice,
    /// - `ENOMEM`.
    pub(crate) fn alloc(
        &self,
        set: SetTag,
        range: IdRange,
        policy: Option<Policy>,
        private: *mut c_void,
    ) -> Result<u32> {
        if set == SetTag::NONE {
            return self.alloc_for(
                Owner::KERNEL,
                range,
                policy.unwrap_or(Policy::Lowest),
                private,
            );
        }
        self.alloc_in(set, range, policy, private)
    }

    #[inline(never)]
    fn alloc_in(
        &self,
        set: SetTag,
        range: IdRange,
        policy: Option<Policy>,
        private: *mut c_void,
    ) -> Result<u32> {
        let guard = rcu::read_lock();
        let found = self.space.sets.find(set, &guard).ok_or(EINVAL)?;
        let (owner, usual) = (found.owner(), found.policy());
        drop(guard);
        self.alloc_for(owner, range, policy.unwrap_or(usual), private)
    }

    /// Inline, for much of it is for one kind of owner or for the other.
    #[inline(always)]
    pub(super) fn alloc_for(
        &self,
        owner: Owner,
        range: IdRange,
        policy: Policy,
        private: *mut c_void,
    ) -> Result<u32> {
        if !self.registry.has_custom() {
            let entry = match self.space.prepare(owner, DEFAULT_PROVIDER, private) {
                Ok(entry) => entry,
                Err(err) => return Err(self.alloc_failed(owner, range, err)),
            };
            match self.space.publish_quickly(entry, range, policy) {
                Ok(new) => return Ok(self.allocated(owner, range, new).id()),
                Err(PublishError::Closed) => self.registry.wait_for_switch(),
                Err(PublishError::Failed(err)) => {
                    return Err(self.alloc_failed(owner, range, err));
                }
            }
        }
        self.alloc_any(owner, range, policy, private)
            .map(Published::id)
    }

    /// Allocates from whichever allocator is active. Waits for a switch.
    #[inline(never)]
    pub(super) fn alloc_any(
        &self,
        owner: Owner,
        range: IdRange,
        policy: Policy,
        private: *mut c_void,
    ) -> Result<Published> {
        loop {
            if self.registry.has_custom() {
                if let Some(result) = self.alloc_custom(owner, range, private) {
                    return result;
                }
            }
            let entry = match self.space.prepare(owner, DEFAULT_PROVIDER, private) {
                Ok(entry) => entry,
                Err(err) => return Err(self.alloc_failed(owner, range, err)),
            };
            match self.space.publish(entry, range, policy) {
                Ok(new) => return Ok(self.allocated(owner, range, new)),
                Err(PublishError::Closed) => self.registry.wait_for_switch(),
                Err(PublishError::Failed(err)) => {
                    return Err(self.alloc_failed(owner, range, err));
                }
            }
        }
    }

    /// Tells of an ID that was allocated.
    #[inline(always)]
    fn allocated(&self, owner: Owner, range: IdRange, new: Published) -> Published {
        trace::alloc(owner, range, Ok(new.id()));
        if new.is_busy() {
            self.announce(new.id());
        }
        new
    }

    #[cold]
    fn alloc_failed(&self, owner: Owner, range: IdRange, err: Error) -> Error {
        trace::alloc(owner, range, Err(err));
        if owner != Owner::KERNEL {
            // It may have been the last one for a moment.
            self.set_is_empty();
        }
        err
    }

    /// Allocates from the custom allocator, if there still is one.
    #[cold]
    fn alloc_custom(
        &self,
        owner: Owner,
        range: IdRange,
        private: *mut c_void,
    ) -> Option<Result<Published>> {
        let active = self.registry.active();
        let allocator = active.get()?;
        let result = if range.max() >= self.space.capacity() {
            Err(EINVAL)
        } else {
            self.alloc_from(allocator, owner, range, private)
        };
        drop(active);
        Some(match result {
            Ok(new) => Ok(self.allocated(owner, range, new)),
            Err(err) => Err(self.alloc_failed(owner, range, err)),
        })
    }

    fn alloc_from(
        &self,
        allocator: &Active,
        owner: Owner,
        range: IdRange,
        private: *mut c_void,
    ) -> Result<Published> {
        let provider = allocator.provider();
        let mut entry = self.space.prepare(owner, allocator.number(), private)?;
        for _ in 0..=MAX_KEPT_ASIDE {
            // Nobody is asked for a number that its set may not have.
            self.space.may_charge(owner)?;
            let id = provider.pick(range);
            if !is_number(id) {
                self.space.count_failure(owner);
                return Err(ENOSPC);
            }
            if !range.contains(id) {
                complain(
                    c"number outside the requested range",
                    id,
                    provider.culprit(),
                );
                provider.give_back(id);
                self.space.count_failure(owner);
                return Err(ENOSPC);
            }
            match self.space.publish_at(entry, id) {
                Ok(Named::Published(new)) => return Ok(new),
                Ok(Named::KeptAside(back)) => entry = back,
                Ok(Named::Duplicate) => {
                    complain(c"number named twice", id, provider.culprit());
                    return Err(EEXIST);
                }
                Err(err) => {
                    provider.give_back(id);
                    return Err(err);
                }
            }
        }
        self.space.count_failure(owner);
        Err(ENOSPC)
    }
}
