// SPDX-License-Identifier: GPL-2.0

use super::Random;
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
use kernel::{
    macros::kunit_tests,
    prelude::*, //
};

/// Where words, leaves, chunks and words of chunks begin and end.
const EDGES: [u32; 16] = [
    1,
    62,
    63,
    64,
    LEAF - 1,
    LEAF,
    LEAF + 1,
    4095,
    4096,
    4097,
    262_143,
    262_144,
    LIMIT - LEAF - 1,
    LIMIT - LEAF,
    LIMIT - 2,
    LIMIT - 1,
];

/// Takes a number, with memory for it.
fn take(map: &mut FreeMap, id: u32) -> Result<bool> {
    if map.needs_upper() {
        assert!(map
            .supply_upper(KBox::init(Upper::new(), GFP_KERNEL)?)
            .is_none());
    }
    if map.needs_chunk(id) {
        assert!(map
            .supply_chunk(id, KBox::new(Chunk::new(), GFP_KERNEL)?)
            .is_none());
    }
    Ok(map.take(id))
}

/// What a [`FreeMap`] should say.
struct Plain(KVVec<bool>);

impl Plain {
    fn new() -> Result<Self> {
        // CAST: `usize` has 64 bits, see Kconfig.
        let mut plain = Self(KVVec::from_elem(true, LIMIT as usize, GFP_KERNEL)?);
        plain.set(0, false);
        Ok(plain)
    }

    fn is_free(&self, id: u32) -> bool {
        // CAST: As above.
        self.0.get(id as usize).copied().unwrap_or(false)
    }

    fn set(&mut self, id: u32, is_free: bool) {
        // CAST: As above.
        if let Some(free) = self.0.get_mut(id as usize) {
            *free = is_free;
        }
    }

    fn agrees(&self, map: &FreeMap, min: u32, max: u32) -> bool {
        let lowest = (min..=max).find(|id| self.is_free(*id));
        let highest = (min..=max).rev().find(|id| self.is_free(*id));
        map.lowest(min, max) == lowest && map.highest(min, max) == highest
    }
}

#[kunit_tests(ioasid_free_map)]
mod tests {
    use super::*;

    /// Nothing is taken where there is no memory to note it.
    #[test]
    fn take_without_memory_fails() -> Result {
        let mut map = FreeMap::new();
        assert!(map.needs_upper() && map.needs_chunk(7));
        assert!(!map.take(7) && map.is_free(7));
        map.supply_upper(KBox::init(Upper::new(), GFP_KERNEL)?);
        assert!(!map.needs_upper() && map.needs_chunk(7));
        assert!(!map.take(7) && map.is_free(7));
        assert_eq!(map.used(), 0);
        assert!(map.give(7) == Left::Used);
        assert!(take(&mut map, 7)?);
        assert!(map.needs_chunk(4096));
        assert_eq!(map.used(), 1);
        Ok(())
    }

    /// Memory that is there is not replaced.
    #[test]
    fn memory_twice_is_given_back() -> Result {
        let mut map = FreeMap::new();
        let chunk = KBox::new(Chunk::new(), GFP_KERNEL)?;
        assert!(map.supply_chunk(1, chunk).is_some());
        assert!(take(&mut map, 1)?);
        assert!(map
            .supply_upper(KBox::init(Upper::new(), GFP_KERNEL)?)
            .is_some());
        let chunk = KBox::new(Chunk::new(), GFP_KERNEL)?;
        assert!(map.supply_chunk(1, chunk).is_some());
        let chunk = KBox::new(Chunk::new(), GFP_KERNEL)?;
        assert!(map.supply_chunk(LIMIT, chunk).is_some());
        assert!(!map.is_free(1));
        Ok(())
    }

    /// B-001: the edges of every level, and what lies beside them.
    #[test]
    fn edges_are_like_other_numbers() -> Result {
        let mut map = FreeMap::new();
        for id in EDGES {
            assert!(map.is_free(id));
            assert!(map.lowest(id, LIMIT - 1) == Some(id) && map.highest(0, id) == Some(id));
            assert!(take(&mut map, id)? && !map.take(id) && !map.is_free(id));
            assert!(map.lowest(id, id).is_none() && map.highest(id, id).is_none());
        }
        assert_eq!(map.used(), 16);
        assert!(map.lowest(0, LIMIT - 1) == Some(2));
        assert!(map.lowest(62, LIMIT - 1) == Some(65));
        assert!(map.lowest(LEAF - 1, LIMIT - 1) == Some(LEAF + 2));
        assert!(map.lowest(262_143, LIMIT - 1) == Some(262_145));
        assert!(map.lowest(LIMIT - 2, LIMIT - 1).is_none());
        assert!(map.highest(0, LIMIT - 1) == Some(LIMIT - 3));
        assert!(map.highest(0, LIMIT - LEAF) == Some(LIMIT - LEAF - 2));
        assert!(map.highest(0, 262_144) == Some(262_142));
        assert!(map.highest(0, 4097) == Some(4094));
        assert!(map.highest(0, 1).is_none());
        for id in EDGES {
            map.give(id);
            assert!(map.is_free(id));
        }
        assert_eq!(map.used(), 0);
        Ok(())
    }

    /// What is beyond the end is neither free nor found.
    #[test]
    fn numbers_beyond_the_end_do_not_exist() -> Result {
        let mut map = FreeMap::new();
        for _ in 0..2 {
            for id in [LIMIT, LIMIT + 63, LIMIT + 4096, u32::MAX] {
                assert!(!map.is_free(id) && !map.take(id));
                assert!(map.give(id) == Left::Used);
                assert!(map.lowest(id, u32::MAX).is_none());
                assert!(map.highest(LIMIT, id).is_none());
                assert!(map.shrink(id).is_none());
            }
            assert!(map.highest(0, u32::MAX) == Some(LIMIT - 1));
            assert!(take(&mut map, 1)?);
            map.give(1);
        }
        Ok(())
    }

    /// B-001: with memory and without, alone and beside others.
    #[test]
    fn zero_is_no_number() -> Result {
        let mut map = FreeMap::new();
        for _ in 0..2 {
            assert!(!map.is_free(0) && !take(&mut map, 0)?);
            assert!(map.lowest(0, 0).is_none() && map.highest(0, 0).is_none());
            assert!(map.lowest(0, 5) == Some(1) && map.highest(0, 1) == Some(1));
            assert_eq!(map.used(), 0);
            assert!(map.is_leaf_free(0) && map.shrink(0).is_some());
            assert!(take(&mut map, 1)? && !map.is_leaf_free(0) && map.shrink(0).is_none());
            assert!(map.lowest(0, 1).is_none() && map.highest(0, 1).is_none());
            assert!(map.give(1) == Left::Empty);
        }
        Ok(())
    }

    /// A leaf is reported with its last number, and with no other.
    #[test]
    fn last_number_empties_its_leaf() -> Result {
        let mut map = FreeMap::new();
        for leaf in [0, 1, 7, 8, LIMIT / LEAF - 1] {
            let from = leaf * LEAF;
            let first = from.max(1);
            for id in first..from + LEAF {
                assert!(take(&mut map, id)?);
            }
            assert!(map.lowest(from, from + LEAF - 1).is_none());
            for id in (first..from + LEAF).rev() {
                assert!(!map.is_leaf_free(id));
                let left = map.give(id);
                assert_eq!((left == Left::Empty), (id == first));
            }
            assert!(map.is_leaf_free(from));
        }
        Ok(())
    }

    /// A chunk goes when all of its numbers are free.
    #[test]
    fn chunk_in_use_stays() -> Result {
        let mut map = FreeMap::new();
        for id in [4096, 8191] {
            assert!(take(&mut map, id)?);
            assert!(map.shrink(id).is_none());
        }
        map.give(4096);
        assert!(map.shrink(4096).is_none());
        map.give(8191);
        assert!(map.shrink(5000).is_some());
        assert!(map.shrink(5000).is_none());
        assert!(map.needs_chunk(4096) && map.lowest(4096, 8191) == Some(4096));
        assert!(take(&mut map, 8191)? && map.highest(4096, 8191) == Some(8190));
        Ok(())
    }

    /// B-001: all numbers, one by one from both ends, and the full map.
    #[test]
    fn every_number_is_found_once() -> Result {
        let mut map = FreeMap::new();
        for at in 1..LIMIT / 2 {
            assert!(map.lowest(0, LIMIT - 1) == Some(at));
            assert!(map.highest(0, LIMIT - 1) == Some(LIMIT - at));
            assert!(take(&mut map, at)? && take(&mut map, LIMIT - at)?);
        }
        assert!(map.lowest(0, LIMIT - 1) == Some(LIMIT / 2) && map.take(LIMIT / 2));
        assert_eq!(map.used(), LIMIT - 1);
        assert!(map.lowest(0, LIMIT - 1).is_none() && map.highest(0, LIMIT - 1).is_none());
        map.give(262_144);
        assert!(map.lowest(0, LIMIT - 1) == Some(262_144));
        assert!(map.highest(0, LIMIT - 1) == Some(262_144));
        Ok(())
    }

    /// Random runs are taken and given, so that words and chunks fill and empty.
    #[test]
    fn random_runs_agree_with_a_plain_model() -> Result {
        let mut map = FreeMap::new();
        let mut plain = Plain::new()?;
        let mut random = Random::new();
        let mut used = 0;
        for round in 0..4000 {
            let place = random.below(4);
            // Few places, so that runs meet.
            let from = place * 262_144 + random.below(3) * 4032 + random.below(200);
            let len = 1 << random.below(12);
            let wants = random.below(5) < 3;
            for id in (from.max(1)..from + len).filter(|id| *id < LIMIT) {
                if wants {
                    let did = take(&mut map, id)?;
                    assert_eq!(did, plain.is_free(id));
                    used += u32::from(did);
                } else if !plain.is_free(id) {
                    map.give(id);
                    used -= 1;
                }
                plain.set(id, !wants);
            }
            if random.below(8) == 0 {
                let empty = map.shrink(from);
                let first = from - from % 4096;
                let mut all = first.max(1)..first + 4096;
                assert!(empty.is_none() || all.all(|id| plain.is_free(id)));
            }
            assert_eq!(map.used(), used);
            let width = 1 << random.below(14);
            let min = from.saturating_sub(random.below(width));
            let max = from.saturating_add(random.below(width)).min(LIMIT - 1);
            assert!(plain.agrees(&map, min, max));
            if round % 100 == 0 {
                assert!(plain.agrees(&map, 0, LIMIT - 1));
            }
        }
        Ok(())
    }
}
