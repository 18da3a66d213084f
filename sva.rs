// SPDX-License-Identifier: GPL-2.0

//! Shared virtual addressing: devices bound to address spaces.
//!
//! Everything is in one book, which one task has at a time, also while it calls back ends. With the
//! book open it takes the `mmap_lock` of the mm that is bound, the locks of the registered
//! allocators and those of the IOMMU core; the lanes that it flushes do without the book. So does
//! what the memory management calls: [`exit`] has its side of an address space.

mod backend;
mod bond;
mod device;
pub(crate) mod exit;
#[cfg(MODULE)]
mod host;
mod io_mm;
mod list;
#[cfg(not(MODULE))]
mod no_host;

pub(crate) use self::{
    backend::{
        Attached,
        Backend,
        Follower,
        IommuCore,
        Naming, //
    },
    bond::Bond,
    device::Limits, //
};

use self::{
    bond::Held,
    device::Seat,
    io_mm::IoMm, //
};
use crate::kapi::module::Pinned;
use core::{
    mem,
    ops::{
        Deref,
        DerefMut, //
    },
};
use kernel::{
    new_condvar, new_mutex,
    prelude::*,
    rbtree::RBTree,
    sync::{
        CondVar,
        Mutex, //
    },
};

/// What an address space is known by: the address of its mm, and the key of the back end that
/// follows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct MmKey {
    mm: usize,
    backend: usize,
}

/// Everything about devices and address spaces.
struct Book {
    /// By the address of the device.
    devices: RBTree<usize, Seat>,
    mms: RBTree<MmKey, IoMm>,
    /// By the address of the bond.
    bonds: RBTree<usize, Held>,
    /// Held while there are bonds.
    pinned: Option<Pinned>,
}

impl Book {
    fn new() -> Self {
        Self {
            devices: RBTree::new(),
            mms: RBTree::new(),
            bonds: RBTree::new(),
            pinned: None,
        }
    }
}

/// The book, which one has at a time.
///
/// No mutex: who has the book calls subscribers and custom allocators, who are called with no lock
/// held. None of them can want the book, for they must neither bind nor unbind.
#[pin_data]
pub(crate) struct Sva {
    #[pin]
    shelf: Mutex<Option<Book>>,
    #[pin]
    returned: CondVar,
}

impl Sva {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            shelf <- new_mutex!(Some(Book::new()), "Sva::shelf"),
            returned <- new_condvar!("Sva::returned"),
        })
    }

    /// Takes the book, when it is returned. Sleeps.
    fn open(&self) -> Open<'_> {
        let mut shelf = self.shelf.lock();
        loop {
            if let Some(book) = shelf.take() {
                return Open { sva: self, book };
            }
            self.returned.wait(&mut shelf);
        }
    }
}

/// The book, taken from the shelf. It is put back when this is dropped.
struct Open<'a> {
    sva: &'a Sva,
    book: Book,
}

impl Deref for Open<'_> {
    type Target = Book;

    fn deref(&self) -> &Book {
        &self.book
    }
}

impl DerefMut for Open<'_> {
    fn deref_mut(&mut self) -> &mut Book {
        &mut self.book
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let book = mem::replace(&mut self.book, Book::new());
        // What was there is none.
        *self.sva.shelf.lock() = Some(book);
        self.sva.returned.notify_one();
    }
}
