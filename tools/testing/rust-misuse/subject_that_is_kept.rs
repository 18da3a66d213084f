// SPDX-License-Identifier: GPL-2.0

//! Keeping what a handler was told beyond the event.
//!
//! In C the arguments are gone when the handler has returned. What is to be kept is a reference.

struct Keeper;

impl Handler for Keeper {
    fn told(&self, _event: Event, subject: &Subject<'_>) -> Result {
        let kept: &'static Subject<'_> = subject;
        //~ error: lifetime may not live long enough
        //= let kept = subject.get()?;
        drop(kept);
        Ok(())
    }
}
