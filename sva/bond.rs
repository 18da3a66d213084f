// SPDX-License-Identifier: GPL-2.0

//! Bonds: one for each device and address space.

use super::{
    device::Enabled,
    io_mm::IoMm,
    list::BondRow,
    Attached,
    Book,
    MmKey,
    Naming, //
};
use crate::{
    id::INVALID,
    kapi::{
        device::address as address_of,
        iommu::group,
        module::Pinned,
        rcu_list::Spare, //
    },
    pool::{
        Lease,
        Pool, //
    },
    trace, //
};
use kernel::{
    device::Device,
    mm::{
        Mm,
        MmWithUser, //
    },
    prelude::*,
    rbtree::RBTreeNodeReservation,
    sync::{
        aref::ARef,
        Arc, //
    },
};

/// A device that is bound to an address space. Its address is what callers know it by.
pub(crate) struct Bond {
    device: ARef<Device>,
    pasid: u32,
}

impl Bond {
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn pasid(&self) -> u32 {
        self.pasid
    }
}

/// A bond with what the book says of it.
pub(super) struct Held {
    bond: Arc<Bond>,
    key: MmKey,
    lease: Lease,
    enabled: Arc<Enabled>,
    drvdata: usize,
    /// How often it was bound; each has a reference to the ID.
    count: u32,
    /// None if the device has gone.
    attached: Option<Attached>,
}

impl Held {
    /// What can be told of it.
    pub(super) fn row(&self) -> BondRow<'_> {
        BondRow {
            id: self.lease.id,
            device: self.bond.device().name().to_bytes(),
            count: self.count,
            is_attached: self.attached.is_some(),
        }
    }
}

/// The address that a bond is known by.
pub(super) fn address(bond: &Arc<Bond>) -> usize {
    core::ptr::from_ref::<Bond>(bond).addr()
}

/// Memory for what cannot fail any more.
struct Memory {
    held: RBTreeNodeReservation<usize, Held>,
    io_mm: RBTreeNodeReservation<MmKey, IoMm>,
}

/// Who is to be bound to what.
struct Request<'a> {
    device: &'a Device,
    mm: &'a MmWithUser,
    drvdata: usize,
    enabled: Arc<Enabled>,
    key: MmKey,
}

impl Pool {
    /// Binds a device to an address space. Sleeps, and takes the `mmap_lock`.
    ///
    /// # Errors
    ///
    /// - `EINVAL` if it is bound with other `drvdata`,
    /// - `ENODEV` if the device is not enabled, or the IOMMU driver refused,
    /// - `ESRCH` if the mm exits,
    /// - `EOVERFLOW` if the number of the mm is outside the limits of the device,
    /// - `ENOSPC` if no number or quota is left, or the device takes no more,
    /// - `EBUSY` if the number is taken, or freed and not reclaimed,
    /// - `EEXIST` if a custom allocator named a number twice,
    /// - `ENOMEM`, or `EINTR` if a signal came first,
    /// - what a subscriber or the back end said that refused it.
    pub(crate) fn bind(&self, device: &Device, mm: &Mm, drvdata: usize) -> Result<Arc<Bond>> {
        // Dropped after the book is closed: it may be the last user by then.
        let user = mm.mmget_not_zero().ok_or(ESRCH)?;
        let mut book = self.sva.open();
        let result = self.bind_in(&mut book, device, &user, drvdata);
        let bound = result.as_ref();
        trace::bind(
            device,
            bound.map_or(INVALID, |bond| bond.pasid()),
            bound.map_or(0, |bond| {
                book.bonds.get(&address(bond)).map_or(0, |b| b.count)
            }),
            bound.map_or_else(|err| err.to_errno(), |_| 0),
        );
        let seat = book.devices.get_mut(&address_of(device));
        if let Some(seat) = seat.filter(|seat| seat.is_enabled()) {
            seat.note(result.as_ref().err().copied());
        }
        result
    }

    fn bind_in(
        &self,
        book: &mut Book,
        device: &Device,
        mm: &MmWithUser,
        drvdata: usize,
    ) -> Result<Arc<Bond>> {
        let enabled = book
            .devices
            .get(&address_of(device))
            .and_then(|seat| seat.enabled())
            .ok_or(ENODEV)?;
        let key = MmKey {
            mm: mm.as_raw().addr(),
            backend: enabled.backend().key(),
        };
        if let Some(bond) = self.bind_again(book, device, key, drvdata)? {
            return Ok(bond);
        }
        if !enabled.takes_more() {
            return Err(ENOSPC);
        }
        self.drop_stale(book, key);
        let request = Request {
            device,
            mm,
            drvdata,
            enabled,
            key,
        };
        self.bind_new(book, request)
    }

    /// Takes one more reference to a bond that is there.
    fn bind_again(
        &self,
        book: &mut Book,
        device: &Device,
        key: MmKey,
        drvdata: usize,
    ) -> Result<Option<Arc<Bond>>> {
        let bond = book.mms.get(&key).and_then(|io_mm| io_mm.bond_of(device));
        let Some(held) = bond.and_then(|bond| book.bonds.get_mut(&address(&bond))) else {
            return Ok(None);
        };
        if held.drvdata != drvdata {
            return Err(EINVAL);
        }
        let count = held.count.checked_add(1).ok_or(EBUSY)?;
        self.get_leased(held.lease)?;
        held.count = count;
        Ok(Some(held.bond.clone()))
    }

    fn bind_new(&self, book: &mut Book, request: Request<'_>) -> Result<Arc<Bond>> {
        let memory = Memory {
            held: RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?,
            io_mm: RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?,
        };
        let backend = request.enabled.backend();
        let follower = match book.mms.get(&request.key) {
            Some(io_mm) => io_mm.follower(),
            None => backend.follow(request.mm)?,
        };
        let Memory { held, io_mm } = memory;
        let mut attached = None;
        if backend.naming() != Naming::Ours {
            let got = follower.attach(request.device, request.mm, None, true)?;
            attached = Some(got);
        }
        let named = attached.as_ref().map(|attached| attached.pasid);
        let is_new = book.mms.get(&request.key).is_none();
        let mut result = Ok(());
        if is_new {
            result = self
                .open_io_mm(&request, follower.clone(), named)
                .map(|new| {
                    let before = book.mms.insert(io_mm.into_node(request.key, new));
                    drop(before);
                });
        }
        let joined = result.and_then(|()| self.join(book, &request, &mut attached));
        match joined {
            Ok((bond, lease)) => {
                request.enabled.add();
                if book.pinned.is_none() {
                    book.pinned = Some(Pinned::new());
                }
                let entry = Held {
                    bond: bond.clone(),
                    key: request.key,
                    lease,
                    enabled: request.enabled,
                    drvdata: request.drvdata,
                    count: 1,
                    attached,
                };
                let before = book.bonds.insert(held.into_node(address(&bond), entry));
                drop(before);
                Ok(bond)
            }
            Err(err) => {
                // The reverse order: what is left of the device, then the address space.
                if let Some(attached) = attached {
                    follower.detach(request.device, attached, true);
                }
                drop(follower);
                if is_new {
                    // One that the IOMMU core has named stays, as after the last unbind: it has
                    // the number until it exits, and may be bound again at once.
                    self.close_if_unused(book, request.key);
                }
                Err(err)
            }
        }
    }

    /// Makes what is there once for an address space, with its ID.
    fn open_io_mm(
        &self,
        request: &Request<'_>,
        follower: Arc<dyn super::Follower>,
        named: Option<u32>,
    ) -> Result<IoMm> {
        let limits = request.enabled.limits();
        match named {
            Some(pasid) => {
                if !limits.contains(pasid) {
                    return Err(EOVERFLOW);
                }
                let naming = request.enabled.backend().naming();
                if naming == Naming::Shared {
                    let lease = self.share_lease(request.mm, pasid)?;
                    return IoMm::new(self.remote(), request.mm, follower, lease, naming)
                        .inspect_err(|_| self.leave_lease(lease));
                }
                let lease = self.adopt(request.mm, pasid)?;
                IoMm::new(self.remote(), request.mm, follower, lease, naming)
                    .inspect_err(|_| self.free_lease(lease))
            }
            None => {
                let lease = self.lease(request.mm, limits)?;
                IoMm::new(self.remote(), request.mm, follower, lease, Naming::Ours)
                    .inspect_err(|_| self.end_lease(lease))
            }
        }
    }

    /// Adds a device to an address space that is in the book. What was attached stays with the
    /// caller, whatever happens.
    fn join(
        &self,
        book: &mut Book,
        request: &Request<'_>,
        attached: &mut Option<Attached>,
    ) -> Result<(Arc<Bond>, Lease)> {
        let io_mm = book.mms.get_mut(&request.key).ok_or(ENODEV)?;
        let lease = io_mm.lease();
        if attached.as_ref().is_some_and(|a| a.pasid != lease.id) {
            return Err(EBUSY);
        }
        if !request.enabled.limits().contains(lease.id) {
            return Err(EOVERFLOW);
        }
        let bond = Arc::new(
            Bond {
                device: request.device.into(),
                pasid: lease.id,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        let spare = Spare::new(bond.clone())?;
        self.get_leased(lease)?;

        let is_first = io_mm.is_unused();
        let first_of_group = !io_mm.has_group(group(request.device));
        // From here on it is told of invalidations.
        io_mm.push(spare);
        let result = self.attach(io_mm, request, attached, first_of_group);
        if is_first {
            io_mm.set_tells(!self.is_attached(lease));
        }
        let is_told = is_first && io_mm.tells();
        let result = result.and_then(|()| if is_told { self.bond(lease) } else { Ok(()) });
        if let Err(err) = result {
            if let Some(attached) = attached.take() {
                io_mm
                    .follower()
                    .detach(request.device, attached, first_of_group);
            }
            io_mm.remove(&bond);
            self.put_leased(lease);
            return Err(err);
        }
        Ok((bond, lease))
    }

    fn attach(
        &self,
        io_mm: &IoMm,
        request: &Request<'_>,
        attached: &mut Option<Attached>,
        first: bool,
    ) -> Result {
        if attached.is_none() {
            let pasid = Some(io_mm.lease().id);
            let got = io_mm
                .follower()
                .attach(request.device, request.mm, pasid, first)?;
            *attached = Some(got);
        }
        Ok(())
    }

    /// Drops a reference to a bond, and with the last one unbinds the device. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such bond.
    pub(crate) fn unbind(&self, bond: usize) -> Result {
        let mut book = self.sva.open();
        let held = book.bonds.get_mut(&bond).ok_or(ENOENT)?;
        let lease = held.lease;
        held.count = held.count.saturating_sub(1);
        trace::unbind(held.bond.device(), lease.id, held.count, 0);
        if held.count != 0 {
            drop(book);
            self.put_leased(lease);
            return Ok(());
        }
        let mut unpinned = None;
        self.leave(&mut book, bond);
        let held = book.bonds.remove_node(&bond);
        if book.bonds.is_empty() {
            unpinned = book.pinned.take();
        }
        if let Some(held) = held {
            let (_, held) = held.to_key_value();
            held.enabled.sub();
            self.close_if_unused(&mut book, held.key);
            // Last: until then the number cannot come back as that of somebody else.
            self.put_leased(lease);
        }
        drop(book);
        drop(unpinned);
        Ok(())
    }

    /// Detaches the device of a bond, if it still is attached.
    pub(super) fn leave(&self, book: &mut Book, bond: usize) {
        let Some(held) = book.bonds.get_mut(&bond) else {
            return;
        };
        let Some(attached) = held.attached.take() else {
            return;
        };
        let Some(io_mm) = book.mms.get_mut(&held.key) else {
            return;
        };
        let device = held.bond.device();
        if io_mm.tells() && io_mm.has_only(&held.bond) {
            self.unbond(held.lease);
        }
        let last_of_group = !io_mm.has_other_of_group(&held.bond, group(device));
        io_mm.follower().detach(device, attached, last_of_group);
        io_mm.remove(&held.bond);
    }

    /// Detaches a device from all address spaces. Returns from how many.
    pub(super) fn leave_all(
        &self,
        book: &mut Book,
        which: impl Fn(&Device, &Enabled) -> bool,
    ) -> u32 {
        let mut left = 0;
        loop {
            let found = book.bonds.iter().find(|(_, held)| {
                held.attached.is_some() && which(held.bond.device(), &held.enabled)
            });
            let Some((bond, key)) = found.map(|(bond, held)| (*bond, held.key)) else {
                return left;
            };
            self.leave(book, bond);
            self.close_if_unused(book, key);
            left += 1;
        }
    }

    /// Forgets all bonds, which nobody can unbind any more.
    pub(super) fn forget_bonds(&self, book: &mut Book) -> u32 {
        let left = self.leave_all(book, |_, _| true);
        while let Some(held) = book.bonds.cursor_front_mut() {
            let (_, held) = held.remove_current();
            let (_, held) = held.to_key_value();
            for _ in 0..held.count {
                self.put_leased(held.lease);
            }
        }
        left
    }
}
