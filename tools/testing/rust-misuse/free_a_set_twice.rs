// SPDX-License-Identifier: GPL-2.0

//! Freeing a set twice.

fn example(set: Set) {
    let left = set.free();
    let left = set.free();
    //~ error[E0382]: use of moved value: `set`
    drop(left);
}
