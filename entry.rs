// SPDX-License-Identifier: GPL-2.0

//! One allocated IOASID.

use crate::{
    id::INVALID,
    kapi::marked::{
        Marked,
        RcuPtr, //
    },
    life::Life,
    set::{
        Owner,
        SetTag, //
    },
    state::Word,
};
use core::ffi::c_void;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// The number of the provider of numbers that the default allocator is.
pub(crate) const DEFAULT_PROVIDER: u32 = 0;

/// The number of the one whose numbers are adopted.
pub(crate) const ADOPTED: u32 = u32::MAX;

/// The number of the host allocator. It stays the same, for its numbers always return.
pub(crate) const HOST: u32 = u32::MAX - 1;

/// What there is to know of an IOASID besides its number.
///
/// Complete before it is visible. Readers find it under RCU; its memory goes after a grace period,
/// its word is dead before it leaves the index, so nobody acts on an earlier life.
pub(crate) struct Entry {
    pub(crate) life: Life,
    private: RcuPtr<c_void>,
    tag: SetTag,
    set: u32,
    /// The number by which the owner of the set knows the ID, or `INVALID`. It stays readable
    /// until reclaim. Changed under the lock of the index only, like all below but `link`.
    pub(crate) spid: Marked<u32>,
    /// The next ID on the one list that this one is on: the deferred, the resting or those that
    /// go back to a custom allocator.
    pub(crate) link: Atomic<u32>,
    /// Who gets the number back.
    pub(crate) provider: Marked<u32>,
    /// The neighbours in the set, 0 is none.
    pub(crate) before: Marked<u32>,
    pub(crate) behind: Marked<u32>,
    /// Tells this life of the number from the next one, and whether it is adopted. Written before
    /// it is visible.
    pub(crate) serial: Serial,
    /// How many want the ID to stay in the index, and whether it is on its way out.
    pub(crate) pins: Marked<u32>,
    /// How many devices the IOMMU has attached under it, or [`Entry::SETTLING`].
    #[cfg(any(not(MODULE), CONFIG_IOASID_KUNIT_TEST))]
    pub(crate) attached: Atomic<u32>,
}

/// What an ID leaves behind.
#[derive(Clone, Copy)]
pub(crate) struct Parting {
    pub(crate) owner: Owner,
    pub(crate) spid: Option<u32>,
    pub(crate) provider: u32,
    pub(crate) before: u32,
    pub(crate) behind: u32,
    pub(crate) is_adopted: bool,
}

/// Which life of a number it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Serial(u32);

impl Serial {
    const ADOPTED: u32 = 1 << 31;

    pub(crate) fn new(count: u32, is_adopted: bool) -> Self {
        Self(count & !Self::ADOPTED | u32::from(is_adopted) << 31)
    }

    /// Of an entry that nobody can see.
    #[inline]
    pub(crate) fn set_count(&mut self, count: u32) {
        self.0 = self.0 & Self::ADOPTED | count & !Self::ADOPTED;
    }

    /// Whether the number belongs to an mm, and is not for a provider to give.
    pub(crate) fn is_adopted(self) -> bool {
        self.0 & Self::ADOPTED != 0
    }
}

impl Entry {
    /// In [`Entry::pins`]: the ID is reclaimed, the last one to unpin takes it out.
    pub(crate) const LEAVING: u32 = 1 << 31;

    /// In [`Entry::attached`]: the first one comes or the last one goes, which is being told.
    #[cfg(any(not(MODULE), CONFIG_IOASID_KUNIT_TEST))]
    pub(crate) const SETTLING: u32 = u32::MAX;

    /// In [`Entry::attached`]: when the first one came, subscribers were told of a bond already.
    #[cfg(any(not(MODULE), CONFIG_IOASID_KUNIT_TEST))]
    pub(crate) const MUTE: u32 = 1 << 30;

    pub(crate) fn new(owner: Owner, provider: u32, private: *mut c_void) -> Self {
        Self {
            life: Life::new(Word::new()),
            private: RcuPtr::new(private),
            tag: owner.tag,
            set: owner.set,
            spid: Marked::new(INVALID),
            link: Atomic::new(0),
            provider: Marked::new(provider),
            before: Marked::new(0),
            behind: Marked::new(0),
            serial: Serial::new(0, provider == ADOPTED),
            pins: Marked::new(0),
            #[cfg(any(not(MODULE), CONFIG_IOASID_KUNIT_TEST))]
            attached: Atomic::new(0),
        }
    }

    /// The set that it belongs to.
    pub(crate) fn owner(&self) -> Owner {
        Owner {
            tag: self.tag,
            set: self.set,
        }
    }

    /// Whether a caller that speaks for `set` may touch this ID.
    #[inline]
    pub(crate) fn is_owned_by(&self, set: SetTag) -> bool {
        set == SetTag::NONE || set == self.tag
    }

    /// Whether nothing has to be seen to when the ID leaves, but for what all have. Under the lock
    /// of the index.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.pins.load(Relaxed) | self.provider.load(Relaxed) == DEFAULT_PROVIDER
            && self.tag == SetTag::NONE
            && self.spid.load(Relaxed) == INVALID
    }

    /// When a resting number may be used again. It is in no set any more.
    pub(crate) fn rest_until(&self) -> &Marked<u32> {
        &self.before
    }

    const MAKER_GONE: u32 = 1 << 31;

    /// The process that has allocated an ID of the kernel's own set, which has no neighbours, and
    /// whether it may still be there.
    pub(crate) fn maker(&self) -> Option<(u32, bool)> {
        let maker = self.behind.load(Relaxed);
        let pid = maker & !Self::MAKER_GONE;
        (self.set == Owner::KERNEL.set && pid != 0).then_some((pid, pid == maker))
    }

    /// Has an ID of the kernel's own set be that of a process, as far as that is seen.
    pub(crate) fn set_maker(&self, pid: u32) {
        if self.set == Owner::KERNEL.set {
            self.behind.store(pid, Relaxed);
        }
    }

    /// Notes that the process is gone: its number is another's, or will be.
    pub(crate) fn maker_has_gone(&self) {
        if self.set == Owner::KERNEL.set {
            let maker = self.behind.load(Relaxed);
            self.behind.store(maker | Self::MAKER_GONE, Relaxed);
        }
    }

    /// What has to be known of an ID that leaves. Under the lock of the index.
    #[inline]
    pub(crate) fn parting(&self) -> Parting {
        Parting {
            owner: self.owner(),
            spid: self.spid(),
            provider: self.provider.load(Relaxed),
            before: self.before.load(Relaxed),
            behind: self.behind.load(Relaxed),
            is_adopted: self.serial.is_adopted(),
        }
    }

    /// The private data.
    #[inline]
    pub(crate) fn private(&self) -> *mut c_void {
        self.private.load()
    }

    /// Replaces the private data. Readers may use the old one until a grace period has passed.
    pub(crate) fn replace_private(&self, private: *mut c_void) -> *mut c_void {
        self.private.replace(private)
    }

    /// Sets the private data where there is none.
    ///
    /// # Errors
    ///
    /// `EBUSY` if there is.
    pub(crate) fn attach_private(&self, private: *mut c_void) -> Result {
        if self.private.fill(private) {
            Ok(())
        } else {
            Err(EBUSY)
        }
    }

    /// The SPID.
    pub(crate) fn spid(&self) -> Option<u32> {
        let spid = self.spid.load(Relaxed);
        (spid != INVALID).then_some(spid)
    }
}
