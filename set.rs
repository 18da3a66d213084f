// SPDX-License-Identifier: GPL-2.0

//! Sets: who owns IDs.
//!
//! C callers know a set by a handle that names its slot and its generation. It is looked up, never
//! followed: a handle that has outlived its set is refused.

use crate::{
    id_stack::IdStack,
    kapi::{
        id_array::{
            Cache,
            IdArray,
            Node, //
        },
        marked::Marked,
        mm::{
            MmExit,
            MmWatch, //
        },
        number_map::NumberMap,
        task::Who, //
    },
    life::Life,
    quota::Usage,
    space::Policy,
    state::Word,
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        rcu,
        static_lock_class,
        Arc, //
    },
};

/// By what a caller knows a set: a handle, or for a static set of the old interface its address.
/// 0 is the kernel's own when an ID is allocated, and "do not check" elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetTag(pub(crate) usize);

impl SetTag {
    pub(crate) const NONE: Self = Self(0);

    /// What no address on a 64-bit machine begins with: whoever follows a handle, faults.
    const MARK: usize = 0x5e7 << 52;
    const INDEX_BITS: u32 = 20;
    const LAST: u32 = (1 << Self::INDEX_BITS) - 1;

    fn handle(index: u32, generation: u32) -> Self {
        // CAST: `usize` has 64 bits, see Kconfig.
        Self(Self::MARK | (generation as usize) << Self::INDEX_BITS | index as usize)
    }

    /// The slot that a handle names.
    pub(crate) fn index(self) -> Option<u32> {
        if self.0 >> 52 != Self::MARK >> 52 {
            return None;
        }
        // CAST: 20 bits.
        Some((self.0 & ((1 << Self::INDEX_BITS) - 1)) as u32)
    }
}

/// The set of an ID: how callers know it, and where it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) tag: SetTag,
    pub(crate) set: u32,
}

impl Owner {
    /// The kernel's own set.
    pub(crate) const KERNEL: Self = Self {
        tag: SetTag::NONE,
        set: 0,
    };
}

/// What a set is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The kernel's own, which is always there.
    Kernel,
    /// Without a token.
    Null,
    /// The token is an mm.
    Mm,
    /// The token is a static set of the old interface. There is one while it has IDs.
    Static,
}

/// What a set's token says, to be found by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(pub(crate) Kind, pub(crate) usize);

/// A set. Its memory goes after a grace period, and not before the last of its IDs.
pub(crate) struct Set {
    pub(crate) token: Token,
    /// The process that it is for.
    pub(crate) maker: Who,
    generation: u32,
    pub(crate) life: Life,
    policy: Marked<u32>,
    pub(crate) usage: Usage,
    pub(crate) spids: NumberMap,
    /// Whether it gets IDs. Changed under the lock of the index, as all below but the links.
    pub(crate) open: Marked<bool>,
    /// The first one of its IDs.
    pub(crate) first: Marked<u32>,
    /// What was noted and not yet seen to; not 0 as long as it is on the list of notes.
    notes: Atomic<u32>,
    /// Its owner has given it up.
    given_up: Atomic<bool>,
    /// What was ever noted and seen.
    seen: Marked<u32>,
    /// Subscribers were told that it is there, and not yet that it goes.
    announced: Marked<bool>,
    /// They are told that it goes: meanwhile it is found.
    parting: Marked<bool>,
    /// The last subscriber who came before its mm was let go of.
    until: Atomic<u64>,
    link: Atomic<u32>,
}

/// Why the waiting lane has to look at a set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notes(u32);

impl Notes {
    /// Its mm has exited.
    pub(crate) const EXITED: Self = Self(1 << 0);
    /// Its owner has ended it.
    pub(crate) const ENDED: Self = Self(1 << 1);
    /// It gets no IDs and has lost its last one.
    pub(crate) const EMPTY: Self = Self(1 << 2);
    /// Nobody has a reference to it.
    pub(crate) const DEAD: Self = Self(1 << 3);

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Set {
    fn new(token: Token, maker: Who, quota: u32, generation: u32) -> Self {
        Self {
            token,
            maker,
            generation,
            life: Life::new(Word::new()),
            policy: Marked::new(Policy::Lowest.into()),
            usage: Usage::new(quota),
            spids: NumberMap::new(),
            open: Marked::new(false),
            first: Marked::new(0),
            notes: Atomic::new(0),
            given_up: Atomic::new(false),
            seen: Marked::new(0),
            announced: Marked::new(false),
            parting: Marked::new(false),
            until: Atomic::new(u64::MAX),
            link: Atomic::new(0),
        }
    }

    /// The owner gives it up. Returns false if that has happened before.
    pub(crate) fn give_up(&self) -> bool {
        !self.given_up.xchg(true, Full)
    }

    /// Whether a note is there that was not seen to.
    pub(crate) fn has_notes(&self) -> bool {
        self.notes.load(Relaxed) != 0
    }

    /// Sees to the notes. Returns all that were ever noted. In the waiting lane only.
    pub(crate) fn see(&self) -> Notes {
        let seen = self.seen.load(Relaxed) | self.notes.xchg(0, Full);
        self.seen.store(seen, Relaxed);
        Notes(seen)
    }

    /// Subscribers are going to be told that it is there.
    pub(crate) fn announce(&self) {
        self.announced.store(true, Relaxed);
    }

    /// Whether they have to be told that it goes, which they are only once. In the waiting lane.
    pub(crate) fn has_to_part(&self) -> bool {
        let announced = self.announced.load(Relaxed);
        self.announced.store(false, Relaxed);
        announced
    }

    /// Subscribers are told that it goes, and may look at it.
    pub(crate) fn set_parting(&self, parting: bool) {
        self.parting.store(parting, Relaxed);
    }

    /// Its mm has exited and is about to be let go of: from then on its address may be that of
    /// another one, and `latest` the last subscriber for whom it is not.
    pub(crate) fn disown(&self, latest: u64) {
        // The first time counts.
        let _ = self.until.cmpxchg(u64::MAX, latest, Full);
    }

    /// The last subscriber who means this set by its token.
    pub(crate) fn until(&self) -> u64 {
        self.until.load(Relaxed)
    }

    /// Whether callers can still find it.
    fn is_there(&self) -> bool {
        !self.life.word().is_dead() || self.parting.load(Relaxed)
    }

    /// Whether it gets IDs, as of now.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    /// Whether callers know it by a handle.
    pub(crate) fn has_handle(&self) -> bool {
        matches!(self.token.0, Kind::Null | Kind::Mm)
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy::from(self.policy.load(Relaxed))
    }

    pub(crate) fn set_policy(&self, policy: Policy) {
        self.policy.store(policy.into(), Relaxed);
    }
}

/// A set that was found, under RCU.
#[derive(Clone, Copy)]
pub(crate) struct Found<'g> {
    set: &'g Set,
    node: Option<&'g Node<Set>>,
}

impl<'g> Found<'g> {
    fn new(node: &'g Node<Set>) -> Self {
        Self {
            set: node,
            node: Some(node),
        }
    }

    /// What callers know it by, `NONE` if they do not.
    pub(crate) fn handle(self) -> SetTag {
        if self.has_handle() {
            self.owner().tag
        } else {
            SetTag::NONE
        }
    }

    /// How many seconds it has been there; the kernel's own always was.
    pub(crate) fn secs(self) -> Option<u32> {
        Some(self.node?.age().secs())
    }

    pub(crate) fn owner(self) -> Owner {
        let Some(node) = self.node else {
            return Owner::KERNEL;
        };
        let set = node.id();
        let tag = match node.token {
            Token(Kind::Static, address) => SetTag(address),
            _ => SetTag::handle(set, node.generation),
        };
        Owner { tag, set }
    }
}

impl Deref for Found<'_> {
    type Target = Set;

    fn deref(&self) -> &Set {
        self.set
    }
}

/// Watches the mm of a set.
pub(crate) type Watch<H> = Pin<KBox<MmWatch<H>>>;

/// What the lock of the sets protects. It is taken with no other lock held.
struct Book<H: MmExit> {
    /// Sets by token; 0 is one that is being made.
    tokens: RBTree<Token, u32>,
    watches: RBTree<u32, Watch<H>>,
    generation: u32,
}

/// All sets.
#[pin_data(PinnedDrop)]
pub(crate) struct Sets<H: MmExit> {
    #[pin]
    array: IdArray<Set, Book<H>>,
    kernel: Set,
    /// Those that the waiting lane has to look at.
    noted: IdStack<Set>,
}

impl<H: MmExit> Sets<H> {
    pub(crate) fn new(cache: Arc<Cache<Set>>) -> impl PinInit<Self> {
        let kernel = Set::new(Token(Kind::Kernel, 0), Who::NOBODY, 0, 0);
        kernel.open.store(true, Relaxed);
        pin_init!(Self {
            array <- IdArray::new(cache, c"Sets::array", static_lock_class!(), Book {
                tokens: RBTree::new(),
                watches: RBTree::new(),
                generation: 0,
            }),
            kernel,
            noted: IdStack::new(|set| &set.link),
        })
    }

    /// The slab cache of the sets.
    #[cfg(CONFIG_IOASID_KUNIT_TEST)]
    pub(crate) fn cache(&self) -> Arc<Cache<Set>> {
        self.array.cache()
    }

    /// What the kernel's own set has.
    #[inline]
    pub(crate) fn kernel_usage(&self) -> &Usage {
        &self.kernel.usage
    }

    /// The set at a slot, dead ones that have IDs included.
    #[inline]
    pub(crate) fn at<'g>(&'g self, set: u32, guard: &'g rcu::Guard) -> Option<Found<'g>> {
        if set == Owner::KERNEL.set {
            return Some(Found {
                set: &self.kernel,
                node: None,
            });
        }
        self.array.lookup(set, guard).map(Found::new)
    }

    /// The set of an ID, if it still is the same.
    pub(crate) fn of<'g>(&'g self, owner: Owner, guard: &'g rcu::Guard) -> Option<Found<'g>> {
        self.at(owner.set, guard)
            .filter(|found| found.owner() == owner)
    }

    /// Finds a set by its handle; none is the kernel's own.
    pub(crate) fn find<'g>(&'g self, tag: SetTag, guard: &'g rcu::Guard) -> Option<Found<'g>> {
        if tag == SetTag::NONE {
            return self.at(Owner::KERNEL.set, guard);
        }
        let found = self.array.lookup(tag.index()?, guard).map(Found::new)?;
        (found.owner().tag == tag && found.is_there()).then_some(found)
    }

    /// Finds a set by its token.
    pub(crate) fn find_token(&self, token: Token) -> Option<u32> {
        let book = self.array.lock();
        book.tokens.get(&token).copied().filter(|set| *set != 0)
    }

    /// The first set at `from` or above, the kernel's own not included.
    pub(crate) fn next<'g>(&'g self, from: u32, guard: &'g rcu::Guard) -> Option<Found<'g>> {
        self.array.next(from, guard).map(Found::new)
    }

    /// Claims a token, which nobody finds before [`Sets::settle`].
    ///
    /// # Errors
    ///
    /// `EEXIST` if it is taken, `ENOMEM`.
    pub(crate) fn claim(&self, token: Token) -> Result<Claim<'_, H>> {
        if token.0 == Kind::Null {
            return Ok(Claim { sets: self, token });
        }
        let node = RBTreeNode::new(token, 0, GFP_KERNEL_ACCOUNT)?;
        let mut book = self.array.lock();
        if let Some(holder) = book.tokens.get_mut(&token) {
            // One that nobody has a reference to only waits to be taken out.
            let guard = rcu::read_lock();
            let holder_is_dead = self
                .at(*holder, &guard)
                .is_some_and(|found| found.life.word().is_dead());
            drop(guard);
            if *holder == 0 || !holder_is_dead {
                drop(book);
                drop(node);
                return Err(EEXIST);
            }
            *holder = 0;
            drop(book);
            drop(node);
            return Ok(Claim { sets: self, token });
        }
        book.tokens.insert(node);
        drop(book);
        Ok(Claim { sets: self, token })
    }

    /// Makes a set that gets no IDs yet.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENOSPC` if there are too many.
    pub(crate) fn publish(&self, token: Token, maker: Who, quota: u32) -> Result<u32> {
        let mut book = self.array.lock();
        book.generation = book.generation.wrapping_add(1);
        let generation = book.generation;
        drop(book);
        let mut set = self
            .array
            .prepare(Set::new(token, maker, quota, generation))?;
        let mut book = self.array.lock();
        let failed = loop {
            let Some(index) = book.free().lowest(1, SetTag::LAST) else {
                break ENOSPC;
            };
            match book.insert(set, index) {
                Ok(()) => return Ok(index),
                Err(back) => set = back,
            }
            if let Err(err) = book.make_room(index) {
                break err;
            }
        };
        drop(book);
        drop(set);
        Err(failed)
    }

    /// Notes who watches the mm of a set.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn watch(&self, set: u32, watch: Watch<H>) -> Result {
        let node = RBTreeNode::new(set, watch, GFP_KERNEL_ACCOUNT)?;
        let before = self.array.lock().watches.insert(node);
        drop(before);
        Ok(())
    }

    /// Stops watching the mm of a set. Sleeps.
    pub(crate) fn unwatch(&self, set: u32) {
        let watch = self.array.lock().watches.remove_node(&set);
        drop(watch);
    }

    /// Has a set found by its token, unless it was ended already: then the token is free.
    pub(crate) fn settle(&self, claim: Claim<'_, H>, set: Found<'_>) {
        let mut book = self.array.lock();
        // Whoever ends a set closes it before he looks for its token.
        if set.is_open() {
            if let Some(found) = book.tokens.get_mut(&claim.token) {
                *found = set.owner().set;
            }
            core::mem::forget(claim);
        } else {
            drop(book);
            drop(claim);
        }
    }

    /// Has a set no longer found by its token, which others may claim.
    pub(crate) fn unsettle(&self, token: Token, set: u32) {
        let mut book = self.array.lock();
        let gone = if book.tokens.get(&token) == Some(&set) {
            book.tokens.remove_node(&token)
        } else {
            None
        };
        drop(book);
        drop(gone);
    }

    /// Takes out a set that has no IDs and to which nobody has a reference.
    pub(crate) fn remove(&self, set: u32) {
        let guard = rcu::read_lock();
        if let Some(set) = self.array.lookup(set, &guard) {
            set.spids.clear();
        }
        drop(guard);
        self.array.lock().remove(set);
    }

    /// Frees memory that no set needs any more. Sleeps.
    pub(crate) fn shrink(&self) {
        if self.array.has_empty() {
            self.array.shrink();
        }
    }

    /// Has the waiting lane look at a set, once it is kicked. Any context.
    ///
    /// The set must not go before it has been looked at: whoever calls has a reference that he
    /// drops by this, watches its mm, or holds the lock under which it has lost its last ID.
    pub(crate) fn note(&self, set: Found<'_>, note: Notes) {
        let Some(node) = set.node else {
            return;
        };
        let mut old = node.notes.load(Relaxed);
        loop {
            match node.notes.cmpxchg(old, old | note.0, Full) {
                Ok(_) => break,
                Err(current) => old = current,
            }
        }
        if old == 0 {
            self.noted.push(node);
        }
    }

    /// Whether something was noted.
    pub(crate) fn has_notes(&self) -> bool {
        !self.noted.is_empty()
    }

    /// Calls `each` for the sets that were noted since the last time.
    pub(crate) fn drain(&self, each: impl FnMut(u32)) {
        self.noted.drain(&self.array, each);
    }
}

#[pinned_drop]
impl<H: MmExit> PinnedDrop for Sets<H> {
    fn drop(self: Pin<&mut Self>) {
        self.kernel.spids.clear();
        let mut from = 1;
        loop {
            let guard = rcu::read_lock();
            let Some(set) = self.array.next(from, &guard) else {
                return;
            };
            set.spids.clear();
            from = set.id().saturating_add(1);
        }
    }
}

/// A token that is taken for a set that is not there yet; free again when dropped.
pub(crate) struct Claim<'a, H: MmExit> {
    sets: &'a Sets<H>,
    token: Token,
}

impl<H: MmExit> Drop for Claim<'_, H> {
    fn drop(&mut self) {
        self.sets.unsettle(self.token, 0);
    }
}
