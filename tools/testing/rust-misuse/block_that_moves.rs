// SPDX-License-Identifier: GPL-2.0

//! Moving a subscription, whose address is registered.

struct Still;

impl Handler for Still {
    fn told(&self, _event: Event, _subject: &Subject<'_>) -> Result {
        Ok(())
    }
}

fn example(subscription: Pin<KBox<Subscription<Still>>>) {
    let subscription = Pin::into_inner(subscription);
    //~ error[E0277]: `PhantomPinned` cannot be unpinned
    drop(subscription);
}
