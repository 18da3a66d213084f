// SPDX-License-Identifier: GPL-2.0

//! KUnit suites for the inside. Each case works on a pool of its own.

mod allocator;
mod debugfs;
mod free_map;
mod id_array;
mod iommu;
mod names;
mod pool;
mod quota;
mod set;
mod space;
mod state;
mod sva;

use crate::{
    allocator::{
        Key,
        Provider,
        SpaceId, //
    },
    ffi,
    id::{
        IdRange,
        INVALID, //
    },
    pool::{
        Caches,
        Pool, //
    },
    set::SetTag,
    space::Policy, //
};
use core::{
    ffi::c_void,
    ptr, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        rcu,
        Arc, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};

/// The set of those who do not say which.
const ANY: SetTag = SetTag::NONE;

/// A rest that no case lives to see the end of, in milliseconds.
const AN_HOUR: u32 = 3_600_000;

/// A pool that nobody else knows.
type OwnPool = Pin<KBox<Pool>>;

/// The slab cache is the one of the module's own pool.
fn new_pool() -> Result<OwnPool> {
    KBox::pin_init(crate::pool::new(caches()?, 0), GFP_KERNEL)
}

fn caches() -> Result<Caches> {
    let pool = ffi::pool().ok_or(ENODEV)?;
    Ok(Caches {
        entries: pool.space.cache(),
        sets: pool.space.sets.cache(),
    })
}

/// Allocates the lowest ID in a range for the kernel's own set.
fn alloc(pool: &Pool, min: u32, max: u32) -> Result<u32> {
    alloc_by(pool, Policy::Lowest, min, max)
}

fn alloc_by(pool: &Pool, policy: Policy, min: u32, max: u32) -> Result<u32> {
    let range = IdRange::new(min, max)?;
    pool.alloc(ANY, range, Some(policy), ptr::null_mut())
}

/// Numbers that are the same in each run, by xorshift.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// One below `end`.
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // CAST: Less than `end`.
        ((self.0 >> 33) % u64::from(end)) as u32
    }
}

/// The private data of an ID.
fn find(pool: &Pool, set: SetTag, id: u32) -> Result<*mut c_void> {
    pool.find(&rcu::read_lock(), set, id)
}

/// A custom allocator that says what it was told to say, and counts.
struct Script {
    /// What to name next; the next call names one more. `INVALID` stays `INVALID`.
    next: Atomic<u32>,
    /// Named again and again if not 0.
    stuck: Atomic<u32>,
    picks: Atomic<u32>,
    /// How long a number takes to return, in milliseconds.
    slow: Atomic<u32>,
    returned: Atomic<u32>,
    last_returned: Atomic<u32>,
}

impl Script {
    fn new(first: u32) -> Result<Arc<Self>> {
        Ok(Arc::new(
            Self {
                next: Atomic::new(first),
                stuck: Atomic::new(0),
                picks: Atomic::new(0),
                slow: Atomic::new(0),
                returned: Atomic::new(0),
                last_returned: Atomic::new(0),
            },
            GFP_KERNEL,
        )?)
    }

    fn returned(&self) -> u32 {
        self.returned.load(Relaxed)
    }

    /// Registers it under its address, with a number space of that number.
    fn register(self: &Arc<Self>, pool: &Pool, space: usize) -> Result {
        pool.register(self.key(), SpaceId(space, space), self.clone())
    }

    fn key(self: &Arc<Self>) -> Key {
        Key(ptr::from_ref::<Self>(self).addr())
    }
}

impl Provider for Script {
    fn pick(&self, _range: IdRange) -> u32 {
        self.picks.fetch_add(1, Relaxed);
        let stuck = self.stuck.load(Relaxed);
        if stuck != 0 {
            return stuck;
        }
        let id = self.next.load(Relaxed);
        if id != INVALID {
            self.next.store(id + 1, Relaxed);
        }
        id
    }

    fn give_back(&self, id: u32) {
        let slow = self.slow.load(Relaxed);
        if slow != 0 {
            fsleep(Delta::from_millis(slow.into()));
        }
        self.returned.fetch_add(1, Relaxed);
        self.last_returned.store(id, Relaxed);
    }
}
