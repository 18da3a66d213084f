// SPDX-License-Identifier: GPL-2.0

//! The side of an address space that the memory management sees. No locks here: whoever drops the
//! last user of an mm gets here, from anywhere.

use super::{
    Bond,
    Follower, //
};
use crate::{
    kapi::{
        deferred::{
            Lane,
            Remote, //
        },
        mm::MmExit,
        rcu_list::Reader, //
    },
    pool::Core,
};
use core::ops::Range;
use kernel::sync::{
    atomic::{
        Atomic,
        Full,
        Relaxed, //
    },
    rcu,
    Arc, //
};

/// What an mmu notifier calls.
pub(super) struct Exit {
    pool: Remote<Core>,
    follower: Arc<dyn Follower>,
    bonds: Reader<Arc<Bond>>,
    pasid: u32,
    /// Its mm has exited.
    exited: Atomic<bool>,
    /// It is about to be dropped, for which it is called as well.
    closing: Atomic<bool>,
}

impl Exit {
    pub(super) fn new(
        pool: Remote<Core>,
        follower: Arc<dyn Follower>,
        bonds: Reader<Arc<Bond>>,
        pasid: u32,
    ) -> Self {
        Self {
            pool,
            follower,
            bonds,
            pasid,
            exited: Atomic::new(false),
            closing: Atomic::new(false),
        }
    }

    pub(super) fn has_exited(&self) -> bool {
        self.exited.load(Relaxed)
    }

    /// Nothing is bound any more: what comes now is no exit that matters.
    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
    }
}

/// The part of an address space that the kernel means; none for the whole. So it is also when the
/// kernel frees page tables of its own, for it says where its half begins, and no end.
pub(crate) fn part(range: Range<usize>) -> Option<Range<usize>> {
    (range.end != usize::MAX).then_some(range)
}

impl MmExit for Exit {
    fn exiting(&self) {
        if self.closing.load(Relaxed) || self.exited.xchg(true, Full) {
            return;
        }
        if !self.bonds.is_empty() {
            self.follower.release();
        }
        self.pool.with(|pool| pool.kick(Lane::Late));
    }

    fn wants_ranges(&self) -> bool {
        self.follower.wants_ranges()
    }

    fn invalidate(&self, range: Range<usize>) {
        let range = part(range);
        let guard = rcu::read_lock();
        for bond in self.bonds.iter(&guard) {
            self.follower
                .invalidate(bond.device(), self.pasid, range.clone());
        }
    }
}
