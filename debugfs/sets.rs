// SPDX-License-Identifier: GPL-2.0

//! `sets`: every set, the kernel's own first.

use super::ids::write_who;
use crate::{
    kapi::listing::Table,
    pool::Pool,
    quota::Figures,
    set::Kind, //
};
use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*,
    sync::rcu, //
};

pub(crate) struct Sets;

/// A quota of 0 is none.
impl Table<Pool> for Sets {
    const HEADING: &'static str = concat!(
        "      set  type    state     quota      use     peak  failures    spids     refs",
        "       pid  comm                   age\n"
    );

    fn find(pool: &Pool, from: u32) -> Option<u32> {
        let guard = rcu::read_lock();
        let found = if from == 0 {
            pool.space.sets.at(0, &guard)
        } else {
            pool.space.sets.next(from, &guard)
        };
        found.map(|set| set.owner().set)
    }

    fn line(pool: &Pool, at: u32, out: &mut dyn Write) -> fmt::Result {
        let guard = rcu::read_lock();
        let Some(found) = pool.space.sets.at(at, &guard) else {
            return Ok(());
        };
        let (kind, figures) = (found.token.0, found.usage.figures());
        let (open, refs) = (found.is_open(), found.life.word().count());
        let (maker, secs) = (found.maker, found.secs());
        drop(guard);

        let kind = match kind {
            Kind::Kernel => "kernel",
            Kind::Null => "null",
            Kind::Mm => "mm",
            Kind::Static => "static",
        };
        let state = if open { "live" } else { "ending" };
        let Figures {
            quota,
            used,
            peak,
            failures,
            spids,
        } = figures;
        out.write_fmt(fmt!(
            "{at:>9}  {kind:<6}  {state:<6}  {quota:>7}  {used:>7}  "
        ))?;
        out.write_fmt(fmt!("{peak:>7}  {failures:>8}  {spids:>7}  {refs:>7}  "))?;
        write_who(maker, out)?;
        match secs {
            Some(secs) => out.write_fmt(fmt!("{secs:>8}\n")),
            None => out.write_fmt(fmt!("{:>8}\n", "-")),
        }
    }
}
