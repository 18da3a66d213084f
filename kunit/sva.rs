// SPDX-License-Identifier: GPL-2.0

//! Devices bound to address spaces, by a back end that names the numbers, as the IOMMU core does.

use super::{
    alloc,
    iommu::listen,
    new_pool,
    OwnPool,
    Script,
    ANY, //
};
use crate::{
    allocator::SpaceId,
    kapi::mm::TestMm,
    sva::{
        exit::part,
        Attached,
        Backend,
        Follower,
        Limits,
        Naming, //
    },
};
use core::ptr;
use kernel::{
    device::Device,
    faux,
    macros::kunit_tests,
    mm::MmWithUser,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

/// What was called.
#[derive(Default, PartialEq, Eq, Clone, Copy, Debug)]
struct Calls {
    follows: u32,
    attaches: u32,
    detaches: u32,
    releases: u32,
}

/// Names a number for any mm, and counts.
struct Mock {
    naming: Naming,
    names: Atomic<u32>,
    fails: Atomic<bool>,
    follows: Atomic<u32>,
    attaches: Atomic<u32>,
    detaches: Atomic<u32>,
    releases: Atomic<u32>,
    abandoned: Atomic<u32>,
}

impl Mock {
    fn new(names: u32, naming: Naming) -> Result<Arc<Self>> {
        Ok(Arc::new(
            Self {
                naming,
                names: Atomic::new(names),
                fails: Atomic::new(false),
                follows: Atomic::new(0),
                attaches: Atomic::new(0),
                detaches: Atomic::new(0),
                releases: Atomic::new(0),
                abandoned: Atomic::new(0),
            },
            GFP_KERNEL,
        )?)
    }

    fn calls(&self) -> Calls {
        Calls {
            follows: self.follows.load(Relaxed),
            attaches: self.attaches.load(Relaxed),
            detaches: self.detaches.load(Relaxed),
            releases: self.releases.load(Relaxed),
        }
    }
}

struct MockBackend(Arc<Mock>);
struct MockFollower(Arc<Mock>);

impl Backend for MockBackend {
    fn key(&self) -> usize {
        ptr::from_ref::<Mock>(&self.0).addr()
    }

    fn naming(&self) -> Naming {
        self.0.naming
    }

    fn follow(&self, _mm: &MmWithUser) -> Result<Arc<dyn Follower>> {
        self.0.follows.fetch_add(1, Relaxed);
        Ok(Arc::new(MockFollower(self.0.clone()), GFP_KERNEL)?)
    }

    fn is_within(&self, is_there: &dyn Fn(usize) -> bool) -> bool {
        is_there(self.key())
    }

    fn abandon(&self) {
        self.0.abandoned.fetch_add(1, Relaxed);
    }
}

impl Follower for MockFollower {
    fn attach(
        &self,
        _device: &Device,
        _mm: &MmWithUser,
        _pasid: Option<u32>,
        _first: bool,
    ) -> Result<Attached> {
        if self.0.fails.load(Relaxed) {
            return Err(EIO);
        }
        self.0.attaches.fetch_add(1, Relaxed);
        Ok(Attached {
            pasid: self.0.names.load(Relaxed),
            handle: None,
        })
    }

    fn detach(&self, _device: &Device, _attached: Attached, _last: bool) {
        self.0.detaches.fetch_add(1, Relaxed);
    }

    fn release(&self) {
        self.0.releases.fetch_add(1, Relaxed);
    }

    fn is_within(&self, is_there: &dyn Fn(usize) -> bool) -> bool {
        is_there(ptr::from_ref::<Mock>(&self.0).addr())
    }

    fn abandon(&self) {
        self.0.abandoned.fetch_add(1, Relaxed);
    }
}

/// A pool, a device that is enabled in it, and an mm.
pub(super) struct Scene {
    pub(super) pool: OwnPool,
    mock: Arc<Mock>,
    faux: faux::Registration,
    pub(super) mm: TestMm,
}

impl Scene {
    /// The back end names `names` for the mm.
    fn new(names: u32) -> Result<Self> {
        Self::with(names, Naming::Adopted)
    }

    pub(super) fn with(names: u32, naming: Naming) -> Result<Self> {
        let scene = Self {
            pool: new_pool()?,
            mock: Mock::new(names, naming)?,
            faux: faux::Registration::new(c"ioasid_sva", None)?,
            mm: TestMm::new()?,
        };
        scene.enable(Limits {
            min: 0,
            max: 0,
            most: 0,
        })?;
        Ok(scene)
    }

    fn enable(&self, limits: Limits) -> Result {
        let backend = Arc::new(MockBackend(self.mock.clone()), GFP_KERNEL)?;
        self.pool.enable(self.device(), limits, backend, |_| {})
    }

    fn device(&self) -> &Device {
        self.faux.as_ref()
    }

    /// Binds the mm. Returns the address of the bond.
    pub(super) fn bind(&self) -> Result<usize> {
        let bond = self.pool.bind(self.device(), self.mm.mm(), 0)?;
        Ok(ptr::from_ref(&*bond).addr())
    }

    /// Has the back end name another number from now on.
    pub(super) fn rename(&self, names: u32) {
        self.mock.names.store(names, Relaxed);
    }

    /// Has everything that was put off done.
    pub(super) fn settle(&self) {
        self.pool.flush_late();
        self.pool.flush();
    }
}

#[kunit_tests(ioasid_sva_inside)]
mod tests {
    use super::*;

    /// B-174, B-206: entered under its number, kept when it is idle, and bound again as the same.
    #[test]
    fn adopted_number_stays_until_exit() -> Result {
        let mut scene = Scene::new(77)?;
        let bond = scene.bind()?;
        assert!(scene.pool.is_active(77));
        scene.pool.unbind(bond)?;
        scene.settle();
        assert!(!scene.pool.is_active(77) && scene.pool.get(ANY, 77).is_ok());
        assert!(!scene.pool.put(ANY, 77)?);
        let again = scene.bind()?;
        assert!(scene.pool.is_active(77));
        scene.pool.unbind(again)?;
        assert_eq!(scene.mock.calls().follows, 1);
        assert_eq!(scene.mock.calls().detaches, 2);

        assert!(scene.mm.is_pinned());
        scene.mm.exit();
        scene.settle();
        assert!(scene.pool.get(ANY, 77) == Err(EINVAL));
        // The kernel has its number back.
        assert!(!scene.mm.is_pinned());
        Ok(())
    }

    /// B-172, B-174: freed at exit, and not reclaimed before the bond goes.
    #[test]
    fn exit_while_bound_keeps_the_number() -> Result {
        let mut scene = Scene::new(77)?;
        let bond = scene.bind()?;
        scene.mm.exit();
        assert_eq!(scene.mock.calls().releases, 1);
        scene.settle();
        assert!(scene.pool.get(ANY, 77) == Err(EBUSY));
        assert!(scene.mm.is_pinned());
        assert_eq!(scene.mock.calls().detaches, 0);
        scene.pool.unbind(bond)?;
        scene.settle();
        assert_eq!(scene.mock.calls().detaches, 1);
        assert!(scene.pool.get(ANY, 77) == Err(EINVAL));
        assert!(!scene.mm.is_pinned());
        Ok(())
    }

    /// The holder of a reference keeps the mm's number from the kernel, too.
    #[test]
    fn reference_keeps_the_memory_of_the_mm() -> Result {
        let mut scene = Scene::new(77)?;
        let bond = scene.bind()?;
        scene.pool.get(ANY, 77)?;
        scene.pool.unbind(bond)?;
        scene.mm.exit();
        scene.settle();
        assert!(scene.mm.is_pinned());
        assert!(scene.pool.put(ANY, 77)?);
        scene.settle();
        assert!(!scene.mm.is_pinned());
        Ok(())
    }

    /// Whoever has the number keeps it, and the back end is told to undo.
    #[test]
    fn taken_number_is_busy() -> Result {
        let scene = Scene::new(77)?;
        assert_eq!(alloc(&scene.pool, 77, 77)?, 77);
        assert!(scene.bind() == Err(EBUSY));
        assert_eq!(scene.mock.calls().attaches, 1);
        assert_eq!(scene.mock.calls().detaches, 1);
        assert!(scene.pool.free(ANY, 77)?);
        scene.settle();
        assert!(!scene.mm.is_pinned());
        let bond = scene.bind()?;
        scene.pool.unbind(bond)?;
        Ok(())
    }

    /// Neither is lost if the number is on its way back to a custom allocator, nor is the mm.
    #[test]
    fn returning_number_is_adopted_with_its_mm() -> Result {
        let scene = Scene::new(77)?;
        let script = Script::new(77)?;
        script.stuck.store(77, Relaxed);
        script.register(&scene.pool, 1)?;
        for _ in 0..20 {
            let id = alloc(&scene.pool, 1, 999)?;
            assert!(scene.pool.free(ANY, id)?);
            let bond = scene.bind()?;
            assert!(scene.pool.mm_of(77).is_some());
            scene.pool.unbind(bond)?;
            assert!(scene.pool.free(ANY, 77)?);
            scene.settle();
            assert!(scene.pool.mm_of(77).is_none());
        }
        assert_eq!(script.returned(), 20);
        Ok(())
    }

    /// B-110: freed by somebody else, it is not bound again before it is reclaimed; then it is.
    #[test]
    fn pending_number_is_busy_and_reclaimed_one_is_adopted_again() -> Result {
        let scene = Scene::new(77)?;
        let bond = scene.bind()?;
        assert!(!scene.pool.free(ANY, 77)?);
        assert!(scene.bind() == Err(EBUSY));
        scene.pool.unbind(bond)?;
        assert!(scene.pool.get(ANY, 77) == Err(EINVAL));
        let bond = scene.bind()?;
        assert!(scene.pool.is_active(77));
        scene.pool.unbind(bond)?;

        // While somebody holds it, idle and freed, it is not.
        scene.pool.get(ANY, 77)?;
        assert!(!scene.pool.free(ANY, 77)?);
        assert!(scene.bind() == Err(EBUSY));
        let calls = scene.mock.calls();
        assert_eq!(calls.attaches, calls.detaches);
        assert!(scene.pool.put(ANY, 77)?);
        let bond = scene.bind()?;
        scene.pool.unbind(bond)?;
        Ok(())
    }

    /// B-097: its rest is one of the mm's memory, and a bind is too early.
    #[test]
    fn resting_number_keeps_the_memory_of_the_mm() -> Result {
        let mut scene = Scene::new(77)?;
        scene.pool.space.set_quarantine(60_000);
        let bond = scene.bind()?;
        assert!(!scene.pool.free(ANY, 77)?);
        scene.pool.unbind(bond)?;
        scene.settle();
        assert!(scene.bind() == Err(EBUSY));
        scene.mm.exit();
        scene.settle();
        assert!(scene.mm.is_pinned());
        scene.pool.shut_down();
        assert!(!scene.mm.is_pinned());
        Ok(())
    }

    /// B-177: a bind that is refused is no end of the mm's number, which would have to rest.
    #[test]
    fn refused_bind_does_not_make_the_number_rest() -> Result {
        let scene = Scene::new(77)?;
        scene.pool.space.set_quarantine(60_000);
        let tally = listen(&scene.pool)?;
        tally.refuses.store(true, Relaxed);
        assert!(scene.bind() == Err(EPERM));
        assert_eq!(scene.mock.calls().detaches, 1);
        tally.refuses.store(false, Relaxed);
        let bond = scene.bind()?;
        assert!(scene.pool.is_active(77));
        scene.pool.unbind(bond)?;
        scene.pool.shut_down();
        Ok(())
    }

    /// B-201: a back end gets addresses of the process, or the whole.
    #[test]
    fn page_tables_of_the_kernel_are_the_whole() {
        assert_eq!(part(0x1000..0x3000), Some(0x1000..0x3000));
        assert_eq!(part(0..usize::MAX), None);
        assert_eq!(part(usize::MAX / 2 + 1..usize::MAX), None);
    }

    /// A bond that is left when the module goes ends there, with its number.
    #[test]
    fn shutdown_ends_bonds() -> Result {
        let scene = Scene::new(77)?;
        let bond = scene.bind()?;
        assert_eq!(scene.bind()?, bond);
        scene.pool.shut_down();
        assert_eq!(scene.mock.calls().detaches, 1);
        assert!(!scene.mm.is_pinned());
        assert!(scene.pool.get(ANY, 77) == Err(EINVAL));
        assert!(scene.pool.unbind(bond) == Err(ENOENT));
        Ok(())
    }

    /// B-055: the set of the mm pays, also for a number that it did not choose.
    #[test]
    fn quota_of_the_set_applies() -> Result {
        let scene = Scene::new(77)?;
        let set = scene.pool.alloc_mm_set(scene.mm.mm(), 1)?;
        let bond = scene.bind()?;
        assert!(scene.pool.set_of(77)? == set);
        scene.pool.put_set(set)?;
        assert_eq!(scene.pool.query_set(set)?.used, 1);
        scene.pool.unbind(bond)?;
        assert!(scene.pool.free(ANY, 77)?);
        scene.settle();
        assert_eq!(scene.pool.query_set(set)?.used, 0);

        scene.mock.names.store(78, Relaxed);
        let range = crate::id::IdRange::new(1, 9)?;
        let own = scene.pool.alloc(set, range, None, ptr::null_mut())?;
        assert!(scene.bind() == Err(ENOSPC));
        let calls = scene.mock.calls();
        assert_eq!(calls.attaches, calls.detaches);
        assert!(scene.pool.get(ANY, 78) == Err(EINVAL));
        assert!(scene.pool.free(ANY, own)?);
        let bond = scene.bind()?;
        scene.pool.unbind(bond)?;
        scene.pool.free_set(set)?;
        Ok(())
    }

    /// B-182: beyond what the device or we can express.
    #[test]
    fn number_outside_the_limits_is_overflow() -> Result {
        let scene = Scene::new(77)?;
        scene.pool.disable(scene.device())?;
        let limits = |min, max| Limits { min, max, most: 0 };
        for (min, max) in [(0, 76), (78, 0)] {
            scene.enable(limits(min, max))?;
            assert!(scene.bind() == Err(EOVERFLOW));
            scene.pool.disable(scene.device())?;
        }
        scene.enable(limits(77, 77))?;
        let bond = scene.bind()?;
        assert!(scene.pool.disable(scene.device()) == Err(EBUSY));
        scene.pool.unbind(bond)?;
        let calls = scene.mock.calls();
        assert!(calls.attaches == 3 && calls.detaches == 3);
        Ok(())
    }

    /// B-177: what the back end says is what the caller gets, and nothing is left.
    #[test]
    fn refusing_back_end_is_heard() -> Result {
        let scene = Scene::new(77)?;
        scene.mock.fails.store(true, Relaxed);
        assert!(scene.bind() == Err(EIO));
        assert!(scene.pool.get(ANY, 77) == Err(EINVAL));
        assert!(!scene.mm.is_pinned());
        assert_eq!(scene.mock.calls().detaches, 0);
        Ok(())
    }

    /// An idle number keeps no module, and goes with it.
    #[test]
    fn shutdown_frees_idle_numbers() -> Result {
        let scene = Scene::new(77)?;
        let bond = scene.bind()?;
        scene.pool.unbind(bond)?;
        assert!(scene.mm.is_pinned());
        scene.pool.shut_down();
        assert!(!scene.mm.is_pinned());
        assert!(scene.pool.get(ANY, 77) == Err(EINVAL));
        Ok(())
    }

    /// B-214: the device leaves its bonds behind, and they are forgotten when they are unbound.
    #[test]
    fn device_that_goes_is_detached() -> Result {
        let scene = Scene::new(77)?;
        let bond = scene.bind()?;
        scene.pool.device_gone(scene.device());
        assert_eq!(scene.mock.calls().detaches, 1);
        assert!(!scene.pool.is_active(77));
        assert!(scene.bind() == Err(ENODEV));
        scene.pool.unbind(bond)?;
        assert_eq!(scene.mock.calls().detaches, 1);
        assert!(scene.pool.unbind(bond) == Err(ENOENT));
        Ok(())
    }

    /// An idle number of the kernel's is in nobody's way who asks the kernel: a driver may be
    /// loaded again while a process that used it lives.
    #[test]
    fn adopted_numbers_do_not_refuse_the_host() -> Result {
        let scene = Scene::new(77)?;
        let bond = scene.bind()?;
        scene.pool.unbind(bond)?;
        let script = Script::new(100)?;
        let space = SpaceId(1, 1);
        assert!(script.register(&scene.pool, 1) == Err(EAGAIN));
        let id = alloc(&scene.pool, 1, 1)?;
        let refused = scene
            .pool
            .register_alone(script.key(), space, script.clone());
        assert!(refused == Err(EAGAIN));
        assert!(scene.pool.free(ANY, id)?);
        scene
            .pool
            .register_alone(script.key(), space, script.clone())?;
        assert_eq!(alloc(&scene.pool, 1, 999)?, 100);
        assert!(scene.pool.free(ANY, 100)?);
        // B-013: and nobody waits in front of others.
        let other = Script::new(200)?;
        let behind = scene
            .pool
            .register_alone(other.key(), SpaceId(2, 2), other.clone());
        assert!(behind == Err(EBUSY));
        assert_eq!(scene.pool.unregister(script.key())?, 0);
        let bond = scene.bind()?;
        scene.pool.unbind(bond)?;
        Ok(())
    }

    /// B-024, B-228: whoever has its back end where code goes away is disabled, and nobody else.
    #[test]
    fn back_end_that_goes_is_abandoned() -> Result {
        let scene = Scene::new(77)?;
        let bond = scene.bind()?;
        assert_eq!(scene.pool.evict_devices(&|_| false), 0);
        assert_eq!(scene.mock.abandoned.load(Relaxed), 0);
        let address = ptr::from_ref::<Mock>(&scene.mock).addr();
        assert_eq!(scene.pool.evict_devices(&|addr| addr == address), 1);
        // The back end of the device, and what follows the mm.
        assert_eq!(scene.mock.abandoned.load(Relaxed), 2);
        assert!(scene.bind() == Err(ENODEV));
        assert!(!scene.pool.is_active(77));
        scene.pool.unbind(bond)?;
        Ok(())
    }
}
