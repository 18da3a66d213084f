// SPDX-License-Identifier: GPL-2.0

//! Exchanging the queues of two bonds, so that the wrong one is stopped.

fn example<'a, Q: Queue>(one: &mut Running<'a, Q>, other: &mut Running<'a, Q>) {
    mem::swap(one.queue(), other.queue());
    //~ error[E0308]: arguments to this function are incorrect
    //= mem::swap(one, other);
}
