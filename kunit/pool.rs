// SPDX-License-Identifier: GPL-2.0

use super::{
    alloc,
    find,
    new_pool,
    ANY, //
};
use crate::{
    id::{
        IdRange,
        INVALID,
        LIMIT, //
    },
    names::Name,
    set::SetTag,
    space::Policy, //
};
use core::ptr;
use kernel::{
    macros::kunit_tests,
    prelude::*, //
};

const A: SetTag = SetTag(0x1000);
const B: SetTag = SetTag(0x2000);

#[kunit_tests(ioasid_pool)]
mod tests {
    use super::*;

    /// B-078, B-079, B-081: free reports, and repeating it is harmless.
    #[test]
    fn free_with_holders_is_pending() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, 1, 9)?;
        pool.get(ANY, id)?;
        pool.get(ANY, id)?;
        assert!(!pool.free(ANY, id)?);
        assert!(!pool.free(ANY, id)?);
        assert!(pool.get(ANY, id) == Err(EBUSY));
        assert!(pool.get_named(ANY, id, Name::new(c"late")) == Err(EBUSY));
        assert!(find(&pool, ANY, id).is_ok());
        assert!(!pool.put(ANY, id)?);
        assert!(!pool.free(ANY, id)?);
        // B-082
        assert!(pool.put(ANY, id)?);
        assert!(pool.get(ANY, id) == Err(EINVAL));
        assert!(pool.put(ANY, id) == Err(ENOENT));
        assert!(find(&pool, ANY, id) == Err(ENOENT));
        assert!(pool.free(ANY, id) == Err(ENOENT));
        assert_eq!(pool.count(|_| true), 0);
        Ok(())
    }

    /// B-091: a pending number is not handed out.
    #[test]
    fn pending_number_is_not_reused() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, 1, 1)?;
        pool.get(ANY, id)?;
        assert!(!pool.free(ANY, id)?);
        assert!(alloc(&pool, 1, 1) == Err(ENOSPC));
        assert!(pool.put(ANY, id)?);
        assert_eq!(alloc(&pool, 1, 1)?, 1);
        assert!(pool.free(ANY, id)?);
        Ok(())
    }

    /// B-073, B-083: putting too often changes nothing.
    #[test]
    fn over_put_leaves_the_owner_alone() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, 1, 9)?;
        assert!(pool.put(ANY, id) == Err(EINVAL));
        pool.get(ANY, id)?;
        assert!(!pool.put(ANY, id)?);
        assert!(pool.put(ANY, id) == Err(EINVAL));
        assert!(find(&pool, ANY, id).is_ok());
        assert!(pool.free(ANY, id)?);
        Ok(())
    }

    /// B-076, B-077: only the owning set, or nobody in particular, gets through.
    #[test]
    fn wrong_set_changes_nothing() -> Result {
        let pool = new_pool()?;
        let id = pool.alloc_static(A.0, IdRange::new(1, 9)?, Policy::Lowest, ptr::null_mut())?;
        assert!(pool.get(B, id) == Err(EACCES));
        assert!(find(&pool, B, id) == Err(EACCES));
        assert!(pool.free(B, id) == Err(EACCES));
        pool.get(A, id)?;
        assert!(pool.put(B, id) == Err(EACCES));
        assert!(!pool.free(A, id)?);
        // The owner is checked before the state.
        assert!(pool.get(B, id) == Err(EACCES));
        assert!(pool.free(B, id) == Err(EACCES));
        assert!(pool.put(ANY, id)?);
        assert!(pool.get(B, id) == Err(EINVAL));
        Ok(())
    }

    /// An ID of the kernel's own set is not a named set's.
    #[test]
    fn kernel_id_is_not_for_a_set() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, 1, 9)?;
        assert!(pool.get(A, id) == Err(EACCES));
        assert!(pool.free(ANY, id)?);
        Ok(())
    }

    #[test]
    fn unknown_ids_are_refused() -> Result {
        let pool = new_pool()?;
        for id in [0, 1, LIMIT - 1, LIMIT, INVALID] {
            assert!(pool.get(ANY, id) == Err(EINVAL));
            assert!(pool.put(ANY, id) == Err(ENOENT));
            assert!(pool.put_any(id) == Err(ENOENT));
            assert!(pool.free(ANY, id) == Err(ENOENT));
            assert!(find(&pool, ANY, id) == Err(ENOENT));
            assert!(pool.replace_private(id, ptr::null_mut()) == Err(ENOENT));
        }
        Ok(())
    }

    /// B-115: private data is what the last writer left.
    #[test]
    fn private_data_is_replaced() -> Result {
        let pool = new_pool()?;
        let (one, two) = (
            ptr::without_provenance_mut(8),
            ptr::without_provenance_mut(16),
        );
        let id = pool.alloc(ANY, IdRange::new(1, 9)?, None, one)?;
        assert!(find(&pool, ANY, id)? == one);
        pool.replace_private(id, two)?;
        assert!(find(&pool, ANY, id)? == two);
        assert!(pool.free(ANY, id)?);
        Ok(())
    }

    /// What put meant in Linux 5.11 to 5.17.
    #[test]
    fn put_any_frees_at_last() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, 1, 9)?;
        pool.get(ANY, id)?;
        assert!(!pool.put_any(id)?);
        assert!(pool.put_any(id)?);
        assert!(pool.put_any(id) == Err(ENOENT));
        Ok(())
    }

    /// Names of a reclaimed ID are not the next one's.
    #[test]
    fn names_go_with_the_id() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, 1, 9)?;
        let kvm = Name::new(c"kvm");
        pool.get_named(ANY, id, kvm)?;
        assert!(pool.names.first_after(id, None) == Some((kvm, 1)));
        assert!(!pool.free(ANY, id)?);
        // Dropped without its name.
        assert!(pool.put(ANY, id)?);
        assert!(pool.names.first_after(id, None).is_none());
        Ok(())
    }

    #[test]
    fn over_put_by_name_keeps_names() -> Result {
        let pool = new_pool()?;
        let id = alloc(&pool, 1, 9)?;
        let (kvm, vdcm) = (Name::new(c"kvm"), Name::new(c"vdcm"));
        assert!(pool.put_named(ANY, id, kvm) == Err(EINVAL));
        assert!(pool.names.first_after(id, None).is_none());
        pool.get_named(ANY, id, kvm)?;
        assert!(!pool.put_named(ANY, id, vdcm)?);
        assert!(pool.put_named(ANY, id, kvm) == Err(EINVAL));
        // Whose reference was dropped under a wrong name is still told.
        assert!(pool.names.first_after(id, None) == Some((kvm, 1)));
        assert!(pool.free(ANY, id)?);
        Ok(())
    }
}
