// SPDX-License-Identifier: GPL-2.0

use super::{
    alloc,
    caches,
    new_pool,
    OwnPool,
    Script,
    ANY,
    AN_HOUR, //
};
use crate::{
    allocator::{
        Key,
        Provider,
        SpaceId, //
    },
    id::{
        IdRange,
        INVALID,
        LIMIT, //
    },
    pool::Pool,
};
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
    time::{
        delay::fsleep,
        Delta, //
    },
};

fn free(pool: &Pool, id: u32) -> Result<bool> {
    let reclaimed = pool.free(ANY, id)?;
    pool.flush();
    Ok(reclaimed)
}

/// A pool whose custom allocator names `first` first.
fn pool_of(first: u32) -> Result<(OwnPool, Arc<Script>)> {
    let pool = new_pool()?;
    let script = Script::new(first)?;
    script.register(&pool, 1)?;
    Ok((pool, script))
}

/// A pool with two, each with a number space of its own. The second one waits for the first.
fn pool_of_two(one: u32, two: u32) -> Result<(OwnPool, Arc<Script>, Arc<Script>)> {
    let (pool, one) = pool_of(one)?;
    let two = Script::new(two)?;
    two.register(&pool, 2)?;
    Ok((pool, one, two))
}

/// Tells who is asked, by the number that comes next. It goes back.
fn next_number(pool: &Pool) -> Result<u32> {
    let id = alloc(pool, 1, 999)?;
    free(pool, id)?.then_some(id).ok_or(EBUSY)
}

/// Sets the capacity while it is asked for a number.
struct Shrink {
    pool: Arc<Pool>,
    returned: Atomic<u32>,
}

impl Provider for Shrink {
    fn pick(&self, range: IdRange) -> u32 {
        // Only the first one succeeds.
        let _ = self.pool.install_capacity(100);
        range.min()
    }

    fn give_back(&self, id: u32) {
        self.returned.store(id, Relaxed);
    }
}

#[kunit_tests(ioasid_allocator)]
mod tests {
    use super::*;

    /// B-013: the first one registered is active, the next one takes over in order.
    #[test]
    fn first_registered_is_active_and_next_takes_over() -> Result {
        let (pool, one, two) = pool_of_two(100, 200)?;
        let three = Script::new(300)?;
        three.register(&pool, 3)?;
        assert_eq!(next_number(&pool)?, 100);
        assert_eq!(one.returned(), 1);
        // B-002: not the head of the list, the next one.
        assert_eq!(pool.unregister(one.key())?, 0);
        assert_eq!(next_number(&pool)?, 200);
        assert_eq!(pool.unregister(three.key())?, 0);
        assert_eq!(next_number(&pool)?, 201);
        assert_eq!(pool.unregister(two.key())?, 0);
        assert_eq!(next_number(&pool)?, 1);
        assert_eq!(three.picks.load(Relaxed), 0);
        Ok(())
    }

    /// B-016, B-018: refused with default IDs live, and usable afterwards.
    #[test]
    fn register_with_default_ids_is_refused() -> Result {
        let pool = new_pool()?;
        let script = Script::new(100)?;
        let id = alloc(&pool, 1, 9)?;
        pool.get(ANY, id)?;
        assert!(script.register(&pool, 1) == Err(EAGAIN));
        assert!(!pool.free(ANY, id)?);
        assert!(script.register(&pool, 1) == Err(EAGAIN));
        assert!(pool.put(ANY, id)?);
        script.register(&pool, 1)?;
        assert_eq!(next_number(&pool)?, 100);
        assert_eq!(pool.unregister(script.key())?, 0);
        Ok(())
    }

    /// A resting number is live for the switch.
    #[test]
    fn register_with_resting_ids_is_refused() -> Result {
        let pool = new_pool()?;
        let script = Script::new(100)?;
        pool.space.set_quarantine(AN_HOUR);
        let id = alloc(&pool, 1, 9)?;
        assert!(pool.free(ANY, id)?);
        assert!(script.register(&pool, 1) == Err(EAGAIN));
        pool.shut_down();
        script.register(&pool, 1)?;
        assert_eq!(pool.unregister(script.key())?, 0);
        Ok(())
    }

    /// B-017: any member of any group, without a trace.
    #[test]
    fn register_twice_is_refused() -> Result {
        let pool = new_pool()?;
        let (one, two) = (Script::new(100)?, Script::new(200)?);
        one.register(&pool, 1)?;
        two.register(&pool, 1)?;
        assert!(one.register(&pool, 1) == Err(EEXIST));
        assert!(two.register(&pool, 1) == Err(EEXIST));
        assert!(two.register(&pool, 7) == Err(EEXIST));
        assert_eq!(pool.unregister(one.key())?, 0);
        assert_eq!(pool.unregister(two.key())?, 0);
        assert!(pool.unregister(two.key()) == Err(ENOENT));
        assert_eq!(next_number(&pool)?, 1);
        Ok(())
    }

    /// B-015, B-019: the survivor of a group is called from then on, IDs stay.
    #[test]
    fn group_survives_its_first_member() -> Result {
        let pool = new_pool()?;
        let (one, two) = (Script::new(100)?, Script::new(200)?);
        one.register(&pool, 1)?;
        two.register(&pool, 1)?;
        assert_eq!(alloc(&pool, 1, 999)?, 100);
        assert_eq!(pool.unregister(one.key())?, 0);
        pool.get(ANY, 100)?;
        assert!(!pool.put(ANY, 100)?);
        assert_eq!(alloc(&pool, 1, 999)?, 200);
        assert!(free(&pool, 100)?);
        assert!(free(&pool, 200)?);
        assert_eq!(one.returned(), 0);
        assert_eq!(two.returned(), 2);
        assert_eq!(pool.unregister(two.key())?, 0);
        Ok(())
    }

    /// B-009: out of range is given back, refusals are not.
    #[test]
    fn bad_results_are_refused() -> Result {
        let (pool, script) = pool_of(50)?;
        assert!(alloc(&pool, 1, 49) == Err(ENOSPC));
        assert_eq!(script.returned(), 1);
        assert_eq!(script.last_returned.load(Relaxed), 50);
        for bad in [0, LIMIT] {
            script.stuck.store(bad, Relaxed);
            script.next.store(bad, Relaxed);
            assert!(alloc(&pool, 1, 999) == Err(ENOSPC));
            assert_eq!(script.last_returned.load(Relaxed), bad);
        }
        assert_eq!(script.returned(), 3);
        // B-007, B-008
        for refusal in [INVALID, EINVAL.to_errno() as u32] {
            script.stuck.store(refusal, Relaxed);
            assert!(alloc(&pool, 1, 999) == Err(ENOSPC));
        }
        assert_eq!(script.returned(), 3);
        assert_eq!(pool.count(|_| true), 0);
        assert_eq!(pool.unregister(script.key())?, 0);
        Ok(())
    }

    /// B-010: the first holder keeps the number.
    #[test]
    fn duplicate_is_reported_and_not_given_back() -> Result {
        let (pool, script) = pool_of(5)?;
        assert_eq!(alloc(&pool, 1, 9)?, 5);
        script.stuck.store(5, Relaxed);
        assert!(alloc(&pool, 1, 9) == Err(EEXIST));
        assert_eq!(script.returned(), 0);
        pool.get(ANY, 5)?;
        assert!(!pool.put(ANY, 5)?);
        assert!(free(&pool, 5)?);
        assert_eq!(script.returned(), 1);
        assert_eq!(pool.unregister(script.key())?, 0);
        Ok(())
    }

    /// B-014: live IDs outlast their allocator and their numbers are not handed out twice.
    #[test]
    fn unregister_parks_live_ids() -> Result {
        let (pool, script) = pool_of(1)?;
        assert_eq!(alloc(&pool, 1, 9)?, 1);
        assert_eq!(alloc(&pool, 1, 9)?, 2);
        assert_eq!(pool.unregister(script.key())?, 2);
        // The default allocator walks around them.
        assert_eq!(alloc(&pool, 1, 9)?, 3);
        pool.get(ANY, 1)?;
        assert!(!pool.put(ANY, 1)?);
        assert!(free(&pool, 1)?);
        assert_eq!(alloc(&pool, 1, 9)?, 1);
        for id in 1..=3 {
            assert!(free(&pool, id)?);
        }
        // Nobody is told.
        assert_eq!(script.returned(), 0);
        assert_eq!(pool.count(|_| true), 0);
        Ok(())
    }

    /// A number that is in use from the time of another allocator is asked for again, and goes to
    /// the one that named it now.
    #[test]
    fn parked_number_is_kept_aside() -> Result {
        let (pool, one, two) = pool_of_two(10, 10)?;
        assert_eq!(alloc(&pool, 1, 99)?, 10);
        assert_eq!(pool.unregister(one.key())?, 1);
        assert_eq!(alloc(&pool, 1, 99)?, 11);
        assert_eq!(two.picks.load(Relaxed), 2);
        assert!(free(&pool, 10)?);
        assert_eq!(one.returned(), 0);
        assert_eq!(two.returned(), 1);
        assert_eq!(two.last_returned.load(Relaxed), 10);
        assert!(free(&pool, 11)?);
        assert_eq!(pool.unregister(two.key())?, 0);
        Ok(())
    }

    /// Asking again ends.
    #[test]
    fn stubborn_allocator_is_given_up() -> Result {
        let (pool, one, two) = pool_of_two(1, 1)?;
        for id in 1..=200 {
            assert_eq!(alloc(&pool, 1, 999)?, id);
        }
        assert_eq!(pool.unregister(one.key())?, 200);
        assert!(alloc(&pool, 1, 999) == Err(ENOSPC));
        assert!(two.picks.load(Relaxed) < 200);
        for id in 1..=200 {
            assert!(free(&pool, id)?);
        }
        assert_eq!(two.returned(), two.picks.load(Relaxed));
        assert_eq!(pool.unregister(two.key())?, 0);
        Ok(())
    }

    /// B-029: given back when the last reference goes, not before; unregister waits for it.
    #[test]
    fn unregister_runs_queued_returns() -> Result {
        let (pool, script) = pool_of(1)?;
        for id in 1..=50 {
            assert_eq!(alloc(&pool, 1, 99)?, id);
        }
        pool.get(ANY, 50)?;
        for id in 1..=50 {
            assert!(pool.free(ANY, id)? == (id != 50));
        }
        assert_eq!(pool.unregister(script.key())?, 1);
        assert_eq!(script.returned(), 49);
        assert!(pool.put(ANY, 50)?);
        pool.flush();
        assert_eq!(script.returned(), 49);
        assert_eq!(pool.count(|_| true), 0);
        Ok(())
    }

    /// Custom numbers rest too, and are given back after it, or at unregister.
    #[test]
    fn custom_numbers_rest() -> Result {
        let (pool, script) = pool_of(1)?;
        pool.space.set_quarantine(AN_HOUR);
        assert_eq!(next_number(&pool)?, 1);
        assert_eq!(script.returned(), 0);
        assert_eq!(pool.unregister(script.key())?, 0);
        assert_eq!(script.returned(), 1);
        assert_eq!(pool.count(|_| true), 0);
        Ok(())
    }

    /// Custom numbers are given back by themselves when they have rested.
    #[test]
    fn custom_numbers_return_after_their_rest() -> Result {
        let (pool, script) = pool_of(1)?;
        pool.space.set_quarantine(50);
        assert_eq!(alloc(&pool, 1, 9)?, 1);
        assert!(pool.free(ANY, 1)?);
        for _ in 0..100 {
            if script.returned() != 0 {
                break;
            }
            fsleep(Delta::from_millis(20));
        }
        assert_eq!(script.returned(), 1);
        assert_eq!(pool.unregister(script.key())?, 0);
        assert_eq!(script.returned(), 1);
        Ok(())
    }

    /// One that was never called leaves the numbers of the one that is where they are.
    #[test]
    fn unregister_in_the_queue_ends_no_rest() -> Result {
        let (pool, one, two) = pool_of_two(1, 1)?;
        pool.space.set_quarantine(AN_HOUR);
        assert_eq!(alloc(&pool, 1, 9)?, 1);
        assert!(pool.free(ANY, 1)?);
        assert_eq!(pool.unregister(two.key())?, 0);
        assert_eq!(pool.count(|_| true), 1);
        assert_eq!(one.returned(), 0);
        assert_eq!(pool.unregister(one.key())?, 0);
        assert_eq!(one.returned(), 1);
        Ok(())
    }

    /// A number that rests from the time of another allocator is kept aside as well.
    #[test]
    fn resting_number_is_kept_aside() -> Result {
        let (pool, one, two) = pool_of_two(10, 10)?;
        assert_eq!(alloc(&pool, 1, 99)?, 10);
        assert_eq!(pool.unregister(one.key())?, 1);
        pool.space.set_quarantine(AN_HOUR);
        assert!(free(&pool, 10)?);
        assert_eq!(alloc(&pool, 1, 99)?, 11);
        assert_eq!(two.returned(), 0);
        assert_eq!(pool.unregister(two.key())?, 1);
        assert_eq!(two.returned(), 1);
        assert_eq!(two.last_returned.load(Relaxed), 10);
        pool.space.set_quarantine(0);
        assert!(free(&pool, 11)?);
        assert_eq!(one.returned(), 0);
        Ok(())
    }

    /// B-014: nobody takes over before all numbers have arrived.
    #[test]
    fn next_takes_over_after_the_last_return() -> Result {
        let (pool, one, two) = pool_of_two(1, 1)?;
        one.slow.store(10, Relaxed);
        for id in 1..=5 {
            assert_eq!(alloc(&pool, 1, 9)?, id);
        }
        for id in 1..=5 {
            assert!(pool.free(ANY, id)?);
        }
        assert_eq!(pool.unregister(one.key())?, 0);
        assert_eq!(one.returned(), 5);
        // None of them is kept aside, and none is a duplicate.
        for id in 1..=5 {
            assert_eq!(alloc(&pool, 1, 9)?, id);
            assert!(free(&pool, id)?);
        }
        assert_eq!(two.picks.load(Relaxed), 5);
        assert_eq!(pool.unregister(two.key())?, 0);
        Ok(())
    }

    /// B-024: of a module that went without a word nothing is called any more.
    #[test]
    fn evicted_allocator_is_not_called() -> Result {
        let (pool, script) = pool_of(1)?;
        for id in 1..=3 {
            assert_eq!(alloc(&pool, 1, 9)?, id);
        }
        pool.get(ANY, 1)?;
        assert!(!pool.free(ANY, 1)?);
        pool.space.set_quarantine(AN_HOUR);
        assert!(pool.free(ANY, 2)?);
        let there = script.key().0;
        assert_eq!(pool.evict(|addr| addr == there + 1), 0);
        assert_eq!(pool.evict(|addr| addr == there), 1);
        pool.space.set_quarantine(0);
        assert!(pool.put(ANY, 1)?);
        assert!(pool.free(ANY, 3)?);
        pool.shut_down();
        assert_eq!(pool.count(|_| true), 0);
        assert_eq!(script.returned(), 0);
        // The default allocator has taken over.
        assert_eq!(next_number(&pool)?, 1);
        Ok(())
    }

    /// B-024: what is on its way to it when it goes is waited for, or dropped.
    #[test]
    fn evict_waits_for_returns() -> Result {
        let (pool, script) = pool_of(1)?;
        script.slow.store(20, Relaxed);
        for id in 1..=20 {
            assert_eq!(alloc(&pool, 1, 99)?, id);
            assert!(pool.free(ANY, id)?);
        }
        let there = script.key().0;
        assert_eq!(pool.evict(|addr| addr == there), 1);
        let returned = script.returned();
        pool.flush();
        fsleep(Delta::from_millis(50));
        assert_eq!(script.returned(), returned);
        assert_eq!(pool.count(|_| true), 0);
        Ok(())
    }

    /// B-009: a number that was good when it was asked for, and goes back when it no longer is.
    #[test]
    fn capacity_may_shrink_while_a_number_is_picked() -> Result {
        let pool = Arc::pin_init(crate::pool::new(caches()?, 0), GFP_KERNEL)?;
        let shrink = Arc::new(
            Shrink {
                pool: pool.clone(),
                returned: Atomic::new(0),
            },
            GFP_KERNEL,
        )?;
        pool.register(Key(1), SpaceId(1, 1), shrink.clone())?;
        assert!(alloc(&pool, 500, 500) == Err(EINVAL));
        assert_eq!(shrink.returned.load(Relaxed), 500);
        assert_eq!(pool.capacity(), 100);
        assert_eq!(pool.unregister(Key(1))?, 0);
        Ok(())
    }
}
