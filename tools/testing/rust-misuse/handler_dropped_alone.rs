// SPDX-License-Identifier: GPL-2.0

//! Taking the data of a handler away while it is registered.

struct Keeper(KVec<u32>);

impl Handler for Keeper {
    fn told(&self, _event: Event, _subject: &Subject<'_>) -> Result {
        Ok(())
    }
}

fn example(subscription: Pin<KBox<Subscription<Keeper>>>) {
    drop(subscription.handler().0);
    //~ error[E0507]: cannot move out of a shared reference
    drop(subscription);
}
