// SPDX-License-Identifier: GPL-2.0

//! Giving a device the PASID of a bond without a queue that is stopped before the unbind.

fn example<Q: Queue>(bond: Bond<'_>, queue: Q) -> Result<u32> {
    let pasid = bond.pasid();
    //~ error[E0599]: no method named `pasid` found for struct `Bond` in the current scope
    //= let pasid = bond.start(queue)?.pasid();
    Ok(pasid)
}
