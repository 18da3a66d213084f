// SPDX-License-Identifier: GPL-2.0

//! `ioasid/` in debugfs: what an operator can see.

use crate::{
    entry::{
        ADOPTED,
        DEFAULT_PROVIDER,
        HOST, //
    },
    pool::Pool,
    quota::Figures,
    set::{
        Found,
        Kind, //
    },
    state::State,
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
        dir.read_callback_file(c"sets", pool, &sets);
    })
}

/// One line per ID. References are those besides the owner's; holders are those that left a name.
fn ids(pool: &Pool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("   ioasid  state     refs     set        spid  allocator  holders\n")?;
    let mut from = 1;
    loop {
        let guard = rcu::read_lock();
        let Some(entry) = pool.space.next(from, &guard) else {
            return Ok(());
        };
        let (id, word) = (entry.id(), entry.life.word());
        let (set, spid) = (entry.owner().set, entry.spid());
        let provider = entry.provider.load(Relaxed);
        drop(guard);
        from = id.saturating_add(1);

        let state = match word.state() {
            State::Idle => "idle",
            State::Active => "active",
            State::FreePending => "pending",
            State::Reclaimed => "resting",
        };
        let refs = word.count();
        f.write_fmt(fmt!("{id:>9}  {state:<7}  {refs:>5}  {set:>6}  "))?;
        match spid {
            Some(spid) => f.write_fmt(fmt!("{spid:>10}  "))?,
            None => f.write_fmt(fmt!("{:>10}  ", "-"))?,
        }
        if provider == DEFAULT_PROVIDER {
            f.write_str("default    ")?;
        } else if provider == ADOPTED {
            f.write_str("kernel     ")?;
        } else if provider == HOST {
            f.write_str("host       ")?;
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

/// One line per set, the kernel's own first. A quota of 0 is none.
fn sets(pool: &Pool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(
        "      set  type    state     quota      use     peak  failures    spids     refs\n",
    )?;
    let mut from = 0;
    loop {
        let guard = rcu::read_lock();
        let found = if from == 0 {
            pool.space.sets.at(0, &guard)
        } else {
            pool.space.sets.next(from, &guard)
        };
        let Some(found) = found else {
            return Ok(());
        };
        let (set, kind, figures) = (found.owner().set, found.token.0, found.usage.figures());
        let (state, refs) = (state_of(found), found.life.word().count());
        drop(guard);
        from = set.saturating_add(1);

        let kind = match kind {
            Kind::Kernel => "kernel",
            Kind::Null => "null",
            Kind::Mm => "mm",
            Kind::Static => "static",
        };
        let Figures {
            quota,
            used,
            peak,
            failures,
            spids,
        } = figures;
        f.write_fmt(fmt!(
            "{set:>9}  {kind:<6}  {state:<6}  {quota:>7}  {used:>7}  "
        ))?;
        f.write_fmt(fmt!("{peak:>7}  {failures:>8}  {spids:>7}  {refs:>7}\n"))?;
    }
}

fn state_of(set: Found<'_>) -> &'static str {
    if set.is_open() {
        "live"
    } else {
        "ending"
    }
}
