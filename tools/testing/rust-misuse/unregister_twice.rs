// SPDX-License-Identifier: GPL-2.0

//! Ending a subscription twice.

fn example<H: Handler>(subscription: Pin<KBox<Subscription<H>>>) {
    drop(subscription);
    drop(subscription);
    //~ error[E0382]: use of moved value: `subscription`
}
