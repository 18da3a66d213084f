// SPDX-License-Identifier: GPL-2.0

//! Tables of which there is little: each is one piece.

use super::{
    ids::write_who,
    Plain, //
};
use crate::{
    audience::Scope,
    entry::HOST,
    kapi::{
        listing::Table,
        symbol::Symbol, //
    },
    pool::Pool,
    set::{
        Kind,
        SetTag,
        Token, //
    },
};
use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*,
    sync::atomic::Relaxed, //
};

fn only(from: u32) -> Option<u32> {
    (from == 0).then_some(0)
}

/// Writes a function and the module that it is in.
fn write_symbol(address: Option<usize>, out: &mut dyn Write) -> fmt::Result {
    let Some(address) = address else {
        return out.write_fmt(fmt!("{:<16}  -\n", "-"));
    };
    let symbol = Symbol::at(address);
    let module = match symbol.module() {
        [] if !symbol.function().is_empty() => &b"kernel"[..],
        module => module,
    };
    Plain(module).pad(out, 16)?;
    out.write_fmt(fmt!("{}\n", Plain(symbol.function())))
}

/// `allocators`: who names numbers, in the order in which they take over.
pub(crate) struct Allocators;

impl Table<Pool> for Allocators {
    const HEADING: &'static str = "allocator   state    module            function\n";

    fn find(_: &Pool, from: u32) -> Option<u32> {
        only(from)
    }

    fn line(pool: &Pool, _: u32, out: &mut dyn Write) -> fmt::Result {
        let mut is_first = true;
        pool.each_allocator(|number, culprit| {
            let state = if is_first { "active" } else { "waiting" };
            is_first = false;
            match number {
                HOST => out.write_str("host      ")?,
                number => out.write_fmt(fmt!("custom{number:<4}"))?,
            }
            out.write_fmt(fmt!("  {state:<7}  "))?;
            write_symbol(culprit, out)
        })?;
        let state = if is_first { "active" } else { "waiting" };
        out.write_fmt(fmt!("default     {state:<7}  {:<16}  -\n", "ioasid"))
    }
}

/// `subscribers`: who is told, in the order in which they are.
pub(crate) struct Subscribers;

impl Table<Pool> for Subscribers {
    const HEADING: &'static str = "  priority  scope  set        module            function\n";

    fn find(_: &Pool, from: u32) -> Option<u32> {
        only(from)
    }

    fn line(pool: &Pool, _: u32, out: &mut dyn Write) -> fmt::Result {
        let mut at = None;
        while let Some(next) = pool.subscribers.next_called(at) {
            at = Some(next.rank);
            let (scope, set) = match next.scope {
                Scope::All => ("all", None),
                Scope::Set(tag) => ("set", SetTag(tag).index()),
                Scope::Token(Token(Kind::Mm, mm)) => {
                    let token = Token(Kind::Mm, mm);
                    ("mm", pool.space.sets.find_token(token))
                }
                Scope::Token(_) => ("other", None),
            };
            out.write_fmt(fmt!("{:>10}  {scope:<5}  ", next.priority()))?;
            match set {
                Some(set) => out.write_fmt(fmt!("{set:<9}  "))?,
                None => out.write_fmt(fmt!("{:<9}  ", "-"))?,
            }
            write_symbol(next.culprit, out)?;
        }
        Ok(())
    }
}

/// `devices`: to which address spaces can be bound, or which take part in the host's numbers.
pub(crate) struct Devices;

impl Table<Pool> for Devices {
    const HEADING: &'static str =
        "device            sva       bonds       max      first       last  shares  why\n";

    fn find(_: &Pool, from: u32) -> Option<u32> {
        only(from)
    }

    fn line(pool: &Pool, _: u32, out: &mut dyn Write) -> fmt::Result {
        pool.each_device(|device| {
            Plain(device.name).pad(out, 16)?;
            let sva = match device.by_core {
                None => "off",
                Some(true) => "core",
                Some(false) => "driver",
            };
            let (bonds, most) = (device.bonds, device.most);
            let (first, last) = (device.first, device.last);
            out.write_fmt(fmt!("{sva:<6}  {bonds:>7}  {most:>8}  "))?;
            out.write_fmt(fmt!("{first:>9}  {last:>9}  {:>6}  ", device.shares))?;
            // The one column with blanks in it is the last.
            match device.why {
                Some(why) => out.write_fmt(fmt!("{why}\n")),
                None => out.write_str("-\n"),
            }
        })
    }
}

/// `bonds`: which devices are bound to which address spaces.
pub(crate) struct Bonds;

impl Table<Pool> for Bonds {
    const HEADING: &'static str =
        "   ioasid  device            state       count       pid  comm\n";

    fn find(_: &Pool, from: u32) -> Option<u32> {
        only(from)
    }

    fn line(pool: &Pool, _: u32, out: &mut dyn Write) -> fmt::Result {
        pool.each_bond(|bond| {
            out.write_fmt(fmt!("{:>9}  ", bond.id))?;
            Plain(bond.device).pad(out, 16)?;
            let state = if bond.is_attached { "bound" } else { "left" };
            out.write_fmt(fmt!("{state:<7}  {:>8}  ", bond.count))?;
            write_who(pool.who_has(bond.id), out)?;
            out.write_str("\n")
        })
    }
}

/// `stats`: figures, a name and a number a line.
pub(crate) struct Stats;

impl Table<Pool> for Stats {
    const HEADING: &'static str = "name               value\n";

    fn find(_: &Pool, from: u32) -> Option<u32> {
        only(from)
    }

    fn line(pool: &Pool, _: u32, out: &mut dyn Write) -> fmt::Result {
        let totals = pool.space.totals();
        for (name, value) in [
            ("capacity", totals.capacity),
            ("left", totals.left),
            ("live", totals.live),
            ("resting", totals.resting),
            ("adopted", totals.adopted),
            ("entered", totals.entered),
            ("failures", totals.failures),
            ("quarantine_ms", totals.quarantine_ms),
            ("stuck_secs", pool.stuck_secs.load(Relaxed)),
            ("stuck", pool.stuck.load(Relaxed)),
            ("entry_bytes", totals.entry_bytes),
        ] {
            out.write_fmt(fmt!("{name:<13}  {value:>9}\n"))?;
        }
        Ok(())
    }
}
