// SPDX-License-Identifier: GPL-2.0

//! Keeping a bond when the driver leaves its device.
//!
//! In C the next driver of the device finds an address space bound, or has its SVA disabled by a
//! late call of the last one.

fn keep<T: 'static>(kept: T) {
    mem::forget(kept);
}

fn example<'a>(bond: Bond<'a>) {
    keep(bond);
    //~ error[E0521]: borrowed data escapes outside of function
    //= drop(bond);
}
