// SPDX-License-Identifier: GPL-2.0

//! Having two references for one get.
//!
//! Another one is taken by `try_clone()`, which fails once the owner has freed the ID.

fn example(first: Reference) -> Result {
    let second = first.clone();
    //~ error[E0599]: no method named `clone` found for struct `Reference` in the current scope
    //= let second = first.try_clone()?;
    drop((first, second));
    Ok(())
}
