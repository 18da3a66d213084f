// SPDX-License-Identifier: GPL-2.0

//! What the IOMMU core and its drivers do with the index of the kernel tree.

use super::{
    alloc,
    new_pool,
    sva::Scene,
    ANY, //
};
use crate::{
    audience::{
        Event,
        Listener,
        Scope,
        Subject, //
    },
    id::IdRange,
    kapi::mm::TestMm,
    names::Name,
    pool::Pool,
    set::{
        Kind,
        Token, //
    },
    sva::Naming, //
};
use core::ptr;
use kernel::{
    macros::kunit_tests,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

/// Counts what it is told, and refuses if it was told to.
pub(super) struct Tally {
    binds: Atomic<u32>,
    unbinds: Atomic<u32>,
    frees: Atomic<u32>,
    set_frees: Atomic<u32>,
    pub(super) refuses: Atomic<bool>,
}

impl Tally {
    /// How often BIND, UNBIND and FREE were told.
    fn told(&self) -> (u32, u32, u32) {
        (
            self.binds.load(Relaxed),
            self.unbinds.load(Relaxed),
            self.frees.load(Relaxed),
        )
    }
}

struct Counter(Arc<Tally>);

impl Listener for Counter {
    fn tell(&self, event: Event, _: &Subject) -> Result {
        let tally = &self.0;
        match event {
            Event::Bind if tally.refuses.load(Relaxed) => return Err(EPERM),
            Event::Bind => tally.binds.fetch_add(1, Relaxed),
            Event::Unbind => tally.unbinds.fetch_add(1, Relaxed),
            Event::Free => tally.frees.fetch_add(1, Relaxed),
            Event::SetFree => tally.set_frees.fetch_add(1, Relaxed),
            _ => 0,
        };
        Ok(())
    }
}

/// Has a subscriber to everything count.
pub(super) fn listen(pool: &Pool) -> Result<Arc<Tally>> {
    listen_to(pool, Scope::All, 1)
}

fn listen_to(pool: &Pool, scope: Scope, key: usize) -> Result<Arc<Tally>> {
    let tally = Arc::new(
        Tally {
            binds: Atomic::new(0),
            unbinds: Atomic::new(0),
            frees: Atomic::new(0),
            set_frees: Atomic::new(0),
            refuses: Atomic::new(false),
        },
        GFP_KERNEL,
    )?;
    let counter = KBox::new(Counter(tally.clone()), GFP_KERNEL)?;
    pool.subscribe(scope, 0, key, counter, false)?;
    Ok(tally)
}

fn range() -> Result<IdRange> {
    IdRange::new(1, 99)
}

#[kunit_tests(ioasid_iommu)]
mod tests {
    use super::*;

    /// B-202: 0 to 1 and 1 to 0 are told, whatever is in between is not.
    #[test]
    fn first_and_last_device_are_told() -> Result {
        let pool = new_pool()?;
        let tally = listen(&pool)?;
        let id = alloc(&pool, 1, 9)?;
        for turn in 1..=2 {
            pool.count_device(id)?;
            pool.count_device(id)?;
            pool.uncount_device(id);
            assert_eq!(tally.told(), (turn, turn - 1, 0));
            assert!(pool.is_active(id));
            pool.uncount_device(id);
            assert_eq!(tally.told(), (turn, turn, 0));
            assert!(!pool.is_active(id));
        }
        assert!(pool.free(ANY, id)?);
        Ok(())
    }

    #[test]
    fn refused_device_is_not_counted() -> Result {
        let pool = new_pool()?;
        let tally = listen(&pool)?;
        let id = alloc(&pool, 1, 9)?;
        tally.refuses.store(true, Relaxed);
        assert!(pool.count_device(id) == Err(EPERM));
        assert!(!pool.is_active(id));
        tally.refuses.store(false, Relaxed);
        pool.count_device(id)?;
        // The second one is not asked about.
        tally.refuses.store(true, Relaxed);
        pool.count_device(id)?;
        pool.uncount_device(id);
        assert_eq!(tally.told(), (1, 0, 0));
        pool.uncount_device(id);
        assert_eq!(tally.told(), (1, 1, 0));
        Ok(())
    }

    /// B-203: there is no UNBIND after FREE; B-110: and no BIND.
    #[test]
    fn freed_id_takes_no_device_and_tells_of_none() -> Result {
        let pool = new_pool()?;
        let tally = listen(&pool)?;
        let id = alloc(&pool, 1, 9)?;
        pool.get(ANY, id)?;
        pool.count_device(id)?;
        assert!(!pool.free(ANY, id)?);
        assert_eq!(tally.told(), (1, 0, 1));
        pool.uncount_device(id);
        assert_eq!(tally.told(), (1, 0, 1));
        assert!(pool.count_device(id) == Err(EBUSY));
        assert!(pool.put(ANY, id)?);
        assert!(pool.count_device(id) == Err(ENOENT));
        // Nothing happens.
        pool.uncount_device(id);
        Ok(())
    }

    /// B-055: the set of the mm pays; it may go, and the number is the mm's all the same.
    #[test]
    fn number_of_an_mm_outlives_its_set() -> Result {
        let pool = new_pool()?;
        let mm = TestMm::new()?;
        let set = pool.alloc_mm_set(mm.mm(), 1)?;
        let id = pool.alloc_for_mm(mm.mm(), range()?)?;
        assert!(pool.alloc_for_mm(mm.mm(), range()?) == Err(ENOSPC));
        assert!(!pool.free_set(set)?);
        pool.flush();
        assert!(pool.get(ANY, id) == Err(EBUSY));
        assert!(alloc(&pool, id, id) == Err(ENOSPC));
        // Who asks for the number is told who has it.
        let holder = Name::new(c"mm->iommu_mm");
        assert!(pool.names.first_after(id, None) == Some((holder, 1)));
        pool.free_of_mm(id);
        pool.flush();
        assert_eq!(alloc(&pool, id, id)?, id);
        Ok(())
    }

    /// B-055, B-174: the number is the mm's until its memory goes, which the set must not hold, be
    /// it that somebody still has the set.
    #[test]
    fn set_does_not_keep_the_memory_of_its_mm() -> Result {
        for is_freed in [false, true] {
            let pool = new_pool()?;
            let mut mm = TestMm::new()?;
            let set = pool.alloc_mm_set(mm.mm(), 1)?;
            let id = pool.alloc_for_mm(mm.mm(), range()?)?;
            if is_freed {
                assert!(!pool.free_set(set)?);
            }
            mm.exit();
            pool.flush();
            assert!(!mm.is_pinned());
            assert!(pool.get(ANY, id) == Err(EBUSY));
            pool.free_of_mm(id);
            pool.flush();
            assert!(pool.get(ANY, id) == Err(EINVAL));
            if !is_freed {
                assert!(pool.free_set(set)?);
            }
        }
        Ok(())
    }

    /// When the memory of an mm has gone, another one may have its address: who subscribes to that
    /// is told of nothing that was the first one's.
    #[test]
    fn next_mm_at_an_address_is_not_told() -> Result {
        let pool = new_pool()?;
        let mut mm = TestMm::new()?;
        let set = pool.alloc_mm_set(mm.mm(), 0)?;
        let scope = Scope::Token(Token(Kind::Mm, mm.mm().as_raw().addr()));
        let own = listen_to(&pool, scope, 1)?;
        let id = pool.alloc(set, range()?, None, ptr::null_mut())?;
        pool.get(ANY, id)?;
        mm.exit();
        pool.flush();
        assert_eq!(own.told(), (0, 0, 1));
        let next = listen_to(&pool, scope, 2)?;
        assert!(!pool.free_set(set)?);
        assert!(pool.put(ANY, id)?);
        pool.flush();
        assert_eq!(own.set_frees.load(Relaxed), 1);
        assert_eq!(next.set_frees.load(Relaxed), 0);
        Ok(())
    }

    /// What a failed or ended bind leaves is the mm's number, and no hold on its memory.
    #[test]
    fn shared_number_is_the_mms_before_and_after() -> Result {
        let mut scene = Scene::with(1, Naming::Shared)?;
        let tally = listen(&scene.pool)?;
        // Nobody has it.
        assert!(scene.bind() == Err(EBUSY));
        let id = scene.pool.alloc_for_mm(scene.mm.mm(), range()?)?;
        assert_eq!(id, 1);
        let bond = scene.bind()?;
        assert!(scene.pool.mm_of(id).is_some());
        assert_eq!(tally.told(), (1, 0, 0));
        scene.pool.unbind(bond)?;
        assert_eq!(tally.told(), (1, 1, 0));
        assert!(scene.pool.get(ANY, id).is_ok() && !scene.pool.put(ANY, id)?);

        let bond = scene.bind()?;
        scene.mm.exit();
        scene.settle();
        assert!(scene.pool.mm_of(id).is_none());
        assert_eq!(tally.told(), (2, 1, 1));
        assert!(scene.pool.get(ANY, id) == Err(EBUSY));
        scene.pool.unbind(bond)?;
        scene.settle();
        // Or the number would wait for the memory, and the memory for the number.
        assert!(!scene.mm.is_pinned());
        assert!(scene.pool.get(ANY, id) == Err(EBUSY));
        scene.pool.free_of_mm(id);
        assert!(scene.pool.get(ANY, id) == Err(EINVAL));
        assert_eq!(tally.told(), (2, 1, 1));
        Ok(())
    }

    /// The same without a bond at the time of the exit.
    #[test]
    fn idle_shared_number_does_not_keep_the_memory() -> Result {
        let mut scene = Scene::with(1, Naming::Shared)?;
        let id = scene.pool.alloc_for_mm(scene.mm.mm(), range()?)?;
        let bond = scene.bind()?;
        scene.pool.unbind(bond)?;
        scene.mm.exit();
        scene.settle();
        assert!(!scene.mm.is_pinned());
        assert!(scene.pool.get(ANY, id) == Err(EBUSY));
        scene.pool.free_of_mm(id);
        assert!(scene.pool.get(ANY, id) == Err(EINVAL));
        Ok(())
    }

    /// Where the IOMMU driver counts, its word goes, and ours is not said.
    #[test]
    fn bond_is_told_once_if_the_iommu_driver_tells() -> Result {
        let scene = Scene::with(1, Naming::Shared)?;
        let tally = listen(&scene.pool)?;
        let id = scene.pool.alloc_for_mm(scene.mm.mm(), range()?)?;
        scene.pool.count_device(id)?;
        let bond = scene.bind()?;
        assert_eq!(tally.told(), (1, 0, 0));
        scene.pool.unbind(bond)?;
        assert_eq!(tally.told(), (1, 0, 0));
        scene.pool.uncount_device(id);
        assert_eq!(tally.told(), (1, 1, 0));
        // And the other way round.
        let bond = scene.bind()?;
        assert_eq!(tally.told(), (2, 1, 0));
        scene.pool.count_device(id)?;
        scene.pool.uncount_device(id);
        assert_eq!(tally.told(), (2, 1, 0));
        scene.pool.unbind(bond)?;
        assert_eq!(tally.told(), (2, 2, 0));
        scene.pool.free_of_mm(id);
        Ok(())
    }
}
