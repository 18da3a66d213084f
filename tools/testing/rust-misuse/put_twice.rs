// SPDX-License-Identifier: GPL-2.0

//! Putting a reference twice.
//!
//! In C the second put takes the reference of another holder, and the number is reused under him.
//! Here a put consumes the value.

fn example(id: &Ioasid) -> Result {
    let reference = id.get()?;
    reference.put();
    reference.put();
    //~ error[E0382]: use of moved value: `reference`
    Ok(())
}
