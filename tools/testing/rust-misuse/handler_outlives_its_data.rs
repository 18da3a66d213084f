// SPDX-License-Identifier: GPL-2.0

//! A handler that looks at data of the function which subscribes.
//!
//! In C the handler goes on after the data has gone. Here it has nothing but what it owns, or what
//! stays for ever.

struct Count<'a>(&'a Atomic<u32>);

impl Handler for Count<'static> {
    fn told(&self, _event: Event, _subject: &Subject<'_>) -> Result {
        self.0.fetch_add(1, Relaxed);
        Ok(())
    }
}

static TOTAL: Atomic<u32> = Atomic::new(0);

fn example(set: &Set) -> Result {
    let total = Atomic::new(0);
    let count = Count(&total);
    //~ error[E0597]: `total` does not live long enough
    //= let count = Count(&TOTAL);
    let init = Subscription::new(Topic::Set(set), Priority::Last, Replay::No, Ok(count));
    mem::forget(KBox::pin_init(init, GFP_KERNEL)?);
    Ok(())
}
