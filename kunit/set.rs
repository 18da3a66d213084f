// SPDX-License-Identifier: GPL-2.0

use super::{
    find,
    new_pool,
    ANY, //
};
use crate::{
    id::{
        IdRange,
        LIMIT, //
    },
    kapi::task::Who,
    pool::Pool,
    set::{
        Kind,
        SetTag,
        Token, //
    },
    space::Policy, //
};
use core::ptr;
use kernel::{
    macros::kunit_tests,
    prelude::*,
    sync::rcu, //
};

fn alloc(pool: &Pool, set: SetTag, min: u32, max: u32) -> Result<u32> {
    pool.alloc(set, IdRange::new(min, max)?, None, ptr::null_mut())
}

fn used(pool: &Pool, set: SetTag) -> u32 {
    pool.query_set(set).map_or(u32::MAX, |figures| figures.used)
}

#[kunit_tests(ioasid_set_inside)]
mod tests {
    use super::*;

    /// B-047, B-048, B-049: a handle is good as long as its set, and is never that of another one.
    #[test]
    fn stale_handle_is_refused() -> Result {
        let pool = new_pool()?;
        let old = pool.alloc_null_set(0)?;
        assert!(pool.free_set(old)?);
        pool.flush();
        let new = pool.alloc_null_set(0)?;
        assert!(old != new);
        for bad in [old, SetTag(old.0 ^ 1), SetTag(1), SetTag(usize::MAX)] {
            assert!(alloc(&pool, bad, 1, 9) == Err(EINVAL));
            assert!(pool.get_set(bad) == Err(EINVAL));
            assert!(pool.put_set(bad) == Err(ENOENT));
            assert!(pool.adjust_set(bad, 1) == Err(EINVAL));
            assert!(pool.free_set(bad) == Err(EINVAL));
            assert!(pool.query_set(bad) == Err(EINVAL));
            assert!(pool.for_each(bad, |_| ()) == Err(EINVAL));
        }
        assert!(pool.free_set(new)?);
        Ok(())
    }

    /// B-050, B-051, B-045: what is left when the owner goes, and when the last holder does.
    #[test]
    fn freed_set_stays_for_its_holders() -> Result {
        let pool = new_pool()?;
        let set = pool.alloc_null_set(10)?;
        let id = alloc(&pool, set, 1, 9)?;
        pool.get(set, id)?;
        assert_eq!(alloc(&pool, set, 1, 9)?, 2);
        assert!(!pool.free_set(set)?);
        assert!(alloc(&pool, set, 1, 9).is_err());
        assert!(find(&pool, ANY, 2) == Err(ENOENT));
        assert!(find(&pool, set, id).is_ok());
        assert!(pool.get(set, id) == Err(EBUSY));
        pool.flush();
        assert_eq!(pool.count(|_| true), 1);
        assert!(pool.put(set, id)?);
        pool.flush();
        // B-057: all of it is there again.
        assert!(pool.space.set_aside(0)? == LIMIT - 1);
        assert!(pool.space.sets.next(1, &rcu::read_lock()).is_none());
        Ok(())
    }

    /// Whoever has found a set may look at it for as long as it wants.
    #[test]
    fn found_set_stays_until_put() -> Result {
        let pool = new_pool()?;
        let set = pool.alloc_null_set(0)?;
        let id = alloc(&pool, set, 1, 9)?;
        assert!(pool.set_of(id)? == set);
        assert!(pool.free_set(set)?);
        pool.flush();
        assert_eq!(used(&pool, set), 0);
        assert!(pool.get_set(set) == Err(EBUSY));
        assert!(alloc(&pool, set, 1, 9) == Err(EBUSY));
        pool.put_set(set)?;
        assert!(pool.put_set(set) == Err(ENOENT));
        Ok(())
    }

    /// Whoever has pinned an ID to give it an SPID, and comes too late.
    #[test]
    fn attach_to_reclaimed_changes_nothing() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, ANY, 1, 9)?;
        pool.attach_spid(id, 7)?;
        pool.space.pin(id)?;
        assert!(pool.free(ANY, id)?);
        let guard = rcu::read_lock();
        let entry = pool.space.lookup(id, &guard).ok_or(ENOENT)?;
        assert!(pool.space.attach_spid(entry, 8, false) == Err(ENOENT));
        assert!(entry.spid() == Some(7));
        drop(guard);
        assert!(pool.space.unpin(id).is_some());
        assert_eq!(pool.query_set(ANY)?.spids, 0);
        assert_eq!(alloc(&pool, ANY, 1, 9)?, id);
        pool.attach_spid(id, 7)?;
        assert!(pool.free(ANY, id)?);
        Ok(())
    }

    /// Clients of 2020 have no other end than the last put.
    #[test]
    fn last_put_ends_the_set() -> Result {
        let pool = new_pool()?;
        let set = pool.alloc_null_set(7)?;
        let id = alloc(&pool, set, 1, 9)?;
        pool.get_set(set)?;
        pool.put_set(set)?;
        assert!(find(&pool, set, id).is_ok());
        pool.put_set(set)?;
        pool.flush();
        assert!(find(&pool, ANY, id) == Err(ENOENT));
        assert!(pool.space.set_aside(0)? == LIMIT - 1);
        Ok(())
    }

    /// B-054: the callback may free the ID that it visits, those before and those behind.
    #[test]
    fn iteration_survives_frees() -> Result {
        let pool = new_pool()?;
        let set = pool.alloc_null_set(0)?;
        for free in 1..=5 {
            for id in 1..=5 {
                assert_eq!(alloc(&pool, set, id, id)?, id);
            }
            let mut seen = 0u32;
            pool.for_each(set, |id| {
                seen |= 1 << id;
                let _ = pool.free(set, free);
            })?;
            // The one that went at the first visit may have been seen or not.
            assert_eq!(seen | 1 << free, 0b111110);
            assert_eq!(used(&pool, set), 4);
            pool.free_all(set)?;
            assert_eq!(used(&pool, set), 0);
            assert_eq!(pool.count(|_| true), 0);
        }
        assert!(pool.free_set(set)?);
        Ok(())
    }

    /// B-053, B-093: nothing, everything, and IDs of others in between.
    #[test]
    fn free_all_takes_the_sets_own() -> Result {
        let pool = new_pool()?;
        let (one, two) = (pool.alloc_null_set(0)?, pool.alloc_null_set(0)?);
        pool.free_all(one)?;
        for id in 1..=30 {
            let set = [one, two, ANY][id as usize % 3];
            assert_eq!(alloc(&pool, set, id, id)?, id);
        }
        pool.get(one, 3)?;
        pool.free_all(one)?;
        assert_eq!(used(&pool, one), 1);
        assert_eq!(used(&pool, two), 10);
        pool.free_all(ANY)?;
        assert_eq!(pool.count(|_| true), 11);
        assert!(pool.put(one, 3)?);
        assert!(pool.free_set(one)? && pool.free_set(two)?);
        Ok(())
    }

    /// B-102, B-104, B-110, B-119: an SPID has one ID, an ID one SPID.
    #[test]
    fn spid_is_unique_and_taken_over() -> Result {
        let pool = new_pool()?;
        let set = pool.alloc_null_set(0)?;
        let (a, b) = (alloc(&pool, set, 1, 9)?, alloc(&pool, set, 1, 9)?);
        pool.attach_spid(a, 70)?;
        assert!(pool.is_active(a) && !pool.is_active(b));
        assert!(pool.attach_spid(a, 71) == Err(EBUSY));
        assert!(pool.attach_spid(b, 70) == Err(EEXIST));
        assert!(pool.find_by_spid(set, 70, false) == Some(a));
        assert!(pool.find_by_spid(set, 70, true) == Some(a));
        assert!(pool.find_by_spid(ANY, 70, false).is_none());
        assert!(!pool.free(set, a)?);
        assert!(pool.find_by_spid(set, 70, false) == Some(a));
        assert!(pool.find_by_spid(set, 70, true).is_none());
        assert!(pool.detach_spid(a) == Err(EBUSY));
        pool.attach_spid(b, 70)?;
        assert!(pool.find_by_spid(set, 70, false) == Some(b));
        assert!(pool.spid_of(a) == Some(70));
        assert!(pool.put(set, a)?);
        assert!(pool.find_by_spid(set, 70, false) == Some(b));
        pool.detach_spid(b)?;
        assert!(pool.detach_spid(b) == Err(ENOENT));
        assert!(pool.find_by_spid(set, 70, false).is_none());
        pool.attach_spid(b, 0)?;
        assert!(pool.free_set(set)?);
        Ok(())
    }

    /// Static sets come with their first ID and go with their last.
    #[test]
    fn static_set_lives_with_its_ids() -> Result {
        let pool = new_pool()?;
        let set = SetTag(0x1000);
        let range = IdRange::new(1, 9)?;
        for _ in 0..3 {
            let alloc = || pool.alloc_static(set.0, range, Policy::Lowest, ptr::null_mut());
            let (one, two) = (alloc()?, alloc()?);
            assert!(one == 1 && two == 2);
            assert!(pool.free(set, one)?);
            assert!(pool.free(set, two)?);
            // Not waited for: the next one does not mind.
            assert_eq!(alloc()?, 1);
            assert!(pool.free(set, 1)?);
            pool.flush();
            assert!(pool.space.sets.next(1, &rcu::read_lock()).is_none());
        }
        // Nor is it left behind when there was no first ID.
        let taken = pool.alloc(ANY, range, None, ptr::null_mut())?;
        let only = IdRange::new(taken, taken)?;
        let failed = pool.alloc_static(set.0, only, Policy::Lowest, ptr::null_mut());
        assert!(failed == Err(ENOSPC));
        pool.flush();
        assert!(pool.space.sets.next(1, &rcu::read_lock()).is_none());
        assert!(pool.free(ANY, taken)?);
        Ok(())
    }

    /// A set's policy is that of those who do not say.
    #[test]
    fn policy_of_the_set_is_used() -> Result {
        let pool = new_pool()?;
        let set = pool.alloc_null_set(0)?;
        pool.set_policy(set, Policy::TopDown)?;
        assert_eq!(alloc(&pool, set, 1, 9)?, 9);
        let lowest = Some(Policy::Lowest);
        let range = IdRange::new(1, 9)?;
        assert_eq!(pool.alloc(set, range, lowest, ptr::null_mut())?, 1);
        assert!(pool.free_set(set)?);
        Ok(())
    }

    /// B-081: waiting for what is there, and for what is not.
    #[test]
    fn wait_ends_at_once_or_in_time() -> Result {
        let pool = new_pool()?;
        let set = pool.alloc_null_set(0)?;
        let id = alloc(&pool, set, 1, 9)?;
        assert!(pool.wait_reclaimed(id, 10) == Err(ETIMEDOUT));
        assert!(pool.wait_empty(set, 10) == Err(ETIMEDOUT));
        assert!(pool.free(set, id)?);
        assert!(pool.wait_reclaimed(id, 10) == Err(ENOENT));
        pool.wait_empty(set, 0)?;
        assert!(pool.free_set(set)?);
        assert!(pool.wait_empty(set, 0) == Err(EINVAL));
        Ok(())
    }

    /// Who is told of a new set may end it before its maker has it found by its token.
    #[test]
    fn token_of_a_set_that_was_ended_is_free() -> Result {
        let pool = new_pool()?;
        let (space, sets) = (&pool.space, &pool.space.sets);
        let token = Token(Kind::Mm, 0x1000);
        let claim = sets.claim(token)?;
        let set = sets.publish(token, Who::NOBODY, 0)?;
        let guard = rcu::read_lock();
        let found = sets.at(set, &guard).ok_or(EINVAL)?;
        space.open_set(found);
        let handle = found.owner().tag;
        drop(guard);
        pool.get_set(handle)?;
        assert!(pool.free_set(handle)?);
        let guard = rcu::read_lock();
        sets.settle(claim, sets.at(set, &guard).ok_or(EINVAL)?);
        drop(guard);
        assert!(sets.find_token(token).is_none());
        pool.put_set(handle)?;
        pool.flush();
        assert!(sets.claim(token).is_ok());
        Ok(())
    }

    /// The module may go whatever its users have left.
    #[test]
    fn shut_down_ends_all_sets() -> Result {
        let pool = new_pool()?;
        let set = pool.alloc_null_set(10)?;
        let id = alloc(&pool, set, 1, 9)?;
        pool.attach_spid(id, 5)?;
        alloc(&pool, set, 1, 9)?;
        pool.get(set, id)?;
        pool.shut_down();
        assert_eq!(pool.count(|_| true), 1);
        Ok(())
    }
}
