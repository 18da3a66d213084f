// SPDX-License-Identifier: GPL-2.0

//! I/O address space IDs (IOASID, on PCI: PASID), for drivers in Rust.
//!
//! An ID that was allocated, a reference, a set, a subscription and a bond are values here. What
//! they stand for is given back once, when the value is dropped, and cannot be used after that.
//! What the prototypes in C ask for in words is checked by the compiler.
//!
//! No crate of one module can be linked to another: a driver has this file as a module of its own,
//! by `#[path]`, and `ioasid.mk` in its Makefile. The functions behind it are those that
//! `ioasid.ko` exports to C.
//!
//! "Any context" never includes NMI. Where a drop may sleep, the type says so.
//!
//! C headers: `include/linux/ioasid.h`, `include/linux/ioasid_sva.h`

// A driver does not use all of it, and has it as a private module.
#![allow(dead_code, unreachable_pub)]

use core::{
    marker::PhantomData,
    mem,
    mem::ManuallyDrop,
    num::NonZeroU32,
    ops::RangeInclusive,
    ptr,
    ptr::NonNull, //
};
use kernel::{
    container_of,
    device::{
        Bound,
        Device, //
    },
    error::{
        from_err_ptr,
        to_result, //
    },
    ffi::{
        c_int,
        c_uint,
        c_ulong,
        c_void, //
    },
    mm::{
        Mm,
        MmWithUser, //
    },
    prelude::*,
    sync::{
        Arc,
        UniqueArc, //
    },
    types::Opaque, //
};

mod bindings {
    #![allow(
        clippy::all,
        clippy::undocumented_unsafe_blocks,
        improper_ctypes,
        missing_docs,
        non_camel_case_types,
        non_upper_case_globals,
        dead_code,
        unreachable_pub,
        unused_imports,
        unsafe_op_in_unsafe_fn
    )]

    pub(super) use kernel::bindings::*;
    use kernel::ffi;
    use pin_init::MaybeZeroable;

    include!(concat!(env!("IOASID_RUST_OBJ"), "/ioasid_rust_bindings.rs"));
}

/// No ID.
const INVALID: u32 = u32::MAX;

/// The handle of a set: compared by the functions that take it, never followed.
///
/// # Invariants
///
/// Null, for the kernel's own set, or what `ioasid_alloc_set()` has returned.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Handle(usize);

impl Handle {
    const KERNEL: Self = Self(0);

    fn as_ptr(self) -> *mut bindings::ioasid_set {
        ptr::without_provenance_mut(self.0)
    }
}

/// Which free number is taken; a custom allocator picks for itself.
#[derive(Clone, Copy)]
pub enum Policy {
    /// The lowest one: keeps PASID tables dense.
    Lowest,
    /// The next one after the last cyclic allocation: delays reuse.
    Cyclic,
    /// The highest one: leaves low numbers to devices with narrow PASIDs.
    TopDown,
}

impl Policy {
    fn as_raw(self) -> bindings::ioasid_alloc_policy {
        match self {
            Policy::Lowest => bindings::ioasid_alloc_policy_IOASID_ALLOC_LOWEST,
            Policy::Cyclic => bindings::ioasid_alloc_policy_IOASID_ALLOC_CYCLIC,
            Policy::TopDown => bindings::ioasid_alloc_policy_IOASID_ALLOC_TOP_DOWN,
        }
    }
}

/// What is left of what was freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freed {
    /// Nothing: the number can be given to another.
    Reclaimed,
    /// Others hold references: the number is taken until they have dropped them.
    Pending,
}

/// How many numbers there are, 0 included, which is never handed out.
///
/// Context: any.
pub fn capacity() -> u32 {
    // SAFETY: No preconditions.
    unsafe { bindings::ioasid_get_capacity() }
}

/// What a set may have and has.
pub struct Usage {
    /// How many IDs it may have; 0 for no limit of its own.
    pub quota: u32,
    /// How many it has, freed ones that are not reclaimed included.
    pub used: u32,
    /// The most it ever had.
    pub peak: u32,
    /// How many allocations failed for want of a number or quota.
    pub failures: u32,
    /// How many of its IDs have an SPID.
    pub spids: u32,
}

/// A set of IDs with one owner, which is the one who has this value.
///
/// Dropping it frees the set and each of its IDs, as if their [`Ioasid`]s were dropped. It may
/// sleep.
///
/// # Invariants
///
/// This value owns the set that the handle stands for, and the handle is not null.
pub struct Set(Handle);

impl Set {
    /// Makes a set that belongs to no process.
    ///
    /// `quota` is how many IDs it may have, set aside for it; 0 for no limit of its own and nothing
    /// set aside.
    ///
    /// Context: process context. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOSPC`: less than `quota` is left of the capacity, or there are too many sets.
    /// - `ENOMEM`: out of memory.
    pub fn new(quota: u32) -> Result<Self> {
        // SAFETY: A set of this type has no token.
        let set = unsafe {
            bindings::ioasid_alloc_set(
                ptr::null_mut(),
                quota,
                // CAST: One of two small values.
                bindings::ioasid_set_type_IOASID_SET_TYPE_NULL as c_int,
            )
        };
        // INVARIANT: A set of which the caller is the owner.
        Ok(Self(Handle(from_err_ptr(set)?.addr())))
    }

    /// Makes the set of a process or virtual machine. An mm has one at most.
    ///
    /// When the mm exits, the set and its IDs are freed soon after; what is here stays good, as
    /// that of a set that has no room.
    ///
    /// Context: process context, without the mmap lock of `mm`. May sleep.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: the mm has a set.
    /// - `ESRCH`: the mm is exiting.
    /// - `EINTR`: a signal came first.
    /// - `ENOSPC`, `ENOMEM`: as for [`Set::new`].
    pub fn for_mm(mm: &MmWithUser, quota: u32) -> Result<Self> {
        // SAFETY: `mm` is an mm that stays for the duration of the call; the set pins it.
        let set = unsafe {
            bindings::ioasid_alloc_set(
                mm.as_raw().cast(),
                quota,
                // CAST: One of two small values.
                bindings::ioasid_set_type_IOASID_SET_TYPE_MM as c_int,
            )
        };
        // INVARIANT: A set of which the caller is the owner.
        Ok(Self(Handle(from_err_ptr(set)?.addr())))
    }

    /// Allocates an ID that belongs to this set.
    ///
    /// `range` is inclusive: a device with N PASIDs takes `1..=N - 1`. It begins at 1 if it says 0.
    ///
    /// Context: process context. May sleep.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the range is empty or ends beyond the capacity.
    /// - `EBUSY`: the process of the set has exited.
    /// - `ENOSPC`: no number is left in the range, or the quota is used up.
    /// - `EEXIST`: a custom allocator named a number twice.
    /// - `ENOMEM`: out of memory.
    pub fn alloc(&self, range: RangeInclusive<u32>, policy: Policy) -> Result<Ioasid> {
        Ioasid::new(self.0, range, policy)
    }

    /// Takes a reference to an ID of this set.
    ///
    /// Context: any. Takes no lock.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: no such ID.
    /// - `EACCES`: it belongs to another set.
    /// - `EBUSY`: its owner freed it.
    pub fn get(&self, id: u32) -> Result<Reference> {
        Reference::new(self.0, id)
    }

    /// Takes a reference to the ID with an SPID, unless its owner freed it.
    ///
    /// Context: any. Takes no lock.
    pub fn get_by_spid(&self, spid: u32) -> Option<Reference> {
        // SAFETY: No preconditions; a handle is compared only.
        let id = unsafe { bindings::ioasid_find_by_spid(self.0.as_ptr(), spid, true) };
        // INVARIANT: Unless it is invalid, a reference came with it.
        (id != INVALID).then(|| Reference::from_taken(id)).flatten()
    }

    /// Changes the quota; 0 is no limit of its own.
    ///
    /// Context: process context or softirq, interrupts on.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: it has more IDs than that.
    /// - `EBUSY`: the process of the set has exited.
    /// - `ENOSPC`: not that much is left of the capacity.
    pub fn adjust(&self, quota: u32) -> Result {
        // SAFETY: No preconditions; a handle is compared only.
        to_result(unsafe { bindings::ioasid_adjust_set(self.0.as_ptr(), quota) })
    }

    /// What the set may have and has; the figures may be of different moments.
    ///
    /// Context: any. Takes no lock.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the process of the set has exited, and its last ID is gone.
    pub fn usage(&self) -> Result<Usage> {
        let mut usage = bindings::ioasid_set_usage {
            quota: 0,
            use_: 0,
            peak: 0,
            failures: 0,
            spids: 0,
        };
        // SAFETY: `usage` can be written; a handle is compared only.
        to_result(unsafe { bindings::ioasid_set_query(self.0.as_ptr(), &raw mut usage) })?;
        Ok(Usage {
            quota: usage.quota,
            used: usage.use_,
            peak: usage.peak,
            failures: usage.failures,
            spids: usage.spids,
        })
    }

    /// Waits until the set has no ID. An [`Ioasid`] of it keeps its number until it is dropped.
    ///
    /// Context: process context. Sleeps.
    ///
    /// # Errors
    ///
    /// - `ETIMEDOUT`: it still has IDs.
    /// - `EINTR`: the task was killed.
    /// - `EINVAL`: as for [`Set::usage`].
    pub fn wait_reclaimed(&self, timeout_ms: u32) -> Result {
        // SAFETY: By the type invariant this is the owner, who has a reference.
        to_result(unsafe { bindings::ioasid_set_wait_reclaimed(self.0.as_ptr(), timeout_ms) })
    }

    /// Frees the set as a drop does, and says what is left.
    ///
    /// Context: process context. May sleep.
    pub fn free(self) -> Freed {
        let set = ManuallyDrop::new(self);
        // INVARIANT: The value that owned the set is not used any more.
        set.release()
    }

    /// To be called once, when the value is not used any more.
    fn release(&self) -> Freed {
        // SAFETY: No preconditions. By the type invariant it is the first call for this set.
        match unsafe { bindings::ioasid_set_free(self.0.as_ptr()) } {
            0 => Freed::Reclaimed,
            _ => Freed::Pending,
        }
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        self.release();
    }
}

/// An ID of which this value is the owner.
///
/// Dropping it frees the ID: subscribers are told, and from then on nobody gets a new reference.
/// The number is reused when the last reference is dropped. Context of the drop: any.
///
/// Beside the ownership it holds a reference. So the number is nobody else's as long as the value
/// is there, even if the set was freed meanwhile or its process has died.
///
/// # Invariants
///
/// This value holds one reference to the ID `id` of `set`, and it alone may end its ownership.
pub struct Ioasid {
    set: Handle,
    id: NonZeroU32,
}

impl Ioasid {
    /// Allocates an ID for the kernel itself, without a set.
    ///
    /// Context and errors are those of [`Set::alloc`].
    pub fn alloc(range: RangeInclusive<u32>, policy: Policy) -> Result<Self> {
        Self::new(Handle::KERNEL, range, policy)
    }

    fn new(set: Handle, range: RangeInclusive<u32>, policy: Policy) -> Result<Self> {
        // `5..=4` and a range that was iterated to its end.
        if range.is_empty() {
            return Err(EINVAL);
        }
        let mut id = INVALID;
        // SAFETY: `id` can be written; there is no private data that would have to stay.
        to_result(unsafe {
            bindings::ioasid_alloc_range(
                set.as_ptr(),
                *range.start(),
                *range.end(),
                policy.as_raw(),
                ptr::null_mut(),
                &raw mut id,
            )
        })?;
        match Reference::new(set, id) {
            Ok(reference) => {
                let id = reference.id;
                // It is this value that drops it.
                mem::forget(reference);
                // INVARIANT: Both were just taken.
                Ok(Self { set, id })
            }
            // The set was freed meanwhile, and all that is in it: there is nothing to free.
            Err(err) => Err(err),
        }
    }

    /// The number, for hardware and for people. It is sure to mean this ID as long as the value or
    /// a reference is there.
    pub fn id(&self) -> u32 {
        self.id.get()
    }

    /// Takes a reference that may outlive the ownership.
    ///
    /// Context: any. Takes no lock.
    ///
    /// # Errors
    ///
    /// - `EBUSY`: the set of the ID was freed, or its process has exited.
    pub fn get(&self) -> Result<Reference> {
        Reference::new(self.set, self.id())
    }

    /// Gives the ID the number by which the owner of its set knows it, on a virtual machine the
    /// guest's PASID. Subscribers are told BIND.
    ///
    /// Context: process context or softirq, interrupts on.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: `spid` is no number.
    /// - `EBUSY`: it has an SPID, or its set was freed, or other events of it are being delivered.
    /// - `EEXIST`: another ID of the set has this one.
    /// - `ENOMEM`: out of memory.
    /// - What the subscriber said that refused.
    pub fn attach_spid(&self, spid: u32) -> Result {
        // SAFETY: No preconditions; by the type invariants the number means this ID.
        to_result(unsafe { bindings::ioasid_attach_spid(self.id(), spid) })
    }

    /// Takes the SPID. Subscribers are told UNBIND, perhaps after the return. A drop does not need
    /// it: FREE stands for both.
    ///
    /// Context: process context or softirq, interrupts on.
    ///
    /// # Errors
    ///
    /// - `ENOENT`: it has none.
    /// - `EBUSY`: its set was freed.
    pub fn detach_spid(&self) -> Result {
        // SAFETY: No preconditions; by the type invariants the number means this ID.
        to_result(unsafe { bindings::ioasid_detach_spid(self.id()) })
    }

    /// The SPID, if it has one.
    ///
    /// Context: any. Takes no lock.
    pub fn spid(&self) -> Option<u32> {
        // SAFETY: No preconditions; by the type invariants the number means this ID.
        let spid = unsafe { bindings::ioasid_find_spid(self.id()) };
        (spid != INVALID).then_some(spid)
    }

    /// Frees the ID as a drop does, and says what is left.
    ///
    /// Context: any.
    pub fn free(self) -> Freed {
        let ioasid = ManuallyDrop::new(self);
        ioasid.release()
    }

    /// To be called once, when the value is not used any more.
    fn release(&self) -> Freed {
        // SAFETY: By the type invariants the number means this ID until the put, and this is the
        // end of its ownership.
        unsafe { bindings::ioasid_free(self.set.as_ptr(), self.id()) };
        // SAFETY: By the type invariants there is a reference to drop.
        if unsafe { bindings::ioasid_put(self.set.as_ptr(), self.id()) } {
            Freed::Reclaimed
        } else {
            Freed::Pending
        }
    }
}

impl Drop for Ioasid {
    fn drop(&mut self) {
        self.release();
    }
}

/// A reference to an ID: as long as it is there, the number is not given to another.
///
/// Its drop is a put. Context of the drop: any.
///
/// # Invariants
///
/// This value holds one reference to the ID.
pub struct Reference {
    id: NonZeroU32,
}

impl Reference {
    fn new(set: Handle, id: u32) -> Result<Self> {
        // SAFETY: No preconditions; a handle is compared only.
        to_result(unsafe { bindings::ioasid_get(set.as_ptr(), id) })?;
        // INVARIANT: It was just taken. 0 is no ID.
        Self::from_taken(id).ok_or(EINVAL)
    }

    /// For one that C code has taken.
    fn from_taken(id: u32) -> Option<Self> {
        NonZeroU32::new(id).map(|id| Self { id })
    }

    /// Takes a reference to any ID, whosever it is. Where the number came from a process,
    /// [`Reference::get_owned`] is what is wanted.
    ///
    /// Context: any. Takes no lock.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: no such ID.
    /// - `EBUSY`: its owner freed it.
    pub fn get(id: u32) -> Result<Self> {
        Self::new(Handle::KERNEL, id)
    }

    /// Takes a reference to an ID of the set of the current process.
    ///
    /// Context: process context.
    ///
    /// # Errors
    ///
    /// - `ENOENT`: no such ID.
    /// - `EPERM`: it is another's, or this is a kernel thread.
    /// - `EINVAL`: its set is nobody's.
    /// - `EBUSY`: its owner freed it.
    pub fn get_owned(id: u32) -> Result<Self> {
        // SAFETY: No preconditions.
        to_result(unsafe { bindings::ioasid_get_if_owned(id) })?;
        // INVARIANT: It was just taken.
        Self::from_taken(id).ok_or(ENOENT)
    }

    /// Takes a reference to an ID of the set of a process.
    ///
    /// Context: any. Takes no lock. Errors are those of [`Reference::get_owned`].
    pub fn get_owned_by(id: u32, mm: &Mm) -> Result<Self> {
        // SAFETY: No preconditions; `mm` is compared only.
        to_result(unsafe { bindings::ioasid_get_if_owned_by(id, mm.as_raw()) })?;
        // INVARIANT: It was just taken.
        Self::from_taken(id).ok_or(ENOENT)
    }

    /// The number. It is sure to mean this ID as long as the reference is there.
    pub fn id(&self) -> u32 {
        self.id.get()
    }

    /// Takes another one. `Clone` could not fail, but this does once the owner has freed the ID.
    ///
    /// Context: any. Takes no lock.
    ///
    /// # Errors
    ///
    /// - `EBUSY`: the owner freed the ID.
    pub fn try_clone(&self) -> Result<Self> {
        Self::get(self.id())
    }

    /// Whether the ID has an SPID or a device is bound, and its owner has not freed it.
    ///
    /// Context: any. Takes no lock.
    pub fn is_active(&self) -> bool {
        // SAFETY: No preconditions.
        unsafe { bindings::ioasid_is_active(self.id()) }
    }

    /// Drops the reference, and says whether it was the last of an ID that its owner has freed.
    ///
    /// Context: any.
    pub fn put(self) -> bool {
        let reference = ManuallyDrop::new(self);
        reference.release()
    }

    /// To be called once, when the value is not used any more.
    fn release(&self) -> bool {
        // SAFETY: By the type invariant there is a reference to drop.
        unsafe { bindings::ioasid_put(ptr::null_mut(), self.id()) }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.release();
    }
}

/// What has happened to an ID or a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The ID was allocated.
    Alloc,
    /// Its owner freed it: tear down what belongs to it, then drop the references. Comes once, and
    /// nothing after it.
    Free,
    /// It got an SPID, or the first device was bound to its address space. May be refused.
    Bind,
    /// It is about to lose its SPID, or the last device is about to be unbound.
    Unbind,
    /// A set was made.
    SetAlloc,
    /// A set is about to go: it has neither IDs nor references.
    SetFree,
}

impl Event {
    fn from_raw(value: c_ulong) -> Option<Self> {
        Some(match u32::try_from(value).ok()? {
            bindings::ioasid_notify_val_IOASID_NOTIFY_ALLOC => Self::Alloc,
            bindings::ioasid_notify_val_IOASID_NOTIFY_FREE => Self::Free,
            bindings::ioasid_notify_val_IOASID_NOTIFY_BIND => Self::Bind,
            bindings::ioasid_notify_val_IOASID_NOTIFY_UNBIND => Self::Unbind,
            bindings::ioasid_notify_val_IOASID_NOTIFY_SET_ALLOC => Self::SetAlloc,
            bindings::ioasid_notify_val_IOASID_NOTIFY_SET_FREE => Self::SetFree,
            _ => return None,
        })
    }
}

/// What an event is about; good until the handler returns.
pub struct Subject<'a> {
    id: u32,
    spid: u32,
    set: Handle,
    _handler: PhantomData<&'a ()>,
}

impl Subject<'_> {
    /// The ID, unless the event is about a set.
    pub fn id(&self) -> Option<u32> {
        (self.id != INVALID).then_some(self.id)
    }

    /// Its SPID, if it has one.
    pub fn spid(&self) -> Option<u32> {
        (self.spid != INVALID).then_some(self.spid)
    }

    /// Whether the event is about this set or an ID of it.
    pub fn is_of(&self, set: &Set) -> bool {
        self.set == set.0
    }

    /// Takes a reference to the ID.
    ///
    /// Context: any. Takes no lock.
    ///
    /// # Errors
    ///
    /// - `EBUSY`: its owner freed it, which is so in [`Event::Free`] and may be in
    ///   [`Event::Unbind`].
    /// - `EINVAL`: the event is about a set.
    pub fn get(&self) -> Result<Reference> {
        Reference::get(self.id)
    }
}

/// Who is told before whom: those with the highest priority first.
#[derive(Clone, Copy)]
pub enum Priority {
    /// Those with no hardware of their own.
    Last,
    /// Device drivers: stop the device, drain its requests.
    Device,
    /// IOMMU drivers: take down the PASID table entry.
    Iommu,
    /// KVM: no CPU may submit with the PASID any more.
    Cpu,
}

impl Priority {
    fn as_raw(self) -> c_int {
        // CAST: Four small values.
        (match self {
            Priority::Last => bindings::ioasid_notifier_prios_IOASID_PRIO_LAST,
            Priority::Device => bindings::ioasid_notifier_prios_IOASID_PRIO_DEVICE,
            Priority::Iommu => bindings::ioasid_notifier_prios_IOASID_PRIO_IOMMU,
            Priority::Cpu => bindings::ioasid_notifier_prios_IOASID_PRIO_CPU,
        }) as c_int
    }
}

/// What a subscription is to.
#[derive(Clone, Copy)]
pub enum Topic<'a> {
    /// Every ID and set.
    All,
    /// A set and its IDs. The set may end before the subscription.
    Set(&'a Set),
    /// The set that an mm has, and each that it will have.
    Mm(&'a Mm),
}

/// What a subscription was to.
#[derive(Clone, Copy)]
enum Place {
    Set(Handle),
    /// Compared only. The address is not reused before the end of the subscription.
    Mm(usize),
}

/// Whether a subscriber is told of IDs that are there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// No; and one to the set of an mm that has IDs fails.
    No,
    /// [`Event::Alloc`], and [`Event::Bind`] if it is active, for each before the subscription is
    /// there. Refusals do not count then.
    Yes,
}

/// Who is told.
///
/// It is called by several CPUs at a time and dropped by any task, hence the bounds; and nothing
/// that it has borrows from who subscribes, for nobody can say how long a subscription lasts that
/// was leaked.
pub trait Handler: Send + Sync + 'static {
    /// Is told of an event.
    ///
    /// An error refuses [`Event::Bind`], and means nothing for others. References may be taken and
    /// dropped, the last ones included. What takes long, or sleeps, is for a work item.
    ///
    /// Context: atomic, interrupts on, no lock of the IOASID core held. Must not sleep. Events of
    /// one ID do not overlap; others do.
    fn told(&self, event: Event, subject: &Subject<'_>) -> Result;
}

/// A subscription, with its handler inside.
///
/// Dropping it ends it: on return the handler does not run and will not, and only then is it
/// dropped. It sleeps, and waits for the handler: it is not for atomic context, nor for the handler
/// itself.
///
/// # Invariants
///
/// `block` is registered at `place`, with a callback that goes to `handler`.
#[pin_data(PinnedDrop)]
pub struct Subscription<H: Handler> {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    place: Place,
    #[pin]
    handler: H,
}

// SAFETY: Subscriptions may be ended by any task, and so may handlers be dropped.
unsafe impl<H: Handler> Send for Subscription<H> {}
// SAFETY: A shared subscription gives the handler only, which may be shared.
unsafe impl<H: Handler> Sync for Subscription<H> {}

impl<H: Handler> Subscription<H> {
    /// Subscribes.
    ///
    /// Context: the initialisation: process context. May sleep.
    ///
    /// # Errors
    ///
    /// - `EINVAL`, `EBUSY`: the set was freed because its process has exited.
    /// - `EBUSY`: the mm has a set that has IDs, and no replay was asked for.
    /// - `ENOMEM`: out of memory.
    pub fn new<'a>(
        topic: Topic<'a>,
        priority: Priority,
        replay: Replay,
        handler: impl PinInit<H, Error> + 'a,
    ) -> impl PinInit<Self, Error> + 'a
    where
        H: 'a,
    {
        let place = match topic {
            Topic::All => Place::Set(Handle::KERNEL),
            Topic::Set(set) => Place::Set(set.0),
            Topic::Mm(mm) => Place::Mm(mm.as_raw().addr()),
        };
        // The handler is complete when the first event comes.
        try_pin_init!(Self {
            handler <- handler,
            place,
            block <- Opaque::try_ffi_init(move |slot: *mut bindings::notifier_block| {
                // SAFETY: An initialiser may write to its slot.
                unsafe {
                    slot.write(bindings::notifier_block {
                        notifier_call: Some(tell::<H>),
                        next: ptr::null_mut(),
                        priority: priority.as_raw(),
                    })
                };
                let replay = replay == Replay::Yes;
                // INVARIANT: Registered if this succeeds; else there is no value.
                // SAFETY: The block was just written and stays in its place, with the handler
                // beside it, until the destructor has unregistered it.
                to_result(unsafe { Self::register(topic, slot, replay) })
            }),
        }? Error)
    }

    /// The handler.
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// # Safety
    ///
    /// `block` can be read, and its callback can be called with it until it is unregistered.
    unsafe fn register(
        topic: Topic<'_>,
        block: *mut bindings::notifier_block,
        replay: bool,
    ) -> c_int {
        let set = match topic {
            Topic::All => Handle::KERNEL,
            Topic::Set(set) => set.0,
            Topic::Mm(mm) => {
                // SAFETY: By the safety requirements; the mm stays during the call.
                return unsafe {
                    if replay {
                        bindings::ioasid_register_notifier_mm_replay(mm.as_raw(), block)
                    } else {
                        bindings::ioasid_register_notifier_mm(mm.as_raw(), block)
                    }
                };
            }
        };
        // SAFETY: By the safety requirements; a handle is compared only.
        unsafe {
            if replay {
                bindings::ioasid_register_notifier_replay(set.as_ptr(), block)
            } else {
                bindings::ioasid_register_notifier(set.as_ptr(), block)
            }
        }
    }
}

#[pinned_drop]
impl<H: Handler> PinnedDrop for Subscription<H> {
    fn drop(self: Pin<&mut Self>) {
        let block = self.block.get();
        // SAFETY: No preconditions: both are compared only. By the type invariant that is where the
        // block is registered.
        unsafe {
            match self.place {
                Place::Set(set) => bindings::ioasid_unregister_notifier(set.as_ptr(), block),
                Place::Mm(mm) => {
                    bindings::ioasid_unregister_notifier_mm(ptr::without_provenance_mut(mm), block)
                }
            }
        }
    }
}

/// # Safety
///
/// `block` is that of a [`Subscription<H>`] and `data` a `struct ioasid_nb_args`; both stay during
/// the call.
unsafe extern "C" fn tell<H: Handler>(
    block: *mut bindings::notifier_block,
    event: c_ulong,
    data: *mut c_void,
) -> c_int {
    let block = Opaque::cast_from(block).cast_mut();
    // SAFETY: By the safety requirements the block is a field of it. Until it is dropped, which
    // waits for this call, it is shared only. It is registered after its handler was made.
    let handler = unsafe { &(*container_of!(block, Subscription<H>, block)).handler };
    // SAFETY: By the safety requirements.
    let args = unsafe { &*data.cast::<bindings::ioasid_nb_args>() };
    let subject = Subject {
        id: args.id,
        spid: args.spid,
        // INVARIANT: It was checked by who filled it.
        set: Handle(args.set.addr()),
        _handler: PhantomData,
    };
    let said = Event::from_raw(event).map_or(Ok(()), |event| handler.told(event, &subject));
    match said {
        // CAST: 0.
        Ok(()) => bindings::NOTIFY_DONE as c_int,
        // As `notifier_from_errno()` has it.
        // CAST: Two bits.
        Err(err) => (bindings::NOTIFY_STOP_MASK | bindings::NOTIFY_OK) as c_int - err.to_errno(),
    }
}

fn raw(device: &Device) -> *mut bindings::device {
    // CAST: A transparent wrapper, whose inner value may change.
    ptr::from_ref(device).cast_mut().cast()
}

/// The PASIDs that a device can use for address spaces.
#[derive(Clone, Copy, Default)]
pub struct Limits {
    /// The smallest; 0 is read as 1.
    pub min: u32,
    /// The largest; 0 for what IOMMU and device offer.
    pub max: u32,
    /// How many address spaces can be bound to it at a time; 0 for no limit.
    pub count: u32,
}

/// Shared virtual addressing on a device whose translations are the IOMMU core's.
///
/// Dropping it disables it, and may sleep. Each [`Bond`] keeps it: it is not disabled with an
/// address space bound. Bonds have to be dropped before `unbind()` of the driver returns, so they
/// are kept where it finds them, also those that belong to files or processes. What is still bound
/// then is detached, but too late for the IOMMU core, which has looked before whether the device is
/// given back: it warns, and does not give it to VFIO any more. The data of a driver is dropped
/// later than that.
///
/// # Invariants
///
/// SVA was enabled on the device, by this value.
pub struct Sva<'a> {
    device: &'a Device<Bound>,
}

impl<'a> Sva<'a> {
    /// Enables it, for `probe()`.
    ///
    /// Context: process context. May sleep.
    ///
    /// # Errors
    ///
    /// [`Sva::why`] says them in words.
    ///
    /// - `EINVAL`: no such range of PASIDs.
    /// - `EEXIST`: it is enabled.
    /// - `ENODEV`: no IOMMU translates for the device, or PASIDs are not supported or not switched
    ///   on for it.
    /// - `EOPNOTSUPP`: the IOMMU driver cannot share address spaces.
    /// - `ERANGE`: no PASID is in the limits.
    /// - `EBUSY`: IDs exist, or a custom allocator is active, that may clash with those of the
    ///   IOMMU core.
    /// - `ENOMEM`: out of memory.
    pub fn enable(device: &'a Device<Bound>, limits: Limits) -> Result<Arc<Self>> {
        let params = bindings::ioasid_sva_params {
            ops: ptr::null(),
            min_pasid: limits.min,
            max_pasid: limits.max,
            // CAST: Both are 32 bits wide.
            nr_pasids: limits.count as c_uint,
        };
        let memory = UniqueArc::<Self>::new_uninit(GFP_KERNEL)?;
        // SAFETY: The device is there and bound, and there are no ops that would have to stay.
        to_result(unsafe { bindings::ioasid_sva_enable_device(raw(device), &raw const params) })?;
        // INVARIANT: It was just enabled.
        let sva = memory.write(Self { device });
        Ok(sva.into())
    }

    /// Why an address space cannot be bound to a device, in words for people: what failed last, or
    /// what enabling it without limits would run into. None if nothing is known to be in the way.
    ///
    /// Context: process context. May sleep.
    pub fn why(device: &Device<Bound>) -> Option<&'static CStr> {
        // SAFETY: The device is there, and is not removed while a driver is bound.
        let why = unsafe { bindings::ioasid_sva_why(raw(device)) };
        // SAFETY: Null or a string that stays as long as ioasid.ko, which stays as long as this
        // module, by which it is used.
        (!why.is_null()).then(|| unsafe { CStr::from_char_ptr(why) })
    }

    /// Binds an address space: the device may use it, once it is given the PASID by
    /// [`Bond::start`].
    ///
    /// Bonds of one device to one mm share what is behind them; the last to be dropped unbinds.
    ///
    /// Context: process context, without the mmap lock of `mm`. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENODEV`: the IOMMU driver refused; see [`Sva::why`].
    /// - `ESRCH`: the mm exits.
    /// - `EOVERFLOW`: its PASID is outside the limits of the device.
    /// - `ENOSPC`: no number, no quota, or no room is left.
    /// - `EBUSY`: the number is in use, or freed and still held, or the device is being reset.
    /// - `EINTR`: killed while it waited for the mmap lock.
    /// - `ENOMEM`: out of memory.
    /// - What the subscriber said that refused.
    pub fn bind(self: &Arc<Self>, mm: &MmWithUser) -> Result<Bond<'a>> {
        // SAFETY: The device is there, and so is the mm, with a user, during the call. The data is
        // compared only.
        let bond = from_err_ptr(unsafe {
            bindings::ioasid_sva_bind_device(raw(self.device), mm.as_raw(), ptr::null_mut())
        })?;
        // INVARIANT: Just bound.
        Ok(Bond {
            bond: NonNull::new(bond).ok_or(ENODEV)?,
            sva: self.clone(),
        })
    }

    /// The device.
    pub fn device(&self) -> &'a Device<Bound> {
        self.device
    }
}

impl Drop for Sva<'_> {
    fn drop(&mut self) {
        // It cannot fail: there is no bond any more, and the driver is bound.
        // SAFETY: The device is there.
        unsafe { bindings::ioasid_sva_disable_device(raw(self.device)) };
    }
}

/// An address space that a device may use, but does not: no queue runs.
///
/// Its PASID is told to nobody but a [`Queue`], by [`Bond::start`], which takes the bond. So a bond
/// that can be dropped is one without DMA. Dropping it unbinds, and may sleep; also after the
/// address space has exited.
///
/// # Invariants
///
/// `bond` was bound once for this value.
pub struct Bond<'a> {
    bond: NonNull<bindings::ioasid_bond>,
    sva: Arc<Sva<'a>>,
}

// SAFETY: Any task may unbind.
unsafe impl Send for Bond<'_> {}
// SAFETY: A shared bond can be asked for its device only.
unsafe impl Sync for Bond<'_> {}

/// A queue of a device, or whatever sends DMA with one PASID.
pub trait Queue {
    /// Writes the PASID to the device and lets it run.
    ///
    /// On an error the device does not use the PASID.
    ///
    /// Context: process context. May sleep.
    fn start(&mut self, pasid: u32) -> Result;

    /// Has the device forget the PASID.
    ///
    /// On return no DMA with it is under way, and no page request of it is without an answer. A
    /// device that was pulled out is stopped. If it cannot be stopped that is an error: the PASID
    /// is nobody else's any more then, and the address space stays bound until the driver leaves
    /// the device. Before it does it has to keep the device from the bus, by a reset for one.
    ///
    /// Context: process context. May sleep.
    fn stop(&mut self) -> Result;
}

/// What was to be started and was not.
pub struct NotStarted<'a, Q> {
    /// What [`Queue::start`] said.
    pub error: Error,
    /// The bond, without DMA.
    pub bond: Bond<'a>,
    /// The queue.
    pub queue: Q,
}

impl<Q> From<NotStarted<'_, Q>> for Error {
    fn from(this: NotStarted<'_, Q>) -> Self {
        this.error
    }
}

impl<'a> Bond<'a> {
    /// Starts a queue with the PASID of the address space.
    ///
    /// The bond is gone until [`Running::stop`] gives it back.
    ///
    /// Context: process context. May sleep.
    ///
    /// # Errors
    ///
    /// What [`Queue::start`] said, with what was given.
    pub fn start<Q: Queue>(self, mut queue: Q) -> Result<Running<'a, Q>, NotStarted<'a, Q>> {
        // SAFETY: By the type invariant it is bound.
        let pasid = unsafe { bindings::ioasid_sva_get_pasid(self.bond.as_ptr()) };
        match queue.start(pasid) {
            Ok(()) => Ok(Running(ManuallyDrop::new(Parts {
                queue,
                bond: self,
                pasid,
            }))),
            Err(error) => Err(NotStarted {
                error,
                bond: self,
                queue,
            }),
        }
    }

    /// The device.
    pub fn device(&self) -> &'a Device<Bound> {
        self.sva.device()
    }
}

impl Drop for Bond<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it was bound for this value; nobody runs a queue with it,
        // or the value would be part of a `Running`.
        unsafe { bindings::ioasid_sva_unbind_device(self.bond.as_ptr()) }
    }
}

struct Parts<'a, Q> {
    queue: Q,
    bond: Bond<'a>,
    pasid: u32,
}

impl<'a, Q: Queue> Parts<'a, Q> {
    fn end(mut self) -> Result<(Bond<'a>, Q)> {
        match self.queue.stop() {
            Ok(()) => Ok((self.bond, self.queue)),
            Err(err) => {
                // Better to lose the number than to have the device write to what comes after it.
                // Once, for the device may be at the disposal of any user; drivers tell by `err`.
                kernel::pr_err_once!(
                    "PASID {} stays bound: its queue does not stop\n",
                    self.pasid
                );
                mem::forget(self);
                Err(err)
            }
        }
    }
}

/// A queue that does DMA in an address space.
///
/// Dropping it stops the queue, then unbinds, and may sleep. A leak of it leaves both as they are
/// until the driver leaves the device: then it is unbound with the queue at work, and what
/// [`Queue::stop`] says of a device that cannot be stopped holds.
pub struct Running<'a, Q: Queue>(ManuallyDrop<Parts<'a, Q>>);

impl<'a, Q: Queue> Running<'a, Q> {
    /// Stops the queue.
    ///
    /// Context: process context. May sleep.
    ///
    /// # Errors
    ///
    /// What [`Queue::stop`] said. Then the bond stays until the driver leaves the device.
    pub fn stop(self) -> Result<(Bond<'a>, Q)> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: The value is not used any more, nor dropped.
        unsafe { ManuallyDrop::take(&mut this.0) }.end()
    }

    /// The queue, to give it work. Shared, for exclusively it could be exchanged for another.
    pub fn queue(&self) -> &Q {
        &self.0.queue
    }

    /// The PASID, for those who submit to the queue.
    pub fn pasid(&self) -> u32 {
        self.0.pasid
    }
}

impl<Q: Queue> Drop for Running<'_, Q> {
    fn drop(&mut self) {
        // SAFETY: A drop is the last use.
        let parts = unsafe { ManuallyDrop::take(&mut self.0) };
        // What could not be stopped was reported.
        let _ = parts.end();
    }
}
