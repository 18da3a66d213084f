// SPDX-License-Identifier: GPL-2.0

//! An object with work items on a queue of its own. Target: `rust/kernel/workqueue.rs`, which has
//! neither own queues nor flush nor cancel.

use super::bindings;
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    container_of,
    ffi::{
        c_int,
        c_ulong, //
    },
    prelude::*,
    revocable::Revocable,
    sync::Arc,
    types::Opaque, //
};

// CAST: `NR_CPUS` is no more than an `int`.
const ANY_CPU: c_int = bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int;

/// Which of the work items.
#[derive(Clone, Copy)]
pub(crate) enum Lane {
    /// For what must not wait for others.
    Quick,
    /// For what calls code that may sleep as long as it likes.
    Slow,
    /// For what waits for others, but calls nothing of theirs that may.
    Waiting,
    /// For what takes locks under which the other lanes are flushed.
    Late,
    /// For what looks at everything from time to time.
    Watch,
}

/// The work to do.
pub(crate) trait Jobs: Send + Sync + Sized + 'static {
    /// Runs in process context, never twice at the same time for the same lane.
    fn run(this: &Deferred<Self>, lane: Lane);

    /// Whether the waiting lane has something to do after [`Deferred::kick_from_irq`]; the quick
    /// one runs anyway.
    fn has_waiting(&self) -> bool;
}

/// `T` and the means to have it called later.
///
/// # Invariants
///
/// - The work items and the interrupt work are initialised with the functions below; they are
///   only queued on `queue` and find this object around them.
/// - `queue` is owned.
/// - The address in `remote` is that of this object, and is revoked before it goes.
#[pin_data(PinnedDrop)]
pub(crate) struct Deferred<T: Jobs> {
    #[pin]
    target: T,
    remote: Arc<Revocable<Address<T>>>,
    queue: NonNull<bindings::workqueue_struct>,
    #[pin]
    quick: Opaque<bindings::delayed_work>,
    #[pin]
    slow: Opaque<bindings::work_struct>,
    #[pin]
    waiting: Opaque<bindings::work_struct>,
    #[pin]
    late: Opaque<bindings::work_struct>,
    #[pin]
    watch: Opaque<bindings::delayed_work>,
    #[pin]
    irq: Opaque<bindings::irq_work>,
}

// SAFETY: The queue and the work items are made for use from any thread, `T` is `Send`.
unsafe impl<T: Jobs> Send for Deferred<T> {}
// SAFETY: As above, `T` is `Sync`.
unsafe impl<T: Jobs> Sync for Deferred<T> {}

/// Where a [`Deferred`] is.
struct Address<T: Jobs>(NonNull<Deferred<T>>);

// SAFETY: A `Deferred` may be used from any thread.
unsafe impl<T: Jobs> Send for Address<T> {}
// SAFETY: As above.
unsafe impl<T: Jobs> Sync for Address<T> {}

/// A way to reach a [`Deferred`] from where it may be gone.
pub(crate) struct Remote<T: Jobs>(Arc<Revocable<Address<T>>>);

impl<T: Jobs> Remote<T> {
    /// Calls `call` with the object, unless it is gone or going. `call` must not sleep.
    pub(crate) fn with(&self, call: impl FnOnce(&Deferred<T>)) {
        self.0.try_access_with(|address| {
            // SAFETY: By the type invariants of the object, which is waiting for us if it goes.
            call(unsafe { address.0.as_ref() })
        });
    }
}

impl<T: Jobs> Deferred<T> {
    /// Makes the object around `target`. `name` is the queue's.
    pub(crate) fn new(
        name: &'static CStr,
        target: impl PinInit<T, Error>,
    ) -> impl PinInit<Self, Error> {
        // INVARIANT: Each item is initialised with its function.
        try_pin_init!(&this in Self {
            target <- target,
            remote: Arc::pin_init(Revocable::new(Address(this)), GFP_KERNEL)?,
            // SAFETY: `name` ends with a NUL; the name is copied.
            queue: NonNull::new(unsafe { bindings::ioasid_alloc_queue(name.as_char_ptr()) })
                .ok_or(ENOMEM)?,
            // SAFETY: `slot` is valid for writes, pinned, and lives until the items are cancelled.
            quick <- Opaque::ffi_init(|slot| unsafe {
                bindings::ioasid_init_delayed_work(slot, Some(Self::run_quick))
            }),
            // SAFETY: As above.
            slow <- Opaque::ffi_init(|slot| unsafe {
                bindings::ioasid_init_slow_work(slot, Some(Self::run_slow))
            }),
            // SAFETY: As above.
            waiting <- Opaque::ffi_init(|slot| unsafe {
                bindings::ioasid_init_waiting_work(slot, Some(Self::run_waiting))
            }),
            // SAFETY: As above.
            late <- Opaque::ffi_init(|slot| unsafe {
                bindings::ioasid_init_late_work(slot, Some(Self::run_late))
            }),
            // SAFETY: As above.
            watch <- Opaque::ffi_init(|slot| unsafe {
                bindings::ioasid_init_watch_work(slot, Some(Self::run_watch))
            }),
            // SAFETY: As above.
            irq <- Opaque::ffi_init(|slot| unsafe {
                bindings::ioasid_init_irq_work(slot, Some(Self::run_irq))
            }),
        }? Error)
    }

    /// A way to reach this object that may outlive it.
    pub(crate) fn remote(&self) -> Remote<T> {
        Remote(self.remote.clone())
    }

    /// Has the lane run soon. Any context in which a workqueue may be used: not under the locks of
    /// the scheduler.
    pub(crate) fn kick(&self, lane: Lane) {
        let queue = self.queue.as_ptr();
        // SAFETY: By the type invariants queue and items are initialised and live until the drop.
        unsafe {
            match lane {
                Lane::Quick => bindings::mod_delayed_work_on(ANY_CPU, queue, self.quick.get(), 0),
                Lane::Slow => bindings::queue_work_on(ANY_CPU, queue, self.slow.get()),
                Lane::Waiting => bindings::queue_work_on(ANY_CPU, queue, self.waiting.get()),
                Lane::Late => bindings::queue_work_on(ANY_CPU, queue, self.late.get()),
                Lane::Watch => bindings::mod_delayed_work_on(ANY_CPU, queue, self.watch.get(), 0),
            }
        };
    }

    /// Has the quick lane and those that have work run soon. Any context, also with interrupts off.
    pub(crate) fn kick_from_irq(&self) {
        // SAFETY: By the type invariants the item is initialised and lives until the drop.
        unsafe { bindings::irq_work_queue(self.irq.get()) };
    }

    /// Has the quick lane run in `delay` jiffies, unless it is due already.
    pub(crate) fn kick_after(&self, delay: u32) {
        // SAFETY: As in `kick`.
        unsafe {
            bindings::queue_delayed_work_on(
                ANY_CPU,
                self.queue.as_ptr(),
                self.quick.get(),
                // CAST: `unsigned long` has at least 32 bits.
                delay as c_ulong,
            )
        };
    }

    /// Has the watching lane run in so many seconds, unless it is due already.
    pub(crate) fn watch_after(&self, secs: u32) {
        // SAFETY: As in `kick`.
        unsafe {
            let delay = bindings::ioasid_ms_to_jiffies(secs.saturating_mul(1000));
            let queue = self.queue.as_ptr();
            bindings::queue_delayed_work_on(ANY_CPU, queue, self.watch.get(), delay)
        };
    }

    /// Waits until everything that was kicked before has run, what is late excepted. Sleeps; not
    /// from a lane but that one.
    pub(crate) fn flush(&self) {
        // What waits may leave work for the others.
        self.flush_waiting();
        // SAFETY: As in `kick`.
        unsafe {
            bindings::flush_delayed_work(self.quick.get());
            bindings::flush_work(self.slow.get());
        }
    }

    /// Waits until what was kicked for the waiting lane has run. Sleeps; not from that lane.
    pub(crate) fn flush_waiting(&self) {
        // SAFETY: As in `kick`.
        unsafe {
            bindings::irq_work_sync(self.irq.get());
            bindings::flush_delayed_work(self.quick.get());
            bindings::flush_work(self.waiting.get());
        }
    }

    /// Waits until what was kicked for the late lane has run. Sleeps; not from that lane.
    pub(crate) fn flush_late(&self) {
        // SAFETY: As in `kick`.
        unsafe { bindings::flush_work(self.late.get()) };
    }

    /// # Safety
    ///
    /// The item is `quick` of a `Deferred`.
    unsafe extern "C" fn run_quick(work: *mut bindings::work_struct) {
        // SAFETY: By the safety requirements.
        let this = unsafe {
            let item = container_of!(work, bindings::delayed_work, work);
            &*container_of!(Opaque::cast_from(item), Self, quick)
        };
        // The object outlives this: its drop waits for the item.
        T::run(this, Lane::Quick);
    }

    /// # Safety
    ///
    /// The item is `slow` of a `Deferred`.
    unsafe extern "C" fn run_slow(work: *mut bindings::work_struct) {
        // SAFETY: By the safety requirements.
        let this = unsafe { &*container_of!(Opaque::cast_from(work), Self, slow) };
        T::run(this, Lane::Slow);
    }

    /// # Safety
    ///
    /// The item is `waiting` of a `Deferred`.
    unsafe extern "C" fn run_waiting(work: *mut bindings::work_struct) {
        // SAFETY: By the safety requirements.
        let this = unsafe { &*container_of!(Opaque::cast_from(work), Self, waiting) };
        T::run(this, Lane::Waiting);
    }

    /// # Safety
    ///
    /// The item is `late` of a `Deferred`.
    unsafe extern "C" fn run_late(work: *mut bindings::work_struct) {
        // SAFETY: By the safety requirements.
        let this = unsafe { &*container_of!(Opaque::cast_from(work), Self, late) };
        T::run(this, Lane::Late);
    }

    /// # Safety
    ///
    /// The item is `watch` of a `Deferred`.
    unsafe extern "C" fn run_watch(work: *mut bindings::work_struct) {
        // SAFETY: By the safety requirements.
        let this = unsafe {
            let item = container_of!(work, bindings::delayed_work, work);
            &*container_of!(Opaque::cast_from(item), Self, watch)
        };
        T::run(this, Lane::Watch);
    }

    /// # Safety
    ///
    /// The item is `irq` of a `Deferred`.
    unsafe extern "C" fn run_irq(work: *mut bindings::irq_work) {
        // SAFETY: By the safety requirements.
        let this = unsafe { &*container_of!(Opaque::cast_from(work), Self, irq) };
        this.kick(Lane::Quick);
        if this.target.has_waiting() {
            this.kick(Lane::Waiting);
        }
    }
}

impl<T: Jobs> Deref for Deferred<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.target
    }
}

#[pinned_drop]
impl<T: Jobs> PinnedDrop for Deferred<T> {
    fn drop(self: Pin<&mut Self>) {
        self.remote.revoke();
        // Nobody else can kick any more, and what the lanes kick is not queued.
        // SAFETY: By the type invariants all are initialised, and the queue is owned.
        unsafe {
            bindings::irq_work_sync(self.irq.get());
            bindings::disable_delayed_work_sync(self.watch.get());
            bindings::disable_work_sync(self.late.get());
            bindings::disable_work_sync(self.waiting.get());
            bindings::disable_delayed_work_sync(self.quick.get());
            bindings::disable_work_sync(self.slow.get());
            bindings::destroy_workqueue(self.queue.as_ptr());
        }
    }
}

/// A queue for the work items of others, which run one after the other.
///
/// # Invariants
///
/// `queue` is owned.
pub(crate) struct OrderedQueue {
    queue: NonNull<bindings::workqueue_struct>,
}

// SAFETY: A workqueue is made for use from any thread.
unsafe impl Send for OrderedQueue {}
// SAFETY: As above.
unsafe impl Sync for OrderedQueue {}

impl OrderedQueue {
    /// Makes an empty queue.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        // SAFETY: `name` ends with a NUL; the name is copied.
        let queue = unsafe { bindings::ioasid_alloc_ordered_queue(name.as_char_ptr()) };
        // INVARIANT: Made just now.
        Ok(Self {
            queue: NonNull::new(queue).ok_or(ENOMEM)?,
        })
    }

    /// Queues a work item. Any context. Returns false if it is queued already.
    ///
    /// # Safety
    ///
    /// `work` is an initialised work item that lives until it has run or is cancelled.
    pub(crate) unsafe fn queue(&self, work: *mut bindings::work_struct) -> bool {
        // SAFETY: By the type invariant and the safety requirements.
        unsafe { bindings::queue_work_on(ANY_CPU, self.queue.as_ptr(), work) }
    }
}

impl Drop for OrderedQueue {
    fn drop(&mut self) {
        // Waits for what is queued.
        // SAFETY: By the type invariant the queue is owned.
        unsafe { bindings::destroy_workqueue(self.queue.as_ptr()) };
    }
}
