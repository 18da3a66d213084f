// SPDX-License-Identifier: GPL-2.0

//! The interface for drivers in Rust, on what C exports.

#[path = "../rust/ioasid.rs"]
mod ioasid;

use kernel::prelude::*;

module! {
    type: Nothing,
    name: "ioasid_rust_test",
    authors: ["the IOASID developers"],
    description: "Tests of the interface for drivers in Rust",
    license: "GPL",
}

struct Nothing;

impl kernel::Module for Nothing {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}

#[kunit_tests(ioasid_rust)]
mod tests {
    use super::ioasid::*;
    use core::ops::RangeInclusive;
    use kernel::{
        new_spinlock,
        prelude::*,
        sync::{
            atomic::{
                Atomic,
                Relaxed, //
            },
            Arc,
            SpinLock, //
        },
        time::{
            delay::fsleep,
            Delta, //
        },
    };

    /// Away from the numbers of other tests.
    const RANGE: RangeInclusive<u32> = 70_000..=70_999;

    fn alloc(set: &Set) -> Result<Ioasid> {
        set.alloc(RANGE, Policy::Lowest)
    }

    fn error<T>(result: Result<T>) -> Option<Error> {
        result.err()
    }

    #[test]
    fn alloc_and_free() -> Result {
        let id = Ioasid::alloc(RANGE, Policy::TopDown)?;
        assert_eq!(id.id(), 70_999);
        assert_eq!(id.free(), Freed::Reclaimed);
        assert_eq!(error(Reference::get(70_999)), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn ranges() -> Result {
        assert_eq!(
            error(Ioasid::alloc(RangeInclusive::new(5, 4), Policy::Lowest)),
            Some(EINVAL)
        );
        assert_eq!(
            error(Ioasid::alloc(1..=capacity(), Policy::Lowest)),
            Some(EINVAL)
        );
        assert_eq!(
            error(Ioasid::alloc(u32::MAX..=u32::MAX, Policy::Lowest)),
            Some(EINVAL)
        );
        let one = Ioasid::alloc(70_001..=70_001, Policy::Cyclic)?;
        let other = Ioasid::alloc(70_001..=70_001, Policy::Lowest);
        assert_eq!(error(other), Some(ENOSPC));
        drop(one);
        Ioasid::alloc(70_001..=70_001, Policy::Lowest)?;
        Ok(())
    }

    #[test]
    fn drop_frees() -> Result {
        let id = Ioasid::alloc(RANGE, Policy::Lowest)?;
        let number = id.id();
        drop(id);
        assert_eq!(error(Reference::get(number)), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn reference_keeps_the_number() -> Result {
        let id = Ioasid::alloc(RANGE, Policy::Lowest)?;
        let number = id.id();
        let reference = id.get()?;
        let another = reference.try_clone()?;
        assert_eq!(id.free(), Freed::Pending);
        assert_eq!(error(reference.try_clone()), Some(EBUSY));
        assert_eq!(error(Reference::get(number)), Some(EBUSY));
        let next = Ioasid::alloc(number..=number, Policy::Lowest);
        assert_eq!(error(next), Some(ENOSPC));
        assert!(!reference.put());
        assert!(another.put());
        assert_eq!(error(Reference::get(number)), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn put_of_a_live_id() -> Result {
        let id = Ioasid::alloc(RANGE, Policy::Lowest)?;
        assert!(!id.get()?.put());
        drop(id.get()?);
        assert_eq!(id.free(), Freed::Reclaimed);
        Ok(())
    }

    #[test]
    fn set_frees_its_ids() -> Result {
        let set = Set::new(0)?;
        let id = alloc(&set)?;
        let number = id.id();
        // The value holds a reference.
        assert_eq!(set.free(), Freed::Pending);
        assert_eq!(error(id.get()), Some(EBUSY));
        let next = Ioasid::alloc(number..=number, Policy::Lowest);
        assert_eq!(error(next), Some(ENOSPC));
        assert_eq!(id.free(), Freed::Reclaimed);
        Ioasid::alloc(number..=number, Policy::Lowest)?;
        Ok(())
    }

    #[test]
    fn empty_set() -> Result {
        let set = Set::new(3)?;
        drop(alloc(&set)?);
        assert_eq!(set.free(), Freed::Reclaimed);
        drop(Set::new(3)?);
        Ok(())
    }

    #[test]
    fn quota() -> Result {
        let set = Set::new(2)?;
        let one = alloc(&set)?;
        let _two = alloc(&set)?;
        assert_eq!(error(alloc(&set)), Some(ENOSPC));
        assert_eq!(error(set.adjust(1)), Some(EINVAL));
        set.adjust(3)?;
        let _three = alloc(&set)?;
        let usage = set.usage()?;
        assert_eq!((usage.quota, usage.used, usage.peak), (3, 3, 3));
        assert_eq!((usage.failures, usage.spids), (1, 0));
        let held = one.get()?;
        drop(one);
        assert_eq!(set.usage()?.used, 3);
        drop(held);
        assert_eq!(set.usage()?.used, 2);
        Ok(())
    }

    #[test]
    fn owner_is_checked() -> Result {
        let set = Set::new(0)?;
        let other = Set::new(0)?;
        let id = alloc(&set)?;
        assert_eq!(error(other.get(id.id())), Some(EACCES));
        drop(set.get(id.id())?);
        assert_eq!(error(set.get(70_999)), Some(EINVAL));
        // A kernel thread owns nothing.
        assert_eq!(error(Reference::get_owned(id.id())), Some(EPERM));
        assert_eq!(error(Reference::get_owned(70_999)), Some(ENOENT));
        Ok(())
    }

    #[test]
    fn spid() -> Result {
        let set = Set::new(0)?;
        let id = alloc(&set)?;
        let other = alloc(&set)?;
        assert!(id.spid().is_none());
        assert!(!id.get()?.is_active());
        id.attach_spid(5)?;
        assert_eq!(id.spid(), Some(5));
        assert!(id.get()?.is_active());
        assert_eq!(error(other.attach_spid(5)), Some(EEXIST));
        assert_eq!(error(id.attach_spid(6)), Some(EBUSY));
        assert_eq!(error(id.attach_spid(u32::MAX)), Some(EINVAL));
        assert_eq!(set.get_by_spid(5).map(|found| found.id()), Some(id.id()));
        assert!(set.get_by_spid(6).is_none());
        id.detach_spid()?;
        assert_eq!(error(id.detach_spid()), Some(ENOENT));
        id.attach_spid(6)?;
        let held = set.get_by_spid(6).ok_or(ENOENT)?;
        drop(id);
        assert!(set.get_by_spid(6).is_none());
        assert!(held.put());
        Ok(())
    }

    #[test]
    fn wait() -> Result {
        let set = Set::new(0)?;
        set.wait_reclaimed(0)?;
        let id = alloc(&set)?;
        assert_eq!(error(set.wait_reclaimed(1)), Some(ETIMEDOUT));
        drop(id);
        set.wait_reclaimed(1000)?;
        Ok(())
    }

    /// An event, its ID and the SPID.
    type Told = (Event, Option<u32>, Option<u32>);

    /// What was told, and how often a handler was dropped.
    #[pin_data]
    struct Record {
        #[pin]
        told: SpinLock<KVec<Told>>,
        dropped: Atomic<u32>,
        refuse: Atomic<bool>,
    }

    impl Record {
        fn new() -> Result<Arc<Self>> {
            Arc::pin_init(
                try_pin_init!(Self {
                    told <- new_spinlock!(KVec::with_capacity(32, GFP_KERNEL)?),
                    dropped: Atomic::new(0),
                    refuse: Atomic::new(false),
                }? Error),
                GFP_KERNEL,
            )
        }

        fn is(&self, told: &[Told]) -> bool {
            self.told.lock().as_slice() == told
        }

        /// The end of a set is told from a work item.
        fn becomes(&self, told: &[Told]) -> bool {
            for _ in 0..200 {
                if self.is(told) {
                    return true;
                }
                fsleep(Delta::from_millis(10));
            }
            false
        }
    }

    struct Recorder(Arc<Record>);

    impl Handler for Recorder {
        fn told(&self, event: Event, subject: &Subject<'_>) -> Result {
            let told = (event, subject.id(), subject.spid());
            let _ = self.0.told.lock().push_within_capacity(told);
            if self.0.refuse.load(Relaxed) {
                return Err(EROFS);
            }
            Ok(())
        }
    }

    impl Drop for Recorder {
        fn drop(&mut self) {
            self.0.dropped.fetch_add(1, Relaxed);
        }
    }

    type Subscribed<H> = Pin<KBox<Subscription<H>>>;

    fn subscribe(
        topic: Topic<'_>,
        replay: Replay,
        record: &Arc<Record>,
    ) -> Result<Subscribed<Recorder>> {
        KBox::pin_init(
            Subscription::new(topic, Priority::Last, replay, Ok(Recorder(record.clone()))),
            GFP_KERNEL,
        )
    }

    /// A set, of which a record is kept.
    fn recorded_set() -> Result<(Arc<Record>, Set, Subscribed<Recorder>)> {
        let record = Record::new()?;
        let set = Set::new(0)?;
        let subscription = subscribe(Topic::Set(&set), Replay::No, &record)?;
        Ok((record, set, subscription))
    }

    #[test]
    fn told_in_order() -> Result {
        let (record, set, subscription) = recorded_set()?;
        let id = alloc(&set)?;
        let number = Some(id.id());
        id.attach_spid(4)?;
        id.detach_spid()?;
        drop(id);
        let all = [
            (Event::Alloc, number, None),
            (Event::Bind, number, Some(4)),
            (Event::Unbind, number, Some(4)),
            (Event::Free, number, None),
        ];
        assert!(record.is(&all));
        drop(subscription);
        assert_eq!(record.dropped.load(Relaxed), 1);
        drop(alloc(&set)?);
        assert!(record.is(&all));
        Ok(())
    }

    #[test]
    fn told_of_sets() -> Result {
        let record = Record::new()?;
        let _all = subscribe(Topic::All, Replay::No, &record)?;
        let set = Set::new(0)?;
        drop(set);
        assert!(record.becomes(&[(Event::SetAlloc, None, None), (Event::SetFree, None, None)]));
        Ok(())
    }

    #[test]
    fn refusal() -> Result {
        let (record, set, _subscription) = recorded_set()?;
        record.refuse.store(true, Relaxed);
        let id = alloc(&set)?;
        assert_eq!(error(id.attach_spid(4)), Some(EROFS));
        assert!(id.spid().is_none());
        record.refuse.store(false, Relaxed);
        id.attach_spid(4)?;
        Ok(())
    }

    #[test]
    fn replay() -> Result {
        let record = Record::new()?;
        let set = Set::new(0)?;
        let idle = alloc(&set)?;
        let active = alloc(&set)?;
        active.attach_spid(9)?;
        let pending = alloc(&set)?;
        let held = pending.get()?;
        drop(pending);
        let _subscription = subscribe(Topic::Set(&set), Replay::Yes, &record)?;
        assert!(record.is(&[
            (Event::Alloc, Some(idle.id()), None),
            (Event::Alloc, Some(active.id()), Some(9)),
            (Event::Bind, Some(active.id()), Some(9)),
        ]));
        drop(held);
        Ok(())
    }

    #[test]
    fn subscription_outlives_its_set() -> Result {
        let (record, set, subscription) = recorded_set()?;
        let id = alloc(&set)?;
        let number = Some(id.id());
        drop(set);
        drop(id);
        assert!(record.becomes(&[
            (Event::Alloc, number, None),
            (Event::Free, number, None),
            (Event::SetFree, None, None),
        ]));
        drop(subscription);
        assert_eq!(record.dropped.load(Relaxed), 1);
        Ok(())
    }

    /// Holds a reference from BIND to FREE.
    #[pin_data]
    struct Holder {
        #[pin]
        held: SpinLock<Option<Reference>>,
        got_in_free: Atomic<bool>,
    }

    impl Handler for Holder {
        fn told(&self, event: Event, subject: &Subject<'_>) -> Result {
            match event {
                Event::Bind => *self.held.lock() = Some(subject.get()?),
                Event::Free => {
                    self.got_in_free.store(subject.get().is_ok(), Relaxed);
                    let held = self.held.lock().take();
                    drop(held);
                }
                _ => (),
            }
            Ok(())
        }
    }

    /// An ID, with an SPID, whose reference a handler holds.
    fn hold(set: &Set) -> Result<(Subscribed<Holder>, Ioasid)> {
        let subscription = KBox::pin_init(
            Subscription::new(
                Topic::Set(set),
                Priority::Device,
                Replay::No,
                try_pin_init!(Holder {
                    held <- new_spinlock!(None),
                    got_in_free: Atomic::new(true),
                }? Error),
            ),
            GFP_KERNEL,
        )?;
        let id = alloc(set)?;
        id.attach_spid(1)?;
        Ok((subscription, id))
    }

    #[test]
    fn handler_gets_and_puts() -> Result {
        let set = Set::new(0)?;
        let (subscription, id) = hold(&set)?;
        let handler = subscription.handler();
        assert!(handler.held.lock().is_some());
        assert_eq!(id.free(), Freed::Reclaimed);
        assert!(handler.held.lock().is_none());
        assert!(!handler.got_in_free.load(Relaxed));
        Ok(())
    }

    #[test]
    fn handler_that_holds_goes_with_its_subscription() -> Result {
        let set = Set::new(0)?;
        let (subscription, id) = hold(&set)?;
        drop(subscription);
        // Its reference went with it.
        assert_eq!(id.free(), Freed::Reclaimed);
        Ok(())
    }

    struct NoMemory;

    impl Handler for NoMemory {
        fn told(&self, _event: Event, _subject: &Subject<'_>) -> Result {
            Ok(())
        }
    }

    #[test]
    fn handler_that_cannot_be_made() -> Result {
        let set = Set::new(0)?;
        let made = KBox::pin_init(
            Subscription::<NoMemory>::new(
                Topic::Set(&set),
                Priority::Device,
                Replay::No,
                Err(ENOMEM),
            ),
            GFP_KERNEL,
        );
        assert!(made.is_err());
        drop(alloc(&set)?);
        Ok(())
    }

    #[test]
    fn subscription_is_told_of_its_set_only() -> Result {
        let (record, _set, _subscription) = recorded_set()?;
        let other = Set::new(0)?;
        drop(alloc(&other)?);
        assert!(record.is(&[]));
        Ok(())
    }
}
