// SPDX-License-Identifier: GPL-2.0

use crate::names::{
    Name,
    Names, //
};
use kernel::{
    macros::kunit_tests,
    prelude::*, //
};

fn names() -> Result<Pin<KBox<Names>>> {
    KBox::pin_init(Names::new(), GFP_KERNEL)
}

#[kunit_tests(ioasid_names)]
mod tests {
    use super::*;

    /// B-096: holders are counted per ID and name, and listed in order.
    #[test]
    fn holders_are_counted_by_name() -> Result {
        let names = names()?;
        let (a, b) = (Name::new(c"idxd"), Name::new(c"kvm"));
        names.add(5, b);
        names.add(5, a);
        names.add(5, b);
        names.add(6, a);
        assert!(names.first_after(5, None) == Some((a, 1)));
        assert!(names.first_after(5, Some(a)) == Some((b, 2)));
        assert!(names.first_after(5, Some(b)).is_none());
        names.remove(5, b);
        assert!(names.first_after(5, Some(a)) == Some((b, 1)));
        names.remove(5, b);
        names.remove(5, b);
        assert!(names.first_after(5, Some(a)).is_none());
        names.clear(5);
        assert!(names.first_after(5, None).is_none());
        assert!(names.first_after(6, None) == Some((a, 1)));
        names.clear(6);
        names.clear(7);
        Ok(())
    }

    #[test]
    fn long_names_are_cut() {
        let long = Name::new(c"0123456789012345678901234567890123456789");
        assert!(long == Name::new(c"0123456789012345678901234567890"));
        assert!(long != Name::new(c"012345678901234567890123456789"));
    }

    #[test]
    fn first_after_skips_a_name_that_is_gone() -> Result {
        let names = names()?;
        let (a, b, c) = (Name::new(c"a"), Name::new(c"b"), Name::new(c"c"));
        names.add(1, a);
        names.add(1, c);
        assert!(names.first_after(1, Some(b)) == Some((c, 1)));
        names.clear(1);
        Ok(())
    }
}
