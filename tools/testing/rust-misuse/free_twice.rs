// SPDX-License-Identifier: GPL-2.0

//! Freeing an ID twice.
//!
//! In C the second call is for whoever has the number by then.

fn example(id: Ioasid) {
    id.free();
    id.free();
    //~ error[E0382]: use of moved value: `id`
}
