// SPDX-License-Identifier: GPL-2.0

//! Disabling SVA on a device under its bonds.
//!
//! In C that fails, and SVA stays enabled on a device whose driver goes. A bond keeps it enabled,
//! and the last one to go disables it.

fn example(sva: Arc<Sva<'_>>, mm: &MmWithUser) -> Result {
    let bond = sva.bind(mm)?;
    drop(*sva);
    //~ error[E0507]: cannot move out of dereference of `Arc<Sva<'_>>`
    drop(bond);
    Ok(())
}
