// SPDX-License-Identifier: GPL-2.0

//! Freeing an ID that one only holds a reference to.

fn example(reference: Reference) {
    reference.free();
    //~ error[E0599]: no method named `free` found for struct `Reference` in the current scope
    //= reference.put();
}
