// SPDX-License-Identifier: GPL-2.0

use super::{
    alloc,
    alloc_by,
    find,
    new_pool,
    ANY,
    AN_HOUR, //
};
use crate::{
    id::{
        is_number,
        IdRange,
        INVALID,
        LIMIT, //
    },
    space::Policy, //
};
use kernel::{
    macros::kunit_tests,
    prelude::*,
    sync::rcu, //
};

fn is_range(min: u32, max: u32) -> bool {
    IdRange::new(min, max).is_ok()
}

#[kunit_tests(ioasid_space)]
mod tests {
    use super::*;

    /// B-030, B-034: what is no range.
    #[test]
    fn range_limits_are_checked() {
        assert!(is_range(0, 1) && is_range(1, 1) && is_range(1, LIMIT - 1));
        assert!(is_range(LIMIT - 1, LIMIT - 1));
        assert!(!is_range(0, 0));
        assert!(!is_range(2, 1));
        assert!(!is_range(1, LIMIT));
        assert!(!is_range(1, INVALID));
        assert!(!is_range(INVALID, INVALID));
        assert!(!is_range(INVALID, 1));
    }

    /// B-008, B-033: an errno is not a number.
    #[test]
    fn errnos_are_no_numbers() {
        assert!(is_number(0) && is_number(1) && is_number(LIMIT));
        assert!(!is_number(INVALID));
        assert!(!is_number(EINVAL.to_errno() as u32));
        assert!(!is_number(-4095i32 as u32));
        assert!(is_number(-4096i32 as u32));
    }

    /// B-030: 0 is not handed out when asked for.
    #[test]
    fn lowest_starts_at_one_and_reuses() -> Result {
        let pool = new_pool()?;
        assert_eq!(alloc(&pool, 0, 9)?, 1);
        assert_eq!(alloc(&pool, 0, 9)?, 2);
        assert_eq!(alloc(&pool, 0, 9)?, 3);
        assert!(pool.free(ANY, 2)?);
        assert_eq!(alloc(&pool, 0, 9)?, 2);
        for id in 1..=3 {
            assert!(pool.free(ANY, id)?);
        }
        Ok(())
    }

    /// B-001: ranges are inclusive at both ends.
    #[test]
    fn range_is_inclusive_and_exhausts() -> Result {
        let pool = new_pool()?;
        assert_eq!(alloc(&pool, 7, 8)?, 7);
        assert_eq!(alloc(&pool, 7, 8)?, 8);
        assert!(alloc(&pool, 7, 8) == Err(ENOSPC));
        assert!(alloc_by(&pool, Policy::Cyclic, 7, 8) == Err(ENOSPC));
        assert!(alloc_by(&pool, Policy::TopDown, 7, 8) == Err(ENOSPC));
        assert_eq!(alloc(&pool, LIMIT - 1, LIMIT - 1)?, LIMIT - 1);
        for id in [7, 8, LIMIT - 1] {
            assert!(pool.free(ANY, id)?);
        }
        Ok(())
    }

    /// B-097: cyclic allocation comes back to a number as late as it can.
    #[test]
    fn cyclic_goes_round_in_the_range() -> Result {
        let pool = new_pool()?;
        for id in [5, 6, 7] {
            assert_eq!(alloc_by(&pool, Policy::Cyclic, 5, 7)?, id);
            assert!(pool.free(ANY, id)?);
        }
        assert_eq!(alloc_by(&pool, Policy::Cyclic, 5, 7)?, 5);
        assert_eq!(alloc_by(&pool, Policy::Cyclic, 2, 3)?, 2);
        assert_eq!(alloc_by(&pool, Policy::Cyclic, 5, 7)?, 6);
        assert_eq!(
            alloc_by(&pool, Policy::Cyclic, LIMIT - 1, LIMIT - 1)?,
            LIMIT - 1
        );
        assert_eq!(alloc_by(&pool, Policy::Cyclic, 5, 7)?, 7);
        for id in [2, 5, 6, 7, LIMIT - 1] {
            assert!(pool.free(ANY, id)?);
        }
        Ok(())
    }

    /// B-035: low numbers are left to devices with narrow PASIDs.
    #[test]
    fn top_down_takes_the_highest() -> Result {
        let pool = new_pool()?;
        assert_eq!(alloc_by(&pool, Policy::TopDown, 1, LIMIT - 1)?, LIMIT - 1);
        assert_eq!(alloc_by(&pool, Policy::TopDown, 1, LIMIT - 1)?, LIMIT - 2);
        for id in (100..200).rev() {
            assert_eq!(alloc_by(&pool, Policy::TopDown, 100, 199)?, id);
        }
        for hole in [100, 150, 163, 164, 199] {
            assert!(pool.free(ANY, hole)?);
            assert_eq!(alloc_by(&pool, Policy::TopDown, 100, 199)?, hole);
        }
        for id in [LIMIT - 2, LIMIT - 1] {
            assert!(pool.free(ANY, id)?);
        }
        for id in 100..200 {
            assert!(pool.free(ANY, id)?);
        }
        assert_eq!(pool.count(|_| true), 0);
        Ok(())
    }

    /// B-034, B-065, B-067: set once, before the first ID, and then the limit.
    #[test]
    fn capacity_is_set_once() -> Result {
        let pool = new_pool()?;
        assert_eq!(pool.capacity(), LIMIT);
        for bad in [0, 1, LIMIT + 1, INVALID] {
            assert!(pool.install_capacity(bad) == Err(EINVAL));
        }
        pool.install_capacity(16)?;
        assert_eq!(pool.capacity(), 16);
        assert!(pool.install_capacity(16) == Err(EBUSY));
        assert!(alloc(&pool, 1, 16) == Err(EINVAL));
        assert_eq!(alloc_by(&pool, Policy::TopDown, 1, 15)?, 15);
        assert!(pool.free(ANY, 15)?);
        Ok(())
    }

    /// B-065: an ID was there, even if it is gone.
    #[test]
    fn capacity_after_first_use_is_busy() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, 1, 9)?;
        assert!(pool.free(ANY, id)?);
        assert!(pool.install_capacity(1024) == Err(EBUSY));
        assert_eq!(pool.capacity(), LIMIT);
        Ok(())
    }

    /// Every ID is visited once, in order.
    #[test]
    fn iteration_visits_all() -> Result {
        let pool = new_pool()?;
        let want = [1, 63, 64, 4095, 4096, LIMIT - 1];
        for id in want {
            assert_eq!(alloc(&pool, id, id)?, id);
        }
        let mut from = 0;
        for id in want {
            let guard = rcu::read_lock();
            let found = pool.space.next(from, &guard).map(|entry| entry.id());
            drop(guard);
            assert!(found == Some(id));
            from = id + 1;
        }
        let guard = rcu::read_lock();
        let beyond = pool.space.next(from, &guard).is_some();
        drop(guard);
        assert!(!beyond);
        for id in want {
            assert!(pool.free(ANY, id)?);
        }
        Ok(())
    }

    /// B-097: a reclaimed number rests, counts as capacity, and comes back by itself.
    #[test]
    fn quarantine_delays_reuse() -> Result {
        let pool = new_pool()?;
        pool.space.set_quarantine(AN_HOUR);
        assert_eq!(alloc(&pool, 1, 2)?, 1);
        assert!(pool.free(ANY, 1)?);
        assert!(pool.get(ANY, 1) == Err(EINVAL));
        assert!(find(&pool, ANY, 1) == Err(ENOENT));
        assert!(pool.free(ANY, 1) == Err(ENOENT));
        assert_eq!(alloc(&pool, 1, 2)?, 2);
        assert!(alloc(&pool, 1, 2) == Err(ENOSPC));
        pool.shut_down();
        pool.space.set_quarantine(100);
        assert_eq!(alloc(&pool, 1, 1)?, 1);
        assert!(pool.free(ANY, 1)?);
        assert!(pool.free(ANY, 2)?);
        let mut waited = 0;
        while pool.count(|_| true) != 0 && waited < 100 {
            kernel::time::delay::fsleep(kernel::time::Delta::from_millis(20));
            waited += 1;
        }
        assert_eq!(pool.count(|_| true), 0);
        pool.space.set_quarantine(0);
        assert_eq!(alloc(&pool, 1, 2)?, 1);
        assert!(pool.free(ANY, 1)?);
        assert_eq!(pool.count(|_| true), 0);
        Ok(())
    }

    /// B-030: beyond the last number there is only the start of the range.
    #[test]
    fn cyclic_wraps_at_the_last_number() -> Result {
        let pool = new_pool()?;
        let last = LIMIT - 1;
        assert_eq!(alloc_by(&pool, Policy::Cyclic, last, last)?, last);
        assert!(alloc_by(&pool, Policy::Cyclic, last, last) == Err(ENOSPC));
        assert_eq!(alloc_by(&pool, Policy::Cyclic, 7, last)?, 7);
        assert_eq!(alloc_by(&pool, Policy::Cyclic, 7, last)?, 8);
        for id in [7, 8, last] {
            assert!(pool.free(ANY, id)?);
        }
        Ok(())
    }

    /// Rest ends early at shutdown, in whatever order numbers came in.
    #[test]
    fn shut_down_ends_rest() -> Result {
        let pool = new_pool()?;
        pool.space.set_quarantine(AN_HOUR);
        for _ in 0..5 {
            alloc(&pool, 1, 9)?;
        }
        for id in [3, 1, 5, 2, 4] {
            assert!(pool.free(ANY, id)?);
        }
        assert_eq!(pool.count(|_| true), 5);
        pool.shut_down();
        assert_eq!(pool.count(|_| true), 0);
        Ok(())
    }
}
