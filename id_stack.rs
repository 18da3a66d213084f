// SPDX-License-Identifier: GPL-2.0

//! Lists without locks or memory of their own: objects of an array, linked by number.

use crate::kapi::id_array::{
    IdArray,
    Node, //
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    },
    rcu, //
};

/// Objects linked through one of their members. They stay in their array, and on no other list
/// that uses this member, until they are drained.
pub(crate) struct IdStack<T> {
    first: Atomic<u32>,
    link: fn(&T) -> &Atomic<u32>,
}

impl<T> IdStack<T> {
    pub(crate) const fn new(link: fn(&T) -> &Atomic<u32>) -> Self {
        Self {
            first: Atomic::new(0),
            link,
        }
    }

    /// Whether there was nothing on the list a moment ago.
    pub(crate) fn is_empty(&self) -> bool {
        self.first.load(Relaxed) == 0
    }

    /// Puts an object on the list. Any context.
    pub(crate) fn push(&self, object: &Node<T>) {
        let mut first = self.first.load(Relaxed);
        loop {
            (self.link)(object).store(first, Relaxed);
            match self.first.cmpxchg(first, object.id(), Full) {
                Ok(_) => return,
                Err(current) => first = current,
            }
        }
    }

    /// Takes the whole list and calls `each` for every number; it may take the object out.
    pub(crate) fn drain<D>(&self, array: &IdArray<T, D>, mut each: impl FnMut(u32)) {
        let mut id = self.first.xchg(0, Full);
        loop {
            let guard = rcu::read_lock();
            let Some(object) = array.lookup(id, &guard) else {
                return;
            };
            let next = (self.link)(object).load(Acquire);
            drop(guard);
            each(id);
            id = next;
        }
    }
}
