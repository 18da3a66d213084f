// SPDX-License-Identifier: GPL-2.0

//! Unbinding an address space while a queue does DMA in it.
//!
//! In C the page requests under way are answered by code that looks at an address space which is
//! gone. Here the bond is part of what runs, until the queue has stopped.

fn example<Q: Queue>(bond: Bond<'_>, queue: Q) -> Result {
    let running = bond.start(queue)?;
    drop(bond);
    //~ error[E0382]: use of moved value: `bond`
    let (bond, _queue) = running.stop()?;
    drop(bond);
    Ok(())
}
