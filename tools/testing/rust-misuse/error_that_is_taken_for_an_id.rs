// SPDX-License-Identifier: GPL-2.0

//! Using the result of an allocation that may have failed.
//!
//! In C `INVALID_IOASID` is a number like any other.

fn example(set: &Set) -> Result<Ioasid> {
    let id: Ioasid = set.alloc(1..=255, Policy::Lowest);
    //~ error[E0308]: mismatched types
    //= let id: Ioasid = set.alloc(1..=255, Policy::Lowest)?;
    Ok(id)
}
