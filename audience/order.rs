// SPDX-License-Identifier: GPL-2.0

//! The subscribers of all scopes in the order in which they are called.

use super::{
    Scope,
    Subscribers, //
};
use core::cmp::Reverse;
use kernel::sync::{
    atomic::Relaxed,
    rcu, //
};

/// Where a subscription is in the order: the lowest is called first.
pub(crate) type Rank = (Reverse<i32>, u64);

/// What can be told of a subscription.
pub(crate) struct Called {
    pub(crate) rank: Rank,
    pub(crate) scope: Scope,
    /// The code that is called.
    pub(crate) culprit: Option<usize>,
}

impl Called {
    pub(crate) fn priority(&self) -> i32 {
        self.rank.0 .0
    }
}

impl Subscribers {
    /// The first one to be called, or the one after `at`.
    pub(crate) fn next_called(&self, at: Option<Rank>) -> Option<Called> {
        let guard = rcu::read_lock();
        let all = self.get(&guard).map_or(&[][..], |audience| &audience.all);
        all.iter()
            .filter(|one| !one.gone.load(Relaxed))
            .map(|one| ((Reverse(one.priority), one.number), one))
            .filter(|(rank, _)| at.is_none_or(|at| *rank > at))
            .min_by_key(|(rank, _)| *rank)
            .map(|(rank, one)| Called {
                rank,
                scope: one.scope,
                culprit: one.listener.culprit(),
            })
    }
}
