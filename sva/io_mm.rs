// SPDX-License-Identifier: GPL-2.0

//! Address spaces: what is there once for each, however many devices are bound to it.

use super::{
    bond::address,
    exit::Exit,
    Bond,
    Book,
    Follower,
    MmKey,
    Naming, //
};
use crate::{
    kapi::{
        deferred::{
            Lane,
            Remote, //
        },
        device::address as address_of,
        iommu::group,
        mm::MmWatch,
        rcu_list::{
            Spare,
            Writer, //
        },
    },
    pool::{
        Core,
        Lease,
        Pool, //
    },
};
use kernel::{
    device::Device,
    mm::MmWithUser,
    prelude::*,
    sync::Arc, //
};

/// An address space that a back end follows. It pins the memory of the mm, never its users: the mm
/// exits when it likes.
///
/// One that has no devices stays unless its number is ours: the next device gets the same.
pub(super) struct IoMm {
    // Dropped first: nobody calls any more.
    watch: Pin<KBox<MmWatch<Exit>>>,
    bonds: Writer<Arc<Bond>>,
    lease: Lease,
    naming: Naming,
    /// Whether subscribers are told of devices from here, and not by the IOMMU driver.
    tells: bool,
    /// The ID was freed because the mm has exited.
    is_over: bool,
    follower: Arc<dyn Follower>,
}

impl IoMm {
    /// Makes it complete, and then has it called.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or `EINTR` if a signal came first.
    pub(super) fn new(
        pool: Remote<Core>,
        mm: &MmWithUser,
        follower: Arc<dyn Follower>,
        lease: Lease,
        naming: Naming,
    ) -> Result<Self> {
        let bonds = Writer::new()?;
        let exit = Exit::new(pool, follower.clone(), bonds.reader(), lease.id);
        Ok(Self {
            watch: KBox::pin_init(MmWatch::new(mm, exit), GFP_KERNEL_ACCOUNT)?,
            bonds,
            lease,
            naming,
            tells: true,
            is_over: false,
            follower,
        })
    }

    pub(super) fn lease(&self) -> Lease {
        self.lease
    }

    pub(super) fn tells(&self) -> bool {
        self.tells
    }

    /// Whether subscribers are to be told of the devices that are bound from now on.
    pub(super) fn set_tells(&mut self, tells: bool) {
        self.tells = tells;
    }

    pub(super) fn follower(&self) -> Arc<dyn Follower> {
        self.follower.clone()
    }

    /// Whether no device is bound.
    pub(super) fn is_unused(&self) -> bool {
        self.bonds.is_empty()
    }

    pub(super) fn bond_of(&self, device: &Device) -> Option<Arc<Bond>> {
        self.bonds
            .iter()
            .find(|bond| address_of(bond.device()) == address_of(device))
            .cloned()
    }

    /// Whether a bond is the only one.
    pub(super) fn has_only(&self, bond: &Arc<Bond>) -> bool {
        self.bonds
            .iter()
            .all(|other| address(other) == address(bond))
    }

    /// Whether a device of the IOMMU group is bound.
    pub(super) fn has_group(&self, of: usize) -> bool {
        of != 0 && self.bonds.iter().any(|bond| group(bond.device()) == of)
    }

    /// Whether another device of the IOMMU group is bound.
    pub(super) fn has_other_of_group(&self, bond: &Arc<Bond>, of: usize) -> bool {
        of != 0
            && self
                .bonds
                .iter()
                .any(|other| address(other) != address(bond) && group(other.device()) == of)
    }

    pub(super) fn push(&mut self, bond: Spare<Arc<Bond>>) {
        self.bonds.push(bond);
    }

    /// Takes a bond out. When this returns it is told of nothing any more. Sleeps.
    pub(super) fn remove(&mut self, bond: &Arc<Bond>) {
        let gone = self.bonds.remove(|other| address(other) == address(bond));
        drop(gone);
    }

    /// Calls nothing of the back end any more if something of it is where `is_there` says.
    pub(super) fn abandon_within(&self, is_there: &dyn Fn(usize) -> bool) {
        if self.follower.is_within(is_there) {
            self.follower.abandon();
        }
    }

    /// Stops following. The ID is free when its last reference is gone. Sleeps.
    fn end(self, pool: &Pool) {
        let Self {
            watch,
            lease,
            naming,
            follower,
            bonds,
            ..
        } = self;
        watch.close();
        drop(watch);
        drop(bonds);
        // Before the number can be somebody else's: what the back end has may go by it.
        drop(follower);
        match naming {
            Naming::Ours => pool.end_lease(lease),
            Naming::Adopted => pool.free_lease(lease),
            Naming::Shared => pool.leave_lease(lease),
        }
    }
}

impl Pool {
    /// Ends an address space that no device is bound to.
    pub(super) fn dissolve(&self, book: &mut Book, key: MmKey) {
        if let Some(io_mm) = book.mms.remove_node(&key) {
            let (_, io_mm) = io_mm.to_key_value();
            io_mm.end(self);
        }
    }

    /// Ends an address space if it has lost its last device, and there is nothing to keep.
    pub(super) fn close_if_unused(&self, book: &mut Book, key: MmKey) {
        let is_done = book.mms.get(&key).is_some_and(|io_mm| {
            io_mm.is_unused() && (io_mm.is_over || io_mm.naming == Naming::Ours)
        });
        if is_done {
            self.dissolve(book, key);
        }
    }

    /// Ends an address space without devices if somebody else has freed its ID: the number can be
    /// adopted again.
    pub(super) fn drop_stale(&self, book: &mut Book, key: MmKey) {
        let is_stale = book
            .mms
            .get(&key)
            .is_some_and(|io_mm| io_mm.is_unused() && !self.has_lease(io_mm.lease));
        if is_stale {
            self.dissolve(book, key);
        }
    }

    /// What the late lane does: frees the IDs of address spaces that have exited, and forgets
    /// devices that are gone.
    pub(crate) fn tidy_bonds(&self) {
        while self.tidy_exited() {}
        self.tidy_devices();
    }

    /// Returns whether there was one.
    fn tidy_exited(&self) -> bool {
        let mut book = self.sva.open();
        let found = book
            .mms
            .iter_mut()
            .find(|(_, io_mm)| io_mm.watch.has_exited() && !io_mm.is_over);
        let Some((key, io_mm)) = found else {
            return false;
        };
        io_mm.is_over = true;
        let (key, lease, is_unused) = (*key, io_mm.lease, io_mm.is_unused());
        let gone = if is_unused {
            book.mms.remove_node(&key)
        } else {
            None
        };
        drop(book);
        // Its bonds have references to the ID: the number does not come back before they go.
        self.free_lease(lease);
        if let Some(gone) = gone {
            let (_, io_mm) = gone.to_key_value();
            let is_shared = io_mm.naming == Naming::Shared;
            drop(io_mm);
            if is_shared {
                self.leave_lease(lease);
            }
        }
        true
    }

    /// Ends all bonds, whoever has them. Sleeps.
    pub(crate) fn end_all_bonds(&self) {
        let mut book = self.sva.open();
        let left = self.forget_bonds(&mut book);
        while let Some((key, _)) = book.mms.iter().next() {
            let key = *key;
            self.dissolve(&mut book, key);
        }
        drop(book);
        if left != 0 {
            pr_warn!("{left} devices were never unbound\n");
        }
        self.forget_devices();
        self.kick(Lane::Late);
        self.flush_late();
        self.flush();
    }
}
