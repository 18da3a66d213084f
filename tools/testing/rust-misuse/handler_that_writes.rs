// SPDX-License-Identifier: GPL-2.0

//! A handler that writes to its data without a lock.

struct Last(Option<u32>);

impl Handler for Last {
    fn told(&self, _event: Event, subject: &Subject<'_>) -> Result {
        self.0 = subject.id();
        //~ error[E0594]: cannot assign to `self.0`, which is behind a `&` reference
        let _ = (&self.0, subject);
        Ok(())
    }
}
