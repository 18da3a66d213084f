// SPDX-License-Identifier: GPL-2.0

//! Using the number of a reference after its put.

fn example(id: &Ioasid) -> Result {
    let reference = id.get()?;
    reference.put();
    pr_info!("{}\n", reference.id());
    //~ error[E0382]: borrow of moved value: `reference`
    Ok(())
}
