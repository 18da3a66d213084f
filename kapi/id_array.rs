// SPDX-License-Identifier: GPL-2.0

//! Objects by number, looked up under RCU. Target: `rust/kernel/`, beside `xarray.rs`.
//!
//! A table of two levels in the shape of the hardware's PASID directory: a directory of leaves,
//! and leaves of pointers. [`FreeMap`] beside it says which numbers are free. Leaves come with the
//! first of their numbers. One that has become empty stays until [`IdArray::shrink`].
//!
//! What is removed is linked, and freed a little later, by one grace period for all: one by one,
//! `kvfree_rcu()` was half of what it takes to free an ID.

use super::{
    age::Age,
    bindings,
    context::synchronize_rcu,
    marked::{
        Marked,
        RcuPtr, //
    },
    reader::Reader,
};
use crate::{
    free_map::{
        Chunk,
        FreeMap,
        Left,
        Upper,
        LEAF, //
    },
    id::LIMIT, //
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
    alloc::flags::__GFP_ZERO,
    container_of,
    ffi::c_uint,
    prelude::*,
    sync::{
        atomic::Relaxed,
        rcu,
        Arc,
        LockClassKey, //
    },
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

/// How long removed objects are collected, for one grace period, in milliseconds.
const REAP_MS: c_uint = 20;

/// An object with its number.
///
/// # Invariants
///
/// `id` is written only before the object can be found, `next` is only for whoever holds the lock
/// of the array, or has it to free.
#[repr(C)]
pub(crate) struct Node<T> {
    value: T,
    id: UnsafeCell<u32>,
    /// In what would be padding.
    age: Age,
    next: UnsafeCell<*mut Node<T>>,
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

impl<T> Cache<T> {
    /// Frees objects of this cache.
    fn free(&self, mut chain: Chain<T>) {
        let mut batch = [ptr::null_mut(); 32];
        while !chain.is_empty() {
            let mut count = 0;
            for place in &mut batch {
                // SAFETY: By the type invariant of the chain.
                let Some(node) = (unsafe { chain.0.as_ref() }) else {
                    break;
                };
                *place = chain.0.cast();
                // SAFETY: By the type invariant of the node, for it is here to be freed.
                chain.0 = unsafe { *node.next.get() };
                count += 1;
            }
            // SAFETY: So many objects of the cache are there, owned by the chain until now.
            unsafe { bindings::kmem_cache_free_bulk(self.raw.as_ptr(), count, batch.as_mut_ptr()) };
        }
    }
}

impl<T> Drop for Cache<T> {
    fn drop(&mut self) {
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

/// The objects of [`LEAF`] numbers.
struct Leaf<T>([RcuPtr<Node<T>>; LEAF as usize]);

/// All leaves.
struct Directory<T>([RcuPtr<Leaf<T>>; (LIMIT / LEAF) as usize]);

/// Allocates what consists of null pointers. Sleeps.
fn new_zeroed<Z: Zeroable>() -> Result<KBox<Z>> {
    let memory = KBox::<Z>::new_uninit(GFP_KERNEL | __GFP_ZERO)?;
    // SAFETY: Zeroes are a value.
    Ok(unsafe { memory.assume_init() })
}

// SAFETY: Null pointers.
unsafe impl<T> Zeroable for Leaf<T> {}
// SAFETY: Null pointers.
unsafe impl<T> Zeroable for Directory<T> {}

impl<T> Leaf<T> {
    fn slot(&self, id: u32) -> Option<&RcuPtr<Node<T>>> {
        // CAST: `usize` has 64 bits, see Kconfig.
        self.0.get((id % LEAF) as usize)
    }
}

impl<T> Directory<T> {
    fn slot(&self, id: u32) -> Option<&RcuPtr<Leaf<T>>> {
        // CAST: As above.
        self.0.get((id / LEAF) as usize)
    }
}

/// A leaf that was taken out, with what belonged to it.
type Taken<T> = (KBox<Leaf<T>>, Option<KBox<Chunk>>);

/// What an [`IdArray`] may have to allocate.
struct Room<T> {
    directory: Option<KBox<Directory<T>>>,
    upper: Option<KBox<Upper>>,
    leaf: Option<KBox<Leaf<T>>>,
    chunk: Option<KBox<Chunk>>,
}

impl<T> Room<T> {
    const NONE: Self = Self {
        directory: None,
        upper: None,
        leaf: None,
        chunk: None,
    };

    fn is_none(&self) -> bool {
        self.directory.is_none()
            && self.upper.is_none()
            && self.leaf.is_none()
            && self.chunk.is_none()
    }
}

/// Objects that were taken out, linked by [`Node::next`].
///
/// # Invariants
///
/// The objects are owned, and linked nowhere else.
struct Chain<T>(*mut Node<T>);

impl<T> Chain<T> {
    const EMPTY: Self = Self(ptr::null_mut());

    fn is_empty(&self) -> bool {
        self.0.is_null()
    }
}

/// What the lock of an [`IdArray`] protects.
struct Locked<T, D> {
    free: FreeMap,
    /// What readers may still see, for the reaper.
    removed: Chain<T>,
    /// What was allocated, and somebody else was quicker.
    spare: Room<T>,
    data: D,
}

/// Objects by number, and data of type `D` behind the lock of the array.
///
/// # Invariants
///
/// - Every object is a `Node<T>` of `cache` that the array owns, and its number is not free.
/// - An object that was ever in the array is freed after a grace period. So are leaves, which are
///   owned; the directory stays until the drop.
/// - `reaper` is initialised with [`IdArray::reap`], and found by it around it.
/// - Directory and leaves are changed, and `locked` is accessed, by the holder of the lock only.
#[pin_data(PinnedDrop)]
pub(crate) struct IdArray<T, D> {
    directory: RcuPtr<Directory<T>>,
    #[pin]
    lock: Opaque<bindings::spinlock_t>,
    locked: UnsafeCell<Locked<T, D>>,
    #[pin]
    reaper: Opaque<bindings::delayed_work>,
    /// A leaf has become empty.
    has_empty: Marked<bool>,
    cache: Arc<Cache<T>>,
}

// SAFETY: The array moves `T` and `D` between threads.
unsafe impl<T: Send + Sync, D: Send> Send for IdArray<T, D> {}
// SAFETY: The array shares `T` between threads and gives `D` to one at a time.
unsafe impl<T: Send + Sync, D: Send> Sync for IdArray<T, D> {}

impl<T, D> IdArray<T, D> {
    /// Creates an empty array. It holds numbers below [`LIMIT`]. `name` and `key` are those of its
    /// lock, for lockdep.
    pub(crate) fn new(
        cache: Arc<Cache<T>>,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
        data: D,
    ) -> impl PinInit<Self> {
        // INVARIANT: The array is empty.
        pin_init!(Self {
            directory: RcuPtr::null(),
            // SAFETY: `slot` is valid for writes; name and key stay.
            lock <- Opaque::ffi_init(move |slot| unsafe {
                bindings::ioasid_array_lock_init(slot, name.as_char_ptr(), key.as_ptr())
            }),
            locked: UnsafeCell::new(Locked {
                free: FreeMap::new(),
                removed: Chain::EMPTY,
                spare: Room::NONE,
                data,
            }),
            // SAFETY: `slot` is valid for writes, pinned, and lives until the drop has waited.
            reaper <- Opaque::ffi_init(|slot| unsafe {
                bindings::ioasid_init_reaper(slot, Some(Self::reap))
            }),
            has_empty: Marked::new(false),
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
                next: UnsafeCell::new(ptr::null_mut()),
            })
        };
        // INVARIANT: Initialised just now, and ours alone.
        Ok(Unpublished {
            node,
            cache: &self.cache,
        })
    }

    #[inline]
    fn leaf<'g>(&'g self, id: u32) -> Option<&'g Leaf<T>> {
        // The directory is asked next, but the check would come after it was loaded.
        if id >= LIMIT {
            return None;
        }
        // SAFETY: By the type invariants the directory stays, and so does a leaf as long as the
        // caller is an RCU reader or holds the lock.
        unsafe { self.directory.get()?.slot(id)?.get() }
    }

    /// Looks an object up. Takes no lock and writes no shared memory.
    #[inline]
    pub(crate) fn lookup<'g>(
        &'g self,
        id: u32,
        _reader: impl Into<Reader<'g>>,
    ) -> Option<&'g Node<T>> {
        // SAFETY: By the type invariants the object is complete and not freed before the read
        // section ends, which lasts as long as `'g`.
        unsafe { self.leaf(id)?.slot(id)?.get() }
    }

    /// Finds the first object at `from` or above.
    pub(crate) fn next<'g>(&'g self, from: u32, guard: &'g rcu::Guard) -> Option<&'g Node<T>> {
        let mut at = from;
        while at < LIMIT {
            if self.leaf(at).is_some() {
                let end = at | (LEAF - 1);
                if let Some(node) = (at..=end).find_map(|id| self.lookup(id, guard)) {
                    return Some(node);
                }
            }
            at = (at | (LEAF - 1)) + 1;
        }
        None
    }

    /// Takes the lock. Interrupts must be on, and are off until the guard is dropped.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T, D> {
        // SAFETY: The lock is initialised.
        unsafe { bindings::ioasid_array_lock(self.lock.get()) };
        // INVARIANT: The lock was taken just now.
        Guard {
            array: self,
            _cpu: NotThreadSafe,
        }
    }

    /// Frees what was removed. Sleeps.
    ///
    /// # Safety
    ///
    /// `work` is that of the `reaper` of an array.
    unsafe extern "C" fn reap(work: *mut bindings::work_struct) {
        // SAFETY: By the safety requirements.
        let delayed = unsafe { container_of!(work, bindings::delayed_work, work) };
        // SAFETY: As above; the array waits for the work item before it goes.
        let array = unsafe { &*container_of!(Opaque::cast_from(delayed), Self, reaper) };
        array.free_removed();
    }

    fn free_removed(&self) {
        let removed = mem::replace(&mut self.lock().locked_mut().removed, Chain::EMPTY);
        if !removed.is_empty() {
            synchronize_rcu();
            self.cache.free(removed);
        }
    }

    /// Whether [`IdArray::shrink`] may have something to do.
    #[inline]
    pub(crate) fn has_empty(&self) -> bool {
        self.has_empty.load(Relaxed)
    }

    /// Frees leaves without objects. Sleeps.
    pub(crate) fn shrink(&self) {
        self.has_empty.store(false, Relaxed);
        let mut at = 0;
        while at < LIMIT {
            // A grace period for many.
            let mut removed: [_; 16] = [const { None }; 16];
            let mut any = false;
            for room in &mut removed {
                while at < LIMIT && room.is_none() {
                    *room = self.lock().take_leaf(at);
                    at += LEAF;
                }
                any |= room.is_some();
            }
            if any {
                synchronize_rcu();
            }
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
                break;
            };
            drop(guard);
            self.lock().remove(id);
            from = id;
        }
        // SAFETY: The work item is initialised.
        unsafe { bindings::cancel_delayed_work_sync(self.reaper.get()) };
        self.free_removed();
        self.shrink();
        let directory = self.directory.take();
        if !directory.is_null() {
            // SAFETY: By the type invariant it is owned; nobody has a reference to the array.
            drop(unsafe { KBox::from_raw(directory) });
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
    #[inline]
    fn locked(&self) -> &Locked<T, D> {
        // SAFETY: By the type invariant the lock is held.
        unsafe { &*self.array.locked.get() }
    }

    #[inline]
    fn locked_mut(&mut self) -> &mut Locked<T, D> {
        // SAFETY: By the type invariant the lock is held, and the guard is borrowed exclusively.
        unsafe { &mut *self.array.locked.get() }
    }

    /// Which numbers are free.
    #[inline]
    pub(crate) fn free(&self) -> &FreeMap {
        &self.locked().free
    }

    /// Whether there seems to be memory for an object with this number.
    #[cfg(CONFIG_IOASID_KUNIT_TEST)]
    pub(crate) fn has_room(&self, id: u32) -> bool {
        self.array.leaf(id).is_some()
    }

    /// Publishes an object, complete with its number, which is free. With the lock held all the
    /// time.
    ///
    /// # Errors
    ///
    /// The object is given back, to be dropped without the lock, if the number is taken, if
    /// [`Guard::make_room`] has to come first, or if it was prepared for an array with another
    /// cache.
    #[inline(always)]
    pub(crate) fn insert(
        &mut self,
        object: Unpublished<'a, T>,
        id: u32,
    ) -> Result<(), Unpublished<'a, T>> {
        let array = self.array;
        let Some(slot) = array.leaf(id).and_then(|leaf| leaf.slot(id)) else {
            return Err(object);
        };
        if !ptr::eq(object.cache, &*array.cache) || !self.locked_mut().free.take(id) {
            return Err(object);
        }
        let node = object.node.as_ptr();
        mem::forget(object);
        // SAFETY: By its invariant the object is valid and was invisible so far, so its number may
        // be written.
        unsafe { *(*node).id.get() = id };
        // INVARIANT: The array owns it now, and its number was taken.
        slot.publish(node);
        Ok(())
    }

    /// Sees to the memory for an object with this number. Drops and retakes the lock, and sleeps
    /// meanwhile: what was read before under the lock may have changed.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    #[cold]
    pub(crate) fn make_room(&mut self, id: u32) -> Result {
        let array = self.array;
        let needs_directory = array.directory.is_null();
        let needs_leaf = array.leaf(id).is_none();
        let locked = self.locked_mut();
        let needs_upper = locked.free.needs_upper();
        let needs_chunk = locked.free.needs_chunk(id);
        let mut room = mem::replace(&mut locked.spare, Room::NONE);

        let allocated = self.unlocked(|| {
            Self::allocate(
                &mut room,
                needs_directory,
                needs_upper,
                needs_leaf,
                needs_chunk,
            )
        });

        let locked = self.locked_mut();
        if array.directory.is_null() {
            if let Some(directory) = room.directory.take() {
                array.directory.publish(KBox::into_raw(directory));
            }
        }
        if let Some(upper) = room.upper.take() {
            room.upper = locked.free.supply_upper(upper);
        }
        if let Some(chunk) = room.chunk.take() {
            room.chunk = locked.free.supply_chunk(id, chunk);
        }
        // SAFETY: By the type invariants of the array the directory stays.
        if let Some(slot) = unsafe { array.directory.get() }.and_then(|all| all.slot(id)) {
            if slot.is_null() {
                if let Some(leaf) = room.leaf.take() {
                    slot.publish(KBox::into_raw(leaf));
                }
            }
        }
        let old = mem::replace(&mut locked.spare, room);
        if !old.is_none() {
            // Somebody else was there meanwhile and had too much as well.
            self.unlocked(|| drop(old));
        }
        allocated
    }

    /// Calls `call` with the lock dropped, and retakes it.
    fn unlocked<R>(&mut self, call: impl FnOnce() -> R) -> R {
        let lock = self.array.lock.get();
        // SAFETY: The lock is held, and taken again before anything else is done with the guard.
        unsafe { bindings::ioasid_array_unlock(lock) };
        let result = call();
        // SAFETY: The lock is initialised.
        unsafe { bindings::ioasid_array_lock(lock) };
        result
    }

    fn allocate(
        room: &mut Room<T>,
        directory: bool,
        upper: bool,
        leaf: bool,
        chunk: bool,
    ) -> Result {
        if directory && room.directory.is_none() {
            room.directory = Some(new_zeroed()?);
        }
        if upper && room.upper.is_none() {
            room.upper = Some(KBox::init(Upper::new(), GFP_KERNEL)?);
        }
        if leaf && room.leaf.is_none() {
            room.leaf = Some(new_zeroed()?);
        }
        if chunk && room.chunk.is_none() {
            room.chunk = Some(KBox::new(Chunk::new(), GFP_KERNEL)?);
        }
        Ok(())
    }

    /// Takes an object out. It is freed after a grace period, and not before the lock is dropped.
    #[inline(always)]
    pub(crate) fn remove(&mut self, id: u32) -> Option<&Node<T>> {
        let array = self.array;
        let node = array.leaf(id)?.slot(id)?.take();
        // SAFETY: By the type invariants of the array it is an object, or null.
        let removed = unsafe { node.as_ref() }?;
        let locked = self.locked_mut();
        if locked.free.give(id) == Left::Empty {
            array.has_empty.store(true, Relaxed);
        }
        let is_first = locked.removed.is_empty();
        // SAFETY: By its invariants, for the lock is held.
        unsafe { *removed.next.get() = locked.removed.0 };
        // INVARIANT: It was taken out just now.
        locked.removed = Chain(node);
        if is_first {
            // SAFETY: The work item is initialised, see the type invariants of the array.
            unsafe { bindings::ioasid_queue_reaper(array.reaper.get(), REAP_MS) };
        }
        Some(removed)
    }

    /// Takes the leaf of a number out if it has no objects. To be dropped without the lock, after a
    /// grace period.
    fn take_leaf(&mut self, id: u32) -> Option<Taken<T>> {
        // SAFETY: By the type invariants of the array the directory stays.
        let slot = unsafe { self.array.directory.get() }?.slot(id)?;
        if slot.is_null() || !self.locked().free.is_leaf_free(id) {
            return None;
        }
        let leaf = slot.take();
        let chunk = self.locked_mut().free.shrink(id);
        // SAFETY: By the type invariants of the array it is owned, and it was just taken out.
        Some((unsafe { KBox::from_raw(leaf) }, chunk))
    }

    /// The object with this number, which cannot be taken out meanwhile.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> Option<&Node<T>> {
        // SAFETY: As in `lookup`; objects are only taken out through `&mut` of this guard.
        unsafe { self.array.leaf(id)?.slot(id)?.get() }
    }

    /// Whether there is no object at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.locked().free.used() == 0
    }
}

impl<T, D> Deref for Guard<'_, T, D> {
    type Target = D;

    #[inline]
    fn deref(&self) -> &D {
        &self.locked().data
    }
}

impl<T, D> DerefMut for Guard<'_, T, D> {
    #[inline]
    fn deref_mut(&mut self) -> &mut D {
        &mut self.locked_mut().data
    }
}

impl<T, D> Drop for Guard<'_, T, D> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant the lock is held.
        unsafe { bindings::ioasid_array_unlock(self.array.lock.get()) };
    }
}
