// SPDX-License-Identifier: GPL-2.0

use crate::quota::{
    Capacity,
    Usage, //
};
use kernel::{
    macros::kunit_tests,
    prelude::*, //
};

const TOTAL: u32 = 100;

#[kunit_tests(ioasid_quota_inside)]
mod tests {
    use super::*;

    /// B-055, B-062: checked and charged at once; the peak stays.
    #[test]
    fn quota_is_a_ceiling() -> Result {
        let mut capacity = Capacity::new();
        capacity.reserve(2, TOTAL)?;
        let set = Usage::new(2);
        assert!(set.figures().quota == 2 && set.used() == 0);
        capacity.charge(&set, TOTAL)?;
        set.raise_peak();
        assert!(!set.is_used_up());
        capacity.charge(&set, TOTAL)?;
        set.raise_peak();
        assert!(set.is_used_up());
        assert!(capacity.charge(&set, TOTAL) == Err(ENOSPC));
        assert!(!capacity.uncharge(&set));
        assert!(capacity.uncharge(&set));
        let figures = set.figures();
        assert!(figures.used == 0 && figures.peak == 2 && figures.failures == 1);
        assert_eq!(capacity.left(TOTAL), TOTAL - 2);
        capacity.give_up(&set);
        assert_eq!(capacity.left(TOTAL), TOTAL);
        Ok(())
    }

    /// B-056, B-064: who has no quota takes what nobody has reserved, and no more.
    #[test]
    fn reserved_numbers_are_left_alone() -> Result {
        let mut capacity = Capacity::new();
        let shared = Usage::new(0);
        assert_eq!(capacity.set_aside(TOTAL - 1, TOTAL)?, TOTAL - 1);
        capacity.charge(&shared, TOTAL)?;
        assert!(capacity.charge(&shared, TOTAL) == Err(ENOSPC));
        assert!(capacity.reserve(1, TOTAL) == Err(ENOSPC));
        // B-061
        assert!(capacity.reserve(u32::MAX, TOTAL) == Err(ENOSPC));
        assert!(capacity.give_back(TOTAL, TOTAL) == Err(EINVAL));
        assert!(capacity.give_back(u32::MAX, TOTAL) == Err(EINVAL));
        assert_eq!(capacity.give_back(TOTAL - 1, TOTAL)?, TOTAL - 1);
        capacity.charge(&shared, TOTAL)?;
        assert_eq!(capacity.left(TOTAL), TOTAL - 2);
        Ok(())
    }

    /// B-060: by the difference, and nothing is changed when it fails.
    #[test]
    fn adjust_goes_by_the_difference() -> Result {
        let mut capacity = Capacity::new();
        capacity.reserve(60, TOTAL)?;
        let set = Usage::new(60);
        for _ in 0..10 {
            capacity.charge(&set, TOTAL)?;
        }
        assert!(capacity.adjust(&set, 9, TOTAL) == Err(EINVAL));
        assert!(capacity.adjust(&set, TOTAL + 1, TOTAL) == Err(ENOSPC));
        assert!(capacity.adjust(&set, u32::MAX, TOTAL) == Err(ENOSPC));
        assert!(set.figures().quota == 60 && capacity.left(TOTAL) == 40);
        // More than is left, less than it has and what is left.
        capacity.adjust(&set, 95, TOTAL)?;
        assert_eq!(capacity.left(TOTAL), 5);
        capacity.adjust(&set, 10, TOTAL)?;
        assert_eq!(capacity.left(TOTAL), 90);
        // B-058: nothing is reserved without a quota but what it uses.
        capacity.adjust(&set, 0, TOTAL)?;
        assert_eq!(capacity.left(TOTAL), 90);
        capacity.charge(&set, TOTAL)?;
        assert_eq!(capacity.left(TOTAL), 89);
        assert!(capacity.adjust(&set, 10, TOTAL) == Err(EINVAL));
        assert!(capacity.adjust(&set, TOTAL + 1, TOTAL) == Err(ENOSPC));
        capacity.adjust(&set, TOTAL, TOTAL)?;
        assert_eq!(capacity.left(TOTAL), 0);
        Ok(())
    }

    /// B-063: a charge that came to nothing leaves no trace, in the peak neither.
    #[test]
    fn undone_charge_leaves_nothing() -> Result {
        let mut capacity = Capacity::new();
        capacity.reserve(5, TOTAL)?;
        let set = Usage::new(5);
        capacity.charge(&set, TOTAL)?;
        set.raise_peak();
        capacity.charge(&set, TOTAL)?;
        assert!(!capacity.uncharge(&set));
        assert!(set.used() == 1 && set.figures().peak == 1);
        assert_eq!(capacity.left(TOTAL), TOTAL - 5);
        Ok(())
    }

    /// B-097: resting numbers count as capacity, not as quota.
    #[test]
    fn resting_numbers_are_not_left() -> Result {
        let mut capacity = Capacity::new();
        capacity.rest();
        assert_eq!(capacity.left(TOTAL), TOTAL - 1);
        assert!(capacity.reserve(TOTAL, TOTAL) == Err(ENOSPC));
        capacity.rested();
        capacity.reserve(TOTAL, TOTAL)?;
        Ok(())
    }
}
