// SPDX-License-Identifier: GPL-2.0

//! A list that is walked under RCU and changed by one writer. Target: `rust/kernel/list.rs`.

use super::context::synchronize_rcu;
use core::ptr;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        rcu,
        Arc, //
    },
};

/// One place in a list.
struct Link<T> {
    value: T,
    next: Atomic<*mut Link<T>>,
}

/// A value with the memory that it needs in a list.
pub(crate) struct Spare<T>(KBox<Link<T>>);

impl<T> Spare<T> {
    /// Allocates the memory. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(value: T) -> Result<Self> {
        let link = Link {
            value,
            next: Atomic::new(ptr::null_mut()),
        };
        Ok(Self(KBox::new(link, GFP_KERNEL_ACCOUNT)?))
    }
}

/// Where a list begins.
///
/// # Invariants
///
/// `first` and the `next` of each link that can be reached from it are null or come from
/// [`KBox::into_raw`], and only the [`Writer`] changes them. A link that it takes out lives until
/// every reader that could have seen it is done.
struct Head<T> {
    first: Atomic<*mut Link<T>>,
}

// SAFETY: Readers get `&T`, and values are moved in and out, which is what the bounds allow.
unsafe impl<T: Send + Sync> Send for Head<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync> Sync for Head<T> {}

impl<T> Head<T> {
    fn values<'g>(&'g self, _guard: &'g rcu::Guard) -> impl Iterator<Item = &'g T> {
        let mut next = self.first.load(Acquire);
        core::iter::from_fn(move || {
            // SAFETY: By the type invariants it is null or a link that lives for as long as the
            // read section in which it was loaded.
            let link = unsafe { next.as_ref::<'g>() }?;
            next = link.next.load(Acquire);
            Some(&link.value)
        })
    }
}

impl<T> Drop for Head<T> {
    fn drop(&mut self) {
        let mut next = self.first.load(Relaxed);
        while !next.is_null() {
            // SAFETY: By the type invariants; neither readers nor the writer are left.
            let link = unsafe { KBox::from_raw(next) };
            next = link.next.load(Relaxed);
        }
    }
}

/// Walks a list.
pub(crate) struct Reader<T>(Arc<Head<T>>);

impl<T> Reader<T> {
    /// Those in the list, the last one in first.
    pub(crate) fn iter<'g>(&'g self, guard: &'g rcu::Guard) -> impl Iterator<Item = &'g T> {
        self.0.values(guard)
    }

    /// Whether there was nothing in the list a moment ago.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.first.load(Relaxed).is_null()
    }
}

/// Changes a list. There is one for each.
pub(crate) struct Writer<T>(Arc<Head<T>>);

impl<T> Writer<T> {
    /// Makes an empty list. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        // INVARIANT: Empty.
        let head = Head {
            first: Atomic::new(ptr::null_mut()),
        };
        Ok(Self(Arc::new(head, GFP_KERNEL_ACCOUNT)?))
    }

    /// Somebody who may walk the list.
    pub(crate) fn reader(&self) -> Reader<T> {
        Reader(self.0.clone())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.first.load(Relaxed).is_null()
    }

    /// Those in the list. As the writer is borrowed they stay.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'_ T> {
        let mut next = self.0.first.load(Relaxed);
        core::iter::from_fn(move || {
            // SAFETY: By the type invariants of the head it is null or a link, which nobody takes
            // out as long as the only writer is borrowed.
            let link = unsafe { next.as_ref() }?;
            next = link.next.load(Relaxed);
            Some(&link.value)
        })
    }

    /// Puts a value in.
    pub(crate) fn push(&mut self, spare: Spare<T>) {
        let Spare(link) = spare;
        link.next.store(self.0.first.load(Relaxed), Relaxed);
        // INVARIANT: Complete when it can be reached.
        self.0.first.store(KBox::into_raw(link), Release);
    }

    /// Takes out the first value that is as asked for. No reader can see it any more when this
    /// returns. Sleeps.
    pub(crate) fn remove(&mut self, which: impl Fn(&T) -> bool) -> Option<T> {
        let mut place = &self.0.first;
        loop {
            let at = place.load(Relaxed);
            // SAFETY: As in `iter`; the writer is borrowed exclusively.
            let link = unsafe { at.as_ref() }?;
            if which(&link.value) {
                place.store(link.next.load(Relaxed), Release);
                synchronize_rcu();
                // SAFETY: It came from `KBox::into_raw` and cannot be reached; those who have seen
                // it are done.
                let link = unsafe { KBox::from_raw(at) };
                return Some(KBox::into_inner(link).value);
            }
            place = &link.next;
        }
    }
}
