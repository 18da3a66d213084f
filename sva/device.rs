// SPDX-License-Identifier: GPL-2.0

//! Devices: whether address spaces can be bound to them, and why not.

use super::{
    list::DeviceRow,
    Backend,
    Book,
    IommuCore, //
};
use crate::{
    id::{
        IdRange,
        INVALID,
        LIMIT, //
    },
    kapi::{
        bus::DeviceWatch,
        deferred::Lane,
        device::address as address_of,
        iommu::{
            self,
            not_supported, //
        },
        report::may_say,
    },
    pool::Pool,
};
use kernel::{
    alloc::AllocError,
    dev_err, dev_warn,
    device::Device,
    prelude::*,
    rbtree::RBTreeNode,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

/// What a driver asks for. 0 is no limit.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) min: u32,
    pub(crate) max: u32,
    /// How many address spaces.
    pub(crate) most: u32,
}

/// A device on which SVA is enabled, from then until it is disabled.
pub(super) struct Enabled {
    backend: Arc<dyn Backend>,
    limits: IdRange,
    most: u32,
    /// Changed with the book open only.
    bonds: Atomic<u32>,
}

impl Enabled {
    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Whether the IOMMU core serves it.
    fn by_core(&self) -> bool {
        self.backend.key() == IommuCore::KEY
    }

    pub(super) fn limits(&self) -> IdRange {
        self.limits
    }

    pub(super) fn takes_more(&self) -> bool {
        self.most == 0 || self.bonds.load(Relaxed) < self.most
    }

    pub(super) fn add(&self) {
        self.bonds.fetch_add(1, Relaxed);
    }

    pub(super) fn sub(&self) {
        self.bonds.fetch_sub(1, Relaxed);
    }
}

/// What the book says of a device.
pub(super) struct Seat {
    device: ARef<Device>,
    /// Not to be dropped with the book open: somebody may be called by it who waits for the book.
    _watch: Pin<KBox<DeviceWatch>>,
    enabled: Option<Arc<Enabled>>,
    /// How often it was given to the host allocator.
    shares: u32,
    /// Why the last bind failed.
    why: Option<&'static CStr>,
}

impl Seat {
    fn new(device: &Device, watch: Pin<KBox<DeviceWatch>>) -> Self {
        Self {
            device: device.into(),
            _watch: watch,
            enabled: None,
            shares: 0,
            why: None,
        }
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.enabled.is_some()
    }

    pub(super) fn enabled(&self) -> Option<Arc<Enabled>> {
        self.enabled.clone()
    }

    /// What can be told of it.
    pub(super) fn row(&self) -> DeviceRow<'_> {
        let enabled = self.enabled.as_deref();
        DeviceRow {
            name: self.device.name().to_bytes(),
            by_core: enabled.map(Enabled::by_core),
            bonds: enabled.map_or(0, |one| one.bonds.load(Relaxed)),
            most: enabled.map_or(0, |one| one.most),
            first: enabled.map_or(0, |one| one.limits.min()),
            last: enabled.map_or(0, |one| one.limits.max()),
            shares: self.shares,
            why: self.why,
        }
    }

    fn is_done(&self) -> bool {
        self.enabled.is_none() && self.shares == 0
    }

    /// Notes how a bind has ended.
    pub(super) fn note(&mut self, err: Option<Error>) {
        let by_core = self
            .enabled
            .as_ref()
            .is_some_and(|enabled| enabled.by_core());
        self.why = err.and_then(|err| said_by_bind(err, by_core));
    }
}

/// Why something about a device failed.
#[derive(Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) err: Error,
    pub(crate) why: Option<&'static CStr>,
}

impl Refusal {
    pub(super) fn because(err: Error, why: &'static CStr) -> Self {
        Self {
            err,
            why: Some(why),
        }
    }
}

impl From<Error> for Refusal {
    fn from(err: Error) -> Self {
        Self { err, why: None }
    }
}

impl From<AllocError> for Refusal {
    fn from(_: AllocError) -> Self {
        ENOMEM.into()
    }
}

/// What a failed bind says about the device, if it does.
fn said_by_bind(err: Error, by_core: bool) -> Option<&'static CStr> {
    let why = if err == ENODEV && by_core {
        c"the IOMMU driver refused: it lacks a paging mode or page size of the CPU (try no5lvl), \
          or ATS, PRI or PASID of the device are off"
    } else if err == not_supported() && by_core {
        c"the IOMMU driver cannot share address spaces"
    } else if err == EOVERFLOW {
        c"the PASID of the address space is outside the limits of the device"
    } else if err == ENOSPC {
        c"no PASID is left: the limits of the device, the quota of the process or the device's \
          number of address spaces is used up"
    } else if err == EBUSY {
        c"the PASID is in use or not yet free, the device is being reset, or the process uses \
          address tagging (LAM)"
    } else {
        return None;
    };
    Some(why)
}

/// Why the IOMMU core cannot share address spaces with a device.
fn obstacle(device: &Device) -> Result<(), Refusal> {
    if !iommu::has_sva() {
        return Err(Refusal::because(
            not_supported(),
            c"the kernel was built without CONFIG_IOMMU_SVA",
        ));
    }
    pasids_obstacle(device)?;
    if !iommu::can_share(device) {
        return Err(Refusal::because(
            not_supported(),
            c"the IOMMU driver cannot share address spaces, or was built without",
        ));
    }
    Ok(())
}

/// Why a device has no PASIDs.
fn pasids_obstacle(device: &Device) -> Result<(), Refusal> {
    if iommu::pasids(device) != 0 {
        return Ok(());
    }
    Err(Refusal::because(
        ENODEV,
        if !iommu::may_have_pasids(device) {
            c"the device has no PASID capability"
        } else if iommu::group(device) == 0 {
            c"no IOMMU translates for the device: is it switched on, in the firmware and for the \
              kernel?"
        } else {
            c"the IOMMU has not switched on PASIDs for the device: is it in a mode that has them \
              (VT-d: intel_iommu=on,sm_on)?"
        },
    ))
}

impl Pool {
    /// Allows address spaces to be bound to a device, by a back end of its driver or by the IOMMU
    /// core. `gone` is called when the driver has left it and is to call [`Pool::device_gone`].
    /// Sleeps.
    ///
    /// # Errors
    ///
    /// - `EINVAL` if the limits make no sense,
    /// - `EEXIST` if it is enabled,
    /// - `ENODEV`, `EOPNOTSUPP`, `ERANGE` or `EBUSY` if the IOMMU core cannot serve it,
    /// - `ENOMEM`.
    pub(crate) fn enable(
        &self,
        device: &Device,
        limits: Limits,
        backend: Arc<dyn Backend>,
        gone: fn(&Device),
    ) -> Result {
        let done = self.try_enable(device, limits, backend, gone);
        done.map_err(|refusal| {
            if let Some(why) = refusal.why.filter(|_| may_say()) {
                dev_err!(device, "no shared virtual addressing: {why}\n");
            }
            refusal.err
        })
    }

    fn try_enable(
        &self,
        device: &Device,
        limits: Limits,
        backend: Arc<dyn Backend>,
        gone: fn(&Device),
    ) -> Result<(), Refusal> {
        let by_core = backend.key() == IommuCore::KEY;
        let asked = self.asked_range(limits)?;
        let key = address_of(device);
        // What is not needed after all is dropped when the book is closed.
        let spare = Self::new_node(device, gone)?;
        let mut book = self.sva.open();
        if book.devices.get(&key).is_some_and(Seat::is_enabled) {
            return Err(EEXIST.into());
        }
        let limits_now = if by_core {
            obstacle(device)?;
            let last = iommu::pasids(device).saturating_sub(1);
            let max = asked.max().min(last);
            IdRange::new(asked.min(), max).map_err(|_| {
                Refusal::because(
                    ERANGE,
                    c"the device has no PASIDs in the limits of its driver",
                )
            })?
        } else {
            asked
        };
        let enabled = Arc::new(
            Enabled {
                backend,
                limits: limits_now,
                most: limits.most,
                bonds: Atomic::new(0),
            },
            GFP_KERNEL,
        )?;
        let spare = Self::seat(&mut book, key, spare);
        let hosted = if by_core {
            self.share(&mut book, device)
        } else {
            Ok(())
        };
        let mut gone = None;
        match hosted {
            Ok(()) => {
                if let Some(seat) = book.devices.get_mut(&key) {
                    seat.enabled = Some(enabled);
                    seat.why = None;
                }
            }
            Err(_) => gone = Self::vacate(&mut book, key),
        }
        drop(book);
        drop((spare, gone));
        hosted
    }

    /// The range of a driver's limits.
    fn asked_range(&self, limits: Limits) -> Result<IdRange> {
        let last = self.capacity().min(LIMIT).saturating_sub(1);
        if limits.min == INVALID || limits.max == INVALID || limits.max > last {
            return Err(EINVAL);
        }
        let max = if limits.max == 0 { last } else { limits.max };
        IdRange::new(limits.min, max)
    }

    fn new_node(device: &Device, gone: fn(&Device)) -> Result<RBTreeNode<usize, Seat>> {
        let watch = KBox::pin_init(DeviceWatch::new(device, gone), GFP_KERNEL)?;
        RBTreeNode::new(address_of(device), Seat::new(device, watch), GFP_KERNEL)
            .map_err(|_| ENOMEM)
    }

    /// Gives a device a seat if it has none; else the node comes back.
    fn seat(
        book: &mut Book,
        key: usize,
        node: RBTreeNode<usize, Seat>,
    ) -> Option<RBTreeNode<usize, Seat>> {
        if book.devices.get(&key).is_some() {
            return Some(node);
        }
        book.devices.insert(node)
    }

    /// Takes the seat of a device for which there is nothing left to note.
    fn vacate(book: &mut Book, key: usize) -> Option<RBTreeNode<usize, Seat>> {
        if book.devices.get(&key)?.is_done() {
            book.devices.remove_node(&key)
        } else {
            None
        }
    }

    /// Makes a device with a seat a member of the host allocator, once more.
    fn share(&self, book: &mut Book, device: &Device) -> Result<(), Refusal> {
        let seat = book.devices.get_mut(&address_of(device)).ok_or(ENODEV)?;
        let shares = seat.shares.checked_add(1).ok_or(EBUSY)?;
        if seat.shares == 0 {
            self.join_host(device)?;
        }
        seat.shares = shares;
        Ok(())
    }

    /// Undoes [`Pool::share`]; the device is taken out with the last one, or `at_once`.
    fn unshare(&self, seat: &mut Seat, at_once: bool) {
        if seat.shares == 0 {
            return;
        }
        seat.shares = if at_once { 0 } else { seat.shares - 1 };
        if seat.shares == 0 {
            self.leave_host(&seat.device);
        }
    }

    /// Allows no more address spaces to be bound to a device. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENODEV` if it is not enabled, `EBUSY` if some are bound.
    pub(crate) fn disable(&self, device: &Device) -> Result {
        let key = address_of(device);
        let mut book = self.sva.open();
        let seat = book.devices.get_mut(&key).ok_or(ENODEV)?;
        let enabled = seat.enabled.as_ref().ok_or(ENODEV)?;
        if enabled.bonds.load(Relaxed) != 0 {
            return Err(EBUSY);
        }
        let by_core = enabled.by_core();
        seat.enabled = None;
        if by_core {
            self.unshare(seat, false);
        }
        let gone = Self::vacate(&mut book, key);
        drop(book);
        drop(gone);
        Ok(())
    }

    /// Makes a device a member of the host allocator. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENODEV` if it has no PASIDs, `EBUSY` if numbers could clash, `ENOMEM`.
    pub(crate) fn add_device(&self, device: &Device, gone: fn(&Device)) -> Result {
        let key = address_of(device);
        let done = pasids_obstacle(device).and_then(|()| {
            let spare = Self::new_node(device, gone)?;
            let mut book = self.sva.open();
            let spare = Self::seat(&mut book, key, spare);
            let shared = self.share(&mut book, device);
            let vacated = Self::vacate(&mut book, key);
            drop(book);
            drop((spare, vacated));
            shared
        });
        done.map_err(|refusal| {
            if let Some(why) = refusal.why.filter(|_| may_say()) {
                dev_err!(device, "no part in the host's IOASIDs: {why}\n");
            }
            refusal.err
        })
    }

    /// Undoes [`Pool::add_device`]. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is nothing to undo.
    pub(crate) fn remove_device(&self, device: &Device) -> Result {
        let key = address_of(device);
        let mut book = self.sva.open();
        let seat = book.devices.get_mut(&key).ok_or(ENODEV)?;
        let by_sva = seat.enabled.as_ref().is_some_and(|one| one.by_core());
        if seat.shares <= u32::from(by_sva) {
            return Err(ENODEV);
        }
        self.unshare(seat, false);
        let gone = Self::vacate(&mut book, key);
        drop(book);
        drop(gone);
        Ok(())
    }

    /// Why an address space cannot be bound to a device, as far as is known. Sleeps.
    pub(crate) fn why(&self, device: &Device) -> Option<&'static CStr> {
        let book = self.sva.open();
        match book.devices.get(&address_of(device)) {
            Some(seat) if seat.is_enabled() => return seat.why,
            _ => {}
        }
        if let Err(refusal) = obstacle(device) {
            return refusal.why;
        }
        self.host_obstacle()
    }

    /// The driver has left a device, or the device has gone: detaches it from everything that is
    /// bound to it. Those who bound it still have to unbind. Sleeps.
    pub(crate) fn device_gone(&self, device: &Device) {
        let key = address_of(device);
        let mut book = self.sva.open();
        let Some(seat) = book.devices.get_mut(&key) else {
            return;
        };
        seat.enabled = None;
        self.unshare(seat, true);
        let left = self.leave_all(&mut book, |bound, _| {
            address_of(bound) == address_of(device)
        });
        drop(book);
        if left != 0 {
            dev_warn!(
                device,
                "left bound to {left} address spaces by its driver, detached\n"
            );
        }
        // The seat goes when nobody is called by its watch any more.
        self.kick(Lane::Late);
    }

    /// Disables every device whose back end is where `is_there` says, without asking it for
    /// anything. Returns how many there were.
    pub(crate) fn evict_devices(&self, is_there: &dyn Fn(usize) -> bool) -> u32 {
        let mut book = self.sva.open();
        let mut evicted = 0;
        for (_, seat) in book.devices.iter_mut() {
            let gone = seat
                .enabled
                .take_if(|enabled| enabled.backend.is_within(is_there));
            if let Some(enabled) = gone {
                enabled.backend.abandon();
                evicted += 1;
            }
        }
        for io_mm in book.mms.values() {
            io_mm.abandon_within(is_there);
        }
        if evicted != 0 {
            self.leave_all(&mut book, |_, enabled| enabled.backend.is_within(is_there));
        }
        drop(book);
        self.tidy_devices();
        evicted
    }

    /// Forgets devices of which nothing has to be noted any more.
    pub(super) fn tidy_devices(&self) {
        loop {
            let mut book = self.sva.open();
            let found = book.devices.iter().find(|(_, seat)| seat.is_done());
            let Some(key) = found.map(|(key, _)| *key) else {
                return;
            };
            let gone = book.devices.remove_node(&key);
            drop(book);
            drop(gone);
        }
    }

    /// Forgets all devices.
    pub(super) fn forget_devices(&self) {
        let mut book = self.sva.open();
        for (_, seat) in book.devices.iter_mut() {
            seat.enabled = None;
            self.unshare(seat, true);
        }
        drop(book);
        self.tidy_devices();
    }
}
