// SPDX-License-Identifier: GPL-2.0

//! I/O address space IDs (IOASID): numbers that tag DMA requests, on PCI the PASID.

mod allocator;
mod audience;
mod debugfs;
mod entry;
mod ffi;
mod free_map;
mod id;
mod id_stack;
mod kapi;
#[cfg(CONFIG_IOASID_KUNIT_TEST)]
mod kunit;
mod life;
mod names;
mod pool;
mod quota;
mod set;
mod space;
mod state;
mod sva;
mod trace;

use core::borrow::Borrow;
use kapi::id_array::Cache;
use kernel::{
    prelude::*,
    sync::Arc, //
};

module! {
    type: IoasidModule,
    name: "ioasid",
    authors: ["the IOASID developers"],
    description: "I/O address space IDs",
    license: "GPL",
    params: {
        quarantine_ms: u32 {
            default: 0,
            description: "Rest of a number before its reuse, in ms, up to 86400000 (default 0)",
        },
    },
}

/// The longest rest of a number: a day.
const MAX_QUARANTINE_MS: u32 = 24 * 60 * 60 * 1000;

struct IoasidModule {
    // Dropped first: nobody calls any more, and everything that was put off is done.
    #[cfg(MODULE)]
    _pool: ffi::Published,
}

impl kernel::Module for IoasidModule {
    #[cfg(MODULE)]
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self { _pool: start()? })
    }

    /// In the kernel tree it has been started by then, for those who come before.
    #[cfg(not(MODULE))]
    fn init(_module: &'static ThisModule) -> Result<Self> {
        ffi::pool().map(|_| Self {}).ok_or(ENODEV)
    }
}

/// Makes everything there is, and has C callers find it.
fn start() -> Result<ffi::Published> {
    // By value or by reference, as the kernel crate has it.
    let quarantine: u32 = *Borrow::borrow(&module_parameters::quarantine_ms.value());
    if quarantine > MAX_QUARANTINE_MS {
        pr_err!("quarantine_ms {quarantine} is above {MAX_QUARANTINE_MS}\n");
        return Err(EINVAL);
    }
    let caches = pool::Caches {
        entries: Arc::new(Cache::new(c"ioasid")?, GFP_KERNEL)?,
        sets: Arc::new(Cache::new(c"ioasid_set")?, GFP_KERNEL)?,
    };
    let pool = KBox::pin_init(debugfs::new(pool::new(caches, quarantine)), GFP_KERNEL)?;
    ffi::Published::new(pool)
}
