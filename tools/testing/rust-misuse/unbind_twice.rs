// SPDX-License-Identifier: GPL-2.0

//! Dropping a bond twice.

fn example(bond: Bond<'_>) {
    drop(bond);
    drop(bond);
    //~ error[E0382]: use of moved value: `bond`
}
