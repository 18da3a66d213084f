// SPDX-License-Identifier: GPL-2.0

//! Shared virtual addressing: devices bound to address spaces.
//!
//! Everything is in one book under one mutex, which is held while back ends are called. Under it
//! come the `mmap_lock` of the mm that is bound, [`Registry::admin`](crate::allocator::Registry),
//! and the locks of the IOMMU core; the lanes that are flushed under it do not take it. What runs
//! without it is what the memory management calls: [`exit`] has its side of an address space.

mod backend;
mod bond;
mod device;
mod exit;
mod host;
mod io_mm;

pub(crate) use self::{
    backend::{
        Attached,
        Backend,
        Follower,
        IommuCore, //
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
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::RBTree,
    sync::Mutex, //
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

/// The book, closed.
#[pin_data]
pub(crate) struct Sva {
    #[pin]
    book: Mutex<Book>,
}

impl Sva {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            book <- new_mutex!(Book {
                devices: RBTree::new(),
                mms: RBTree::new(),
                bonds: RBTree::new(),
                pinned: None,
            }, "Sva::book"),
        })
    }
}
