// SPDX-License-Identifier: GPL-2.0

//! `ioasid/` in debugfs: what an operator can see.
//!
//! Every table has a heading and one line per object, with columns that have no blanks in them. A
//! line is consistent, a table is a walk: nothing is held from one line to the next.

mod ids;
mod others;
mod sets;
mod text;
mod waiting;

pub(crate) use self::text::Plain;

use crate::{
    kapi::listing::Shown,
    pool::Pool, //
};
use kernel::prelude::*;

/// Makes a pool that can be looked at.
pub(crate) fn new(
    pool: impl PinInit<Pool, Error> + 'static,
) -> impl PinInit<Shown<Pool>, Error> + 'static {
    Shown::new(c"ioasid", pool, |folder| {
        folder.table::<ids::Ids>(c"ids", 0o400);
        folder.table::<sets::Sets>(c"sets", 0o400);
        folder.table::<waiting::Quarantine>(c"quarantine", 0o400);
        folder.table::<others::Devices>(c"devices", 0o400);
        folder.table::<others::Bonds>(c"bonds", 0o400);
        folder.table::<others::Allocators>(c"allocators", 0o400);
        folder.table::<others::Subscribers>(c"subscribers", 0o400);
        folder.table::<others::Stats>(c"stats", 0o400);
        folder.number(c"stuck_secs", |pool| &pool.stuck_secs);
    })
}

#[cfg(CONFIG_IOASID_KUNIT_TEST)]
pub(crate) mod for_tests {
    pub(crate) use super::{
        ids::Ids,
        others::{
            Allocators,
            Bonds,
            Devices,
            Stats,
            Subscribers, //
        },
        sets::Sets,
        waiting::Quarantine, //
    };
}
