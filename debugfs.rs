// SPDX-License-Identifier: GPL-2.0

//! `ioasid/` in debugfs: what an operator can see.

use crate::{
    entry::DEFAULT_PROVIDER,
    pool::Pool,
    state::State, //
};
use kernel::{
    debugfs::Scope,
    fmt,
    prelude::*,
    sync::{
        atomic::Relaxed,
        rcu, //
    },
};

/// Makes a pool that can be looked at.
pub(crate) fn new(
    pool: impl PinInit<Pool, Error> + 'static,
) -> impl PinInit<Scope<Pool>, Error> + 'static {
    Scope::dir(pool, c"ioasid", |pool, dir| {
        dir.read_callback_file(c"ids", pool, &ids);
    })
}

/// One line per ID. References are those besides the owner's; holders are those that left a name.
fn ids(pool: &Pool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("   ioasid  state     refs  allocator  holders\n")?;
    let mut from = 1;
    loop {
        let guard = rcu::read_lock();
        let Some(entry) = pool.space.next(from, &guard) else {
            return Ok(());
        };
        let (id, word) = (entry.id(), entry.word());
        let provider = entry.provider.load(Relaxed);
        drop(guard);
        from = id.saturating_add(1);

        let state = match word.state() {
            State::Idle => "idle",
            State::FreePending => "pending",
            State::Reclaimed => "resting",
        };
        let refs = word.count();
        f.write_fmt(fmt!("{id:>9}  {state:<7}  {refs:>5}  "))?;
        if provider == DEFAULT_PROVIDER {
            f.write_str("default    ")?;
        } else {
            f.write_fmt(fmt!("custom{provider:<4} "))?;
        }
        let mut last = None;
        while let Some((name, count)) = pool.names.first_after(id, last) {
            let comma = if last.is_some() { "," } else { "" };
            f.write_fmt(fmt!("{comma}{name}:{count}"))?;
            last = Some(name);
        }
        f.write_str(if last.is_some() { "\n" } else { "-\n" })?;
    }
}
