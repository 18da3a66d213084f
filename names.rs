// SPDX-License-Identifier: GPL-2.0

//! Who holds references, by name: what explains an ID that does not come back.
//!
//! Kept beside the entries; get and put without a name never come here.

use crate::kapi::{
    context::{
        self,
        SpinSection, //
    },
    irq_lock::IrqSpinLock,
    task::until_nul, //
};
use kernel::{
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    static_lock_class,
};

/// The name of a holder, cut to fit and padded with zeroes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name([u8; Name::SIZE]);

impl Name {
    const SIZE: usize = 31;

    pub(crate) fn new(name: &CStr) -> Self {
        let mut buf = [0; Self::SIZE];
        for (to, from) in buf.iter_mut().zip(name.to_bytes()) {
            *to = *from;
        }
        Self(buf)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        until_nul(&self.0)
    }
}

/// References by ID and name.
#[pin_data]
pub(crate) struct Names {
    #[pin]
    counts: IrqSpinLock<RBTree<(u32, Name), u32>>,
}

impl Names {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            counts <- IrqSpinLock::new(RBTree::new(), c"Names::counts", static_lock_class!()),
        })
    }

    /// Whether the lock may not be taken here.
    fn out_of_reach() -> bool {
        context::is_rt() && context::must_defer()
    }

    /// Notes one more reference. Nothing is noted if there is no memory, or if `PREEMPT_RT` does
    /// not let us lock.
    pub(crate) fn add(&self, id: u32, name: Name) {
        if Self::out_of_reach() {
            return;
        }
        let _section = SpinSection::enter();
        let key = (id, name);
        let mut spare = None;
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&key) {
            *count = count.saturating_add(1);
            return;
        }
        drop(counts);
        if let Ok(node) = RBTreeNodeReservation::new(GFP_ATOMIC | __GFP_NOWARN) {
            let node = node.into_node(key, 1);
            counts = self.counts.lock();
            if let Some(count) = counts.get_mut(&key) {
                // Somebody else was faster.
                *count = count.saturating_add(1);
                spare = Some(node);
            } else {
                counts.insert(node);
            }
            drop(counts);
        }
        drop(spare);
    }

    /// Notes one reference less. A name that was not noted is no error.
    pub(crate) fn remove(&self, id: u32, name: Name) {
        if Self::out_of_reach() {
            return;
        }
        let _section = SpinSection::enter();
        let key = (id, name);
        let mut counts = self.counts.lock();
        let gone = match counts.get_mut(&key) {
            Some(count) if *count > 1 => {
                *count -= 1;
                None
            }
            Some(_) => counts.remove_node(&key),
            None => None,
        };
        drop(counts);
        drop(gone);
    }

    /// Forgets the names of an ID. Not where the lock is out of reach.
    pub(crate) fn clear(&self, id: u32) {
        while let Some((name, _)) = self.first_after(id, None) {
            let gone = self.counts.lock().remove_node(&(id, name));
            drop(gone);
        }
    }

    /// The first name of an ID, or the first one behind `after`, and its number of references.
    pub(crate) fn first_after(&self, id: u32, after: Option<Name>) -> Option<(Name, u32)> {
        let counts = self.counts.lock();
        let start = (id, after.unwrap_or(Name([0; Name::SIZE])));
        let cursor = counts.cursor_lower_bound(&start)?;
        let (key, count) = match after {
            Some(name) if *cursor.current().0 == (id, name) => cursor.peek_next()?,
            _ => cursor.current(),
        };
        (key.0 == id).then_some((key.1, *count))
    }
}
