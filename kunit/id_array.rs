// SPDX-License-Identifier: GPL-2.0

use super::Random;
use crate::{
    free_map::LEAF,
    id::LIMIT,
    kapi::id_array::{
        Cache,
        IdArray,
        Node, //
    }, //
};
use kernel::{
    macros::kunit_tests,
    prelude::*,
    sync::{
        rcu,
        static_lock_class,
        Arc, //
    },
};

type Array = IdArray<u32, ()>;

fn new_array_of(name: &'static CStr) -> Result<Pin<KBox<Array>>> {
    let cache = Arc::new(Cache::new(name)?, GFP_KERNEL)?;
    KBox::pin_init(
        Array::new(cache, c"kunit", static_lock_class!(), ()),
        GFP_KERNEL,
    )
}

fn new_array() -> Result<Pin<KBox<Array>>> {
    new_array_of(c"ioasid_kunit")
}

/// Enters an object that holds the complement of its number.
fn enter(array: &Array, id: u32) -> Result {
    let mut object = array.prepare(!id)?;
    let mut guard = array.lock();
    loop {
        match guard.insert(object, id) {
            Ok(()) => return Ok(()),
            Err(back) => object = back,
        }
        if guard.has_room(id) {
            drop(guard);
            drop(object);
            return Err(EBUSY);
        }
        guard.make_room(id)?;
    }
}

fn leave(array: &Array, id: u32) -> bool {
    let mut guard = array.lock();
    let removed = guard.remove(id);
    removed.is_some_and(|node| node.id() == id && **node == !id)
}

fn has(array: &Array, id: u32) -> bool {
    let guard = rcu::read_lock();
    let found = array.lookup(id, &guard);
    found.is_some_and(|node| node.id() == id && **node == !id)
}

fn next(array: &Array, from: u32) -> Option<u32> {
    array.next(from, &rcu::read_lock()).map(Node::id)
}

#[kunit_tests(ioasid_id_array)]
mod tests {
    use super::*;

    /// Both ends of the directory and of leaves, and what lies beside them.
    #[test]
    fn edges_are_like_other_numbers() -> Result {
        let array = new_array()?;
        let edges = [
            1,
            LEAF - 1,
            LEAF,
            2 * LEAF - 1,
            262_143,
            262_144,
            LIMIT - LEAF,
            LIMIT - 1,
        ];
        for id in edges {
            assert!(!has(&array, id));
            enter(&array, id)?;
            assert!(has(&array, id));
        }
        for id in [
            2,
            LEAF - 2,
            LEAF + 1,
            2 * LEAF - 2,
            2 * LEAF,
            262_142,
            262_145,
            LIMIT - LEAF - 1,
            LIMIT - 2,
        ] {
            assert!(!has(&array, id));
        }
        let mut from = 0;
        for id in edges {
            assert!(next(&array, from) == Some(id));
            from = id + 1;
        }
        assert!(next(&array, from).is_none());
        for id in edges {
            assert!(leave(&array, id) && !has(&array, id) && !leave(&array, id));
        }
        assert!(array.lock().is_empty() && next(&array, 0).is_none());
        Ok(())
    }

    /// There is nothing at 0 and beyond the end, and nothing goes there.
    #[test]
    fn zero_and_numbers_beyond_the_end_do_not_exist() -> Result {
        let array = new_array()?;
        for _ in 0..2 {
            for id in [0, LIMIT, LIMIT + 1, u32::MAX] {
                let object = array.prepare(!id)?;
                let mut guard = array.lock();
                guard.make_room(id)?;
                let back = guard.insert(object, id);
                drop(guard);
                assert!(back.is_err() && !has(&array, id) && !leave(&array, id));
                assert!(next(&array, id).is_none());
            }
            enter(&array, LIMIT - 1)?;
            assert!(leave(&array, LIMIT - 1));
        }
        Ok(())
    }

    /// An object without room, or whose number is taken, comes back as it was.
    #[test]
    fn refused_object_comes_back() -> Result {
        let array = new_array()?;
        let object = array.prepare(7)?;
        let mut guard = array.lock();
        let back = guard.insert(object, 5);
        assert!(!guard.has_room(5));
        drop(guard);
        let object = back.err().ok_or(EINVAL)?;
        assert_eq!(*object, 7);
        enter(&array, 5)?;
        let back = array.lock().insert(object, 5);
        let object = back.err().ok_or(EINVAL)?;
        assert_eq!(*object, 7);
        assert!(has(&array, 5) && leave(&array, 5));
        let back = array.lock().insert(object, 5);
        assert!(back.is_ok());
        let value = array.lock().remove(5).map(|node| **node);
        assert!(value == Some(7));
        Ok(())
    }

    /// It would be freed into a cache that may be gone.
    #[test]
    fn object_of_another_cache_is_refused() -> Result {
        let array = new_array()?;
        let other = new_array_of(c"ioasid_kunit_other")?;
        enter(&array, 5)?;
        let object = other.prepare(!6)?;
        let mut guard = array.lock();
        guard.make_room(6)?;
        let back = guard.insert(object, 6);
        drop(guard);
        assert!(back.is_err() && !has(&array, 6));
        drop(back);
        assert!(leave(&array, 5));
        Ok(())
    }

    /// Leaves are given back, but for those in use; the next number brings them again.
    #[test]
    fn shrink_takes_empty_leaves() -> Result {
        let array = new_array()?;
        for id in [5, LEAF - 1, LEAF, 4096] {
            enter(&array, id)?;
        }
        assert!(!array.has_empty());
        assert!(leave(&array, 5) && !array.has_empty());
        assert!(leave(&array, LEAF) && array.has_empty());
        assert!(leave(&array, 4096));
        array.shrink();
        assert!(!array.has_empty());
        let guard = array.lock();
        assert!(guard.has_room(0) && !guard.has_room(LEAF) && !guard.has_room(4096));
        drop(guard);
        assert!(has(&array, LEAF - 1) && !has(&array, LEAF) && !has(&array, 4096));
        enter(&array, 4097)?;
        assert!(has(&array, 4097) && has(&array, LEAF - 1));
        for id in [LEAF - 1, 4097] {
            assert!(leave(&array, id));
        }
        array.shrink();
        assert!(!array.lock().has_room(5));
        Ok(())
    }

    /// What the drop of an array finds, it frees.
    #[test]
    fn drop_takes_the_rest() -> Result {
        let array = new_array()?;
        for id in [1, LEAF - 1, LEAF, 100_000, LIMIT - 1] {
            enter(&array, id)?;
        }
        Ok(())
    }

    /// Leaves come and go while numbers do.
    #[test]
    fn random_changes_agree_with_a_plain_model() -> Result {
        const SLOTS: usize = 64;
        let array = new_array()?;
        let mut random = Random::new();
        let mut there = [None; SLOTS];
        for _ in 0..20_000 {
            // Few leaves, so that they empty.
            let id = random.below(8) * LEAF + random.below(8) * 73 + 1;
            let slot = there
                .get_mut(((id / LEAF) * 8 + (id % LEAF) / 73) as usize)
                .ok_or(EINVAL)?;
            match slot.take() {
                Some(id) => assert!(has(&array, id) && leave(&array, id)),
                None => {
                    assert!(!has(&array, id));
                    enter(&array, id)?;
                    *slot = Some(id);
                }
            }
            if random.below(200) == 0 {
                array.shrink();
            }
        }
        let count = there.iter().flatten().count();
        let mut seen = 0;
        let mut from = 0;
        while let Some(id) = next(&array, from) {
            assert!(there.contains(&Some(id)));
            seen += 1;
            from = id + 1;
        }
        assert_eq!(seen, count);
        Ok(())
    }
}
