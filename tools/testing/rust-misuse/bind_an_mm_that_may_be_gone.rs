// SPDX-License-Identifier: GPL-2.0

//! Binding an address space of which one has no user's reference.

fn example<'a>(sva: &Arc<Sva<'a>>, mm: &Mm) -> Result<Bond<'a>> {
    let bond = sva.bind(mm)?;
    //~ error[E0308]: mismatched types
    //= let bond = sva.bind(&*mm.mmget_not_zero().ok_or(ESRCH)?)?;
    Ok(bond)
}
