// SPDX-License-Identifier: GPL-2.0

//! Allocating from a set after it was freed.

fn example(set: Set) -> Result {
    set.alloc(1..=255, Policy::Lowest)?;
    set.free();
    set.alloc(1..=255, Policy::Lowest)?;
    //~ error[E0382]: borrow of moved value: `set`
    Ok(())
}
