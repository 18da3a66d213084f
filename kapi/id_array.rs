// SPDX-License-Identifier: GPL-2.0

//! Objects by number, looked up under RCU. Target: `rust/kernel/xarray.rs`.
//!
//! C header: [`include/linux/xarray.h`](srctree/include/linux/xarray.h)

use super::{
    age::Age,
    bindings, //
};
use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    mem,
    ops::{
        Deref,
        DerefMut, //
    },
    ptr::{
        self,
        NonNull, //
    },
};
use kernel::{
    error::to_result,
    ffi::{
        c_uint,
        c_ulong, //
    },
    prelude::*,
    sync::{
        rcu,
        Arc, //
    },
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

// CAST: `unsigned long` has at least 32 bits.
const fn index(id: u32) -> c_ulong {
    id as c_ulong
}

/// An object with its number.
///
/// # Invariants
///
/// `id` is written only before the object can be found.
#[repr(C)]
pub(crate) struct Node<T> {
    value: T,
    id: UnsafeCell<u32>,
    /// In what would be padding.
    age: Age,
    rcu: Opaque<bindings::callback_head>,
}

impl<T> Node<T> {
    /// The number under which the object is, or was, in the array.
    #[inline]
    pub(crate) fn id(&self) -> u32 {
        // SAFETY: By the type invariant nobody writes any more.
        unsafe { *self.id.get() }
    }

    /// How old the object is.
    pub(crate) fn age(&self) -> &Age {
        &self.age
    }
}

impl<T> Deref for Node<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

/// A slab cache for [`Node<T>`], charged to the memory cgroup of whoever allocates.
///
/// # Invariants
///
/// The pointer is a cache of objects of that size and alignment, owned.
pub(crate) struct Cache<T> {
    raw: NonNull<bindings::kmem_cache>,
    _objects: PhantomData<Node<T>>,
}

// SAFETY: A slab cache may be used by any thread; it holds no `T` itself.
unsafe impl<T> Send for Cache<T> {}
// SAFETY: As above.
unsafe impl<T> Sync for Cache<T> {}

impl<T> Cache<T> {
    /// Creates a cache; `name` appears in `/proc/slabinfo`.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        // A reader may look at the object until it is freed, and then no destructor runs.
        const { assert!(!mem::needs_drop::<T>()) };
        // CAST: A slab object is far below 2^32 bytes.
        // SAFETY: `name` is a C string that lives forever.
        let raw = unsafe {
            bindings::ioasid_cache_create(
                name.as_char_ptr(),
                mem::size_of::<Node<T>>() as c_uint,
                mem::align_of::<Node<T>>() as c_uint,
            )
        };
        // INVARIANT: Just created with this size and alignment.
        Ok(Self {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            _objects: PhantomData,
        })
    }
}

impl<T> Drop for Cache<T> {
    fn drop(&mut self) {
        // Waits for objects that are on their way through `kvfree_call_rcu()`.
        // SAFETY: The cache is owned; objects borrow the array that keeps it.
        unsafe { bindings::kmem_cache_destroy(self.raw.as_ptr()) };
    }
}

/// An object that is not in an array yet, owned.
///
/// # Invariants
///
/// The pointer owns an initialised object of the array's cache that nobody else can see.
pub(crate) struct Unpublished<'a, T> {
    node: NonNull<Node<T>>,
    cache: &'a Cache<T>,
}

impl<T> Deref for Unpublished<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariant.
        unsafe { &self.node.as_ref().value }
    }
}

impl<T> DerefMut for Unpublished<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: By the type invariant; it is borrowed exclusively.
        unsafe { &mut self.node.as_mut().value }
    }
}

impl<T> Drop for Unpublished<'_, T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the object is owned, and no reader ever saw it.
        unsafe { bindings::kfree(self.node.as_ptr().cast()) };
    }
}

/// An object that was taken out of the array; its memory goes after a grace period.
///
/// # Invariants
///
/// The pointer is an object that was taken out of an array, by this owner only.
pub(crate) struct Removed<'a, T> {
    node: NonNull<Node<T>>,
    _cache: PhantomData<&'a Cache<T>>,
}

impl<T> Deref for Removed<'_, T> {
    type Target = Node<T>;

    fn deref(&self) -> &Node<T> {
        // SAFETY: By the type invariant; the memory goes with the drop at the earliest.
        unsafe { self.node.as_ref() }
    }
}

impl<T> Drop for Removed<'_, T> {
    fn drop(&mut self) {
        let node = self.node.as_ptr();
        // SAFETY: By the type invariant the object can no longer be found and is freed once. Its
        // `rcu` member is for this, and readers that still see the object only look at the rest.
        unsafe { bindings::kvfree_call_rcu((&raw mut (*node).rcu).cast(), node.cast()) };
    }
}

/// Where an object may go.
#[derive(Clone, Copy)]
pub(crate) enum Slot {
    /// The lowest free number in the inclusive range.
    Lowest(u32, u32),
    /// This number.
    At(u32),
}

/// Objects by number, and data of type `D` behind the lock of the array.
///
/// # Invariants
///
/// - Every entry is a `Node<T>` of `cache` that the array owns.
/// - An object that was ever in the array is freed after a grace period.
/// - `data` is accessed by the holder of the lock only.
#[pin_data(PinnedDrop)]
pub(crate) struct IdArray<T, D> {
    #[pin]
    xa: Opaque<bindings::xarray>,
    data: UnsafeCell<D>,
    cache: Arc<Cache<T>>,
}

// SAFETY: The array moves `T` and `D` between threads.
unsafe impl<T: Send + Sync, D: Send> Send for IdArray<T, D> {}
// SAFETY: The array shares `T` between threads and gives `D` to one at a time.
unsafe impl<T: Send + Sync, D: Send> Sync for IdArray<T, D> {}

impl<T, D> IdArray<T, D> {
    /// Creates an empty array.
    pub(crate) fn new(cache: Arc<Cache<T>>, data: D) -> impl PinInit<Self> {
        // INVARIANT: The array is empty.
        pin_init!(Self {
            // SAFETY: `slot` is valid for writes.
            xa <- Opaque::ffi_init(|slot| unsafe { bindings::ioasid_xa_init(slot) }),
            data: UnsafeCell::new(data),
            cache,
        })
    }

    /// The cache of the objects.
    #[cfg(CONFIG_IOASID_KUNIT_TEST)]
    pub(crate) fn cache(&self) -> Arc<Cache<T>> {
        self.cache.clone()
    }

    /// Allocates an object, not visible to anybody yet. Sleeps.
    pub(crate) fn prepare(&self, value: T) -> Result<Unpublished<'_, T>> {
        // SAFETY: By its invariants the cache is valid and its objects are `Node<T>`.
        let raw = unsafe {
            bindings::kmem_cache_alloc_noprof(self.cache.raw.as_ptr(), bindings::GFP_KERNEL)
        };
        let node = NonNull::new(raw.cast::<Node<T>>()).ok_or(ENOMEM)?;
        // SAFETY: The memory is fresh, of the right size and alignment.
        unsafe {
            node.write(Node {
                value,
                id: UnsafeCell::new(0),
                age: Age::new(),
                rcu: Opaque::uninit(),
            })
        };
        // INVARIANT: Initialised just now, and ours alone.
        Ok(Unpublished {
            node,
            cache: &self.cache,
        })
    }

    /// Looks an object up. Takes no lock and writes no shared memory.
    #[inline]
    pub(crate) fn lookup<'g>(&'g self, id: u32, _guard: &'g rcu::Guard) -> Option<&'g Node<T>> {
        // SAFETY: The array is initialised.
        let entry = unsafe { bindings::xa_load(self.xa.get(), index(id)) };
        // SAFETY: By the type invariants the entry is a complete object that is not freed before
        // the read section ends, which the guard keeps open.
        unsafe { entry.cast::<Node<T>>().as_ref() }
    }

    /// Finds the first object at `from` or above.
    pub(crate) fn next<'g>(&'g self, from: u32, _guard: &'g rcu::Guard) -> Option<&'g Node<T>> {
        let mut at = index(from);
        // SAFETY: The array is initialised; `at` is valid for the call.
        let entry = unsafe {
            bindings::xa_find(
                self.xa.get(),
                &mut at,
                index(u32::MAX),
                bindings::XA_PRESENT,
            )
        };
        // SAFETY: As in `lookup`.
        unsafe { entry.cast::<Node<T>>().as_ref() }
    }

    /// Takes the lock. Interrupts must be on, and are off until the guard is dropped.
    pub(crate) fn lock(&self) -> Guard<'_, T, D> {
        // SAFETY: The array is initialised.
        unsafe { bindings::ioasid_xa_lock(self.xa.get()) };
        // INVARIANT: The lock was taken just now.
        Guard {
            array: self,
            _cpu: NotThreadSafe,
        }
    }
}

#[pinned_drop]
impl<T, D> PinnedDrop for IdArray<T, D> {
    fn drop(self: Pin<&mut Self>) {
        let mut from = 0;
        loop {
            let guard = rcu::read_lock();
            let Some(id) = self.next(from, &guard).map(Node::id) else {
                return;
            };
            drop(guard);
            let removed = self.lock().remove(id);
            drop(removed);
            from = id;
        }
    }
}

/// The lock of an [`IdArray`]; gives access to its data.
///
/// # Invariants
///
/// The lock is held by this CPU (on `PREEMPT_RT`: task).
pub(crate) struct Guard<'a, T, D> {
    array: &'a IdArray<T, D>,
    _cpu: NotThreadSafe,
}

impl<'a, T, D> Guard<'a, T, D> {
    /// Publishes an object, complete with its number. May drop and retake the lock, and sleep
    /// meanwhile: what was read before under the lock may have changed, but publication and
    /// return are in one critical section.
    ///
    /// # Errors
    ///
    /// The object is given back, to be dropped without the lock, with
    ///
    /// - `EBUSY` if there is no such slot free,
    /// - `EINVAL` if it was prepared for an array with another cache,
    /// - `ENOMEM`.
    pub(crate) fn insert(
        &mut self,
        object: Unpublished<'a, T>,
        slot: Slot,
    ) -> Result<u32, (Error, Unpublished<'a, T>)> {
        self.insert_with(object, slot, bindings::GFP_KERNEL)
    }

    /// As [`Guard::insert`] but for the lock, which is held throughout; so `ENOMEM` only says that
    /// there is no memory at hand.
    #[inline]
    pub(crate) fn insert_at_once(
        &mut self,
        object: Unpublished<'a, T>,
        slot: Slot,
    ) -> Result<u32, (Error, Unpublished<'a, T>)> {
        self.insert_with(object, slot, bindings::GFP_NOWAIT)
    }

    #[inline]
    fn insert_with(
        &mut self,
        object: Unpublished<'a, T>,
        slot: Slot,
        flags: bindings::gfp_t,
    ) -> Result<u32, (Error, Unpublished<'a, T>)> {
        if !ptr::eq(object.cache, &*self.array.cache) {
            return Err((EINVAL, object));
        }
        let xa = self.array.xa.get();
        let node = object.node.as_ptr();
        // SAFETY: By its invariant the object is valid and invisible, so its number may be written.
        let id = unsafe { (*node).id.get() };
        let ret = match slot {
            // SAFETY: The lock is held. `__xa_alloc()` writes the number before the object can be
            // found, and not afterwards.
            Slot::Lowest(min, max) => unsafe {
                let limit = bindings::xa_limit { min, max };
                bindings::__xa_alloc(xa, id, node.cast(), limit, flags)
            },
            // SAFETY: The lock is held; the number is written before the object can be found.
            Slot::At(number) => unsafe {
                *id = number;
                bindings::__xa_insert(xa, index(number), node.cast(), flags)
            },
        };
        match to_result(ret) {
            Ok(()) => {
                mem::forget(object);
                // SAFETY: The lock is held, so the object is still there.
                Ok(unsafe { *id })
            }
            Err(err) => Err((err, object)),
        }
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Removed<'a, T>> {
        // SAFETY: The lock is held.
        let entry = unsafe { bindings::__xa_erase(self.array.xa.get(), index(id)) };
        // INVARIANT: By the invariants of the array this is an object, and it was just taken out.
        Some(Removed {
            node: NonNull::new(entry.cast())?,
            _cache: PhantomData,
        })
    }

    /// The object with this number, which cannot be taken out meanwhile.
    pub(crate) fn get(&self, id: u32) -> Option<&Node<T>> {
        // SAFETY: As in `lookup`; objects are only taken out through `&mut` of this guard.
        unsafe {
            bindings::xa_load(self.array.xa.get(), index(id))
                .cast::<Node<T>>()
                .as_ref()
        }
    }

    /// Whether a number in the inclusive range is free.
    pub(crate) fn has_free(&self, first: u32, last: u32) -> bool {
        // SAFETY: The lock is held.
        unsafe { bindings::ioasid_xa_has_free(self.array.xa.get(), index(first), index(last)) }
    }

    /// Whether there is no object at all.
    pub(crate) fn is_empty(&self) -> bool {
        let mut at = 0;
        // An insertion that failed for want of memory leaves nodes without objects.
        // SAFETY: The array is initialised; `at` is valid for the call.
        unsafe {
            bindings::xa_find(
                self.array.xa.get(),
                &mut at,
                c_ulong::MAX,
                bindings::XA_PRESENT,
            )
            .is_null()
        }
    }
}

impl<T, D> Deref for Guard<'_, T, D> {
    type Target = D;

    fn deref(&self) -> &D {
        // SAFETY: By the type invariant the lock is held.
        unsafe { &*self.array.data.get() }
    }
}

impl<T, D> DerefMut for Guard<'_, T, D> {
    fn deref_mut(&mut self) -> &mut D {
        // SAFETY: By the type invariant the lock is held, and the guard is borrowed exclusively.
        unsafe { &mut *self.array.data.get() }
    }
}

impl<T, D> Drop for Guard<'_, T, D> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the lock is held.
        unsafe { bindings::ioasid_xa_unlock(self.array.xa.get()) };
    }
}
