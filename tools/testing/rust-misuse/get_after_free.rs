// SPDX-License-Identifier: GPL-2.0

//! Taking a reference to an ID after the owner has freed it.
//!
//! In C the number may be another's by then. Here the free consumes what one gets from.

fn example(id: Ioasid) -> Result {
    let reference = id.get()?;
    id.free();
    let late = id.get()?;
    //~ error[E0382]: borrow of moved value: `id`
    //= let late = reference.try_clone()?;
    drop((reference, late));
    Ok(())
}
