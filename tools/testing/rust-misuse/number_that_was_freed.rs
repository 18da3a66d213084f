// SPDX-License-Identifier: GPL-2.0

//! Asking a freed ID for its number.

fn example(set: &Set) -> Result<u32> {
    let id = set.alloc(1..=255, Policy::Lowest)?;
    let number = id.id();
    id.free();
    let number = id.id();
    //~ error[E0382]: borrow of moved value: `id`
    Ok(number)
}
