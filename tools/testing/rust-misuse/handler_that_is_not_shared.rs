// SPDX-License-Identifier: GPL-2.0

//! A handler whose data is for one CPU at a time.
//!
//! Events of different IDs come on several CPUs at once.

//= struct Count(Atomic<u32>);
struct Count(Cell<u32>); //-

impl Handler for Count {
    //~ error[E0277]: `Cell<u32>` cannot be shared between threads safely
    //= impl Handler for Count {
    fn told(&self, _event: Event, _subject: &Subject<'_>) -> Result {
        let _ = &self.0;
        Ok(())
    }
}
