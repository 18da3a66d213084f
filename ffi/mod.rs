// SPDX-License-Identifier: GPL-2.0

//! The face for C: converts, calls a verb, converts back.
//!
//! Contracts are with the prototypes, in `include/linux/ioasid.h`.

mod allocator;
mod compat;
#[cfg(not(MODULE))]
mod core;
mod id;
mod notify;
mod set;
mod sva;

use crate::{
    kapi::{
        listing::Shown,
        marked::RcuPtr,
        module::{
            Departing,
            Watch, //
        },
    },
    pool::Pool, //
};
use ::core::ptr;
use kernel::prelude::*;

/// Checks that a function has the prototype that the header gives it.
macro_rules! check_prototypes {
    ($($name:ident),* $(,)?) => {
        $(const _: () = {
            // Both branches of a condition have one type.
            if true {
                crate::kapi::bindings::$name
            } else {
                $name
            };
        };)*
    };
}
pub(crate) use check_prototypes;

/// The pool that C callers use, or null.
static POOL: RcuPtr<Pool> = RcuPtr::null();

/// The pool, once the module is up.
#[inline]
pub(crate) fn pool() -> Option<&'static Pool> {
    // SAFETY: The pointer is null or set by `Published`, which keeps the pool until its drop at
    // module exit. Callers are modules that depend on this one and are gone by then.
    unsafe { POOL.get() }
}

/// Removes what a module forgot to unregister, before its code goes.
fn evict(module: &Departing<'_>) {
    let Some(pool) = pool() else {
        return;
    };
    let is_there = |addr| module.contains(addr);
    let name = module.name();
    let subscribers = pool.evict_subscribers(&is_there);
    if subscribers != 0 {
        pr_warn!("{name} left {subscribers} subscribers registered, removed\n");
    }
    let devices = pool.evict_devices(&is_there);
    if devices != 0 {
        pr_warn!("{name} left SVA enabled on {devices} devices, disabled\n");
    }
    let allocators = pool.evict(is_there);
    if allocators != 0 {
        pr_warn!("{name} left {allocators} allocators registered, removed\n");
    }
}

/// The pool, as long as C callers can reach it.
pub(crate) struct Published {
    // Dropped before the pool is.
    _watch: Pin<KBox<Watch>>,
    pool: Pin<KBox<Shown<Pool>>>,
}

impl Published {
    pub(crate) fn new(pool: Pin<KBox<Shown<Pool>>>) -> Result<Self> {
        let watch = KBox::pin_init(Watch::new(evict), GFP_KERNEL)?;
        POOL.publish((&raw const **pool).cast_mut());
        Ok(Self {
            _watch: watch,
            pool,
        })
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        POOL.publish(ptr::null_mut());
        self.pool.shut_down();
    }
}
