// SPDX-License-Identifier: GPL-2.0

//! Making a reference out of a number, without a get.

fn example(number: u32) -> Result<Reference> {
    let reference = Reference::from_taken(number);
    //~ error[E0624]: associated function `from_taken` is private
    //= let reference = Reference::get(number).ok();
    reference.ok_or(EINVAL)
}
